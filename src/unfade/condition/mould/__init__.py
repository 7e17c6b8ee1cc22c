"""Find colonies of mould: fine dark or pale dots in a swarm, where a print was damp.

One dot is told from dust, stars, freckles or gravel by nobody; a colony may be. So every small
round thing that stands out is measured (``dots``) and gets odds of its own, dots are gathered to
swarms (``colonies``), and each swarm is judged as a whole: how much denser it is than the rest,
how calm it is between its dots, whether they lie in rows or along edges, how alike they are, and
what else the picture holds. What is not nearly sure is no finding.

It works in one channel as in three: mould is told by its pattern, not by its colour. It sees the
picture on an overview of at most 2 megapixels and on one half as fine. Single dots, dots too fine
for that, colonies in texture and mould that covers most of a picture are not found; the haze
around the dots is not measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from unfade.condition.marks.pages import is_page
from unfade.condition.mould.colonies import MEASURED, REACH, Colony, find_colonies, ground_of
from unfade.condition.mould.dots import Dots, find_dots
from unfade.condition.mould.outline import outline
from unfade.condition.mould.weights import COLONY, DOT
from unfade.condition.survey import block_px, overview, shrunk
from unfade.engines.contract import BenchView
from unfade.findings import Mark, MarkKind
from unfade.picture import Picture, Pixels, Window

AT_MOST_PX = 2_000_000
LEAST_SIDE_PX = 96
SURE_ODDS = 3.0  # of a colony: none of 420 sound training pictures has one
DOT_ODDS = -1.0  # of each of its dots, with what its place in the colony adds
FEWEST_DOTS = 6
SWING_PX = 6  # how far from a dot its rim may be taken for dots of the other polarity
MOST_UNLIKE = 0.75  # spread of the log of its dots' contrast; dust of all kinds has more


@dataclass(frozen=True, slots=True, eq=False)
class Swarm:
    """A colony with what it was made of.

    Attributes:
        dots: all dots of its polarity; members: indices of those that are its own
        odds: log odds that it is mould
    """

    colony: Colony
    dots: Dots
    members: np.ndarray
    odds: float


def find_mould(picture: Picture, bench: BenchView, *, least_odds: float = SURE_ODDS) -> list[Mark]:
    """The colonies of a picture, each a mark whose region are its dots.

    Args:
        least_odds: log odds from which a colony is a finding
    Cost:
        about 0.5 s a megapixel of the overview, so 1 s for a large picture; 30 planes of it
    """
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX or is_page(picture):
        return []
    block = block_px(picture, AT_MOST_PX)
    linear = picture.encoding == "linear"
    small = overview(picture, bench, k=block)
    found: list[tuple[Mark, np.ndarray]] = []
    for k, pixels in ((block, small), (2 * block, shrunk(small, 2, 2))):
        if min(pixels.shape[:2]) < LEAST_SIDE_PX:
            continue
        for swarm in find_swarms(*planes_of(pixels, linear), least_odds):
            centre = swarm.colony.centre * k
            known = any(
                mark.light == swarm.colony.light
                and float(np.hypot(*(centre - middle))) < mark.length_px / 2
                for mark, middle in found
            )
            mark = None if known else _mark(picture, swarm, k)
            if mark is not None:
                found.append((mark, centre))
    marks = [mark for mark, _ in found]
    return sorted(marks, key=lambda mark: mark.region.window)


def _mark(picture: Picture, swarm: Swarm, block: int) -> Mark | None:
    """The swarm in the picture's own pixels; None where too little is left of it."""
    colony, dots = swarm.colony, swarm.dots
    if len(swarm.members) < FEWEST_DOTS:
        return None
    region = outline(picture, dots, swarm.members, colony.light, block)
    if region is None:
        return None
    long = 2 * REACH * float(np.sqrt(np.linalg.eigvalsh(colony.spread)[-1])) * block
    return Mark(
        kind=MarkKind.MOULD,
        region=region,
        light=colony.light,
        width_px=2 * block * float(np.median(dots.sigma_px[swarm.members])),
        length_px=long,
        confidence=float(1 / (1 + np.exp(-swarm.odds))),
    )


def find_swarms(light: np.ndarray, dark: np.ndarray, least_odds: float) -> list[Swarm]:
    """Swarms of dots that are mould, the surest first; those that lie in one another are one.

    Args:
        light, dark: as ``planes_of`` makes them
    """
    planes = ((light, find_dots(light, dark)), (dark, find_dots(dark, light)))
    odds = [DOT.odds(dots.measured) for _, dots in planes]
    swarms: list[Swarm] = []
    for k, (plane, dots) in enumerate(planes):
        ground = ground_of(plane, dots, odds[k])
        found = find_colonies(k == 0, dots, odds[k], planes[1 - k][1], odds[1 - k], ground)
        if not found:
            continue
        measured = np.array([colony.measured for colony in found])
        unlike = measured[:, MEASURED.index("contrast_spread")] > MOST_UNLIKE
        chances = np.where(unlike, -np.inf, COLONY.odds(measured))
        swung = _counter_swings(dots, planes[1 - k][1], plane.shape)
        chosen: list[Swarm] = []
        for n in np.argsort(-chances, kind="stable"):
            if chances[n] < least_odds:
                break
            members = found[n].members_above(odds[k], DOT_ODDS)
            home = next((i for i, s in enumerate(chosen) if s.colony.holds(found[n])), None)
            if 2 * np.count_nonzero(swung[members]) > len(members):
                continue
            members = np.setdiff1d(members, _of_all(chosen))
            if home is None:
                chosen.append(Swarm(found[n], dots, members, float(chances[n])))
            else:
                whole = np.union1d(chosen[home].members, members)
                chosen[home] = replace(chosen[home], members=whole)
        swarms += chosen
    return sorted(swarms, key=lambda swarm: -swarm.odds)


def _counter_swings(dots: Dots, other: Dots, shape: tuple[int, ...]) -> np.ndarray:
    """Which dots lie beside stronger ones of the other polarity: rims of those, not dots."""
    import cv2

    height = np.zeros(shape, np.float32)
    height[other.rows, other.cols] = other.contrast
    near = cv2.dilate(height, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * SWING_PX + 1,) * 2))
    return np.asarray(near[dots.rows, dots.cols] > dots.contrast)


def _of_all(swarms: list[Swarm]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *(swarm.members for swarm in swarms)])


def planes_of(pixels: Pixels, linear: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Two planes (rows, cols) float32 of codes 0-255: pale dots are bright in the first, dark
    ones in the second.

    Args:
        pixels: (rows, cols, 1 or 3) float32 0-1
        linear: they are light, and are judged as they are seen
    """
    seen = np.clip(np.nan_to_num(pixels), 0, 1)
    seen = np.sqrt(seen) if linear else seen
    channels = [seen[:, :, c] for c in range(seen.shape[2])]
    lowest, highest = reduce(np.minimum, channels), reduce(np.maximum, channels)
    return np.ascontiguousarray(lowest * np.float32(255)), (1 - highest) * np.float32(255)


def whereabouts(window: Window, picture: Picture) -> str:
    """In words: "upper left", "middle", "bottom"."""
    thirds = [
        min(2, 3 * (low + high) // (2 * size))
        for low, high, size in (
            (window.top, window.bottom, picture.rows),
            (window.left, window.right, picture.cols),
        )
    ]
    alone = ("top", "", "bottom")[thirds[0]], ("left", "", "right")[thirds[1]]
    if all(alone):
        return f"{('upper', '', 'lower')[thirds[0]]} {alone[1]}"
    return alone[0] or alone[1] or "middle"
