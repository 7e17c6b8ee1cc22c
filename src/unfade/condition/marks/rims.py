"""Tell a thing's bright or dark rim from a scratch: it parts two different surfaces all along.

The lit edge of a board, a gutter, a moulding, the seam of a coat are thin straight lines that stand
out as a scratch does. A scratch crosses whatever is there, so that its two sides are alike, or
differ now this way, now that; along a rim they differ in one way from end to end.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from unfade.findings import Mark, MarkKind, paint
from unfade.picture import Picture, Window
from unfade.pixels.colour import linear_to_lab
from unfade.pixels.profile import to_linear

PIECE_PX = 8  # along the mark: one comparison of both sides
LEAST_PIECES = 6
SIDE_PX = (3, 8)  # from the mark: where each side is looked at
DIFFERENT = 10.0  # mean difference of both sides, CIELAB units
OF_CONTRAST = 0.33  # the same over what the mark differs from both
AGREE = 0.9  # share of pieces that differ in this way, by half of the mean at least
STRIP_PX = 512  # read at a time


def without_rims(marks: Sequence[Mark], picture: Picture) -> list[Mark]:
    """The marks without scratches that are the rim of a thing.

    Cost: reads a few pixels about each scratch of at least 48 px
    """
    return [
        mark
        for mark in marks
        if mark.kind is not MarkKind.SCRATCH or not _is_rim(mark, marks, picture)
    ]


def _is_rim(mark: Mark, marks: Sequence[Mark], picture: Picture) -> bool:
    window = mark.region.window
    if max(window.rows, window.cols) < PIECE_PX * LEAST_PIECES:
        return False
    pieces = np.concatenate(
        [_sides(part, mark, marks, picture) for part in _strips(window)], axis=0
    )
    pieces = pieces[np.isfinite(pieces).all(axis=(1, 2))]
    if len(pieces) < LEAST_PIECES:
        return False
    one, other, own = pieces.transpose(1, 0, 2)
    apart = one - other
    mean = apart.mean(axis=0)
    size = float(np.linalg.norm(mean))
    contrast = float(np.linalg.norm((own - (one + other) / 2).mean(axis=0)))
    agree = float((apart @ mean > 0.5 * size * size).mean())
    return size > DIFFERENT and size > OF_CONTRAST * contrast and agree >= AGREE


def _strips(window: Window) -> list[Window]:
    """A window in strips along its longer side."""
    w = window
    if w.rows >= w.cols:
        edges = [*range(w.top, w.bottom, STRIP_PX), w.bottom]
        return [Window(a, w.left, b, w.right) for a, b in pairwise(edges)]
    edges = [*range(w.left, w.right, STRIP_PX), w.right]
    return [Window(w.top, a, w.bottom, b) for a, b in pairwise(edges)]


def _sides(part: Window, mark: Mark, marks: Sequence[Mark], picture: Picture) -> np.ndarray:
    """Mean colours of each piece: on one side, on the other, and of the mark itself.

    Returns:
        (pieces, 3, 3) CIELAB; NaN where a side is out of the picture or under other marks
    """
    whole = mark.region.window
    tall = whole.rows >= whole.cols
    inside = mark.region.mask[part.within(whole)]
    rows, cols = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return np.zeros((0, 3, 3))
    # as much of the strip as the mark takes, and its sides
    near = Window(
        part.top + int(rows[0]), part.left + int(cols[0]),
        part.top + int(rows[-1]) + 1, part.left + int(cols[-1]) + 1,
    ).grown(SIDE_PX[1], picture.rows, picture.cols)  # fmt: skip
    pixels = np.nan_to_num(np.asarray(picture.read(near), np.float32))
    if pixels.shape[2] == 1:
        pixels = pixels.repeat(3, axis=2)
    lab = linear_to_lab(to_linear(pixels, picture))
    own, taken = paint([mark], near), paint(marks, near)
    if not tall:
        lab, own, taken = lab.swapaxes(0, 1), own.T, taken.T
    lines = np.flatnonzero(own.any(axis=1))
    first = own[lines].argmax(axis=1)
    last = own.shape[1] - 1 - own[lines, ::-1].argmax(axis=1)
    steps = np.arange(SIDE_PX[0], SIDE_PX[1] + 1)
    left = _mean_at(lab, taken, lines, first[:, None] - steps)
    right = _mean_at(lab, taken, lines, last[:, None] + steps)
    middle = lab[lines, (first + last) // 2]
    each = np.stack((left, right, middle), axis=1)
    pieces = [each[a : a + PIECE_PX] for a in range(0, len(each), PIECE_PX)]
    return np.array([_mean(p) for p in pieces if len(p) >= PIECE_PX // 2]).reshape(-1, 3, 3)


def _mean_at(lab: np.ndarray, taken: np.ndarray, lines: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Mean colour of each line at some columns that no mark covers, (lines, 3)."""
    inside = (at >= 0) & (at < lab.shape[1])
    at = at.clip(0, lab.shape[1] - 1)
    free = (inside & ~taken[lines[:, None], at])[:, :, None]
    total = (lab[lines[:, None], at] * free).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / free.sum(axis=1))


def _mean(piece: np.ndarray) -> np.ndarray:
    """(lines, 3, 3) -> (3, 3), over the lines that are known."""
    known = np.isfinite(piece).all(axis=(1, 2))
    if not known.any():
        return np.full((3, 3), np.nan)
    return np.asarray(piece[known].mean(axis=0))
