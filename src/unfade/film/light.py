"""Light from planes, and back: what temporal steps compare, and how curves and shifts are put on.

Steps see luminance as float32 in codes of 0-255 whatever the film stores; what they put in is
written in the film's own codes, plane by plane, so that nothing is converted to RGB and back.
"""

from __future__ import annotations

import numpy as np

from unfade.film.layout import Colour, Layout, Planes
from unfade.picture import Plane
from unfade.steps.film.deflicker import Curve, colour_table, curve_table
from unfade.steps.film.stabilise import shifted


def luma_of(planes: Planes, layout: Layout) -> Plane:
    """Luminance as float32 (rows, cols) in codes of 0-255."""
    scale = np.float32(255 / layout.top)
    if layout.family == "rgb":
        red, green, blue = (p.astype(np.float32) for p in planes[:3])
        return np.asarray((0.25 * red + 0.5 * green + 0.25 * blue) * scale, np.float32)
    luma = planes[0].astype(np.float32)
    return luma if layout.bits == 8 else luma * scale


def black_of(layout: Layout, colour: Colour) -> float:
    """The code of black, of 255."""
    return 16.0 if layout.family == "yuv" and not colour.full_range else 0.0


def with_curve(planes: Planes, curve: Curve, layout: Layout, colour: Colour) -> Planes:
    """Planes with deflicker's curve on them; alpha stays."""
    if curve.nothing:
        return planes
    light = curve_table(curve, layout.bits, black_of(layout, colour))
    tone = colour_table(curve, layout.bits) if layout.family == "yuv" else light
    tables = (light, tone, tone) if layout.family == "yuv" else (light,) * 3
    return (
        tuple(table[plane] for table, plane in zip(tables, planes[: layout.mended]))
        + planes[layout.mended :]
    )


def with_shift(planes: Planes, across: float, down: float, layout: Layout) -> Planes:
    """Planes moved by parts of a pixel; alpha moves along."""
    if across == 0 and down == 0:
        return planes
    result = []
    for k, plane in enumerate(planes):
        coarse = layout.coarse(k)
        moved = shifted(
            plane.astype(np.float32), across / (1 << coarse[0]), down / (1 << coarse[1])
        )
        result.append(to_codes(moved, layout))
    return tuple(result)


def to_codes(plane: np.ndarray, layout: Layout) -> np.ndarray:
    """Float codes, rounded and clipped, as the layout stores them."""
    return np.clip(np.rint(plane), 0, layout.top).astype(layout.dtype)


def levelled(plane: Plane, curve: Curve, black: float) -> Plane:
    """Luminance (codes of 0-255) with a curve on it, not rounded."""
    if curve.nothing:
        return plane
    span = np.float32(255 - black)
    offset = black + curve.offset * span - curve.gain * black
    return np.asarray(np.float32(curve.gain) * plane + np.float32(offset), np.float32)
