"""Find creases, tears and lost corners of the sheet, with high precision above all.

What it sees: folds that run on for a good part of the picture, nearly straight, light on one
flank and dark on the other, mostly with bare paper where the layer broke (``lines``, ``strip``);
crooked streaks of bare paper from the edge inward, and corners where the scanner's lid shows
beside a torn lip (``torn``). Wires, branches, horizons, window frames and lines of text are long
and straight or crooked too: what is not beyond doubt is left out, and pages, drawings and
screenshots are not looked at.

All is looked for in an overview of at most 0.6 megapixels; folds are then followed at full size.
Candidates come from what ``unfade-creases`` (training recipe ``creases``) sees of it, and are
measured in the picture itself (``seen``), see ``benchmarks/creases_fit.py``. Without networks they
are sought by their looks alone (``lines``, ``torn``), which finds half as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.creases import follow, lines, seen, strip, torn
from unfade.condition.creases.judge import (
    SURE,
    sure_of_crease,
    sure_of_rip,
    sure_of_seen_line,
    sure_of_seen_piece,
)
from unfade.condition.damage_network import damage_network
from unfade.condition.marks.pages import is_page
from unfade.condition.survey import block_px, overview
from unfade.engines.contract import BenchView, PlainBench
from unfade.findings import Creases, Fold, Mark, MarkKind, Region
from unfade.picture import Mask, Picture, Pixels, Window

LEAST_SIDE_PX = 96
OVERVIEW_PX = 600_000
ENDS_PX = 28.0  # of the overview: a fold seen to end as near to the border is led on to it
LISTED = 0.5  # less sure candidates are not even listed
CORNER_CONFIDENCE = 0.95  # share of the found that were gone, on made scenes


Loss = tuple[Mask, MarkKind, float]  # a tear or corner of the overview, and how sure


def find_creases(pixels: Pixels) -> Creases:
    """Find creases, tears and lost corners in an array.

    Args:
        pixels: (rows, cols, 1 or 3) float32 0-1, in a viewing encoding (sRGB)
    Returns:
        the finding; ``confidence`` None and no items where nothing can be told
    Cost: about 0.6 s for 0.6 megapixels and more, on one core
    """
    return look(Picture.of(pixels), PlainBench())


def look(picture: Picture, bench: BenchView) -> Creases:
    """Creases, tears and lost corners of a picture, each an item."""
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return Creases(says=f"Too small to tell of folds: {picture.rows} x {picture.cols} pixels.")
    if is_page(picture):
        return Creases(says="A drawing, text page or screenshot: lines are its content.")
    k = block_px(picture, OVERVIEW_PX)
    small = np.clip(overview(picture, bench, k=k), 0, 1)
    losses = [(mask, MarkKind.CORNER, CORNER_CONFIDENCE) for mask in torn.find_corners(small)]
    network = damage_network(picture, bench, seen.NETWORK)
    if network is None:
        lines_ = lines_of(small)
        losses += [(_whole(rip, small), MarkKind.TEAR, sure) for rip, sure in rips_of(small)]
    else:
        lines_ = _seen_lines(picture, small, k, network, bench)
        losses += _seen_losses(small, network.find(small), losses)
    both = [fold for line in lines_ if (fold := _fold(picture, line, k)) is not None]
    folds = [fold for fold, _ in both]
    found = [mark for _, mark in both]
    found += [_enlarged(mask, kind, sure, picture, k) for mask, kind, sure in losses]
    found.sort(key=lambda mark: (mark.region.window, mark.key))
    marks = [mark for mark in found if mark.confidence >= SURE]
    unsure = tuple(mark for mark in found if mark.confidence < SURE)
    if not marks:
        return Creases(says="No crease, tear or lost corner stands out beyond doubt.",
                       confidence=0.9, unsure=unsure, folds=tuple(folds))  # fmt: skip
    area = sum(mark.region.area_px for mark in marks)
    share = area / (picture.rows * picture.cols)
    return Creases(
        says=f"{_counted(marks)}, {share:.2%} of the picture.",
        confidence=max(mark.confidence for mark in marks),
        items=tuple(marks),
        unsure=unsure,
        folds=tuple(folds),
        area_share=share,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line of the overview that may be a fold."""

    points: np.ndarray  # (n, 2) row, column
    half_px: int  # how far its flanks reach
    sure: float


def lines_of(small: Pixels, least: float = LISTED) -> list[Line]:
    """Lines of an overview that are folds with at least this chance, by their own looks."""
    rows, cols = small.shape[:2]
    found = []
    for line in lines.find_lines(lines.log_light(small)):
        if seen.beside_border(line.points, rows, cols):
            continue
        laid = strip.straightened(small, line.points)
        if laid.shape[1] < lines.BLOCK_PX:
            continue  # too short to tell its two sides
        sure = sure_of_crease(strip.features(laid, line.points, line.score, rows, cols))
        if sure >= least:
            found.append(Line(line.points, strip.reach_px(laid), sure))
    return found


def rips_of(small: Pixels, least: float = LISTED) -> list[tuple[torn.Torn, float]]:
    """Streaks of bare paper from the edge inward, and the chance that they are tears."""
    found = ((rip, sure_of_rip(rip.features)) for rip in torn.find_rips(small))
    return [(rip, sure) for rip, sure in found if sure >= least]


def _seen_lines(
    picture: Picture, small: Pixels, k: int, network: Any, bench: BenchView
) -> list[Line]:
    """The network's candidates for folds that are listed, in pixels of the overview ``small``."""
    block = block_px(picture, seen.OVERVIEW_PX)
    coarse = np.clip(overview(picture, bench, k=block), 0, 1)
    logits, found = network.find(coarse), []
    candidates = seen.line_candidates(small, logits, block / k)
    for points, features in zip(
        candidates, seen.line_features(small, candidates, logits, block / k), strict=True
    ):
        sure = sure_of_seen_line(features)
        if sure >= LISTED:
            found.append(Line(points, strip.reach_px(strip.straightened(small, points)), sure))
    return found


def _seen_losses(small: Pixels, logits: np.ndarray, corners: Sequence[Loss]) -> list[Loss]:
    """The network's candidates for tears and corners that are listed, beside known corners."""
    gone = np.zeros(small.shape[:2], bool)
    for mask, _, _ in corners:
        gone |= mask
    found = []
    for piece in seen.seen_pieces(small, logits):
        sure = sure_of_seen_piece(piece.features)
        place, inside = piece.region.window, piece.region.mask
        if sure >= LISTED and gone[place.slices][inside].mean() < 0.5:
            whole = np.zeros(small.shape[:2], bool)
            whole[place.slices] = inside
            kind = MarkKind.CORNER if piece.at_corner else MarkKind.TEAR
            found.append((whole, kind, sure))
    return found


def _fold(picture: Picture, line: Line, k: int) -> tuple[Fold, Mark] | None:
    half = line.half_px * k
    points = follow.followed(picture, line.points * k + (k - 1) / 2, k)
    points = follow.extended(points, picture.rows, picture.cols, ENDS_PX * k)
    region = _band(points, half, picture)
    if region is None:
        return None
    length = float(np.hypot(*np.diff(points, axis=0).T).sum())
    mark = Mark(
        kind=MarkKind.CREASE, region=region, width_px=2 * half + 1, length_px=length,
        confidence=line.sure,
    )  # fmt: skip
    places = tuple((round(float(r), 2), round(float(c), 2)) for r, c in points)
    return Fold(key=mark.key, points=places, half_px=float(half)), mark


def _band(points: np.ndarray, half_px: int, picture: Picture) -> Region | None:
    """All pixels within ``half_px`` of a line."""
    import cv2

    low = np.floor(points.min(axis=0)).astype(int) - half_px - 2
    high = np.ceil(points.max(axis=0)).astype(int) + half_px + 3
    window = Window(int(low[0]), int(low[1]), int(high[0]), int(high[1])).overlap(picture.window)
    if window is None:
        return None
    mask = np.zeros((window.rows, window.cols), np.uint8)
    places = np.round(points[:, ::-1] - (window.left, window.top)).astype(np.int32)
    cv2.polylines(mask, [places], False, 1, 2 * half_px + 1)
    return Region.of(mask > 0, window) if mask.any() else None


def _whole(rip: torn.Torn, small: Pixels) -> Mask:
    mask = np.zeros(small.shape[:2], bool)
    mask[rip.window.slices] = rip.mask
    return mask


def _enlarged(mask: Mask, kind: MarkKind, sure: float, picture: Picture, k: int) -> Mark:
    """A mark of the overview at full size, a pixel of the overview wider for its soft border."""
    import cv2

    wider = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    rows, cols = np.flatnonzero(wider.any(axis=1)), np.flatnonzero(wider.any(axis=0))
    box = Window(int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1)
    bottom = picture.rows if box.bottom == mask.shape[0] else box.bottom * k
    right = picture.cols if box.right == mask.shape[1] else box.right * k
    window = Window(box.top * k, box.left * k, bottom, right)
    large = wider[box.slices].repeat(k, axis=0).repeat(k, axis=1)
    more = ((0, window.rows - large.shape[0]), (0, window.cols - large.shape[1]))
    large = np.pad(large, more, mode="edge") > 0
    length = float(np.hypot(window.rows, window.cols))
    return Mark(
        kind=kind, region=Region.of(large, window), length_px=length,
        width_px=float(np.count_nonzero(large)) / max(length, 1.0), confidence=sure,
    )  # fmt: skip


def _counted(marks: list[Mark]) -> str:
    names = {MarkKind.CREASE: "crease", MarkKind.TEAR: "tear", MarkKind.CORNER: "lost corner"}
    parts = []
    for kind, name in names.items():
        number = sum(mark.kind == kind for mark in marks)
        if number:
            parts.append(f"{number} {name}{'' if number == 1 else 's'}")
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


FINDER = Finder(name="creases", title="Creases, tears and lost corners, each an item", look=look)
