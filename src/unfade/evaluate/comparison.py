"""Two pictures side by side, in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unfade.errors import UsageError
from unfade.evaluate.laplacian import laplacian_variance
from unfade.evaluate.mse import mean_squared_error
from unfade.evaluate.psnr import luma, peak_signal_to_noise
from unfade.evaluate.ssim import structural_similarity
from unfade.picture import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How far ``b`` is from ``a``. PSNR is None where the pictures are equal (infinite)."""

    psnr_db: float | None
    psnr_luma_db: float | None
    ssim: float
    mse: float
    sharpness_a: float
    sharpness_b: float
    changed_share: float
    largest_difference: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare_pictures(a: Picture, b: Picture) -> Comparison:
    """Measure two pictures of one size; grey against colour compares grey with each channel.

    Raises:
        UsageError: the sizes differ (both are named)
    """
    if (a.rows, a.cols) != (b.rows, b.cols):
        raise UsageError(
            f"The pictures differ in size: {a.cols} x {a.rows} and {b.cols} x {b.rows} pixels.",
            "Compare pictures of one size; an enlarged one can be scaled down first.",
        )
    first, second = a.pixels, b.pixels
    if first.shape[2] != second.shape[2]:
        first, second = np.broadcast_arrays(first, second)
    difference = np.abs(first - second)
    return Comparison(
        psnr_db=_finite(peak_signal_to_noise(first, second)),
        psnr_luma_db=_finite(peak_signal_to_noise(luma(first), luma(second))),
        ssim=structural_similarity(first, second),
        mse=mean_squared_error(first, second),
        sharpness_a=laplacian_variance(first),
        sharpness_b=laplacian_variance(second),
        changed_share=float((difference > 0).any(axis=2).mean()),
        largest_difference=float(difference.max()),
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
