"""DDColor: colours for a grey picture from colour queries over a ConvNeXt.

The network gets a grey picture in three channels and gives the a and b planes of CIELAB in their
own units. Sides are multiples of 32; 512 x 512 is what the published results were made with.

Source:
    Kang, Yang, Ouyang, Ren, Li, Xie 2023, DDColor: Towards Photo-Realistic Image Colorization
    via Dual Decoders, ICCV, arXiv:2212.11613
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unfade.engines.nets.ddcolor.colour_decoder import WIDTH, ColourDecoder
from unfade.engines.nets.ddcolor.convnext import ConvNeXt
from unfade.engines.nets.ddcolor.pixel_decoder import Enlarge, UpBlock
from unfade.engines.nets.spectral import SpectralConv2d

MULTIPLE_OF = 32
QUERIES = 100
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A published size of the network; only the encoders differ."""

    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    width: int = 512  # of the pixel decoder
    layers: int = 9  # of the colour decoder


LARGE = Size(depths=(3, 3, 27, 3), widths=(192, 384, 768, 1536))  # modelscope, artistic, paper
TINY = Size(depths=(3, 3, 9, 3), widths=(96, 192, 384, 768))  # paper_tiny
SIZES = {"large": LARGE, "tiny": TINY}


class DDColor(nn.Module):
    """The whole network: (batch, 3, rows, cols) grey RGB in 0-1 -> (batch, 2, rows, cols) a, b."""

    mean: Tensor
    std: Tensor

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
        # the checkpoints name the encoder `encoder.arch`
        self.encoder = nn.ModuleDict({"arch": ConvNeXt(size.depths, size.widths)})
        self.decoder = DualDecoder(size)
        # two sequences, one in the other: the checkpoints name it `refine_net.0.0`
        self.refine_net = nn.Sequential(
            nn.Sequential(SpectralConv2d(QUERIES + 3, 2, 1)),
        )

    def forward(self, grey_rgb: Tensor) -> Tensor:
        normed = (grey_rgb - self.mean) / self.std
        maps = self.decoder(self.encoder["arch"](normed))
        return self.refine_net(torch.cat([maps, normed], dim=1))  # type: ignore[no-any-return]


class DualDecoder(nn.Module):
    """Pixel decoder and colour decoder: the encoder's four maps -> one map for each query."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        wide, half = size.width, size.width // 2
        first, second, third, deepest = size.widths
        self.layers = nn.ModuleList(
            [
                UpBlock(deepest, third, enlarged=wide, out=wide),
                UpBlock(wide, second, enlarged=wide, out=wide),
                UpBlock(wide, first, enlarged=half, out=half),
            ]
        )
        self.last_shuf = Enlarge(half, WIDTH, 4, normed=False)
        self.color_decoder = ColourDecoder((wide, wide, half), QUERIES, size.layers)

    def forward(self, skips: list[Tensor]) -> Tensor:
        x, memories = skips[3], []
        for layer, skip in zip(self.layers, reversed(skips[:3]), strict=True):
            x = layer(x, skip)
            memories.append(x)
        return self.color_decoder(memories, self.last_shuf(x))  # type: ignore[no-any-return]
