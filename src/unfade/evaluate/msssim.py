"""Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003)."""

from __future__ import annotations

import numpy as np

from unfade.evaluate.ssim import RADIUS_PX, similarity_terms
from unfade.picture import Pixels

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # from fine to coarse, as published
SMALLEST_PX = 2 * RADIUS_PX * 2 ** (len(WEIGHTS) - 1) + 1  # the window must fit the coarsest


def multi_scale_similarity(a: Pixels, b: Pixels) -> float:
    """Mean MS-SSIM over channels, for a peak of 1.0; 1 for equal pictures.

    Args:
        a, b: (rows, cols, channels) float32 of one size, each side 161 px or more
    Raises:
        ValueError: the sizes differ, or a side is too short for five scales
    Source:
        Wang et al. 2003, doi:10.1109/ACSSC.2003.1292216. A negative contrast term, which the
        fractional powers cannot take, counts as 0
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    if min(a.shape[:2]) < SMALLEST_PX:
        raise ValueError(
            f"pictures of {a.shape[1]} x {a.shape[0]} px are too small for five scales, "
            f"expected {SMALLEST_PX} px or more a side"
        )
    total = 0.0
    for channel in range(a.shape[2]):
        total += _one(a[:, :, channel], b[:, :, channel])
    return total / a.shape[2]


def _one(a: np.ndarray, b: np.ndarray) -> float:
    product = 1.0
    for scale, weight in enumerate(WEIGHTS):
        similarity, contrast = similarity_terms(a, b)
        coarsest = scale == len(WEIGHTS) - 1
        product *= max(similarity if coarsest else contrast, 0.0) ** weight
        if not coarsest:
            a, b = _halved(a), _halved(b)
    return product


def _halved(plane: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels; an odd last row or column is left out."""
    rows, cols = plane.shape[0] // 2, plane.shape[1] // 2
    boxes = plane[: rows * 2, : cols * 2].astype(np.float64).reshape(rows, 2, cols, 2)
    return np.asarray(boxes.mean(axis=(1, 3)))
