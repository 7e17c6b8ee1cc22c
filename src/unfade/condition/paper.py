"""Paper: the white that a picture shows of its own support, and how yellow that is.

Two places show it: a *margin*, one even light tone along at least three of the four sides, as
prints with a white border and mounted photographs have; and a *page*, one even light tone that
much of the picture is made of, with darker writing on it. Both must be the lightest large tone of
the picture, evenly so, and no more than faintly coloured. A picture without either has no
reference: the finder abstains.

How yellow it is, is its density to blue light above that to red. What it was when new is not
known: paper is never perfectly white. Works on an overview of at most 200,000 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.survey import block_px, overview
from unfade.engines.contract import BenchView
from unfade.findings import Paper
from unfade.picture import Mask, Picture
from unfade.pixels.profile import to_linear

AT_MOST_PX = 200_000
LEAST_SIDE_PX = 48
_LEAST_LIGHT = 1e-3
_STRIP_SHARE = 0.02  # of the shorter side: how much of a margin is looked at
_DARKEST = 0.55  # density to red light: darker is no paper
_EVEN = 0.05  # density that nine tenths of the paper stay within
_PAGE_SHARE = 0.45  # of the picture, from which one tone can be a page
_LIGHTER_SHARE = 0.02  # of the picture may be lighter than its paper
_GREEN = 0.03  # density by which green may lie outside red and the middle of red and blue
_YELLOWEST = 0.7


@dataclass(frozen=True, slots=True)
class White:
    """Density to each channel's light of the paper, where it lies, and how much of it there is."""

    density: np.ndarray
    where: str
    share: float
    sure: float


def paper_white(density: np.ndarray) -> White | None:
    """Find the paper in a small picture.

    Args:
        density: (rows, cols, channels) float32, -log10 of linear light
    Returns:
        the paper's white, or None where nothing is surely paper
    """
    found = _margin(density) or _page(density)
    if found is None:
        return None
    lighter = (density[:, :, 0] < found.density[0] - 2 * _EVEN).mean()
    if lighter > _LIGHTER_SHARE or found.density[0] > _DARKEST:
        return None
    if found.density.size == 3:
        red, green, blue = (float(v) for v in found.density)
        between = red - _GREEN <= green <= (red + blue) / 2 + _GREEN
        if not between or not -0.02 <= blue - red <= _YELLOWEST:
            return None
    return found


def _margin(density: np.ndarray) -> White | None:
    rows, cols = density.shape[:2]
    strip = max(2, round(_STRIP_SHARE * min(rows, cols)))
    sides = (density[:strip], density[-strip:], density[:, :strip], density[:, -strip:])
    tones = [np.median(side.reshape(-1, density.shape[2]), axis=0) for side in sides]
    even = [
        (np.abs(side - tone).max(axis=2) < _EVEN).mean() > 0.9 for side, tone in zip(sides, tones)
    ]
    middle = np.median(np.array(tones), axis=0)
    alike = [
        bool(good) and bool(np.abs(tone - middle).max() < _EVEN) for good, tone in zip(even, tones)
    ]
    if sum(alike) < 3:
        return None
    near = np.abs(density - middle).max(axis=2) < _EVEN
    if near.mean() > 0.9:  # an even field all over: nothing lies on it that makes it paper
        return None
    edge = _edge_share(near)
    return White(
        middle, "margin", float(near.mean()), 0.75 + 0.05 * sum(alike) + 0.05 * (edge > 0.95)
    )


def _edge_share(near: Mask) -> float:
    """Share of the picture's outline that is paper."""
    outline = np.concatenate([near[0], near[-1], near[:, 0], near[:, -1]])
    return float(outline.mean())


def _page(density: np.ndarray) -> White | None:
    red = density[:, :, 0]
    counts, edges = np.histogram(red, bins=60, range=(0, 1.2))
    wide = counts[:-1] + counts[1:]
    peak = int(wide.argmax())
    near = np.abs(red - np.float32(edges[peak + 1])) < _EVEN
    if near.mean() < _PAGE_SHARE:
        return None
    tone = np.median(density[near], axis=0)
    near = np.abs(density - tone).max(axis=2) < _EVEN
    share = float(near.mean())
    # writing lies all over a page: most fields of it hold some, and all hold paper
    fields = [
        f for band in np.array_split(near, 6, axis=0) for f in np.array_split(band, 6, axis=1)
    ]
    papered = float(np.mean([f.mean() > 0.15 for f in fields]))
    dark = (red > tone[0] + 0.25).mean()
    if share < _PAGE_SHARE or papered < 0.9 or not 0.01 <= dark <= 0.4:
        return None
    return White(np.asarray(tone), "page", share, 0.7 + 0.2 * papered * min(1.0, share / 0.6))


def look(picture: Picture, bench: BenchView) -> Paper:
    """The paper's own white, or that none is seen."""
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return Paper(says="Paper: not looked for, the picture is too small.")
    small = to_linear(overview(picture, bench, k=block_px(picture, AT_MOST_PX)), picture)
    density = -np.log10(np.maximum(np.nan_to_num(small), np.float32(_LEAST_LIGHT)))
    white = paper_white(np.asarray(density, np.float32))
    if white is None:
        return Paper(says="Paper: no margin or page is seen that shows its white.")
    numbers = tuple(float(v) for v in white.density)
    shown = ", ".join(f"{v:.2f}" for v in numbers)
    yellow = numbers[2] - numbers[0] if len(numbers) == 3 else None
    hue = "" if yellow is None else f", {yellow:.2f} more to blue light than to red"
    return Paper(
        says=f"Paper: a {white.where} of density {shown}{hue}; {white.share:.0%} of the picture.",
        confidence=float(min(white.sure, 0.95)),
        where=white.where,
        density=numbers,
        area_share=white.share,
        yellow=yellow,
    )


FINDER = Finder(name="paper", title="The paper's own white", look=look)
