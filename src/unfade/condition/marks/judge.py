"""Decide which candidates are damage, and whether this picture has any.

Three nets, each with one hidden layer, look in turn: at single pixels (``specks``), at a candidate
by itself, and at a candidate among all others of its picture. Their log odds are calibrated on
sound and damaged pictures in equal number. On top comes one rule for the whole picture: unless at
least one candidate is beyond doubt, nothing is a mark. A sound picture with a wire or a star in
it then stays as it is, while in a picture that surely has dust the fainter specks are found too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.condition.marks.candidates import Candidates
from unfade.condition.marks.context import describe
from unfade.condition.marks.weights import ALONE, AMONG

SURE_ODDS = 3.0  # log odds that the best candidate of a picture must reach
MARK_ODDS = 1.0  # log odds that each mark must reach


def judge(candidates: Sequence[Candidates], rows: int, cols: int) -> list[np.ndarray]:
    """Log odds of damage for each candidate.

    Args:
        rows, cols: size of the picture
    Returns:
        for each group (candidates,) float64
    """
    alone = [ALONE.odds(c.features) for c in candidates]
    context = describe(candidates, alone, rows, cols)
    return [
        AMONG.odds(np.hstack((c.features, around)))
        for c, around in zip(candidates, context, strict=True)
    ]


def decide(odds: Sequence[np.ndarray], sure_odds: float, mark_odds: float) -> list[np.ndarray]:
    """Confidence of each candidate, 0-1; 0 where it is no mark."""
    best = max((float(o.max()) for o in odds if len(o)), default=-np.inf)
    if best < sure_odds:
        return [np.zeros(len(o)) for o in odds]
    return [np.where(o >= mark_odds, 1 / (1 + np.exp(-o)), 0) for o in odds]
