"""Rule for what a network alone takes for wear: mended on prints worn all over, else said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.advice.contract import Rule, Wishes, count
from unfade.findings import Findings, Mark, paint
from unfade.picture import Mask
from unfade.steps.mend_wear import Settings, chosen_wear

# With so many thin places, with this share of the picture in them, and with directions that agree
# no more than this, a print is worn all over: none of 2,101 sound training pictures is.
ALL_OVER_PLACES, ALL_OVER_SHARE, ALL_OVER_AGREE = 30, 0.012, 0.35
THIN = 4.0  # length over width of cracks, creases and scratches
LARGEST = 3  # places that do not count


def wear(findings: Findings, wishes: Wishes) -> None:
    """On sound pictures of fine texture it is wrong too often to be acted upon everywhere."""
    found, chosen = findings.wear, chosen_wear(findings, Settings())
    if found is None or not chosen:
        return
    if is_all_over(findings):
        wishes.want(
            "mend_wear",
            f"Worn all over: {count(len(chosen), 'place')} that a network takes for cracks, "
            "scratches or spots; some may be part of the picture, and each can be taken back.",
        )
    elif found.confidence is not None:
        wishes.leave(
            f"wear: {count(len(chosen), 'place')} that a network takes for cracks, scratches or "
            "spots; some will be part of the picture. Use `--recipe worn-print` or "
            "`--only mend_wear`, and take single ones back."
        )


def is_all_over(findings: Findings) -> bool:
    """Whether thin places are so many, run so many ways, and hold so much that only wear does that.

    In sound pictures the network errs about a few large things, about dots in a texture, or about
    the lines of a facade, which run one way or two. What other eyes have found as well does not
    count: a scratched picture of a facade is no worn print.
    """
    found = findings.wear
    if found is None or not found.items:
        return False
    known = [
        mark
        for seen in (findings.marks, findings.creases) if seen is not None
        for mark in seen.items
    ]  # fmt: skip
    alone = _untouched(found.items, known)
    by_area = sorted(alone, key=lambda mark: mark.region.area_px)[:-LARGEST]
    thin = [mark for mark in by_area if mark.length_px >= THIN * mark.width_px]
    areas = np.array([mark.region.area_px for mark in thin], float)
    share = found.area_share * areas.sum() / sum(mark.region.area_px for mark in found.items)
    if len(thin) < ALL_OVER_PLACES or share < ALL_OVER_SHARE:
        return False
    return _agreement([mark.region.mask for mark in thin], areas) <= ALL_OVER_AGREE


def _untouched(marks: Sequence[Mark], others: Sequence[Mark]) -> list[Mark]:
    """The marks that share no pixel with any of the others."""
    windows = [other.region.window for other in others]
    boxes = np.array([(w.top, w.left, w.bottom, w.right) for w in windows]).reshape(-1, 4)
    alone = []
    for mark in marks:
        own = mark.region.window
        near = (boxes[:, :2] < (own.bottom, own.right)) & (boxes[:, 2:] > (own.top, own.left))
        known = [others[n] for n in np.flatnonzero(near.all(axis=1)).tolist()]
        if not (paint(known, own) & mark.region.mask).any():
            alone.append(mark)
    return alone


def _agreement(masks: Sequence[Mask], weights: np.ndarray) -> float:
    """0: they run all ways, 1: all run one way, or all one of two at right angles."""
    angles = np.array([_direction(mask) for mask in masks])
    return max(
        float(abs(np.average(np.exp(fold * 1j * angles), weights=weights))) for fold in (2, 4)
    )


def _direction(mask: Mask) -> float:
    """Angle of the principal axis, radians."""
    down, right = (axis - axis.mean() for axis in np.nonzero(mask))
    return float(np.arctan2(2 * (down * right).mean(), (right**2).mean() - (down**2).mean()) / 2)


RULES: tuple[Rule, ...] = (wear,)
