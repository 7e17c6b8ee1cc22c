"""FLIP: what a person notices who flips between two pictures on a screen.

Computed by ``flip-evaluator``, its authors' own code (BSD-3-Clause).

Paper: Andersson, Nilsson, Akenine-Moeller et al. 2020, doi:10.1145/3406183.
"""

from __future__ import annotations

import numpy as np

from unfade.needs import need
from unfade.picture import Pixels, Plane


def flip_error(a: Pixels, b: Pixels) -> float:
    """Mean FLIP error at 67 pixels a degree (a 4K screen at 70 cm): 0 equal, 1 black and white.

    Args:
        a, b: (rows, cols, channels) float32 of one size, sRGB; the first is the reference
    Raises:
        ValueError: the sizes differ (both are named)
        MissingPackage: ``flip-evaluator`` is not installed
    Cost:
        about 2 s a megapixel on one core
    """
    return float(flip_map(a, b).mean(dtype=np.float64))


def flip_map(a: Pixels, b: Pixels) -> Plane:
    """FLIP error of each pixel; see ``flip_error``."""
    if a.shape != b.shape:
        raise ValueError(f"pictures differ in size: {a.shape} and {b.shape}")
    flip = need("flip_evaluator", extra="study", to="measure FLIP")
    first, second = (
        np.array(np.broadcast_to(np.clip(p, 0, 1), (*p.shape[:2], 3)), np.float32, order="C")
        for p in (a, b)  # copies: the package takes no read-only views
    )
    error, _, _ = flip.evaluate(first, second, "LDR", applyMagma=False, computeMeanError=False)
    return np.asarray(error[:, :, 0], np.float32)
