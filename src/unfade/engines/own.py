"""unfade's own networks: one input blob, one output blob, in ncnn's form and as ONNX.

They are written by ``unfade train export`` and come in five calls: pixels to pixels, a hole and
its surround to pixels, a grey picture to chroma, pixels to maps (what is where), and a small view
to a few numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView, ModelFacts, PlainBench
from unfade.engines.filling import WindowFiller
from unfade.engines.stages import Stage, plan_by_grid
from unfade.engines.tiled import Runtime, TiledMender, tiles_beside
from unfade.errors import ModelMissing, PromiseBroken
from unfade.picture import Picture, Pixels, Plane, Window
from unfade.pixels.colour import linear_to_lab, srgb_to_linear
from unfade.zoo.ncnn_weights import read_graph

ARCHITECTURE = "unfade"
INPUT, OUTPUT = "in0", "out0"
CHROMA_RANGE = 110.0  # of a* and b* in the network's numbers


class MapFinder(TiledMender):
    """pixels -> maps of what is where: (rows, cols, channels_out) float32, tiled as a mender is."""

    def find(self, pixels: Pixels) -> np.ndarray:
        """Maps of the whole of ``pixels``."""
        shape = (*pixels.shape[:2], self.facts.channels_out)
        result = np.empty(shape, np.float32)
        for window, maps in self.mend_tiles(Picture.of(pixels), PlainBench()):
            result[window.slices] = maps
        return result

    def find_tiles(
        self,
        picture: Picture,
        bench: BenchView,
        *,
        wanted: Callable[[Window], bool] = lambda window: True,
    ) -> Iterator[tuple[Window, np.ndarray]]:
        """Maps of a large picture tile by tile, in raster order.

        Args:
            wanted: which tiles; what a tile holds does not depend on the others
        """
        tiles = [tile for tile in self._tiles(picture.rows, picture.cols) if wanted(tile.core)]
        return self._shown(self._each(picture.read, tiles), tiles, picture, bench)

    def _check(self, result_chw: np.ndarray, core: Window, tile_chw: np.ndarray) -> None:
        # maps have a range of their own: only what is no number is wrong
        broken = not np.isfinite(result_chw).all()
        super()._check(result_chw if broken else tile_chw, core, tile_chw)

    def _as_pixels(self, result_chw: np.ndarray, channels: int) -> Pixels:
        return np.ascontiguousarray(np.moveaxis(result_chw, 0, 2), np.float32)


class _AtOnce:
    """A network that sees the whole of a small view, ``tile_px`` x ``tile_px``."""

    def __init__(self, facts: ModelFacts, runtime: Runtime) -> None:
        self.facts = facts
        self._runtime = runtime
        self._stage = Stage((INPUT,), (OUTPUT,), 0)
        self.notes: list[str] = []

    @property
    def runtime(self) -> str:
        return f"{self._runtime.name} on {self._runtime.device}"

    def close(self) -> None:
        self._runtime.close()


class Colourer(_AtOnce):
    """A grey picture -> a* and b*, as small as the pictures that it was trained on."""

    def colours(self, grey: Plane) -> np.ndarray:
        """(rows, cols) of sRGB values -> (rows, cols, 2) float32, CIELAB units."""
        import cv2

        side = self.facts.tile_px
        small = cv2.resize(grey.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
        lightness = linear_to_lab(srgb_to_linear(np.repeat(small[:, :, None], 3, axis=2)))[..., 0]
        seen = np.zeros((4, side, side), np.float32)  # lightness, a*, b* and where they are known
        seen[0] = lightness / 100 - 0.5
        ab_chw = self._runtime.run(self._stage, [seen])[0] * np.float32(CHROMA_RANGE)
        if not np.isfinite(ab_chw).all():
            raise PromiseBroken(
                f"`{self.facts.name}` ({self.runtime}) gave values that are no numbers.",
                "Nothing was written. Try another `--runtime`.",
            )
        ab = np.ascontiguousarray(np.moveaxis(ab_chw, 0, 2), np.float32)
        large = cv2.resize(ab, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(large, np.float32)


class Probe(_AtOnce):
    """A small view -> a few numbers about the picture."""

    def tell(self, view_chw: np.ndarray) -> np.ndarray:
        """(channels_in, tile_px, tile_px) float32 -> (channels_out,) float32."""
        side = self.facts.tile_px
        if view_chw.shape != (self.facts.channels_in, side, side):
            raise ValueError(f"{self.facts.name} takes {self.facts.channels_in} x {side} x {side}")
        return self._runtime.run(self._stage, [view_chw])[0].ravel()


class OnnxFile:
    """A network's own ONNX file in ONNX Runtime, as a ``Runtime`` of one stage."""

    name = "onnx"
    device = "cpu"

    def __init__(self, path: Path, *, device: str, threads: int) -> None:
        from unfade.engines.onnx_file import open_session

        self._session = open_session(path, device=device, threads=threads)

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        (found,) = self._session.run(None, {INPUT: np.asarray(maps[0], np.float32)[None]})
        return [np.asarray(found[0], np.float32)]

    def close(self) -> None:
        del self._session


class _Fill:
    """A runtime of one stage as the call of a fill."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.name, self.device = runtime.name, runtime.device
        self._stage = Stage((INPUT,), (OUTPUT,), 0)

    def fill(self, image_chw: np.ndarray, mask_chw: np.ndarray) -> np.ndarray:
        return self._runtime.run(self._stage, [np.concatenate((image_chw, mask_chw))])[0]

    def tuned(self, **dials: Any) -> _Fill:
        return self

    def close(self) -> None:
        self._runtime.close()


def open_own(
    facts: ModelFacts, files: dict[str, Path], *, device: str, runtime: str, threads: int,
    calls: int = 1, memory_bytes: int = 0,
) -> Any:  # fmt: skip
    """Open one of unfade's own networks by the shape of its call.

    Args:
        files: role -> path: ``param`` and ``bin`` for ncnn, ``onnx`` for ONNX Runtime
        memory_bytes: as many tiles are worked on beside each other as threads and this allow
    Raises:
        ModelMissing: the runtime has no file here
    """
    opened: Runtime
    if runtime == "onnx":
        if "onnx" not in files:
            raise ModelMissing(
                f"`{facts.name}` was not shipped as ONNX.", "Leave `--runtime` out, or use ncnn."
            )
        opened = OnnxFile(files["onnx"], device=device, threads=threads)
    else:
        from unfade.engines.ncnn import NcnnRuntime

        beside = tiles_beside(facts, threads, memory_bytes)
        opened = NcnnRuntime(files, device=device, threads=threads, calls=calls, beside=beside)
    stages: tuple[Stage, ...] = (Stage((INPUT,), (OUTPUT,), facts.halo_px, facts.scale),)
    if facts.piece_px and (opened.name, opened.device) == ("ncnn", "cpu"):
        stages = plan_by_grid(read_graph(files["param"]))
    else:  # pieces are for the processor's cache
        facts = replace(facts, piece_px=0)
    if facts.shape == "colour":
        return Colourer(facts, opened)
    if facts.shape == "fill":
        return WindowFiller(facts, _Fill(opened))
    if facts.shape == "find":
        if facts.tiling == "whole":
            return Probe(facts, opened)
        return MapFinder(facts, opened, stages)
    return TiledMender(facts, opened, stages)
