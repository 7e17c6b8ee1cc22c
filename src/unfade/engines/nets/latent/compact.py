"""A compact latent translation: all of it on a quarter-size grid, and small enough to come along.

The idea is the published one: an auto-encoder of old photographs, one of clean ones, and a mapping
between their latents. The layers are others, for processors: the picture goes onto the grid by one
strided convolution and comes back by a pixel shuffle, all between are 3x3 convolutions, and nothing
is normalised over the picture, so tiles agree with the whole.

Source:
    Wan et al. 2020, arXiv:2004.09484, sections 3.1 and 3.2 (the three stages)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unfade.engines.nets.latent.vae import MULTIPLE_OF
from unfade.engines.nets.plain_unet import residual_blocks, start_near_nothing


class CompactVae(nn.Module):
    """Encoder and decoder of one domain.

    Args:
        width: channels of the latent; 48 hold a picture without loss
        blocks: residual blocks of each of the two
    """

    def __init__(self, width: int = 64, blocks: int = 3) -> None:
        super().__init__()
        side = MULTIPLE_OF
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, side, side), *residual_blocks(width, blocks)
        )
        self.decoder = nn.Sequential(
            *residual_blocks(width, blocks),
            nn.Conv2d(width, 3 * side * side, 3, padding=1),
            nn.PixelShuffle(side),
        )
        start_near_nothing(self)

    def forward(self, pictures: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As ``Vae``: (batch, 3, rows, cols) in [-1, 1] -> the same, and the latent mean."""
        mean = self.encoder(pictures)
        return self.decoder(mean if noise is None else mean + noise), mean


class CompactMapping(nn.Module):
    """What the latent of a clean photograph has and that of the old one has not.

    Args:
        latent: channels of the latent; ``width``: between; ``blocks``: residual blocks
    """

    def __init__(self, latent: int = 64, width: int = 96, blocks: int = 5) -> None:
        super().__init__()
        self.rise = nn.Conv2d(latent, width, 3, padding=1)
        self.body = residual_blocks(width, blocks)
        self.fall = nn.Conv2d(width, latent, 3, padding=1)
        start_near_nothing(self)
        with torch.no_grad():
            self.fall.weight.mul_(0.1)

    def forward(self, latent: Tensor) -> Tensor:
        out: Tensor = latent + self.fall(self.body(self.rise(latent)))
        return out


class Translation(nn.Module):
    """(n, 3, rows, cols), 0-1, old -> the same, clean; sides are multiples of 4."""

    def __init__(self, latent: int = 64, width: int = 96, vae_blocks: int = 3, blocks: int = 5):
        super().__init__()
        vae = CompactVae(latent, vae_blocks)
        # 2 x - 1 as a convolution: ncnn computes element by element in place, here in the caller's
        self.spread = nn.Conv2d(3, 3, 1).requires_grad_(False)
        with torch.no_grad():
            self.spread.weight.copy_(2 * torch.eye(3)[:, :, None, None])
            nn.init.constant_(self.spread.bias, -1.0)  # type: ignore[arg-type]
        self.encoder, self.decoder = vae.encoder, vae.decoder
        self.mapping = CompactMapping(latent, width, blocks)

    def forward(self, pictures: Tensor, *, latents: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """``latents``: the mapped latent, too, which training compares."""
        mapped = self.mapping(self.encoder(self.spread(pictures)))
        made = (self.decoder(mapped) + 1) / 2
        return (made, mapped) if latents else made
