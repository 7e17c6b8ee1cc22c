"""How the eyes sample a picture: a small overview of all of it, and windows at full size.

Both are laid from the picture's origin and depend on nothing but its size, so what is found
does not depend on memory or threads. Neither ever holds the whole picture as float32.

* The *overview* averages blocks of k x k pixels, k chosen so that it has at most a given number
  of pixels; every pixel of the picture takes part (incomplete blocks at the right and the
  bottom are left out, unless the picture is thinner than one block).
* The *windows* are the tiles of a grid of 256 x 256 pixels. When there are more than asked for,
  rows and columns of the grid are thinned evenly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from unfade.engines.contract import BenchView
from unfade.picture import Picture, Pixels, Window

WINDOW_PX = 256
BAND_PX = 256  # rows of the picture read at once for an overview, rounded to whole blocks
LUMA = (0.2126, 0.7152, 0.0722)  # Rec. 709 weights, on stored values


def block_px(picture: Picture, at_most_px: int, at_least: int = 1) -> int:
    """Side of the overview's blocks so that it has no more than ``at_most_px`` pixels."""
    k = max(at_least, math.ceil(math.sqrt(picture.rows * picture.cols / at_most_px)))
    return max(1, k)


def overview(picture: Picture, bench: BenchView, *, k: int) -> Pixels:
    """The picture in small: means of blocks of k x k stored pixels.

    Args:
        k: side of a block; along a side shorter than it, the block is the side
    Returns:
        (rows // k, cols // k, channels) float32, in the picture's encoding
    Cost:
        one pass over all samples, about 10 ms for a megapixel; memory: one band and the result
    """
    k_rows, k_cols = min(k, picture.rows), min(k, picture.cols)
    rows, cols = picture.rows // k_rows, picture.cols // k_cols
    out = np.empty((rows, cols, picture.channels), np.float32)
    blocks_a_band = max(1, BAND_PX // k_rows)
    starts = range(0, rows, blocks_a_band)

    def average(start: int) -> tuple[int, np.ndarray]:
        stop = min(rows, start + blocks_a_band)
        window = Window(start * k_rows, 0, stop * k_rows, cols * k_cols)
        return start, shrunk(picture.read(window), k_rows, k_cols)

    each = blocks_a_band * k_rows * picture.cols * picture.channels * 8
    bands = bench.map(average, starts, says="Looking", total=len(starts), bytes_each=each)
    for start, band in bands:
        out[start : start + band.shape[0]] = band
    return out


def shrunk(pixels: np.ndarray, k_rows: int, k_cols: int) -> np.ndarray:
    """Means of whole blocks of ``k_rows x k_cols`` pixels of (rows, cols, channels)."""
    if k_rows == k_cols == 1:
        return pixels
    import cv2

    rows, cols = pixels.shape[0] // k_rows, pixels.shape[1] // k_cols
    whole = pixels[: rows * k_rows, : cols * k_cols]
    small = cv2.resize(whole, (cols, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(small).reshape(rows, cols, pixels.shape[2])


def windows(picture: Picture, *, at_most: int, side_px: int = WINDOW_PX) -> Iterator[Window]:
    """Windows of full-size pixels, spread evenly over the picture, in reading order."""
    grid_rows = max(1, -(-picture.rows // side_px))
    grid_cols = max(1, -(-picture.cols // side_px))
    share = math.sqrt(min(1.0, at_most / (grid_rows * grid_cols)))
    n_rows = min(grid_rows, max(1, round(grid_rows * share)))
    n_cols = min(grid_cols, max(1, at_most // n_rows))
    n_rows = min(grid_rows, max(1, at_most // n_cols))
    for row in _spread(grid_rows, n_rows):
        for col in _spread(grid_cols, n_cols):
            top, left = row * side_px, col * side_px
            yield Window(
                top,
                left,
                min(picture.rows, top + side_px),
                min(picture.cols, left + side_px),
            )


def luma(pixels: Pixels) -> np.ndarray:
    """(rows, cols) float32 brightness of stored values: the channel itself when grey."""
    if pixels.shape[2] == 1:
        return pixels[:, :, 0]
    return np.asarray(pixels @ np.array(LUMA, np.float32))


def _spread(count: int, wanted: int) -> list[int]:
    """``wanted`` of ``count`` indices, the middles of as many equal parts."""
    return [int((i + 0.5) * count / wanted) for i in range(wanted)]
