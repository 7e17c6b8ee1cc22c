"""Discriminators at two scales and the least-squares losses, as the latent networks are trained.

Source:
    Wang et al. 2018, pix2pixHD, arXiv:1711.11585 (scales, feature matching); Mao et al. 2017,
    LSGAN, arXiv:1611.04076; Wan et al. 2020, arXiv:2004.09484
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as f
from torch.nn.utils.parametrizations import spectral_norm

from unfade.train.contract import Optimisation

SLOPE = 0.2
Seen = list[list[Tensor]]  # for each scale, the maps of each layer; the last is the verdict


class PatchJudge(nn.Module):
    """4x4 convolutions of width 1, 2, 4 and 8 times ``width``, then one verdict for each patch."""

    def __init__(self, channels: int, width: int, *, spectral: bool) -> None:
        super().__init__()
        sizes = (channels, width, 2 * width, 4 * width, 8 * width, 1)
        strides = (2, 2, 2, 1, 1)
        layers: list[nn.Module] = []
        for i, stride in enumerate(strides):
            conv: nn.Module = nn.Conv2d(sizes[i], sizes[i + 1], 4, stride, padding=2)
            if spectral:
                conv = spectral_norm(conv)
            parts = [conv]
            if 0 < i < len(strides) - 1:
                parts.append(nn.InstanceNorm2d(sizes[i + 1]))
            if i < len(strides) - 1:
                parts.append(nn.LeakyReLU(SLOPE))
            layers.append(nn.Sequential(*parts))
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for layer in self.layers:
            x = layer(x)
            maps.append(x)
        return maps


class Judges(nn.Module):
    """The same judge twice: at the picture's size, and at half of it.

    Args:
        channels: of what is judged
        width: of the first layer; published: 64
        spectral: spectral normalisation of every layer
    """

    def __init__(self, channels: int, width: int = 64, *, spectral: bool = False) -> None:
        super().__init__()
        self.full = PatchJudge(channels, width, spectral=spectral)
        self.halved = PatchJudge(channels, width, spectral=spectral)

    def forward(self, x: Tensor) -> Seen:
        smaller = f.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        return [self.full(x), self.halved(smaller)]


def verdict_loss(seen: Seen, *, real: bool) -> Tensor:
    """Squared distance of the verdicts from 1 (real) or 0 (made), summed over the scales."""
    wanted = 1.0 if real else 0.0
    losses = [((maps[-1] - wanted) ** 2).mean() for maps in seen]
    return torch.stack(losses).sum()


def judge_loss(made: Seen, real: Seen) -> Tensor:
    """What the judges lose."""
    return (verdict_loss(made, real=False) + verdict_loss(real, real=True)) / 2


def matching_loss(made: Seen, real: Seen) -> Tensor:
    """Mean absolute difference of the judges' maps, without the verdicts; a mean over scales."""
    losses = [
        f.l1_loss(a, b.detach())
        for maps, others in zip(made, real, strict=True)
        for a, b in zip(maps[:-1], others[:-1], strict=True)
    ]
    return torch.stack(losses).sum() / len(made)


def adam(
    modules: Sequence[nn.Module], learning_rate: float, betas: tuple[float, float]
) -> Optimisation:
    """Adam without weight decay, as the adversarial tasks use it."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    return Optimisation(
        optimiser=torch.optim.Adam(parameters, lr=learning_rate, betas=betas),
        learning_rate=learning_rate,
    )
