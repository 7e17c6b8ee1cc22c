"""Printing inks (CMYK) and RGB: a fixed model that can be undone.

What four inks look like on paper is only known to the file's profile. This model is the simplest
that can be inverted without loss: each ink takes its share of light away, black takes from all
three. Colours on screen are therefore *approximate* for CMYK files; the inks themselves are kept,
and only those of changed pixels are computed again.
"""

from __future__ import annotations

import numpy as np


def inks_to_rgb(inks: np.ndarray, full: int) -> np.ndarray:
    """RGB codes of ink codes: R = (1 - C)(1 - K), and so on.

    Args:
        inks: (rows, cols, 4) uint8 or uint16: cyan, magenta, yellow, black; 0 is no ink
        full: the code of full ink, and of full light
    Returns:
        (rows, cols, 3) of the same dtype
    """
    light = full - inks.astype(np.uint64)
    product = light[..., :3] * light[..., 3:]
    return np.asarray((2 * product + full) // (2 * full)).astype(inks.dtype)


def rgb_to_inks(rgb: np.ndarray, before: np.ndarray, full: int) -> np.ndarray:
    """Ink codes that show ``rgb``: those of ``before`` wherever they show it already.

    Black stays as it was unless the pixel must become lighter than that black allows; then it
    becomes the most that still allows it. ``inks_to_rgb`` of the result is ``rgb`` exactly.

    Args:
        rgb: (rows, cols, 3) uint8 or uint16
        before: (rows, cols, 4) of the same dtype, the inks that were there
        full: the code of full ink, and of full light
    Returns:
        (rows, cols, 4) of the same dtype; bit-identical where the colour did not change
    """
    result = before.copy()
    changed = (inks_to_rgb(before, full) != rgb).any(axis=-1)
    wanted = rgb[changed].astype(np.int64)
    black_light = np.maximum(full - before[changed][:, 3].astype(np.int64), wanted.max(axis=-1))
    divisor = np.maximum(black_light, 1)[:, None]
    light = np.minimum((2 * wanted * full + divisor) // (2 * divisor), full)
    result[changed, :3] = full - light
    result[changed, 3] = full - black_light
    return result
