"""Find stains, tide lines and foxing in pictures of few colours, and mould in any.

A grey or toned picture that was scanned in colour lies on one curve of tones; what has soaked in
and turned brown strays from it, whatever the picture shows there: ``planes`` measures how far, on
an overview of at most 1.5 megapixels; ``candidates`` takes the places apart and measures them;
``judge`` tells how sure. In a colour picture freckles, leaves and spots on paper look alike, and in
a scan of one channel there is no brown: there that eye abstains.

Large stains and tide lines are also sought by form, by the network ``unfade-stains`` in a small
overview of any picture (``seen``). Without networks that is left out.

Mould is told by its pattern, so it is looked for in every picture, too (``mould``).
"""

from __future__ import annotations

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.damage_network import damage_network
from unfade.condition.marks.pages import is_page
from unfade.condition.mould import find_mould, whereabouts
from unfade.condition.stains import seen
from unfade.condition.stains.candidates import Candidate, colours_left, find_candidates
from unfade.condition.stains.judge import sureness
from unfade.condition.stains.planes import strayed_from_tone
from unfade.condition.stains.seen import SeenStain
from unfade.condition.survey import block_px, overview
from unfade.condition.tone import look as look_at_tone
from unfade.engines.contract import BenchView
from unfade.findings import Mark, MarkKind, Region, Stains, paint
from unfade.picture import Mask, Picture, Window
from unfade.pixels.masks import dilate, width
from unfade.pixels.profile import to_linear

AT_MOST_PX = 1_500_000
LEAST_SIDE_PX = 64
LEAST_SURE = 0.5  # what is less sure is no finding
MANY_COLOURS = 0.03  # share of other colours from which a picture is no longer one of few
BLUE = (180.0, 300.0)  # hues of cyanotypes: no picture of this kind was among the examples
_RIM = 0.1  # of the shorter side: there prints turn brown by age, which is no damage to be undone
_SURE_AT_RIM = 0.8  # at most, so that nothing is done of itself
_SPOT_SHARE = 0.03  # foxing is rounder and smaller than this, of the longer side
_THIN = 0.12  # width over extent of a tide line
_GROW_CELLS = 1  # of the network's overview: its outlines are soft


def look(picture: Picture, bench: BenchView) -> Stains:
    """Stains and mould of a picture, each an item, or why stains cannot be told.

    Cost:
        two passes over the samples and about 2 s for the overviews of a large picture
    """
    brown, mould = _with_seen(picture, bench), find_mould(picture, bench)
    if not mould:
        return brown
    spots = _beside(brown.items, mould)
    items = (*spots, *mould)
    area = sum(mark.region.area_px for mark in items) / (picture.rows * picture.cols)
    places = ", ".join(dict.fromkeys(whereabouts(mark.region.window, picture) for mark in mould))
    number = f"{len(mould)} {'colony' if len(mould) == 1 else 'colonies'}"
    return Stains(
        says=f"{brown.says} Mould: {number} ({places}).",
        confidence=max(mark.confidence for mark in items),
        items=items,
        area_share=area,
    )


def _beside(brown: tuple[Mark, ...], mould: list[Mark]) -> tuple[Mark, ...]:
    """The brown places without spots that are dots of a colony."""

    def of_mould(mark: Mark) -> bool:
        own = paint(mould, mark.region.window)[mark.region.mask]
        return mark.kind is MarkKind.FOXING and bool(own.any())

    return tuple(mark for mark in brown if not of_mould(mark))


def _with_seen(picture: Picture, bench: BenchView) -> Stains:
    """What is told by colour, and what the network sees beside it."""
    brown = _look_for_brown(picture, bench)
    network = damage_network(picture, bench, seen.NETWORK)
    if network is None or min(picture.rows, picture.cols) < LEAST_SIDE_PX or is_page(picture):
        return brown
    small, logits, block = seen.asked(picture, bench, network)
    marks = [
        _seen_mark(stain, logits, block, picture)
        for stain in seen.seen_stains(small, logits)
        if stain.chance >= LEAST_SURE
    ]
    # Where colour tells anything, it tells it more finely.
    more = (m for m in marks if not paint(brown.items, m.region.window)[m.region.mask].any())
    items = (*brown.items, *more)
    return _told(items, picture) if len(items) > len(brown.items) else brown


def _look_for_brown(picture: Picture, bench: BenchView) -> Stains:
    if picture.channels == 1:
        return Stains(says="Stains: not looked for, in one channel brown cannot be told from dark.")
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return Stains(says="Stains: not looked for, the picture is too small.")
    tone = look_at_tone(picture, bench)
    if tone.kind not in ("grey", "toned"):
        return Stains(
            says="Stains: not told, only in a grey or toned picture is brown sure to be none of it."
        )
    if tone.hue_degrees is not None and BLUE[0] <= tone.hue_degrees <= BLUE[1]:
        return Stains(says="Stains: not told in a blue-toned picture, whose lights are warmer.")
    block = block_px(picture, AT_MOST_PX)
    linear = to_linear(overview(picture, bench, k=block), picture)
    if np.ptp(linear, axis=2).max() == 0:
        return Stains(says="Stains: not looked for, the three channels are equal.")
    strayed = strayed_from_tone(np.nan_to_num(linear))
    if colours_left(strayed) > MANY_COLOURS:
        return Stains(says="Stains: not told, the picture holds other colours too.")
    found = find_candidates(strayed)
    chances = sureness(np.array([c.measured for c in found])) if found else np.zeros(0)
    items = tuple(
        _mark(
            candidate,
            _capped(candidate.window, candidate.mask, float(chance), linear.shape),
            block,
            picture,
        )
        for candidate, chance in zip(found, chances)
        if chance >= LEAST_SURE
    )
    if not items:
        return Stains(says="Stains: none stands out.", confidence=0.8)
    return _told(items, picture)


def _told(items: tuple[Mark, ...], picture: Picture) -> Stains:
    area = sum(mark.region.area_px for mark in items) / (picture.rows * picture.cols)
    return Stains(
        says=f"Stains: {_counted(items)}, {area:.2%} of the picture.",
        confidence=max(mark.confidence for mark in items),
        items=items,
        area_share=area,
    )


def _capped(window: Window, mask: Mask, chance: float, shape: tuple[int, ...]) -> float:
    """The chance, lower for a place most of which lies along the picture's rim."""
    band = round(_RIM * min(shape[:2]))
    kept = window.overlap(Window(band, band, shape[0] - band, shape[1] - band))
    away = 0 if kept is None else np.count_nonzero(mask[kept.within(window)])
    return min(chance, _SURE_AT_RIM) if 2 * away < np.count_nonzero(mask) else chance


def _mark(candidate: Candidate, chance: float, block: int, picture: Picture) -> Mark:
    """The place at full size, grown over its soft border."""
    mask, window = candidate.mask, candidate.window
    thick = width(mask)
    extent = float(np.hypot(*mask.shape))
    grow = int(np.clip(round(0.15 * thick), 2, 8))
    grown = dilate(np.pad(mask, grow), grow)
    region = _at_full_size(grown, window, grow, block, picture)
    side = max(picture.rows, picture.cols) / block
    if extent <= _SPOT_SHARE * side and thick > _THIN * extent:
        kind = MarkKind.FOXING
    else:
        kind = MarkKind.TIDE_LINE if thick <= _THIN * extent else MarkKind.STAIN
    return Mark(
        kind=kind,
        region=region,
        light=False,
        width_px=thick * block,
        length_px=extent * block,
        confidence=chance,
    )


def _seen_mark(stain: SeenStain, logits: np.ndarray, block: int, picture: Picture) -> Mark:
    """What the network sees, drawn at full size and grown over its soft border."""
    import cv2

    small, mask = stain.region.window, stain.region.mask
    wide = small.grown(_GROW_CELLS + 1, *logits.shape[:2])
    here = np.zeros((wide.rows, wide.cols), np.uint8)
    here[small.within(wide)] = mask
    near = cv2.dilate(here, np.ones((3, 3), np.uint8)) > 0
    odds = np.where(near, logits[wide.slices][:, :, seen.ANY], -2.0).astype(np.float32)
    place = wide.scaled(block)
    place = Window(
        place.top, place.left,
        picture.rows if wide.bottom == logits.shape[0] else place.bottom,
        picture.cols if wide.right == logits.shape[1] else place.right,
    )  # fmt: skip
    large = cv2.resize(odds, (wide.cols * block, wide.rows * block), interpolation=cv2.INTER_LINEAR)
    drawn = (large > seen.PIXEL_ODDS) | (here.repeat(block, axis=0).repeat(block, axis=1) > 0)
    drawn = drawn[: place.rows, : place.cols]
    more = ((0, place.rows - drawn.shape[0]), (0, place.cols - drawn.shape[1]))
    drawn = np.pad(drawn, more, mode="edge")
    thick, extent = width(mask) * block, float(np.hypot(*mask.shape)) * block
    return Mark(
        kind=MarkKind.TIDE_LINE if thick <= _THIN * extent else MarkKind.STAIN,
        region=Region.cut(dilate(drawn, _GROW_CELLS * block), place),
        light=False,
        width_px=thick,
        length_px=extent,
        confidence=_capped(small, mask, stain.chance, logits.shape),
    )


def _at_full_size(grown: Mask, window: Window, grow: int, block: int, picture: Picture) -> Region:
    repeated = grown.repeat(block, axis=0).repeat(block, axis=1)
    top, left = (window.top - grow) * block, (window.left - grow) * block
    place = Window(top, left, top + repeated.shape[0], left + repeated.shape[1])
    kept = place.overlap(picture.window)
    assert kept is not None
    return Region.cut(repeated[kept.within(place)], kept)


def _counted(items: tuple[Mark, ...]) -> str:
    names = {
        MarkKind.STAIN: ("stain", "stains"),
        MarkKind.TIDE_LINE: ("tide line", "tide lines"),
        MarkKind.FOXING: ("spot of foxing", "spots of foxing"),
    }
    parts = []
    for kind, (one, many) in names.items():
        number = sum(mark.kind is kind for mark in items)
        if number:
            parts.append(f"{number} {one if number == 1 else many}")
    return ", ".join(parts)


FINDER = Finder(name="stains", title="Stains, foxing, tide lines, mould, each an item", look=look)
