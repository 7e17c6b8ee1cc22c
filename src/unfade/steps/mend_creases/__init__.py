"""Mend creases: take a fold's light and shade away, fill where the layer broke, close tears.

For scans of prints that were folded, torn, or lost a corner. A fold multiplies light; its smooth
profile across is divided out along the line, and the texture of the print below survives
(``relief``). Only where bare paper shows, along the fold, in a tear or where a corner is gone, is
something filled in, by the methods of ``inpaint``. What lay under a wide loss cannot be computed:
tears and corners wider than ``max_width_px`` are left as they are and named in the record.

Assumes that the finder is right (``min_confidence``), and that a fold lies on the print: a scan of
a sheet that was photographed folded, with its parts shifted, is not put together.

Papers: Wexler, Shechtman & Irani 2007, doi:10.1109/TPAMI.2007.60, and Guleryuz 2006,
doi:10.1109/TIP.2005.863057, for the fill; the profile is our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView, Filler
from unfade.findings import Findings, Mark, MarkKind, paint
from unfade.picture import Picture
from unfade.pixels.masks import width
from unfade.record import Evidence
from unfade.steps.contract import Look, Proposal, setting
from unfade.steps.inpaint import (
    GULERYUZ,
    METHODS,
    WEXLER,
    FillSettings,
    fill_by,
    fill_by_network,
    fill_step,
    grown_marks,
    learned,
    left_out,
)
from unfade.steps.inpaint.choice import AUTO
from unfade.steps.inpaint.learned import NETWORKS
from unfade.steps.mend_creases.relief import Relief, measure_relief, take_away

LOSSES = (MarkKind.TEAR, MarkKind.CORNER)


@dataclass(frozen=True, kw_only=True)
class Settings(FillSettings):
    """Which folds, tears and corners are mended, and how."""

    method: str = setting(
        AUTO, "published method that fills what is lost, or a network",
        choices=(AUTO, *METHODS, *NETWORKS), networks=True,
    )  # fmt: skip
    relief: float = setting(
        1.0, "share of a fold's light and shade that is taken away", low=0, high=1, neutral=0.0
    )
    min_confidence: float = setting(
        0.93, "items that the finder is less sure of are left alone", low=0, high=1
    )
    max_width_px: float = setting(
        128.0, "tears and corners wider than this are left alone: what lay there is not known",
        unit="px", low=0, high=20_000, neutral=0.0,
    )  # fmt: skip
    grow_px: float = setting(
        1.0, "tears and corners are widened by this, over their soft border",
        unit="px", low=0, high=16,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The folds as measured, an opened network if one fills, and what is left alone."""

    reliefs: tuple[Relief, ...] = ()
    engine: Filler | None = None
    left: tuple[dict[str, Any], ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        folds = [
            {
                "key": r.key,
                "length_px": len(r.place),
                "relief": round(float(np.abs(r.profile).max()), 4),
                "broken_px": int(np.count_nonzero(r.broken)),
            }
            for r in self.reliefs
        ]
        return {"folds": folds, "too_wide": list(self.left)}


def chosen_creases(findings: Findings, settings: Settings) -> Sequence[Mark]:
    """The marks among the findings that these settings mend."""
    if findings.creases is None:
        return ()
    listed = (*findings.creases.items, *findings.creases.unsure)
    sure = [m for m in listed if m.confidence >= settings.min_confidence]
    folds = {fold.key for fold in findings.creases.folds}
    creases = [m for m in sure if m.kind is MarkKind.CREASE and m.key in folds]
    losses = grown_marks(
        (m for m in sure if m.kind in LOSSES),
        grow_px=settings.grow_px,
        max_width_px=settings.max_width_px,
    )
    return (*creases, *losses)


def too_wide(findings: Findings, settings: Settings) -> tuple[Mark, ...]:
    """Sure tears and corners that are wider than the settings let be filled."""
    if findings.creases is None:
        return ()
    return tuple(
        mark
        for mark in (*findings.creases.items, *findings.creases.unsure)
        if mark.kind in LOSSES
        and mark.confidence >= settings.min_confidence
        and width(mark.region.mask) > settings.max_width_px
    )


def _measure(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Measured:
    keys = {mark.key for mark in chosen_creases(findings, settings)}
    folds = findings.creases.folds if findings.creases is not None else ()
    return Measured(
        tuple(measure_relief(picture, fold) for fold in folds if fold.key in keys),
        learned.measure_fill(picture, settings, findings, bench).engine,
        left_out(too_wide(findings, settings), settings.max_width_px),
    )


def _propose(look: Look, settings: Settings) -> Proposal:
    """Pixels without relief, and in them what is lost filled from what is sound."""
    measured: Measured = look.measured
    pixels, broken = take_away(look.pixels, look.window, measured.reliefs, settings.relief)
    known = look.findings.marks.items if look.findings.marks is not None else ()
    losses = chosen_creases(look.findings, settings)
    hole = paint((*known, *(m for m in losses if m.kind in LOSSES)), look.window)
    if settings.max_width_px > 0:
        hole |= broken
    if look.mark is not None and look.mark.kind in LOSSES and look.mask is not None:
        hole |= look.mask
    if not hole.any() or hole.all():
        return Proposal(look.pixels if hole.all() else pixels, fill=np.zeros_like(hole))
    if measured.engine is not None:
        filled = fill_by_network(
            measured.engine, pixels, hole, grain=settings.grain, seed=settings.seed,
            window=look.window,
        )  # fmt: skip
    else:
        is_fold = look.mark is None or look.mark.kind is MarkKind.CREASE
        thin = "sparse" if is_fold and settings.method == AUTO else settings.method
        filled = fill_by(replace(settings, method=thin), pixels, hole, look.window, look.mark)
    if look.mark is not None and look.mark.kind is MarkKind.CREASE:
        # other damage was only kept from bleeding in: it is not this mark's to fill
        hole = broken & hole
        filled = np.where(hole[:, :, None], filled, pixels)
    return Proposal(filled, fill=hole)


def _one_piece(mark: Mark, settings: Settings) -> bool:
    return mark.kind in LOSSES and learned.one_piece(mark, settings)


def _made_with(mark: Mark, settings: Settings) -> Evidence:
    if mark.kind is MarkKind.CREASE:  # what is filled there is a few pixels wide
        return Evidence.ESTIMATED
    return learned.mark_made_with(mark, settings)


STEP = fill_step(
    name="mend_creases",
    title="Mend creases, tears and lost corners",
    settings=Settings,
    regions=chosen_creases,
    looks_at="creases",
    propose=_propose,
    measure=_measure,
    mark_made_with=_made_with,
    one_piece=_one_piece,
    fills=False,
    paper=f"{WEXLER}; {GULERYUZ}",
)
