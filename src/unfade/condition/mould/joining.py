"""Mould and dust made one finding each: a dot is counted, and mended, once.

The eye for dust sees the clearest dots of a colony too. What lies in a colony is mould: it leaves
the marks, and its outline joins the colony's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unfade.findings import Findings, Mark, MarkKind, Region, paint
from unfade.picture import Picture, Window
from unfade.pixels.masks import dilate

SHARE = 0.3  # of a spot's pixels among the colony's dots: then it is one of them
_NEAR_PX = 1


def without_mould(findings: Findings, picture: Picture) -> Findings:
    """Findings whose marks leave out the dots of mould; as they were where there are none."""
    marks, stains = findings.marks, findings.stains
    if marks is None or stains is None or not stains.of_kind(MarkKind.MOULD):
        return findings
    left = list(marks.items)
    items = []
    for item in stains.items:
        if item.kind is MarkKind.MOULD:
            own = [mark for mark in left if _one_of(mark, item)]
            left = [mark for mark in left if all(mark is not o for o in own)]
            item = _joined(item, own)
        items.append(item)
    kept = [_cut(item, left) if item.kind is MarkKind.MOULD else item for item in items]
    here = tuple(item for item in kept if item is not None)
    size = picture.rows * picture.cols
    gone = len(marks.items) - len(left)
    says = f"{marks.says} {gone} of them are dots of mould." if gone else marks.says
    return replace(
        findings,
        marks=replace(
            marks,
            says=says,
            items=tuple(left),
            area_share=sum(m.region.area_px for m in left) / size,
            size_mm=_kept_sizes(marks.items, marks.size_mm, left),
        ),
        stains=replace(stains, items=here, area_share=sum(m.region.area_px for m in here) / size),
    )


def _one_of(mark: Mark, colony: Mark) -> bool:
    if mark.kind is not MarkKind.DUST:
        return False
    window = mark.region.window
    if window.overlap(colony.region.window) is None:
        return False
    wide = window.grown(_NEAR_PX, 1 << 30, 1 << 30)
    near = dilate(paint((colony,), wide), _NEAR_PX)[window.within(wide)]
    mask = mark.region.mask
    return bool(np.count_nonzero(near & mask) >= SHARE * np.count_nonzero(mask))


def _joined(colony: Mark, dots: list[Mark]) -> Mark:
    if not dots:
        return colony
    boxes = [m.region.window for m in (colony, *dots)]
    window = Window(
        min(w.top for w in boxes),
        min(w.left for w in boxes),
        max(w.bottom for w in boxes),
        max(w.right for w in boxes),
    )
    region = Region.of(paint((colony, *dots), window), window)
    return replace(colony, region=region, origin=colony.key)


def _cut(colony: Mark, marks: list[Mark]) -> Mark | None:
    """The colony without what other marks (a hair across it) mend; None where nothing is left."""
    other = paint(marks, colony.region.window)
    mask = colony.region.mask
    if not (other & mask).any():
        return colony
    rest = mask & ~other
    if not rest.any():
        return None
    return replace(colony, region=Region.of(rest, colony.region.window), origin=colony.key)


def _kept_sizes(
    items: tuple[Mark, ...], sizes: tuple[float, ...], left: list[Mark]
) -> tuple[float, ...]:
    if len(sizes) != len(items):
        return sizes
    return tuple(s for mark, s in zip(items, sizes) if any(mark is kept for kept in left))
