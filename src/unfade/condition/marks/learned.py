"""Dust, hairs and scratches as the damage network sees them, made into items.

The network gives for each pixel the log odds that it is damaged, at the picture's own scale. Here
pixels above a low bound are joined over the whole picture, and a joined piece is a mark when its
surest pixels and its mean are beyond doubt; creases, tears and stains are not marks and are left
out by the network's own classes. Only pixels above the low bound are held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unfade.condition.marks.candidates import label_sparse
from unfade.condition.marks.outline import kind_of
from unfade.engines.contract import BenchView
from unfade.findings import Mark, Region
from unfade.picture import Picture, Window

NETWORK = "unfade-damage"
CLASSES = ("scratch", "dust", "hair", "crease", "tear", "stain")  # channels behind the first
SMALL = 3  # the first of them are dust, hairs and scratches
LOW_ODDS = -0.5  # pixels from here on belong to a mark that has surer ones
LEAST_AREA_PX = 3
GROW_PX = 1  # soft edges: a fill must take no colour from the defect
RING_PX = 4
STEP = 16.0  # codes for each unit of log odds


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When a piece is a mark.

    Attributes:
        best_odds: of its surest pixel
        mean_odds: of all its pixels
        sure_odds: mean log odds that the surest piece of the picture must reach, or there is none
        most_share: of the picture: more than this is texture, and not damage
    """

    best_odds: float = 2.0
    mean_odds: float = 1.0
    sure_odds: float = 2.5
    most_share: float = 0.08


def learned_marks(picture: Picture, bench: BenchView, bounds: Bounds) -> list[Mark]:
    """Marks, row by row; empty where nothing is beyond doubt.

    Raises:
        ModelMissing: the network is not here
    Cost: one run of the network, about half a second a megapixel on two cores; memory: about 20
    bytes for each pixel above the low bound
    """
    rows, cols, odds, small = _seen(picture, bench)
    if len(rows) == 0 or len(rows) > bounds.most_share * picture.rows * picture.cols:
        return []
    labels, count = label_sparse(rows, cols)
    area = np.bincount(labels, minlength=count)
    mean = np.bincount(labels, odds, count) / area
    best = np.full(count, -np.inf)
    np.maximum.at(best, labels, odds)
    is_small = np.bincount(labels, small, count) / area > 0.5
    kept = (
        is_small & (area >= LEAST_AREA_PX) & (best >= bounds.best_odds) & (mean >= bounds.mean_odds)
    )
    if not kept.any() or mean[kept].max() < bounds.sure_odds:
        return []
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(area)
    marks = []
    for n in np.flatnonzero(kept):
        pick = order[ends[n] - area[n] : ends[n]]
        marks.append(_mark(picture, rows[pick], cols[pick], float(mean[n])))
    return sorted(marks, key=lambda m: (m.region.window, not m.light))


def _seen(
    picture: Picture, bench: BenchView
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns, log odds and whether a small class is likeliest, ordered by row and column."""
    parts = list(_pieces(picture, bench))
    rows, cols, odds, small = (np.concatenate([p[i] for p in parts]) for i in range(4))
    order = np.lexsort((cols, rows))
    return rows[order], cols[order], odds[order], small[order]


def _pieces(picture: Picture, bench: BenchView) -> Iterator[tuple[np.ndarray, ...]]:
    engine = bench.engine(NETWORK)
    for window, maps in engine.find_tiles(picture, bench):
        # quantised, so that another runtime's rounding moves no mark
        codes = np.clip(np.rint(maps[:, :, 0] * STEP), -127, 127).astype(np.int8)
        rows, cols = np.nonzero(codes >= LOW_ODDS * STEP)
        classes = maps[rows, cols, 1:].argmax(axis=1)
        yield (
            (rows + window.top).astype(np.int32),
            (cols + window.left).astype(np.int32),
            codes[rows, cols] / STEP,
            classes < SMALL,
        )


def _mark(picture: Picture, rows: np.ndarray, cols: np.ndarray, odds: float) -> Mark:
    import cv2

    window = Window(int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1)
    wide = window.grown(GROW_PX + RING_PX, picture.rows, picture.cols)
    core = np.zeros((wide.rows, wide.cols), np.uint8)
    core[rows - wide.top, cols - wide.left] = 1
    mask = cv2.dilate(core, np.ones((2 * GROW_PX + 1,) * 2, np.uint8)) > 0
    ring = cv2.dilate(core, np.ones((2 * (GROW_PX + RING_PX) + 1,) * 2, np.uint8)) > 0
    value = picture.read(wide).mean(axis=2)
    around = value[ring & ~mask]
    light = bool(value[core > 0].mean() >= (around.mean() if around.size else 0.5))
    kind, width, length = kind_of(mask, min(picture.rows, picture.cols))
    inner = window.grown(GROW_PX, picture.rows, picture.cols)
    return Mark(
        kind=kind,
        region=Region.of(mask[inner.within(wide)], inner),
        light=light,
        width_px=width,
        length_px=length,
        confidence=float(1 / (1 + np.exp(-odds))),
    )
