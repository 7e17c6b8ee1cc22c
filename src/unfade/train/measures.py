"""Measures of a batch while training; those of publications are in ``unfade.evaluate``."""

from __future__ import annotations

import torch
from torch import Tensor


def psnr(made_nchw: Tensor, wanted_nchw: Tensor) -> Tensor:
    """(n,) dB for values of 0-1, after clipping; infinite where equal."""
    difference = made_nchw.clamp(0, 1) - wanted_nchw
    return -10 * torch.log10((difference**2).mean(dim=(1, 2, 3)))
