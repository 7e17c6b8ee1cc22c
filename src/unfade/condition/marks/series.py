"""Tell buttons from dust: dots of one size in an even row are the picture's own.

Buttons, rivets, lamps, pearls and the perforation of a film look like specks one by one; what gives
them away is that they follow each other at even steps. Among few marks that does not happen by
chance; among many it does, so a row counts only as long as chance would hardly make one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.findings import Mark, MarkKind

LEAST_LONG = 4  # dots of a row
MOST_STEP = 14.0  # from dot to dot, in their own widths
OFF_SHARE = 0.22  # of a step: how far a dot may lie from where the row expects it
ALIKE = 1.6  # largest over smallest width
BY_CHANCE = 0.02  # rows that chance may make in the whole picture
AT_MOST = 400  # marks: among more no row means anything


def without_series(marks: Sequence[Mark], rows: int, cols: int) -> list[Mark]:
    """The marks without dots that stand in even rows.

    Args:
        rows, cols: size of the picture
    """
    dots = [n for n, mark in enumerate(marks) if mark.kind is MarkKind.DUST]
    if not LEAST_LONG <= len(dots) <= AT_MOST:
        return list(marks)
    at = np.array([_middle(marks[n]) for n in dots])
    wide = np.sqrt([marks[n].region.area_px for n in dots])
    apart = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    alike = np.maximum(wide[:, None], wide[None]) <= ALIKE * np.minimum(wide[:, None], wide[None])
    near = alike & (apart > 0) & (apart <= MOST_STEP * np.minimum(wide[:, None], wide[None]))
    pairs = int(near.sum())
    dropped: set[int] = set()
    for first, second in zip(*np.nonzero(near), strict=True):
        row = _row(at, near, int(first), int(second))
        off = OFF_SHARE * apart[first, second]
        chance = min(1.0, len(dots) * np.pi * off * off / (rows * cols))
        if len(row) >= LEAST_LONG and pairs * chance ** (len(row) - 2) < BY_CHANCE:
            dropped.update(dots[n] for n in row)
    return [mark for n, mark in enumerate(marks) if n not in dropped]


def _row(at: np.ndarray, near: np.ndarray, first: int, second: int) -> list[int]:
    """The dots that go on from two, step by step."""
    row = [first, second]
    while True:
        step = at[row[-1]] - at[row[-2]]
        off = np.hypot(*(at - at[row[-1]] - step).T)
        off[row] = np.inf
        off[~near[row[-1]]] = np.inf
        following = int(off.argmin())
        if not off[following] <= OFF_SHARE * np.hypot(*step):
            return row
        row.append(following)


def _middle(mark: Mark) -> tuple[float, float]:
    window = mark.region.window
    down, right = np.nonzero(mark.region.mask)
    return window.top + float(down.mean()), window.left + float(right.mean())
