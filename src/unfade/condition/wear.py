"""Find wear as a network has learnt to see it: cracks, scratches, creases, dust, tears.

For prints that are worn all over, whose cracks the classical eyes (``marks``, ``creases``) do not
dare to tell from the picture: soft scans, raised emulsion, lines as faint as the paper's grain. The
network sees more of them, and is wrong more often: about edges, reflections, stems, cigarettes. So
what it finds is a list to look at, and is mended (``mend_wear``) only when asked for, or where
advice is sure that a print is worn all over.

How: ``unfade-damage`` gives each pixel a chance of being damaged and of what; pixels above
``MAY_BE`` that hang together and hold one above ``SEED`` are an item. Pictures beyond
``AT_MOST_PX`` are looked at in small, where their wear has the widths that the network knows. Where
more is seen than in sound pictures, the network looks again at half the scale, where it sees
broader cracks: what is long there, runs on from a place found before, and is not denied at full
scale is an item too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.damage_network import NETWORK
from unfade.condition.marks.candidates import label_sparse
from unfade.condition.marks.pages import is_page
from unfade.condition.survey import block_px, overview
from unfade.engines.contract import BenchView
from unfade.errors import ModelMissing, OutOfResources
from unfade.findings import Mark, MarkKind, Region, Wear, paint
from unfade.picture import Mask, Picture, Window
from unfade.pixels.masks import dilate, distance, width
from unfade.pixels.regions import regions_of

AT_MOST_PX = 16_000_000
LEAST_SIDE_PX = 64
MAY_BE = 0.5  # chance of each pixel of an item,
SEED = 0.9  # of its surest one,
LEAST_SURE = 0.6  # and their mean
LEAST_AREA_PX = 10
# What is wide nearly everywhere is a bow, a lip or a collar three times in four
# (`benchmarks/wear.py --damaged 140`); a long crack may be wide where others meet it.
WIDE_PX, WIDE_SHARE, WIDE_SURE = 7.0, 0.75, 0.25
LEAST_SHARE = 0.0135  # of the picture: nine of ten sound ones have less, then it abstains
GROW_PX = 1  # over the soft border, which the network leaves out
# At half the scale: length over width of what may run on, and how sure the place is that it runs
# on from.
LONG, FROM_SURE = 4.0, 0.7
# What is new of it: length over width from which, and mean log odds at full scale above which it is
# as sure as said; denied there, it must be longer. Of such pieces 72 of 96, and 15 of 40 of the
# others, were right on damaged training pictures that the network has not learnt from.
LONG_NEW, NOT_DENIED, RUNS_ON_SURE = 3.0, -3.0, 0.75
LONG_DENIED, DENIED_SURE = 8.0, 0.4

# Of the network's maps the first says whether anything is there at all, the others what: scratch,
# dust, hair, crease, tear, stain. Stains are left to the eye that tells them by colour.
STAIN_MAP = 6


def look(picture: Picture, bench: BenchView) -> Wear:
    """Wear of a picture, each place an item.

    Cost:
        about 0.5 s for a megapixel on one core, a quarter more where it looks again; memory: a
        tile, half a byte for each pixel, 17 for each found, and the overview of a second look
    """
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return Wear(says="Wear: not looked for, the picture is too small.")
    if is_page(picture):
        return Wear(says="Wear: not looked for, lines are the content of a page or a drawing.")
    if picture.encoding == "linear":
        return Wear(says="Wear: not looked for, the network knows pictures as they are seen.")
    k = block_px(picture, AT_MOST_PX)
    seen = picture if k == 1 else Picture.of(np.clip(overview(picture, bench, k=k), 0, 1))
    try:
        pixels = _pixels(seen, bench)
        items = _marks(pixels, k, picture)
        if _share(items, picture) >= LEAST_SHARE:
            items += _running_on(items, pixels.odds, 2 * k, picture, bench)
    except (ModelMissing, OutOfResources) as error:
        return Wear(says=f"Wear: not looked for. {error.found}", hindered=error.found)
    return _told(tuple(sorted(items, key=lambda m: (m.region.window, m.key))), picture)


def _share(items: Sequence[Mark], picture: Picture) -> float:
    return sum(mark.region.area_px for mark in items) / (picture.rows * picture.cols)


def _told(items: tuple[Mark, ...], picture: Picture) -> Wear:
    if not items:
        return Wear(says="Wear: none is seen by the network.", confidence=0.8)
    area = _share(items, picture)
    says = f"Wear: the network sees {len(items)} place{'s' * (len(items) > 1)}, {area:.2%}"
    if area < LEAST_SHARE:
        return Wear(
            says=f"{says}; as much is seen in sound pictures.", items=items, area_share=area
        )
    sure = float(np.mean([mark.confidence for mark in items]))
    return Wear(says=f"{says} of the picture.", confidence=sure, items=items, area_share=area)


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """All pixels that may be damaged, by row, then column; arrays of one length.

    ``odds`` are the log odds of every second pixel of every second row, float16.
    """

    rows: np.ndarray
    cols: np.ndarray
    chances: np.ndarray
    stained: np.ndarray
    odds: np.ndarray


def _pixels(picture: Picture, bench: BenchView) -> Pixels:
    engine: Any = bench.engine(NETWORK)
    found: list[tuple[np.ndarray, ...]] = []
    odds = np.empty(((picture.rows + 1) // 2, (picture.cols + 1) // 2), np.float16)
    for window, maps in engine.find_tiles(picture, bench):
        said = np.clip(maps[:, :, 0], -30, 30)
        top, left = window.top % 2, window.left % 2
        odds[_blocks(window, 2)] = said[top::2, left::2]
        chance = 1 / (1 + np.exp(-said))
        down, right = np.nonzero(chance > MAY_BE)
        stained = maps[down, right, 1:].argmax(axis=1) == STAIN_MAP - 1
        found.append((down + window.top, right + window.left, chance[down, right], stained))
    rows, cols, chances, stained = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((cols, rows))
    return Pixels(rows[order], cols[order], chances[order], stained[order], odds)


def _marks(pixels: Pixels, k: int, picture: Picture, grow_px: int = GROW_PX) -> list[Mark]:
    rows, cols, chances = pixels.rows, pixels.cols, pixels.chances
    if not len(rows):
        return []
    labels, count = label_sparse(rows, cols)
    area = np.bincount(labels, minlength=count)
    mean = np.bincount(labels, chances, count) / area
    surest = np.zeros(count)
    np.maximum.at(surest, labels, chances)
    share_stained = np.bincount(labels, pixels.stained, count) / area
    keep = (area >= LEAST_AREA_PX) & (surest >= SEED) & (mean >= LEAST_SURE)
    keep &= share_stained < 0.5
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(count + 1))
    marks = []
    for n in np.flatnonzero(keep):
        own = order[starts[n] : starts[n + 1]]
        down, right = rows[own], cols[own]
        top, left = int(down.min()) - grow_px, int(right.min()) - grow_px
        mask = np.zeros(
            (int(down.max()) - top + 1 + grow_px, int(right.max()) - left + 1 + grow_px), bool
        )
        mask[down - top, right - left] = True
        region = _at_full_size(dilate(mask, grow_px), top, left, k, picture)
        wide = width(mask)
        most = WIDE_SURE if wide > WIDE_PX and is_wide(mask) else 1.0
        if region is not None:
            marks.append(
                Mark(
                    kind=MarkKind.WEAR,
                    region=region,
                    width_px=wide * k,
                    length_px=float(np.hypot(*mask.shape)) * k,
                    confidence=float(min(mean[n], most)),
                )
            )
    return marks


def _running_on(
    items: Sequence[Mark], odds: np.ndarray, k: int, picture: Picture, bench: BenchView
) -> list[Mark]:
    """What the network sees in blocks of k that is long, and touches a place that it is sure of.

    Args:
        odds: its log odds in the finer look, one for each block
    """
    small = np.clip(overview(picture, bench, k=k), 0, 1)
    if min(small.shape[:2]) < LEAST_SIDE_PX:
        return []
    sure = [mark for mark in items if mark.confidence >= FROM_SURE]
    more = []
    for mark in _marks(_pixels(Picture.of(small), bench), k, picture, grow_px=0):
        own, mask = mark.region.window, mark.region.mask
        if mark.length_px < LONG * mark.width_px or mark.confidence <= WIDE_SURE:
            continue
        if not (paint(sure, own) & mask).any():
            continue
        around = own.grown(k, picture.rows, picture.cols)
        known = dilate(paint(items, around), k)[own.within(around)]
        for piece, length in _pieces(mask & ~known, own):
            denied = _mean_odds(piece, odds, k) < NOT_DENIED
            long = length >= (LONG_DENIED if denied else LONG_NEW) * mark.width_px
            if long and piece.area_px >= LEAST_AREA_PX * k * k:
                chance = DENIED_SURE if denied else RUNS_ON_SURE
                more.append(replace(mark, region=piece, length_px=length, confidence=chance))
    return more


def _pieces(mask: Mask, window: Window) -> Iterator[tuple[Region, float]]:
    """What hangs together of a mask over a window, and the length of each."""
    for piece in regions_of(mask):
        at = piece.window
        place = Window(window.top + at.top, window.left + at.left,
                       window.top + at.bottom, window.left + at.right)  # fmt: skip
        yield Region(place, piece.bits), float(np.hypot(at.rows, at.cols))


def _mean_odds(region: Region, odds: np.ndarray, k: int) -> float:
    """Of the blocks whose first pixel lies in a region; minus infinity if none does."""
    place = region.window
    inside = region.mask[-place.top % k :: k, -place.left % k :: k]
    said = odds[_blocks(place, k)][inside]
    return float(said.mean(dtype=np.float32)) if len(said) else -np.inf


def _blocks(window: Window, k: int) -> tuple[slice, slice]:
    """The blocks of k x k whose first pixel lies in a window."""
    return slice(-(-window.top // k), -(-window.bottom // k)), slice(
        -(-window.left // k), -(-window.right // k)
    )


def is_wide(mask: Mask) -> bool:
    """Whether three quarters of a place lie where it is wider than ``WIDE_PX``, or near there."""
    padded = np.pad(mask, 1)
    deep = 2 * distance(padded) - 1 > WIDE_PX
    if not deep.any():
        return False
    near = dilate(deep, round(WIDE_PX))
    return bool(near[padded].mean() > WIDE_SHARE)


def _at_full_size(mask: Mask, top: int, left: int, k: int, picture: Picture) -> Region | None:
    """The place in the picture's own pixels, cut at its edges."""
    large = mask.repeat(k, axis=0).repeat(k, axis=1)
    place = Window(top * k, left * k, top * k + large.shape[0], left * k + large.shape[1])
    kept = place.overlap(picture.window)
    return None if kept is None else Region.of(large[kept.within(place)], kept)


FINDER = Finder(
    name="wear", title="Wear as a network sees it, each place an item", look=look, network=NETWORK
)
