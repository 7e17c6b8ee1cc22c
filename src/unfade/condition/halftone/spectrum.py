"""The spectra of many windows, and what they have in common.

A window's power spectrum falls steeply with frequency, as pictures do, and on this slope a screen
stands as a few narrow peaks. Divided by its own smoothed self a spectrum is even everywhere but
there; the mean of logarithms over windows keeps what stands at one frequency in many of them, and
loses what is in one alone.

Source:
    Sur, Grediac 2015, doi:10.1117/1.JEI.24.1.013003 (statistics of the spectra of many windows)
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Picture, Plane, Window

SIDES_PX = (256, 128, 64)
_AROUND = 13  # bins across whose mean is the background of the one in the middle
_MOST = 6.0  # of a log ratio: one window alone does not decide
_FAINT = 1e-10  # power of a modulation of 1e-5: below it is rounding


def places(picture: Picture, *, at_most: int) -> list[Window]:
    """Square windows spread evenly over the picture, half overlapping where there is little room.

    Returns:
        in reading order; none when the picture is under 64 pixels wide
    """
    side = next((s for s in SIDES_PX if s <= min(picture.rows, picture.cols)), 0)
    if not side:
        return []
    most_rows, most_cols = (2 * n // side for n in (picture.rows, picture.cols))
    share = min(1.0, (at_most / (most_rows * most_cols)) ** 0.5)
    n_rows = max(1, min(most_rows, round(most_rows * share)))
    n_cols = max(1, min(most_cols, at_most // n_rows))
    return [
        Window(top, left, top + side, left + side)
        for top in _spread(picture.rows - side, n_rows)
        for left in _spread(picture.cols - side, n_cols)
    ]


def whitened(plane: Plane) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of power over its surroundings, and the power, of one square window.

    Args:
        plane: (side, side) float32
    Returns:
        two (side, side) float32 arrays, frequency zero in the middle; power is that of a
        modulation: a cosine of amplitude a has a peak of a squared over 4
    Cost:
        5 ms for 256 x 256
    """
    import cv2

    side = len(plane)
    taper = hann(side)
    seen = (plane - plane.mean()) * taper[:, None] * taper
    power = np.abs(np.fft.fft2(seen)) ** 2 / float(taper.sum()) ** 4
    power = np.fft.fftshift(power).astype(np.float32)
    logs = np.log(power + np.float32(_FAINT))
    half = _AROUND // 2
    smooth = cv2.blur(np.pad(logs, half, mode="wrap"), (_AROUND, _AROUND))[half:-half, half:-half]
    return np.clip(logs - smooth, -_MOST, _MOST), power


def hann(side: int) -> np.ndarray:
    """A Hann window of ``side`` samples, float32, none of them zero."""
    at = (np.arange(side, dtype=np.float32) + 0.5) / side
    return np.asarray(np.sin(np.pi * at) ** 2, np.float32)


def amplitude(plane: Plane, frequency: tuple[float, float]) -> complex:
    """Complex amplitude of one frequency (down, right) in a window, phase from its first pixel."""
    rows, cols = plane.shape
    down, right = hann(rows), hann(cols)
    turn_down = down * np.exp(-2j * np.pi * frequency[0] * np.arange(rows))
    turn_right = right * np.exp(-2j * np.pi * frequency[1] * np.arange(cols))
    seen = plane - plane.mean()
    return complex(turn_down @ seen @ turn_right) * 2 / float(down.sum() * right.sum())


def _spread(room: int, count: int) -> list[int]:
    """``count`` places from 0 to ``room``, the ends among them, the middle when there is one."""
    return [room // 2] if count == 1 else [round(room * k / (count - 1)) for k in range(count)]
