"""Sharpness as the variance of the Laplacian (Pech-Pacheco et al. 2000)."""

from __future__ import annotations

import numpy as np

from unfade.evaluate.psnr import luma
from unfade.picture import Pixels


def laplacian_variance(pixels: Pixels) -> float:
    """Variance of the 3x3 Laplacian of luma, in pixel units squared times 10,000.

    It grows with noise as well as with detail, so compare like with like only.
    """
    plane = np.pad(luma(pixels)[:, :, 0].astype(np.float64), 1, mode="edge")
    laplacian = (
        plane[:-2, 1:-1]
        + plane[2:, 1:-1]
        + plane[1:-1, :-2]
        + plane[1:-1, 2:]
        - 4 * plane[1:-1, 1:-1]
    )
    return float(laplacian.var() * 1e4)
