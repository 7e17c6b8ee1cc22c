"""Runs networks whose tiles do not quite agree: neighbours are blended over their common border.

A network that takes statistics of all it sees (NAFNet's pooled attention, FBCNN's estimate of the
quality) or attends to far pixels gives a slightly other result for each tile. The tiles then have
no seam that could be found by looking closer: each pixel near a border is a mean of the two (at
corners four) tiles that cover it, weighted by how far inside each it lies. The grid belongs to
the network's facts and starts at the picture's origin, so that bits do not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unfade.engines.tiled import Read, TiledMender
from unfade.picture import Pixels, Window
from unfade.pixels.tiles import Tile


class BlendedMender(TiledMender):
    """A ``Mender`` whose tiles are blended over ``facts.halo_px`` around their common borders.

    The outer half of each tile's halo is not used at all: there the network saw the border.
    """

    def _walk(self, read: Read, rows: int, cols: int) -> Iterator[tuple[Window, Pixels] | None]:
        """None for each piece of work; behind the last tile of a row the band that is ready."""
        scale = self.facts.scale
        ramp = self.facts.halo_px // 2
        total = np.zeros((0, cols * scale, 0), np.float32)
        top = 0  # first row of the picture that ``total`` holds
        for tile in self._tiles(rows, cols):
            pixels = read(tile.padded)
            tile_chw = self._as_chw(pixels)
            used = tile.core.grown(ramp, rows, cols)
            inside = used.within(tile.padded)
            seen = Window(inside[0].start, inside[1].start, inside[0].stop, inside[1].stop)
            result_chw = None
            for result_chw in self._stages(tile_chw, seen, self._runtime):
                if result_chw is None:
                    yield None
            assert result_chw is not None
            self._check(result_chw, tile.core, tile_chw)
            result = self._as_pixels(result_chw, pixels.shape[2])
            if not total.shape[2]:
                total = np.zeros((0, cols * scale, result.shape[2]), np.float32)
            more = (used.bottom - top) * scale - total.shape[0]
            if more > 0:
                total = np.pad(total, ((0, more), (0, 0), (0, 0)))
            where = Window(used.top - top, used.left, used.bottom - top, used.right).scaled(scale)
            total[where.slices] += result * _weight(tile, used, rows, cols, ramp, scale)
            if tile.core.right < cols:
                yield None
                continue
            bottom = rows if tile.core.bottom >= rows else tile.core.bottom - ramp
            ready = (bottom - top) * scale
            yield Window(top, 0, bottom, cols).scaled(scale), total[:ready].copy()
            total, top = total[ready:], bottom


def _weight(tile: Tile, used: Window, rows: int, cols: int, ramp: int, scale: int) -> np.ndarray:
    """(rows, cols, 1): 1 inside a tile, falling to 0 over ``2 * ramp`` around its borders.

    The weights of neighbours add up to 1.
    """
    down = _slope(used.top, used.bottom, tile.core.top, tile.core.bottom, rows, ramp, scale)
    across = _slope(used.left, used.right, tile.core.left, tile.core.right, cols, ramp, scale)
    weight: np.ndarray = (down[:, None] * across[None, :])[:, :, None]
    return weight


def _slope(
    start: int, stop: int, core_start: int, core_stop: int, whole: int, ramp: int, scale: int
) -> np.ndarray:
    at = (np.arange(start * scale, stop * scale, dtype=np.float32) + 0.5) / scale
    weight = np.ones(at.shape, np.float32)
    if core_start > 0 and ramp:
        weight *= np.clip((at - core_start + ramp) / (2 * ramp), 0, 1)
    if core_stop < whole and ramp:
        weight *= np.clip((core_stop + ramp - at) / (2 * ramp), 0, 1)
    return weight
