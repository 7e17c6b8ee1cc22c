"""Colour as numbers: sRGB codes, linear light, CIE XYZ, CIELAB, colour difference, density.

All functions are pure, take any float array whose last axis is the channel, keep float64 and
compute everything else in float32. Primaries are those of sRGB (ITU-R BT.709), the white is
D65; a grey (r = g = b) has a* = b* = 0 to rounding, because the white is the matrix's own.
Tone curves of other profiles are in ``unfade.pixels.profile``.
"""

from __future__ import annotations

import numpy as np

# linear BT.709 to XYZ, derived from the primaries' chromaticities and the D65 white
# (0.3127, 0.3290); IEC 61966-2-1 prints the same matrix with four digits
_TO_XYZ = np.array(
    [
        [0.4123907992659595, 0.3575843393838780, 0.1804807884018343],
        [0.2126390058715104, 0.7151686787677559, 0.0721923153607337],
        [0.0193308187155918, 0.1191947797946259, 0.9505321522496608],
    ]
)
_FROM_XYZ = np.linalg.inv(_TO_XYZ)
_WHITE = _TO_XYZ.sum(axis=1)
LUMINANCE = _TO_XYZ[1]  # weights of linear r, g, b

_LAB_KNEE = (6 / 29) ** 3
_LAB_SLOPE = (29 / 6) ** 2 / 3
DENSITY_FLOOR = 1e-4  # a density above 4.0 is beyond any print, film or scanner


def srgb_to_linear(srgb: np.ndarray) -> np.ndarray:
    """Decode sRGB values to linear light; values outside 0-1 continue both branches.

    Source:
        IEC 61966-2-1
    """
    srgb = _floats(srgb)
    powered = ((np.maximum(srgb, 0.0) + 0.055) / 1.055) ** 2.4
    return np.where(srgb <= 0.04045, srgb / 12.92, powered).astype(srgb.dtype, copy=False)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """Encode linear light as sRGB values; the inverse of ``srgb_to_linear``."""
    linear = _floats(linear)
    powered = 1.055 * np.maximum(linear, 0.0) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.04045 / 12.92, linear * 12.92, powered).astype(
        linear.dtype, copy=False
    )


def linear_to_xyz(linear: np.ndarray) -> np.ndarray:
    """XYZ (Y of white = 1) of linear RGB, shape (..., 3)."""
    linear = _floats(linear)
    return np.asarray(linear @ _TO_XYZ.T.astype(linear.dtype))


def xyz_to_linear(xyz: np.ndarray) -> np.ndarray:
    """Linear RGB of XYZ, shape (..., 3); values outside 0-1 are outside the gamut."""
    xyz = _floats(xyz)
    return np.asarray(xyz @ _FROM_XYZ.T.astype(xyz.dtype))


def xyz_to_lab(xyz: np.ndarray) -> np.ndarray:
    """CIELAB (L* 0-100, a*, b*) of XYZ under D65.

    Source:
        CIE 15:2004; the linear part below L* 8 keeps negative values finite
    """
    xyz = _floats(xyz)
    relative = xyz / _WHITE.astype(xyz.dtype)
    f = np.where(relative > _LAB_KNEE, np.cbrt(relative), relative * _LAB_SLOPE + 4 / 29).astype(
        xyz.dtype, copy=False
    )
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_xyz(lab: np.ndarray) -> np.ndarray:
    """XYZ under D65 of CIELAB; the inverse of ``xyz_to_lab``."""
    lab = _floats(lab)
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    relative = np.where(f > 6 / 29, f**3, (f - 4 / 29) / _LAB_SLOPE)
    return np.asarray(relative * _WHITE, dtype=lab.dtype)


def linear_to_lab(linear: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB, shape (..., 3)."""
    return xyz_to_lab(linear_to_xyz(linear))


def lab_to_linear(lab: np.ndarray) -> np.ndarray:
    """Linear RGB of CIELAB, shape (..., 3)."""
    return xyz_to_linear(lab_to_xyz(lab))


def luminance(linear: np.ndarray) -> np.ndarray:
    """Relative luminance Y of linear pixels: the channel itself when there is one.

    Args:
        linear: (..., 1 or 3) linear light
    Returns:
        (...) of the same dtype
    """
    linear = _floats(linear)
    if linear.shape[-1] == 1:
        return linear[..., 0]
    return np.asarray(linear @ LUMINANCE.astype(linear.dtype))


def lightness(y: np.ndarray) -> np.ndarray:
    """CIELAB lightness L* (0-100) of relative luminance."""
    y = _floats(y)
    f = np.where(y > _LAB_KNEE, np.cbrt(y), y * _LAB_SLOPE + 4 / 29)
    return np.asarray(116 * f - 16, dtype=y.dtype)


def density(linear: np.ndarray) -> np.ndarray:
    """Optical density -log10 of linear light: 0 is the white of the scale, 1 a tenth of it.

    Light below ``DENSITY_FLOOR`` counts as the floor, so black is 4.0 and not infinite.
    """
    linear = _floats(linear)
    return np.asarray(0.0 - np.log10(np.maximum(linear, DENSITY_FLOOR)), dtype=linear.dtype)


def ciede2000(lab: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Colour difference CIEDE2000 of two CIELAB arrays of shapes that broadcast.

    Returns:
        (...) differences; 1 is about the smallest that is seen side by side
    Source:
        Sharma, Wu, Dalal 2005, doi:10.1002/col.20070; kL = kC = kH = 1
    """
    lab, other = _floats(lab), _floats(other)
    l1, a1, b1 = (lab[..., i] for i in range(3))
    l2, a2, b2 = (other[..., i] for i in range(3))
    mean_chroma7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - np.sqrt(mean_chroma7 / (mean_chroma7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1 = np.degrees(np.arctan2(b1, a1)) % 360
    h2 = np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0

    turn = h2 - h1
    turn = np.where(turn > 180, turn - 360, np.where(turn < -180, turn + 360, turn))
    turn = np.where(grey, 0, turn)
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    d_light, d_chroma = l2 - l1, c2 - c1

    light, chroma, both = (l1 + l2) / 2, (c1 + c2) / 2, h1 + h2
    far = np.abs(h1 - h2) > 180
    hue = np.where(far, np.where(both < 360, both + 360, both - 360), both) / 2
    hue = np.where(grey, both, hue)
    t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    s_light = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_chroma = 1 + 0.045 * chroma
    s_hue = 1 + 0.015 * chroma * t
    chroma7 = chroma**7
    turn_blue = np.radians(30 * np.exp(-(((hue - 275) / 25) ** 2)))
    r = -np.sin(2 * turn_blue) * 2 * np.sqrt(chroma7 / (chroma7 + 25.0**7))
    terms = (d_light / s_light, d_chroma / s_chroma, d_hue / s_hue)
    squared = sum(term**2 for term in terms) + r * terms[1] * terms[2]
    # rounding can leave a hair below zero for equal colours
    return np.asarray(np.sqrt(np.maximum(squared, 0)), dtype=lab.dtype)


def _floats(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    return values if values.dtype == np.float64 else values.astype(np.float32, copy=False)
