"""A fold that was seen in the overview, followed at full size.

The surround is laid out straight along the line as it is known, and the most telling path through
it is searched in the same way as in the overview, a few pixels to either side.
"""

from __future__ import annotations

import numpy as np

from unfade.condition.creases.lines import (
    BLOCK_PX,
    LEAST_LIGHT,
    TOLL,
    best_path,
    folded,
)
from unfade.condition.creases.strip import along
from unfade.picture import Picture, Window

PIECE_PX = 256  # so much of a line is read at once
MARGIN_PX = 18  # what the evidence looks at beside the path


def read_strip(
    picture: Picture, place: np.ndarray, across: np.ndarray, half_px: int
) -> np.ndarray:
    """(2 half_px + 1, length, channels) float32 pixels beside a line, read piece by piece.

    Args:
        place, across: as ``along`` gives them
    """
    import cv2

    aside = np.arange(-half_px, half_px + 1)[:, None]
    strip = np.empty((2 * half_px + 1, len(place), picture.channels), np.float32)
    for first in range(0, len(place), PIECE_PX):
        part = slice(first, first + PIECE_PX)
        rows = place[None, part, 0] + aside * across[None, part, 0]
        cols = place[None, part, 1] + aside * across[None, part, 1]
        rows = np.clip(rows, 0, picture.rows - 1)
        cols = np.clip(cols, 0, picture.cols - 1)
        box = Window(
            int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1
        ).grown(2, picture.rows, picture.cols)  # fmt: skip
        pixels = picture.read(box)
        found = cv2.remap(
            pixels, (cols - box.left).astype(np.float32), (rows - box.top).astype(np.float32),
            cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        strip[:, part] = np.asarray(found).reshape(rows.shape[0], -1, picture.channels)
    return strip


def followed(picture: Picture, points: np.ndarray, k: int) -> np.ndarray:
    """The line's points at full size, (n, 2), a block apart.

    Args:
        points: rows and columns at full size, right to about ``2 k`` px
    """
    place, across = along(points)
    stray = 2 * k + 2
    strip = read_strip(picture, place, across, stray + MARGIN_PX)
    light = np.log(np.maximum(strip.mean(axis=2), np.float32(LEAST_LIGHT)))
    blocks = light.shape[1] // BLOCK_PX
    if blocks < 3:
        return points
    plane = light[:, : blocks * BLOCK_PX].reshape(light.shape[0], blocks, BLOCK_PX).mean(axis=2)
    board = folded(np.ascontiguousarray(plane, np.float32))[:, MARGIN_PX : -MARGIN_PX] + TOLL + 1
    aside = best_path(board) - stray
    at = (np.arange(blocks) * BLOCK_PX + BLOCK_PX // 2).clip(0, len(place) - 1)
    middle = place[at] + aside[:, None] * across[at]
    ends = place[[0, -1]] + aside[[0, -1], None] * across[[0, -1]]
    return np.concatenate([ends[:1], middle, ends[1:]])
