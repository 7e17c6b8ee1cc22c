"""Runs a network over pictures of any size: padding, tiles, stages, checks. Once, for all runtimes.

A picture that fits one tile is computed whole. A larger one is computed on a grid of tiles that
belongs to the network's facts, laid from the picture's origin, each read with a halo as wide as
the network looks; the tiles then agree with the whole and meet without a seam, so that nothing
is blended. Inside a tile the network's stages (see ``stages``) walk in small pieces: that bounds
memory and changes nothing. What is not needed for the tile's core is not computed: from stage to
stage the halo shrinks by what the stage looks. Tiles are
worked on beside each other, or, where they are too few, their pieces.

All numbers are float32. Tensors are (channels, rows, cols) and named ``..._chw``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Protocol

import numpy as np

from unfade.engines.contract import BenchView, ModelFacts, PlainBench
from unfade.engines.ordered import in_order
from unfade.engines.stages import Stage
from unfade.errors import PromiseBroken
from unfade.picture import Picture, Pixels, Window
from unfade.pixels.tiles import Grid, Tile

Read = Callable[[Window], np.ndarray]
# where in the tile, in its pixels, and (channels, rows, cols) float32 on a grid of its own
Map = tuple[Window, np.ndarray]


class Runtime(Protocol):
    """What opens a network and computes its stages, from array to array."""

    name: str
    device: str

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        """(channels, rows, cols) float32 for each input -> the same for each output."""
        ...

    def close(self) -> None: ...


def tiles_beside(facts: ModelFacts, threads: int, memory_bytes: int) -> int:
    """How many tiles of a network are worked on beside each other: as threads and memory allow."""
    each = facts.tile_px**2 * facts.bytes_per_pixel
    return max(1, min(threads, memory_bytes // each)) if each else 1


class TiledMender:
    """A network as a ``Mender``: pixels -> pixels, for any size, depth and channels.

    Args:
        facts: of the network; its stages must belong to the same network
        runtime: which has it open
        stages: what to compute, in order; the first reads the picture, the last makes the result
    """

    def __init__(self, facts: ModelFacts, runtime: Runtime, stages: Sequence[Stage]) -> None:
        self.facts = facts
        self.stages = tuple(stages)
        self._runtime = runtime
        core_px = facts.tile_px - 2 * facts.halo_px
        unit = facts.multiple_of
        if core_px < unit or core_px % unit or facts.halo_px % unit:
            raise ValueError(
                f"{facts.name}: tiles of {facts.tile_px} px with a halo of {facts.halo_px} px "
                f"leave no core that is a multiple of {unit}"
            )
        self._core_px = core_px

    @property
    def runtime(self) -> str:
        """Name and device, e.g. ``ncnn on cpu``: for the record."""
        return f"{self._runtime.name} on {self._runtime.device}"

    @property
    def notes(self) -> list[str]:
        """What the record must say about how it was run, e.g. that memory ran out."""
        return list(getattr(self._runtime, "notes", ()))

    def tuned(self, **dials: float) -> TiledMender:
        """The same network with its dials set; see ``Mender.tuned``."""
        unknown = sorted(set(dials).difference(self.facts.dials))
        if unknown:
            raise ValueError(f"{self.facts.name} has no dial `{unknown[0]}`: {self.facts.dials}")
        if not dials:
            return self
        tune = getattr(self._runtime, "tuned", None)  # runtimes without dials need not know them
        assert tune is not None, f"{self._runtime.name} has no dials"
        return type(self)(self.facts, tune(**dials), self.stages)

    def mend(self, pixels: Pixels) -> Pixels:
        """The whole of ``pixels``, tiled inside as the facts say.

        Args:
            pixels: (rows, cols, 1 or 3) float32; grey goes through a network for colour as three
                equal channels, and comes back as their mean
        Returns:
            (rows * scale, cols * scale, same channels) float32
        Raises:
            PromiseBroken: the network gave values that are no numbers
        """
        return self._assembled(Picture.of(pixels))

    def mend_tiles(self, picture: Picture, bench: BenchView) -> Iterator[tuple[Window, Pixels]]:
        """A large picture tile by tile, in raster order.

        The runtime has threads of its own, and says how many tiles it takes beside each other:
        here the bench counts, shows and cancels, piece by piece, and runs nothing beside.

        Cost:
            peak memory = facts.bytes_per_pixel for each pixel of the tiles beside each other
        """
        rows, cols = picture.rows, picture.cols
        walk = self._walk(picture.read, rows, cols)
        return self._shown(walk, self._tiles(rows, cols), picture, bench)

    def close(self) -> None:
        self._runtime.close()

    def _assembled(self, picture: Picture) -> Pixels:
        scale = self.facts.scale
        shape = (picture.rows * scale, picture.cols * scale, picture.channels)
        result = np.empty(shape, np.float32)
        for window, pixels in self.mend_tiles(picture, PlainBench()):
            result[window.slices] = pixels
        return result

    # -- tiles ------------------------------------------------------------------------------

    def _shown(
        self,
        walk: Iterator[tuple[Window, Pixels] | None],
        tiles: Iterable[Tile],
        picture: Picture,
        bench: BenchView,
    ) -> Iterator[tuple[Window, Pixels]]:
        """What a walk over these tiles yields, counted and shown by the bench."""
        area = min(picture.rows, self.facts.tile_px) * min(picture.cols, self.facts.tile_px)
        steps = bench.map(
            _as_it_is,
            walk,
            says=f"Running {self.facts.name}",
            total=sum(self._work(tile) for tile in tiles),
            bytes_each=area * self.facts.bytes_per_pixel,
        )
        for step in steps:
            if step is not None:
                yield step

    def _tiles(self, rows: int, cols: int) -> Iterator[Tile]:
        if self.facts.tiling == "whole" or max(rows, cols) <= self.facts.tile_px:
            whole = Window(0, 0, rows, cols)
            return iter((Tile(whole, whole),))
        return Grid(self._core_px, self.facts.halo_px).tiles(rows, cols)

    def _walk(self, read: Read, rows: int, cols: int) -> Iterator[tuple[Window, Pixels] | None]:
        """None for each piece of work that is done, and for each tile its result."""
        return self._each(read, self._tiles(rows, cols))

    def _each(self, read: Read, tiles: Iterable[Tile]) -> Iterator[tuple[Window, Pixels] | None]:
        tiles = list(tiles)
        beside = getattr(self._runtime, "beside", 1)
        if 1 < beside <= len(tiles):
            yield from self._beside(read, tiles, beside)
            return
        if beside > 1 and self.facts.piece_px:  # of fewer tiles their pieces
            with ThreadPoolExecutor(beside, thread_name_prefix=self.facts.name) as pool:
                for tile in tiles:
                    yield from self._one(tile, read(tile.padded), self._runtime, pool)
            return
        for tile in tiles:
            yield from self._one(tile, read(tile.padded), self._runtime)

    def _one(
        self,
        tile: Tile,
        pixels: np.ndarray,
        runtime: Runtime,
        pool: ThreadPoolExecutor | None = None,
    ) -> Iterator[tuple[Window, Pixels] | None]:
        tile_chw = self._as_chw(pixels)
        result_chw = None
        for result_chw in self._stages(tile_chw, self._core(tile), runtime, pool):
            if result_chw is None:
                yield None
        assert result_chw is not None
        self._check(result_chw, tile.core, tile_chw)
        yield tile.core.scaled(self.facts.scale), self._as_pixels(result_chw, pixels.shape[2])

    def _beside(
        self, read: Read, tiles: Sequence[Tile], beside: int
    ) -> Iterator[tuple[Window, Pixels] | None]:
        """As ``_each``, some tiles at once; read here, one after the other, and given in order."""
        runtime = self._runtime.shared()  # type: ignore[attr-defined]

        def job(tile: Tile) -> Callable[[], list[tuple[Window, Pixels] | None]]:
            pixels = read(tile.padded)
            return lambda: list(self._one(tile, pixels, runtime))

        with (
            ThreadPoolExecutor(beside, thread_name_prefix=self.facts.name) as pool,
            closing(in_order(pool, map(job, tiles), beside + 1)) as done,
        ):
            for steps in done:
                yield from steps

    def _as_chw(self, pixels: np.ndarray) -> np.ndarray:
        """Channels first, as many as the network takes; sides reflected to the sizes it takes."""
        facts = self.facts
        rows, cols, channels = pixels.shape
        if channels not in (1, facts.channels_in):
            raise ValueError(f"{facts.name} takes {facts.channels_in} channels, got {channels}")
        below, right = self._fitting(rows) - rows, self._fitting(cols) - cols
        if below or right:
            pixels = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="reflect")
        chw = np.moveaxis(pixels, 2, 0)
        if channels != facts.channels_in:
            chw = np.broadcast_to(chw, (facts.channels_in, *chw.shape[1:]))
        return np.ascontiguousarray(chw, np.float32)

    def _as_pixels(self, result_chw: np.ndarray, channels: int) -> Pixels:
        """Channels last, as many as the picture has; of a grey picture's colours the mean."""
        if channels == 1 and result_chw.shape[0] != 1:
            result_chw = result_chw.mean(0, keepdims=True, dtype=np.float32)
        return np.ascontiguousarray(np.moveaxis(result_chw, 0, 2), np.float32)

    def _fitting(self, side: int) -> int:
        """The next side that the network takes."""
        unit = self.facts.multiple_of
        return max(-(-self.facts.minimum_px // unit), -(-side // unit)) * unit

    def _core(self, tile: Tile) -> Window:
        """The tile's core in coordinates of the tile."""
        rows, cols = tile.inner
        return Window(rows.start, cols.start, rows.stop, cols.stop)

    def _check(self, result_chw: np.ndarray, core: Window, tile_chw: np.ndarray) -> None:
        where = (
            f"in the tile at row {core.top}, column {core.left} of {core.rows} x {core.cols} pixels"
        )
        low, high = float(result_chw.min()), float(result_chw.max())  # no number: both are none
        if not (math.isfinite(low) and math.isfinite(high)):
            raise PromiseBroken(
                f"`{self.facts.name}` ({self.runtime}) gave values that are no numbers {where}.",
                "Nothing was written. Try another `--device`, and report this with the picture.",
            )
        # networks without a bounded output are known to explode on pictures unlike their own
        largest = max(-low, high)
        if largest > 4 * max(1.0, -float(tile_chw.min()), float(tile_chw.max())):
            raise PromiseBroken(
                f"`{self.facts.name}` ({self.runtime}) gave values up to {largest:.1f} {where}, "
                "where the picture's own lie between 0 and 1.",
                "Nothing was written. This network does not suit this picture: use another method.",
            )

    # -- stages -----------------------------------------------------------------------------

    def _stages(
        self,
        tile_chw: np.ndarray,
        core: Window,
        runtime: Runtime,
        pool: ThreadPoolExecutor | None = None,
    ) -> Iterator[np.ndarray | None]:
        """None for each piece that was computed, at last the tile's result over ``core``.

        Args:
            pool: for pieces beside each other, each by one of its threads
        """
        rows, cols = tile_chw.shape[1:]
        maps: dict[str, Map] = {self.stages[0].inputs[0]: (Window(0, 0, rows, cols), tile_chw)}
        for i, (stage, need) in enumerate(self._needs(rows, cols, core)):
            made: list[np.ndarray] = []
            pieces = self._pieces(stage, need, rows, cols)
            for piece, parts in self._computed(stage, pieces, maps, rows, cols, runtime, pool):
                if len(pieces) == 1:
                    made = parts
                elif not made:
                    size = need.scaled(stage.scale)
                    made = [np.empty((len(p), size.rows, size.cols), np.float32) for p in parts]
                if len(pieces) > 1:
                    place = piece.scaled(stage.scale).within(need.scaled(stage.scale))
                    for whole, part in zip(made, parts):
                        whole[:, place[0], place[1]] = part
                yield None
            for name, array in zip(stage.outputs, made):
                maps[name] = need, array
            for name in set(maps).difference(*(later.inputs for later in self.stages[i + 1 :])):
                if name != self.stages[-1].outputs[0]:
                    del maps[name]  # nobody reads it any more
        window, result_chw = maps[self.stages[-1].outputs[0]]
        inside = core.scaled(self.facts.scale).within(window.scaled(self.facts.scale))
        yield result_chw[:, inside[0], inside[1]]

    def _computed(
        self, stage: Stage, pieces: Sequence[Window], maps: dict[str, Map], rows: int, cols: int,
        runtime: Runtime, pool: ThreadPoolExecutor | None,
    ) -> Iterator[tuple[Window, list[np.ndarray]]]:  # fmt: skip
        """Each piece and the stage's outputs over it, in order."""

        def compute(piece: Window, by: Runtime) -> tuple[Window, list[np.ndarray]]:
            look = self._aligned(piece.grown(stage.reach_px, rows, cols))
            outputs = by.run(stage, [_cut(*maps[b], look) for b in stage.inputs])
            inside = piece.scaled(stage.scale).within(look.scaled(stage.scale))
            return piece, [output[:, inside[0], inside[1]] for output in outputs]

        if pool is None or len(pieces) == 1:
            for piece in pieces:
                yield compute(piece, runtime)
            return
        shared, beside = runtime.shared(), runtime.beside  # type: ignore[attr-defined]
        jobs = (partial(compute, piece, shared) for piece in pieces)
        with closing(in_order(pool, jobs, beside + 1)) as done:
            yield from done

    def _needs(self, rows: int, cols: int, core: Window) -> list[tuple[Stage, Window]]:
        """Which window of the tile each stage must give, so that the last can give ``core``."""
        if not self.facts.piece_px:
            return [(stage, Window(0, 0, rows, cols)) for stage in self.stages]
        needs = [(self.stages[-1], self._aligned(core))]
        for stage in reversed(self.stages[:-1]):
            follower, window = needs[-1]
            needs.append((stage, self._aligned(window.grown(follower.reach_px, rows, cols))))
        return needs[::-1]

    def _aligned(self, window: Window) -> Window:
        """As little larger as lets each grid of the network begin and end there.

        The sides of a tile are multiples of it.
        """
        unit = self.facts.multiple_of
        return Window(
            window.top // unit * unit, window.left // unit * unit,
            -(-window.bottom // unit) * unit, -(-window.right // unit) * unit,
        )  # fmt: skip

    def _pieces(self, stage: Stage, need: Window, rows: int, cols: int) -> list[Window]:
        """``need`` in nearly equal pieces: smaller where the stage enlarges, larger on a grid
        coarser than every second pixel.

        A small tile has small maps and leaves room for larger pieces: up to 1.6 times the side
        it is computed in one.
        """
        side = self.facts.piece_px
        if 5 * max(rows, cols) <= 8 * side:
            side = max(rows, cols)
        if stage.scale > 1:
            side = -(-side // 2)
        if not side:
            return [need]
        unit = self.facts.multiple_of
        side = max(1, int(side / min(1, 2 * stage.scale)) // unit)
        return [
            Window(top * unit, left * unit, bottom * unit, right * unit)
            for top, bottom in pairwise(_cuts(need.top // unit, need.bottom // unit, side))
            for left, right in pairwise(_cuts(need.left // unit, need.right // unit, side))
        ]

    def _work(self, tile: Tile) -> int:
        """How many items ``_walk`` yields for this tile."""
        size = self._fitting(tile.padded.rows), self._fitting(tile.padded.cols)
        needs = self._needs(*size, self._core(tile))
        return 1 + sum(len(self._pieces(stage, need, *size)) for stage, need in needs)


def _cut(window: Window, array_chw: np.ndarray, look: Window) -> np.ndarray:
    grid = Fraction(array_chw.shape[1], window.rows)
    inside = look.scaled(grid).within(window.scaled(grid))
    return array_chw[:, inside[0], inside[1]]


def _cuts(start: int, stop: int, side: int) -> list[int]:
    """Both ends and the places between them that part it into equal lengths of ``side`` at most."""
    count = -(-(stop - start) // side)
    return [start + (stop - start) * i // count for i in range(count + 1)]


def _as_it_is(
    item: tuple[Window, Pixels] | None,
) -> tuple[Window, Pixels] | None:
    return item
