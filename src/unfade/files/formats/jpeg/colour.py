"""What the components of a JPEG mean, and the way from decoded codes back to them.

Source:
    JFIF 1.02 (YCbCr of full range), Adobe Technical Note 5116 (the transform flag; Photoshop
    stores inks inverted).
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from unfade.files.formats.jpeg.markers import APP0, Parts


class Kind(Enum):
    """Meaning of the components; the value is the word in the header."""

    GREY = "grey"
    YCBCR = "ycbcr"
    RGB = "rgb"
    CMYK = "cmyk"
    YCCK = "ycck"

    @property
    def inks(self) -> bool:
        return self in (Kind.CMYK, Kind.YCCK)


def kind_of(parts: Parts) -> Kind:
    """The meaning of the components, told as libjpeg tells it."""
    components = parts.frame.components
    if len(components) == 1:
        return Kind.GREY
    transform = parts.adobe_transform
    if len(components) == 4:
        return Kind.YCCK if transform == 2 else Kind.CMYK
    if parts.payloads(APP0, b"JFIF\0"):
        return Kind.YCBCR
    if transform is not None:
        return Kind.RGB if transform == 0 else Kind.YCBCR
    return Kind.RGB if bytes(c.id for c in components) == b"RGB" else Kind.YCBCR


def component_of(codes: np.ndarray, kind: Kind, number: int) -> np.ndarray:
    """One component, float64 codes around 0-255, of decoded codes (..., channels).

    Args:
        codes: uint8; for ink kinds as the file stores them, not inverted
    """
    if kind in (Kind.GREY, Kind.RGB, Kind.CMYK) or number == 3:
        return codes[..., number].astype(np.float64)
    colour = codes[..., :3].astype(np.float64)
    if kind is Kind.YCCK:
        colour = 255.0 - colour
    luma = colour @ np.array([0.299, 0.587, 0.114])
    if number == 0:
        return np.asarray(luma)
    if number == 1:
        return np.asarray((colour[..., 2] - luma) / 1.772 + 128.0)
    return np.asarray((colour[..., 0] - luma) / 1.402 + 128.0)
