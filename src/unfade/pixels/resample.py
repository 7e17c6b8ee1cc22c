"""Changing the number of pixels: Lanczos by whole factors, and means over boxes.

Every result is a fixed sequence of float32 operations on pixels inside its reach, so the bits do
not depend on the window that was cut out.
"""

from __future__ import annotations

import math

import numpy as np

from unfade.picture import Pixels

LOBES = 3
REACH_PX = LOBES  # input pixels on each side that an output pixel looks at


def enlarge_lanczos(pixels: Pixels, *, scale: int) -> Pixels:
    """Enlarge by a whole factor with the Lanczos kernel of three lobes.

    Args:
        pixels: (rows, cols, channels) float32; beyond its edges it is mirrored
        scale: 2 or more
    Returns:
        (rows * scale, cols * scale, channels) float32; values beyond 0-1 can occur at edges
    Cost:
        about 0.1 s for each megapixel of the result, one core
    Source:
        Duchon 1979, doi:10.1175/1520-0450(1979)018<1016:LFIOAT>2.0.CO;2
    """
    return _along(_along(pixels, scale, 0), scale, 1)


def box_mean(pixels: Pixels, *, scale: int) -> Pixels:
    """Scale down by a whole factor: the mean of each box of ``scale x scale`` pixels.

    Args:
        pixels: (rows, cols, channels) float32, sides multiples of ``scale``
    """
    total = np.zeros(
        (pixels.shape[0] // scale, pixels.shape[1] // scale, pixels.shape[2]), np.float32
    )
    for down in range(scale):
        for right in range(scale):
            total += pixels[down::scale, right::scale]
    return total / np.float32(scale * scale)


def repeat_boxes(pixels: Pixels, *, scale: int) -> Pixels:
    """Each pixel as a box of ``scale x scale`` equal ones: the transpose of ``box_mean``."""
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)


def four_to_three(pixels: Pixels) -> Pixels:
    """Scale down from 4 pixels to 3 along each side, by the share of area that each covers.

    Args:
        pixels: (rows, cols, channels) float32, sides multiples of 4
    """
    return _four_to_three(_four_to_three(pixels, 0), 1)


def _four_to_three(pixels: np.ndarray, axis: int) -> np.ndarray:
    x = np.moveaxis(pixels, axis, 0)
    a, b, c, d = (x[n::4] for n in range(4))
    out = np.empty((x.shape[0] // 4 * 3, *x.shape[1:]), np.float32)
    out[0::3] = np.float32(0.75) * a + np.float32(0.25) * b
    out[1::3] = np.float32(0.5) * b + np.float32(0.5) * c
    out[2::3] = np.float32(0.25) * c + np.float32(0.75) * d
    return np.moveaxis(out, 0, axis)


def _along(pixels: np.ndarray, scale: int, axis: int) -> np.ndarray:
    size = pixels.shape[axis]
    x = np.moveaxis(pixels, axis, 0)
    source = x[mirrored(np.arange(-REACH_PX, size + REACH_PX), size)]
    out = np.empty((size * scale, *x.shape[1:]), np.float32)
    for phase in range(scale):
        # the centre of output pixel `phase` of a box, in input pixels from the box's own centre
        offset = (phase + 0.5) / scale - 0.5
        total = np.zeros(x.shape, np.float32)
        for tap, weight in _taps(offset):
            total += weight * source[REACH_PX + tap : REACH_PX + tap + size]
        out[phase::scale] = total
    return np.moveaxis(out, 0, axis)


def mirrored(index: np.ndarray, size: int) -> np.ndarray:
    """Indices beyond 0 .. size-1 folded back, the edge pixel counted once (a size of 1: all 0)."""
    if size == 1:
        return np.zeros_like(index)
    period = 2 * (size - 1)
    folded = np.abs(index) % period
    return np.where(folded < size, folded, period - folded)


def _taps(offset: float) -> list[tuple[int, np.float32]]:
    taps = [t for t in range(-REACH_PX, REACH_PX + 1) if abs(t - offset) < LOBES]
    weights = [_lanczos(t - offset) for t in taps]
    total = sum(weights)
    return [(t, np.float32(w / total)) for t, w in zip(taps, weights, strict=True)]


def _lanczos(x: float) -> float:
    if x == 0:
        return 1.0
    a, b = math.pi * x, math.pi * x / LOBES
    return math.sin(a) / a * math.sin(b) / b
