"""Describe what else was found in the picture, for each candidate.

Dust does not come alone: it lies all over a picture, with one ink, on sharp and blurred places
alike. What a scene shows is bound to places and sizes. So a candidate is judged twice: first by
itself, then knowing the first judgement of all others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.condition.marks.candidates import FEATURES, Candidates

CELL_PX = 64  # native pixels: what lies near
TOUCH_PX = 4  # native pixels: the same thing seen on another level

# what is known of the surround of each candidate, in this order
CONTEXT = (
    "own",  # first judgement, log odds
    "same_sum",  # log of the expected number of other marks of this polarity
    "other_sum",  # and of the other polarity
    "same_sure",  # the same with only the sure ones counted
    "other_sure",
    "near_sum",  # within the 3 x 3 cells around
    "share",  # expected marks over all candidates
    "near_share",
    "seconded",  # highest first judgement on another level at the same place
    "opacity_apart",  # from the mean of the others of this polarity
    "contrast_apart",
    "candidates",  # log of their number
    "megapixels",  # log
)


def describe(
    candidates: Sequence[Candidates], odds: Sequence[np.ndarray], rows: int, cols: int
) -> list[np.ndarray]:
    """Context of all candidates of one picture.

    Args:
        odds: first judgement of each candidate as log odds, in the order of ``candidates``
        rows, cols: size of the picture in native pixels
    Returns:
        for each group (candidates, len(CONTEXT)) float32
    """
    chances = [1 / (1 + np.exp(-np.clip(o, -30, 30))) for o in odds]
    sure = [p * (p > 0.7) for p in chances]
    wide = cols // CELL_PX + 3
    sums = np.zeros((rows // CELL_PX + 3, wide))
    counts = np.zeros_like(sums)
    cells = [_cells(c) for c in candidates]
    for (cell_rows, cell_cols), p in zip(cells, chances, strict=True):
        np.add.at(sums, (cell_rows, cell_cols), p)
        np.add.at(counts, (cell_rows, cell_cols), 1)
    sums, counts = _three_by_three(sums), _three_by_three(counts)
    total = sum(len(c) for c in candidates)
    every = sum(float(p.sum()) for p in chances)
    out = []
    for c, o, p, s, cell in zip(candidates, odds, chances, sure, cells, strict=True):
        same = [i for i, other in enumerate(candidates) if other.light == c.light]
        rest = [i for i, other in enumerate(candidates) if other.light != c.light]
        weight = sum(float(sure[i].sum()) for i in same)
        apart = []
        for name in ("opacity", "log_contrast"):
            k = FEATURES.index(name)
            held = sum(float((sure[i] * candidates[i].features[:, k]).sum()) for i in same)
            own = c.features[:, k]
            mean = (held - s * own) / np.maximum(weight - s, 1e-6)
            apart.append(np.where(weight - s > 0.5, own - mean, 0))
        out.append(
            np.stack(
                (
                    np.clip(o, -12, 12),
                    np.log1p(np.maximum(sum(chances[i].sum() for i in same) - p, 0)),
                    np.full(len(c), np.log1p(sum(chances[i].sum() for i in rest))),
                    np.log1p(np.maximum(weight - s, 0)),
                    np.full(len(c), np.log1p(sum(sure[i].sum() for i in rest))),
                    np.log1p(np.maximum(sums[cell] - p, 0)),
                    (every - p) / max(total, 1),
                    (sums[cell] - p) / np.maximum(counts[cell], 1),
                    _seconded(c, [candidates[i] for i in same], [odds[i] for i in same], cols),
                    apart[0],
                    apart[1],
                    np.full(len(c), np.log1p(total)),
                    np.full(len(c), np.log(rows * cols / 1e6)),
                ),
                axis=1,
            ).astype(np.float32)
        )
    return out


def _cells(c: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """The cell of each candidate's centre, counted from 1: a rim of empty cells lies around."""
    area = np.maximum(np.bincount(c.owner, minlength=len(c)), 1)
    rows = np.bincount(c.owner, c.specks.rows, len(c)) / area
    cols = np.bincount(c.owner, c.specks.cols, len(c)) / area
    scale = (1 << c.level) / CELL_PX
    return (rows * scale).astype(int) + 1, (cols * scale).astype(int) + 1


def _three_by_three(cells: np.ndarray) -> np.ndarray:
    padded = np.pad(cells, 1)
    tall = padded[:-2] + padded[1:-1] + padded[2:]
    square: np.ndarray = tall[:, :-2] + tall[:, 1:-1] + tall[:, 2:]
    return square


def _seconded(
    c: Candidates, same: Sequence[Candidates], odds: Sequence[np.ndarray], cols: int
) -> np.ndarray:
    """Highest log odds of candidates of other levels that share a place with each candidate."""
    best = np.full(len(c), -12.0)
    if len(c) == 0:
        return best
    own = _places(c, cols)
    for other, o in zip(same, odds, strict=True):
        if other.level == c.level or len(other) == 0:
            continue
        places = _places(other, cols)
        order = np.argsort(places, kind="stable")
        unique, start = np.unique(places[order], return_index=True)
        top = np.maximum.reduceat(np.clip(o, -12, 12)[other.owner][order], start)
        at = np.minimum(np.searchsorted(unique, own), len(unique) - 1)
        hit = unique[at] == own
        np.maximum.at(best, c.owner[hit], top[at[hit]])
    return best


def _places(c: Candidates, cols: int) -> np.ndarray:
    rows = (c.specks.rows.astype(np.int64) << c.level) // TOUCH_PX
    return rows * (cols // TOUCH_PX + 2) + (c.specks.cols.astype(np.int64) << c.level) // TOUCH_PX
