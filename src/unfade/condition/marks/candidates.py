"""Join specks to candidates and measure each: shape, contrast, surround.

Components are found on sparse pixels of the whole picture, so a scratch that crosses a hundred
tiles is one candidate, and memory follows the number of specks. Every measurement is a sum over
the candidate's pixels; no loop runs over candidates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.marks.specks import TRACES, Specks

CELL_PX = 32  # grid of the wider surround, in the level's own pixels

# what is measured of each candidate, in this order
FEATURES = (
    "log_area",
    "log_width",
    "log_length",
    "log_elongation",
    "bend",  # spread across the main axis over what a straight ribbon would have
    "raggedness",
    "log_contrast",
    "log_contrast_to_noise",
    "log_contrast_to_texture",
    "log_texture",
    "slope_share",  # background range over contrast
    "log_slope",
    "unevenness",  # spread of the contrast along the candidate, over its mean
    "sharpness",  # steepest rise over contrast
    "value",  # of the plane where the mark is
    "around",  # of the plane's background
    "chroma",
    "chroma_around",
    "other",  # the other plane's residue over this one's
    "same_near",
    "other_near",
    "same_wide",  # share of specks in 160 pixels around, without the candidate
    "other_wide",
    "line",
    "log_contrast_to_close_texture",
    "counter",  # largest opposite residue beside the mark, over contrast
    "log_relief",
    "opacity",  # if the mark were white (black) ink
    "ink_mismatch",  # how far the other plane departs from what neutral ink would do there
    "odds",  # mean of the pixels' own judgement
    "best_odds",
    "level",
    "light",
)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Candidates of one level and polarity, measured.

    Attributes:
        specks: those that belong to a candidate
        owner: (specks,) int64: which candidate each belongs to
        features: (candidates, len(FEATURES)) float32
    """

    level: int
    light: bool
    specks: Specks
    owner: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        return len(self.features)


def label_sparse(rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, int]:
    """Connected components (8 neighbours) of sparse pixels ordered by row, then column.

    Returns:
        label of each pixel, 0 to count - 1 in the order of first pixels; how many there are
    Cost: O(n log n); about 1 s for a million pixels
    """
    count = len(rows)
    if count == 0:
        return np.zeros(0, np.int64), 0
    pairs = [_neighbours(rows, cols, *step) for step in ((0, 1), (1, -1), (1, 0), (1, 1))]
    first = np.concatenate([p[0] for p in pairs])
    second = np.concatenate([p[1] for p in pairs])
    parent = np.arange(count)
    while True:
        a, b = parent[first], parent[second]
        apart = a != b
        if not apart.any():
            break
        first, second, a, b = first[apart], second[apart], a[apart], b[apart]
        np.minimum.at(parent, np.maximum(a, b), np.minimum(a, b))
        while True:
            above = parent[parent]
            if np.array_equal(above, parent):
                break
            parent = above
    roots, labels = np.unique(parent, return_inverse=True)
    return labels, len(roots)


def measure(level: int, light: bool, specks: Specks, other: Specks, least_px: int) -> Candidates:
    """Candidates among the specks of one plane, with their features.

    Args:
        other: the specks of the other plane on the same level
        least_px: candidates of fewer pixels are dropped
    """
    labels, count = label_sparse(specks.rows, specks.cols)
    seeds = np.bincount(labels, specks.strong, count)
    area = np.bincount(labels, minlength=count)
    keep = (seeds >= 1) & (area >= least_px)
    number = np.cumsum(keep) - 1
    member = keep[labels] if count else np.zeros(0, bool)
    kept = Specks(
        specks.rows[member], specks.cols[member], specks.traces[member], specks.strong[member]
    )
    owner = number[labels[member]]
    features = _features(level, light, kept, owner, int(keep.sum()), specks, other)
    return Candidates(level, light, kept, owner, features)


def _features(
    level: int,
    light: bool,
    kept: Specks,
    owner: np.ndarray,
    count: int,
    whole: Specks,
    other: Specks,
) -> np.ndarray:
    if count == 0:
        return np.zeros((0, len(FEATURES)), np.float32)
    area = np.bincount(owner, minlength=count).astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, values, count) / area

    def largest(values: np.ndarray) -> np.ndarray:
        top = np.zeros(count)
        np.maximum.at(top, owner, values)
        return top

    trace = {name: kept.traces[:, i].astype(np.float64) for i, name in enumerate(TRACES)}
    # the core of a mark is what tells its contrast: soft edges would water it down
    weight = trace["residue"]
    total = np.maximum(np.bincount(owner, weight, count), 1e-6)

    def core(values: np.ndarray) -> np.ndarray:
        return np.bincount(owner, values * weight, count) / total

    contrast = np.maximum(core(trace["residue"]), 1)
    noise = core(trace["noise"]) / 8
    texture = core(trace["texture"]) / 8
    slope = mean(trace["slope"])
    value = core(trace["value"])
    around = value - contrast
    opacity = contrast / np.maximum(255 - around, 1)
    other_ink = np.maximum(255 - around - core(trace["chroma_around"]), 0)
    spread = np.sqrt(np.maximum(mean(trace["residue"] ** 2) - mean(trace["residue"]) ** 2, 0))

    rows, cols = kept.rows.astype(np.float64), kept.cols.astype(np.float64)
    centre_row, centre_col = mean(rows), mean(cols)
    down, across = rows - centre_row[owner], cols - centre_col[owner]
    var_row, var_col, both = mean(down**2), mean(across**2), mean(down * across)
    half_sum, root = (var_row + var_col) / 2, np.hypot((var_row - var_col) / 2, both)
    minor = np.maximum(half_sum - root, 0) + 1 / 12
    major = half_sum + root + 1 / 12

    perimeter = 4 * area - 2 * (
        _inner_pairs(kept, owner, count, 0, 1) + _inner_pairs(kept, owner, count, 1, 0)
    )
    # crack perimeter of an antialiased ribbon is about 2 x 1.27 (length + width)
    half = np.maximum(perimeter / 2.55, 2 * np.sqrt(area))
    length = (half + np.sqrt(np.maximum(half**2 - 4 * area, 0))) / 2
    extent = np.sqrt(12 * major)
    length = np.maximum(length, extent)
    width = area / length
    ribbon = np.maximum(width, 1)

    wide_same = _wide_share(whole, kept, owner, count, area, own=True)
    wide_other = _wide_share(other, kept, owner, count, area, own=False)
    columns = (
        np.log(area),
        np.log(width),
        np.log(length),
        np.log(length / ribbon),
        np.log(np.sqrt(12 * minor) / ribbon),
        np.log(length / extent),
        np.log(contrast),
        np.log(contrast / (1.4826 * noise + 0.7)),
        np.log(contrast / (texture + 0.7)),
        np.log(texture + 0.5),
        np.log((slope + 2) / contrast),
        np.log(slope + 2),
        spread / contrast,
        largest(trace["edge"]) / contrast,
        value / 255,
        around / 255,
        core(trace["chroma"]) / 255,
        core(trace["chroma_around"]) / 255,
        core(trace["other"] - 128) / contrast,
        mean(trace["same_near"]) / 255,
        mean(trace["other_near"]) / 255,
        wide_same,
        wide_other,
        np.log(largest(trace["line"]) / 8 + 1),
        np.log(contrast / (core(trace["close_texture"]) / 8 + 0.7)),
        np.minimum(mean(trace["counter"]) / contrast, 4),
        np.log(mean(trace["relief"]) + 2),
        opacity,
        np.clip((core(trace["other"] - 128) + opacity * other_ink) / contrast, -3, 3),
        mean(trace["odds"] - 128) / 16,
        (largest(trace["odds"]) - 128) / 16,
        np.full(count, level),
        np.full(count, light),
    )
    return np.stack(columns, axis=1).astype(np.float32)


def _neighbours(
    rows: np.ndarray, cols: np.ndarray, down: int, across: int
) -> tuple[np.ndarray, np.ndarray]:
    """Index pairs of pixels of which the second lies at (down, across) from the first."""
    stride = int(cols.max()) + 3
    keys = rows.astype(np.int64) * stride + cols + 1
    wanted = keys + down * stride + across
    place = np.searchsorted(keys, wanted)
    place[place == len(keys)] = 0
    hit = np.flatnonzero(keys[place] == wanted)
    return hit, place[hit]


def _inner_pairs(kept: Specks, owner: np.ndarray, count: int, down: int, across: int) -> np.ndarray:
    first, _ = _neighbours(kept.rows, kept.cols, down, across)
    return np.bincount(owner[first], minlength=count).astype(np.float64)


def _wide_share(
    around: Specks, kept: Specks, owner: np.ndarray, count: int, area: np.ndarray, *, own: bool
) -> np.ndarray:
    """Share of specks in 5 x 5 cells around each candidate's pixels, without its own."""
    if len(around.rows) == 0:
        return np.zeros(count)
    high = int(max(around.rows.max(), kept.rows.max())) // CELL_PX + 1
    wide = int(max(around.cols.max(), kept.cols.max())) // CELL_PX + 1
    cells = np.bincount(
        (around.rows // CELL_PX) * wide + around.cols // CELL_PX, minlength=high * wide
    ).reshape(high, wide)
    padded = np.pad(cells, ((3, 2), (3, 2))).cumsum(0).cumsum(1)
    sums = padded[5:, 5:] - padded[:-5, 5:] - padded[5:, :-5] + padded[:-5, :-5]
    near = sums[kept.rows // CELL_PX, kept.cols // CELL_PX].astype(np.float64)
    mean = np.bincount(owner, near, count) / area
    if own:
        mean = np.maximum(mean - area, 0)
    share: np.ndarray = np.sqrt(mean / (5 * CELL_PX) ** 2)
    return share
