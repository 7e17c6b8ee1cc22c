"""How sure a candidate is, from its features.

The rules for what is seen without networks were fitted on candidates of photographs, paintings and
faces, sound ones and the same with made folds and tears (``unfade.degrade``), in colour and grey,
with all products of two features, and checked on others. Those for what ``unfade-creases`` sees
were fitted on pictures new to the network (``benchmarks/creases_fit.py``).
"""

from __future__ import annotations

import numpy as np

from unfade.condition.creases.seen_weights import LINE, PIECE
from unfade.condition.creases.weights import CREASE, RIP

SURE = 0.93  # an item, not a mere candidate: of 100 at most 5 belong to the picture


def sure_of_crease(features: np.ndarray) -> float:
    """0-1 from ``strip.FEATURES``."""
    return CREASE.chance(features)


def sure_of_rip(features: np.ndarray) -> float:
    """0-1 from ``torn.RIP_FEATURES``."""
    return RIP.chance(features)


def sure_of_seen_line(features: np.ndarray) -> float:
    """0-1 from ``seen.LINE_FEATURES``."""
    return LINE.chance(features)


def sure_of_seen_piece(features: np.ndarray) -> float:
    """0-1 from ``seen.PIECE_FEATURES``."""
    return PIECE.chance(features)
