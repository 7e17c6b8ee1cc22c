"""Remove vertical line scratches: what stays in one column while the scene goes on.

A scratch of the transport runs down through many frames at nearly the same column, narrow,
lighter or darker than what it crosses, over most of the frame's height. A pole or the edge of a
window is upright too; it belongs to the scene: it has an end, its contrast changes with what is
behind it, and it moves when the camera does. So a line must run through the height, keep one
sign, last for several frames, and not follow the picture's own movement.

It is filled across, row by row, from both sides, with grain like the surround's. A scratch over
faces is filled as well as any other: what lay under it is not known from this frame.

After Joyeux, Boukir, Besserer 2001 (doi:10.1016/S0262-8856(00)00087-6); Kokaram 1998, ch. 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Plane
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Step, setting

BANDS = 24
WIDEST_PX = 11
_WANDER_PX = 2.5  # from one frame to the next
_MISSES = 4  # frames in a row in which a line may be missed
MOST_PEAKS = 24
_WHOLE_HEIGHT = 0.93


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """Which lines are removed."""

    min_confidence: float = setting(0.65, "less sure lines are left alone", low=0, high=1)
    widest_px: int = setting(9, "wider lines are left alone", unit="px", low=1, high=11)
    least_frames: int = setting(
        6, "lines that last less long are left alone", unit="frames", low=3, high=1000
    )
    least_height: float = setting(
        0.7, "share of the frame's height that a line must cross", low=0.3, high=1
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A line in one frame: columns ``left`` to ``right`` (not included), from top to bottom."""

    left: int
    right: int
    sign: int
    confidence: float


def column_peaks(luma: Plane) -> np.ndarray:
    """The columns that stand out of their surround over the height of a frame.

    Args:
        luma: (rows, cols) float32, codes of 0-255
    Returns:
        (MOST_PEAKS, 4) float32, strongest first, NaN where there are fewer: column, signed
        contrast (median over bands of the height), share of bands with that sign, width
    """
    import cv2

    cols = luma.shape[1]
    peaks = np.full((MOST_PEAKS, 4), np.nan, np.float32)
    if cols < 4 * WIDEST_PX or luma.shape[0] < 2 * BANDS:
        return peaks
    bands = cv2.resize(luma, (cols, BANDS), interpolation=cv2.INTER_AREA)
    noise = _spread(bands)
    contrast, share = np.zeros(cols, np.float32), np.zeros(cols, np.float32)
    widths, score = np.ones(cols, np.float32), np.zeros(cols, np.float32)
    for width in (1, 3, 5, 7, 9):
        own = cv2.blur(bands, (width, 1)) if width > 1 else bands
        left, right = _beside(bands, width)
        # a line is beyond both sides; an edge lies between them
        high, low = own - np.maximum(left, right), np.minimum(left, right) - own
        signed = np.where(high > 0, high, np.where(low > 0, -low, np.float32(0)))
        middle = np.median(signed, axis=0)
        with_sign = np.where(middle > 0, signed > 0.3 * noise, signed < -0.3 * noise).mean(axis=0)
        now = np.abs(middle) * np.sqrt(np.float32(width)) * with_sign
        better = now > score
        contrast[better], share[better] = middle[better], with_sign[better]
        widths[better], score[better] = width, now[better]
    smooth = np.asarray(bands.mean(axis=0), np.float64)
    floor = 1.4826 * float(np.median(np.abs(contrast))) + 0.3
    score[(np.abs(contrast) < max(1.2, 4 * floor)) | (share < 0.4)] = 0
    for n in range(MOST_PEAKS):
        col = int(score.argmax())
        if score[col] <= 0:
            break
        peaks[n] = _centre(smooth, col, int(widths[col])), contrast[col], share[col], widths[col]
        # beside a line its surround looks like a line of the other sign
        reach = int(widths[col]) // 2 + WIDEST_PX // 2 + 4
        score[max(0, col - reach) : col + reach + 1] = 0
    return peaks


def _centre(profile: np.ndarray, col: int, width: int) -> float:
    """Where a line's middle is, between columns: the centre of what stands out of its sides."""
    reach = width // 2 + 3
    low, high = max(0, col - reach), min(len(profile), col + reach + 1)
    part = profile[low:high]
    base = np.linspace((part[0] + part[1]) / 2, (part[-1] + part[-2]) / 2, len(part))
    out = part - base
    out = np.clip(out * np.sign(out[col - low]), 0, None)
    total = float(out.sum())
    return col if total <= 0 else float((np.arange(low, high) * out).sum() / total)


def _beside(bands: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of three columns left and right of a line of this width."""
    import cv2

    mean = cv2.blur(bands, (3, 1))
    reach = width // 2 + 3
    padded = np.pad(mean, ((0, 0), (reach, reach)), mode="edge")
    return padded[:, : bands.shape[1]], padded[:, 2 * reach :]


def _spread(bands: np.ndarray) -> float:
    fine = bands[:, 1:] - bands[:, :-1]
    return float(1.4826 * np.median(np.abs(fine)) + 0.3)


def find_lines(peaks: np.ndarray, shifts: np.ndarray, settings: Settings) -> list[list[Line]]:
    """Lines that last, in each frame of one shot.

    Args:
        peaks: (frames, MOST_PEAKS, 4) of ``column_peaks``
        shifts: (frames,) how far the picture moved across from the frame before, pixels
    Returns:
        for each frame its lines
    """
    frames = len(peaks)
    result: list[list[Line]] = [[] for _ in range(frames)]
    used = np.isnan(peaks[:, :, 0]) | (peaks[:, :, 2] < settings.least_height - 0.15)
    path = np.cumsum(shifts)
    for start in range(frames):
        for k in np.flatnonzero(~used[start]):
            if used[start, k]:
                continue
            track = _followed(peaks, used, start, int(k))
            if len(track) >= min(settings.least_frames, max(3, frames)):
                _judge(track, peaks, path, settings, result)
    return result


def _followed(peaks: np.ndarray, used: np.ndarray, start: int, k: int) -> list[tuple[int, int]]:
    """The line through a peak, frame by frame; gaps of a few frames are bridged."""
    track: list[tuple[int, int]] = []
    missed = 0
    col, sign = float(peaks[start, k, 0]), np.sign(peaks[start, k, 1])
    for n in range(start, len(peaks)):
        far = np.abs(peaks[n, :, 0] - col)
        far[used[n] | (np.sign(peaks[n, :, 1]) != sign)] = np.inf
        nearest = int(np.argmin(far))
        if far[nearest] > _WANDER_PX * (1 + missed):
            missed += 1
            if missed > _MISSES:
                break
            continue
        missed = 0
        used[n, nearest] = True
        col = float(peaks[n, nearest, 0])
        track.append((n, nearest))
    return track


def _judge(
    track: Sequence[tuple[int, int]],
    peaks: np.ndarray,
    path: np.ndarray,
    settings: Settings,
    result: list[list[Line]],
) -> None:
    """Write a track into ``result`` if it is a scratch and no part of the scene."""
    frames = np.array([n for n, _ in track])
    chosen = peaks[frames, [k for _, k in track]].astype(np.float64)
    cols, contrast, share, widths = chosen.T
    moved = path[frames] - path[frames[0]]
    steady = 1 - min(1.0, float(np.std(contrast)) / (abs(float(np.mean(contrast))) + 1e-3))
    height = float(np.mean(share))
    follows = _follows(cols, moved)
    if follows is True or height < settings.least_height:
        return
    if follows is None and height < _WHOLE_HEIGHT:
        return  # nothing moves that would tell a scratch from a post: it must cross everything
    confidence = float(np.clip(0.2 + 0.4 * steady + 1.5 * (height - 0.7), 0, 1))
    if confidence < settings.min_confidence:
        return
    width = round(float(np.median(widths)))
    sign = int(np.sign(np.mean(contrast)))
    whole = np.arange(frames[0], frames[-1] + 1)  # where it was missed for a frame it is still
    for n, col in zip(whole, np.rint(np.interp(whole, frames, cols)).astype(int)):
        half = max(1, width // 2)
        result[int(n)].append(Line(max(0, int(col) - half), int(col) + half + 1, sign, confidence))


def _follows(cols: np.ndarray, moved: np.ndarray) -> bool | None:
    """Whether a line moves as the picture does; None when the picture does not move enough."""
    steps, own = np.diff(moved), np.diff(cols)
    if len(steps) < 4 or (float(np.std(steps)) < 0.12 and float(np.ptp(moved)) < 2.5):
        return None
    along = float(np.mean(np.abs(own - steps)))
    still = float(np.mean(np.abs(own)))
    return along < still


def exact_columns(luma: Plane, line: Line) -> tuple[int, int]:
    """The columns of a line in this very frame, with its soft edges."""
    cols = luma.shape[1]
    reach = WIDEST_PX // 2 + 4
    middle = (line.left + line.right) // 2
    low, high = max(0, middle - reach - 4), min(cols, middle + reach + 5)
    profile = np.median(luma[:, low:high], axis=0)
    across = np.arange(high - low)
    inside = np.abs(across + low - middle) <= reach
    if (~inside).sum() < 4:
        return line.left, line.right
    base = np.polyval(np.polyfit(across[~inside], profile[~inside], 1), across)
    out = line.sign * (profile - base)
    peak_from, peak_to = max(0, line.left - 1 - low), min(high - low, line.right + 1 - low)
    peak = peak_from + int(np.argmax(out[peak_from:peak_to]))
    level = max(0.2 * out[peak], 0.8)
    left = peak
    while left > 0 and out[left - 1] > level:
        left -= 1
    right = peak + 1
    while right < high - low and out[right] > level:
        right += 1
    return max(0, left + low - 1), min(cols, right + low + 1)


def fill_across(plane: Plane, mask: Mask, *, seed: int = 0) -> Plane:
    """Fill columns row by row from both sides, with the grain of the surround.

    Args:
        plane: (rows, cols) float32; mask: (rows, cols) bool, whole columns
    """
    result = plane.copy()
    hit = np.flatnonzero(mask.any(axis=0))
    if not len(hit):
        return result
    cols = plane.shape[1]
    chance = np.random.default_rng(seed)
    for first, last in _runs(hit):
        left, right = first - 1, last + 1
        sides = [k for k in (left, right) if 0 <= k < cols]
        if not sides:
            continue
        near_left = _side_mean(plane, first, -1) if left >= 0 else None
        near_right = _side_mean(plane, last, 1) if right < cols else None
        width = last - first + 1
        for n in range(width):
            share = (n + 1) / (width + 1)
            if near_left is None or near_right is None:
                base = near_right if near_left is None else near_left
                assert base is not None
            else:
                base = (1 - share) * near_left + share * near_right
            # grain: the fine texture of a column beside, not a made-up one
            donors = [k for k in (first - 2 - n, last + 2 + n) if 1 <= k < cols - 1]
            fine = np.zeros(len(plane), np.float32)
            if donors:
                k = donors[int(chance.integers(len(donors)))]
                fine = plane[:, k] - (plane[:, k - 1] + plane[:, k] + plane[:, k + 1]) / 3
            rows = mask[:, first + n]
            result[rows, first + n] = (base + fine)[rows]
    return result


def _side_mean(plane: Plane, col: int, way: int) -> np.ndarray:
    picked = [k for k in (col + way, col + 2 * way) if 0 <= k < plane.shape[1]]
    return np.asarray(plane[:, picked].mean(axis=1))


def _runs(columns: np.ndarray) -> list[tuple[int, int]]:
    breaks = np.flatnonzero(np.diff(columns) > 1)
    starts = np.concatenate([[0], breaks + 1])
    ends = np.concatenate([breaks, [len(columns) - 1]])
    return [(int(columns[a]), int(columns[b])) for a, b in zip(starts, ends)]


STEP = Step(
    name="remove_lines",
    title="Remove vertical line scratches that last",
    settings=Settings,
    kind=Kind.TEMPORAL,
    evidence=Evidence.ESTIMATED,
    paper="Joyeux, Boukir, Besserer 2001, doi:10.1016/S0262-8856(00)00087-6",
)
