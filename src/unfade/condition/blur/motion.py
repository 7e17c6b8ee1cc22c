"""Motion: the parallel stripes of zeros that a line leaves in the spectrum.

The response of a movement of length L in one direction is a sinc with zeros at 1, 2, 3 ... / L
cycles a pixel along that direction, and the same all across it. For each direction the spectrum is
averaged across it, and the profile compared with sincs of all lengths.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np

from unfade.condition.blur.spectrum import (
    Frequencies,
    Likeness,
    Spectra,
    likeness,
    straightened,
)

LENGTHS_PX = np.arange(4.0, 42.0, 0.5)
ANGLES = np.arange(0.0, 180.0, 3.0)
_LEAK = 0.01  # share of the power that windows and noise let into the zeros


@dataclass(frozen=True, slots=True)
class Line:
    """The movement that fits best.

    Attributes:
        length_px, angle_degrees: its size
        like: how well it fits
        across: how well the same length does at a right angle to it
        agree: share of the windows with detail that show the same stripes
    """

    length_px: float
    angle_degrees: float
    like: Likeness
    across: Likeness
    agree: float


def best_line(spectra: Spectra, frequencies: Frequencies) -> Line:
    """Fit movements to the mean spectrum."""
    out = straightened(frequencies.bins)
    even = _evened(spectra.mean[frequencies.inside], frequencies)
    tried = [
        (fit.correlation * min(1.0, max(0.0, fit.depth) / 0.3), length, angle, fit)
        for angle in ANGLES
        for length, fit in _fits(even, angle, LENGTHS_PX, frequencies, out)
    ]
    _, length, angle, _ = max(tried, key=lambda one: one[0])
    near = [
        (fit.correlation, fine, turned % 180, fit)
        for turned in np.arange(angle - 3, angle + 3.01, 0.5)
        for fine, fit in _fits(
            even, turned, np.arange(length - 0.75, length + 0.76, 0.125), frequencies, out
        )
    ]
    _, length, angle, like = max(near, key=lambda one: one[0])
    _, across = _fits(even, angle + 90, np.array([length]), frequencies, out)[0]
    shows = [
        _fits(
            _evened(one[frequencies.inside], frequencies),
            angle,
            np.array([length]),
            frequencies,
            out,
        )[0][1]
        for one in spectra.each
    ]
    agree = np.mean([one.correlation > 0.4 and one.depth > 0.2 for one in shows])
    return Line(float(length), float(angle), like, across, float(agree))


def _evened(values: np.ndarray, frequencies: Frequencies) -> np.ndarray:
    """The spectrum without what falls with the frequency's length alone."""
    f = frequencies.length
    basis, _ = np.linalg.qr(np.stack([np.ones_like(f), np.log(f), f], axis=1))
    return np.asarray(values - basis @ (basis.T @ values))


def _fits(
    even: np.ndarray,
    angle_degrees: float,
    lengths_px: np.ndarray,
    frequencies: Frequencies,
    out: np.ndarray,
) -> list[tuple[float, Likeness]]:
    turn = angle_degrees * pi / 180
    along = np.abs(frequencies.right * np.cos(turn) + frequencies.down * np.sin(turn))
    profile = out @ frequencies.profile(even, along)
    sincs = np.sinc(frequencies.bins[None, :] * lengths_px[:, None]) ** 2
    models = np.log(sincs + _LEAK) @ out
    return list(zip((float(length) for length in lengths_px), likeness(profile, models)))
