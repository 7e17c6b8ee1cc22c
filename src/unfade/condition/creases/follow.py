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
from unfade.picture import Picture
from unfade.pixels.strips import read_strip

MARGIN_PX = 18  # what the evidence looks at beside the path


def extended(points: np.ndarray, rows: int, cols: int, most_px: float) -> np.ndarray:
    """A line whose ends are near the picture's border, led on to it."""
    ends = []
    for here, inner in ((points[0], points[min(4, len(points) - 1)]),
                        (points[-1], points[max(-5, -len(points))])):  # fmt: skip
        way = (here - inner) / max(float(np.hypot(*(here - inner))), 1e-6)
        room = [
            (limit - at) / step
            for at, step, last in ((here[0], way[0], rows - 1), (here[1], way[1], cols - 1))
            for limit in (0, last)
            if step * (limit - at) > 1e-6
        ]
        far = min(room, default=0.0)
        ends.append([here + way * far] if 0 < far <= most_px else [])
    return np.array([*ends[0], *points, *ends[1]])


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
    board = folded(np.ascontiguousarray(plane, np.float32))[:, MARGIN_PX:-MARGIN_PX] + TOLL + 1
    aside = best_path(board) - stray
    at = (np.arange(blocks) * BLOCK_PX + BLOCK_PX // 2).clip(0, len(place) - 1)
    middle = place[at] + aside[:, None] * across[at]
    ends = place[[0, -1]] + aside[[0, -1], None] * across[[0, -1]]
    return np.concatenate([ends[:1], middle, ends[1:]])
