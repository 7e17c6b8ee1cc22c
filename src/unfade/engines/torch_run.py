"""Runs networks with PyTorch: on processors, NVIDIA's and Apple's GPUs, from array to array.

What all of PyTorch's networks share: the device, the number format, the memory layout
(channels-last, which its convolutions are fastest in) and what is done when memory runs out.

When memory runs out, the same tile of the same grid is computed in smaller pieces, each read as
far around as the network looks, and the pieces are put together: the result is that of the whole
tile within the rounding of float32 (``tests/engines/test_torch.py`` bounds it), and ``notes``
says that it happened. A network that looks at the whole tile at once cannot be cut like that: then
it is an error, never another result.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from unfade.engines.stages import Stage
from unfade.engines.torch_door import device_of, open_torch
from unfade.errors import OutOfResources, UsageError
from unfade.picture import Window

LEAST_PIECE_PX = 8  # core of the smallest piece that is tried before giving up
HALF_BOUND = 2.0 / 255  # how far half precision may lie from float32 on the probe

Compute = Callable[[Stage, Sequence[Any]], Sequence[Any]]  # (1, c, rows, cols) tensors -> the same


class TorchRuntime(ABC):
    """A network opened in PyTorch, as ``unfade.engines.tiled`` knows runtimes.

    Args:
        device: see ``unfade.engines.torch_door.device_of``
        threads: processor threads of one call
        precision: ``float32``, or ``half`` (float16, on CUDA alone, and only if the network
            passes ``check_half``)
        unit_px: pieces are laid on multiples of this
        cuttable: whether a stage may be computed in pieces that overlap by ``stage.reach_px``
    Raises:
        UsageError: the device or the precision is not to be had; another is never taken instead
    """

    name = "torch"

    def __init__(
        self,
        *,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "float32",
        unit_px: int = 1,
        cuttable: bool = True,
    ) -> None:
        self._torch: Any = open_torch(to="run this network")
        self._device = device_of(device)
        self._threads = threads
        self._unit = unit_px
        self._cuttable = cuttable
        self._layout = self._torch.channels_last  # of what goes in, and of weights
        self._lock = threading.Lock()
        self._sides: dict[Stage, int] = {}  # largest side of a piece that found room
        self.notes: list[str] = []
        if precision not in ("float32", "half"):
            raise UsageError(
                f"There is no precision `{precision}`.", "Known: `float32` and `half`."
            )
        if precision == "half" and self._device.type != "cuda":
            raise UsageError(
                f"Half precision was asked for on `{self._device}`, where it is slower than "
                "float32 or not exact enough.",
                "Use it with `--device cuda`, or leave `--precision` out.",
            )
        self.half = precision == "half"
        self.dtype = self._torch.float16 if self.half else self._torch.float32
        # for the record
        self.device = f"{self._device}, half precision" if self.half else str(self._device)

    @abstractmethod
    def compute(self, stage: Stage, batches: Sequence[Any]) -> Sequence[Any]:
        """The stage on tensors (1, channels, rows, cols); each network's own."""

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Compute one stage; in pieces when the memory of the device is too small for it whole.

        Args:
            maps: one (channels, rows, cols) float32 array for each of the stage's inputs
        Returns:
            one such array for each of the stage's outputs, fresh
        Raises:
            OutOfResources: not even the smallest piece found room, or it cannot be cut
        """
        rows, cols = maps[0].shape[1:]
        with self._lock:
            while True:
                side = self._sides.get(stage, max(rows, cols))
                try:
                    if side >= max(rows, cols):
                        return self._whole(stage, maps)
                    return self._in_pieces(stage, maps, side)
                except Exception as error:
                    if not self._is_memory(error):
                        raise
                self._free()
                self._sides[stage] = self._smaller(stage, min(side, max(rows, cols)))

    def close(self) -> None:
        self._free()

    # -- one call ---------------------------------------------------------------------------

    def _whole(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        torch = self._torch
        if self._device.type == "cpu":
            torch.set_num_threads(self._threads)
        with torch.inference_mode():
            batches = [self._on_device(m) for m in maps]
            results = self.compute(stage, batches)
            del batches
            return [self._as_array(result) for result in results]

    def _on_device(self, array_chw: np.ndarray) -> Any:
        tensor = self._torch.from_numpy(np.ascontiguousarray(array_chw, np.float32))[None]
        return tensor.to(self._device, self.dtype, memory_format=self._layout, copy=True)

    def _as_array(self, batch_nchw: Any) -> np.ndarray:
        plain = batch_nchw[0].to("cpu", self._torch.float32).contiguous()
        return np.array(plain.numpy(), np.float32)

    # -- when memory runs out ---------------------------------------------------------------

    def _is_memory(self, error: Exception) -> bool:
        if isinstance(error, (self._torch.OutOfMemoryError, MemoryError)):
            return True
        words = str(error).lower()
        return isinstance(error, RuntimeError) and (
            "out of memory" in words or "can't allocate memory" in words
        )

    def _free(self) -> None:
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()
        elif self._device.type == "mps":
            self._torch.mps.empty_cache()

    def _smaller(self, stage: Stage, side: int) -> int:
        """The next side to try after one that found no room."""
        smaller = side * 3 // 4 // self._unit * self._unit
        if not self._cuttable or self._core(stage, smaller) < max(self._unit, LEAST_PIECE_PX):
            raise OutOfResources(
                f"The memory of `{self._device}` is too small for {side} x {side} pixels of this "
                "network, which cannot be computed in smaller pieces.",
                "Close other programs, use `--device cpu`, or choose a smaller network.",
            )
        note = f"Memory ran out on {self._device}; computed in pieces of {smaller} px."
        self.notes[:] = [n for n in self.notes if not n.startswith("Memory ran out")] + [note]
        return smaller

    def _margin(self, stage: Stage) -> int:
        return -(-stage.reach_px // self._unit) * self._unit

    def _core(self, stage: Stage, side: int) -> int:
        return (side - 2 * self._margin(stage)) // self._unit * self._unit

    def _in_pieces(self, stage: Stage, maps: Sequence[np.ndarray], side: int) -> list[np.ndarray]:
        rows, cols = maps[0].shape[1:]
        whole: list[np.ndarray] = []
        for core in _cores(rows, cols, self._core(stage, side)):
            look = core.grown(self._margin(stage), rows, cols)
            parts = self._whole(stage, [m[:, look.slices[0], look.slices[1]] for m in maps])
            inside = core.scaled(stage.scale).within(look.scaled(stage.scale))
            place = core.scaled(stage.scale).slices
            if not whole:
                size = rows * stage.scale, cols * stage.scale
                whole = [np.empty((len(part), *size), np.float32) for part in parts]
            for out, part in zip(whole, parts, strict=True):
                out[:, place[0], place[1]] = part[:, inside[0], inside[1]]
        return whole


def _cores(rows: int, cols: int, side: int) -> Iterator[Window]:
    for top in range(0, rows, side):
        for left in range(0, cols, side):
            yield Window(top, left, min(rows, top + side), min(cols, left + side))


def check_half(runtime: TorchRuntime, exact: TorchRuntime, stage: Stage, unit_px: int) -> None:
    """Refuse half precision for a network that it carries too far from float32.

    Both runtimes compute one fixed picture of slopes, edges and grain.

    Raises:
        UsageError: they differ by more than ``HALF_BOUND``; the difference is named
    """
    probe = probe_picture(-(-128 // unit_px) * unit_px, 3)
    half, full = (r.run(stage, [probe])[0] for r in (runtime, exact))
    largest = float(np.abs(half - full).max())
    if not largest <= HALF_BOUND:  # a result that is no number is refused too
        raise UsageError(
            f"Half precision takes this network {largest * 255:.1f}/255 away from float32; "
            f"{HALF_BOUND * 255:.0f}/255 is allowed.",
            "Leave `--precision half` out for it.",
        )


def probe_picture(side_px: int, channels: int) -> np.ndarray:
    """A fixed test picture (channels, side, side): slopes, hard edges, fine lines, grain."""
    rng = np.random.default_rng(20201)
    y, x = np.mgrid[0:side_px, 0:side_px] / max(side_px - 1, 1)
    base = np.stack([0.2 + 0.6 * x, 0.3 + 0.4 * y, 0.8 - 0.5 * x * y])
    base[:, (x - 0.5) ** 2 + (y - 0.45) ** 2 < 0.06] += 0.25
    base[:, ((x * side_px) // 3 % 2 == 0) & (y > 0.75)] *= 0.7
    base += rng.normal(0, 0.03, base.shape)
    planes = [base[c % 3] for c in range(channels)]
    return np.clip(np.stack(planes), 0, 1).astype(np.float32)
