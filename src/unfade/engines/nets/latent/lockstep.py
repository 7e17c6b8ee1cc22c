"""Runs networks that normalise over the whole picture on a picture that is cut into tiles.

Between two normalisations a network looks only so far, so tiles with a halo compute it exactly
enough; each normalisation needs mean and variance over the whole picture. All tiles are
therefore brought to a normalisation, one after the other, and only then past it. What a tile
holds there is kept in memory, or on disk where that is more than was allowed; the numbers are
the same.

Sampling some tiles instead was tried and is of no use: with random weights, statistics over 144
windows of a photograph moved the result by 7 of 255 codes on average.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.engines.nets.latent.blocks import EPS, PictureNorm, Residual
from unfade.engines.nets.latent.mapping import PlainMapping, ScratchMapping
from unfade.engines.nets.latent.patch_attention import PatchAttention, PatchMapping

State = list[Tensor]  # the current map last; before it those that a later sum needs
Step = Callable[[State, Tensor], None]  # changes the state; the second is the tile's mask


class Norm:
    """The place of a normalisation among the steps."""


def steps_of(network: nn.Module) -> list[Step | Norm]:
    """A network of this folder as a row of steps on one tile, cut at its normalisations."""
    match network:
        case PictureNorm():
            return [Norm()]
        case nn.Sequential():
            return _all(network)
        case Residual():
            return [_keep, *steps_of(network.conv_block), _add]
        case PlainMapping():
            return steps_of(network.model)
        case ScratchMapping():
            block = network.NL

            def look(state: State, mask: Tensor) -> None:
                state.append(block.seen(state[-1], mask))

            def merge(state: State, mask: Tensor) -> None:
                filled = state.pop()
                state[-1] = block.merged(state[-1], filled, mask)

            before, after = steps_of(network.before_NL), steps_of(network.after_NL)
            return [*before, look, *steps_of(block.res_block), merge, *after]
        case PatchMapping():
            return _all(network.children())
        case PatchAttention():

            def combine(state: State, mask: Tensor) -> None:
                x = state.pop()
                state[-1] = network.combined(state[-1], x, mask)

            return [_keep, *steps_of(network.res_block), combine]
        case _:

            def compute(state: State, mask: Tensor) -> None:
                state[-1] = network(state[-1])

            return [compute]


@dataclass(frozen=True, slots=True)
class Piece:
    """One tile: how to get it, and which part of it no other tile covers.

    Attributes:
        load: gives the picture (1, 3, rows, cols) and the mask (1, 1, rows, cols)
        core: slices of rows and columns at the picture's scale
    """

    load: Callable[[], tuple[Tensor, Tensor]]
    core: tuple[slice, slice]


def run(
    networks: Sequence[nn.Module], pieces: Sequence[Piece], *, memory_bytes: int
) -> Iterator[Tensor | None]:
    """The networks, one after the other, over all tiles of one picture.

    Args:
        networks: chained
        memory_bytes: of tiles at a normalisation; what is more goes to a temporary folder
    Yields:
        None for each tile at each normalisation; at the last, each tile's result (1, 3, rows,
        cols), halo included, in the order of ``pieces``
    Cost:
        bytes kept = two maps of the mapping network, 256 bytes for each pixel of the tiles
    """
    stretches = _stretches([step for network in networks for step in steps_of(network)])
    moments: Moments | None = None
    with tempfile.TemporaryDirectory(prefix="unfade-") as folder:
        kept = Kept(Path(folder), memory_bytes)
        for number, stretch in enumerate(stretches):
            last = number == len(stretches) - 1
            seen = Moments()
            for i, piece in enumerate(pieces):
                picture, mask = piece.load()
                state = [picture] if number == 0 else kept.take(i, picture.device)
                if moments is not None:
                    state[-1] = moments.applied(state[-1])
                for step in stretch:
                    step(state, mask)
                if last:
                    yield state[-1]
                    continue
                seen.add(state[-1], piece.core, picture.shape[2])
                kept.put(i, state)
                yield None
            moments = seen


def passes(networks: Sequence[nn.Module]) -> int:
    """How often ``run`` goes over all tiles."""
    return len(_stretches([step for network in networks for step in steps_of(network)]))


class Moments:
    """Mean and variance of each channel, merged from parts.

    Source:
        Chan, Golub, LeVeque 1983, doi:10.1080/00031305.1983.10483115
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, x: Tensor, core: tuple[slice, slice], rows: int) -> None:
        """The core of a tile of ``rows`` picture rows; the map may be smaller by a whole factor."""
        shrink = rows // x.shape[2]
        inner = x[0, :, _shrunk(core[0], shrink), _shrunk(core[1], shrink)]
        count = inner.shape[1] * inner.shape[2]
        # merged in double precision, on the processor: not every device has it
        parts = torch.var_mean(inner, dim=(1, 2), correction=0)
        variance, mean = (part.cpu().double() for part in parts)
        total = self.count + count
        apart = mean - self.mean
        self.mean = self.mean + apart * (count / total)
        self.squares = self.squares + variance * count + apart**2 * (self.count * count / total)
        self.count = total

    def applied(self, x: Tensor) -> Tensor:
        assert isinstance(self.mean, Tensor)
        assert isinstance(self.squares, Tensor)
        mean, variance = (
            values.to(x.dtype).to(x.device) for values in (self.mean, self.squares / self.count)
        )
        return functional.batch_norm(x, mean, variance, eps=EPS)


class Kept:
    """The states of tiles between two passes: in memory up to a bound, beyond it in a folder."""

    def __init__(self, folder: Path, memory_bytes: int) -> None:
        self._folder = folder
        self._free = memory_bytes
        self._held: dict[int, list[np.ndarray]] = {}
        self._filed: dict[int, int] = {}

    def put(self, i: int, state: State) -> None:
        arrays = [tensor.cpu().numpy() for tensor in state]
        size = sum(array.nbytes for array in arrays)
        if size <= self._free:
            self._free -= size
            self._held[i] = arrays
            return
        self._filed[i] = len(arrays)
        for n, array in enumerate(arrays):
            np.save(self._folder / f"{i}-{n}.npy", array)

    def take(self, i: int, device: torch.device) -> State:
        if i in self._held:
            arrays = self._held.pop(i)
            self._free += sum(array.nbytes for array in arrays)
        else:
            arrays = [np.load(self._folder / f"{i}-{n}.npy") for n in range(self._filed.pop(i))]
        return [torch.from_numpy(array).to(device) for array in arrays]


def _all(networks: Iterable[nn.Module]) -> list[Step | Norm]:
    return [step for network in networks for step in steps_of(network)]


def _stretches(steps: Sequence[Step | Norm]) -> list[list[Step]]:
    """The steps between normalisations."""
    stretches: list[list[Step]] = [[]]
    for step in steps:
        if isinstance(step, Norm):
            stretches.append([])
        else:
            stretches[-1].append(step)
    return stretches


def _keep(state: State, mask: Tensor) -> None:
    state.append(state[-1])


def _add(state: State, mask: Tensor) -> None:
    inner = state.pop()
    state[-1] = state[-1] + inner


def _shrunk(part: slice, factor: int) -> slice:
    return slice(part.start // factor, -(-part.stop // factor))
