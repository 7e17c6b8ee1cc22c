"""The blocks in which a picture is deblurred: a grid of their own, laid from the picture's origin.

Undoing a blur is done in the frequency domain, where every pixel answers to every other. To give
the same bits however a picture is tiled, it is done in blocks whose places and sizes depend on
nothing but the picture: each is read with a margin and transformed in a frame of one size. What
the margin cuts off weighs little: a block's inner part agrees with the whole picture within a
fraction of an 8-bit code (tested).

The frame is larger than what is read, so that what lies beyond the picture's own edge, and beyond
the margin, has room in which nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unfade.picture import Pixels, Window

BLOCK_PX = 256
MARGIN_PX = 64
FRAME_PX = 432  # 384 pixels that are read and 48 that are not; 2^4 * 3^3, a quick transform
REACH_LARGEST_PX = (FRAME_PX - BLOCK_PX - 2 * MARGIN_PX) // 2
HALO_PX = BLOCK_PX - 1 + MARGIN_PX


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the grid: write ``core``, having read ``padded``."""

    core: Window
    padded: Window


def blocks_in(window: Window, rows: int, cols: int) -> Iterator[Block]:
    """The blocks of a picture of ``rows x cols`` that ``window`` holds with all of their margins.

    What a tile writes is always covered when it was read with ``HALO_PX`` around it.
    """
    for top in range(window.top // BLOCK_PX * BLOCK_PX, window.bottom, BLOCK_PX):
        for left in range(window.left // BLOCK_PX * BLOCK_PX, window.right, BLOCK_PX):
            core = Window(top, left, min(rows, top + BLOCK_PX), min(cols, left + BLOCK_PX))
            padded = core.grown(MARGIN_PX, rows, cols)
            if window.overlap(padded) == padded:
                yield Block(core, padded)


def transformed(kernel: np.ndarray) -> np.ndarray:
    """A kernel's spectrum in the frame, packed as OpenCV packs it; the kernel's centre at 0, 0.

    Args:
        kernel: (side, side), side odd and no longer than the frame
    Returns:
        (FRAME_PX, FRAME_PX) float32
    """
    import cv2

    return np.asarray(cv2.dft(framed(kernel)))


def framed(kernel: np.ndarray) -> np.ndarray:
    """The kernel in the frame, its centre at 0, 0 and the rest wrapped around. float32."""
    frame = np.zeros((FRAME_PX, FRAME_PX), np.float32)
    rows, cols = kernel.shape
    frame[:rows, :cols] = kernel
    return np.roll(frame, (-(rows // 2), -(cols // 2)), axis=(0, 1))


def convolved(plane: np.ndarray, spectrum: np.ndarray, *, turned: bool = False) -> np.ndarray:
    """A frame convolved around with a kernel, given as its spectrum.

    Args:
        turned: with the kernel turned by 180 degrees: the transpose of the convolution
    """
    import cv2

    product = cv2.mulSpectrums(cv2.dft(plane), spectrum, 0, conjB=turned)
    return np.asarray(cv2.idft(product, flags=cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT))


def wrapped(pixels: Pixels) -> np.ndarray:
    """Pixels in frames that go on around all edges without a step.

    Beyond each edge they are mirrored; where the mirror images of opposite edges meet, one goes
    over into the other: the tapering of edges that keeps them from ringing.

    Args:
        pixels: (rows, cols, channels) float32, sides up to ``FRAME_PX``
    Returns:
        (channels, FRAME_PX, FRAME_PX) float32, the pixels at the upper left
    """
    planes = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(_closed(_closed(planes, 1), 2))


def _closed(planes: np.ndarray, axis: int) -> np.ndarray:
    size = planes.shape[axis]
    gap = FRAME_PX - size
    if gap == 0:
        return planes
    step = np.arange(gap)
    after = planes.take(_mirrored(size + step, size), axis=axis)
    before = planes.take(_mirrored(step - gap, size), axis=axis)
    share = ((step + 0.5) / gap).astype(np.float32)
    share = share.reshape([-1 if k == axis else 1 for k in range(3)])
    return np.concatenate([planes, after + (before - after) * share], axis=axis)


def _mirrored(index: np.ndarray, size: int) -> np.ndarray:
    """Indices beyond 0 .. size-1 folded back, the edge pixel counted twice."""
    folded = index % (2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)
