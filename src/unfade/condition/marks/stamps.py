"""Leave the date that a camera exposed on the film: orange strokes in a row are no dust.

Dust, lint and lost emulsion are neutral: they cover red, green and blue alike. The digits of a
camera's date back are light, and orange or red. One such mark may be anything; several near each
other are a date, and part of the photograph.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.findings import Mark, paint
from unfade.picture import Picture

LEAST = 3  # strokes of a date
REACH_PX = 0.15  # of the picture's shorter side: so near are the strokes of one date
MOST_PX = 0.1  # of it: larger marks are no strokes
NEUTRAL = 0.35  # least over largest opacity: below this an ink has a colour
RING_PX = 6
AT_MOST = 400  # marks: among more nothing is looked for


def without_stamps(marks: Sequence[Mark], picture: Picture) -> list[Mark]:
    """The marks without those that belong to an orange date.

    Cost: reads a few pixels about each light mark
    """
    if picture.channels != 3 or not LEAST <= len(marks) <= AT_MOST:
        return list(marks)
    shorter = min(picture.rows, picture.cols)
    inked = [
        n
        for n, mark in enumerate(marks)
        if mark.light
        and max(mark.region.window.rows, mark.region.window.cols) <= MOST_PX * shorter
        and _is_orange(mark, marks, picture)
    ]
    middles = np.array([_middle(marks[n]) for n in inked]).reshape(-1, 2)
    apart = np.hypot(*(middles[:, None] - middles[None]).transpose(2, 0, 1))
    near = (apart <= REACH_PX * shorter).sum(axis=1)
    stamped = {n for n, count in zip(inked, near, strict=True) if count >= LEAST}
    return [mark for n, mark in enumerate(marks) if n not in stamped]


def _is_orange(mark: Mark, marks: Sequence[Mark], picture: Picture) -> bool:
    """Whether it covers red most, and blue hardly: opacities, as if its ink were full light."""
    window = mark.region.window.grown(RING_PX, picture.rows, picture.cols)
    pixels = np.nan_to_num(np.asarray(picture.read(window), np.float32))
    own, around = paint([mark], window), ~paint(marks, window)
    if not around.any():
        return False
    under = np.median(pixels[around], axis=0)
    added = np.quantile(pixels[own], 0.75, axis=0) - under  # the rim of a mark is mostly not ink
    red, green, blue = added / np.maximum(1 - under, 0.05)
    return bool(red > green >= blue and blue < NEUTRAL * red)


def _middle(mark: Mark) -> tuple[float, float]:
    w = mark.region.window
    return (w.top + w.bottom) / 2, (w.left + w.right) / 2
