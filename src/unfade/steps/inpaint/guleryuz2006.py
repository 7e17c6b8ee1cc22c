"""Sparse fill: whatever makes all overlapping patches need the fewest cosines. The default.

Edges, stripes and regular texture go on through a hole, because a patch that holds a broken one
needs more cosines than a patch that holds a whole one. Suits scratches, hairs and dust on any
surround. Holes much wider than a patch end in a smooth middle; grain is not made up (see
``unfade.pixels.grain``).

Paper: Guleryuz 2006, "Nonlinear approximation based image recovery using adaptive sparse
reconstructions and iterated denoising", IEEE TIP 15(3), doi:10.1109/TIP.2005.863057.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Pixels, Window
from unfade.pixels.masks import check_hole
from unfade.steps.inpaint.damelin2018 import solve_smooth

PATCH_PX = 16
STRIDE_PX = 4
# Each round lays the lattice of patches elsewhere, so that in the end a pixel has been looked at
# by patches in every position, at a sixteenth of the price.
SHIFTS = ((0, 0), (2, 2), (0, 2), (2, 0), (1, 1), (3, 3), (1, 3), (3, 1))
# Thresholds in units of the full scale. The first leaves a patch its strongest edges only; the
# last is below what is seen. Both were chosen on photographs and paintings, as was the number
# of rounds: twice as many gain 0.1 dB, 0.25 dB on lines of a single pixel.
FIRST_THRESHOLD = 0.35
LAST_THRESHOLD = 0.02
ROUNDS = 12
SMOOTH_TOLERANCE = 1e-3
CHUNK_PATCHES = 256  # about 1 MB of three channels, so that a chunk stays in the cache
ROWS_OF_A_PRODUCT = 1000  # x 16 x 16 is below 2^18, where OpenBLAS starts threads


def fill_sparse(
    pixels: Pixels, mask: Mask, *, rounds: int = ROUNDS, origin: tuple[int, int] = (0, 0)
) -> Pixels:
    """Fill holes by repeated thresholding of overlapping cosine patches, from coarse to fine.

    Values are held within the range of the sound pixels.

    Args:
        pixels: (rows, cols, 1 or 3) float32; what lies under the mask is not looked at
        mask: (rows, cols) bool, True = fill
        rounds: thresholds between the first and the last, 4 or more
        origin: (row, col) of the first pixel in the whole picture. The lattice of patches is laid
            from the picture's origin, so that a window is filled as the whole would be
    Returns:
        float32 like ``pixels``, bit-identical outside the mask
    Raises:
        ValueError: see ``unfade.pixels.masks.check_hole``; or fewer than 4 rounds
    Cost:
        time ∝ masked pixels and ``rounds``; about 50 microseconds a masked pixel on one core.
        Memory about 1.5 kB a masked pixel
    Source:
        Guleryuz 2006. Differs: starts from the mean of the harmonic and the biharmonic surface,
        treats all layers of a hole at once, and shifts a sparse lattice from round to round
        instead of using all patches
    """
    check_hole(pixels, mask)
    if rounds < 4:
        raise ValueError(f"rounds is {rounds}, expected 4 or more")
    if not mask.any():
        return pixels.copy()
    # Nothing further off than two patches is looked at.
    near = _box_around(mask, PATCH_PX + STRIDE_PX)
    part, hole = pixels[near.slices], mask[near.slices]
    harmonic = solve_smooth(part, hole, order=1, tolerance=SMOOTH_TOLERANCE)
    start = solve_smooth(part, hole, order=2, tolerance=SMOOTH_TOLERANCE, start=harmonic)
    start = 0.5 * (start + harmonic)

    # A margin of a patch all round lets every lattice reach every hole, at the border too.
    margin = PATCH_PX + STRIDE_PX
    around = ((margin, margin), (margin, margin))
    basis = _cosines(pixels.shape[2])
    parted = np.einsum("ijc,kc->ijk", start, basis)
    mirrored = np.pad(parted, (*around, (0, 0)), mode="symmetric")
    planes = np.ascontiguousarray(mirrored.transpose(2, 0, 1))
    corner = (origin[0] + near.top - margin, origin[1] + near.left - margin)
    wide = np.pad(hole, around, mode="symmetric")
    lattices = [_Lattice.over(wide, corner, shift) for shift in SHIFTS[:rounds]]
    cosines = _cosines(PATCH_PX)
    for number, threshold in enumerate(np.geomspace(FIRST_THRESHOLD, LAST_THRESHOLD, rounds)):
        lattice = lattices[number % len(lattices)]
        _thresholded(planes.reshape(planes.shape[0], -1), lattice, float(threshold), cosines)

    sound = part[~hole]
    inside = planes[:, margin:-margin, margin:-margin]
    rebuilt = np.einsum("kn,kc->nc", inside[:, hole], basis)
    filled = pixels.copy()
    filled[mask] = np.clip(rebuilt, sound.min(axis=0), sound.max(axis=0))
    return filled


@dataclass(frozen=True, slots=True, eq=False)
class _Lattice:
    """The patches of one shift that cover part of a hole.

    Attributes:
        corners: (patches,) flat index of each patch's first pixel
        offsets: (side^2,) from there to each of its pixels
        holes: flat indices of the pixels of holes
        row_of: (pixels,) int32, row of each pixel among the holes, -1 for sound ones
    """

    corners: np.ndarray
    offsets: np.ndarray
    holes: np.ndarray
    row_of: np.ndarray

    @staticmethod
    def over(hole: Mask, corner: tuple[int, int], shift: tuple[int, int]) -> _Lattice:
        rows, cols = hole.shape
        sums = np.zeros((rows + 1, cols + 1), np.int64)
        sums[1:, 1:] = hole.cumsum(0).cumsum(1)
        first_row = -(corner[0] + shift[0]) % STRIDE_PX
        first_col = -(corner[1] + shift[1]) % STRIDE_PX
        top = np.arange(first_row, rows - PATCH_PX + 1, STRIDE_PX)[:, None]
        left = np.arange(first_col, cols - PATCH_PX + 1, STRIDE_PX)[None, :]
        low, right = top + PATCH_PX, left + PATCH_PX
        inside = sums[low, right] - sums[top, right] - sums[low, left] + sums[top, left]
        holes = np.flatnonzero(hole)
        row_of = np.full(rows * cols, -1, np.int32)
        row_of[holes] = np.arange(holes.size, dtype=np.int32)
        offsets = (np.arange(PATCH_PX)[:, None] * cols + np.arange(PATCH_PX)).ravel()
        return _Lattice((top * cols + left)[inside > 0], offsets, holes, row_of)


def _thresholded(
    planes: np.ndarray, lattice: _Lattice, threshold: float, cosines: np.ndarray
) -> None:
    """One round: the holes of each plane become the mean of the thresholded patches over them."""
    channels, holes, side2 = planes.shape[0], lattice.holes, lattice.offsets.size
    total = np.zeros((channels, holes.size))
    weight = np.zeros(holes.size)
    for first in range(0, lattice.corners.size, CHUNK_PATCHES):
        index = lattice.corners[first : first + CHUNK_PATCHES, None] + lattice.offsets
        row = lattice.row_of[index].ravel()
        wanted = np.flatnonzero(row >= 0)
        row = row[wanted]
        low = int(row.min())
        row -= low
        part = slice(low, low + int(row.max()) + 1)
        count = part.stop - low
        patches, kept = _sparsest(np.take(planes, index, axis=1), threshold, cosines)
        # A patch that needs few cosines knows what it is; all its channels are believed alike.
        trust = np.take(1.0 / np.sqrt(kept.sum(axis=0)), wanted // side2)
        weight[part] += np.bincount(row, trust, count)
        for k in range(channels):
            seen = np.take(patches[k], wanted)
            total[k, part] += np.bincount(row, seen * trust, count)
    seen = weight > 0  # not so in the outermost mirrored corner, which is cut off in the end
    planes[:, holes[seen]] = total[:, seen] / weight[seen]


def _sparsest(
    patches: np.ndarray, threshold: float, cosines: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Patches (..., side^2) from their strong cosines only, and how many those are (...)."""
    side = cosines.shape[0]
    square = (*patches.shape[:-1], side, side)
    forth = np.ascontiguousarray(cosines.T)
    cube = _times(_turned(_times(patches.reshape(-1, side), forth), square), forth)
    strong = np.abs(cube).reshape(patches.shape) >= threshold
    strong[..., 0] = True  # the mean is never given up
    cube *= strong.reshape(cube.shape)
    cube = _times(_turned(_times(cube, cosines), square), cosines)
    return cube.reshape(patches.shape), np.count_nonzero(strong, axis=-1)


def _times(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """``rows @ matrix`` in products too small for BLAS to start threads of its own.

    Its threads gain nothing here and wait for one another when the bench uses all cores.
    """
    product = np.empty_like(rows)
    for first in range(0, rows.shape[0], ROWS_OF_A_PRODUCT):
        part = slice(first, first + ROWS_OF_A_PRODUCT)
        np.matmul(rows[part], matrix, out=product[part])
    return product


def _turned(cube: np.ndarray, square: tuple[int, ...]) -> np.ndarray:
    """Each of the patches transposed, as rows again."""
    turned = np.ascontiguousarray(cube.reshape(square).swapaxes(-1, -2))
    return np.asarray(turned.reshape(-1, square[-1]))


def _box_around(mask: Mask, margin_px: int) -> Window:
    """The smallest window around all True pixels, with a margin."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = Window(int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1)
    return box.grown(margin_px, *mask.shape)


def _cosines(side: int) -> np.ndarray:
    """The orthonormal cosine transform of ``side`` samples as a float32 matrix.

    For three channels it parts light from colour; edges are then sparse in the first alone.
    """
    wave, place = np.arange(side)[:, None], np.arange(side)[None, :]
    matrix = np.cos(np.pi * (2 * place + 1) * wave / (2 * side)) * np.sqrt(2 / side)
    matrix[0] = np.sqrt(1 / side)
    return np.asarray(matrix, np.float32)
