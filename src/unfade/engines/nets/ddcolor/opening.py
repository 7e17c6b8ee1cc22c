"""DDColor from a checkpoint file to an opened engine: grey plane in, a* and b* planes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from unfade.engines.contract import ModelFacts
from unfade.engines.nets.checkpoint import fill, place, read_tensors
from unfade.engines.nets.ddcolor.network import MULTIPLE_OF, SIZES, DDColor, Size
from unfade.engines.nets.spectral import fold_spectral
from unfade.errors import ModelRejected, PromiseBroken
from unfade.picture import Plane

STEM = "encoder.arch.downsample_layers.0.0.weight"
IGNORED = ("encoder.arch.head_cls.",)  # some files keep the classifier of the pre-training
OPTIONAL = ("mean", "std")  # the constants of ImageNet, where a file does not repeat them
PAPER = "Kang et al. 2023, DDColor, arXiv:2212.11613"


class Colorizer:
    """DDColor, opened.

    Args:
        network: with its weights, in evaluation
        device: PyTorch's name of where it lies
        facts: what the record says about it
    """

    def __init__(self, network: torch.nn.Module, *, device: str, facts: ModelFacts) -> None:
        self.facts = facts
        self._network: torch.nn.Module | None = network
        self._device = device

    @property
    def runtime(self) -> str:
        return f"torch on {self._device}"

    def colours(self, grey: Plane) -> np.ndarray:
        """The a* and b* that the network gives to a grey picture.

        Args:
            grey: (rows, cols) float32, sRGB values 0-1; sides multiples of 32. 512 x 512 is what
                the published results were made with, whatever the picture's aspect ratio
        Returns:
            (rows, cols, 2) float32, CIELAB units
        Raises:
            ValueError: a side that is no multiple of 32
            PromiseBroken: the network gave values that are no numbers
        """
        if self._network is None:
            raise ValueError(f"{self.facts.name} has been closed")
        rows, cols = grey.shape
        if rows % MULTIPLE_OF or cols % MULTIPLE_OF:
            raise ValueError(f"the grey picture is {rows} x {cols}, expected multiples of 32")
        plane = torch.from_numpy(np.ascontiguousarray(grey, np.float32)).to(self._device)
        with torch.inference_mode():
            batch = plane.expand(1, 3, rows, cols)
            ab_chw = self._network(batch)[0].float().cpu().numpy()
        if not np.isfinite(ab_chw).all():
            raise PromiseBroken(
                f"`{self.facts.name}` ({self.runtime}) gave values that are no numbers.",
                "Nothing was written. Try another `--device`.",
            )
        return np.ascontiguousarray(np.moveaxis(ab_chw, 0, 2))

    def close(self) -> None:
        self._network = None


def open_ddcolor(path: Path, device: str = "cpu", *, facts: ModelFacts | None = None) -> Colorizer:
    """Open a checkpoint of DDColor, of either size.

    Args:
        path: ``.pth`` (wrapped in ``params``), ``pytorch_model.bin`` (flat) or safetensors
        device: PyTorch's name: ``cpu``, ``cuda``, ``mps``
        facts: of the catalogue; None: from the file
    Raises:
        ModelRejected: not a checkpoint of DDColor
    """
    tensors = read_tensors(path)
    network = DDColor(size_of(tensors, path.name))
    fill(network, tensors, name=path.name, ignored=IGNORED, optional=OPTIONAL)
    folded = fold_spectral(place(network, "cpu"))
    return Colorizer(place(folded, device), device=device, facts=facts or _facts(path))


def size_of(tensors: dict[str, torch.Tensor], name: str) -> Size:
    """Which of the published sizes a checkpoint is, by the width of its first layer.

    Raises:
        ModelRejected: neither
    """
    stem = tensors.get(STEM)
    width = 0 if stem is None else int(stem.shape[0])
    for size in SIZES.values():
        if size.widths[0] == width:
            return size
    found = f"{width} channels in its first layer" if width else f"no `{STEM}`"
    known = " or ".join(str(size.widths[0]) for size in SIZES.values())
    raise ModelRejected(
        f"`{name}` is not a checkpoint of DDColor: it has {found}, expected {known}.",
        "Use `ddcolor_modelscope`, `ddcolor_artistic`, `ddcolor_paper` or `ddcolor_paper_tiny`.",
    )


def _facts(path: Path) -> ModelFacts:
    import hashlib

    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return ModelFacts(
        name=path.stem,
        shape="colour",
        sha256=sha256,
        licence="Apache-2.0",
        paper=PAPER,
        channels_out=2,
        multiple_of=MULTIPLE_OF,
        minimum_px=MULTIPLE_OF,
        tile_px=512,
        tiling="whole",
        evidence=4,
    )
