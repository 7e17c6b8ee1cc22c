"""Pictures as a screen shows them: 8-bit sRGB, small enough, as bytes for a file or a page."""

from __future__ import annotations

import base64
import io
from typing import Annotated

import numpy as np

from unfade.picture import Layout, Picture, codes_to_pixels, pixels_to_codes
from unfade.pixels.colour import linear_to_srgb
from unfade.pixels.profile import to_linear

Shown = Annotated[np.ndarray, Layout("rows cols channels", "uint8")]


def as_picture(source: Picture | np.ndarray) -> Picture:
    """A picture, or an array (rows, cols[, channels]) of uint8, uint16 or float32 as one."""
    if isinstance(source, Picture):
        return source
    array = source[:, :, None] if source.ndim == 2 else source
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    return Picture(np.ascontiguousarray(array))


def shown(picture: Picture, rows: int, cols: int) -> Shown:
    """A picture at a size for the screen, (rows, cols, 3) uint8 sRGB.

    It is scaled in its own codes, smaller by the mean of what falls together, larger by Lanczos,
    and then brought to sRGB's tone curve by the one that the picture states. Its gamut is left
    as it is.
    """
    samples = picture.samples
    if (picture.rows, picture.cols) != (rows, cols):
        samples = _scaled(samples, rows, cols)
    pixels = codes_to_pixels(samples, picture.full_scale)
    if picture.encoding != "srgb":
        pixels = linear_to_srgb(np.clip(to_linear(pixels, picture), 0, 1))
    codes = pixels_to_codes(np.nan_to_num(pixels), np.dtype(np.uint8), 255.0)
    return np.ascontiguousarray(np.broadcast_to(codes, (rows, cols, 3)))


def _scaled(samples: np.ndarray, rows: int, cols: int) -> np.ndarray:
    import cv2

    shrinks = rows * cols < samples.shape[0] * samples.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    scaled = cv2.resize(samples, (cols, rows), interpolation=method)
    return np.asarray(scaled).reshape(rows, cols, samples.shape[2])


def fitted(rows: int, cols: int, side_px: int) -> tuple[int, int]:
    """Rows and columns that fit a square of ``side_px``, never larger than they are."""
    scale = min(1.0, side_px / max(rows, cols))
    return max(1, round(rows * scale)), max(1, round(cols * scale))


def largest_of_blocks(plane: np.ndarray, rows: int, cols: int) -> np.ndarray:
    """A plane scaled down by the largest value that falls together: thin lines stay seen."""
    if plane.shape == (rows, cols):
        return plane
    top = np.arange(rows) * plane.shape[0] // rows
    left = np.arange(cols) * plane.shape[1] // cols
    return np.asarray(np.maximum.reduceat(np.maximum.reduceat(plane, top, axis=0), left, axis=1))


def image_bytes(codes: Shown, kind: str, quality: int = 90) -> bytes:
    """A file in memory: ``png``, ``jpeg`` or ``webp``."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(codes).save(file, kind, quality=quality)
    return file.getvalue()


def data_uri(codes: Shown, kind: str = "jpeg", quality: int = 90) -> str:
    """A picture inside a page, with no file beside it."""
    text = base64.b64encode(image_bytes(codes, kind, quality)).decode("ascii")
    return f"data:image/{kind};base64,{text}"
