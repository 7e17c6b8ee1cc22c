"""Sharpness: how much detail there is, and how wide the sharpest edges are.

The variance of the Laplacian says how much fine detail and noise a picture holds; it depends on
the scene, so it compares pictures of one scene only. The width of the sharpest edges does not:
a picture in which even those need more than about 3.5 pixels to rise is blurred (or was enlarged).

Edge widths are measured across the strongest gradients: five parallel profiles at each are
averaged against noise, and the distance between 10 % and 90 % of the rise is taken by linear
interpolation, less what the measurement itself adds. The fifth part of all edges that is sharpest
decides. Looks at up to 48 windows of 256 x 256 pixels (``survey.windows``), on stored values.

Source:
    Pech-Pacheco et al. 2000, doi:10.1109/ICPR.2000.903548 (variance of the Laplacian)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.survey import luma, windows
from unfade.engines.contract import BenchView
from unfade.findings import Sharpness
from unfade.picture import Picture, Plane, Window

AT_MOST_WINDOWS = 48
BLURRED_PX = 3.5
EDGES_LEAST = 25
_CELL_PX = 16  # the strongest gradient of each cell is a candidate
_REACH_PX = 24.0  # how far a profile goes on either side
_STEP_PX = 0.5
_LINES = (-2, -1, 0, 1, 2)  # parallel profiles, pixels along the edge
_SMOOTH_PX = 0.7
_LEAST_RISE = 0.06
_RISE_IN_SIGMAS = 8.0  # of noise: weaker edges are left out
_SHARPEST = 0.20
_TURNS_BACK = 0.35  # of the rise
# 10-90 % width of a Gaussian step of sigma 1
_WIDTH_OF_SIGMA = 2.563
# the same when the rise is cut off where its slope falls below a tenth of the steepest
_WIDTH_WHEN_CUT = 2.424
# variance that smoothing and bilinear reading add to an edge, pixels squared
_ADDED = _SMOOTH_PX**2 + 1 / 12
_OF_A_PIXEL = 1 / 12  # variance of one pixel's own width: no edge is sharper


@dataclass(frozen=True, slots=True)
class Detail:
    """What one window shows: sums for the Laplacian's variance, its noise, and edge widths."""

    count: int
    total: float
    squares: float
    noise: float
    widths: np.ndarray


def detail(plane: Plane) -> Detail:
    """Measure Laplacian and edge widths of one window of brightness.

    Args:
        plane: (rows, cols) float32 stored values, 0-1
    Returns:
        sums over the inner pixels, and the 10-90 % widths (pixels) of its clear edges
    Cost:
        about 15 ms for 256 x 256 pixels
    """
    if min(plane.shape) < 3:
        return Detail(0, 0.0, 0.0, 0.0, np.empty(0))
    inner = plane[1:-1, 1:-1]
    around = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
    laplacian = (around - 4 * inner).astype(np.float64)
    return Detail(
        count=laplacian.size,
        total=float(laplacian.sum()),
        squares=float((laplacian**2).sum()),
        noise=_noise(plane),
        widths=edge_widths(plane, _noise(plane)),
    )


def edge_widths(plane: Plane, noise: float = 0.0) -> np.ndarray:
    """Widths of the clear edges of one window.

    Args:
        plane: (rows, cols) float32 stored values, 0-1
        noise: standard deviation of its noise; edges must rise by eight times as much
    Returns:
        (edges,) 10-90 % rise in pixels, of edges that are not clipped where possible
    """
    import cv2

    if min(plane.shape) < 2 * _CELL_PX:
        return np.empty(0)
    smooth = cv2.GaussianBlur(plane, (0, 0), 1.0)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3) / 8
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3) / 8
    row, col = _strongest(np.hypot(across, down), max(0.004, 1.5 * noise * 0.2))
    if not len(row):
        return np.empty(0)
    strength = np.hypot(across[row, col], down[row, col])
    toward_row, toward_col = down[row, col] / strength, across[row, col] / strength
    profiles = _profiles(plane, row, col, toward_row, toward_col)
    return _rises(profiles, max(_LEAST_RISE, _RISE_IN_SIGMAS * noise))


def look(picture: Picture, bench: BenchView) -> Sharpness:
    """Measure detail and edge widths, and judge whether the picture is blurred."""
    chosen = list(windows(picture, at_most=AT_MOST_WINDOWS))

    def measure(window: Window) -> Detail:
        return detail(luma(picture.read(window)))

    each = 256 * 256 * 4 * 40
    parts = list(
        bench.map(measure, chosen, says="Measuring sharpness", total=len(chosen), bytes_each=each)
    )
    count = sum(part.count for part in parts)
    if not count:
        return Sharpness(says="Sharpness: not measured, the picture is under 3 pixels wide.")
    mean = sum(part.total for part in parts) / count
    variance = 1e4 * max(0.0, sum(part.squares for part in parts) / count - mean**2)
    widths = np.concatenate([part.widths for part in parts])
    laplacian = f"the variance of the Laplacian is {variance:.1f} (x 10,000)"
    if len(widths) < EDGES_LEAST:
        return Sharpness(
            says=f"Sharpness: not judged, {len(widths)} clear edges are too few; {laplacian}.",
            laplacian_variance=variance,
        )
    width = float(np.quantile(widths, _SHARPEST))
    blurred = width > BLURRED_PX
    # few edges, and widths near the limit, make the judgement less sure
    distance = abs(np.log(width / BLURRED_PX))
    confidence = min(0.95, 0.55 + 0.6 * distance) * min(1.0, 0.7 + 0.3 * len(widths) / 200)
    word = "blurred" if blurred else "sharp" if width < 2.6 else "a little soft"
    return Sharpness(
        says=f"Sharpness: {word}, the sharpest edges rise within {width:.1f} pixels; {laplacian}.",
        confidence=confidence,
        laplacian_variance=variance,
        edge_width_px=width,
        blurred=blurred,
    )


def _noise(plane: np.ndarray) -> float:
    """White noise by the median of second differences in both ways (Immerkaer's mask)."""
    across = plane[:, :-2] - 2 * plane[:, 1:-1] + plane[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(np.median(np.abs(both)) * 1.4826 / 6)


def _strongest(gradient: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Place of the strongest gradient in each cell, where it is above ``least``."""
    rows, cols = gradient.shape[0] // _CELL_PX, gradient.shape[1] // _CELL_PX
    whole = gradient[: rows * _CELL_PX, : cols * _CELL_PX]
    cells = whole.reshape(rows, _CELL_PX, cols, _CELL_PX).swapaxes(1, 2).reshape(rows, cols, -1)
    best = cells.argmax(axis=2)
    row = np.arange(rows)[:, None] * _CELL_PX + best // _CELL_PX
    col = np.arange(cols)[None, :] * _CELL_PX + best % _CELL_PX
    clear = cells.max(axis=2) >= least
    return row[clear], col[clear]


def _profiles(
    plane: np.ndarray,
    row: np.ndarray,
    col: np.ndarray,
    toward_row: np.ndarray,
    toward_col: np.ndarray,
) -> np.ndarray:
    """Rising profiles across edges, (edges, positions); outside the window: not a number."""
    import cv2

    at = np.arange(-_REACH_PX, _REACH_PX + _STEP_PX / 2, _STEP_PX)
    total = np.zeros((len(row), len(at)), np.float32)
    for line in _LINES:
        rows = row[:, None] + at * toward_row[:, None] - line * toward_col[:, None]
        cols = col[:, None] + at * toward_col[:, None] + line * toward_row[:, None]
        total += cv2.remap(
            plane,
            cols.astype(np.float32),
            rows.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=float("nan"),
        )
    return total / len(_LINES)


def _rises(profiles: np.ndarray, least_rise: float) -> np.ndarray:
    """10-90 % widths of the profiles' central rises, in pixels."""
    taps = np.arange(-4, 5)
    kernel = np.exp(-0.5 * (taps * _STEP_PX / _SMOOTH_PX) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(profiles, ((0, 0), (4, 4)), mode="edge")
    smooth = np.lib.stride_tricks.sliding_window_view(padded, 9, axis=1) @ kernel
    slope = np.gradient(smooth, axis=1)
    centre = slope.shape[1] // 2
    clipped: list[float] = []
    unclipped: list[float] = []
    for profile, rise in zip(smooth, slope):
        near = rise[centre - 4 : centre + 5]
        if not np.all(np.isfinite(near)):
            continue
        peak = centre - 4 + int(near.argmax())
        goes_on = rise > 0.1 * rise[peak]
        start, stop = _run(goes_on, peak)
        if start == 0 or stop == len(rise) - 1 or not np.isfinite(profile[start : stop + 1]).all():
            continue
        low, high = float(profile[start]), float(profile[stop])
        if high - low < least_rise or _is_line(profile, start, stop):
            continue
        part = profile[start : stop + 1]
        ends = np.interp([low + 0.1 * (high - low), low + 0.9 * (high - low)], part, _px(part))
        sigma2 = (float(ends[1] - ends[0]) / _WIDTH_WHEN_CUT) ** 2 - _ADDED
        width = float(_WIDTH_OF_SIGMA * np.sqrt(max(sigma2, _OF_A_PIXEL)))
        # an edge whose ends were cut off looks sharper than it is
        (clipped if low < 0.01 or high > 0.99 else unclipped).append(width)
    few = len(unclipped) < 3 <= len(clipped)
    return np.array(clipped if few else unclipped, dtype=np.float64)


def _run(goes_on: np.ndarray, peak: int) -> tuple[int, int]:
    """First and last index of the run of True around ``peak``."""
    before = np.flatnonzero(~goes_on[:peak])
    after = np.flatnonzero(~goes_on[peak:])
    start = int(before[-1]) + 1 if len(before) else 0
    stop = peak + int(after[0]) - 1 if len(after) else len(goes_on) - 1
    return start, stop


def _is_line(profile: np.ndarray, start: int, stop: int) -> bool:
    """Whether the profile turns back beside the rise: a line's flank is narrower than its blur."""
    back = _TURNS_BACK * (profile[stop] - profile[start])
    reach = stop - start
    before = profile[max(0, start - reach) : start]
    after = profile[stop + 1 : stop + 1 + reach]
    # not-a-number compares as False: what lies outside the window turns nothing back
    return bool((before > profile[start] + back).any() or (after < profile[stop] - back).any())


def _px(part: np.ndarray) -> np.ndarray:
    return np.arange(len(part)) * _STEP_PX


FINDER = Finder(name="sharpness", title="Detail and blur", look=look)
