"""How surely a brown place is a stain and no part of the picture."""

from __future__ import annotations

import numpy as np

from unfade.condition.stains.weights import HIGHEST, LOWEST, MIDDLE, SPREAD, WEIGHTS

_CUT = 3.0  # no measurement counts for more than so many spreads


def sureness(measured: np.ndarray) -> np.ndarray:
    """Calibrated chance that each place is a stain.

    Args:
        measured: (places, measurements) as ``candidates.MEASURED``
    Returns:
        (places,) float64 0-1
    """
    cut = np.clip(measured, LOWEST, HIGHEST)
    scaled = np.clip((cut - np.array(MIDDLE)) / np.array(SPREAD), -_CUT, _CUT)
    first, second = np.triu_indices(scaled.shape[1])
    terms = np.concatenate(
        [np.ones((len(scaled), 1)), scaled, scaled[:, first] * scaled[:, second]], axis=1
    )
    odds = np.clip(terms @ np.array(WEIGHTS), -30, 30)
    return np.asarray(1 / (1 + np.exp(-odds)))
