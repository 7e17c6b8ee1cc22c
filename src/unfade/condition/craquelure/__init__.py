"""Craquelure: the map of the cracks of age in a paint layer, with the courage to see none.

What it sees: a net of thin lines, 1 to about 8 pixels wide at one of three sizes of the picture
(full, half, quarter), all dark with dirt or all light with ground, that enclose islands of calm
paint. It is a finding for scans and photographs in which the cracks themselves are resolved; in
a small reproduction they are not there to be found. Brush strokes, hair, branches, nets and cloth
have lines too, so a quarter of the fields have to be beyond doubt before anything is said. The
finest scale at which they are is taken: at a coarser one the picture's own lines, as the veins of a
wing, become as thin as cracks. Without its network, light mortar between bricks and wire fences
deceive it.

How: ``ridges`` traces lines of both polarities, ``net`` measures what they make in a field of 256 x
256 pixels, and a logistic rule judges (``rule``, fitted by ``benchmarks/paintings_fit.py`` on made
cracks over training paintings and photographs). Six fields are looked at first, and only if one of
them may be cracked all others; so a sound picture costs about 1 s whatever its size.

Where a field may be cracked, ``unfade-cracks`` is asked (training recipe ``cracks``), and how much
of it the network takes for cracks is weighed with the rule. Where the picture is cracked it also
says which pixels are: it tells an outline or a stroke within a cracked field from a crack, which
the filters cannot, and sees fainter ones. Without it the rule alone judges, and the map is what the
filters traced.

Sources: see ``ridges`` and ``net``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.craquelure.net import FEATURES, Net, cover, long_pieces, net_of
from unfade.condition.craquelure.ridges import HALO_PX, lines
from unfade.condition.craquelure.rule import joined, odds, shares
from unfade.condition.damage_network import damage_network
from unfade.condition.marks.pages import is_page
from unfade.condition.survey import luma, shrunk, windows
from unfade.engines.contract import BenchView
from unfade.findings import Craquelure, Mark, MarkKind, Region
from unfade.picture import Mask, Picture, Plane, Window
from unfade.pixels.thinning import thin

NETWORK = "unfade-cracks"
FIELD_PX = 256
LEAST_SIDE_PX = 128
FIRST, MORE = 6, 24  # fields that are looked at first, and before a judgement
SCALES = (1, 2, 4)
ASK = -1.0  # own log odds from which the network is asked about a field
MAY_BE, UNSURE, SURE, KEEP = 1.0, 1.5, 3.0, 0.0  # log odds of a field
LIGHT_SURE = 5.0  # nets, twigs in snow and lit wires are light: dark cracks are the rule
# Log odds by the network of a pixel of the map, and of a surely cracked one. On pictures new to it
# 0.98 and 0.99 of them are cracks; filled, the first change 0.2 to 0.4 % of sound ground.
PIXEL_ODDS, SURE_PIXEL_ODDS = 2.0, 4.0
GAP_PX = 5  # from sure pixels to where a crack goes on surely: what lies between is sure as well
LEAST_HAT = 2 / 255  # and they stand out in their polarity
CLEAR_PX = 8  # shorter pieces are not mapped;
CLEAR_UNAIDED_PX = 40  # without the network pieces of the net are judged with it, but not mapped
# Of a field's cells the network sees cracks in so many, in so much of each; of a trunk in fewer.
LEAST_SEEN_COVER, LEAST_IN_CELL = 0.5, 0.02
# Without the network:
LEAST_POLARITY, LEAST_COVER = 0.8, 0.45  # lattice masts and fences stand before something
LEAST_ISLANDS = 8  # in the fields that may be cracked, together
MM_PER_INCH = 25.4


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One field at one scale and polarity, judged: by the network, too, where ``seen`` is given."""

    window: Window  # in the picture
    light: bool
    net: Net
    odds: float
    seen: Plane | None = None  # the network's log odds, see ``seen_of``

    @property
    def surely(self) -> float:
        """Its log odds, if its cracks go on all over it."""
        if self.seen is not None:
            wide = cover(self.seen > 0, LEAST_IN_CELL) >= LEAST_SEEN_COVER
        else:
            known = dict(zip(FEATURES, self.net.features))
            wide = known["cover"] >= LEAST_COVER and known["log_polarity"] >= LEAST_POLARITY
        return self.odds if wide else min(self.odds, UNSURE)


def find_cracks(plane: Plane, *, light: bool = False) -> tuple[Mask, float]:
    """Cracks of one polarity in an array of at most a few hundred pixels squared.

    Args:
        plane: (rows, cols) float32 brightness 0-1
    Returns:
        (rows, cols) bool mask of all lines that may be cracks; log odds that they are
    """
    net = _nets(plane)[int(light)]
    return net.mask, odds(net.features)


def look(picture: Picture, bench: BenchView) -> Craquelure:
    """The cracks of a picture, field by field, or why nothing can be told."""
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return Craquelure(says=f"Too small to tell cracks: {picture.rows} x {picture.cols} pixels.")
    if is_page(picture):
        return Craquelure(says="A drawing, text page or screenshot: lines are its content.")
    network = damage_network(picture, bench, NETWORK)
    highest = -np.inf
    for k in SCALES:
        if min(picture.rows, picture.cols) < LEAST_SIDE_PX * k:
            break
        best: tuple[float, bool] | None = None
        seen = _judged(picture, bench, network, k, FIRST)
        if max((f.odds for f in seen), default=-np.inf) > MAY_BE:
            seen = _judged(picture, bench, network, k, MORE)
        for light in (False, True):
            own = sorted((f.surely for f in seen if f.light is light), reverse=True)
            if not own:
                continue
            highest = max(highest, own[0])
            score = _of_picture(own)
            sure = score >= (LIGHT_SURE if light else SURE)
            if network is None:
                may_be = (f.net for f in seen if f.light is light and f.odds > KEEP)
                sure = sure and sum(len(net.islands_px2) for net in may_be) >= LEAST_ISLANDS
            if sure and (best is None or score > best[0]):
                best = score, light
        if best is not None:  # at a coarser scale the picture's own lines become as thin as cracks
            score, light = best
            return _mapped(picture, bench, network, score, k, light)
    return _nothing(float(highest))


def _of_picture(ordered: list[float]) -> float:
    """What a quarter of the fields reach, and at least two; one alone must be surer by one."""
    if len(ordered) == 1:
        return ordered[0] - 1.0
    return ordered[max(2, -(-len(ordered) // 4)) - 1]


def _nothing(highest: float) -> Craquelure:
    if highest > UNSURE:
        return Craquelure(says="Craquelure: not sure; some fields hold nets of lines.")
    return Craquelure(says="No craquelure is seen at this size.", cracked=False, confidence=0.8)


def _judged(
    picture: Picture, bench: BenchView, network: Any | None, k: int, at_most: int
) -> list[Field]:
    """Both polarities of some fields, laid over blocks of k x k pixels."""
    chosen = [
        w
        for w in windows(picture, at_most=at_most, side_px=FIELD_PX * k)
        if min(w.rows, w.cols) >= LEAST_SIDE_PX * k
    ]
    fields = _fields(picture, bench, k, chosen, halo_px=0)
    return [_asked(picture, network, field, k) for field in fields]


def _asked(
    picture: Picture, network: Any | None, field: Field, k: int, least: float = ASK
) -> Field:
    """The field with the network's opinion, where there is a network and it may be cracked."""
    if network is None or field.odds < least:
        return field
    seen = seen_of(picture, network, field, k)
    return replace(field, odds=joined(field.odds, shares(seen)), seen=seen)


def seen_of(picture: Picture, network: Any, field: Field, k: int) -> Plane:
    """The network's log odds of a crack where something stands out in the field's polarity.

    Returns:
        float32 of the window's size over k; -inf where nothing stands out
    """
    wide = field.window.grown(network.facts.halo_px * k, picture.rows, picture.cols)
    pixels = shrunk(picture.read(wide), k, k)
    stands_out = lines(luma(pixels))[int(field.light)].hat > LEAST_HAT
    found = np.where(stands_out, network.find(pixels)[:, :, 0], np.float32(-np.inf))
    top, left = (field.window.top - wide.top) // k, (field.window.left - wide.left) // k
    rows, cols = field.net.mask.shape
    return found[top : top + rows, left : left + cols]


def _fields(
    picture: Picture, bench: BenchView, k: int, chosen: list[Window], halo_px: int
) -> list[Field]:
    def judge(window: Window) -> list[Field]:
        wide = window.grown(halo_px * k, picture.rows, picture.cols)
        nets = _nets(luma(shrunk(picture.read(wide), k, k)))
        return [
            Field(wide, light, net, odds(net.features)) for light, net in zip((False, True), nets)
        ]

    each = (FIELD_PX + 2 * halo_px) ** 2 * (k * k * picture.channels * 4 + 100)
    judged = bench.map(
        judge, chosen, says="Looking for craquelure", total=len(chosen), bytes_each=each
    )
    return [field for both in judged for field in both]


def judged(picture: Picture, window: Window, light: bool) -> Field:
    """One field of a picture at full size, judged by the rule alone."""
    net = _nets(luma(picture.read(window)))[int(light)]
    return Field(window, light, net, odds(net.features))


def _nets(plane: Plane) -> tuple[Net, Net]:
    dark, light = lines(plane)
    return net_of(plane, dark, light), net_of(plane, light, dark)


def _mapped(
    picture: Picture, bench: BenchView, network: Any | None, score: float, k: int, light: bool
) -> Craquelure:
    """All fields of the picture with the polarity and at the scale that was judged surest."""
    side = FIELD_PX * k
    chosen = [
        Window(top, left, min(picture.rows, top + side), min(picture.cols, left + side))
        for top in range(0, picture.rows - picture.rows % k, side)
        for left in range(0, picture.cols - picture.cols % k, side)
    ]
    fields = _fields(picture, bench, k, chosen, halo_px=HALO_PX)
    marks, kept = [], []
    asked = bench.map(
        _as_it_is,  # the network has threads of its own: here the bench counts, shows and cancels
        (_asked(picture, network, f, k, least=-np.inf) for f in fields if f.light is light),
        says="Mapping craquelure",
        total=len(chosen),
    )
    for window, field in zip(chosen, asked, strict=True):
        if field.odds < KEEP:
            continue
        if field.seen is None:
            cracks = long_pieces(field.net.mask, CLEAR_UNAIDED_PX)
            width_px = field.net.mask.sum() / max(1.0, field.net.length_px)
            parts = [(cracks, field.odds)]
        else:
            cracks = long_pieces(field.seen > PIXEL_ODDS, CLEAR_PX)
            width_px = cracks.sum() / max(1, np.count_nonzero(thin(cracks)))
            sure = _sure(cracks, field.seen)
            parts = [(sure, SURE_PIXEL_ODDS), (cracks & ~sure, PIXEL_ODDS)]
        masks = ((_cut(part, field.window, window, k), least) for part, least in parts)
        found = [
            _mark(mask, window, light, float(width_px * k), least)
            for mask, least in masks
            if mask.any()
        ]
        if found:
            kept.append(field)
            marks += found
    if not marks:
        return _nothing(score)
    return _told(picture, marks, kept, score, k, light)


def _as_it_is(field: Field) -> Field:
    return field


def _sure(cracks: Mask, seen: Plane) -> Mask:
    """The part of a field's cracks that is worth filling: whole stretches, and no crumbs."""
    import cv2

    stretches = long_pieces(cracks & (seen > SURE_PIXEL_ODDS), CLEAR_PX)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GAP_PX + 1, 2 * GAP_PX + 1))
    closed = cv2.morphologyEx(stretches.astype(np.uint8), cv2.MORPH_CLOSE, disk) > 0
    return np.asarray(cracks & closed)


def _cut(cracks: Mask, around: Window, window: Window, k: int) -> Mask:
    """A window's own part of what was found around it, at full size; incomplete blocks at the end
    hold none."""
    grown = cracks.repeat(k, axis=0).repeat(k, axis=1)
    mask = np.zeros((window.rows, window.cols), bool)
    down, right = window.top - around.top, window.left - around.left
    part = grown[down : down + window.rows, right : right + window.cols]
    mask[: part.shape[0], : part.shape[1]] = part
    return mask


def _mark(mask: Mask, window: Window, light: bool, width_px: float, least: float) -> Mark:
    return Mark(
        kind=MarkKind.CRACK,
        region=Region.of(mask, window),
        light=light,
        width_px=width_px,
        length_px=mask.sum() / width_px,
        confidence=float(1 / (1 + np.exp(-least))),
    )


def _told(
    picture: Picture, marks: list[Mark], kept: list[Field], score: float, k: int, light: bool
) -> Craquelure:
    area = picture.rows * picture.cols
    share = sum(m.region.area_px for m in marks) / area
    width = float(np.median([m.width_px for m in marks]))
    fields_px2 = sum(window.rows * window.cols for window in {m.region.window for m in marks})
    density = sum(m.length_px for m in marks) / fields_px2
    islands = np.concatenate([f.net.islands_px2 for f in kept])
    island = float(np.sqrt(np.median(islands))) * k if len(islands) else None
    meeting = sum(f.net.junctions for f in kept) / sum(f.net.mask.size for f in kept)
    junctions = meeting * float(np.median(islands)) if len(islands) else None
    c, s, total = (float(v) for v in np.sum([f.net.axes for f in kept], axis=0))
    leaning = np.hypot(c, s) / max(total, 1e-9)
    direction = float(np.degrees(np.arctan2(s, c)) / 2 % 180) if leaning > 0.15 else None
    confidence = float(min(0.99, 1 / (1 + np.exp(-score))))
    mm = MM_PER_INCH / min(picture.dpi) if picture.dpi and min(picture.dpi) > 0 else None
    size = f"{width:.1f} pixels" if mm is None else f"{width * mm:.2f} mm"
    return Craquelure(
        says=f"Craquelure: {'light' if light else 'dark'} cracks about {size} wide over "
        f"{len(kept) * 100 // max(1, _count(picture, k))} % of the fields, "
        f"{share:.2%} of the picture.",
        confidence=confidence,
        cracked=True,
        items=tuple(marks),
        light=light,
        area_share=share,
        width_px=width,
        length_px_per_px2=density,
        island_px=island,
        junctions_per_island=junctions,
        direction_degrees=direction,
        width_mm=None if mm is None else width * mm,
        length_mm_per_mm2=None if mm is None else density / mm,
    )


def _count(picture: Picture, k: int) -> int:
    side = FIELD_PX * k
    return -(-(picture.rows - picture.rows % k) // side) * -(
        -(picture.cols - picture.cols % k) // side
    )


FINDER = Finder(name="craquelure", title="Cracks of age in a paint layer", look=look)
