"""The face generator from the tensors of its file, described as spandrel describes its networks.

So it is measured, opened and run on the same path as every other checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from unfade.engines.nets.checkpoint import fill, place
from unfade.engines.nets.latent.face import INNER, SHRINK, FaceGenerator
from unfade.engines.nets.spectral import fold_spectral


@dataclass(frozen=True, slots=True)
class Architecture:
    id: str = "SPADE"
    name: str = "SPADE face generator"


@dataclass(frozen=True, slots=True)
class SizeRequirements:
    minimum: int = SHRINK
    multiple_of: int = SHRINK
    square: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """What the rest of ``engines`` asks of a network that was opened; see spandrel."""

    model: nn.Module
    architecture: Architecture = field(default_factory=Architecture)
    purpose: str = "FaceSR"
    scale: int = 1
    input_channels: int = 3
    output_channels: int = 3
    supports_half: bool = False  # its authors use float32 alone
    size_requirements: SizeRequirements = field(default_factory=SizeRequirements)


def described(tensors: dict[str, Tensor], *, name: str) -> Description:
    """The generator with these weights, ready for inference on the processor.

    Both published ones, of 256 and 512 pixels, have the same names and shapes: which of them a
    file holds cannot be told from it. Smaller widths of one's own open too.

    Args:
        name: of the file, for messages
    Raises:
        ModelRejected: a tensor is missing, unknown or of another shape
    """
    network = FaceGenerator(
        _width(tensors, "conv_img.weight", 64),
        _width(tensors, "up_0.norm_0.mlp_gamma.weight", INNER),
    )
    fill(network, tensors, name=name)
    return Description(fold_spectral(place(network, "cpu")))


def _width(tensors: dict[str, Tensor], name: str, usual: int) -> int:
    """How many channels a convolution of the file takes."""
    tensor = tensors.get(name)
    return usual if tensor is None or tensor.ndim != 4 else int(tensor.shape[1])
