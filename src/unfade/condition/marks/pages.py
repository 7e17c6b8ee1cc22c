"""Tell drawings, text pages, screenshots and 1-bit scans, which no finder of marks may touch."""

from __future__ import annotations

import numpy as np

from unfade.picture import Picture, pixels_to_codes

SAMPLE_PX = 1_000_000
COMMON_CODES = 16  # a photograph's tones spread over far more
COMMON_SHARE = 0.90
INK_SHARE = 0.02  # a blank sheet or a flat field with a few marks is not a drawing


def is_page(picture: Picture) -> bool:
    """Whether few tones make up the picture, and more than one of them counts.

    Looks at up to a million pixels on a regular grid, reduced to 8-bit luminance.
    """
    stride = max(1, int(np.sqrt(picture.rows * picture.cols / SAMPLE_PX)))
    sample = picture.with_samples(np.ascontiguousarray(picture.samples[::stride, ::stride]))
    luminance = np.nan_to_num(sample.pixels).mean(axis=2)
    codes = pixels_to_codes(luminance, np.dtype(np.uint8), 255.0)
    counts = np.bincount(codes.ravel(), minlength=256) / codes.size
    paper = int(counts.argmax())
    ink = 1 - counts[max(0, paper - 12) : paper + 13].sum()
    common = np.sort(counts)[-COMMON_CODES:].sum()
    return bool(common >= COMMON_SHARE and ink >= INK_SHARE)
