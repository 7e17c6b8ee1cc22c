"""Marks of the visible planes and of infrared made one finding.

Where infrared is of use it has the word on dust and hairs: what it shows is damage; a visible spot
that it does not show lies in the picture itself (a star, dust that was photographed along) and is
kept among the findings below the sureness at which a step would mend it. Scratches of the
emulsion can be invisible in infrared and stay as they were found.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unfade.findings import Findings, Mark, MarkKind, Marks, Region, paint
from unfade.picture import Picture, Window

UNSEEN = 0.5  # sureness of a visible spot that infrared does not show


def joined(findings: Findings, picture: Picture) -> Findings:
    """Findings whose marks are those of both; as they were where infrared is of no use."""
    infrared = findings.infrared
    if findings.marks is None or infrared is None or not infrared.usable:
        return findings
    items, unseen = _joined(findings.marks.items, infrared.items)
    share = sum(m.region.area_px for m in items) / (picture.rows * picture.cols)
    words = f"{len(infrared.items)} marks by infrared, {len(items)} in all"
    if unseen:
        words += f"; {unseen} visible spots that infrared does not show are left alone"
    sure = max((m.confidence for m in items), default=infrared.confidence or 0.0)
    mm = () if picture.dpi is None or min(picture.dpi) <= 0 else (25.4 / min(picture.dpi),)
    marks = Marks(
        says=f"{words}.",
        confidence=sure,
        items=items,
        area_share=share,
        size_mm=tuple(round(m.length_px * mm[0], 3) for m in items) if mm else (),
    )
    return replace(findings, marks=marks)


def _joined(visible: tuple[Mark, ...], infrared: tuple[Mark, ...]) -> tuple[tuple[Mark, ...], int]:
    """All marks, those that both show as one; how many spots infrared does not show."""
    left, both, unseen = list(infrared), [], 0
    for mark in visible:
        on_it = [other for other in left if _meet(mark, other)]
        if not on_it:
            if mark.kind in (MarkKind.DUST, MarkKind.HAIR):
                unseen += 1
                mark = replace(mark, confidence=min(mark.confidence, UNSEEN))
            both.append(mark)
            continue
        left = [other for other in left if all(other is not o for o in on_it)]
        whole = _union([mark, *on_it])
        sure = max(m.confidence for m in (mark, *on_it))
        both.append(replace(mark, region=whole, confidence=sure, origin=mark.key))
    return tuple(sorted([*both, *left], key=lambda m: (m.region.window, not m.light))), unseen


def _meet(one: Mark, two: Mark) -> bool:
    common = one.region.window.overlap(two.region.window)
    if common is None:
        return False
    masks = [m.region.mask[common.within(m.region.window)] for m in (one, two)]
    return bool(np.any(masks[0] & masks[1]))


def _union(marks: list[Mark]) -> Region:
    boxes = [m.region.window for m in marks]
    window = Window(
        min(w.top for w in boxes),
        min(w.left for w in boxes),
        max(w.bottom for w in boxes),
        max(w.right for w in boxes),
    )
    return Region.of(paint(marks, window), window)
