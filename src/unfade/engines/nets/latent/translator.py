"""Latent-space translation, opened: an old photograph of any size in, a clean one out.

The networks normalise over the whole picture, so a tile on its own would come out in another
tone. The tiles of a picture that is larger than one go through the layers in lockstep (see
``lockstep``): every normalisation uses the statistics of the whole picture.

Attention looks for its sources inside a tile with its halo, not in the whole picture.

Source:
    Wan et al. 2020, arXiv:2004.09484; Wan et al. 2022, arXiv:2009.07047
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from unfade.engines.contract import BenchView, ModelFacts, PlainBench
from unfade.engines.nets.latent.lockstep import Piece, passes, run
from unfade.errors import PromiseBroken
from unfade.picture import Mask, Picture, Pixels, Window
from unfade.pixels.tiles import Grid, Tile

MODES = ("plain", "scratches", "hr")
MULTIPLE_OF = {"plain": 4, "scratches": 4, "hr": 32}
TILE_PX, HALO_PX = 768, 96
MEMORY_BYTES = 2_000_000_000
BYTES_PER_PIXEL = 3000
_END: Final = object()
WIDENED_PX = 3  # hr: the mask is widened this often by one pixel before it is used


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """The three that are chained: encoder of old, mapping, decoder of clean photographs."""

    encoder: nn.Module
    mapping: nn.Module
    decoder: nn.Module

    @property
    def all(self) -> tuple[nn.Module, ...]:
        return self.encoder, self.mapping, self.decoder

    def __call__(self, pictures: Tensor, masks: Tensor) -> Tensor:
        """(batch, 3, rows, cols) in [-1, 1] and (batch, 1, rows, cols) -> the same as the first."""
        return self.decoder(self.mapping(self.encoder(pictures), masks))  # type: ignore[no-any-return]


class Translator:
    """One mode of the latent networks, on one device.

    Args:
        networks: with their weights, in evaluation, on ``device``
        mode: one of ``MODES``
        facts: what the record says about it; its tile and halo are the grid's
        memory_bytes: for the maps of tiles between two passes; more goes to a temporary folder
    """

    def __init__(
        self,
        networks: Networks,
        *,
        mode: str,
        device: str,
        facts: ModelFacts,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.facts = facts
        self.mode = mode
        self.memory_bytes = memory_bytes
        self._networks: Networks | None = networks
        self._device = device

    @property
    def runtime(self) -> str:
        return f"torch on {self._device}"

    def mend(self, pixels: Pixels) -> Pixels:
        """The whole of ``pixels``, nothing of it scratched."""
        return self._assembled(pixels, None)

    def fill(self, pixels: Pixels, mask: Mask) -> Pixels:
        """The whole of ``pixels``; what lies under the mask is not looked at."""
        return self._assembled(pixels, mask)

    def translate(
        self, picture: Picture, mask: Mask | None, bench: BenchView
    ) -> Iterator[tuple[Window, Pixels]]:
        """A picture translated tile by tile, in windows that tile it, in raster order.

        Args:
            mask: (rows, cols) bool, True = scratch; None: nowhere. The plain mode looks at none
        Yields:
            a window and its pixels, float32 0-1, in as many channels as the picture has
        Raises:
            PromiseBroken: the networks gave values that are no numbers
        """
        if self._networks is None:
            raise ValueError(f"{self.facts.name} has been closed")
        networks = self._networks.all
        if self.mode == "plain":
            mask = None
        elif self.mode == "hr" and mask is not None:
            mask = _widened(mask, WIDENED_PX)
        fitted = _Fitted(picture, mask, MULTIPLE_OF[self.mode], self._device)
        tiles = list(self._tiles(fitted.rows, fitted.cols))
        rounds = 1 if len(tiles) == 1 else passes(networks)
        area = max(tile.padded.rows * tile.padded.cols for tile in tiles)
        for tile, result in bench.map(
            _as_it_is,
            self._walk(self._networks, fitted, tiles),
            says=f"Running {self.facts.name}",
            total=rounds * len(tiles),
            bytes_each=area * self.facts.bytes_per_pixel,
        ):
            core = tile.core.overlap(picture.window)
            if result is None or core is None:
                continue
            inner = core.within(tile.padded)
            pixels = _as_pixels(result[0, :, inner[0], inner[1]], picture.channels)
            self._check(pixels, core)
            yield core, pixels

    def _walk(
        self, networks: Networks, fitted: _Fitted, tiles: Sequence[Tile]
    ) -> Iterator[tuple[Tile, np.ndarray | None]]:
        """None for each tile on its way, and each tile's result (1, 3, rows, cols) at the end."""
        if len(tiles) == 1:
            with torch.inference_mode():
                yield tiles[0], networks(*fitted.load(tiles[0].padded)).float().cpu().numpy()
            return
        pieces = [Piece(partial(fitted.load, tile.padded), tile.inner) for tile in tiles]
        states = run(networks.all, pieces, memory_bytes=self.memory_bytes)
        for n in count():
            with torch.inference_mode():  # never held across a yield: it belongs to the thread
                state = next(states, _END)
            if state is _END:
                return
            tile = tiles[n % len(tiles)]
            yield tile, state.float().cpu().numpy() if isinstance(state, Tensor) else None

    def close(self) -> None:
        self._networks = None

    def _assembled(self, pixels: Pixels, mask: Mask | None) -> Pixels:
        result = np.empty_like(pixels)
        for window, part in self.translate(Picture.of(pixels), mask, PlainBench()):
            result[window.slices] = part
        return result

    def _tiles(self, rows: int, cols: int) -> Iterator[Tile]:
        if rows * cols <= self.facts.tile_px**2:
            whole = Window(0, 0, rows, cols)
            return iter((Tile(whole, whole),))
        core = self.facts.tile_px - 2 * self.facts.halo_px
        return Grid(core, self.facts.halo_px).tiles(rows, cols)

    def _check(self, pixels: Pixels, core: Window) -> None:
        if not np.isfinite(pixels).all():
            raise PromiseBroken(
                f"`{self.facts.name}` ({self.runtime}) gave values that are no numbers in the tile "
                f"at row {core.top}, column {core.left}.",
                "Nothing was written. Try another `--device`.",
            )


class _Fitted:
    """A picture as large as the networks need it: reflected at the bottom and at the right."""

    def __init__(self, picture: Picture, mask: Mask | None, unit: int, device: str) -> None:
        self._picture, self._mask, self._device = picture, mask, device
        # below eight pixels the networks' own reflected borders have nothing to reflect
        self.rows = max(-(-picture.rows // unit), -(-8 // unit)) * unit
        self.cols = max(-(-picture.cols // unit), -(-8 // unit)) * unit

    def load(self, window: Window) -> tuple[Tensor, Tensor]:
        """(1, 3, rows, cols) in [-1, 1], white where the mask holds, and (1, 1, rows, cols)."""
        picture = self._picture
        known = _with_source(window, picture.rows, picture.cols)
        pixels = np.clip(picture.read(known), 0, 1)
        hole = np.zeros(pixels.shape[:2], bool)
        if self._mask is not None:
            hole = self._mask[known.slices]
        shown = np.where(hole[:, :, None], np.float32(1), pixels) * 2 - 1
        margins = (0, window.bottom - known.bottom), (0, window.right - known.right)
        shown = np.pad(shown, (*margins, (0, 0)), mode="reflect")
        hole = np.pad(hole, margins, mode="reflect")
        place = slice(window.top - known.top, None), slice(window.left - known.left, None)
        shown, hole = shown[place], hole[place]
        chw = np.moveaxis(np.broadcast_to(shown, (*hole.shape, 3)), 2, 0)[None]
        return (
            torch.from_numpy(np.ascontiguousarray(chw, np.float32)).to(self._device),
            torch.from_numpy(hole[None, None].astype(np.float32)).to(self._device),
        )


def _with_source(window: Window, rows: int, cols: int) -> Window:
    """The part of a window that lies in the picture, grown by what its reflection needs."""
    below, right = max(0, window.bottom - rows), max(0, window.right - cols)
    return Window(
        min(window.top, max(0, rows - 1 - below)),
        min(window.left, max(0, cols - 1 - right)),
        min(window.bottom, rows),
        min(window.right, cols),
    )


def _as_it_is(
    item: tuple[Tile, np.ndarray | None],
) -> tuple[Tile, np.ndarray | None]:
    return item


def _as_pixels(chw: np.ndarray, channels: int) -> Pixels:
    """From [-1, 1] to 0-1, without the published script's stretch to the full range."""
    pixels = np.clip((np.moveaxis(chw, 0, 2) + 1) / 2, 0, 1)
    if channels == 1:
        pixels = pixels.mean(axis=2, keepdims=True)
    return np.ascontiguousarray(pixels, np.float32)


def _widened(mask: Mask, times: int) -> Mask:
    """Grown by one pixel in all eight directions, several times."""
    import cv2

    grown = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=times)
    return np.asarray(grown, bool)
