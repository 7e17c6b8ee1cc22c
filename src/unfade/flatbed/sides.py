"""The sides of a photograph at full resolution: straight, sharp, and the outermost of their kind.

Across a side the scan is read along many lines. What counts is a sharp step that is sharper than
the slope just outside of it: the edge of paper is sharp, the shadow beside it slopes. Votes of all
lines are gathered over offset and angle; of the straight lines with enough votes the outermost is
the edge of the paper, those further in belong to the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unfade.flatbed.photograph import SIDES, Photograph
from unfade.picture import Picture, Window

LINES = 240
SPREAD = 9  # pixels along the side that one line averages
INSET = 0.03  # of the side at each corner that is left out
STEP_PX = 0.5
MOST_TURN_DEGREES = 1.6
LEAST_STEP = 1.6 / 255
SCALES = (1.0, 2.0, 4.0)
CLEAR_SHARE = 0.4
HUG_PX = 6.0
FAINT = 0.7
SHARP = 0.6  # of a step that must be more than the slope beside it
LEAST_SHARE = 0.22
OF_BEST = 0.5
AGREE_DEGREES = 0.15
ODD_DEGREES = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side as measured: how far out of where it was looked for, how turned, how well seen."""

    offset_px: float
    turn_degrees: float
    support: float


def refine(
    picture: Picture, rough: Photograph, *, inward_px: float, outward_px: float, noise: float
) -> Photograph:
    """Measure the four sides of a photograph and square them.

    Args:
        rough: where it is thought to lie, to 1.5 degrees and to the pixels that follow
        inward_px, outward_px: how far from there a side is looked for
        noise: standard deviation of single pixels of the lid
    """
    down, right = rough.axes
    centre = np.array([rough.row_px, rough.col_px])
    # outward normal and direction along, for top, right, bottom, left
    frames = ((-down, right), (right, down), (down, -right), (-right, -down))
    half = (rough.rows_px / 2, rough.cols_px / 2)
    reach = (half[0], half[1], half[0], half[1])
    length = (rough.cols_px, rough.rows_px, rough.cols_px, rough.rows_px)
    sides: list[Side | None] = []
    for k, (name, (out, along)) in enumerate(zip(SIDES, frames, strict=True)):
        if name in rough.cut:
            sides.append(None)
            continue
        middle = centre + out * reach[k]
        sides.append(
            measure_side(picture, middle, out, along, length[k], inward_px, outward_px, noise)
        )
    seen = [(s, length[k]) for k, s in enumerate(sides) if s is not None and s.support > 0]
    turn, odd = _common_turn(seen)
    moved = [0.0 if s is None else s.offset_px for s in sides]
    shift = (moved[2] - moved[0]) / 2 * down + (moved[1] - moved[3]) / 2 * right
    notes = rough.notes
    if odd > ODD_DEGREES:
        notes += (f"Its sides are not square: they differ by {odd:.1f} degrees.",)
    return Photograph(
        row_px=float(centre[0] + shift[0]),
        col_px=float(centre[1] + shift[1]),
        rows_px=rough.rows_px + moved[0] + moved[2],
        cols_px=rough.cols_px + moved[1] + moved[3],
        angle_degrees=rough.angle_degrees + turn,
        support=tuple(0.0 if s is None else s.support for s in sides),  # type: ignore[arg-type]
        cut=rough.cut,
        notes=notes,
    )


def measure_side(
    picture: Picture,
    middle: np.ndarray,
    out: np.ndarray,
    along: np.ndarray,
    length_px: float,
    inward_px: float,
    outward_px: float,
    noise: float,
) -> Side:
    """Measure one side, at full resolution or, where its edge is softer than that, at less.

    Args:
        middle: (2,) row and column of its middle, as thought
        out, along: (2,) unit vectors; ``along`` is ``out`` turned clockwise as seen
        length_px: of the side
    """
    best = Side(offset_px=0.0, turn_degrees=0.0, support=0.0)
    for scale in SCALES:
        side = _measured(
            picture, middle, out, along, length_px, inward_px, outward_px, noise, scale
        )
        if side.support > max(best.support, LEAST_SHARE):
            best = side
        if best.support >= CLEAR_SHARE:
            break
    return best


def _measured(
    picture: Picture,
    middle: np.ndarray,
    out: np.ndarray,
    along: np.ndarray,
    length_px: float,
    inward_px: float,
    outward_px: float,
    noise: float,
    scale: float,
) -> Side:
    usable = length_px * (1 - 2 * INSET)
    places = np.linspace(-usable / 2, usable / 2, min(LINES, max(12, int(usable))))
    lean = math.tan(math.radians(MOST_TURN_DEGREES)) * usable / 2
    each = STEP_PX * scale
    offsets = np.arange(-inward_px - lean, outward_px + lean + each, each)
    sharp, least = _sharpness(picture, middle, out, along, places, offsets, noise)
    votes = np.clip(sharp / least, 0, 1)
    turns = np.radians(np.linspace(-MOST_TURN_DEGREES, MOST_TURN_DEGREES, 81))
    wanted = np.arange(-inward_px, outward_px + each, each)
    gathered = np.stack([_along_line(votes, places, offsets, wanted, t) for t in turns])
    broad = np.maximum(np.maximum(gathered, np.roll(gathered, 1, 1)), np.roll(gathered, -1, 1))
    best = int(np.unravel_index(int(broad.argmax()), broad.shape)[0])
    near = slice(max(0, best - 8), best + 9)
    profile = gathered[near].max(axis=0)
    enough = max(LEAST_SHARE, OF_BEST * float(profile.max()))
    peaks = [
        i
        for i in range(len(profile))
        if profile[i] >= enough and profile[i] == profile[max(0, i - 4) : i + 5].max()
    ]
    if not peaks:
        return Side(offset_px=0.0, turn_degrees=0.0, support=0.0)
    chosen = peaks[-1]
    turn = float(turns[near][int(gathered[near, chosen].argmax())])
    # what little of a shadow's slope looks sharp hugs the edge, and the edge is the larger step
    height = _along_line(sharp, places, offsets, wanted, turn)
    for peak in reversed(peaks[:-1]):
        if wanted[chosen] - wanted[peak] > HUG_PX * scale:
            break
        if _top(height, chosen) < FAINT * _top(height, peak):
            chosen = peak
    turn = float(turns[near][int(gathered[near, chosen].argmax())])
    return _fitted(sharp, least, places, offsets, float(wanted[chosen]), turn, scale)


def _top(profile: np.ndarray, at: int) -> float:
    return float(profile[max(0, at - 2) : at + 3].max())


def _sharpness(
    picture: Picture,
    middle: np.ndarray,
    out: np.ndarray,
    along: np.ndarray,
    places: np.ndarray,
    offsets: np.ndarray,
    noise: float,
) -> tuple[np.ndarray, float]:
    """(places, offsets) how much sharper a step is than the slope outside of it; what is enough."""
    import cv2

    spread = np.linspace(-(SPREAD - 1) / 2, (SPREAD - 1) / 2, SPREAD)
    points = middle + places[:, None, None, None] * along + offsets[None, :, None, None] * out
    points = points + spread[None, None, :, None] * along  # (places, offsets, spread, 2)
    low = np.floor(points.min(axis=(0, 1, 2))).astype(int) - 2
    high = np.ceil(points.max(axis=(0, 1, 2))).astype(int) + 3
    window = Window(
        int(np.clip(low[0], 0, picture.rows - 1)),
        int(np.clip(low[1], 0, picture.cols - 1)),
        int(np.clip(high[0], 1, picture.rows)),
        int(np.clip(high[1], 1, picture.cols)),
    )
    pixels = picture.read(window)
    values = np.zeros((len(places), len(offsets), picture.channels), np.float32)
    for k in range(SPREAD):
        # a pixel's own coordinate is its centre: half a pixel from its corner
        x = (points[:, :, k, 1] - window.left - 0.5).astype(np.float32)
        y = (points[:, :, k, 0] - window.top - 0.5).astype(np.float32)
        read = cv2.remap(pixels, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        values += read.reshape(values.shape) / np.float32(SPREAD)
    return _sharper(values), max(LEAST_STEP, 4 * noise / math.sqrt(SPREAD * 2.5))


def _sharper(values: np.ndarray) -> np.ndarray:
    """The step over 3 pixels less those of its own sign beside it; of the channel with most.

    A slope has nearly as large a step of its own sign beside it, an edge has not.
    """
    each, gap = int(2 / STEP_PX), int(1 / STEP_PX)
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0), (0, 0))), axis=1, dtype=np.float64)
    mean = (total[:, each:] - total[:, :-each]) / each  # mean over 2 pixels from here on
    width = values.shape[1]
    inner, outer = mean[:, : -each - gap], mean[:, each + gap :]
    step = np.zeros_like(values, dtype=np.float64)
    start = each + gap // 2  # the middle between the two means
    step[:, start : start + inner.shape[1]] = outer - inner
    sign, size = np.sign(step), np.abs(step)
    beside = np.zeros_like(step)
    # one shift alone may fall where a slope and the edge cancel each other
    for shift in range(each + gap, each + gap + 4):
        here, further = slice(0, width - shift), slice(shift, width)
        np.maximum(beside[:, here], (step[:, further] * sign[:, here]), out=beside[:, here])
        np.maximum(beside[:, further], (step[:, here] * sign[:, further]), out=beside[:, further])
    sharp = np.where(size - beside > SHARP * size, size - beside, 0)
    return np.asarray(sharp.max(axis=2))


def _along_line(
    votes: np.ndarray, places: np.ndarray, offsets: np.ndarray, wanted: np.ndarray, turn: float
) -> np.ndarray:
    """Mean vote along lines at ``wanted`` offsets in their middle, turned by ``turn``."""
    # turned clockwise as seen, a side moves inward as one goes along it
    drift = -math.tan(turn) * places
    each = offsets[1] - offsets[0]
    index = np.rint((wanted[None] + drift[:, None] - offsets[0]) / each).astype(int)
    index = np.clip(index, 0, len(offsets) - 1)
    return np.asarray(np.take_along_axis(votes, index, axis=1).mean(axis=0))


def _fitted(
    sharp: np.ndarray,
    least: float,
    places: np.ndarray,
    offsets: np.ndarray,
    offset: float,
    turn: float,
    scale: float,
) -> Side:
    """A straight line through the sharpest steps near a given one, by weighted least squares."""
    slope = -math.tan(turn)
    support = 0.0
    reach = 3.0 * scale
    for _ in range(4):
        line = offset + slope * places
        away = offsets[None] - line[:, None]
        near = np.abs(away) <= reach
        score = np.where(near, sharp, 0)
        top = score.max(axis=1)
        seen = top >= least
        support = float(seen.mean())
        if seen.sum() < 8:
            break
        # a step's place is the middle of its peak
        part = np.where(score >= 0.6 * top[:, None], score, 0)[seen]
        place = (part * offsets).sum(axis=1) / part.sum(axis=1)
        x, rest = places[seen], place - line[seen]
        weight = np.minimum(1.0, top[seen] / (4 * least))
        weight /= np.maximum(1.0, np.abs(rest - np.median(rest)) / (0.5 * scale))
        mean = np.average(x, weights=weight)
        middle = np.average(place, weights=weight)
        spread = np.average((x - mean) ** 2, weights=weight)
        slope = float(np.average((x - mean) * (place - middle), weights=weight) / max(spread, 1e-9))
        offset = float(middle - slope * mean)
        reach = 2.0 * scale
    return Side(offset_px=offset, turn_degrees=-math.degrees(math.atan(slope)), support=support)


def _common_turn(seen: list[tuple[Side, float]]) -> tuple[float, float]:
    """The turn that the sides agree upon, and how far apart the well-seen ones are."""
    if not seen:
        return 0.0, 0.0
    turns = np.array([side.turn_degrees for side, _ in seen])
    # the error of a slope falls with the length of what was seen of it
    weights = np.array([(side.support * length) ** 2 for side, length in seen])
    order = np.argsort(turns)
    half = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    middle = turns[order][min(int(half), len(turns) - 1)]
    agree = np.abs(turns - middle) <= AGREE_DEGREES
    clear = turns[[side.support >= 0.5 for side, _ in seen]]
    odd = float(np.ptp(clear)) if len(clear) > 1 else 0.0
    return float(np.average(turns[agree], weights=weights[agree])), odd
