"""Sharpness from the spectrum, with no edge and no target in the picture."""

from __future__ import annotations

import numpy as np

from unfade.evaluate.psnr import luma
from unfade.picture import Pixels

LOW, MIDDLE, HIGH = 0.05, 0.15, 0.40  # cycles a pixel; beyond 0.4 sampling and JPEG rule
SIDE_PX = 128  # windows: one sharp face counts even before a soft background
SHARPEST_SHARE = 0.25


def spectral_sharpness(pixels: Pixels) -> float:
    """How much fine structure there is for each bit of coarse structure, in dB; higher is sharper.

    Natural pictures have amplitudes that fall as 1/f, so power times f squared is level where
    nothing was lost. The figure is the level of the fine band (0.15-0.40 cycles a pixel) over
    that of the coarse band (0.05-0.15), as the median of the sharpest quarter of windows. About 0
    for a crisp picture; each dB less is detail lost. Gain in brightness or contrast does not move
    it, and noise, which is level before the factor f squared, raises it: compare like with like.

    Args:
        pixels: (rows, cols, channels) float32, each side 32 px or more
    Returns:
        dB; -inf for a picture with no fine structure at all
    Raises:
        ValueError: a side is shorter than 32 px
    Source:
        own, from the 1/f law of Field 1987, doi:10.1364/JOSAA.4.002379
    """
    plane = luma(pixels)[:, :, 0].astype(np.float64)
    if min(plane.shape) < 32:
        raise ValueError(f"a picture of {plane.shape[::-1]} px is too small, expected 32 or more")
    levels = []
    for top in _starts(plane.shape[0]):
        for left in _starts(plane.shape[1]):
            window = plane[top : top + SIDE_PX, left : left + SIDE_PX]
            fine, coarse = _band_levels(window)
            if coarse > 1e-9:  # an empty sky says nothing
                levels.append(10 * np.log10(fine / coarse) if fine > 0 else -np.inf)
    if not levels:
        return float("-inf")
    levels.sort(reverse=True)
    return float(np.median(levels[: max(1, round(len(levels) * SHARPEST_SHARE))]))


def _starts(length_px: int) -> range:
    side = min(SIDE_PX, length_px)
    return range(0, length_px - side + 1, max(side // 2, 1))


def _band_levels(window: np.ndarray) -> tuple[float, float]:
    """Mean of power x f^2 in the fine and in the coarse band of one window."""
    rows, cols = window.shape
    taper = np.hanning(rows)[:, None] * np.hanning(cols)[None, :]
    mean = (window * taper).sum() / taper.sum()
    power = np.abs(np.fft.rfft2((window - mean) * taper)) ** 2 / (taper**2).sum()
    squared = np.fft.fftfreq(rows)[:, None] ** 2 + np.fft.rfftfreq(cols)[None, :] ** 2
    weighted = power * squared
    fine = (squared >= MIDDLE**2) & (squared < HIGH**2)
    coarse = (squared >= LOW**2) & (squared < MIDDLE**2)
    return float(weighted[fine].mean()), float(weighted[coarse].mean())
