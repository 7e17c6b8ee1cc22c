"""The two auto-encoders: one for old photographs, real and synthetic, one for clean ones.

Both have the same shape. A picture in [-1, 1] becomes a latent of 64 channels at a quarter of its
size. For restoring, the encoder comes from the first and the decoder from the second, and the
latent is the encoder's output itself: nothing is drawn by chance. In training, noise of unit
variance is added (``Posterior``).

Source:
    Wan et al. 2020, arXiv:2004.09484, sections 3.1 and 4.1; Kingma, Welling 2014,
    arXiv:1312.6114
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unfade.engines.nets.latent.blocks import PictureNorm, residuals

WIDTH = 64
MULTIPLE_OF = 4


class Vae(nn.Module):
    """Encoder and decoder.

    Args:
        width: of all layers; the published networks have 64
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.ReflectionPad2d(3),
            nn.Conv2d(3, width, 7),
            PictureNorm(),
            nn.ReLU(),
            nn.Conv2d(width, width, 4, stride=2, padding=1),
            PictureNorm(),
            nn.ReLU(),
            nn.Conv2d(width, width, 4, stride=2, padding=1),
            PictureNorm(),
            nn.ReLU(),
            *residuals(width, 4),
        )
        self.decoder = nn.Sequential(
            *residuals(width, 4),
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1),
            PictureNorm(),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1),
            PictureNorm(),
            nn.ReLU(),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
            nn.Tanh(),
        )

    def forward(self, pictures: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The picture through the latent and back.

        Args:
            pictures: (batch, 3, rows, cols) in [-1, 1]; sides multiples of 4
            noise: as large as the latent, added to it; None: nothing is added
        Returns:
            the pictures as decoded, and the latent mean (batch, width, rows / 4, cols / 4)
        """
        mean = self.encoder(pictures)
        return self.decoder(mean if noise is None else mean + noise), mean


def divergence(mean: Tensor) -> Tensor:
    """Kullback-Leibler divergence of a unit-variance posterior from the prior, up to a factor."""
    return torch.mean(mean**2)
