"""The U-Net of unfade's own networks: plain 3x3 convolutions on a reduced grid.

Chosen for processor time per unit of quality: no normalisation, no gates, no attention, widths
that are multiples of 8, nearest enlargement before a convolution. On a half-resolution grid with
widths 32, 64, 128 and two residual blocks a level it costs about 46 kMAC a pixel. After
Ronneberger et al. 2015 (U-Net) and Zhang et al. 2021 (DRUNet: residual blocks without
normalisation, skips that add).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.start import he_start


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and the way around them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(f.relu(self.first(x)))
        return out


class PlainUNet(nn.Module):
    """(n, channels_in, rows, cols) -> (n, channels_out, rows * scale, cols * scale).

    Sides must be multiples of ``reduce * 2 ** (len(widths) - 1)``.

    Args:
        reduce: the finest grid is this many times coarser than the picture: 1, 2 or 4
        widths: channels of each level, from the finest
        blocks: residual blocks of each level, on the way down; the same on the way up
        scale: enlargement of the output
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        reduce: int = 2,
        widths: Sequence[int] = (32, 64, 128),
        blocks: Sequence[int] = (2, 2, 2),
        scale: int = 1,
    ) -> None:
        super().__init__()
        self.multiple_of = reduce * 2 ** (len(widths) - 1)
        self.scale = scale
        self.stem = (
            nn.Conv2d(channels_in, widths[0], reduce, reduce)
            if reduce > 1
            else nn.Conv2d(channels_in, widths[0], 3, padding=1)
        )
        levels = range(len(widths))
        self.down = nn.ModuleList(residual_blocks(widths[i], blocks[i]) for i in levels)
        self.halve = nn.ModuleList(nn.Conv2d(widths[i], widths[i + 1], 2, 2) for i in levels[:-1])
        self.narrow = nn.ModuleList(
            nn.Conv2d(widths[i + 1], widths[i], 3, padding=1) for i in levels[:-1]
        )
        self.up = nn.ModuleList(residual_blocks(widths[i], blocks[i]) for i in levels[:-1])
        spread = reduce * scale
        self.head = nn.Conv2d(widths[0], channels_out * spread * spread, 3, padding=1)
        self.shuffle = nn.PixelShuffle(spread)
        start_near_nothing(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        kept = []
        for level, halve in zip(self.down, [*self.halve, None]):
            x = level(x)
            if halve is not None:
                kept.append(x)
                x = halve(x)
        for i in reversed(range(len(kept))):
            x = kept[i] + f.interpolate(self.narrow[i](x), scale_factor=2.0, mode="nearest")
            x = self.up[i](x)
        out: Tensor = self.shuffle(self.head(x))
        return out


class ResidualUNet(nn.Module):
    """A PlainUNet that says what to add to the first channels of its input."""

    def __init__(self, inner: PlainUNet, channels: int = 3) -> None:
        super().__init__()
        self.inner, self.channels = inner, channels

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x[:, : self.channels] + self.inner(x)
        return out


def residual_blocks(width: int, blocks: int) -> nn.Sequential:
    """This many ``ResidualBlock`` one behind another."""
    return nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))


def start_near_nothing(net: nn.Module) -> None:
    """He et al. 2015, with second convolutions at a tenth, so that blocks begin near nothing."""
    he_start(net)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if name.endswith(("second.weight", "head.weight")):
                weight.mul_(0.1)
