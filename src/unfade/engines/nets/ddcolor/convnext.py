"""ConvNeXt as DDColor's encoder: four stages, each stage's result normalised for the skips.

Source:
    Liu, Mao, Wu, Feichtenhofer, Darrell, Xie 2022, A ConvNet for the 2020s, arXiv:2201.03545
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-6
LAYER_SCALE = 1e-6  # initial value; a checkpoint brings its own


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel of (batch, channels, rows, cols)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        normed = functional.layer_norm(
            x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, EPS
        )
        return normed.permute(0, 3, 1, 2)


class Block(nn.Module):
    """Depthwise 7x7, normalisation, a two-layer perceptron on each pixel, layer scale, sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(LAYER_SCALE * torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.dwconv(x).permute(0, 2, 3, 1)
        inner = self.pwconv2(functional.gelu(self.pwconv1(self.norm(inner))))
        return x + (self.gamma * inner).permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """The trunk.

    Args:
        depths: blocks of each of the four stages
        widths: channels of each stage
    """

    def __init__(self, depths: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=4), ChannelNorm(widths[0]))
        halvings = (
            nn.Sequential(ChannelNorm(wide), nn.Conv2d(wide, wider, 2, stride=2))
            for wide, wider in pairwise(widths)
        )
        self.downsample_layers = nn.ModuleList([stem, *halvings])
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(depth)))
            for depth, width in zip(depths, widths, strict=True)
        )
        for i, width in enumerate(widths):
            self.add_module(f"norm{i}", ChannelNorm(width))
        # part of the checkpoints, for classification; the colours do not depend on it
        self.norm = nn.LayerNorm(widths[-1], eps=EPS)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(batch, 3, rows, cols) -> four maps at 1/4, 1/8, 1/16 and 1/32 of the size."""
        skips = []
        for i, (down, stage) in enumerate(zip(self.downsample_layers, self.stages, strict=True)):
            x = stage(down(x))
            skips.append(self.get_submodule(f"norm{i}")(x))
        return skips
