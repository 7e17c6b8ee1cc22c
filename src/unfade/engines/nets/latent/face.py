"""The face generator: a face is made anew from a small copy, steered by the degraded face itself.

Source:
    Wan et al. 2020, arXiv:2004.09484, section 3.3; Park, Liu, Wang, Zhu 2019, Semantic Image
    Synthesis with Spatially-Adaptive Normalization (SPADE), arXiv:1903.07291. In place of a map
    of labels, the degraded face gives scale and shift.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.engines.nets.spectral import SpectralConv2d

SLOPE = 0.2
SHRINK = 32
INNER = 128


class FaceGenerator(nn.Module):
    """(batch, 3, side, side) in [-1, 1] -> the same; the side is a multiple of 32.

    Args:
        width: of the last block; the published network has 64, and 16 times as much at the start
        inner: width of the layers that give scale and shift
    """

    def __init__(self, width: int = 64, inner: int = INNER) -> None:
        super().__init__()
        wide = 16 * width
        self.fc = nn.Conv2d(3, wide, 3, padding=1)
        self.head_0 = SpadeBlock(wide, wide, inner)
        self.G_middle_0 = SpadeBlock(wide, wide, inner)
        self.G_middle_1 = SpadeBlock(wide, wide, inner)
        self.up_0 = SpadeBlock(wide, wide // 2, inner)
        self.up_1 = SpadeBlock(wide // 2, wide // 4, inner)
        self.up_2 = SpadeBlock(wide // 4, wide // 8, inner)
        self.up_3 = SpadeBlock(wide // 8, width, inner)
        self.conv_img = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, face: Tensor) -> Tensor:
        small = (face.shape[2] // SHRINK, face.shape[3] // SHRINK)
        x = self.fc(_resized(face, small))
        x = _doubled(self.head_0(x, face))
        x = _doubled(self.G_middle_1(self.G_middle_0(x, face), face))
        x = _doubled(self.up_0(x, face))
        x = _doubled(self.up_1(x, face))
        x = _doubled(self.up_2(x, face))
        x = self.up_3(x, face)
        return torch.tanh(self.conv_img(functional.leaky_relu(x, SLOPE)))


class SpadeBlock(nn.Module):
    """Residual block of two steered normalisations; the shortcut is learned where widths differ."""

    def __init__(self, channels_in: int, channels_out: int, inner: int) -> None:
        super().__init__()
        middle = min(channels_in, channels_out)
        self.conv_0 = SpectralConv2d(channels_in, middle, 3, padding=1)
        self.conv_1 = SpectralConv2d(middle, channels_out, 3, padding=1)
        self.norm_0 = SpadeNorm(channels_in, inner)
        self.norm_1 = SpadeNorm(middle, inner)
        self.learned = channels_in != channels_out
        if self.learned:
            self.conv_s = SpectralConv2d(channels_in, channels_out, 1, bias=False)
            self.norm_s = SpadeNorm(channels_in, inner)

    def forward(self, x: Tensor, face: Tensor) -> Tensor:
        dx = self.conv_0(functional.leaky_relu(self.norm_0(x, face), SLOPE))
        dx = self.conv_1(functional.leaky_relu(self.norm_1(dx, face), SLOPE))
        shortcut = self.conv_s(self.norm_s(x, face)) if self.learned else x
        return shortcut + dx  # type: ignore[no-any-return]


class SpadeNorm(nn.Module):
    """Batch normalisation whose scale and shift at each place come from the degraded face."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.param_free_norm = nn.BatchNorm2d(channels, affine=False)
        self.mlp_shared = nn.Sequential(nn.Conv2d(3, inner, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(inner, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(inner, channels, 3, padding=1)

    def forward(self, x: Tensor, face: Tensor) -> Tensor:
        shared = self.mlp_shared(_resized(face, (x.shape[2], x.shape[3])))
        normed = self.param_free_norm(x)
        return normed * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared)  # type: ignore[no-any-return]


def _resized(face: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(face, size, mode="bilinear", align_corners=False)


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")
