"""Colour under a picture that keeps its luminance, code by code.

The luminance code of a pixel is what its grey version would be stored as: linear light by the
picture's tone curve, weighted for red, green and blue as in BT.709, back through the curve, and
rounded to the file's integer type. A grey pixel's luminance code is its own code. ``colour``
changes hue and chroma such that every pixel's luminance code stays as it was, exactly:

1. a* and b* are set at the pixel's own L*;
2. what that puts outside the gamut is drawn towards the grey of the same luminance, in linear
   light, where that changes no luminance;
3. the codes are rounded, and where rounding has moved the luminance to the next code, the
   nearest codes around that keep it are taken; the grey itself always does.

Float samples have no codes: there the luminance stays within float32's rounding.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from unfade.picture import Picture, Samples, codes_to_pixels
from unfade.pixels.colour import LUMINANCE, lab_to_linear, lightness, linear_to_lab
from unfade.pixels.profile import Curve, from_linear, to_linear, tone_curves

_AT_ONCE = 20_000  # pixels whose codes are searched for at a time


class Luminance:
    """The luminance codes of pictures of one kind: sample type, full scale and tone curve."""

    def __init__(self, picture: Picture) -> None:
        if picture.channels != 3:
            raise ValueError("a grey picture has no colour to set: see `in_colour`")
        self.picture = picture
        self._integer = bool(np.issubdtype(picture.samples.dtype, np.integer))
        if self._integer:
            top = int(np.iinfo(picture.samples.dtype).max)
            curves = tone_curves(picture).curves
            self._top = top
            self._light = [
                _decoded(c, top, picture.full_scale) for c in curves * (3 // len(curves))
            ]
            # a pixel of three channels has one luminance code: by the curve of green
            green = curves[len(curves) // 2]
            self._bounds = _bounds(green, top, picture.full_scale)

    def codes(self, samples: Samples) -> np.ndarray:
        """(rows, cols) luminance codes of integer samples (rows, cols, 3)."""
        return self._code(self._linear(samples) @ LUMINANCE)

    def colour(self, samples: Samples, ab: np.ndarray, *, strength: float = 1.0) -> Samples:
        """The samples with other chroma and the same luminance.

        Args:
            samples: (rows, cols, 3) of the picture
            ab: (rows, cols, 2) a* and b* to come to
            strength: 0 leaves the pixels' own chroma, 1 takes the given one
        Returns:
            (rows, cols, 3) of the same dtype
        """
        light = self._linear(samples)
        lab = linear_to_lab(light)
        y = light @ LUMINANCE
        lab[..., 0] = lightness(y)
        lab[..., 1:] += strength * (ab - lab[..., 1:])
        wanted = _in_gamut(lab_to_linear(lab), y)
        stored = from_linear(wanted, self.picture)
        if not self._integer:
            return (stored * self.picture.full_scale).astype(np.float32)
        exact = np.clip(stored * self.picture.full_scale, 0, self._top)
        result = np.rint(exact).astype(np.int64)
        due = self._code(y)
        wrong = self._code(self._of_codes(result) @ LUMINANCE) != due
        if wrong.any():
            result[wrong] = self._mended(exact[wrong], due[wrong])
        return result.astype(samples.dtype)

    def _linear(self, samples: Samples) -> np.ndarray:
        if self._integer:
            return self._of_codes(samples)
        pixels = codes_to_pixels(samples, self.picture.full_scale).astype(np.float64)
        return to_linear(pixels, self.picture)

    def _of_codes(self, codes: np.ndarray) -> np.ndarray:
        return np.stack([light[codes[..., c]] for c, light in enumerate(self._light)], axis=-1)

    def _code(self, y: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._bounds, y, side="right").astype(np.int64)

    def _mended(self, exact: np.ndarray, due: np.ndarray) -> np.ndarray:
        """(n, 3) codes nearest to ``exact`` whose luminance code is the one that is due."""
        parts = []
        for first in range(0, len(due), _AT_ONCE):
            some, codes = exact[first : first + _AT_ONCE], due[first : first + _AT_ONCE]
            best = np.repeat(codes[:, None], 3, axis=1)
            left = np.arange(len(codes))
            for reach in (1, 2):
                best[left], found = self._search(some[left], codes[left], best[left], reach)
                left = left[~found]
            parts.append(best)
        return np.concatenate(parts)

    def _search(
        self, exact: np.ndarray, due: np.ndarray, grey: np.ndarray, reach: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The nearest fitting codes within ``reach``, and where there were any (else ``grey``)."""
        offsets = np.array(list(product(range(-reach, reach + 1), repeat=3)))
        tried = np.clip(np.rint(exact).astype(np.int64)[:, None] + offsets, 0, self._top)
        fits = self._code(self._of_codes(tried) @ LUMINANCE) == due[:, None]
        far = np.where(fits, ((tried - exact[:, None]) ** 2).sum(axis=2), np.inf)
        nearest = far.argmin(axis=1)
        found = fits.any(axis=1)
        picked = tried[np.arange(len(due)), nearest]
        return np.where(found[:, None], picked, grey), found


def _in_gamut(light: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Each pixel drawn towards its grey until no channel is below 0 or above 1."""
    y = y[..., None]
    away = light - y
    # the share of the way at which a channel reaches an end; a luminance outside 0-1 allows none
    room = np.where(away > 0, 1 - y, y)
    share = np.maximum(room, 0) / np.maximum(np.abs(away), 1e-12)
    return np.asarray(y + away * np.minimum(share.min(axis=-1, keepdims=True), 1))


def _decoded(curve: Curve, top: int, full_scale: float) -> np.ndarray:
    """Linear light of each code."""
    return np.asarray(curve.decode(np.arange(top + 1) / full_scale))


def _bounds(curve: Curve, top: int, full_scale: float) -> np.ndarray:
    """Linear light half-way between each code and the next."""
    return np.asarray(curve.decode((np.arange(top) + 0.5) / full_scale))


def weights(old: int, new: int) -> np.ndarray:
    """(new, old) float64: how a line of ``old`` samples becomes one of ``new``.

    A triangle as wide as the wider of both pixels; its sum is 1 everywhere.
    """
    ratio = old / new
    centre = (np.arange(new)[:, None] + 0.5) * ratio - 0.5
    reach = max(ratio, 1.0)
    share = np.maximum(1 - np.abs(np.arange(old)[None] - centre) / reach, 0)
    return np.asarray(share / share.sum(axis=1, keepdims=True))
