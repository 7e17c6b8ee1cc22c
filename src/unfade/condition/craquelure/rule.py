"""Whether a field's net is craquelure: a rule fitted by ``benchmarks/paintings_fit.py``."""

from __future__ import annotations

import numpy as np

from unfade.condition.craquelure.net import FEATURES
from unfade.picture import Plane

MEAN = (
    0.1264,  # log_polarity
    -3.8239,  # log_share
    -0.4188,  # log_long
    -5.5617,  # log_islands
    1.4431,  # log_junctions
    1.5515,  # log_ends
    0.2864,  # log_step
    -3.0662,  # log_strength
    -0.6151,  # log_uneven
    -4.2517,  # log_control
    0.3629,  # cover
    0.0181,  # log_hats
)
WEIGHTS = (
    -0.6466,  # log_polarity
    0.4596,  # log_share
    0.0272,  # log_long
    1.5267,  # log_islands
    2.1351,  # log_junctions
    -1.2946,  # log_ends
    -1.7081,  # log_step
    -1.2860,  # log_strength
    0.2848,  # log_uneven
    0.8593,  # log_control
    1.5400,  # cover
    0.4635,  # log_hats
)
BIAS = -0.8320

WITH_NETWORK = (0.078, 0.425, 0.692, 0.977, 9.837)
SHARES_AT = (-2.0, 0.0, 2.0)  # log odds by the network
LEAST_SHARE = 1e-3


def odds(features: np.ndarray) -> float:
    """Log odds that a net of these features (len(FEATURES),) is craquelure."""
    assert len(features) == len(FEATURES)
    return float((features - np.array(MEAN)) @ np.array(WEIGHTS) + BIAS)


def shares(seen: Plane) -> np.ndarray:
    """Logarithms of how much of a field the network takes for cracks, at each of ``SHARES_AT``."""
    return np.array([np.log((seen > least).mean() + LEAST_SHARE) for least in SHARES_AT])


def joined(own: float, seen: np.ndarray) -> float:
    """Log odds from those of this rule and from ``shares`` of what the network sees."""
    *weights, bias = WITH_NETWORK
    return float(np.array([own, *seen]) @ np.array(weights) + bias)
