"""Stored values to linear light and back, through the tone curve that a picture states.

Reads the tone curves of ICC profiles: matrix/TRC profiles (r, g, bTRC) and grey ones (kTRC),
``curv`` and ``para`` tags. A profile of another kind (tables from device to Lab, or damaged)
has no such curve: sRGB's is used in its place, and ``tone_curves(...).says`` tells so. Gamut
(the profile's primaries) is not looked at: this is about light, not about hue.

Source:
    ICC.1:2022, sections 7.3, 10.6 (curveType) and 10.18 (parametricCurveType)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from unfade.picture import Picture
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear


class Curve(Protocol):
    """One channel's way from stored values to light, rising everywhere."""

    def decode(self, values: np.ndarray) -> np.ndarray: ...

    def encode(self, light: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class SrgbCurve:
    """The curve of sRGB."""

    def decode(self, values: np.ndarray) -> np.ndarray:
        return srgb_to_linear(values)

    def encode(self, light: np.ndarray) -> np.ndarray:
        return linear_to_srgb(light)


@dataclass(frozen=True, slots=True)
class ParametricCurve:
    """``(a x + b) ** gamma + offset`` from ``knee`` on, ``slope x + toe`` below it.

    Without a linear part (``slope`` 0) values below the knee mirror those above it, so that
    small negative values of a computation come back unchanged.
    """

    gamma: float
    a: float = 1.0
    b: float = 0.0
    offset: float = 0.0
    knee: float = 0.0
    slope: float = 0.0
    toe: float = 0.0

    def decode(self, values: np.ndarray) -> np.ndarray:
        x = values.astype(np.float64, copy=False)
        if self.slope:
            below = self.slope * x + self.toe
        else:
            below = 2 * self.offset - self._power(2 * self._zero - x)
        return np.where(x >= self.knee, self._power(x), below).astype(values.dtype)

    def encode(self, light: np.ndarray) -> np.ndarray:
        y = light.astype(np.float64, copy=False)
        above = self._root(y)
        if self.slope:
            below = (y - self.toe) / self.slope
            # a curve may jump at its knee; either side of the jump must come back
            split = float(self._power(np.float64(self.knee)))
        else:
            below = 2 * self._zero - self._root(2 * self.offset - y)
            split = self.offset
        return np.where(y >= split, above, below).astype(light.dtype)

    @property
    def _zero(self) -> float:
        return -self.b / self.a

    def _power(self, x: np.ndarray | np.float64) -> np.ndarray:
        return np.asarray(np.maximum(self.a * x + self.b, 0) ** self.gamma + self.offset)

    def _root(self, y: np.ndarray) -> np.ndarray:
        return (np.maximum(y - self.offset, 0) ** (1 / self.gamma) - self.b) / self.a


@dataclass(frozen=True, slots=True, eq=False)
class TableCurve:
    """Straight lines between nodes that rise strictly; the end lines go on outside."""

    x: np.ndarray
    y: np.ndarray

    def decode(self, values: np.ndarray) -> np.ndarray:
        return _along(values, self.x, self.y)

    def encode(self, light: np.ndarray) -> np.ndarray:
        return _along(light, self.y, self.x)


@dataclass(frozen=True, slots=True, eq=False)
class ToneCurves:
    """The curves of a picture's channels.

    Attributes:
        curves: one for all channels, or one for each
        stated: False when the profile states none that can be used and sRGB's stands in
        says: one sentence: which curve, and why
    """

    curves: tuple[Curve, ...]
    stated: bool
    says: str


def tone_curves(picture: Picture) -> ToneCurves:
    """The curves that a picture's encoding states, or sRGB's with the reason."""
    if picture.encoding == "linear":
        return ToneCurves((ParametricCurve(1.0),), True, "The samples are linear light.")
    if picture.encoding == "srgb":
        return ToneCurves((SrgbCurve(),), True, "The samples have the tone curve of sRGB.")
    return _of_profile(picture.icc or b"", picture.channels)


def to_linear(pixels: np.ndarray, picture: Picture) -> np.ndarray:
    """Linear light of stored pixels, as the picture's encoding states it.

    Args:
        pixels: (..., channels) float of this picture, 0-1; values outside go on smoothly
    Returns:
        same shape and dtype, a new array
    """
    return _each(pixels, picture, decode=True)


def from_linear(linear: np.ndarray, picture: Picture) -> np.ndarray:
    """Stored pixels of linear light: the inverse of ``to_linear`` within 1e-6 on 0-1."""
    return _each(linear, picture, decode=False)


def _each(values: np.ndarray, picture: Picture, *, decode: bool) -> np.ndarray:
    if picture.encoding == "linear":
        return values.copy()
    curves = tone_curves(picture).curves
    if len(curves) == 1:
        return curves[0].decode(values) if decode else curves[0].encode(values)
    if values.shape[-1] != len(curves):
        raise ValueError(f"pixels have {values.shape[-1]} channels, the picture {len(curves)}")
    planes = [
        curve.decode(values[..., i]) if decode else curve.encode(values[..., i])
        for i, curve in enumerate(curves)
    ]
    return np.stack(planes, axis=-1)


class _NoCurve(Exception):
    """Why a profile gives no tone curve; completes 'The colour profile ...'."""


@lru_cache(maxsize=8)
def _of_profile(icc: bytes, channels: int) -> ToneCurves:
    try:
        tags = tags_of(icc)
        space = icc[16:20]
        names = {1: (b"kTRC",), 3: (b"rTRC", b"gTRC", b"bTRC")}[channels]
        expected = {1: b"GRAY", 3: b"RGB "}[channels]
        if space != expected:
            found = space.decode("latin-1").strip()
            raise _NoCurve(f"is for {found} and the picture has {channels} channel(s)")
        if any(name not in tags for name in names):
            raise _NoCurve("describes colour by tables and states no tone curve")
        curves = tuple(_curve(tags[name]) for name in names)
    except _NoCurve as reason:
        says = f"The colour profile {reason}; the tone curve of sRGB is used in its place."
        return ToneCurves((SrgbCurve(),), False, says)
    if channels == 3 and tags[b"rTRC"] == tags[b"gTRC"] == tags[b"bTRC"]:
        curves = curves[:1]
    return ToneCurves(curves, True, "The tone curve is that of the colour profile.")


def tags_of(icc: bytes) -> dict[bytes, bytes]:
    """Tag signature -> its bytes."""
    if len(icc) < 132 or icc[36:40] != b"acsp":
        raise _NoCurve("is missing or damaged")
    (count,) = struct.unpack_from(">I", icc, 128)
    if 132 + 12 * count > len(icc):
        raise _NoCurve("is cut short")
    tags = {}
    for i in range(count):
        name, start, length = struct.unpack_from(">4sII", icc, 132 + 12 * i)
        if start + length <= len(icc):
            tags[name] = icc[start : start + length]
    return tags


def _curve(tag: bytes) -> Curve:
    kind = tag[:4]
    try:
        if kind == b"curv":
            return _curve_of_table(tag)
        if kind == b"para":
            return _curve_of_formula(tag)
    except struct.error as error:
        raise _NoCurve("has a tone curve that is cut short") from error
    raise _NoCurve(f"has a tone curve of unknown kind {kind!r}")


def _curve_of_table(tag: bytes) -> Curve:
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return ParametricCurve(1.0)
    if count == 1:
        (gamma,) = struct.unpack_from(">H", tag, 12)
        return _checked(ParametricCurve(gamma / 256))
    if 12 + 2 * count > len(tag):
        raise _NoCurve("has a tone curve that is cut short")
    codes = np.frombuffer(tag, ">u2", count, 12).astype(np.int64)
    if np.any(np.diff(codes) < 0) or codes[0] == codes[-1]:
        raise _NoCurve("has a tone curve that falls")
    # A run of equal entries is a slope too gentle for 16 bits. Only its middle is kept (of the
    # runs at the ends: the end), so that the curve rises everywhere and can be undone; it
    # differs from the table by less than one of the table's own steps.
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    ends = np.append(starts[1:], count) - 1
    nodes = (starts + ends) / 2
    nodes[0], nodes[-1] = 0, count - 1
    return TableCurve(nodes / (count - 1), codes[starts] / 65535)


def _curve_of_formula(tag: bytes) -> Curve:
    (kind,) = struct.unpack_from(">H", tag, 8)
    sizes = (1, 3, 4, 5, 7)
    if kind >= len(sizes):
        raise _NoCurve(f"has a tone curve of unknown formula {kind}")
    p = [v / 65536 for v in struct.unpack_from(f">{sizes[kind]}i", tag, 12)]
    if kind > 0 and p[1] <= 0:
        raise _NoCurve("has a tone curve that falls")
    if kind == 0:
        return _checked(ParametricCurve(p[0]))
    if kind == 1:
        return _checked(ParametricCurve(p[0], p[1], p[2], knee=-p[2] / p[1]))
    if kind == 2:
        return _checked(ParametricCurve(p[0], p[1], p[2], offset=p[3], knee=-p[2] / p[1]))
    if kind == 3:
        return _checked(ParametricCurve(p[0], p[1], p[2], knee=p[4], slope=p[3]))
    return _checked(ParametricCurve(p[0], p[1], p[2], offset=p[5], knee=p[4], slope=p[3], toe=p[6]))


def _checked(curve: ParametricCurve) -> Curve:
    """Refuse formulas that cannot be undone."""
    if not 0.1 <= curve.gamma <= 10 or curve.slope < 0:
        raise _NoCurve("has a tone curve that cannot be undone")
    x = np.linspace(0, 1, 257)
    y = curve.decode(x)
    if np.any(np.diff(y) <= 0) or np.abs(curve.encode(y) - x).max() > 1e-6:
        raise _NoCurve("has a tone curve that cannot be undone")
    return curve


def _along(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Piecewise linear interpolation that goes on with the end slopes."""
    result = np.interp(values, x, y)
    for end, inner, outside in ((0, 1, values < x[0]), (-1, -2, values > x[-1])):
        if outside.any():
            slope = (y[inner] - y[end]) / (x[inner] - x[end])
            result = np.where(outside, y[end] + slope * (values - x[end]), result)
    return np.asarray(result, dtype=values.dtype)
