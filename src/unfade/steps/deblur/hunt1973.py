"""Constrained least squares, with the noise as measured: the Wiener filter of a picture whose
spectrum falls as those of photographs do.

One linear filter: quick, even all over the picture, and the best that a linear filter can do when
blur and noise are what they are taken for. It rings beside strong edges; the step that uses it
limits that.

Source:
    Hunt 1973, "The application of constrained least squares estimation to image restoration by
    digital computer", doi:10.1109/TC.1973.5009169
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels
from unfade.steps.deblur.blocks import FRAME_PX, convolved, framed, wrapped

# Taken for noise beside the noise: what the kernel, clipped values and unknown edges are wrong by.
# Movements, whose response is near zero in many places, need it: on photographs of the training
# set blurred by 9 and 16 pixels it raises the gain from 1.5 to 2.4 dB, and discs lose 0.3 dB.
CAUTION = 3.0
LEAST = 0.003


def wiener_spectrum(kernel: np.ndarray, noise_over_slope: float) -> np.ndarray:
    """The filter, as a packed spectrum for ``blocks.convolved``.

    ``conj(H) / (|H|^2 + q |D|^2)``, where ``|D|`` is the response of the gradient: the power of a
    photograph falls with the square of the frequency, so ``q`` is the variance of the noise over
    the mean square of the sharp picture's gradient.

    Args:
        kernel: (side, side) float64, sum 1
        noise_over_slope: ``q``, above 0
    Returns:
        (FRAME_PX, FRAME_PX) float32
    """
    import cv2

    h = np.fft.rfft2(framed(kernel).astype(np.float64))
    down = np.fft.fftfreq(FRAME_PX)[:, None]
    right = np.fft.rfftfreq(FRAME_PX)[None, :]
    gradient = 4 * (np.sin(np.pi * down) ** 2 + np.sin(np.pi * right) ** 2)
    response = np.conj(h) / (np.abs(h) ** 2 + (CAUTION * noise_over_slope + LEAST) * gradient)
    return np.asarray(cv2.dft(np.fft.irfft2(response, s=(FRAME_PX, FRAME_PX)).astype(np.float32)))


def unblur_wiener(pixels: Pixels, spectrum: np.ndarray) -> Pixels:
    """Undo a blur with a filter of ``wiener_spectrum``.

    Args:
        pixels: (rows, cols, channels) float32, sides up to ``blocks.FRAME_PX``
    Returns:
        float32 like ``pixels``; values outside 0-1 can occur
    Cost:
        0.2 s a megapixel of colour on one core, margins included
    """
    frames = [convolved(plane, spectrum) for plane in wrapped(pixels)]
    rows, cols = pixels.shape[:2]
    return np.stack([frame[:rows, :cols] for frame in frames], axis=2)
