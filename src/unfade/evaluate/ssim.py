"""Structural similarity (Wang, Bovik, Sheikh, Simoncelli 2004)."""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels

SIGMA_PX = 1.5
RADIUS_PX = 5  # an 11 x 11 window, as published
_K1, _K2 = 0.01, 0.03


def structural_similarity(a: Pixels, b: Pixels) -> float:
    """Mean SSIM over channels with the published Gaussian window, for a peak of 1.0.

    Args:
        a, b: (rows, cols, channels) float32 of one size
    Returns:
        1 for equal pictures; pictures smaller than the window use as much of it as fits
    Raises:
        ValueError: the sizes differ (both are named)
    Source:
        Wang et al. 2004, doi:10.1109/TIP.2003.819861; population covariances, borders left out
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    total = 0.0
    for channel in range(a.shape[2]):
        total += similarity_terms(a[:, :, channel], b[:, :, channel])[0]
    return total / a.shape[2]


def similarity_terms(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Mean SSIM of one plane, and the mean of its contrast-structure term alone.

    Args:
        a, b: (rows, cols) float of one size
    """
    a, b = a.astype(np.float64), b.astype(np.float64)
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a * mean_a
    var_b = _blur(b * b) - mean_b * mean_b
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = _K1**2, _K2**2
    contrast = (2 * covariance + c2) / (var_a + var_b + c2)
    similarity = (2 * mean_a * mean_b + c1) * contrast / (mean_a * mean_a + mean_b * mean_b + c1)
    rows, cols = similarity.shape
    pad_r, pad_c = min(RADIUS_PX, (rows - 1) // 2), min(RADIUS_PX, (cols - 1) // 2)
    inner = (slice(pad_r, rows - pad_r), slice(pad_c, cols - pad_c))
    return float(similarity[inner].mean()), float(contrast[inner].mean())


def _blur(plane: np.ndarray) -> np.ndarray:
    import cv2

    size = 2 * RADIUS_PX + 1
    return cv2.GaussianBlur(plane, (size, size), SIGMA_PX, borderType=cv2.BORDER_REFLECT)
