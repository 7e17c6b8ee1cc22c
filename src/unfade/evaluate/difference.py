"""Colour difference of two pictures by CIEDE2000."""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels
from unfade.pixels.colour import ciede2000, linear_to_lab, srgb_to_linear


def colour_difference(a: Pixels, b: Pixels) -> float:
    """Mean CIEDE2000 of two sRGB pictures; about 1 is the least that is seen side by side.

    Args:
        a, b: (rows, cols, channels) float32 of one size, sRGB; grey counts as r = g = b
    Raises:
        ValueError: the sizes differ (both are named)
    Cost:
        about 0.6 s a megapixel on one core
    Source:
        Sharma, Wu, Dalal 2005, doi:10.1002/col.20070 (see ``unfade.pixels.colour``)
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    total = 0.0
    for top in range(0, a.shape[0], 256):  # a dozen planes of temporaries: some rows at a time
        rows = slice(top, top + 256)
        total += float(ciede2000(_lab(a[rows]), _lab(b[rows])).sum(dtype=np.float64))
    return total / (a.shape[0] * a.shape[1])


def _lab(pixels: np.ndarray) -> np.ndarray:
    rgb = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    return linear_to_lab(srgb_to_linear(rgb))
