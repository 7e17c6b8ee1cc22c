"""How sure a candidate is, from its features: logistic regression with all products of two.

The weights were fitted on candidates of photographs, paintings and faces, sound ones and the same
with made folds and tears (``unfade.degrade``), in colour and grey, and checked on others. What
``unfade-damage`` says of the same places is weighed with it by a second rule, of two inputs, which
was fitted on pictures new to the network (``benchmarks/creases_fit.py``).
"""

from __future__ import annotations

import numpy as np

from unfade.condition.creases.weights import CREASE, RIP, Weights
from unfade.findings import MarkKind

MARK_CREASE = 0.93  # on pictures not fitted on, 0.96 of the area of surer lines is folded
MARK_RIP = 0.93
# weights of this judge's log odds and of the network's mean ones, and the bias
WITH_NETWORK = {MarkKind.CREASE: (0.380, 0.585, -0.176), MarkKind.TEAR: (0.693, 0.485, -0.250)}
FARTHEST = 10.0  # log odds are clipped here
LIMIT = 4.0  # standard deviations; further out nothing was fitted


def sure_of_crease(features: np.ndarray) -> float:
    """0-1 from ``strip.FEATURES``."""
    return _sure(features, CREASE)


def sure_of_rip(features: np.ndarray) -> float:
    """0-1 from ``torn.RIP_FEATURES``."""
    return _sure(features, RIP)


def joined(sure: float, said: float, kind: MarkKind) -> float:
    """0-1 from this judge's chance and the network's mean log odds."""
    own, other, bias = WITH_NETWORK[kind]
    odds = np.clip(np.log(sure / max(1 - sure, 1e-9)), -FARTHEST, FARTHEST)
    return _chance(own * odds + other * np.clip(said, -FARTHEST, FARTHEST) + bias)


def _sure(features: np.ndarray, weights: Weights) -> float:
    x = np.clip((features - np.array(weights.mean)) / np.array(weights.spread), -LIMIT, LIMIT)
    row, col = np.triu_indices(len(x))
    odds = weights.bias + x @ np.array(weights.plain) + (x[row] * x[col]) @ np.array(weights.pairs)
    return _chance(odds)


def _chance(odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(odds, -30, 30))))
