"""Convolutions under spectral normalisation, stored as the published checkpoints store them.

Three tensors stand for one weight: ``weight_orig``, and the vectors ``weight_u`` and ``weight_v``
that estimate its largest singular value. The matrix is the weight reshaped to (out, everything
else). In training each forward call makes one step of the power iteration; in evaluation none is
made, so the normalised weight is a constant that ``fold_spectral`` computes once.

Source:
    Miyato, Kataoka, Koyama, Yoshida 2018, Spectral Normalization for Generative Adversarial
    Networks, arXiv:1802.05957
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-12


class SpectralConv2d(nn.Module):
    """A convolution whose weight is divided by its largest singular value.

    Args:
        channels_in, channels_out, kernel, stride, padding: as of ``nn.Conv2d``
        bias: whether it has one; it is not normalised
    """

    weight_u: Tensor
    weight_v: Tensor

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        plain = nn.Conv2d(channels_in, channels_out, kernel, stride, padding, bias=bias)
        self.stride, self.padding = stride, padding
        self.bias = plain.bias
        self.weight_orig = plain.weight
        fan_in = channels_in * kernel * kernel
        self.register_buffer("weight_u", _unit(torch.randn(channels_out)))
        self.register_buffer("weight_v", _unit(torch.randn(fan_in)))

    @property
    def weight(self) -> Tensor:
        """The normalised weight, from the vectors as they stand."""
        matrix = self.weight_orig.flatten(1)
        sigma = torch.dot(self.weight_u, torch.mv(matrix, self.weight_v))
        return self.weight_orig / sigma

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self._iterate()
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def folded(self) -> nn.Conv2d:
        """A plain convolution that computes the same in evaluation."""
        out, channels_in, kernel, _ = self.weight_orig.shape
        plain = nn.Conv2d(
            channels_in,
            out,
            kernel,
            self.stride,
            self.padding,
            bias=self.bias is not None,
            device=self.weight_orig.device,
            dtype=self.weight_orig.dtype,
        )
        with torch.no_grad():
            plain.weight.copy_(self.weight)
            if plain.bias is not None and self.bias is not None:
                plain.bias.copy_(self.bias)
        return plain.requires_grad_(False)

    @torch.no_grad()
    def _iterate(self) -> None:
        matrix = self.weight_orig.flatten(1)
        # new tensors, not in place: an earlier forward call of this step may still hold the old
        self.weight_v = _unit(torch.mv(matrix.t(), self.weight_u))
        self.weight_u = _unit(torch.mv(matrix, self.weight_v))


def fold_spectral(network: nn.Module) -> nn.Module:
    """Replace every spectral convolution inside ``network`` by its plain equal; for inference."""
    for name, child in network.named_children():
        if isinstance(child, SpectralConv2d):
            setattr(network, name, child.folded())
        else:
            fold_spectral(child)
    return network


def _unit(vector: Tensor) -> Tensor:
    return functional.normalize(vector, dim=0, eps=EPS)
