"""The scratch detector: a U-Net from a grey picture to the logit of scratch at each pixel.

Source:
    Wan et al. 2022, arXiv:2009.07047; Ronneberger, Fischer, Brox 2015, U-Net, arXiv:1505.04597;
    Zhang 2019, Making Convolutional Networks Shift-Invariant Again, arXiv:1904.11486 (the blur
    before each halving)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

DEPTH = 4
SLOPE = 0.2
MULTIPLE_OF = 16
THRESHOLD = 0.4  # of the sigmoid, as published


class ScratchDetector(nn.Module):
    """(batch, 1, rows, cols) in [-1, 1] -> (batch, 1, rows, cols) logits; sides multiples of 16.

    Args:
        width: of the first layer; the published network has 64
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [width << i for i in range(DEPTH + 1)]
        self.first = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(1, width, 7), nn.LeakyReLU(SLOPE)
        )
        self.down_sample = nn.ModuleList(
            nn.Sequential(*_layer(w, w), BlurDown(w)) for w in widths[:-1]
        )
        self.down_path = nn.ModuleList(ConvBlock(w, 2 * w) for w in widths[:-1])
        self.up_path = nn.ModuleList(UpBlock(w) for w in reversed(widths[1:]))
        self.last = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(width, 1, 3))

    def forward(self, grey: Tensor) -> Tensor:
        x = self.first(grey)
        skips = []
        for down, block in zip(self.down_sample, self.down_path, strict=True):
            skips.append(x)
            x = block(down(x))
        for up, skip in zip(self.up_path, reversed(skips), strict=True):
            x = up(x, skip)
        return self.last(x)  # type: ignore[no-any-return]


class ConvBlock(nn.Module):
    """Two reflected 3x3 convolutions with batch normalisation."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            *_layer(channels_in, channels_out), *_layer(channels_out, channels_out)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)  # type: ignore[no-any-return]


class UpBlock(nn.Module):
    """Doubles the size, halves the width, and joins the skip behind it."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        half = channels_in // 2
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels_in, half, 3),
        )
        self.conv_block = ConvBlock(channels_in, half)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.conv_block(torch.cat([self.up(x), skip], dim=1))  # type: ignore[no-any-return]


class BlurDown(nn.Module):
    """Binomial 3x3 blur and every second pixel; the kernel is part of the checkpoints."""

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        line = torch.tensor([1.0, 2.0, 1.0])
        kernel = torch.outer(line, line) / 16
        self.register_buffer("filt", kernel.expand(channels, 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(padded, self.filt, stride=2, groups=x.shape[1])


def _layer(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        nn.ReflectionPad2d(1),
        nn.Conv2d(channels_in, channels_out, 3),
        nn.BatchNorm2d(channels_out),
        nn.LeakyReLU(SLOPE),
    ]
