"""One stain seen in small: read with its surround, measured, and laid back at full size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.findings import Mark, paint
from unfade.picture import Mask, Picture, Window
from unfade.pixels.membrane import hang_membrane
from unfade.pixels.small import small_light
from unfade.steps.remove_stains.veil import estimate_veil

ACROSS_PX = 512  # a stain with its surround is measured at no more points than this
_LEAST_SURROUND_PX = 24
_LEAST_LIGHT = 1e-3  # density 3: below it a scan holds noise


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Density over a part of the picture, at a point for each block of pixels.

    Attributes:
        points: (rows, cols, channels) float32
        window: the part
        block_px: side of a block
        by_colour: how it was told
        standing_out: density of the middle of the place above a membrane over it
    """

    points: np.ndarray
    window: Window
    block_px: int
    by_colour: bool
    standing_out: float

    @property
    def densest(self) -> tuple[float, ...]:
        """Density to each channel's light that 2 % of the stained points exceed."""
        flat = self.points.reshape(-1, self.points.shape[2])
        stained = flat[np.abs(flat).max(axis=1) > 0]
        if not len(stained):
            return (0.0,) * flat.shape[1]
        return tuple(float(v) for v in np.quantile(stained, 0.98, axis=0))

    def density(self, window: Window) -> np.ndarray:
        """(rows, cols, channels) float32 over a window of the picture; 0 outside the part.

        Bilinear between the blocks' middles; a pixel has the same value in any window.
        """
        out = np.zeros((window.rows, window.cols, self.points.shape[2]), np.float32)
        both = window.overlap(self.window)
        if both is None:
            return out
        rows, row_share = self._between(both.top, both.bottom, self.window.top, 0)
        cols, col_share = self._between(both.left, both.right, self.window.left, 1)
        down, right = row_share[:, None, None], col_share[None, :, None]
        upper, lower = self.points[rows], self.points[rows + 1]
        above = upper[:, cols] * (1 - right) + upper[:, cols + 1] * right
        below = lower[:, cols] * (1 - right) + lower[:, cols + 1] * right
        out[both.within(window)] = above * (1 - down) + below * down
        return out

    def _between(
        self, first: int, last: int, origin: int, axis: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """For each pixel along an axis: the point before it, and how far it is to the next."""
        count = self.points.shape[axis]
        at = (np.arange(first, last, dtype=np.float64) - origin + 0.5) / self.block_px - 0.5
        at = np.clip(at, 0, count - 1)
        before = np.clip(np.floor(at), 0, max(count - 2, 0)).astype(np.int64)
        return before, (at - before).astype(np.float32)


def look_through(picture: Picture, mark: Mark, damage: Mask) -> Patch | None:
    """Measure what lies over one mark.

    Args:
        damage: (rows, cols) bool of the whole picture, the mark included
    Returns:
        the patch, or None where too little sound surround is left to tell by
    """
    core = mark.region.window
    margin = max(_LEAST_SURROUND_PX, max(core.rows, core.cols) // 2)
    window = core.grown(margin, picture.rows, picture.cols)
    block = -(-max(window.rows, window.cols) // ACROSS_PX)
    if min(window.rows, window.cols) < 2 * block:
        return None
    linear = small_light(picture, window, block)
    density = np.asarray(-np.log10(np.maximum(linear, np.float32(_LEAST_LIGHT))), np.float32)
    hole = _any(paint((mark,), window), block)
    other = _any(damage[window.slices], block) & ~hole
    veil = estimate_veil(density, hole, other)
    if veil is None:
        return None
    above = (density - hang_membrane(density, hole | other))[hole].max(axis=1)
    return Patch(veil.density, window, block, veil.by_colour, float(np.quantile(above, 0.6)))


def _any(mask: Mask, block: int) -> Mask:
    """Blocks of which any pixel belongs."""
    rows, cols = -(-mask.shape[0] // block), -(-mask.shape[1] // block)
    padded = np.zeros((rows * block, cols * block), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return np.asarray(padded.reshape(rows, block, cols, block).any(axis=(1, 3)))
