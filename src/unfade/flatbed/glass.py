"""Dust on the scanner's glass: what stands at the same place in many scans.

In each scan every pixel is judged for itself: does it stand out from its surround more than its
surround does within itself? A place votes for dust with each scan in which it does. Pictures
differ from scan to scan, so their own marks vote at scattered places; dust votes every time. How
many votes chance would bring is measured around each place, so that a texture common to all
scans is no dust either.

Long straight things at one place in all scans (the platen's frame, a print laid into the same
corner each time, a streak of the sensor) are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from unfade.engines.contract import BenchView, PlainBench
from unfade.errors import UsageError
from unfade.picture import Mask, Picture
from unfade.pixels.tiles import Grid, Tile

LEAST_SCANS = 4
LEAST_SHARE = 0.5  # of the scans that must vote
SCALES = (3, 7)  # sides of the boxes that are compared with their surround of
SURROUND_PX = 31
STANDS_OUT = 4.5  # times the mean departure around
LEAST_STEP = 2.0 / 255
HALO_PX = 24
CHANCE = 1e-6  # of one place getting its votes without dust
LONG_PX = 120
GROW_PX = 2
CORE_PX = 1024


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GlassDust:
    """Dust on the glass.

    Attributes:
        mask: (rows, cols) bool in the coordinates of the scans
        spots: how many
        scans: from how many it was told
        left_out: long things at one place in all scans
        says: one sentence
    """

    mask: Mask
    spots: int
    scans: int
    left_out: int
    says: str


class Votes:
    """Votes of scans of one session, gathered one scan at a time."""

    def __init__(self) -> None:
        self.count: np.ndarray | None = None
        self.scans = 0

    def add(self, picture: Picture, bench: BenchView | None = None, name: str = "") -> None:
        """Let one more scan vote.

        Raises:
            UsageError: it is of another size than the first
        Cost:
            about 0.06 s a megapixel on one core; memory: one byte a pixel, and one window
        """
        shape = (picture.rows, picture.cols)
        if self.count is None:
            self.count = np.zeros(shape, np.uint8)
        if self.count.shape != shape:
            raise UsageError(
                f"`{name or 'A scan'}` has {shape[1]} x {shape[0]} pixels, the first scan "
                f"{self.count.shape[1]} x {self.count.shape[0]}.",
                "Give uncropped scans of one session, made with the same settings.",
            )
        if self.scans == 255:
            raise UsageError("More than 255 scans were given.", "Choose some of them.")
        count = self.count

        def work(tile: Tile) -> tuple[Tile, np.ndarray]:
            return tile, stands_out(picture.read(tile.padded))[tile.inner]

        grid = Grid(CORE_PX, HALO_PX)
        total = grid.count(*shape)
        each = (CORE_PX + 2 * HALO_PX) ** 2 * 40
        tiles = grid.tiles(*shape)
        for tile, out in (bench or PlainBench()).map(
            work, tiles, says="Looking for dust on the glass", total=total, bytes_each=each
        ):
            count[tile.core.slices] += out
        self.scans += 1

    def dust(self) -> GlassDust:
        """What the votes say.

        Raises:
            UsageError: fewer than 4 scans
        """
        import cv2

        if self.count is None or self.scans < LEAST_SCANS:
            raise UsageError(
                f"{self.scans} scans cannot tell dust on the glass from dust on the pictures; "
                f"{LEAST_SCANS} are needed, ten are better.",
                "Give more scans of the same session.",
            )
        by_chance = cv2.blur(self.count.astype(np.float32), (129, 129)) / self.scans
        needed = _votes_needed(self.scans)
        steps = np.clip((by_chance * (len(needed) - 1)).astype(int) + 1, 0, len(needed) - 1)
        sure = self.count >= needed[steps]
        also = self.count >= np.maximum(2, needed[steps] - max(1, self.scans // 4))
        found, labels, stats, _ = cv2.connectedComponentsWithStats(also.astype(np.uint8))
        keep = np.zeros(found, bool)
        keep[np.unique(labels[sure])] = True
        keep[0] = False
        long = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) > LONG_PX
        left_out = int(np.count_nonzero(keep & long))
        keep &= ~long
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GROW_PX + 1,) * 2)
        mask = cv2.dilate(keep[labels].astype(np.uint8), disc) > 0
        spots = int(np.count_nonzero(keep))
        says = f"{spots} spots of dust at the same place in {self.scans} scans."
        if left_out:
            says += f" {left_out} long lines at the same place are left out."
        return GlassDust(mask=mask, spots=spots, scans=self.scans, left_out=left_out, says=says)


def glass_dust(pictures: Iterable[Picture], bench: BenchView | None = None) -> GlassDust:
    """Find dust on the glass from several scans of one session.

    Raises:
        UsageError: fewer than 4 scans, or of several sizes
    """
    votes = Votes()
    for picture in pictures:
        votes.add(picture, bench)
    return votes.dust()


def stands_out(pixels: np.ndarray) -> np.ndarray:
    """(rows, cols) bool: what departs from its surround more than the surround itself does.

    Args:
        pixels: (rows, cols, channels) float32
    """
    import cv2

    grey = np.ascontiguousarray(pixels.mean(axis=2))
    around = cv2.blur(grey, (SURROUND_PX, SURROUND_PX))
    out = np.zeros(grey.shape, bool)
    for side in SCALES:
        near = cv2.blur(grey, (side, side))
        wide = cv2.blur(grey, (3 * side + 2, 3 * side + 2))
        away = np.abs(near - wide)
        usual = cv2.blur(away, (SURROUND_PX + 4 * side,) * 2)
        out |= (away > STANDS_OUT * usual) & (away > LEAST_STEP) & (np.abs(grey - around) > 0)
    # scans of one session lie within a pixel of each other
    return cv2.dilate(out.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _votes_needed(scans: int) -> np.ndarray:
    """For a chance of 0, 0.01 .. 1 of one vote: so many come together by chance hardly ever."""
    needed = []
    for percent in range(101):
        p = percent / 100
        tail, votes = 0.0, scans
        while votes > 0:
            tail += math.comb(scans, votes) * p**votes * (1 - p) ** (scans - votes)
            if tail > CHANCE:
                break
            votes -= 1
        needed.append(max(votes + 1, math.ceil(LEAST_SHARE * scans), 3))
    return np.array(needed)
