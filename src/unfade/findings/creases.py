"""Findings about the sheet itself: folds, tears, corners that are gone."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.findings.contract import Finding, Mark, MarkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Where a fold runs.

    Attributes:
        key: of the mark that it belongs to
        points: rows and columns along it, in pixels of the picture
        half_px: how far to each side light and shade may reach
    """

    key: str
    points: tuple[tuple[float, float], ...]
    half_px: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Creases(Finding):
    """Creases, tears and lost corners, each an item; of creases the line too.

    ``unsure`` are candidates that may as well belong to the picture: no advice follows from them,
    and a step takes them only when its ``min_confidence`` is set as low.
    """

    items: tuple[Mark, ...] = ()
    unsure: tuple[Mark, ...] = ()
    folds: tuple[Fold, ...] = ()
    area_share: float = 0.0

    def of_kind(self, *kinds: MarkKind) -> tuple[Mark, ...]:
        return tuple(mark for mark in self.items if mark.kind in kinds)
