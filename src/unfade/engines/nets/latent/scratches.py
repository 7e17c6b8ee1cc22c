"""The scratch detector, opened: pixels in, the probability of scratch at each pixel out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.engines.contract import ModelFacts
from unfade.engines.nets.latent.detector import MULTIPLE_OF, THRESHOLD
from unfade.errors import PromiseBroken
from unfade.picture import Mask, Pixels, Weight

SHORT_SIDE_PX = 256  # at which the published detector looks
BYTES_PER_PIXEL = 4000  # of what it looks at
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as the detector was trained


class ScratchFinder:
    """The detector on one device.

    Args:
        network: with its weights, in evaluation
    """

    def __init__(self, network: nn.Module, *, device: str, facts: ModelFacts) -> None:
        self.facts = facts
        self._network: nn.Module | None = network
        self._device = device

    @property
    def runtime(self) -> str:
        return f"torch on {self._device}"

    def probability(self, pixels: Pixels, *, short_sides_px: tuple[int, ...] = ()) -> Weight:
        """How likely each pixel is scratched.

        Args:
            pixels: (rows, cols, 1 or 3) float32
            short_sides_px: sizes at which the detector looks; the largest answer counts. Empty:
                the published 256 alone, at which hairlines of a large scan are not seen
        Returns:
            (rows, cols) float32 0-1
        Raises:
            PromiseBroken: the network gave values that are no numbers
        """
        grey = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels @ _LUMA
        plane = torch.from_numpy(np.ascontiguousarray(np.clip(grey, 0, 1) * 2 - 1, np.float32))
        found = torch.zeros(plane.shape)
        for side in short_sides_px or (SHORT_SIDE_PX,):
            found = torch.maximum(found, self._at(plane.to(self._device), side).cpu())
        result = found.numpy()
        if not np.isfinite(result).all():
            raise PromiseBroken(
                f"`{self.facts.name}` ({self.runtime}) gave values that are no numbers.",
                "Nothing was written. Try another `--device`.",
            )
        return result

    def find(self, pixels: Pixels, *, short_sides_px: tuple[int, ...] = ()) -> Mask:
        """True where the probability is above the published threshold."""
        return np.asarray(self.probability(pixels, short_sides_px=short_sides_px) >= THRESHOLD)

    def close(self) -> None:
        self._network = None

    def _at(self, plane: Tensor, side: int) -> Tensor:
        if self._network is None:
            raise ValueError(f"{self.facts.name} has been closed")
        rows, cols = plane.shape
        with torch.inference_mode():
            small = functional.interpolate(
                plane[None, None], looked_at(rows, cols, side), mode="bilinear", align_corners=False
            )
            seen = torch.sigmoid(self._network(small).float())
            return functional.interpolate(seen, (rows, cols), mode="nearest")[0, 0]


def looked_at(rows: int, cols: int, side: int) -> tuple[int, int]:
    """The size at which a picture is looked at: its short side as asked, multiples of 16."""
    ratio = side / min(rows, cols)
    return tuple(  # type: ignore[return-value]  # two of them
        max(round(length * ratio / MULTIPLE_OF) * MULTIPLE_OF, MULTIPLE_OF)
        for length in (rows, cols)
    )
