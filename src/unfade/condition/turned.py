"""What a network sees of a picture that it is shown in eight ways: turned and mirrored.

Which way up a mark lies says nothing of what it is, but a small network's answers differ by it.
Their mean is surer and more often right (self-ensemble, Timofte et al. 2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unfade.picture import Pixels

WAYS = tuple((quarter, mirrored) for quarter in range(4) for mirrored in (False, True))


def seen_turned(network: Any, pixels: Pixels) -> np.ndarray:
    """The mean of what ``network`` finds in ``pixels`` in all eight ways.

    Args:
        network: an opened engine with ``find``
        pixels: (rows, cols, channels) float32
    Returns:
        (rows, cols, channels of the network) float32
    Cost:
        eight times one call's
    """
    rows, cols = pixels.shape[:2]
    total: np.ndarray = np.zeros((rows, cols, 1), np.float32)
    for quarter, mirrored in WAYS:
        turned = np.rot90(pixels, quarter)
        seen = network.find(np.ascontiguousarray(turned[:, ::-1] if mirrored else turned))
        total = total + np.rot90(seen[:, ::-1] if mirrored else seen, -quarter)
    return total / np.float32(len(WAYS))
