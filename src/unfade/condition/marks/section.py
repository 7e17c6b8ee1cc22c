"""Sample the surround of single pixels in a frame that is turned along the mark.

A scratch looks the same whichever way it runs, and whichever side one looks from. So each pixel's
surround is sampled along and across the direction of its best line, and mirrored samples are
folded into their mean and their difference: what lies on both sides of a scratch is alike, what
lies on the two sides of a scene's edge is not.
"""

from __future__ import annotations

import numpy as np

DIRECTIONS = 16  # over half a turn
ACROSS_PX = (0, 1, 2, 3, 4, 6, 8, 11)
ALONG_PX = (0, 3, 7, 12)
REACH_PX = 17  # the farthest sample, rounded up
FOLDED = 2 * (len(ACROSS_PX) * len(ALONG_PX) - 1)


def cross_section(
    plane: np.ndarray, rows: np.ndarray, cols: np.ndarray, direction: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Folded samples around each pixel, relative to the pixel itself.

    Args:
        plane: (rows, cols) uint8
        rows, cols: (count,) places
        direction: (count,) uint8, along the mark: sixteenths of half a turn from the row's
            direction towards increasing rows
        scale: (count,) what a difference is measured in, e.g. the contrast
    Returns:
        (count, FOLDED) float32: means of mirrored samples, then their differences, -3 to 3
    """
    import cv2

    padded = cv2.copyMakeBorder(plane, *(REACH_PX,) * 4, cv2.BORDER_REPLICATE)
    stride = padded.shape[1]
    base = (rows + REACH_PX) * stride + cols + REACH_PX
    steps = _offsets(stride)[direction]
    values = padded.ravel()[base[:, None] + steps].astype(np.int16)
    values = values.reshape(len(base), 2, 2, len(ACROSS_PX) * len(ALONG_PX))
    sides = values[:, :, 0] + values[:, :, 1]  # both ways along; axis 1 is the side across
    middle = sides[:, 0] + sides[:, 1]
    apart = np.abs(sides[:, 0] - sides[:, 1])
    line = slice(0, len(ALONG_PX))  # on the line itself: how the two ways along differ
    apart[:, line] = 2 * np.abs(values[:, 0, 0, line] - values[:, 0, 1, line])
    folded = np.empty((len(base), FOLDED), np.float32)
    folded[:, : FOLDED // 2] = middle[:, :1] - middle[:, 1:]
    folded[:, FOLDED // 2 :] = 2 * apart[:, 1:]
    folded /= 4 * scale[:, None].astype(np.float32)
    np.clip(folded, -3, 3, out=folded)
    return folded


def _offsets(stride: int) -> np.ndarray:
    """(DIRECTIONS, samples) offsets into a flat plane: side, way, across, along."""
    turn = np.pi * np.arange(DIRECTIONS)[:, None, None, None, None] / DIRECTIONS
    side = np.array([1, -1])[:, None, None, None]
    way = np.array([1, -1])[:, None, None]
    across = side * np.array(ACROSS_PX)[:, None]
    along = way * np.array(ALONG_PX)
    down = np.round(along * np.sin(turn) + across * np.cos(turn)).astype(np.int32)
    right = np.round(along * np.cos(turn) - across * np.sin(turn)).astype(np.int32)
    flat: np.ndarray = down * stride + right
    return flat.reshape(DIRECTIONS, -1)
