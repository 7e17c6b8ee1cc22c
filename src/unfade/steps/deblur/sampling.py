"""What deconvolution must know of a picture beforehand, from a few windows of it.

How strong its noise is in linear light, and how strong the gradients of the *sharp* picture are:
from the frequencies that the blur has left, since the power of a photograph falls with the square
of the frequency all the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.picture import Picture, Pixels, Window
from unfade.pixels.profile import to_linear

SIDE_PX = 256
AT_MOST = 16
_PASSED = 0.25  # frequencies whose power the blur has left to this share, or more
_LOWEST = 2.5 / SIDE_PX  # cycles a pixel; below, the window itself is seen
_STEP = 1 / 255  # over which the slope of a tone curve is taken


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampled:
    """Attributes:
    noise_power: variance of the noise, linear light
    slope_power: mean square of the sharp picture's gradient, linear light
    busiest: the window with the strongest gradients, linear light
    """

    noise_power: float
    slope_power: float
    busiest: Pixels

    @staticmethod
    def of(picture: Picture, kernel: np.ndarray, noise: float) -> Sampled:
        """From windows spread over a picture.

        Args:
            kernel: of its blur
            noise: standard deviation, stored values
        """
        parts, slopes = [], []
        for window in _windows(picture.rows, picture.cols):
            stored = picture.read(window)
            light = to_linear(stored, picture)
            parts.append(light)
            rise = to_linear(stored + np.float32(_STEP), picture) - light
            slopes.append(float(np.mean((rise / np.float32(_STEP)) ** 2, dtype=np.float64)))
        return sampled(parts, kernel, float(np.mean(slopes)) * noise**2)


def sampled(parts: Sequence[Pixels], kernel: np.ndarray, noise_power: float) -> Sampled:
    """The same from windows of linear light, larger ones cut to ``SIDE_PX``."""
    cut = [part[:SIDE_PX, :SIDE_PX] for part in parts]
    slopes = [_slope_power(part.mean(axis=2), kernel, noise_power) for part in cut]
    busiest = max(range(len(cut)), key=lambda k: slopes[k])
    return Sampled(
        noise_power=max(noise_power, 1e-12),
        slope_power=max(float(np.mean(slopes)), 1e-9),
        busiest=cut[busiest],
    )


def _slope_power(plane: np.ndarray, kernel: np.ndarray, noise_power: float) -> float:
    rows, cols = plane.shape
    hann = np.outer(np.hanning(rows + 2)[1:-1], np.hanning(cols + 2)[1:-1])
    centred = (plane - plane.mean(dtype=np.float64)) * hann
    power = np.abs(np.fft.rfft2(centred)) ** 2 / float((hann**2).sum())
    down, right = np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(cols)[None, :]
    passed = np.abs(_response(kernel, down, right)) ** 2
    gradient = 4 * (np.sin(np.pi * down) ** 2 + np.sin(np.pi * right) ** 2)
    use = (passed >= _PASSED) & (np.hypot(down, right) >= _LOWEST)
    if not use.any():
        return 0.0
    sharp = np.maximum(power[use] - noise_power, 0) / passed[use]
    return float(np.mean(sharp * gradient[use]))


def _response(kernel: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The kernel's frequency response; kernels are symmetric about their centre, so it is real."""
    reach = kernel.shape[0] // 2
    at = np.arange(-reach, reach + 1)
    tall = np.exp(-2j * np.pi * down.ravel()[:, None] * at[None, :])
    wide = np.exp(-2j * np.pi * at[:, None] * right.ravel()[None, :])
    return np.asarray((tall @ kernel @ wide).real)


def _windows(rows: int, cols: int) -> list[Window]:
    """Up to ``AT_MOST`` windows, spread evenly, from the picture's size alone."""
    side = int(AT_MOST**0.5)
    tops = _places(rows, side)
    lefts = _places(cols, side)
    return [
        Window(top, left, min(rows, top + SIDE_PX), min(cols, left + SIDE_PX))
        for top in tops
        for left in lefts
    ]


def _places(length: int, most: int) -> list[int]:
    count = min(most, max(1, length // SIDE_PX))
    room = max(0, length - SIDE_PX)
    return [room * k // max(1, count - 1) if count > 1 else room // 2 for k in range(count)]
