"""Tiles: how a large picture is walked in windows without the walk showing in the result.

A grid belongs to the treatment (or to a network's facts), never to the machine: it is laid from
the picture's origin with a fixed core, so the bits of a result depend neither on memory nor on
threads. Each tile has a *core*, which it writes, and is read with a *halo* around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unfade.picture import Window

CORE_PX = 512  # the grid of all classical steps: 512^2 x 3 float32 is 3 MB, kind to caches


@dataclass(frozen=True, slots=True)
class Tile:
    """One step of the walk: write ``core``, having read ``padded``."""

    core: Window
    padded: Window

    @property
    def inner(self) -> tuple[slice, slice]:
        """Slices of the core inside an array that covers ``padded``."""
        return self.core.within(self.padded)


@dataclass(frozen=True, slots=True)
class Grid:
    """Tiles of ``core_px`` with a halo, laid from the picture's origin.

    The halo is cut at the picture's edge; what to pad there is the reader's affair.
    """

    core_px: int = CORE_PX
    halo_px: int = 0

    def tiles(self, rows: int, cols: int) -> Iterator[Tile]:
        for top in range(0, rows, self.core_px):
            for left in range(0, cols, self.core_px):
                core = Window(
                    top, left, min(rows, top + self.core_px), min(cols, left + self.core_px)
                )
                yield Tile(core, core.grown(self.halo_px, rows, cols))

    def count(self, rows: int, cols: int) -> int:
        return -(-rows // self.core_px) * -(-cols // self.core_px)
