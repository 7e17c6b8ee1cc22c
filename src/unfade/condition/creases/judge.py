"""How sure a candidate is, from its features: logistic regression with all products of two.

The weights were fitted on candidates of photographs, paintings and faces, sound ones and the same
with made folds and tears (``unfade.degrade``), in colour and grey, and checked on others.
"""

from __future__ import annotations

import numpy as np

from unfade.condition.creases.weights import CREASE, RIP, Weights

MARK_CREASE = 0.93  # on pictures not fitted on, 0.96 of the area of surer lines is folded
MARK_RIP = 0.93
LIMIT = 4.0  # standard deviations; further out nothing was fitted


def sure_of_crease(features: np.ndarray) -> float:
    """0-1 from ``strip.FEATURES``."""
    return _sure(features, CREASE)


def sure_of_rip(features: np.ndarray) -> float:
    """0-1 from ``torn.RIP_FEATURES``."""
    return _sure(features, RIP)


def _sure(features: np.ndarray, weights: Weights) -> float:
    x = np.clip((features - np.array(weights.mean)) / np.array(weights.spread), -LIMIT, LIMIT)
    row, col = np.triu_indices(len(x))
    odds = weights.bias + x @ np.array(weights.plain) + (x[row] * x[col]) @ np.array(weights.pairs)
    return float(1 / (1 + np.exp(-np.clip(odds, -30, 30))))
