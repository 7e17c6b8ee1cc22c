"""Turn accepted candidates into marks: whole defects at native resolution, soft edge included.

A candidate is a few sure pixels, perhaps on a coarse level. Here its surround is looked at once
more, tile by tile: every pixel near it that departs from the sound surround in the mark's own
direction belongs to it, and one pixel more, so that a fill takes no colour from the defect.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.condition.marks.candidates import FEATURES, Candidates, label_sparse
from unfade.condition.marks.planes import read_planes
from unfade.engines.contract import BenchView
from unfade.findings import Mark, MarkKind, Region
from unfade.picture import Picture, Window
from unfade.pixels.tiles import CORE_PX, Grid, Tile

HALO_PX = 72  # two blurs of 61 / 2, growth 6, with spare
GROW_PX = 2
LEAST_AREA_PX = 3  # without the margin
LEAST_STEP = 4.0  # grey levels: less is no part of a mark
LEAST_SHARE = 0.4  # of the mark's own contrast; what is fainter lies in the margin
MOST_SHARE = 0.7
LEAST_NOISE = 3.0  # times the noise of the sound surround
BYTES_EACH = (CORE_PX + 2 * HALO_PX) ** 2 * 60

# rows, cols, confidence in 255ths, contrast in grey levels
Sparse = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def outline(
    picture: Picture,
    candidates: Sequence[Candidates],
    confidence: Sequence[np.ndarray],
    bench: BenchView,
) -> list[Mark]:
    """Marks of the candidates whose confidence is above 0, row by row.

    Args:
        confidence: for each group (candidates,) float, 0: rejected
    """
    grid = Grid(CORE_PX, HALO_PX)
    kept = [
        _accepted(c, chance)
        for c, chance in zip(candidates, confidence, strict=True)
        if (chance > 0).any()
    ]
    if not kept:
        return []
    tiles = [
        tile
        for tile in grid.tiles(picture.rows, picture.cols)
        if any(len(_inside(part, level, tile.padded)[0]) for level, _, part in kept)
    ]

    def work(tile: Tile) -> tuple[Sparse, Sparse]:
        planes = read_planes(picture, tile.padded, 0)
        return _tile(planes[0], tile, kept, True), _tile(planes[1], tile, kept, False)

    parts: tuple[list[Sparse], list[Sparse]] = ([], [])
    says = "Outlining dust, hairs and scratches"
    for pair in bench.map(work, tiles, says=says, total=len(tiles), bytes_each=BYTES_EACH):
        for group, sparse in zip(parts, pair, strict=True):
            group.append(sparse)
    marks = [
        mark
        for light, group in zip((True, False), parts, strict=True)
        for mark in _marks(group, light, picture)
    ]
    return sorted(marks, key=lambda m: (m.region.window, not m.light))


def kind_of(mask: np.ndarray, shorter_side_px: int) -> tuple[MarkKind, float, float]:
    """Kind, width and length of one mark from its shape.

    Args:
        mask: (rows, cols) bool, the mark as it was outlined, one pixel of margin included
        shorter_side_px: of the picture
    """
    area = float(np.count_nonzero(mask))
    padded = np.pad(mask, 1)
    down = np.count_nonzero(padded[1:] != padded[:-1])
    right = np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    perimeter = float(down + right)
    rows, cols = np.nonzero(mask)
    spread = np.cov(rows, cols, bias=True) if area > 1 else np.zeros((2, 2))
    minor, major = np.sqrt(12 * np.maximum(np.linalg.eigvalsh(spread), 0) + 1)
    half = max(perimeter / 2.55, 2 * np.sqrt(area))
    length = max((half + np.sqrt(max(half**2 - 4 * area, 0))) / 2, major)
    # the margin is no part of the defect's own size
    width, length = max(1.0, float(area / length) - 2), max(1.0, float(length) - 2)
    if length < 4.5 * width or length < 12:
        return MarkKind.DUST, width, length
    straight = minor < 0.08 * major + 1.5 * (width + 2) and length < 1.5 * major
    long = major > 0.4 * shorter_side_px and minor < 0.2 * major
    return (MarkKind.SCRATCH if straight or long else MarkKind.HAIR), width, length


def _accepted(c: Candidates, chance: np.ndarray) -> tuple[int, bool, Sparse]:
    keep = chance[c.owner] > 0
    owner = c.owner[keep]
    code = np.clip(np.ceil(chance * 255), 0, 255).astype(np.uint8)[owner]
    contrast = np.exp(c.features[owner, FEATURES.index("log_contrast")])
    contrast = np.clip(np.round(contrast), 1, 255).astype(np.uint8)
    return c.level, c.light, (c.specks.rows[keep], c.specks.cols[keep], code, contrast)


def _inside(part: Sparse, level: int, window: Window) -> Sparse:
    """The specks whose native pixels touch ``window``; rows are in order."""
    rows, cols, code, contrast = part
    first = np.searchsorted(rows, window.top >> level)
    last = np.searchsorted(rows, -(-window.bottom >> level), side="left")
    pick = slice(first, last)
    near = (cols[pick] >= window.left >> level) & (cols[pick] < -(-window.right >> level))
    return rows[pick][near], cols[pick][near], code[pick][near], contrast[pick][near]


def _tile(
    plane: np.ndarray, tile: Tile, kept: Sequence[tuple[int, bool, Sparse]], light: bool
) -> Sparse:
    """Native pixels of the marks of one polarity in a tile's core."""
    import cv2

    window = tile.padded
    seed, contrast = np.zeros((2, *plane.shape), np.uint8)
    for level, is_light, part in kept:
        if is_light == light:
            rows, cols, code, height = _inside(part, level, window)
            _stamp(seed, window, level, (rows, cols), code)
            _stamp(contrast, window, level, (rows, cols), height)
    if not seed.any():
        empty = np.zeros(0, np.int32)
        return empty, empty, np.zeros(0, np.uint8), np.zeros(0, np.uint8)
    grown, contrast = (cv2.dilate(p, _disc(GROW_PX)) for p in (seed, contrast))
    step = cv2.subtract(plane, _surround(plane, cv2.dilate(grown, _disc(2)) > 0), dtype=cv2.CV_32F)
    sound = (grown == 0).astype(np.float32)
    noise = cv2.blur(np.abs(step) * sound, (21, 21)) / np.maximum(cv2.blur(sound, (21, 21)), 0.05)
    least = np.clip(LEAST_NOISE * noise, LEAST_SHARE * contrast, MOST_SHARE * contrast)
    least = np.maximum(least, LEAST_STEP)
    belongs = (grown > 0) & (step > least)
    whole = cv2.dilate(np.where(belongs, grown, 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    inside = whole[tile.inner]
    rows, cols = np.nonzero(inside)
    return (
        (rows + tile.core.top).astype(np.int32),
        (cols + tile.core.left).astype(np.int32),
        inside[rows, cols],
        belongs[tile.inner][rows, cols].astype(np.uint8),
    )


def _stamp(
    seed: np.ndarray,
    window: Window,
    level: int,
    places: tuple[np.ndarray, np.ndarray],
    code: np.ndarray,
) -> None:
    """Write each speck's value into the block of native pixels that it stands for."""
    rows, cols = places
    for down in range(1 << level):
        for right in range(1 << level):
            r = (rows << level) + down - window.top
            c = (cols << level) + right - window.left
            inside = (r >= 0) & (c >= 0) & (r < seed.shape[0]) & (c < seed.shape[1])
            np.maximum.at(seed, (r[inside], c[inside]), code[inside])


def _surround(plane: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """The plane with its holes filled from around: a coarse guess of what lies under a mark."""
    import cv2

    sound = (~hole).astype(np.float32)
    values = plane * sound
    guess = np.full(plane.shape, -1, np.float32)
    for side in (9, 21, 61):
        weight = cv2.blur(sound, (side, side))
        ready = (guess < 0) & (weight > 0.08)
        guess[ready] = cv2.blur(values, (side, side))[ready] / weight[ready]
    lost = guess < 0
    if lost.any():
        guess[lost] = float(values.sum() / max(sound.sum(), 1))
    return np.clip(np.round(guess), 0, 255).astype(np.uint8)


def _disc(radius_px: int) -> np.ndarray:
    steps = np.arange(-radius_px, radius_px + 1)
    return (np.hypot(steps[:, None], steps) <= radius_px + 0.5).astype(np.uint8)


def _marks(parts: Sequence[Sparse], light: bool, picture: Picture) -> list[Mark]:
    rows, cols, code, belongs = (np.concatenate([p[i] for p in parts]) for i in range(4))
    order = np.lexsort((cols, rows))
    rows, cols, code, belongs = rows[order], cols[order], code[order], belongs[order]
    labels, count = label_sparse(rows, cols)
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels, minlength=count)
    ends = np.cumsum(sizes)
    marks = []
    for first, last in zip(ends - sizes, ends, strict=True):
        pick = order[first:last]
        if belongs[pick].sum() < LEAST_AREA_PX:
            continue
        r, c = rows[pick], cols[pick]
        window = Window(int(r.min()), int(c.min()), int(r.max()) + 1, int(c.max()) + 1)
        mask = np.zeros((window.rows, window.cols), bool)
        mask[r - window.top, c - window.left] = True
        kind, width, length = kind_of(mask, min(picture.rows, picture.cols))
        marks.append(
            Mark(
                kind=kind,
                region=Region.of(mask, window),
                light=light,
                width_px=width,
                length_px=length,
                confidence=float(np.max(code[pick])) / 256,
            )
        )
    return marks
