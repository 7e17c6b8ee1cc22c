"""Rules that say from measurements how sure a candidate is: logistic regression.

Their numbers are fitted by the scripts of ``benchmarks``, never set by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LIMIT = 4.0  # standard deviations; further out nothing was fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class LogisticRule:
    """Of one kind of candidate.

    Attributes:
        mean, spread: of the measurements that it was fitted on
        plain: weights of the measurements, scaled by these
        pairs: weights of the products of two, row by row above the diagonal; none: not looked at
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    bias: float
    plain: tuple[float, ...]
    pairs: tuple[float, ...] = ()

    def chance(self, features: np.ndarray) -> float:
        """0-1 that a candidate of these features (n,) is what is looked for."""
        x = np.clip((features - np.array(self.mean)) / np.array(self.spread), -LIMIT, LIMIT)
        odds = self.bias + x @ np.array(self.plain)
        if self.pairs:
            row, col = np.triu_indices(len(x))
            odds += (x[row] * x[col]) @ np.array(self.pairs)
        return float(1 / (1 + np.exp(-np.clip(odds, -30, 30))))
