"""The surround of a line, read from a picture and laid out straight."""

from __future__ import annotations

import numpy as np

from unfade.picture import Picture, Pixels, Window

PIECE_PX = 256  # so much of a line is read at once


def read_strip(picture: Picture, place: np.ndarray, across: np.ndarray, half_px: int) -> Pixels:
    """Pixels beside a line, read piece by piece.

    Args:
        place: (length, 2) rows and columns a pixel apart along the line
        across: (length, 2) direction across it at each, of length 1
        half_px: how far to each side
    Returns:
        (2 half_px + 1, length, channels) float32, the line in the middle row; beyond the picture
        its border goes on
    Cost:
        time and memory ∝ length x width, however large the picture
    """
    import cv2

    aside = np.arange(-half_px, half_px + 1)[:, None]
    strip = np.empty((2 * half_px + 1, len(place), picture.channels), np.float32)
    for first in range(0, len(place), PIECE_PX):
        part = slice(first, first + PIECE_PX)
        rows = np.clip(place[None, part, 0] + aside * across[None, part, 0], 0, picture.rows - 1)
        cols = np.clip(place[None, part, 1] + aside * across[None, part, 1], 0, picture.cols - 1)
        box = Window(int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1)
        box = box.grown(2, picture.rows, picture.cols)
        found = cv2.remap(
            picture.read(box),
            (cols - box.left).astype(np.float32),
            (rows - box.top).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        strip[:, part] = np.asarray(found).reshape(rows.shape[0], -1, picture.channels)
    return strip
