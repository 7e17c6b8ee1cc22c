"""Take gate weave off: shift each frame so that the picture stands still in the gate.

For film that wandered in the gate of camera or scanner. The shift to each of the two frames
before is measured on many small features, and those that move on their own are outvoted; the path
that agrees best with all shifts is the picture's, for small errors of single steps would add up.
What the camera did (pans, a hand-held walk) is the smoothest path that explains it, and is kept;
only what is left is taken off. Turning, zooming and local warping are not corrected.

The shifts are in the record, so that frames can be shifted back; shifting by parts of a pixel
resamples, which softens grain a little. Where a shift bares an edge, the edge is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.picture import Plane
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Step, setting

_FEATURES = 300
_FEWEST = 12
_WINDOWS = (60.0, 30.0, 15.0)  # frames: the smooth paths that are tried in turn
_DEAD_PX = 0.02
_TRUSTED = 0.15  # share of features that must agree
_ASTRAY_PX = 1.0  # a shift over two frames that differs more from the two steps is a slip


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How much weave is taken off."""

    strength: float = setting(1.0, "share of the weave to take off", low=0, high=1, neutral=0.0)
    most_share: float = setting(
        0.015, "of the frame's width: larger movements are the camera's", low=0.001, high=0.1
    )


def shift_between(before: np.ndarray, now: np.ndarray) -> tuple[float, float, float]:
    """How far the picture moved from ``before`` to ``now``.

    Args:
        before, now: (rows, cols) uint8
    Returns:
        across, down in pixels, and the share of features that agree (0: nothing to tell)
    Source:
        Shi, Tomasi 1994 (features); Lucas, Kanade 1981, pyramidal (tracking)
    """
    import cv2

    points = cv2.goodFeaturesToTrack(before, _FEATURES, 0.01, 8, blockSize=5)
    if points is None or len(points) < _FEWEST:
        return 0.0, 0.0, 0.0
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.005)
    size = (21, 21)
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before, now, points, None, winSize=size, maxLevel=3, criteria=criteria
    )
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(
        now, before, moved, None, winSize=size, maxLevel=3, criteria=criteria
    )
    there_and_back = np.abs(back - points).reshape(-1, 2).max(axis=1)
    sound = (found.ravel() == 1) & (found_back.ravel() == 1) & (there_and_back < 0.3)
    steps = (moved - points).reshape(-1, 2)[sound].astype(np.float64)
    if len(steps) < _FEWEST:
        return 0.0, 0.0, 0.0
    middle = np.median(steps, axis=0)
    for reach in (2.0, 0.7, 0.35, 0.2):
        near = np.abs(steps - middle).max(axis=1) < reach
        if near.sum() < _FEWEST:
            break
        middle = steps[near].mean(axis=0)
    agree = float((np.abs(steps - middle).max(axis=1) < 0.7).mean())
    return float(middle[0]), float(middle[1]), agree


def weave(
    shifts: np.ndarray,
    shifts_2: np.ndarray,
    shots: Sequence[tuple[int, int]],
    cols: int,
    settings: Settings,
) -> np.ndarray:
    """How far each frame is off the camera's own path.

    Args:
        shifts: (frames, 3): across, down from the frame before, and the share that agrees
        shifts_2: the same from two frames before
        shots: (first, end) of each
    Returns:
        (frames, 2) float64, pixels; shifting a frame by minus this puts it right
    """
    result = np.zeros((len(shifts), 2))
    for first, end in shots:
        if end - first < 3 or float(np.median(shifts[first + 1 : end, 2])) < 0.25:
            continue
        path = path_of(shifts[first:end], shifts_2[first:end])
        for axis in (0, 1):
            off = path[:, axis] - camera_path(path[:, axis], settings.most_share * cols)
            result[first:end, axis] = settings.strength * off
    result[np.abs(result).max(axis=1) < _DEAD_PX] = 0
    return result


def path_of(shifts: np.ndarray, shifts_2: np.ndarray) -> np.ndarray:
    """Where the picture is in each frame of a shot, by least squares over all its shifts.

    Args:
        shifts, shifts_2: (frames, 3) as for ``weave``; what a shot's first frames say of frames
            before it is not used
    Returns:
        (frames, 2) float64, across and down; the first is 0
    Cost: linear in the frames
    """
    count = len(shifts)
    one = np.where(shifts[:, 2:] >= _TRUSTED, shifts[:, :2], 0)
    trust = np.maximum(shifts[:, 2], 0.01)  # a frame that tells nothing stands where the last one
    trust_2 = np.where(shifts_2[:, 2] >= _TRUSTED, shifts_2[:, 2], 0)
    chained = one.copy()
    chained[1:] += one[:-1]
    trust_2[np.abs(shifts_2[:, :2] - chained).max(axis=1) > _ASTRAY_PX] = 0
    # normal equations: a band of two beside the diagonal, positive definite
    band, right = np.zeros((3, count)), np.zeros((count, 2))
    band[0, 0] = 1.0
    for apart, weight, said in ((1, trust, one), (2, trust_2, shifts_2[:, :2])):
        w = weight[apart:]
        band[0, apart:] += w
        band[0, :-apart] += w
        band[apart, :-apart] -= w
        right[apart:] += w[:, None] * said[apart:]
        right[:-apart] -= w[:, None] * said[apart:]
    path = _solved(band, right)
    return path - path[0]


def _solved(band: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A x = right for a symmetric positive definite A of two diagonals beside the main one.

    Args:
        band: (3, n): main diagonal, first and second below it
        right: (n, m)
    """
    n = len(right)
    near, far, scale = np.zeros(n), np.zeros(n), np.zeros(n)
    x = right.astype(np.float64)
    for k in range(n):  # A = L D L'
        scale[k] = band[0, k]
        if k >= 1:
            near[k] = band[1, k - 1]
            if k >= 2:
                far[k] = band[2, k - 2] / scale[k - 2]
                near[k] -= far[k] * scale[k - 2] * near[k - 1]
                scale[k] -= far[k] ** 2 * scale[k - 2]
            near[k] /= scale[k - 1]
            scale[k] -= near[k] ** 2 * scale[k - 1]
            x[k] -= near[k] * x[k - 1] + (far[k] * x[k - 2] if k >= 2 else 0)
    x /= scale[:, None]
    for k in range(n - 2, -1, -1):
        x[k] -= near[k + 1] * x[k + 1] + (far[k + 2] * x[k + 2] if k + 2 < n else 0)
    return x


def camera_path(path: np.ndarray, most_px: float) -> np.ndarray:
    """The smoothest path that leaves only weave: standing, even, curved, then ever shorter means.

    Weave changes from frame to frame and stays small; what is left of a camera's move does
    neither.
    """
    t = np.linspace(-1, 1, len(path))
    for degree in (0, 1, 2):
        if degree >= len(path) - 1:
            break
        smooth = np.polyval(np.polyfit(t, path, degree), t)
        if _is_weave(path - smooth, most_px):
            return smooth
    for window in _WINDOWS:
        smooth = _smoothed(path, window)
        if _is_weave(path - smooth, most_px):
            return smooth
    return path  # nothing that can be told from the camera's own movement


def _is_weave(left: np.ndarray, most_px: float) -> bool:
    """Whether what is left of a path is small, and changes from frame to frame."""
    if np.abs(left).max() > most_px:
        return False
    if len(left) <= 16:
        return True
    # not near the ends, where any smooth curve follows the last frames
    slow = _smoothed(left, 8.0, degree=1)
    fast = float((left - slow).std())
    return bool(np.abs(slow[4:-4]).max() <= 0.5 * fast + 0.15)


def _smoothed(path: np.ndarray, sigma: float, *, degree: int = 2) -> np.ndarray:
    """Local polynomial with Gaussian weights: what is straight or evenly curved stays."""
    reach = max(3, round(3 * sigma))
    result = np.empty(len(path))
    for k in range(len(path)):
        low, high = max(0, k - reach), min(len(path), k + reach + 1)
        d = (np.arange(low, high) - k) / sigma
        w = np.exp(-0.5 * d * d)
        powers = np.stack([d**p for p in range(degree + 1)])
        moments = (powers * w) @ powers.T
        result[k] = np.linalg.lstsq(moments, (powers * w) @ path[low:high], rcond=None)[0][0]
    return result


def shifted(plane: Plane, across: float, down: float) -> Plane:
    """The plane moved by parts of a pixel (Lanczos, 8 samples); bared edges are repeated."""
    import cv2

    rows, cols = plane.shape
    matrix = np.array([[1, 0, across], [0, 1, down]], np.float64)
    return np.asarray(
        cv2.warpAffine(
            plane, matrix, (cols, rows), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
        ),
        np.float32,
    )


STEP = Step(
    name="stabilise",
    title="Take gate weave off",
    settings=Settings,
    kind=Kind.TEMPORAL,
    evidence=Evidence.ESTIMATED,
    paper="Lucas, Kanade 1981; Shi, Tomasi 1994",
)
