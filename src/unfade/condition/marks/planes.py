"""Read the two planes in which marks are looked for, on any level, in blocks.

Dust, hairs and scratches lie *on* the picture: white ones lift the lowest channel of a colour
picture, black ones press down the highest. So two planes are looked at, both made such that a mark
is bright: ``light`` = lowest channel, ``dark`` = highest channel, inverted.

Planes are 8-bit: a difference below one 255th of the scale is never a mark, and pictures with 8,
16 or 32 bits of the same content give the same planes.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from unfade.picture import Picture, Window, pixels_to_codes

LEVELS = 3  # native, half, quarter
BLOCK_PX = 512


def level_size(length: int, level: int) -> int:
    """Pixels along a side of ``length`` native pixels after ``level`` halvings."""
    return -(-length // (1 << level))


def read_planes(picture: Picture, window: Window, level: int) -> tuple[np.ndarray, np.ndarray]:
    """The light and the dark plane of a window given in the level's own pixels.

    Reads native pixels in blocks, so that memory follows the level's size and not the native one.

    Returns:
        two uint8 planes (window.rows, window.cols); a mark is bright in the one of its polarity
    """
    planes = np.empty((2, window.rows, window.cols), np.uint8)
    block = BLOCK_PX >> level
    for top in range(window.top, window.bottom, block):
        for left in range(window.left, window.right, block):
            part = Window(
                top, left, min(window.bottom, top + block), min(window.right, left + block)
            )
            rows, cols = part.within(window)
            planes[0, rows, cols], planes[1, rows, cols] = _read_block(picture, part, level)
    return planes[0], planes[1]


def _read_block(picture: Picture, part: Window, level: int) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    native = part.scaled(1 << level)
    native = Window(
        native.top, native.left, min(native.bottom, picture.rows), min(native.right, picture.cols)
    )
    pixels = picture.read(native)
    if picture.samples.dtype == np.float32:
        pixels = np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0)
    if picture.encoding == "linear":  # marks are judged as they are seen
        pixels = np.sqrt(np.clip(pixels, 0, 1))
    channels = [pixels[:, :, i] for i in range(picture.channels)]
    planes = (reduce(np.minimum, channels), 1 - reduce(np.maximum, channels))
    if level:
        below = (part.rows << level) - native.rows
        right = (part.cols << level) - native.cols
        planes = tuple(
            cv2.resize(
                cv2.copyMakeBorder(p, 0, below, 0, right, cv2.BORDER_REPLICATE),
                (part.cols, part.rows),
                interpolation=cv2.INTER_AREA,
            )
            for p in planes
        )
    light, dark = (pixels_to_codes(p, np.dtype(np.uint8), 255.0) for p in planes)
    return light, dark
