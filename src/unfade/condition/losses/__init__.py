"""Losses: places where the paint has come off and the ground (chalk, canvas, wood, bole) shows.

What looks alike and is no loss: highlights, lace, flowers, snow, letters, clouds. So it prefers to
miss.

How: ``unfade-losses``, which learnt from made losses (training recipe ``losses``), says of each
pixel of an overview how likely the ground shows; pixels above ``PIXEL_ODDS`` that hang together
are a piece, and a piece counts where the mean of its log odds is above ``PIECE_ODDS``, or above
``ANOTHER_ODDS`` where it shows the ground of one that counts, see
``benchmarks/paintings_fit.py --only pieces``. Without networks, several pieces of one tone count
that are flat inside and hard-edged all around (``tones``), which finds far less.

Both look at an overview of at most 0.6 megapixels: losses under about 4 pixels of it are not seen.
Outlines are then drawn at full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.damage_network import damage_network
from unfade.condition.losses.tones import (
    EVEN_ODDS,
    HARD_PIECE,
    LEAST_PIECES,
    MAY_BE,
    NEAR,
    SURE_ODDS,
    surest,
)
from unfade.condition.marks.pages import is_page
from unfade.condition.survey import block_px, overview
from unfade.engines.contract import BenchView
from unfade.findings import Losses, Mark, MarkKind, Region
from unfade.picture import Picture, Pixels, Plane
from unfade.pixels.colour import linear_to_lab, srgb_to_linear
from unfade.pixels.masks import width
from unfade.pixels.regions import regions_of

OVERVIEW_PX = 600_000
LEAST_SIDE_PX = 64
NETWORK = "unfade-losses"
PIXEL_ODDS, PIECE_ODDS, PIECE_PX = 1.0, 4.25, 25
ANOTHER_ODDS = 3.0  # of a piece that shows the ground of a sure one
AT_PIECE_ODDS = 2.3  # log odds that a piece at the limit is one: 0.91
NONE = "No losses of paint stand out beyond doubt."


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece of the overview that the network takes for a loss.

    Attributes:
        odds: the mean of its log odds
        ground: its median colour in CIELAB
    """

    region: Region
    odds: float
    ground: np.ndarray


def look(picture: Picture, bench: BenchView) -> Losses:
    """Losses of paint, each an item, or why nothing can be told.

    Cost:
        a second for the overview on one core, with the network
    """
    if min(picture.rows, picture.cols) < LEAST_SIDE_PX:
        return Losses(says=f"Too small to tell losses: {picture.rows} x {picture.cols} pixels.")
    if is_page(picture):
        return Losses(says="A drawing, text page or screenshot: no losses of paint.")
    k = block_px(picture, OVERVIEW_PX)
    small = np.clip(overview(picture, bench, k=k), 0, 1)
    network = damage_network(picture, bench, NETWORK)
    if network is None:
        return _by_tone(picture, lab_of(small), k)
    return _by_network(picture, small, pieces_of(network.find(small)[:, :, 0]), k)


def pieces_of(odds: Plane) -> list[tuple[Region, float]]:
    """Pieces of pixels that the network takes for losses, and the means of their log odds."""
    pieces = (p for p in regions_of(odds > PIXEL_ODDS) if p.area_px >= PIECE_PX)
    return [(p, float(odds[p.window.slices][p.mask].mean())) for p in pieces]


def lab_of(pixels: Pixels) -> Pixels:
    """(rows, cols, 3) in CIELAB, of a picture in colour or grey."""
    colour = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    lab: Pixels = linear_to_lab(srgb_to_linear(np.clip(colour, 0, 1))).astype(np.float32)
    return lab


def sure_of(
    small: Pixels,
    pieces: Sequence[tuple[Region, float]],
    least: float = PIECE_ODDS,
    another: float = ANOTHER_ODDS,
) -> list[Piece]:
    """The pieces that count: of at least so high odds, and those that show the ground of one."""
    seen = []
    for region, odds in pieces:
        inside = small[region.window.slices][region.mask]
        seen.append(Piece(region, odds, np.median(lab_of(inside[None]), axis=(0, 1))))
    grounds = [piece.ground for piece in seen if piece.odds >= least]

    def is_another(piece: Piece) -> bool:
        apart = (float(np.linalg.norm(piece.ground - ground)) for ground in grounds)
        return piece.odds >= another and min(apart, default=np.inf) < NEAR

    return [piece for piece in seen if piece.odds >= least or is_another(piece)]


def _by_network(
    picture: Picture, small: Pixels, pieces: Sequence[tuple[Region, float]], k: int
) -> Losses:
    found: list[tuple[Mark, np.ndarray]] = []
    for piece in sure_of(small, pieces):
        above = max(piece.odds - PIECE_ODDS, 0.0)
        chance = 1 / (1 + float(np.exp(-above - AT_PIECE_ODDS)))
        mark = _outlined(picture, piece.region, piece.ground, k, chance, keep=True)
        if mark is not None:
            found.append((mark, piece.ground))
    if not found:
        return Losses(says=NONE, confidence=0.8)
    _, ground = max(found, key=lambda one: one[0].region.area_px)
    return _told(picture, [mark for mark, _ in found], ground)


def _by_tone(picture: Picture, lab: Pixels, k: int) -> Losses:
    best = surest(lab)
    if best is None or best[0] < MAY_BE:
        return Losses(says=NONE, confidence=0.8)
    score, tone = best
    if score < SURE_ODDS:
        return Losses(says="Losses: not sure; several hard-edged places have one tone.")
    confidence = float(1 / (1 + np.exp(EVEN_ODDS - score)))
    chosen = [r for r, hard in zip(tone.pieces, tone.hard) if hard >= HARD_PIECE]
    drawn = (_outlined(picture, region, tone.colour, k, confidence) for region in chosen)
    marks = [mark for mark in drawn if mark is not None]
    if len(marks) < LEAST_PIECES:
        return Losses(says=NONE, confidence=0.8)
    return _told(picture, marks, tone.colour)


def _told(picture: Picture, marks: Sequence[Mark], ground: np.ndarray) -> Losses:
    share = sum(m.region.area_px for m in marks) / (picture.rows * picture.cols)
    light = "light" if ground[0] > 60 else "dark" if ground[0] < 35 else "mid-toned"
    number = "One loss" if len(marks) == 1 else f"{len(marks)} losses"
    return Losses(
        says=f"{number} of paint, {share:.2%} of the picture; the ground that shows is {light}.",
        confidence=max(m.confidence for m in marks),
        items=tuple(marks),
        area_share=share,
        ground=(float(ground[0]), float(ground[1]), float(ground[2])),
    )


def _outlined(
    picture: Picture,
    region: Region,
    colour: np.ndarray,
    k: int,
    confidence: float,
    *,
    keep: bool = False,
) -> Mark | None:
    """A piece of the overview drawn at full size: what has its colour in and beside it.

    ``keep``: and all of the piece, whose ground need not have one colour.
    """
    import cv2

    margin = 2 * k
    window = region.window.scaled(k).grown(margin, picture.rows, picture.cols)
    coarse = np.zeros((window.rows, window.cols), np.uint8)
    top, left = region.window.top * k - window.top, region.window.left * k - window.left
    large = region.mask.repeat(k, axis=0).repeat(k, axis=1)
    coarse[top : top + large.shape[0], left : left + large.shape[1]] = large
    side = 2 * k + 1
    beside = cv2.dilate(coarse, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0
    apart = ((lab_of(picture.read(window)) - colour) ** 2).sum(axis=2)
    mask = ((apart < np.float32((1.5 * NEAR) ** 2)) & beside).astype(np.uint8)
    if keep:
        mask |= coarse
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    if not mask.any():
        return None
    outlined = Region.cut(mask > 0, window)
    return Mark(
        kind=MarkKind.LOSS,
        region=outlined,
        light=bool(colour[0] > 50),
        width_px=width(outlined.mask),
        length_px=float(np.hypot(outlined.window.rows, outlined.window.cols)),
        confidence=confidence,
    )


FINDER = Finder(name="losses", title="Losses of paint, each an item", look=look)
