"""Mean squared error."""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels


def mean_squared_error(a: Pixels, b: Pixels) -> float:
    """Mean of the squared difference over all samples, in pixel units squared (0-1).

    Args:
        a, b: (rows, cols, channels) float32 of one size
    Raises:
        ValueError: the sizes differ (both are named)
    """
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    total = 0.0
    for top in range(0, a.shape[0], 512):  # rows at a time: float64 of a large picture is large
        difference = a[top : top + 512].astype(np.float64) - b[top : top + 512]
        total += float(np.sum(difference * difference))
    return total / a.size
