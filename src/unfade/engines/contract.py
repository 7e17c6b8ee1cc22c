"""The engine boundary: what a network is, seen from outside.

Five call shapes, told apart by what goes in and what comes out. Steps and finders know this
module and no other of ``engines``. All arrays are pixels under the picture's contract (float32,
rows x cols x channels, 0-1); tensors live behind the boundary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from unfade.picture import Mask, Picture, Pixels, Plane, Window

Shape = Literal["mend", "fill", "find", "mend_frames", "colour"]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known about a network. Declared facts are measured by the contract tests.

    Attributes:
        scale: output pixels for each input pixel along a side
        multiple_of: sides of what it is given must be multiples of this
        minimum_px: smallest side that it takes
        halo_px: how far a pixel looks, so that a tile agrees with the whole within 1/255
        tile_px: side of the tiles of its grid, halo included; the grid is part of the facts,
            so that bits do not depend on the machine's memory
        reach_px: how far a pixel looks to the last bit that counts, so that a tile may be cut
            into pieces when memory is short; 0 where that is not known or has no end
        piece_px: side of the pieces in which a tile's stages are computed, which bounds memory
            and costs no exactness; 0 where a tile is computed in one go
        tiling: "yes" where tiles agree with the whole; "blend" where they do not quite (global
            statistics, attention) and neighbours are blended over the halo; "whole" where the
            network takes nothing but the whole
        dials: names of numbers that it can be told, e.g. ``sigma``; see ``Mender.tuned``
        alignment: networks for faces: where in their square eyes, nose and mouth belong, by the
            name of a template in ``unfade.steps.restore_faces.aligned``; empty: FFHQ's
        begins_with: networks that fill holes: the classical fill, by its name, whose result they
            are given and improve on; empty: they see the hole blank
        bytes_per_pixel: peak memory for each pixel of a tile that it is given
    """

    name: str
    shape: Shape
    sha256: str
    licence: str
    paper: str
    channels_in: int = 3
    channels_out: int = 3
    scale: int = 1
    multiple_of: int = 1
    minimum_px: int = 1
    halo_px: int = 0
    reach_px: int = 0
    tile_px: int = 256
    piece_px: int = 0
    tiling: Literal["yes", "blend", "whole"] = "yes"
    dials: tuple[str, ...] = ()
    alignment: str = ""
    begins_with: str = ""
    evidence: int = 2
    bytes_per_pixel: int = 0


class Mender(Protocol):
    """pixels -> pixels."""

    facts: ModelFacts
    runtime: str
    notes: Sequence[str]  # what the record must say about how it was run

    def mend(self, pixels: Pixels) -> Pixels:
        """The whole of ``pixels``, tiled inside as the facts say."""
        ...

    def tuned(self, **dials: float) -> Mender:
        """The same network with its dials set, e.g. ``sigma=0.06``; the weights are shared.

        Raises:
            ValueError: it has no such dial
        """
        ...

    def mend_tiles(self, picture: Picture, bench: BenchView) -> Iterator[tuple[Window, Pixels]]:
        """A large picture piece by piece: windows of the *output*, which tile it exactly.

        They come in raster order: rows of windows from the top, each from left to right.
        """
        ...


class Filler(Protocol):
    """pixels + mask -> pixels."""

    facts: ModelFacts
    runtime: str
    notes: Sequence[str]

    def fill(self, pixels: Pixels, mask: Mask) -> Pixels:
        """Fill a hole from its surround.

        Args:
            pixels: (rows, cols, 1 or 3) float32; what lies under the mask is not looked at
            mask: (rows, cols) bool, True = fill
        Returns:
            float32 like ``pixels``, bit-identical outside the mask
        """
        ...

    def tuned(self, **dials: Any) -> Filler:
        """The same network with its dials set, e.g. ``seed=3``; the weights are shared."""
        ...


class Translator(Protocol):
    """pixels + mask -> all pixels anew, tile by tile; for networks that remake a whole picture."""

    facts: ModelFacts

    @property
    def runtime(self) -> str: ...

    def translate(
        self, picture: Picture, mask: Mask | None, bench: BenchView
    ) -> Iterator[tuple[Window, Pixels]]:
        """Windows that tile the picture exactly, with their pixels; the mask is scratches."""
        ...


class ScratchFinder(Protocol):
    """pixels -> mask."""

    facts: ModelFacts

    def find(self, pixels: Pixels, *, short_sides_px: tuple[int, ...] = ()) -> Mask:
        """True where there is a scratch; looked for at these sizes of the picture's short side."""
        ...


class Colorizer(Protocol):
    """grey plane -> colour planes."""

    facts: ModelFacts

    @property
    def runtime(self) -> str: ...

    def colours(self, grey: Plane) -> np.ndarray:
        """(rows, cols) of sRGB values, sides as ``facts.multiple_of`` -> (rows, cols, 2) a*, b*."""
        ...


class BenchView(Protocol):
    """What a step or finder may ask of the bench: order, progress, cancel, an opened engine."""

    def map(
        self,
        work: Callable[[T], R],
        tasks: Iterable[T],
        *,
        says: str,
        total: int,
        bytes_each: int = 0,
    ) -> Iterator[R]:
        """Results in the order of ``tasks``, worked on by the bench's threads.

        No more tasks are under way than threads and memory allow; progress and cancel are
        handled between tasks. ``bytes_each`` is the peak memory of one task.
        """
        ...

    def engine(self, name: str) -> Any:
        """The opened network of this catalogue name.

        Raises:
            ModelMissing: its weights or its runtime are not here
        """
        ...


class PlainBench:
    """One thread, no progress, no networks: for notebooks and tests."""

    def map(
        self,
        work: Callable[[T], R],
        tasks: Iterable[T],
        *,
        says: str,
        total: int,
        bytes_each: int = 0,
    ) -> Iterator[R]:
        return (work(task) for task in tasks)

    def engine(self, name: str) -> Any:
        from unfade.errors import ModelMissing

        raise ModelMissing(
            f"The network `{name}` was asked for on a bench without networks.",
            "Open a bench with `unfade.engines.bench.Bench()`.",
        )


class WithoutNetworks(PlainBench):
    """Another bench, whose networks are not here: for work that was asked to do without."""

    def __init__(self, bench: BenchView) -> None:
        self.map = bench.map  # type: ignore[method-assign]
