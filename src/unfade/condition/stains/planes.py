"""How far each place strays from the picture's one tone towards brown, and how surely.

In a grey or toned picture the densities to red, green and blue light follow one curve: that to
red tells the other two. A brown stain adds more to blue than to red, so it strays from the curve:
``brown`` is what blue has too much against red, ``off`` what green has too much against both. A
stain moves ``brown`` up and ``off`` little; colours of objects and of hand colouring go any way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Pixels, Plane

LEAST_LIGHT = 1e-3  # density 3
DARKEST = 1.7  # density to red light beyond which a scan's colours are noise
_NODES = 24
_SLOW_MOST = 0.03  # of what changes slowly across the picture this much is not counted
_SMOOTH_PX = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Strayed:
    """Planes (rows, cols) float32 in density, smoothed by a pixel.

    Attributes:
        red: density to red light: the tone itself
        brown: blue above the tone's, less what changes slowly
        off: green beside the tone's
        noise: standard deviation of ``brown`` at this tone, by a median
        usable: neither black nor burnt out
    """

    red: Plane
    brown: Plane
    off: Plane
    noise: Plane
    usable: Mask


def strayed_from_tone(linear: Pixels) -> Strayed:
    """Fit the tone's curve and measure how far each pixel lies from it.

    Args:
        linear: (rows, cols, 3) float32 linear light of a small picture
    Cost:
        about 0.5 s a megapixel on one core; memory about 12 planes
    """
    import cv2

    density = -np.log10(np.maximum(linear, np.float32(LEAST_LIGHT)))
    density = cv2.GaussianBlur(density, (0, 0), _SMOOTH_PX, borderType=cv2.BORDER_REPLICATE)
    red, green, blue = (np.ascontiguousarray(density[:, :, c]) for c in range(3))
    usable = red < np.float32(DARKEST)
    brown = blue - red
    off = green - (blue + red) / 2
    nodes, first = _medians(red, brown, usable)
    brown -= np.interp(red, nodes, first).astype(np.float32)
    nodes, second = _medians(red, off, usable)
    off -= np.interp(red, nodes, second).astype(np.float32)
    nodes, width = _medians(red, np.abs(brown), usable)
    noise = np.interp(red, nodes, np.maximum(width * 1.4826, 1e-3)).astype(np.float32)
    sigma = max(1.0, float(np.sqrt(red.size)) / 10)
    brown -= _slow(brown, sigma)
    return Strayed(red, brown, off, noise, usable)


def _medians(tone: Plane, values: Plane, usable: Mask) -> tuple[np.ndarray, np.ndarray]:
    """Median values over bins of equal population of the tone, as nodes of a curve."""
    t, v = tone[usable], values[usable]
    if t.size < _NODES * 8:
        return np.zeros(1), np.full(1, float(np.median(v)) if v.size else 0.0)
    stride = max(1, t.size // 200_000)
    t, v = t[::stride], v[::stride]
    order = np.argsort(t, kind="stable")
    parts = np.array_split(order, _NODES)
    at = np.array([np.median(t[p]) for p in parts])
    middle = np.array([np.median(v[p]) for p in parts])
    at, first = np.unique(at, return_index=True)
    return at, middle[first]


def _slow(plane: Plane, sigma_px: float) -> Plane:
    """What changes slowly across the picture, as paper that yellowed from its edges."""
    import cv2

    step = max(1, int(sigma_px / 4))
    small = cv2.resize(
        np.clip(plane, -_SLOW_MOST, _SLOW_MOST), None, fx=1 / step, fy=1 / step,
        interpolation=cv2.INTER_AREA,
    )  # fmt: skip
    soft = cv2.GaussianBlur(small, (0, 0), sigma_px / step, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(
        cv2.resize(soft, plane.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32
    )
