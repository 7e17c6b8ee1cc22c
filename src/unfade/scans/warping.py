"""Reading a scan as it lies on the first one, window by window."""

from __future__ import annotations

import numpy as np

from unfade.picture import Mask, Picture, Pixels, Window
from unfade.pixels.profile import to_linear
from unfade.scans.placement import mapped

_REACH_PX = 4  # of the Lanczos kernel of four lobes


def turned(picture: Picture, quarter_turns: int) -> Picture:
    """The picture turned by quarters counter-clockwise: a view, no sample is copied."""
    from dataclasses import replace

    return replace(
        picture, samples=np.rot90(picture.samples, quarter_turns), alpha=None, infrared=None
    )


def read_warped(
    other: Picture, matrix: np.ndarray, window: Window, *, linear: bool = True
) -> tuple[Pixels, Mask]:
    """What another scan shows where the first one's window is.

    Args:
        other: turned already
        matrix: (3, 3), from the first scan's places to the other's
        window: of the first scan
        linear: light rather than stored values
    Returns:
        (rows, cols, channels) float32, and (rows, cols) bool: where the other scan reaches
    """
    import cv2

    x = np.arange(window.left, window.right, dtype=np.float64)[None, :]
    y = np.arange(window.top, window.bottom, dtype=np.float64)[:, None]
    across, along = mapped(matrix, x, y)
    shape = (window.rows, window.cols)
    across, along = np.broadcast_to(across, shape), np.broadcast_to(along, shape)
    covered = (across >= 0) & (across <= other.cols - 1) & (along >= 0) & (along <= other.rows - 1)
    if not covered.any():
        return np.zeros((*shape, other.channels), np.float32), covered
    source = Window(
        int(np.floor(along[covered].min())),
        int(np.floor(across[covered].min())),
        int(np.ceil(along[covered].max())) + 1,
        int(np.ceil(across[covered].max())) + 1,
    ).grown(_REACH_PX, other.rows, other.cols)
    pixels = other.read(source)
    if linear:
        pixels = to_linear(pixels, other)
    out = cv2.remap(
        pixels,
        (across - source.left).astype(np.float32),
        (along - source.top).astype(np.float32),
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT,
    )
    out = np.asarray(out).reshape(*shape, other.channels)
    # no light is less than none, and none is more than the scan holds around
    return np.clip(out, min(0.0, float(pixels.min())), float(pixels.max())), covered
