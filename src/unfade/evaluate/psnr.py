"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np

from unfade.evaluate.mse import mean_squared_error
from unfade.picture import Pixels

_LUMA_709 = np.array([0.2126, 0.7152, 0.0722], np.float32)


def peak_signal_to_noise(a: Pixels, b: Pixels) -> float:
    """PSNR in dB over all channels, for a peak of 1.0; infinite for equal pictures.

    It prefers the timid: a blur that changes little everywhere scores well. Read it beside a
    perceptual measure.
    """
    error = mean_squared_error(a, b)
    return math.inf if error == 0 else -10 * math.log10(error)


def luma(pixels: Pixels) -> Pixels:
    """(rows, cols, 1) luma by the weights of ITU-R BT.709; grey pictures as they are."""
    if pixels.shape[2] == 1:
        return pixels
    return (pixels @ _LUMA_709)[:, :, None]
