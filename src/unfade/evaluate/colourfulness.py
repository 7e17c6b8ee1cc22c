"""Colourfulness (Hasler, Suesstrunk 2003)."""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels


def colourfulness_index(pixels: Pixels) -> float:
    """M3 of Hasler and Suesstrunk, on codes of 0-255: 0 grey, 15 slightly, 59 quite colourful.

    It tells whether a restoration took colour away or laid it on, not whether it is right.

    Args:
        pixels: (rows, cols, channels) float32, sRGB
    Source:
        Hasler, Suesstrunk 2003, doi:10.1117/12.477378
    """
    if pixels.shape[2] == 1:
        return 0.0
    red, green, blue = (pixels[:, :, i].astype(np.float64) * 255 for i in range(3))
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    centre = np.hypot(red_green.mean(), yellow_blue.mean())
    return float(spread + 0.3 * centre)
