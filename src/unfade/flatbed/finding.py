"""Find the photographs on a platen: the lid, rough outlines, then each side at full resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unfade.condition.survey import block_px, overview
from unfade.engines.contract import BenchView, PlainBench
from unfade.flatbed.outlines import FULL, Rough, rough_outlines
from unfade.flatbed.photograph import SIDES, Photograph
from unfade.flatbed.platen import Platen, measure_platen
from unfade.flatbed.sides import refine
from unfade.picture import Picture

OVERVIEW_PX = 1_000_000
LEAST_SIDE_PX = 32
SHADOW_INCH = 0.05  # how far a shadow may reach from a print
USUAL_DPI = 300.0
EDGE_BLOCKS = 2.5  # an outline nearer than this to the scan's edge is cut off by it
COVERS = 0.985  # of the scan: nothing but one photograph


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What lies on a platen.

    Attributes:
        photographs: in reading order
        says: one sentence
    """

    photographs: tuple[Photograph, ...]
    says: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "says": self.says,
            "photographs": [
                {"number": n, **each.to_dict()} for n, each in enumerate(self.photographs, 1)
            ],
        }


def find_photographs(picture: Picture, bench: BenchView | None = None) -> Layout:
    """Find the photographs on a flatbed scan and how each is turned.

    For an even lid or an open one: white, grey or black. Photographs are rectangles that do not
    lie on each other; those that touch are found as one, and said so. Paper as white as the lid
    has no edge that could be found; then the picture on it is what is found.

    Returns:
        rectangles to about a quarter of a pixel and 0.02 degrees where edges are sharp
    Cost:
        about 0.1 s a megapixel at 12 megapixels, on one core; memory: the overview, and for
        each side the window that holds it
    """
    bench = bench or PlainBench()
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return Layout(photographs=(), says="Too small for a scan with photographs on it.")
    k = block_px(picture, OVERVIEW_PX)
    small = overview(picture, bench, k=k)
    platen = measure_platen(small)
    if platen is None:
        return Layout(
            photographs=(), says="The scan's edge shows no even colour: no lid can be told."
        )
    rough = rough_outlines(small, platen)
    measured = (_refined(picture, each, rough, platen, k) for each in rough)
    found = [each for each in measured if each is not None]
    ordered = _reading_order(found)
    if not ordered:
        return Layout(photographs=(), says="Nothing but the empty platen.")
    whole = picture.rows * picture.cols
    if len(ordered) == 1 and ordered[0].rows_px * ordered[0].cols_px > COVERS * whole:
        return Layout(photographs=ordered, says="One photograph, which fills the scan.")
    number = len(ordered)
    return Layout(
        photographs=ordered, says=f"{number} photograph{'s' if number > 1 else ''} on the platen."
    )


def _refined(
    picture: Picture, rough: Rough, others: tuple[Rough, ...], platen: Platen, k: int
) -> Photograph | None:
    start = Photograph(
        row_px=rough.y * k,
        col_px=rough.x * k,
        rows_px=rough.height * k,
        cols_px=rough.width * k,
        angle_degrees=rough.angle_degrees,
    )
    start = replace(start, cut=_cut_sides(start, picture, EDGE_BLOCKS * k))
    start = _to_the_edge(start, picture)
    dpi = min(picture.dpi) if picture.dpi and min(picture.dpi) > 20 else USUAL_DPI
    shadow = SHADOW_INCH * dpi
    room = _room(rough, others)
    outward = min(3.0 * k + 4, max(2.0, 0.6 * room) * k)
    if rough.worn:
        outward = max(outward, 0.45 * room * k)
    inward = min(3.0 * k + 4 + shadow, 0.2 * min(start.rows_px, start.cols_px))
    noise = platen.noise * k  # of single pixels: the overview's is a mean over k x k
    photograph = refine(picture, start, inward_px=inward, outward_px=outward, noise=noise)
    if min(photograph.rows_px, photograph.cols_px) < 8:
        return None
    notes = photograph.notes
    if rough.full < FULL:
        notes += ("Its outline is no rectangle: photographs that touch or overlap, or a torn one.",)
    if photograph.cut:
        notes += (f"Cut off by the scan's edge: {', '.join(photograph.cut)}.",)
    blind = [
        name
        for name, share in zip(SIDES, photograph.support, strict=True)
        if share == 0 and name not in photograph.cut
    ]
    if blind:
        notes += (f"No sharp edge against the lid: {', '.join(blind)}.",)
    return replace(photograph, notes=notes)


def _cut_sides(photograph: Photograph, picture: Picture, near_px: float) -> tuple[str, ...]:
    """Sides whose middle lies at the scan's edge."""
    corners = photograph.corners
    cut = []
    ends = {"top": (0, 1), "right": (1, 2), "bottom": (2, 3), "left": (3, 0)}
    for name, (a, b) in ends.items():
        row, col = (corners[a] + corners[b]) / 2
        beyond = {
            "top": row,
            "bottom": picture.rows - row,
            "left": col,
            "right": picture.cols - col,
        }[name]
        if beyond <= near_px:
            cut.append(name)
    return tuple(cut)


def _to_the_edge(photograph: Photograph, picture: Picture) -> Photograph:
    """Sides that the scan cuts off, moved to its very edge."""
    if not photograph.cut:
        return photograph
    upright = abs(math.sin(math.radians(photograph.angle_degrees))) < 0.02
    if not upright:
        return photograph
    half_rows, half_cols = photograph.rows_px / 2, photograph.cols_px / 2
    top, bottom = photograph.row_px - half_rows, photograph.row_px + half_rows
    left, right_end = photograph.col_px - half_cols, photograph.col_px + half_cols
    top = 0.0 if "top" in photograph.cut else top
    left = 0.0 if "left" in photograph.cut else left
    bottom = float(picture.rows) if "bottom" in photograph.cut else bottom
    right_end = float(picture.cols) if "right" in photograph.cut else right_end
    return replace(
        photograph,
        row_px=(top + bottom) / 2,
        col_px=(left + right_end) / 2,
        rows_px=bottom - top,
        cols_px=right_end - left,
    )


def _room(rough: Rough, others: tuple[Rough, ...]) -> float:
    """Distance to the nearest other outline, in blocks."""
    import cv2

    own = cv2.boxPoints(rough.box)
    least = float("inf")
    for other in others:
        if other is rough:
            continue
        polygon = cv2.boxPoints(other.box).reshape(-1, 1, 2)
        for a, b in zip(own, np.roll(own, -1, axis=0), strict=True):
            for t in np.linspace(0, 1, 9):
                x, y = a + t * (b - a)
                away = -cv2.pointPolygonTest(polygon, (float(x), float(y)), True)
                least = min(least, max(0.0, away))
    return min(least, 0.1 * min(rough.width, rough.height))


def _reading_order(found: list[Photograph]) -> tuple[Photograph, ...]:
    """Row by row from the top, each row from the left; a row is what overlaps half in height."""
    left = sorted(found, key=lambda p: p.row_px - p.rows_px / 2)
    ordered: list[Photograph] = []
    while left:
        first = left[0]
        row = [p for p in left if abs(p.row_px - first.row_px) < first.rows_px / 2]
        ordered.extend(sorted(row, key=lambda p: p.col_px))
        left = [p for p in left if all(p is not q for q in row)]
    return tuple(ordered)
