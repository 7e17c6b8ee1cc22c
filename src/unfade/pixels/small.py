"""A part of a picture in small, as linear light, without ever holding the part at full size."""

from __future__ import annotations

import numpy as np

from unfade.picture import Picture, Pixels, Window
from unfade.pixels.profile import to_linear

BAND_PX = 2_000_000  # pixels read at once


def small_light(picture: Picture, window: Window, block: int) -> Pixels:
    """Means of linear light over blocks of a window, read in bands.

    Args:
        block: side of a block; those at the right and at the bottom repeat the last pixels
    Returns:
        (rows, cols, channels) float32
    Cost:
        one pass over the window's samples; memory: one band and the result
    """
    import cv2

    rows, cols = -(-window.rows // block), -(-window.cols // block)
    out = np.empty((rows, cols, picture.channels), np.float32)
    step = max(1, BAND_PX // (window.cols * block))
    for start in range(0, rows, step):
        stop = min(rows, start + step)
        band = Window(
            window.top + start * block,
            window.left,
            min(window.bottom, window.top + stop * block),
            window.right,
        )
        light = np.nan_to_num(to_linear(picture.read(band), picture))
        below = (stop - start) * block - band.rows
        right = cols * block - band.cols
        if below or right:
            light = cv2.copyMakeBorder(light, 0, below, 0, right, cv2.BORDER_REPLICATE)
        small = cv2.resize(light, (cols, stop - start), interpolation=cv2.INTER_AREA)
        out[start:stop] = small.reshape(stop - start, cols, picture.channels)
    return out
