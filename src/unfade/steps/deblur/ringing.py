"""Ringing: how far deconvolution leaves the range of what it was given, and the limit to that.

A blur takes means, so the sharp picture may leave the range of the blurred one under the kernel:
at fine lines by much, beside edges not at all. Ripples beside edges leave it; they are cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """What a sample of the picture does without the limit.

    Attributes:
        beyond_share: pixels that leave the range under the kernel by more than the limit allows
        worst: how far the 1 in 1000 farthest pixels leave it, in shares of that range
        limit: what is allowed, in shares of that range
    """

    beyond_share: float
    worst: float
    limit: float

    def to_dict(self) -> dict[str, float]:
        return {
            "beyond_share": round(self.beyond_share, 5),
            "worst": round(self.worst, 4),
            "limit": self.limit,
        }


def held_within_range(after: Pixels, before: Pixels, reach_px: int, overshoot: float) -> Pixels:
    """``after`` within the range that ``before`` has under the kernel, and a little more.

    Args:
        after, before: (rows, cols, channels) float32
        reach_px: half the kernel's side
        overshoot: share of the range by which a pixel may leave it
    """
    low, high = _range(before, reach_px)
    more = (high - low) * np.float32(overshoot)
    # light does not fall below black where there was none below it
    least = np.maximum(low - more, np.minimum(low, 0))
    return np.clip(after, least, high + more)


def ringing_of(before: Pixels, after: Pixels, reach_px: int, limit: float) -> Ringing:
    """How far ``after`` leaves the range that ``before`` has under the kernel."""
    low, high = _range(before, reach_px)
    spread = np.maximum(high - low, np.float32(1e-4))
    beyond = np.maximum(np.maximum(low - after, after - high), 0) / spread
    return Ringing(
        beyond_share=float((beyond > limit).mean()),
        worst=float(np.quantile(beyond, 0.999)),
        limit=limit,
    )


def _range(pixels: Pixels, reach_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest value within ``reach_px`` of each pixel, each channel by itself."""
    import cv2

    square = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    shape = pixels.shape
    low, high = cv2.erode(pixels, square), cv2.dilate(pixels, square)
    return np.asarray(low).reshape(shape), np.asarray(high).reshape(shape)
