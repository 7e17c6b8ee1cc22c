"""Findings about what time has laid over a print: stains, silver mirroring, yellowed paper."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.findings.contract import Finding, Mark, MarkKind


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stains(Finding):
    """Stains, tide lines, foxing and mould, each an item."""

    items: tuple[Mark, ...] = ()
    area_share: float = 0.0

    def of_kind(self, *kinds: MarkKind) -> tuple[Mark, ...]:
        return tuple(mark for mark in self.items if mark.kind in kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear(Finding):
    """Cracks, scratches, creases and spots as a network sees them, each an item.

    Attributes:
        hindered: why the network could not be run; empty: it could, or need not
    """

    items: tuple[Mark, ...] = ()
    area_share: float = 0.0
    hindered: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silvering(Finding):
    """Silver mirroring: a bluish shine over dark places, growing towards the edges."""

    mirrored: bool | None = None
    strength: float | None = None  # share of density hidden at the edges, 0-1
    reach_share: float | None = None  # how far in it comes, of the shorter side


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper(Finding):
    """The white of the paper that the picture itself shows: its margin, or a page."""

    where: str = ""  # "margin" or "page"
    density: tuple[float, ...] = ()  # of the paper, per channel
    area_share: float = 0.0
    yellow: float | None = None  # density to blue light above that to red
