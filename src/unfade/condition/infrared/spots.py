"""Spots of the infrared plane: what is darker than its surround, by the plane's own noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unfade.condition.infrared.validity import Verdict, density
from unfade.condition.marks.candidates import label_sparse
from unfade.condition.marks.outline import kind_of
from unfade.condition.survey import windows
from unfade.engines.contract import BenchView
from unfade.findings import Mark, Region
from unfade.picture import Picture, Window, codes_to_pixels
from unfade.pixels.tiles import CORE_PX, Grid, Tile

SIGMAS, EDGE_SIGMAS = 6.0, 3.0
LEAST_DENSITY, EDGE_DENSITY = 0.05, 0.025  # 11 % and 6 % less light
LEAST_AREA_PX = 3
MARGIN_PX = 1
CONFIDENCE = 0.97
MOST_SHIFT_PX = 12  # between the planes
REACH_PX = 22  # the shifts beyond tell what is usual
NEAR_PEAK_PX = 8  # a peak is as wide as the dust
LEAST_PEAK = 9.0  # times the usual departure of other shifts; 28 and more seen, foreign below 6
TILES_TO_CHECK = 12
NOISE_WINDOWS = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sparse:
    """Pixels that are darker in infrared, row by row.

    Attributes:
        rows, cols: (count,) int32
        sure: (count,) bool: dark enough to be a mark by itself
        share: of the picture
    """

    rows: np.ndarray
    cols: np.ndarray
    sure: np.ndarray
    share: float


def measured_noise(picture: Picture, verdict: Verdict) -> float:
    """Standard deviation of single pixels, in density, by the median of windows spread evenly."""
    found = []
    for window in windows(picture, at_most=NOISE_WINDOWS):
        rest = _residual(picture, verdict, window)
        found.append(1.4826 * float(np.median(np.abs(rest - np.median(rest)))))
    return float(np.median(found))


def response(picture: Picture, verdict: Verdict, noise: float, bench: BenchView) -> Sparse:
    """All pixels that may belong to a mark."""
    least = max(SIGMAS * noise, LEAST_DENSITY)
    edge = max(EDGE_SIGMAS * noise, EDGE_DENSITY)

    def work(tile: Tile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rest = _residual(picture, verdict, tile.core)
        rows, cols = np.nonzero(rest > edge)
        sure = rest[rows, cols] > least
        top, left = tile.core.top, tile.core.left
        return (rows + top).astype(np.int32), (cols + left).astype(np.int32), sure

    grid = Grid(CORE_PX, 0)
    parts = list(
        bench.map(
            work, grid.tiles(picture.rows, picture.cols), says="Looking at infrared",
            total=grid.count(picture.rows, picture.cols), bytes_each=CORE_PX**2 * 40,
        )
    )  # fmt: skip
    rows, cols, sure = (np.concatenate([part[i] for part in parts]) for i in range(3))
    order = np.lexsort((cols, rows))
    share = float(sure.sum()) / (picture.rows * picture.cols)
    return Sparse(rows=rows[order], cols=cols[order], sure=sure[order], share=share)


def find_spots(picture: Picture, sparse: Sparse) -> tuple[Mark, ...]:
    """Connected pixels of which enough are sure, a pixel of margin around, where infrared has them.

    Whether they are light or dark in the picture is told when they are moved onto it.
    """
    labels, count = label_sparse(sparse.rows, sparse.cols)
    certain = np.bincount(labels[sparse.sure], minlength=count)
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=count))
    marks = []
    for label in np.flatnonzero(certain >= LEAST_AREA_PX):
        pick = order[0 if label == 0 else ends[label - 1] : ends[label]]
        marks.append(_mark(sparse.rows[pick], sparse.cols[pick], picture))
    return tuple(marks)


def shift(picture: Picture, sparse: Sparse) -> tuple[int, int] | None:
    """(down, right) from the plane to the picture, or None where none stands out.

    The sure pixels are laid over the picture's own small contrast at every shift; dust that is in
    both gives one peak.
    """
    import cv2

    rows, cols = sparse.rows[sparse.sure], sparse.cols[sparse.sure]
    tiles = list(Grid(CORE_PX, REACH_PX).tiles(picture.rows, picture.cols))
    across = -(-picture.cols // CORE_PX)
    held = np.bincount((rows // CORE_PX) * across + cols // CORE_PX, minlength=len(tiles))
    total = np.zeros((2 * REACH_PX + 1, 2 * REACH_PX + 1))
    for index in np.argsort(-held, kind="stable")[:TILES_TO_CHECK]:
        if held[index] == 0:
            break
        core = tiles[index].core
        inside = (rows >= core.top) & (rows < core.bottom)
        inside &= (cols >= core.left) & (cols < core.right)
        spots = np.zeros((core.rows, core.cols), np.float32)
        spots[rows[inside] - core.top, cols[inside] - core.left] = 1
        contrast = _contrast(picture, core)
        total += cv2.matchTemplate(contrast, spots, cv2.TM_CCORR)
    edge = REACH_PX - MOST_SHIFT_PX
    allowed = total[edge:-edge, edge:-edge]
    row, col = (int(v) + edge for v in np.unravel_index(int(allowed.argmax()), allowed.shape))
    others = np.ones(total.shape, bool)
    near = slice(max(0, row - NEAR_PEAK_PX), row + NEAR_PEAK_PX + 1)
    others[near, max(0, col - NEAR_PEAK_PX) : col + NEAR_PEAK_PX + 1] = False
    middle = float(np.median(total[others]))
    usual = 1.4826 * float(np.median(np.abs(total[others] - middle))) + 1e-9
    if (total[row, col] - middle) / usual < LEAST_PEAK:
        return None
    return row - REACH_PX, col - REACH_PX


def moved(marks: Sequence[Mark], by: tuple[int, int], picture: Picture) -> tuple[Mark, ...]:
    """Marks in the picture's place, cut at its edge, and whether they are light there."""
    out = []
    for mark in marks:
        old = mark.region.window
        window = Window(old.top + by[0], old.left + by[1], old.bottom + by[0], old.right + by[1])
        kept = window.overlap(picture.window)
        if kept is None:
            continue
        mask = mark.region.mask[kept.within(window)]
        if mask.any():
            light = _lighter(picture, kept, mask)
            out.append(replace(mark, region=Region.of(mask, kept), light=light))
    return tuple(sorted(out, key=lambda m: m.region.window))


def _residual(picture: Picture, verdict: Verdict, window: Window) -> np.ndarray:
    """Density of the plane beyond its surround and what leaks into it; (rows, cols)."""
    import cv2

    assert picture.infrared is not None
    plane = density(codes_to_pixels(picture.infrared[window.slices], picture.full_scale))
    leaked = density(picture.read(window)) @ verdict.weights
    x = (np.arange(window.left, window.right, dtype=np.float32) + 0.5) / verdict.k - 0.5
    y = (np.arange(window.top, window.bottom, dtype=np.float32) + 0.5) / verdict.k - 0.5
    map_x, map_y = np.meshgrid(x, y)
    surround = cv2.remap(
        verdict.surround, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    # dust is seen in both: what leaks of it must not hide it
    return np.asarray(plane - surround - np.minimum(leaked, _smooth(leaked)))


def _smooth(plane: np.ndarray) -> np.ndarray:
    import cv2

    return np.asarray(cv2.blur(plane, (31, 31)))


def _mark(rows: np.ndarray, cols: np.ndarray, picture: Picture) -> Mark:
    import cv2

    window = Window(int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1)
    grown = window.grown(MARGIN_PX, picture.rows, picture.cols)
    mask = np.zeros((grown.rows, grown.cols), np.uint8)
    mask[rows - grown.top, cols - grown.left] = 1
    mask = cv2.dilate(mask, np.ones((2 * MARGIN_PX + 1,) * 2, np.uint8))
    kind, width, length = kind_of(mask > 0, min(picture.rows, picture.cols))
    return Mark(
        kind=kind,
        region=Region.of(mask > 0, grown),
        width_px=width,
        length_px=length,
        confidence=CONFIDENCE,
    )


def _contrast(picture: Picture, core: Window) -> np.ndarray:
    """The picture's small contrast around a core, padded with nothing beyond the picture."""
    import cv2

    padded = core.grown(REACH_PX, picture.rows, picture.cols)
    level = density(picture.read(padded)).mean(axis=2)
    away = np.abs(level - cv2.blur(level, (15, 15)))
    away = np.minimum(away / (cv2.blur(away, (63, 63)) + 1e-3), 8).astype(np.float32)
    return np.asarray(
        cv2.copyMakeBorder(
            away,
            padded.top - (core.top - REACH_PX),
            core.bottom + REACH_PX - padded.bottom,
            padded.left - (core.left - REACH_PX),
            core.right + REACH_PX - padded.right,
            cv2.BORDER_CONSTANT,
            value=0,
        )
    )


def _lighter(picture: Picture, window: Window, mask: np.ndarray) -> bool:
    around = window.grown(4, picture.rows, picture.cols)
    level = picture.read(around).mean(axis=2)
    inside = np.zeros(level.shape, bool)
    inside[window.within(around)] = mask
    if inside.all():
        return True
    return bool(level[inside].mean() >= level[~inside].mean())
