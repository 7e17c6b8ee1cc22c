"""Mapping networks: from the latent of an old photograph to that of a clean one.

``PlainMapping`` mends what is spread over the picture (fading, noise, blur). ``ScratchMapping``
adds the partial non-local block, through which scratched places take what they lack from the
whole rest of the picture, and never from other scratches.

Source:
    Wan et al. 2020, arXiv:2004.09484, section 3.2
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.engines.nets.latent.blocks import convolutions, residuals

LATENT = 64
ROWS_AT_ONCE = 1024  # of the attention matrix; bounds memory, changes nothing


class PlainMapping(nn.Module):
    """Twelve convolutions, six of them in residual blocks' pairs, at the latent's size.

    Args:
        latent: channels of the latent
        width: of the residual blocks; the published network has 512
    """

    def __init__(self, latent: int = LATENT, width: int = 512) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *convolutions(rising(latent, width)),
            *residuals(width, 6),
            *closing(latent, width),
        )

    def forward(self, latent: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, latent, rows, cols) -> the same; the mask is not looked at."""
        return self.model(latent)  # type: ignore[no-any-return]


class ScratchMapping(nn.Module):
    """The mapping with the partial non-local block between its two halves."""

    def __init__(self, latent: int = LATENT, width: int = 512) -> None:
        super().__init__()
        self.before_NL = nn.Sequential(*convolutions(rising(latent, width)))
        self.NL = PartialNonLocal(width)
        self.after_NL = nn.Sequential(*residuals(width, 6), *closing(latent, width))

    def forward(self, latent: Tensor, mask: Tensor) -> Tensor:
        """
        Args:
            latent: (batch, latent, rows, cols)
            mask: (batch, 1, picture rows, picture cols), 1 = scratch
        """
        return self.after_NL(self.NL(self.before_NL(latent), mask))  # type: ignore[no-any-return]


class PartialNonLocal(nn.Module):
    """Attention over the valid places of the picture, written into the scratched ones alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(channels, channels, 1)
        self.phi = nn.Conv2d(channels, channels, 1)
        self.g = nn.Conv2d(channels, channels, 1)
        self.W = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.W.weight)
        assert self.W.bias is not None
        nn.init.zeros_(self.W.bias)
        self.res_block = nn.Sequential(*residuals(channels, 3))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.merged(x, self.res_block(self.seen(x, mask)), mask)

    def seen(self, x: Tensor, mask: Tensor) -> Tensor:
        """What each place sees in the valid ones."""
        allowed = valid_places(mask, x.shape[2], x.shape[3]).to(x.dtype).flatten(2)
        queries = self.theta(x).flatten(2).transpose(1, 2)
        keys = self.phi(x).flatten(2)
        values = self.g(x).flatten(2).transpose(1, 2)
        parts = []
        for some in torch.split(queries, ROWS_AT_ONCE, dim=1):
            share = torch.softmax(some @ keys, dim=-1) * allowed
            parts.append(functional.normalize(share, p=1, dim=-1) @ values)
        return self.W(torch.cat(parts, dim=1).transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]

    def merged(self, x: Tensor, filled: Tensor, mask: Tensor) -> Tensor:
        """Valid places keep their own features, the others take the filled ones."""
        valid = valid_places(mask, x.shape[2], x.shape[3]).to(x.dtype)
        return valid * x + (1 - valid) * filled


def valid_places(mask: Tensor, rows: int, cols: int) -> Tensor:
    """1 at the latent places that no scratch touches, as the published networks see it.

    The mask is shrunk twice without anti-aliasing: by the bilinear step, of which it must be
    exactly 0, and by the nearest step. Of every four rows or columns one is looked at by
    neither, so a line of a single pixel can be missed: widen masks by a pixel or more first.

    Args:
        mask: (batch, 1, picture rows, picture cols), 1 = scratch
    Returns:
        (batch, 1, rows, cols) float
    """
    size = (rows, cols)
    smooth = functional.interpolate(mask, size, mode="bilinear", align_corners=False)
    nearest = functional.interpolate(1 - mask, size, mode="nearest")
    return (smooth == 0).to(mask.dtype) * nearest


def rising(latent: int, width: int) -> list[int]:
    return [latent, width // 4, width // 2, width, width]


def closing(latent: int, width: int) -> list[nn.Module]:
    """From the residual blocks' width down to the latent's; nothing follows the last one."""
    return [
        *convolutions([width, width, width // 2, width // 4]),
        nn.Conv2d(width // 4, latent, 3, padding=1),
    ]
