"""A patch discriminator and its losses.

Isola et al. 2017 (PatchGAN), spectral normalisation of Miyato et al. 2018, relativistic average
hinge of Jolicoeur-Martineau 2019.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as f
from torch.nn.utils.parametrizations import spectral_norm


class PatchDiscriminator(nn.Module):
    """(n, channels, rows, cols) -> (n, 1, rows / 4, cols / 4): how real each patch looks."""

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        sizes = ((channels, width, 1), (width, 2 * width, 2), (2 * width, 4 * width, 2),
                 (4 * width, 4 * width, 1))  # fmt: skip
        layers: list[nn.Module] = []
        for before, after, stride in sizes:
            kernel = 3 if stride == 1 else 4
            layers.append(spectral_norm(nn.Conv2d(before, after, kernel, stride, 1)))
            layers.append(nn.LeakyReLU(0.2))
        layers.append(nn.Conv2d(4 * width, 1, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


def hinge_d(made: Tensor, real: Tensor) -> Tensor:
    """What the discriminator loses: real should look more real than made does on average."""
    loss: Tensor = (
        f.relu(1 - (real - made.mean())).mean() + f.relu(1 + (made - real.mean())).mean()
    ) / 2
    return loss


def hinge_g(made: Tensor, real: Tensor) -> Tensor:
    """What the generator loses: the same with the parts changed."""
    loss: Tensor = (
        f.relu(1 + (real - made.mean())).mean() + f.relu(1 - (made - real.mean())).mean()
    ) / 2
    return loss
