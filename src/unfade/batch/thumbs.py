"""Small pictures for reports: a few kilobytes each."""

from __future__ import annotations

import numpy as np

from unfade.picture import Picture, codes_to_pixels, pixels_to_codes, stated_full_scale

SIDE_PX = 320
QUALITY = 80


def thumbnail(picture: Picture, side_px: int = SIDE_PX) -> bytes:
    """A JPEG of at most ``side_px`` on its longer side.

    Colour is shown as stored: for a look, not for a measurement.
    """
    import cv2

    step = max(1, max(picture.rows, picture.cols) // (2 * side_px))
    pixels = codes_to_pixels(picture.samples[::step, ::step], picture.full_scale)
    scale = min(1.0, side_px / max(pixels.shape[:2]))
    rows, cols = (max(1, round(side * scale)) for side in pixels.shape[:2])
    small = cv2.resize(pixels, (cols, rows), interpolation=cv2.INTER_AREA)
    shown = pixels_to_codes(small, np.dtype(np.uint8), stated_full_scale(np.dtype(np.uint8)))
    done, coded = cv2.imencode(
        ".jpg",
        shown[..., ::-1] if shown.ndim == 3 else shown,
        [int(cv2.IMWRITE_JPEG_QUALITY), QUALITY],
    )
    assert done
    return bytes(coded)
