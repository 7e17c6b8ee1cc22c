"""Deblocking by shifted compressions: JPEG's own rounding, repeated on every shift of its grid.

The blocks of a JPEG picture lie on one grid of 8 x 8. Round the same coefficients on another grid
and the ripples of this rounding lie elsewhere; the mean over many grids keeps the picture and
loses the ripples. Works on 0-1 pixels of any depth.

Paper: Nosratinia 2001, "Enhancement of JPEG-compressed images by re-application of JPEG",
Journal of VLSI Signal Processing 27, doi:10.1023/A:1011117822974.
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels

HALO_PX = 15  # a pixel's blocks reach 7 pixels each way; one grid more for the shifts
SHIFTS = ((0, 0), (1, 5), (2, 2), (3, 7), (4, 4), (5, 1), (6, 6), (7, 3), (0, 4), (4, 0),
          (2, 6), (6, 2), (1, 1), (3, 3), (5, 5), (7, 7))  # fmt: skip

# Annex K of ITU-T T.81: the tables that nearly every encoder scales by its quality
LUMINANCE = np.array(
    [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
     14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
     92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99],
    np.float32,
).reshape(8, 8)  # fmt: skip
CHROMINANCE = np.full((8, 8), 99, np.float32)
CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_at, _k = np.mgrid[0:8, 0:8]
DCT = np.where(_k == 0, np.sqrt(1 / 8), 0.5 * np.cos((2 * _at + 1) * _k * np.pi / 16)).T


def deblock_shifted(pixels: Pixels, *, quality: int, origin: tuple[int, int] = (0, 0)) -> Pixels:
    """Take blocks out by compressing again on shifted grids.

    Args:
        pixels: (rows, cols, 1 or 3) float32, as the file stores them
        quality: JPEG quality, 1-100: how coarsely is rounded; that of the picture's own
            compression suits best
        origin: row and column of the first pixel in the whole picture, so that the grids do not
            depend on the window
    Returns:
        float32 like ``pixels``
    Raises:
        ValueError: a quality outside 1-100
    Cost:
        0.6 s for a megapixel and channel on one core
    Source:
        Nosratinia 2001; 16 of the 64 shifts, which lie evenly
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is {quality}, expected 1 to 100")
    planes = pixels @ YCC.T.astype(np.float32) if pixels.shape[2] == 3 else pixels
    result = np.empty_like(planes)
    for channel in range(planes.shape[2]):
        table = _table(LUMINANCE if channel == 0 else CHROMINANCE, quality)
        result[:, :, channel] = _mean_of_shifts(planes[:, :, channel], table, origin)
    if pixels.shape[2] == 3:
        result = result @ np.linalg.inv(YCC).T.astype(np.float32)
    return np.ascontiguousarray(result, np.float32)


def _table(base: np.ndarray, quality: int) -> np.ndarray:
    """The quantisation table of this quality, in units of 0-1 pixels."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    table: np.ndarray = np.clip(np.floor((base * scale + 50) / 100), 1, 255) / 255
    return table


def _mean_of_shifts(plane: np.ndarray, table: np.ndarray, origin: tuple[int, int]) -> np.ndarray:
    rows, cols = plane.shape
    total = np.zeros((rows, cols), np.float64)
    basis = DCT.astype(np.float32)
    step = table.astype(np.float32)
    for down, across in SHIFTS:
        top, left = (origin[0] + down) % 8, (origin[1] + across) % 8
        low, right = -(rows + top) % 8, -(cols + left) % 8
        padded = np.pad(plane, ((top, low), (left, right)), mode="symmetric")
        high, wide = padded.shape
        blocks = padded.reshape(high // 8, 8, wide // 8, 8).transpose(0, 2, 1, 3)
        coefficients = basis @ blocks @ basis.T
        rounded = np.rint(coefficients / step) * step
        back = (basis.T @ rounded @ basis).transpose(0, 2, 1, 3).reshape(high, wide)
        total += back[top : top + rows, left : left + cols]
    return np.asarray(total / len(SHIFTS), np.float32)
