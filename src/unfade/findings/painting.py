"""Findings about paintings: cracks of age, losses of paint, the weave of the canvas."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.findings.contract import Finding, Mark


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Craquelure(Finding):
    """The net of age cracks in a paint layer: part of the object, mapped and kept.

    Attributes:
        cracked: None: it abstained
        items: the cracks of each field of 256 x 256 pixels that holds some
        light: the cracks are lighter than the paint (ground that shows), not darker (dirt)
        area_share: of the picture, covered by cracks
        width_px: median width; ``length_px_per_px2``: length of cracks in a unit of area
        island_px: side of a square as large as the median island of paint
        junctions_per_island: in the area of one; 2 in a closed net of three-way junctions
        direction_degrees: in which most cracks run, 0 level, 90 upright; None: in all alike
        width_mm, length_mm_per_mm2: the same where the picture states its resolution
    """

    cracked: bool | None = None
    items: tuple[Mark, ...] = ()
    light: bool | None = None
    area_share: float = 0.0
    width_px: float | None = None
    length_px_per_px2: float | None = None
    island_px: float | None = None
    junctions_per_island: float | None = None
    direction_degrees: float | None = None
    width_mm: float | None = None
    length_mm_per_mm2: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Losses(Finding):
    """Places where the paint is gone and one ground shows.

    Attributes:
        items: each loss
        area_share: of the picture
        ground: CIELAB of what shows, None where nothing was found
    """

    items: tuple[Mark, ...] = ()
    area_share: float = 0.0
    ground: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas(Finding):
    """The weave of the canvas, where it shows in the picture.

    Attributes:
        woven: None: it abstained
        pitch_px: distance of threads, first of the more upright system (warp), then of the other
        direction_degrees: in which the threads of each run, 0 level, 90 upright
        contrast: standard deviation of the weave in the picture, pixel units
    """

    woven: bool | None = None
    pitch_px: tuple[float, ...] = ()
    direction_degrees: tuple[float, ...] = ()
    contrast: float | None = None
    threads_per_cm: tuple[float, ...] = ()
