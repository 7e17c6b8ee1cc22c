"""The light and shade of a fold, measured along it and taken away as a ratio of light.

A fold bends the sheet, so that one flank is lit and the other shaded: light is multiplied, what
is printed there is not lost. The profile across is measured as the median along the whole line,
each flank by itself, and its strength piece by piece; dividing it out keeps the texture below.
Where the layer broke, paper shows; those pixels are named, to be filled.

The ratio is taken on stored values with the offset of the sRGB curve, where a factor of light is
a factor all the same: light = ((v + 0.055) / 1.055) ** 2.4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from unfade.findings import Fold
from unfade.picture import Mask, Picture, Pixels, Window
from unfade.pixels.strips import read_strip

OFFSET = 0.055
BESIDE_SHARE = 0.6  # of the half width: as much of the sound picture is read beyond each flank
CRACK_PX = 2  # on each side
BELLS = 10  # widths that are tried
PIECE_PX = 40  # the profile is measured in as long pieces, which must agree
KNOT_PX = 24  # the strength is measured as often
KNOTS_SMOOTH = 5
STRENGTH_MOST = 1.6
LEAST_RELIEF = 0.002  # of the logarithm: fainter profiles are chance
TIMES_DOUBT = 2.0  # what is less sure from piece to piece is chance, too
PAPER_ABOVE = 0.04  # of the logarithm: how far bare paper stands out at least
TIMES_ABOVE = 2.0  # and how much more than what stands out of the picture beside
ONE_BRIGHTNESS, STRICTER = 0.15, 3.0  # spread of the logarithm; how much more it must stand out
CRACK_SHARE, CRACK_LEAST_PX = 0.45, 4  # how far from the line the layer breaks


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """One fold as measured.

    Attributes:
        key: of its mark
        place, across: (length, 2) points a pixel apart, and the direction across at each
        profile: (2 half + 1,) logarithm of light across the line, 0 at both ends
        strength: (length,) how strongly it holds at each point, about 1
        broken: (2 half + 1, length) bool, where bare paper or its shadow shows
    """

    key: str
    place: np.ndarray
    across: np.ndarray
    profile: np.ndarray
    strength: np.ndarray
    broken: np.ndarray

    @property
    def half_px(self) -> int:
        return len(self.profile) // 2

    @property
    def window(self) -> Window:
        margin = self.half_px + 2
        low = np.floor(self.place.min(axis=0)).astype(int) - margin
        high = np.ceil(self.place.max(axis=0)).astype(int) + margin + 1
        return Window(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def measure_relief(picture: Picture, fold: Fold) -> Relief:
    """Measure one fold.

    Cost:
        time and memory ∝ length of the line x width of its surround
    """
    place, across = _along(np.array(fold.points, np.float64))
    half = max(3, round(fold.half_px))
    beside = max(3, int(half * BESIDE_SHARE))
    strip = np.log(np.maximum(read_strip(picture, place, across, half + beside), 0) + OFFSET)
    middle = half + beside
    up, down = strip[:beside].mean(axis=0), strip[-beside:].mean(axis=0)
    # between the two sides the picture goes over in a straight line
    share = ((np.arange(-half, half + 1) + middle - (beside - 1) / 2) / (2 * middle - beside + 1))[
        :, None, None
    ]
    inner = strip[beside : beside + 2 * half + 1]
    over = (inner - (up * (1 - share) + down * share)).mean(axis=2)
    profile = _profile(over)
    strength = _strength(over, profile)
    left = over - profile[:, None] * strength[None, :]
    return Relief(fold.key, place, across, profile, strength, _broken(left, inner.mean(axis=2)))


def _profile(over: np.ndarray) -> np.ndarray:
    """The light and shade across, as far as pieces of the line agree on it.

    What is lit on one flank lacks on the other, and fades away from the line: a bell whose height
    and width are fitted. What both flanks have in common is the picture's.
    """
    half, length = over.shape[0] // 2, over.shape[1]
    pieces = int(np.clip(length // PIECE_PX, 3, 40))
    edges = np.linspace(0, length, pieces + 1).astype(int)
    medians = np.stack([np.median(over[:, a:b], axis=1) for a, b in pairwise(edges) if b > a], 1)
    odd = (medians[half + 1 :] - medians[:half][::-1]) / 2
    apart = np.arange(1, half + 1)
    first = CRACK_PX if half > 3 * CRACK_PX else 0  # the crack itself is no relief
    best, least = np.zeros(half), np.inf
    for width in np.geomspace(1.5, max(half / 1.5, 1.6), BELLS):
        bell = np.exp(-0.5 * (apart / width) ** 2) - np.exp(-0.5 * (half / width) ** 2)
        seen = bell[first:]
        height = seen @ odd[first:] / (seen @ seen)
        usual = float(np.median(height))
        doubt = 1.25 * float(height.std()) / np.sqrt(len(height))
        left = float(np.abs(np.median(odd[first:], axis=1) - usual * seen).sum())
        if left < least:
            share = max(0.0, 1 - (doubt / max(abs(usual), 1e-6)) ** 2)
            if abs(usual) < TIMES_DOUBT * doubt:  # a scratch across many things, and no fold
                share = 0.0
            best, least = share * usual * bell, left
    if np.abs(best).max() < LEAST_RELIEF:
        best[:] = 0
    return np.concatenate([-best[::-1], [0.0], best])


def _strength(over: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """How strongly the profile holds, measured piece by piece and smoothed along."""
    length = over.shape[1]
    energy = float(profile @ profile)
    if energy == 0:
        return np.zeros(length)
    most = 4 * float(np.abs(profile).max()) + 0.02
    knots = max(1, length // KNOT_PX)
    edges = np.linspace(0, length, knots + 1).astype(int)
    found = np.array(
        [
            profile @ np.median(np.clip(over[:, a:b], -most, most), axis=1) / energy
            for a, b in pairwise(edges)
        ]
    )
    found = np.clip(found, 0, STRENGTH_MOST)
    side = KNOTS_SMOOTH // 2
    wide = np.pad(found, side, mode="edge")
    found = np.median(np.lib.stride_tricks.sliding_window_view(wide, KNOTS_SMOOTH), axis=1)
    found = np.convolve(np.pad(found, 1, mode="edge"), np.ones(3) / 3, "valid")
    return np.interp(np.arange(length), (edges[1:] + edges[:-1]) / 2, found)


def _broken(left: np.ndarray, light: np.ndarray) -> Mask:
    """Where bare paper stands out beside the line, and the shadow at its lip.

    Bare paper is of one brightness all along; where what stands out is not, it may be the picture,
    and has to stand out more.
    """
    import cv2

    half = left.shape[0] // 2
    crack = min(half - 1, max(CRACK_LEAST_PX, round(half * CRACK_SHARE)))
    aside = np.abs(np.arange(-half, half + 1))
    near = (aside <= crack)[:, None]
    ring = aside > crack + 1
    ring = ring if ring.any() else aside == half
    plane = left.astype(np.float32)
    tall = np.ones((2 * crack + 1, 1), np.uint8)
    high = plane - cv2.morphologyEx(plane, cv2.MORPH_OPEN, tall)
    deep = cv2.morphologyEx(plane, cv2.MORPH_CLOSE, tall) - plane
    limit = _limit(high[ring])
    paper = (high > limit) & near
    if paper.any():
        brightest = np.where(paper, light, -np.inf).max(axis=0)[paper.any(axis=0)]
        brightest = np.sort(brightest)[len(brightest) // 2 :]  # a hair line is half paper
        if np.subtract(*np.quantile(brightest, (0.8, 0.2))) > ONE_BRIGHTNESS:
            paper &= high > STRICTER * limit
    close = cv2.dilate(paper.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    shadow = (deep > _limit(deep[ring])) & near & close
    both = (paper | shadow).astype(np.uint8)
    return cv2.dilate(both, np.ones((3, 3), np.uint8)) > 0


def _limit(beside: np.ndarray) -> np.ndarray:
    """(length,) how far something must stand out: more than the picture beside it does."""
    usual = np.quantile(beside, 0.75, axis=0)
    wide = np.pad(usual, 15, mode="edge")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(wide, 31), axis=1)
    return np.asarray(np.maximum(PAPER_ABOVE, TIMES_ABOVE * usual))


def take_away(
    pixels: Pixels, window: Window, reliefs: Iterable[Relief], amount: float
) -> tuple[Pixels, Mask]:
    """Pixels of a window without the light and shade of folds, and where those are broken.

    Args:
        amount: 1 takes all of it away, 0 none
    Returns:
        float32 like ``pixels``; (rows, cols) bool
    """
    ratio = np.zeros(pixels.shape[:2], np.float32)
    broken = np.zeros(pixels.shape[:2], bool)
    for relief in reliefs:
        if relief.window.overlap(window) is None:
            continue
        rows, cols, at, aside = _places(relief, window)
        half = relief.half_px
        across = np.interp(aside, np.arange(-half, half + 1), relief.profile)
        ratio[rows, cols] += (across * relief.strength[at]).astype(np.float32)
        row = np.clip(np.rint(aside).astype(np.int64) + half, 0, 2 * half)
        broken[rows, cols] |= relief.broken[row, at]
    changed = ratio != 0
    out = pixels.copy()
    factor = np.exp(-np.float32(amount) * ratio[changed])[:, None]
    offset = np.float32(OFFSET)
    out[changed] = np.maximum((pixels[changed] + offset) * factor - offset, 0)
    return out, broken


def _places(
    relief: Relief, window: Window
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of the window beside the line: row, column, nearest point of it, px aside."""
    import cv2

    half = relief.half_px
    wide = window.grown(half + 2, 2**31, 2**31)
    top, left = window.top - half - 2, window.left - half - 2
    rows, cols = wide.bottom - top, wide.right - left
    at = np.rint(relief.place - (top, left)).astype(np.int64)
    here = (at >= 0).all(axis=1) & (at[:, 0] < rows) & (at[:, 1] < cols)
    nothing = np.zeros(0, np.int64)
    if not here.any():
        return nothing, nothing, nothing, np.zeros(0)
    index = np.flatnonzero(here)
    line = np.ones((rows, cols), np.uint8)
    line[at[here, 0], at[here, 1]] = 0
    apart, labels = cv2.distanceTransformWithLabels(
        line, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(labels.max()) + 1, np.int64)
    of_label[labels[at[here, 0], at[here, 1]]] = index
    inner = Window(window.top - top, window.left - left, window.bottom - top, window.right - left)
    near = np.asarray(apart)[inner.slices] <= half + 1
    row, col = np.nonzero(near)
    point = of_label[labels[inner.slices][near]]
    away = np.stack([row + window.top, col + window.left], 1) - relief.place[point]
    aside = np.einsum("nk,nk->n", away, relief.across[point])
    ahead = away[:, 0] * relief.across[point, 1] - away[:, 1] * relief.across[point, 0]
    kept = (np.abs(aside) <= half) & (np.abs(ahead) <= 3)
    return row[kept], col[kept], point[kept], aside[kept]


def _along(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places a pixel apart along a line, smoothed, and the direction across it at each."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0, max(length[-1], 1.0))
    place = np.stack([np.interp(at, length, points[:, k]) for k in (0, 1)], axis=1)
    size = min(17, len(place) // 2 * 2 - 1)
    if size >= 3:
        wide = np.pad(place, ((size // 2, size // 2), (0, 0)), mode="reflect", reflect_type="odd")
        kernel = np.ones(size) / size
        place = np.stack([np.convolve(wide[:, k], kernel, "valid") for k in (0, 1)], axis=1)
    ahead = np.gradient(place, axis=0) if len(place) > 1 else np.array([[0.0, 1.0]])
    ahead = ahead / np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)[:, None]
    return place, np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
