"""A few numbers on a coarse grid over a whole picture, spread over one window of it.

Points of the grid lie in the middles of as many equal parts of the picture; beyond the outermost
the value stays. What a pixel gets depends on its place alone, so tiles do not show.
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Plane, Window


def between(first: int, last: int, size: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """For each line from ``first`` to ``last`` of ``size``: the point before, share of the next."""
    at = np.clip((np.arange(first, last) + 0.5) * points / size - 0.5, 0, points - 1)
    low = at.astype(np.int64)
    return low, (at - low).astype(np.float32)


def spread(coarse: Plane, window: Window, rows: int, cols: int) -> Plane:
    """A window of a coarse plane enlarged to ``rows x cols``, linear between its points."""
    row, row_share = between(window.top, window.bottom, rows, coarse.shape[0])
    col, col_share = between(window.left, window.right, cols, coarse.shape[1])
    next_row = np.minimum(row + 1, coarse.shape[0] - 1)
    next_col = np.minimum(col + 1, coarse.shape[1] - 1)
    tall = coarse[row] + row_share[:, None] * (coarse[next_row] - coarse[row])
    return np.asarray(tall[:, col] + col_share[None] * (tall[:, next_col] - tall[:, col]))
