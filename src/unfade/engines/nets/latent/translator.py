"""Latent-space translation, opened: an old photograph of any size in, a clean one out.

The networks normalise over the whole picture, so a tile on its own would come out in another
tone. A picture larger than one tile is therefore translated in two passes: a sample of tiles,
spread over the picture, goes through all layers together and gives each layer's mean and
variance; with these fixed the network looks only so far, and tiles with a halo meet.

Attention looks for its sources inside a tile with its halo, not in the whole picture.

Source:
    Wan et al. 2020, arXiv:2004.09484; Wan et al. 2022, arXiv:2009.07047
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from torch import Tensor, nn

from unfade.engines.contract import BenchView, ModelFacts, PlainBench
from unfade.engines.nets.latent.blocks import Moments, given, pooled
from unfade.errors import PromiseBroken
from unfade.picture import Mask, Picture, Pixels, Window
from unfade.pixels.tiles import Grid, Tile

MODES = ("plain", "scratches", "hr")
MULTIPLE_OF = {"plain": 4, "scratches": 4, "hr": 32}
TILE_PX, HALO_PX = 768, 128
SAMPLE_PX, SAMPLES = 256, 16  # tiles of the first pass, over which statistics are taken
BYTES_PER_PIXEL = 3000
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
    """

    def __init__(self, networks: Networks, *, mode: str, device: str, facts: ModelFacts) -> None:
        self.facts = facts
        self.mode = mode
        self._networks: Networks | None = networks
        self._device = device
        self._lock = Lock()  # a layer's statistics stand in the network while a tile runs

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
        if self.mode == "plain":
            mask = None
        elif self.mode == "hr" and mask is not None:
            mask = _widened(mask, WIDENED_PX)
        tiles = list(self._tiles(picture.rows, picture.cols))
        moments = () if len(tiles) == 1 else self._moments(picture, mask)

        def work(tile: Tile) -> tuple[Window, Pixels]:
            result = self._run(picture, mask, [tile.padded], moments)[0]
            self._check(result, tile.core)
            return tile.core, np.ascontiguousarray(result[tile.inner])

        area = max(tile.padded.rows * tile.padded.cols for tile in tiles)
        yield from bench.map(
            work,
            tiles,
            says=f"Running {self.facts.name}",
            total=len(tiles),
            bytes_each=area * self.facts.bytes_per_pixel,
        )

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

    def _moments(self, picture: Picture, mask: Mask | None) -> Sequence[Moments]:
        """Mean and variance of each layer over a sample of the whole picture."""
        windows = sample_windows(picture.rows, picture.cols, MULTIPLE_OF[self.mode])
        with self._lock, pooled(*self._opened().all) as moments:
            self._forward(picture, mask, windows)
        return moments

    def _run(
        self,
        picture: Picture,
        mask: Mask | None,
        windows: Sequence[Window],
        moments: Sequence[Moments],
    ) -> list[Pixels]:
        networks = self._opened()
        if not moments:
            return self._forward(picture, mask, windows)
        with self._lock, given(moments, *networks.all):
            return self._forward(picture, mask, windows)

    def _forward(
        self, picture: Picture, mask: Mask | None, windows: Sequence[Window]
    ) -> list[Pixels]:
        """Windows of one size through the networks, as pixels again."""
        unit = MULTIPLE_OF[self.mode]
        pictures, masks = [], []
        for window in windows:
            pixels = picture.read(window)
            hole = np.zeros(pixels.shape[:2], bool) if mask is None else mask[window.slices]
            fitted, hole = _fitted(pixels, hole, unit)
            pictures.append(_as_chw(fitted, hole))
            masks.append(hole[None].astype(np.float32))
        batch = torch.from_numpy(np.stack(pictures)).to(self._device)
        holes = torch.from_numpy(np.stack(masks)).to(self._device)
        with torch.inference_mode():
            results = self._opened()(batch, holes).float().cpu().numpy()
        size = slice(windows[0].rows), slice(windows[0].cols)
        return [_as_pixels(chw[:, size[0], size[1]], picture.channels) for chw in results]

    def _opened(self) -> Networks:
        if self._networks is None:
            raise ValueError(f"{self.facts.name} has been closed")
        return self._networks

    def _check(self, pixels: Pixels, core: Window) -> None:
        if not np.isfinite(pixels).all():
            raise PromiseBroken(
                f"`{self.facts.name}` ({self.runtime}) gave values that are no numbers in the tile "
                f"at row {core.top}, column {core.left}.",
                "Nothing was written. Try another `--device`.",
            )


def sample_windows(rows: int, cols: int, unit: int) -> list[Window]:
    """Up to ``SAMPLES`` windows of one size, spread evenly, for a picture of any size.

    Their sides are multiples of ``unit`` wherever the picture allows it, so that nothing is padded
    into the statistics.
    """
    tall = max(min(SAMPLE_PX, rows) // unit * unit, 1)
    wide = max(min(SAMPLE_PX, cols) // unit * unit, 1)
    by_row = min(max(round((SAMPLES * rows / cols) ** 0.5), 1), SAMPLES, -(-rows // tall))
    by_col = min(SAMPLES // by_row, -(-cols // wide))
    tops = np.linspace(0, rows - tall, by_row).round().astype(int)
    lefts = np.linspace(0, cols - wide, by_col).round().astype(int)
    return [
        Window(int(top), int(left), int(top) + tall, int(left) + wide)
        for top in tops
        for left in lefts
    ]


def _fitted(pixels: Pixels, hole: Mask, unit: int) -> tuple[Pixels, Mask]:
    """Both reflected at the bottom and right up to the sizes that the networks take."""
    rows, cols = hole.shape
    below, right = -rows % unit, -cols % unit
    # below a few pixels the networks' own reflected borders have nothing to reflect
    below += unit * -(-max(0, 8 - rows - below) // unit)
    right += unit * -(-max(0, 8 - cols - right) // unit)
    if not (below or right):
        return pixels, hole
    return (
        np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="reflect"),
        np.pad(hole, ((0, below), (0, right)), mode="reflect"),
    )


def _as_chw(pixels: Pixels, hole: Mask) -> np.ndarray:
    """(3, rows, cols) in [-1, 1], white where the mask holds."""
    shown = np.where(hole[:, :, None], np.float32(1), np.clip(pixels, 0, 1)) * 2 - 1
    chw = np.moveaxis(np.broadcast_to(shown, (*hole.shape, 3)), 2, 0)
    return np.ascontiguousarray(chw, np.float32)


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
