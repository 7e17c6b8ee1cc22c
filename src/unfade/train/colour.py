"""Light and colour as tensors, with slopes to learn by; exact: ``unfade.pixels.colour``.

Pictures are (n, 3, rows, cols).
"""

from __future__ import annotations

import torch
from torch import Tensor

from unfade.pixels.colour import ciede2000

_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)


def light_of(srgb: Tensor) -> Tensor:
    """sRGB values to linear light (IEC 61966-2-1)."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def srgb_of(light: Tensor) -> Tensor:
    """Linear light, 0-1, to sRGB values (IEC 61966-2-1)."""
    power = 1.055 * light.clamp(min=1e-8) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, light * 12.92, power)


def stored(light: Tensor) -> Tensor:
    """Light as a file of eight bits keeps it."""
    return light_of((srgb_of(light) * 255).round() / 255)


def lab_of(light: Tensor) -> Tensor:
    """CIELAB of linear light (n, 3, rows, cols), with slopes everywhere."""
    to_xyz = torch.tensor(_TO_XYZ, device=light.device)
    xyz = torch.einsum("ij,njhw->nihw", to_xyz / to_xyz.sum(1, keepdim=True), light)
    curved = xyz.clamp(min=1e-6) ** (1 / 3)
    x, y, z = torch.where(xyz > (6 / 29) ** 3, curved, xyz * (29 / 6) ** 2 / 3 + 4 / 29).unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)


def difference(lab: Tensor, wanted: Tensor) -> Tensor:
    """(n, rows, cols) colour differences CIE94, whose slopes are those of CIEDE2000 but smooth."""
    light, a, b = (lab - wanted).unbind(1)
    chroma = (wanted[:, 1:] ** 2).sum(1).add(1e-4).sqrt()
    paler = (lab[:, 1:] ** 2).sum(1).add(1e-4).sqrt() - chroma
    hue2 = (a**2 + b**2 - paler**2).clamp(min=0)
    parts = light**2 + (paler / (1 + 0.045 * chroma)) ** 2 + hue2 / (1 + 0.015 * chroma) ** 2
    return (parts + 1e-3).sqrt()


def seen_difference(light: Tensor, wanted: Tensor) -> Tensor:
    """(n,) means of CIEDE2000 over pictures of linear light."""
    a, b = (lab_of(x).permute(0, 2, 3, 1).cpu().numpy() for x in (light, wanted))
    return torch.from_numpy(ciede2000(a, b).mean(axis=(1, 2)))
