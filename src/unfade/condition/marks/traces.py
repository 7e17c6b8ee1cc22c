"""Follow straight scratches along their own line, over ground where they hardly show.

A scratch goes on where it crosses grass or foliage, but no pixel of it stands out there. Along the
line that is known from where it was found, the mean over a few dozen pixels still does: it is
compared with the same means along lines beside it, which say what the ground alone gives. So a
scratch is mended to its end and over its gaps, or up to where nothing speaks for it any more.

Related: Newson et al., Robust Automatic Line Scratch Detection in Films (2014): evidence gathered
along a line, against what the ground gives by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unfade.condition.marks.planes import read_planes
from unfade.findings import Mark, MarkKind, Region
from unfade.picture import Mask, Picture, Window

# Chosen on 90 training pictures with scratches drawn over them and checked on 90 others: 2.0 %
# more of the damaged area for less than a hundredth more harm.
LEAST_CONFIDENCE = 0.85
LEAST_LENGTH_PX = 60
LEAST_SLENDER = 6.0  # length over width
SECTION_PX = 32  # looked at, at a time
PARTS = 8  # of a section, to tell where a scratch ends
MOST_MISSED = 1  # sections that may show nothing, if the next one does
MOST_TIMES = 2.0  # of its own length, to each side
OF_CONTRAST = 0.5  # of what it stands out by where it was found
BESIDE = 0.4  # of the usual on lines beside it
OF_HALVES = 0.3  # of the section's, in each half
LEAST_STEP = 4.0  # grey levels
BEND_PX = 1  # a section's line may lie so far off the one before
MARGIN_PX = 1.0  # of a stroke, over half its width
TAIL_PX = 60  # of the mark, from which its line is known
LEAST_TAIL = 40  # pixels of it

Stroke = tuple[np.ndarray, np.ndarray]  # (row, col) float: from, to


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a scratch.

    Attributes:
        place, ahead: (row, col) float, and a unit vector
        width: of the scratch, in pixels
        step: grey levels that it stands out by there
    """

    place: np.ndarray
    ahead: np.ndarray
    width: float
    step: float


def followed(marks: Sequence[Mark], picture: Picture) -> list[Mark]:
    """The marks, each sure and straight scratch with what it goes on by; ordered by place.

    Cost: reads a strip of 32 x (12 widths + 32) pixels for each section that is looked at
    """
    found = [_followed(mark, picture) if _is_line(mark) else mark for mark in marks]
    return sorted(found, key=lambda m: (m.region.window, not m.light))


def _is_line(mark: Mark) -> bool:
    least = max(LEAST_LENGTH_PX, LEAST_SLENDER * mark.width_px)
    sure = mark.confidence >= LEAST_CONFIDENCE
    return mark.kind is MarkKind.SCRATCH and sure and mark.length_px >= least


def _followed(mark: Mark, picture: Picture) -> Mark:
    ends = _ends(mark, picture)
    strokes = [stroke for end in ends for stroke in _strokes(end, mark, picture)]
    return _with(mark, strokes, picture) if strokes else mark


def _ends(mark: Mark, picture: Picture) -> list[_End]:
    """Both ends, as far as the scratch is straight there."""
    window, mask = mark.region.window, mark.region.mask
    places = np.argwhere(mask) + np.array((window.top, window.left), np.float64)
    middle, along = _line(places)
    way = (places - middle) @ along
    ends = []
    for sign in (-1.0, 1.0):
        far = sign * way
        tail = places[far > far.max() - TAIL_PX]
        if len(tail) < LEAST_TAIL:
            continue
        centre, ahead = _line(tail)
        ahead = ahead if ahead @ along * sign > 0 else -ahead
        t = (tail - centre) @ ahead
        off = (tail - centre) @ (-ahead[1], ahead[0])
        if np.std(off) > (mark.width_px + 2) / 2 + 0.5:
            continue
        length = float(t.max() - t.min())
        start = centre + ahead * t.min()
        strip = _strip(start, ahead, int(length), mark.width_px, mark.light, picture)
        if strip is None:
            continue
        steps = _steps(strip, mark.width_px)
        step = float(steps[len(steps) // 2])
        if step >= LEAST_STEP:
            ends.append(_End(centre + ahead * t.max(), ahead, mark.width_px, step))
    return ends


def _line(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle of places, and the direction in which they spread most."""
    middle = places.mean(axis=0)
    return middle, np.linalg.eigh(np.cov((places - middle).T))[1][:, -1]


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the line ahead.

    Attributes:
        start, target: (row, col) float
        speaks: whether a scratch is seen there
        parts: grey levels that the line stands out by, part by part
    """

    start: np.ndarray
    target: np.ndarray
    speaks: bool
    parts: np.ndarray


def _strokes(end: _End, mark: Mark, picture: Picture) -> list[Stroke]:
    """From where to where the scratch goes on."""
    place, ahead = end.place, end.ahead
    seen: list[_Section] = []
    last = 0  # sections up to the last that speaks
    for _ in range(int(MOST_TIMES * mark.length_px / SECTION_PX) + 1):
        section = _section(place, ahead, end, mark.light, picture)
        if section is None:
            break
        seen.append(section)
        if section.speaks:
            last = len(seen)
            ahead = _unit(_unit(section.target - place) + ahead)
        elif len(seen) - last > MOST_MISSED:
            break
        place = section.target
        if not (0 <= place[0] < picture.rows and 0 <= place[1] < picture.cols):
            break
    if not last:
        return []
    strokes = [(s.start, s.target) for s in seen[: last - 1]]
    # where in the last one, or behind it, it ends: there all before stands out most as a whole
    tail = seen[last - 1 :]
    parts = np.concatenate([s.parts for s in tail]) - OF_CONTRAST * end.step
    stop = int(np.argmax(np.cumsum(parts))) + 1
    for section in tail:
        share = min(stop, PARTS) / PARTS
        if share > 0:
            strokes.append(
                (section.start, section.start + share * (section.target - section.start))
            )
        stop -= PARTS
    return strokes


def _section(
    place: np.ndarray, ahead: np.ndarray, end: _End, light: bool, picture: Picture
) -> _Section | None:
    """What the next section shows; None: it is not in the picture."""
    strip = _strip(place, ahead, SECTION_PX, end.width, light, picture)
    if strip is None:
        return None
    steps = _steps(strip, end.width)
    middle, clear = len(steps) // 2, 2 * round(end.width) + 4
    near = steps[middle - BEND_PX : middle + BEND_PX + 1]
    off = int(np.argmax(near)) - BEND_PX
    best = float(near.max())
    beside = np.concatenate((steps[: middle - clear], steps[middle + clear + 1 :]))
    ground = float(np.sqrt(np.mean(np.square(beside))))
    halves = [_steps(half, end.width)[middle + off] for half in np.array_split(strip, 2)]
    speaks = (
        best >= max(LEAST_STEP, OF_CONTRAST * end.step, BESIDE * ground)
        and min(halves) >= OF_HALVES * best
    )
    off = off if speaks else 0
    parts = [_steps(part, end.width)[middle + off] for part in np.array_split(strip, PARTS)]
    target = place + ahead * SECTION_PX + np.array((-ahead[1], ahead[0])) * off
    return _Section(place, target, speaks, np.array(parts))


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


def _strip(
    place: np.ndarray,
    ahead: np.ndarray,
    length: int,
    width: float,
    light: bool,
    picture: Picture,
) -> np.ndarray | None:
    """(length, across) float32: the plane of the mark's polarity along its line, straightened."""
    import cv2

    reach = _reach(width)
    t = np.arange(length, dtype=np.float64)[:, None] + 0.5
    u = np.arange(-reach, reach + 1, dtype=np.float64)[None]
    rows = place[0] + t * ahead[0] - u * ahead[1]
    cols = place[1] + t * ahead[1] + u * ahead[0]
    low = np.floor([rows.min(), cols.min()]).astype(int) - 1
    high = np.ceil([rows.max(), cols.max()]).astype(int) + 2
    window = Window(int(low[0]), int(low[1]), int(high[0]), int(high[1])).overlap(
        Window(0, 0, picture.rows, picture.cols)
    )
    if window is None or min(window.rows, window.cols) < 2:
        return None
    plane = read_planes(picture, window, 0)[0 if light else 1].astype(np.float32)
    return np.asarray(
        cv2.remap(
            plane,
            (cols - window.left).astype(np.float32),
            (rows - window.top).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def _steps(strip: np.ndarray, width: float) -> np.ndarray:
    """(across,): what a line as wide as the scratch stands out by, for each line of the strip.

    The middle is the line itself; lines whose flanks are not in the strip are left out.
    """
    own, side = max(1, round(width)) | 1, max(2, round(width)) | 1
    by = own // 2 + side // 2 + 2  # a pixel's soft border lies between
    profile = strip.mean(axis=0)
    inside, flank = (np.convolve(profile, np.ones(n) / n, "same") for n in (own, side))
    edge = by + side // 2
    middle = inside[edge:-edge]
    over_one, over_other = (
        middle - flank[edge - by : -edge - by],
        middle - flank[edge + by : len(flank) - edge + by],
    )
    # an edge stands out to one side alone
    return np.minimum((over_one + over_other) / 2, 2 * np.minimum(over_one, over_other))


def _reach(width: float) -> int:
    return int(6 * max(2, round(width)) + 16)


def _with(mark: Mark, strokes: list[Stroke], picture: Picture) -> Mark:
    """The mark with strokes as wide as it is, and a soft border's pixel."""
    radius = mark.width_px / 2 + MARGIN_PX
    w = mark.region.window
    low = np.floor(np.min(strokes, axis=(0, 1)) - radius).astype(int)
    high = np.ceil(np.max(strokes, axis=(0, 1)) + radius).astype(int) + 1
    window = Window(
        max(0, min(w.top, int(low[0]))),
        max(0, min(w.left, int(low[1]))),
        min(picture.rows, max(w.bottom, int(high[0]))),
        min(picture.cols, max(w.right, int(high[1]))),
    )
    mask = np.zeros((window.rows, window.cols), bool)
    mask[w.within(window)] = mark.region.mask
    for stroke in strokes:
        start, target = (place - (window.top, window.left) for place in stroke)
        _draw(mask, start, target, radius)
    length = mark.length_px + sum(float(np.linalg.norm(b - a)) for a, b in strokes)
    return replace(mark, region=Region.of(mask, window), length_px=length)


def _draw(mask: Mask, start: np.ndarray, target: np.ndarray, radius: float) -> None:
    """Set all pixels within ``radius`` of a straight line."""
    low = np.maximum(np.floor(np.minimum(start, target) - radius).astype(int), 0)
    high = np.ceil(np.maximum(start, target) + radius).astype(int) + 1
    part = mask[low[0] : high[0], low[1] : high[1]]
    places = np.moveaxis(np.indices(part.shape), 0, 2) + low - start
    along = target - start
    share = np.clip(places @ along / (along @ along), 0, 1)
    off = places - share[:, :, None] * along
    part |= np.hypot(off[..., 0], off[..., 1]) <= radius
