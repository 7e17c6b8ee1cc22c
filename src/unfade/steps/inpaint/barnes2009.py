"""PatchMatch: for each patch of a hole, a sound patch of the picture that looks most like it.

Good matches are found by chance and handed on: what suits a patch, shifted by one pixel, mostly
suits its neighbour. All patches are asked at once, so that the search is a few array operations
and the same for any order.

Paper: Barnes, Shechtman, Finkelstein & Goldman 2009, "PatchMatch: a randomized correspondence
algorithm for structural image editing", ACM TOG 28(3), doi:10.1145/1531326.1531330.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask

PATCH_PX = 7
REACH_PX = PATCH_PX // 2
# Cosines of a patch that are compared: fine grain is chance, and matches nothing.
LUMA_WAVES, OTHER_WAVES = 6, 2
SIDES = ((0, 1), (0, -1), (1, 0), (-1, 0))
ROWS_OF_A_PRODUCT = 128  # x 49 x 28 is below 2^18, where OpenBLAS starts threads


@dataclass(slots=True, eq=False)
class Matches:
    """Which sound patch each patch of the hole is like.

    Attributes:
        targets: (n, 2) row and column of the middles of patches that touch the hole
        sources: (n, 2) the middles of their matches
        apart: (n,) float32, squared distance of the two
    """

    targets: np.ndarray
    sources: np.ndarray
    apart: np.ndarray


def middles(hole: Mask) -> tuple[np.ndarray, Mask]:
    """Patches that touch a hole, and those that are sound throughout.

    Returns:
        (n, 2) middles of the first, row by row; (rows, cols) bool of the second's middles. Both
        lie wholly inside the picture
    """
    rows, cols = hole.shape
    sums = np.zeros((rows + 1, cols + 1), np.int64)
    sums[1:, 1:] = hole.cumsum(0).cumsum(1)
    side = PATCH_PX
    lost = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    whole = np.zeros(hole.shape, bool)
    whole[REACH_PX : rows - REACH_PX, REACH_PX : cols - REACH_PX] = lost == 0
    return np.argwhere(lost > 0) + REACH_PX, whole


def described(planes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Patches as their slow cosines.

    Args:
        planes: (planes, rows, cols) float32, light first, then colour and texture
        at: (n, 2) middles of the patches, each wholly inside
    Returns:
        (n, features) float32
    """
    parts = []
    for channel, plane in enumerate(planes):
        basis = _basis(LUMA_WAVES if channel == 0 else OTHER_WAVES)
        views = np.lib.stride_tricks.sliding_window_view(plane, (PATCH_PX, PATCH_PX))
        found = np.empty((len(at), basis.shape[1]), np.float32)
        for first in range(0, len(at), ROWS_OF_A_PRODUCT):
            part = slice(first, first + ROWS_OF_A_PRODUCT)
            patches = views[at[part, 0] - REACH_PX, at[part, 1] - REACH_PX]
            found[part] = patches.reshape(-1, PATCH_PX * PATCH_PX) @ basis
        parts.append(found)
    return np.concatenate(parts, axis=1)


def search(
    matches: Matches,
    target_features: np.ndarray,
    source_features: np.ndarray,
    source_row: np.ndarray,
    *,
    rounds: int,
    rng: np.random.Generator,
) -> None:
    """Better the matches in place.

    Args:
        matches: to start from; ``apart`` is computed anew
        target_features, source_features: as ``described`` gives them
        source_row: (rows, cols) int32, row of a middle among the sources, -1: none
        rounds: how often matches are handed on and chance is asked
        rng: where chance comes from
    """
    rows, cols = source_row.shape
    targets = matches.targets
    target_row = np.full((rows, cols), -1, np.int32)
    target_row[targets[:, 0], targets[:, 1]] = np.arange(len(targets), dtype=np.int32)
    everyone = np.arange(len(targets))
    here = source_row[matches.sources[:, 0], matches.sources[:, 1]]
    matches.apart = _apart(target_features, source_features, everyone, here)

    def offer(who: np.ndarray, where: np.ndarray) -> None:
        inside = (where >= 0).all(axis=1) & (where[:, 0] < rows) & (where[:, 1] < cols)
        who, where = who[inside], where[inside]
        row = source_row[where[:, 0], where[:, 1]]
        new = (row >= 0) & (where != matches.sources[who]).any(axis=1)
        who, where, row = who[new], where[new], row[new]
        apart = _apart(target_features, source_features, who, row)
        better = apart < matches.apart[who]
        matches.sources[who[better]] = where[better]
        matches.apart[who[better]] = apart[better]

    for number in range(rounds):
        for jump in (4, 1) if number == 0 else (2, 1):
            for side in SIDES:
                step = np.array(side) * jump
                near = targets + step
                inside = (near >= 0).all(axis=1) & (near[:, 0] < rows) & (near[:, 1] < cols)
                beside = np.where(inside, target_row[tuple((near * inside[:, None]).T)], -1)
                who = np.flatnonzero(beside >= 0)
                offer(who, matches.sources[beside[who]] - step)
        reach = max(rows, cols)
        while reach >= 1:
            moved = rng.integers(-reach, reach + 1, matches.sources.shape)
            offer(everyone, matches.sources + moved)
            reach //= 3


def _apart(a: np.ndarray, b: np.ndarray, of_a: np.ndarray, of_b: np.ndarray) -> np.ndarray:
    difference = a[of_a] - b[of_b]
    return np.asarray(np.einsum("nf,nf->n", difference, difference))


def _basis(waves: int) -> np.ndarray:
    """(patch pixels, features) cosines of a patch with at most ``waves`` half waves in all."""
    place, wave = np.arange(PATCH_PX), np.arange(PATCH_PX)[:, None]
    one = np.cos(np.pi * (2 * place + 1) * wave / (2 * PATCH_PX)) * np.sqrt(2 / PATCH_PX)
    one[0] = np.sqrt(1 / PATCH_PX)
    kept = [(r, c) for r in range(PATCH_PX) for c in range(PATCH_PX) if r + c <= waves]
    return np.stack([np.outer(one[r], one[c]).ravel() for r, c in kept], 1).astype(np.float32)
