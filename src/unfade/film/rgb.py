"""Between a film's planes and the pixels that steps for pictures work on.

Only steps for pictures (upscale, fade, colour) need RGB. What they do changes every pixel anyway,
so the rounding of the way there and back is part of an estimated result; temporal repairs never
come this way.
"""

from __future__ import annotations

import numpy as np

from unfade.film.layout import Colour, Layout, Planes
from unfade.film.light import to_codes
from unfade.picture import Pixels

_WEIGHTS = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}  # red, blue
_BT601 = (0.299, 0.114)


def to_pixels(planes: Planes, layout: Layout, colour: Colour) -> Pixels:
    """Planes as (rows, cols, 1 or 3) float32, 0-1."""
    import cv2

    top = np.float32(layout.top)
    if layout.family == "grey":
        return np.asarray((planes[0].astype(np.float32) / top)[:, :, None], np.float32)
    if layout.family == "rgb":
        return np.stack([p.astype(np.float32) / top for p in planes[:3]], axis=2)
    rows, cols = planes[0].shape
    low, light, tone = _scales(layout, colour)
    y = (planes[0].astype(np.float32) - low) / light
    middle = np.float32(1 << (layout.bits - 1))
    u, v = ((p.astype(np.float32) - middle) / tone for p in planes[1:3])
    if u.shape != y.shape:
        u, v = (cv2.resize(p, (cols, rows), interpolation=cv2.INTER_LINEAR) for p in (u, v))
    kr, kb = _weights(colour, rows)
    red = y + 2 * (1 - kr) * v
    blue = y + 2 * (1 - kb) * u
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.asarray(np.stack([red, green, blue], axis=2), np.float32)


def to_planes(pixels: Pixels, layout: Layout, colour: Colour) -> Planes:
    """Pixels as planes of a layout without alpha."""
    import cv2

    if layout.family == "grey":
        return (to_codes(pixels.mean(axis=2) * layout.top, layout),)
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    if layout.family == "rgb":
        return tuple(to_codes(pixels[:, :, k] * layout.top, layout) for k in range(3))
    rows, cols = pixels.shape[:2]
    kr, kb = _weights(colour, rows)
    red, green, blue = (pixels[:, :, k] for k in range(3))
    y = kr * red + (1 - kr - kb) * green + kb * blue
    u, v = (blue - y) / (2 * (1 - kb)), (red - y) / (2 * (1 - kr))
    shape = layout.shape(1, rows, cols)
    if shape != y.shape:
        u, v = (cv2.resize(p, shape[::-1], interpolation=cv2.INTER_AREA) for p in (u, v))
    low, light, tone = _scales(layout, colour)
    middle = np.float32(1 << (layout.bits - 1))
    return (
        to_codes(y * light + low, layout),
        to_codes(u * tone + middle, layout),
        to_codes(v * tone + middle, layout),
    )


def luminance(pixels: Pixels) -> np.ndarray:
    """(rows, cols) float32 in codes of 0-255."""
    if pixels.shape[2] == 1:
        return np.asarray(pixels[:, :, 0] * 255, np.float32)
    return np.asarray(pixels @ np.array([0.25, 0.5, 0.25], np.float32) * 255, np.float32)


def _scales(layout: Layout, colour: Colour) -> tuple[np.float32, np.float32, np.float32]:
    """Code of black, codes of light, codes of colour difference."""
    if colour.full_range:
        return np.float32(0), np.float32(layout.top), np.float32(layout.top)
    unit = 1 << (layout.bits - 8)
    return np.float32(16 * unit), np.float32(219 * unit), np.float32(224 * unit)


def _weights(colour: Colour, rows: int) -> tuple[float, float]:
    """Shares of red and blue in light; without a tag large frames are BT.709, as players guess."""
    if colour.matrix in (2, 3):
        return _WEIGHTS[1] if rows >= 720 else _BT601
    return _WEIGHTS.get(colour.matrix, _BT601)
