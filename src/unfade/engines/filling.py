"""Networks that fill holes: sides, channels, ranges and the promise outside the mask, once.

A fill network sees a window around a hole and gives the window back. Here the window is padded to
the sides that the network takes, a grey picture goes through as three equal channels, a window
that is larger than the network was made for is filled in small and enlarged, and whatever the
network gave outside the mask is put aside: those pixels come back bit-identical.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from unfade.engines.contract import ModelFacts
from unfade.errors import PromiseBroken
from unfade.picture import Mask, Pixels
from unfade.pixels.masks import check_hole
from unfade.pixels.resample import box_mean, enlarge_lanczos

FillCall = Callable[[np.ndarray, np.ndarray], np.ndarray]


class FillRuntime(Protocol):
    """What computes a fill: (channels, rows, cols) and (1, rows, cols) float32, 1 = fill."""

    name: str
    device: str

    def fill(self, image_chw: np.ndarray, mask_chw: np.ndarray) -> np.ndarray:
        """(channels, rows, cols) float32 over the whole window."""
        ...

    def tuned(self, **dials: Any) -> FillRuntime: ...

    def close(self) -> None: ...


class WindowFiller:
    """A network as a ``Filler``: pixels and mask -> pixels, for any size and channels.

    Args:
        facts: of the network; ``tile_px`` is the largest window that it fills at full size,
            ``tiling`` "whole" says that it takes nothing but squares of ``multiple_of``
        runtime: which has it open
    """

    def __init__(self, facts: ModelFacts, runtime: FillRuntime) -> None:
        self.facts = facts
        self._runtime = runtime

    @property
    def runtime(self) -> str:
        """Name and device, for the record."""
        return f"{self._runtime.name} on {self._runtime.device}"

    @property
    def notes(self) -> Sequence[str]:
        """What the record must say about how it was run."""
        return list(getattr(self._runtime, "notes", ()))

    def tuned(self, **dials: Any) -> WindowFiller:
        """The same network with its dials set; see ``Filler.tuned``."""
        unknown = sorted(set(dials).difference(self.facts.dials))
        if unknown:
            raise ValueError(f"{self.facts.name} has no dial `{unknown[0]}`: {self.facts.dials}")
        return WindowFiller(self.facts, self._runtime.tuned(**dials)) if dials else self

    def fill(self, pixels: Pixels, mask: Mask) -> Pixels:
        """Fill a hole from its surround; see ``Filler.fill``.

        Args:
            pixels: of the hole, the fill of ``facts.begins_with``; else they are not looked at

        Raises:
            ValueError: see ``unfade.pixels.masks.check_hole``
            PromiseBroken: the network gave values that are no numbers
        Cost:
            time ∝ pixels of the window, whatever the hole; see ``facts.bytes_per_pixel``
        """
        check_hole(pixels, mask)
        if not mask.any():
            return pixels.copy()
        times = -(-max(mask.shape) // self.facts.tile_px)
        if times == 1:
            made = self._filled(pixels, mask)
        else:
            made = self._filled_small(pixels, mask, times)
        return np.where(mask[:, :, None], made, pixels)

    def close(self) -> None:
        self._runtime.close()

    def _filled_small(self, pixels: Pixels, mask: Mask, times: int) -> Pixels:
        """What is too large is filled at a ``times``-th of its size: soft, but of one piece."""
        rows, cols = mask.shape
        low, right = -rows % times, -cols % times
        wide = np.pad(pixels, ((0, low), (0, right), (0, 0)), mode="edge")
        hole = np.pad(mask, ((0, low), (0, right)), mode="edge")
        sound = (~hole).astype(np.float32)[:, :, None]
        share = box_mean(sound, scale=times)
        if self.facts.begins_with:  # the hole holds a fill already
            small = box_mean(wide, scale=times)
        else:
            small = box_mean(wide * sound, scale=times) / np.maximum(share, 1e-6)
        # a box that holds any damage is filled: its mean would carry the damage's neighbours
        made = self._filled(np.asarray(small, np.float32), share[:, :, 0] < 1)
        large: Pixels = enlarge_lanczos(made, scale=times)[:rows, :cols]
        return large

    def _filled(self, pixels: Pixels, mask: Mask) -> Pixels:
        rows, cols, channels = pixels.shape
        low, right = self._padding(rows, cols)
        if low or right:
            pixels = np.pad(pixels, ((0, low), (0, right), (0, 0)), mode="symmetric")
            mask = np.pad(mask, ((0, low), (0, right)), mode="symmetric")
        image = np.clip(pixels, 0, 1)
        if not self.facts.begins_with:
            # damage must not shine through networks that look at it: it is set to mid grey
            image = np.where(mask[:, :, None], np.float32(0.5), image)
        image_chw = np.moveaxis(np.repeat(image, 3, 2) if channels == 1 else image, 2, 0)
        made_chw = self._runtime.fill(
            np.ascontiguousarray(image_chw, np.float32), mask[None].astype(np.float32)
        )[:, :rows, :cols]
        if not np.isfinite(made_chw).all():
            raise PromiseBroken(
                f"`{self.facts.name}` ({self.runtime}) gave values that are no numbers for a hole "
                f"in a window of {rows} x {cols} pixels.",
                "Nothing was written. Use another fill, and report this with the picture.",
            )
        if channels == 1:
            made_chw = made_chw.mean(0, keepdims=True, dtype=np.float32)
        return np.ascontiguousarray(np.moveaxis(made_chw, 0, 2), np.float32)

    def _padding(self, rows: int, cols: int) -> tuple[int, int]:
        unit = self.facts.multiple_of
        least = max(self.facts.minimum_px, unit)
        high, wide = (-(-max(side, least) // unit) * unit for side in (rows, cols))
        if self.facts.tiling == "whole":
            high = wide = max(high, wide)
        return high - rows, wide - cols
