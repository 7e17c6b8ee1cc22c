"""The parts that the latent networks are built of: normalisation over a picture, residual block.

Source:
    Wan et al. 2020, Bringing Old Photos Back to Life, CVPR, arXiv:2004.09484
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-5

Moments = tuple[Tensor, Tensor]  # mean and variance of each channel


class PictureNorm(nn.Module):
    """Instance normalisation without parameters, whose statistics may come from elsewhere.

    Alone it takes mean and variance of each channel over each picture that it is given, as
    ``nn.InstanceNorm2d`` does, and stores nothing. A tile of a large picture has statistics of
    its own, so tiles would not meet in tone: see ``pooled`` and ``given``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pool = False
        self.known: Moments | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.pool:
            variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
            self.known = mean, variance
        if self.known is None:
            return functional.instance_norm(x, eps=EPS)
        return functional.batch_norm(x, *self.known, eps=EPS)


@contextmanager
def pooled(*networks: nn.Module) -> Iterator[list[Moments]]:
    """Inside, a batch of tiles is normalised together, as one picture is.

    Yields:
        a list that holds each normalisation's moments once the block has ended
    """
    norms = _norms(networks)
    moments: list[Moments] = []
    for norm in norms:
        norm.pool = True
    try:
        yield moments
    finally:
        moments += [norm.known for norm in norms if norm.known is not None]
        for norm in norms:
            norm.pool, norm.known = False, None


@contextmanager
def given(moments: Sequence[Moments], *networks: nn.Module) -> Iterator[None]:
    """Inside, every normalisation uses these moments, whatever it is given."""
    norms = _norms(networks)
    for norm, known in zip(norms, moments, strict=True):
        norm.known = known
    try:
        yield
    finally:
        for norm in norms:
            norm.known = None


def _norms(networks: Sequence[nn.Module]) -> list[PictureNorm]:
    return [m for network in networks for m in network.modules() if isinstance(m, PictureNorm)]


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
