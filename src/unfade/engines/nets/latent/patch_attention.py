"""The mapping network for large pictures: scratched patches are copied from the best sound ones.

Where the partial non-local block compares every place with every other, here patches of 8, 4 and
2 latent places are compared, and each scratched patch takes the most similar sound patch whole.

Source:
    Wan et al. 2022, Old Photo Restoration via Deep Latent Space Translation, TPAMI,
    arXiv:2009.07047 (multi-scale patch attention)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.engines.nets.latent.blocks import convolutions, residuals
from unfade.engines.nets.latent.mapping import LATENT, closing, rising

MULTIPLE_OF = 32  # picture pixels: eight latent places of four pixels each
MASKED_SHARE = 0.6  # of a patch's places; above it the patch counts as scratched
QUERIES_AT_ONCE = 256  # bounds memory, changes nothing


class PatchMapping(nn.Module):
    """Convolutions, patch attention at three scales with residual blocks between, convolutions.

    Args:
        latent: channels of the latent
        width: of the middle; the published network has 512
    """

    def __init__(self, latent: int = LATENT, width: int = 512) -> None:
        super().__init__()
        self.before_NL = nn.Sequential(*convolutions(rising(latent, width)), *residuals(width, 2))
        self.NL_scale_1 = PatchAttention(width, 8)
        self.res_block_1 = nn.Sequential(*residuals(width, 2))
        self.NL_scale_2 = PatchAttention(width, 4)
        self.res_block_2 = nn.Sequential(*residuals(width, 2))
        self.NL_scale_3 = PatchAttention(width, 2)
        self.after_NL = nn.Sequential(*residuals(width, 2), *closing(latent, width))

    def forward(self, latent: Tensor, mask: Tensor) -> Tensor:
        """
        Args:
            latent: (batch, latent, rows, cols), rows and cols multiples of 8
            mask: (batch, 1, picture rows, picture cols), 1 = scratch
        Raises:
            ValueError: a side that is no multiple of 8
        """
        if latent.shape[2] % 8 or latent.shape[3] % 8:
            raise ValueError(
                f"the latent is {latent.shape[2]} x {latent.shape[3]}, expected multiples of 8"
            )
        x = self.NL_scale_1(self.before_NL(latent), mask)
        x = self.NL_scale_2(self.res_block_1(x), mask)
        x = self.NL_scale_3(self.res_block_2(x), mask)
        return self.after_NL(x)  # type: ignore[no-any-return]


class PatchAttention(nn.Module):
    """Replaces scratched patches by copies of the most similar sound ones.

    Args:
        channels: of the map
        patch: side of a patch in latent places
    """

    def __init__(self, channels: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.res_block = nn.Sequential(*residuals(channels, 1))
        self.F_Combine = nn.Conv2d(2 * channels + 1, channels, 3, padding=1)

    def forward(self, z: Tensor, mask: Tensor) -> Tensor:
        return self.combined(z, self.res_block(z), mask)

    def combined(self, z: Tensor, x: Tensor, mask: Tensor) -> Tensor:
        """The map, its copy with the scratched patches replaced, and the mask, in one."""
        small = functional.interpolate(mask, z.shape[2:], mode="bilinear", align_corners=False)
        small = (small > 0).to(z.dtype)
        composed = copy_patches(x, small, self.patch)
        return self.F_Combine(torch.cat([z, composed, small], dim=1))  # type: ignore[no-any-return]


def copy_patches(x: Tensor, mask: Tensor, patch: int) -> Tensor:
    """Each scratched patch replaced by the sound patch of the largest cosine similarity.

    Where every patch of a picture is scratched there is nothing to copy from, and it stays.

    Args:
        x: (batch, channels, rows, cols), rows and cols multiples of ``patch``
        mask: (batch, 1, rows, cols), 1 = scratched
    """
    sides = x.shape[2:]
    patches = functional.unfold(x, patch, stride=patch).transpose(1, 2)
    shares = functional.unfold(mask, patch, stride=patch).mean(dim=1)
    composed = []
    for own, share in zip(patches, shares, strict=True):
        masked = share > MASKED_SHARE
        if masked.any() and not masked.all():
            own = _replaced(own, masked)
        composed.append(own)
    joined = torch.stack(composed).transpose(1, 2)
    return functional.fold(joined, sides, patch, stride=patch)


def _replaced(patches: Tensor, masked: Tensor) -> Tensor:
    """(count, numbers) with the masked rows replaced by their most similar unmasked ones."""
    sound = patches[~masked]
    with torch.no_grad():  # the choice has no gradient; what is copied has
        keys = functional.normalize(sound, dim=1).t()
        wanted = torch.split(functional.normalize(patches[masked], dim=1), QUERIES_AT_ONCE)
        # through the softmax, as published: in its rounding nearly equal patches tie, and the
        # first of them is taken
        best = torch.cat([torch.softmax(some @ keys, dim=1).max(dim=1)[1] for some in wanted])
    result = patches.clone()
    result[masked] = sound[best]
    return result
