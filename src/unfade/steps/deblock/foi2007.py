"""Deblocking by shrinking cosine coefficients, with strengths from the picture's own JPEG table.

The rounding of JPEG is taken for noise whose strength at each frequency follows the table. Twice
the picture is transformed on many shifts of the grid: first small coefficients are dropped, then
each is weighted by its energy in that first estimate over energy and noise (an empirical Wiener
filter). At the end the coefficients on JPEG's own grid are brought back to what could have been
rounded to the values in the file: nothing is smoothed further than the compression may have
roughened it.

Paper: Foi, Katkovnik, Egiazarian 2007, "Pointwise shape-adaptive DCT for high-quality denoising
and deblocking of grayscale and color images", doi:10.1109/TIP.2007.891788 (thresholding, then
Wiener; noise from the table), here on whole blocks instead of adapted shapes; the last step is
the narrow quantisation constraint of Park, Lee 1999.
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels
from unfade.pixels.jpeg_tables import CHROMINANCE, DCT, LUMINANCE, YCC, table_of
from unfade.steps.deblock.nosratinia2001 import SHIFTS

_STAGE_PX = 7  # a pixel's blocks reach this far; three stages one after another, halved chroma
HALO_PX = 2 * 3 * _STAGE_PX + 2
# of the table's entry; best of those tried on training photographs at quality 10 to 75
_DROPPED, _NOISE, _BACK = 0.7, 0.3, 0.3

Grid = tuple[int, int]


def deblock_transform(
    pixels: Pixels, *, quality: int, grid: Grid = (0, 0), origin: Grid = (0, 0)
) -> Pixels:
    """Take blocks and ripples out by shrinking cosine coefficients.

    Args:
        pixels: (rows, cols, 1 or 3) float32, as the file stores them
        quality: JPEG quality, 1-100, that the picture was saved with
        grid: row and column of the first block that begins inside the whole picture
        origin: row and column of the first pixel in the whole picture, so that the grids do not
            depend on the window
    Returns:
        float32 like ``pixels``; ``HALO_PX`` from a side that is no edge of the picture it depends
        on what lies beyond
    Raises:
        ValueError: a quality outside 1-100
    Cost:
        0.5 s for a grey megapixel on one core, 0.8 s in colour: chroma is treated at half size
    Source:
        Foi, Katkovnik, Egiazarian 2007
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is {quality}, expected 1 to 100")
    # where JPEG's own grid lies, seen from the first pixel
    start = ((origin[0] - grid[0]) % 16, (origin[1] - grid[1]) % 16)
    light = table_of(LUMINANCE, quality) / 255
    if pixels.shape[2] == 1:
        return _treated(pixels[:, :, 0], light, start)[:, :, None]
    planes = pixels @ YCC.T.astype(np.float32)
    planes[:, :, 0] = _treated(planes[:, :, 0], light, start)
    colour = table_of(CHROMINANCE, quality) / 255
    for channel in (1, 2):
        planes[:, :, channel] = _at_half_size(planes[:, :, channel], colour, start)
    result = planes @ np.linalg.inv(YCC).T.astype(np.float32)
    return np.ascontiguousarray(result, np.float32)


def _at_half_size(plane: np.ndarray, table: np.ndarray, start: Grid) -> np.ndarray:
    """What changes when the halved plane is treated, laid over the plane.

    Most encoders halve chroma; where one did not, its blocks are averaged here two by two, which
    takes their steps out, too.
    """
    rows, cols = plane.shape
    top, left = start[0] % 2, start[1] % 2
    low, right = (rows + top) % 2, (cols + left) % 2
    padded = np.pad(plane, ((top, low), (left, right)), mode="symmetric")
    half = (padded[0::2] + padded[1::2]) * np.float32(0.5)
    half = (half[:, 0::2] + half[:, 1::2]) * np.float32(0.5)
    change = _treated(half, table, (start[0] // 2, start[1] // 2)) - half
    whole = _doubled(_doubled(change, 0), 1)
    return np.asarray(plane + whole[top : top + rows, left : left + cols])


def _doubled(half: np.ndarray, axis: int) -> np.ndarray:
    """Twice as many samples, weights 3/4 and 1/4, as decoders double chroma."""
    pad = [(1, 1) if a == axis else (0, 0) for a in range(2)]
    near = np.pad(half, pad, mode="edge").swapaxes(0, axis)
    before = near[1:-1] * np.float32(0.75) + near[:-2] * np.float32(0.25)
    after = near[1:-1] * np.float32(0.75) + near[2:] * np.float32(0.25)
    both = np.stack([before, after], axis=1).reshape(-1, near.shape[1])
    return both.swapaxes(0, axis)


def _treated(plane: np.ndarray, table: np.ndarray, start: Grid) -> np.ndarray:
    # noise of the rounding: between each entry's own and that of the low frequencies, of which
    # edges spill into all
    noise = np.sqrt(table * table[:3, :3].mean()).astype(np.float32)
    first = _over_shifts(plane, None, noise * np.float32(_DROPPED), start)
    second = _over_shifts(plane, first, noise * np.float32(_NOISE), start)
    return _constrained(second, plane, (table * _BACK).astype(np.float32), start)


def _over_shifts(
    plane: np.ndarray, pilot: np.ndarray | None, noise: np.ndarray, start: Grid
) -> np.ndarray:
    """Weighted mean over shifted grids; small coefficients dropped, or weighted by a pilot's."""
    rows, cols = plane.shape
    total, weights = np.zeros((2, rows, cols), np.float32)
    for down, across in SHIFTS:
        at = (start[0] + down) % 8, (start[1] + across) % 8
        seen = _coefficients(plane, at)
        if pilot is None:
            gain = (np.abs(seen) > noise).astype(np.float32)
        else:
            energy = _coefficients(pilot, at) ** 2
            gain = energy / (energy + noise * noise)
        gain[:, :, 0, 0] = 1
        weight = 1 / np.einsum("rcuv,rcuv->rc", gain, gain)  # few coefficients: little noise
        seen *= gain
        seen *= weight[:, :, None, None]
        total += _back(seen, at, rows, cols)
        spread = np.repeat(np.repeat(weight, 8, axis=0), 8, axis=1)
        weights += spread[at[0] : at[0] + rows, at[1] : at[1] + cols]
    return np.asarray(total / weights)


def _constrained(
    smooth: np.ndarray, plane: np.ndarray, room: np.ndarray, start: Grid
) -> np.ndarray:
    at = start[0] % 8, start[1] % 8
    coded = _coefficients(plane, at)
    allowed = np.clip(_coefficients(smooth, at), coded - room, coded + room)
    return _back(allowed, at, *plane.shape)


def _coefficients(plane: np.ndarray, at: Grid) -> np.ndarray:
    """(block rows, block cols, 8, 8) of the blocks that begin ``at`` pixels before the plane."""
    rows, cols = plane.shape
    pad = ((at[0], -(rows + at[0]) % 8), (at[1], -(cols + at[1]) % 8))
    padded = np.pad(plane, pad, mode="symmetric")
    high, wide = padded.shape
    blocks = padded.reshape(high // 8, 8, wide // 8, 8).transpose(0, 2, 1, 3)
    basis = DCT.astype(np.float32)
    return np.asarray(basis @ blocks @ basis.T)


def _back(coefficients: np.ndarray, at: Grid, rows: int, cols: int) -> np.ndarray:
    high, wide = 8 * coefficients.shape[0], 8 * coefficients.shape[1]
    basis = DCT.astype(np.float32)
    whole = (basis.T @ coefficients @ basis).transpose(0, 2, 1, 3).reshape(high, wide)
    return np.asarray(whole[at[0] : at[0] + rows, at[1] : at[1] + cols])
