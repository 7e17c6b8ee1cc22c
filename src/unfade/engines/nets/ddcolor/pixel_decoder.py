"""DDColor's pixel decoder: enlarges the encoder's deepest map and joins in the skips.

Source:
    Kang, Yang, Ouyang, Ren, Li, Xie 2023, DDColor, arXiv:2212.11613; sub-pixel enlargement with
    a blur against checkerboards: Aitken et al. 2017, arXiv:1707.02937
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.engines.nets.spectral import SpectralConv2d


class Enlarge(nn.Module):
    """1x1 convolution, ReLU, pixel shuffle, and a blur over 2x2 pixels.

    Args:
        factor: how many times larger along each side
        normed: batch normalisation instead of a bias
    """

    def __init__(self, channels_in: int, channels_out: int, factor: int, *, normed: bool) -> None:
        super().__init__()
        conv = SpectralConv2d(channels_in, channels_out * factor**2, 1, bias=not normed)
        parts = [conv, nn.BatchNorm2d(channels_out * factor**2)] if normed else [conv]
        self.conv = nn.Sequential(*parts)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pixel_shuffle(functional.relu(self.conv(x)), self.factor)
        padded = functional.pad(x, (1, 0, 1, 0), mode="replicate")
        return functional.avg_pool2d(padded, 2, stride=1)


class UpBlock(nn.Module):
    """Enlarges the deep map twice and joins the skip of that size to it."""

    def __init__(self, deep: int, skip: int, *, enlarged: int, out: int) -> None:
        super().__init__()
        self.shuf = Enlarge(deep, enlarged, 2, normed=True)
        self.bn = nn.BatchNorm2d(skip)
        conv = SpectralConv2d(enlarged + skip, out, 3, padding=1, bias=False)
        self.conv = nn.Sequential(conv, nn.ReLU(), nn.BatchNorm2d(out))

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        joined = torch.cat([self.shuf(deep), self.bn(skip)], dim=1)
        return self.conv(functional.relu(joined))  # type: ignore[no-any-return]  # Sequential
