"""The parts that the latent networks are built of: normalisation over a picture, residual block.

Source:
    Wan et al. 2020, Bringing Old Photos Back to Life, CVPR, arXiv:2004.09484
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-5


class PictureNorm(nn.Module):
    """Each channel by its mean and variance over the whole picture; no parameters, nothing stored.

    A tile of a large picture has statistics of its own, so tiles on their own would not meet in
    tone: ``lockstep`` gives them those of the picture.
    """

    def forward(self, x: Tensor) -> Tensor:
        return functional.instance_norm(x, eps=EPS)


class Residual(nn.Module):
    """Two reflected 3x3 convolutions with normalisation, added to the input; nothing after it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            PictureNorm(),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            PictureNorm(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)  # type: ignore[no-any-return]


def convolutions(widths: Sequence[int]) -> list[nn.Module]:
    """3x3 convolutions from width to width, each followed by normalisation and ReLU."""
    layers: list[nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [nn.Conv2d(narrow, wide, 3, padding=1), PictureNorm(), nn.ReLU()]
    return layers


def residuals(channels: int, count: int) -> list[nn.Module]:
    return [Residual(channels) for _ in range(count)]
