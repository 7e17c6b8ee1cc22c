"""Optical flow between frames: DIS of OpenCV, on frames made smaller.

Kroeger, Timofte, Dai, Van Gool 2016, "Fast Optical Flow using Dense Inverse Search",
arXiv:1603.03590. Flow is computed at about ``WORK_PX`` columns: dirt is small beside what moves,
and grain, which has no motion of its own, is averaged away.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from unfade.picture import Mask, Pixels, Plane

WORK_PX = 480
Flow = np.ndarray  # (rows, cols, 2) float32: across, down; a(x) looks like b(x + flow(x))

_local = threading.local()


def small(luma: Plane) -> np.ndarray:
    """A frame's luminance as uint8 at the size at which flow is computed."""
    import cv2

    rows, cols = luma.shape
    scale = min(1.0, WORK_PX / max(cols, 1))
    size = (max(16, round(cols * scale)), max(16, round(rows * scale)))
    less = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(cv2.GaussianBlur(less, (5, 5), 0.8), 0, 255), np.uint8)


def flow_between(a: np.ndarray, b: np.ndarray) -> Flow:
    """Flow from ``a`` to ``b``, both uint8 of one size; the same bits on any number of threads."""
    flow = _dis().calc(a, b, None)
    return np.asarray(flow, np.float32)


def enlarged(flow: Flow, rows: int, cols: int) -> Flow:
    """Flow of another size for a frame of ``rows x cols``, in its pixels."""
    import cv2

    have_rows, have_cols = flow.shape[:2]
    if (have_rows, have_cols) == (rows, cols):
        return flow
    bigger = cv2.resize(flow, (cols, rows), interpolation=cv2.INTER_LINEAR)
    bigger *= np.array([cols / have_cols, rows / have_rows], np.float32)
    return np.asarray(bigger, np.float32)


def warped_pixels(pixels: Pixels, flow: Flow, *, every: int = 1, cubic: bool = False) -> Pixels:
    """As ``warped``, for (rows, cols, channels).

    Args:
        every: only every so many-th row and column is made
        cubic: a third of the time of Lanczos; for what is only mixed in
    """
    import cv2

    made = _remapped(pixels, flow, every, cv2.INTER_CUBIC if cubic else cv2.INTER_LANCZOS4)
    return made if made.ndim == 3 else made[:, :, None]


def warped(plane: np.ndarray, flow: Flow, *, sharp: bool = False) -> Plane:
    """What a frame looks like from where ``flow`` starts.

    Args:
        plane: (rows, cols) float32
        flow: of the same rows and columns
        sharp: Lanczos, for samples that are put in (OpenCV's bicubic kernel moves edges by up to
            0.05 px); else bilinear, for comparing
    """
    import cv2

    return _remapped(plane, flow, 1, cv2.INTER_LANCZOS4 if sharp else cv2.INTER_LINEAR)


def _remapped(samples: np.ndarray, flow: Flow, every: int, interpolation: int) -> np.ndarray:
    import cv2

    across, down = _grid(*samples.shape[:2])
    some = np.s_[::every, ::every]
    return np.asarray(
        cv2.remap(
            np.ascontiguousarray(samples),
            across[some] + flow[..., 0][some],
            down[some] + flow[..., 1][some],
            interpolation,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.float32,
    )


def carried_over(flow: Flow, distrusted: Mask, reach_px: float = 6.0) -> Flow:
    """Flow with what lies under ``distrusted`` taken from around it."""
    import cv2

    if not distrusted.any():
        return flow
    trust = (~distrusted).astype(np.float32)
    size = 2 * round(2.5 * reach_px) + 1
    weight = cv2.GaussianBlur(trust, (size, size), reach_px)
    around = cv2.GaussianBlur(flow * trust[:, :, None], (size, size), reach_px)
    around /= np.maximum(weight, np.float32(1e-4))[:, :, None]
    return np.where(distrusted[:, :, None], around, flow)


def _grid(rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
    kept = getattr(_local, "grid", None)
    if kept is None or kept[0] != (rows, cols):
        across, down = np.meshgrid(
            np.arange(cols, dtype=np.float32), np.arange(rows, dtype=np.float32)
        )
        _local.grid = kept = ((rows, cols), across, down)
    return kept[1], kept[2]


def _dis() -> Any:
    import cv2

    if not hasattr(_local, "dis"):
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        dis.setFinestScale(1)
        _local.dis = dis
    return _local.dis
