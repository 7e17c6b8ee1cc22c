"""Alignment: how another scan of the same thing lies on the first.

Three stages. Small overviews are tried in four quarter turns, a few angles and sizes, by phase
correlation's plain cousin, the normalised cross-correlation in the frequency domain. The best start
is refined on a larger overview by maximising the enhanced correlation coefficient (ECC), which
knows no brightness and no contrast. Then windows of full size, spread over the picture, are each
aligned by ECC, and one map is fitted to all of them; what they differ from it is the residual.

A print that lies otherwise on the platen, scales of a hundredth and tilts of several degrees are
within reach. Another resolution, a mirrored scan, and paper that has warped between the scans are
not: the residual tells.

Source:
    Kuglin, Hines 1975 (phase correlation); Evangelidis, Psarakis 2008,
    doi:10.1109/TPAMI.2008.113 (ECC)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from unfade.condition.survey import block_px, luma, overview
from unfade.engines.contract import BenchView
from unfade.errors import UsageError
from unfade.picture import Picture, Plane, Window
from unfade.scans.placement import MODELS, Placement, fitted, in_full_size
from unfade.scans.warping import read_warped, turned

SMALL_PX, LARGE_PX = 160, 640  # sides of the overviews, about
SIDE_LEAST_PX = 48
SAME_THING = 0.5  # correlation below which two scans are of different things
ANGLES = np.arange(-6.0, 6.1, 1.5)
SCALES = (0.96, 1.0, 1.04)
WINDOW_PX = 192
WINDOWS_AT_MOST = 35
_ALIGNED = 0.6  # correlation that a window must reach to count
_FARTHEST_PX = 12.0  # that a window may lie from where the overviews put it


def align(
    first: Picture, other: Picture, bench: BenchView, *, model: str = "affine", name: str = "B"
) -> Placement:
    """Find how ``other`` lies on ``first``.

    Args:
        model: ``affine`` for flatbeds, ``homography`` for scans made with a camera
        name: of the other scan, for messages
    Raises:
        UsageError: another resolution, too small, or not the same thing: the correlation is told
    Cost:
        1 s and 0.05 s for each megapixel
    """
    _check_sizes(first, other, name)
    k = block_px(first, LARGE_PX * LARGE_PX)
    mine = _structure(luma(overview(first, bench, k=k)))
    theirs = luma(overview(other, bench, k=k))
    best: tuple[float, int, np.ndarray] | None = None
    for turns in range(4):
        found = _coarse(mine, _structure(np.ascontiguousarray(np.rot90(theirs, turns))))
        if best is None or found[0] > best[0]:
            best = (found[0], turns, found[1])
    assert best is not None
    _, turns, start = best
    view = _structure(np.ascontiguousarray(np.rot90(theirs, turns)))
    matrix = _refined(mine, view, start)
    correlation = _correlation(mine, view, matrix)
    if correlation < SAME_THING:
        raise UsageError(
            f"`{name}` does not show what the first scan shows: laid upon it in the best of all "
            f"ways, their structure correlates by {correlation:.2f}; {SAME_THING} is the least.",
            "Give scans of one and the same thing, at one resolution and not mirrored.",
        )
    other = turned(other, turns)
    matrix = in_full_size(matrix, k)
    placement = Placement(quarter_turns=turns, matrix=matrix, correlation=correlation)
    for _ in range(2):
        placement = _at_full_size(first, other, placement, bench, model)
    return placement


def _check_sizes(first: Picture, other: Picture, name: str) -> None:
    if min(first.rows, first.cols, other.rows, other.cols) < SIDE_LEAST_PX:
        raise UsageError(
            f"`{name}` is {other.cols} x {other.rows} pixels, the first scan {first.cols} x "
            f"{first.rows}; {SIDE_LEAST_PX} along each side are needed to lay one upon the other.",
            "Scan at a higher resolution.",
        )
    sides = sorted((first.rows, first.cols)), sorted((other.rows, other.cols))
    ratios = [a / b for a, b in zip(*sides)]
    if max(ratios) > 1.6 or min(ratios) < 1 / 1.6:
        raise UsageError(
            f"`{name}` is {other.cols} x {other.rows} pixels, the first scan {first.cols} x "
            f"{first.rows}: they differ by more than the edges of a scan do.",
            "Scan all at one resolution, and crop them alike.",
        )


def _structure(plane: Plane) -> np.ndarray:
    """Brightness without its slow changes, which differ between scans. Mean 0, deviation 1."""
    import cv2

    fine = cv2.GaussianBlur(plane.astype(np.float32), (0, 0), 1.0)
    slow = cv2.GaussianBlur(plane.astype(np.float32), (0, 0), 8.0)
    out = fine - slow
    return np.asarray((out - out.mean()) / max(float(out.std()), 1e-6), np.float32)


# -- stages one and two: overviews --------------------------------------------------------------


def _coarse(mine: np.ndarray, theirs: np.ndarray) -> tuple[float, np.ndarray]:
    """The best start among angles and sizes: its correlation, and the map between overviews."""
    import cv2

    shrink = max(1.0, max(mine.shape) / SMALL_PX)
    a, b = (_smaller(plane, shrink) for plane in (mine, theirs))
    side = cv2.getOptimalDFTSize(int(1.5 * max(*a.shape, *b.shape)))
    spectrum = np.fft.rfft2(a, s=(side, side))
    power_a = float((a * a).sum())
    best = (-1.0, np.eye(3))
    for angle in ANGLES:
        for scale in SCALES:
            turn = np.eye(3)
            centre = ((b.shape[1] - 1) / 2, (b.shape[0] - 1) / 2)
            turn[:2] = cv2.getRotationMatrix2D(centre, float(angle), float(scale))
            warped = cv2.warpAffine(b, turn[:2], (b.shape[1], b.shape[0]))
            both = np.fft.irfft2(
                np.conj(spectrum) * np.fft.rfft2(warped, s=(side, side)), s=(side, side)
            )
            at = np.unravel_index(int(np.argmax(both)), both.shape)
            score = float(both[at]) / np.sqrt(power_a * max(float((warped * warped).sum()), 1e-6))
            if score > best[0]:
                down, right = ((int(v) + side // 2) % side - side // 2 for v in at)
                shift = np.array([[1, 0, right], [0, 1, down], [0, 0, 1.0]])
                best = (score, np.linalg.inv(turn) @ shift)
    scale_a = mine.shape[1] / a.shape[1]
    up = np.diag([scale_a, scale_a, 1.0])
    return best[0], up @ best[1] @ np.linalg.inv(up)


def _smaller(plane: np.ndarray, factor: float) -> np.ndarray:
    import cv2

    size = (max(8, round(plane.shape[1] / factor)), max(8, round(plane.shape[0] / factor)))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _refined(mine: np.ndarray, theirs: np.ndarray, start: np.ndarray) -> np.ndarray:
    """ECC between overviews, from blurred to sharp; where it does not converge, the start."""
    import cv2

    matrix = start
    for motion, blur in ((cv2.MOTION_EUCLIDEAN, 9), (cv2.MOTION_AFFINE, 5)):
        found = _ecc(mine, theirs, matrix, motion, blur)
        if found is not None and _correlation(mine, theirs, found) >= _correlation(
            mine, theirs, matrix
        ):
            matrix = found
    return matrix


def _ecc(
    mine: np.ndarray, theirs: np.ndarray, start: np.ndarray, motion: int, blur: int
) -> np.ndarray | None:
    import cv2

    enough: Any = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-5)
    first = np.ascontiguousarray(start[:2], np.float32)
    if motion == cv2.MOTION_EUCLIDEAN:  # it takes a pure turn to start with
        angle = np.arctan2(start[1, 0], start[0, 0])
        first[:, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    try:
        _, found = cv2.findTransformECC(mine, theirs, first, motion, enough, None, blur)
    except cv2.error:  # it says so when the pictures do not agree
        return None
    matrix = np.eye(3)
    matrix[:2] = found
    return matrix if np.isfinite(matrix).all() else None


def _correlation(mine: np.ndarray, theirs: np.ndarray, matrix: np.ndarray) -> float:
    """Correlation where both are; 0 when they share less than a third."""
    import cv2

    size = (mine.shape[1], mine.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(theirs, matrix[:2], size, flags=flags)
    here = cv2.warpAffine(np.ones_like(theirs), matrix[:2], size, flags=flags) > 0.99
    if here.sum() * 3 < here.size:
        return 0.0
    a, b = mine[here], warped[here]
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-6))


# -- stage three: windows of full size ----------------------------------------------------------


def _at_full_size(
    first: Picture, other: Picture, placement: Placement, bench: BenchView, model: str
) -> Placement:
    chosen = _windows(first.rows, first.cols)

    def place(window: Window) -> tuple[np.ndarray, np.ndarray] | None:
        return _place(first, other, placement.matrix, window)

    found = bench.map(
        place,
        chosen,
        says="Aligning scans",
        total=len(chosen),
        bytes_each=WINDOW_PX * WINDOW_PX * 100,
    )
    pairs = [pair for pair in found if pair is not None]
    if len(pairs) < MODELS[model] + 2:
        return placement
    points, places = (np.stack(side) for side in zip(*pairs))
    matrix, left = fitted(points, places, model)
    used = left <= max(4 * float(np.median(left)), 0.2)
    return Placement(
        quarter_turns=placement.quarter_turns,
        matrix=matrix,
        correlation=placement.correlation,
        residual_px=float(np.sqrt(np.mean(left[used] ** 2))),
        windows=int(used.sum()),
    )


def _place(
    first: Picture, other: Picture, matrix: np.ndarray, window: Window
) -> tuple[np.ndarray, np.ndarray] | None:
    """The middle of a window, and where it lies in the other scan; None where that is not clear."""
    import cv2

    from unfade.scans.placement import mapped

    theirs, covered = read_warped(other, matrix, window, linear=False)
    if covered.mean() < 0.98:
        return None
    mine = luma(first.read(window))
    there = luma(theirs)
    if min(mine.std(), there.std()) < 2 / 255:
        return None
    found = _ecc(_structure(mine), _structure(there), np.eye(3), cv2.MOTION_TRANSLATION, 5)
    if found is None:
        return None
    shift = found[:2, 2]
    a, b = _structure(mine), _structure(there)
    if np.hypot(*shift) > _FARTHEST_PX or _correlation(a, b, found) < _ALIGNED:
        return None
    point = np.array([(window.left + window.right - 1) / 2, (window.top + window.bottom - 1) / 2])
    x, y = mapped(matrix, np.array(point[0] + shift[0]), np.array(point[1] + shift[1]))
    return point, np.array([float(x), float(y)])


def _windows(rows: int, cols: int) -> list[Window]:
    """Windows spread evenly, from the picture's size alone."""
    side = min(WINDOW_PX, max(SIDE_LEAST_PX, min(rows, cols) // 3))
    across = max(2, round(float(np.sqrt(WINDOWS_AT_MOST * cols / rows))))
    across = min(across, WINDOWS_AT_MOST // 2)
    down = max(2, WINDOWS_AT_MOST // across)
    tops = np.linspace(0, rows - side, down).round().astype(int)
    lefts = np.linspace(0, cols - side, across).round().astype(int)
    return [
        Window(int(top), int(left), int(top) + side, int(left) + side)
        for top in tops
        for left in lefts
    ]
