"""Distance of feature maps, for perceptual losses, with no download.

The convolutions of VGG-16 that the package ``stlpips-pytorch`` brings (trained to be insensitive
to small shifts; Ghildyal and Liu 2022), first three slices. After Johnson et al. 2016.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.errors import MissingPackage

# convolutions of each slice; before all but the first slice the maps are halved
SLICES = (
    ("slice1.0", "slice1.2"),
    ("slice2.6", "slice2.8"),
    ("slice3.12", "slice3.14", "slice3.16"),
)


class VggFeatures(nn.Module):
    """Mean absolute difference of feature maps of two batches (n, 3, rows, cols), 0-1."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        found = torch.load(_weights_file(), map_location="cpu", weights_only=True)
        self.register_buffer("shift", found["scaling_layer.shift"])
        self.register_buffer("scale", found["scaling_layer.scale"])
        for names in SLICES:
            for name in names:
                key = name.replace(".", "_")
                self.register_buffer(f"{key}_weight", found[f"net.{name}.weight"])
                self.register_buffer(f"{key}_bias", found[f"net.{name}.bias"])

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        total = made.new_zeros(())
        a, b = ((x * 2 - 1 - self.shift) / self.scale for x in (made, wanted))
        for i, names in enumerate(SLICES):
            if i:
                a, b = f.avg_pool2d(a, 2), f.avg_pool2d(b, 2)
            for name in names:
                key = name.replace(".", "_")
                weight, bias = getattr(self, f"{key}_weight"), getattr(self, f"{key}_bias")
                a, b = (f.relu(f.conv2d(x, weight, bias, padding=1)) for x in (a, b))
            total = total + (a - b.detach()).abs().mean()
        return total / len(SLICES)


def _weights_file() -> Path:
    # the package's own code needs undeclared packages: it is found, not imported
    spec = find_spec("stlpips_pytorch")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackage(
            "The package `stlpips-pytorch` is not installed; it is needed for a perceptual loss.",
            "Install it with: pip install 'unfade[study]'",
        )
    folder = Path(spec.submodule_search_locations[0])
    return folder / "weights" / "vST0.0" / "vgg_shift_tolerant.pth"
