"""Find wear as a network has learnt to see it: cracks, scratches, creases, dust, tears.

For prints that are worn all over, whose cracks the classical eyes (``marks``, ``creases``) do not
dare to tell from the picture: soft scans, raised emulsion, lines as faint as the paper's grain. The
network sees more of them, and is wrong more often: about edges, reflections, stems, cigarettes. So
what it finds is a list to look at, and is mended (``mend_wear``) only when asked for, or where
advice is sure that a print is worn all over.

How: ``unfade-damage`` gives each pixel a chance of being damaged and of what; pixels above
``MAY_BE`` that hang together and hold one above ``SEED`` are an item. Pictures beyond
``AT_MOST_PX`` are looked at in small, where their wear has the widths that the network knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.damage_network import NETWORK
from unfade.condition.marks.candidates import label_sparse
from unfade.condition.marks.pages import is_page
from unfade.condition.survey import block_px, overview
from unfade.engines.contract import BenchView
from unfade.errors import ModelMissing, OutOfResources
from unfade.findings import Mark, MarkKind, Region, Wear
from unfade.picture import Mask, Picture, Window
from unfade.pixels.masks import dilate, width

AT_MOST_PX = 16_000_000
LEAST_SIDE_PX = 64
MAY_BE = 0.5  # chance of each pixel of an item,
SEED = 0.9  # of its surest one,
LEAST_SURE = 0.6  # and their mean
LEAST_AREA_PX = 10
LEAST_SHARE = 0.0135  # of the picture: nine of ten sound ones have less, then it abstains
GROW_PX = 1  # over the soft border, which the network leaves out

# Of the network's maps the first says whether anything is there at all, the others what: scratch,
# dust, hair, crease, tear, stain. Stains are left to the eye that tells them by colour.
STAIN_MAP = 6


def look(picture: Picture, bench: BenchView) -> Wear:
    """Wear of a picture, each place an item.

    Cost:
        about 0.5 s for a megapixel on one core; memory: a tile, and 16 bytes for each pixel found
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
        pixels = _pixels(seen, bench.engine(NETWORK), bench)
    except (ModelMissing, OutOfResources) as error:
        return Wear(says=f"Wear: not looked for. {error.found}", hindered=error.found)
    items = tuple(_marks(pixels, k, picture))
    if not items:
        return Wear(says="Wear: none is seen by the network.", confidence=0.8)
    area = sum(mark.region.area_px for mark in items) / (picture.rows * picture.cols)
    says = f"Wear: the network sees {len(items)} place{'s' * (len(items) > 1)}, {area:.2%}"
    if area < LEAST_SHARE:
        return Wear(
            says=f"{says}; as much is seen in sound pictures.", items=items, area_share=area
        )
    sure = float(np.mean([mark.confidence for mark in items]))
    return Wear(says=f"{says} of the picture.", confidence=sure, items=items, area_share=area)


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """All pixels that may be damaged, by row, then column; arrays of one length."""

    rows: np.ndarray
    cols: np.ndarray
    chances: np.ndarray
    stained: np.ndarray


def _pixels(picture: Picture, engine: Any, bench: BenchView) -> Pixels:
    found: list[tuple[np.ndarray, ...]] = []
    for window, maps in engine.find_tiles(picture, bench):
        chance = 1 / (1 + np.exp(-np.clip(maps[:, :, 0], -30, 30)))
        down, right = np.nonzero(chance > MAY_BE)
        stained = maps[down, right, 1:].argmax(axis=1) == STAIN_MAP - 1
        found.append((down + window.top, right + window.left, chance[down, right], stained))
    rows, cols, chances, stained = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((cols, rows))
    return Pixels(rows[order], cols[order], chances[order], stained[order])


def _marks(pixels: Pixels, k: int, picture: Picture) -> list[Mark]:
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
        top, left = int(down.min()) - GROW_PX, int(right.min()) - GROW_PX
        mask = np.zeros(
            (int(down.max()) - top + 1 + GROW_PX, int(right.max()) - left + 1 + GROW_PX), bool
        )
        mask[down - top, right - left] = True
        region = _at_full_size(dilate(mask, GROW_PX), top, left, k, picture)
        if region is not None:
            marks.append(
                Mark(
                    kind=MarkKind.WEAR,
                    region=region,
                    width_px=width(mask) * k,
                    length_px=float(np.hypot(*mask.shape)) * k,
                    confidence=float(mean[n]),
                )
            )
    return sorted(marks, key=lambda mark: (mark.region.window, mark.key))


def _at_full_size(mask: Mask, top: int, left: int, k: int, picture: Picture) -> Region | None:
    """The place in the picture's own pixels, cut at its edges."""
    large = mask.repeat(k, axis=0).repeat(k, axis=1)
    place = Window(top * k, left * k, top * k + large.shape[0], left * k + large.shape[1])
    kept = place.overlap(picture.window)
    return None if kept is None else Region.of(large[kept.within(place)], kept)


FINDER = Finder(
    name="wear", title="Wear as a network sees it, each place an item", look=look, network=NETWORK
)
