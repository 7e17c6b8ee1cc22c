"""Defocus: the rings of zeros that a disc leaves in the spectrum.

The response of an even disc of radius r is a Bessel function with zeros at 0.61, 1.12, 1.62 ... / r
cycles a pixel. The profile of the spectrum over the frequency's length is compared with those of
discs of all radii. A Gaussian blur and a soft scanner, which have no zeros, are compared in the
same way, so that the knee where a falling spectrum meets the noise is not taken for one.
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

RADII_PX = np.geomspace(1.4, 20, 128)
SIGMAS_PX = np.geomspace(0.6, 6, 40)
_LEAK = 0.003  # share of the power that windows let into the zeros
_PLAIN = 0.35  # of the first zero's frequency over r: below, a disc hardly dims


@dataclass(frozen=True, slots=True)
class Disc:
    """The disc that fits best.

    Attributes:
        radius_px: its radius
        like: how well it fits
        rival: how well the best Gaussian does
        agree: share of the windows with detail that show the same rings
    """

    radius_px: float
    like: Likeness
    rival: Likeness
    agree: float


def best_disc(spectra: Spectra, frequencies: Frequencies) -> Disc:
    """Fit discs, and Gaussians, to the mean spectrum."""
    f = frequencies.bins
    profiles = [
        frequencies.profile(one[frequencies.inside], frequencies.length) for one in spectra.each
    ]
    mean = np.mean(profiles, axis=0)
    out = straightened(f)
    floor = float(mean[f > 0.4].min())
    discs = _models(f, mean, floor, [(_disc(f, r), 0.35 / r) for r in RADII_PX]) @ out
    gausses = _models(f, mean, floor, [(_gauss(f, s), 0.15 / s) for s in SIGMAS_PX]) @ out
    fits = likeness(out @ mean, discs)
    best = int(np.argmax([fit.correlation for fit in fits]))
    rival = max(likeness(out @ mean, gausses), key=lambda fit: fit.correlation)
    shows = [likeness(out @ profile, discs[best : best + 1])[0] for profile in profiles]
    agree = np.mean([one.correlation > 0.55 and one.depth > 0.4 for one in shows])
    return Disc(_between(fits, best), fits[best], rival, float(agree))


def _models(
    f: np.ndarray, mean: np.ndarray, floor: float, responses: list[tuple[np.ndarray, float]]
) -> np.ndarray:
    """What the profile would be: a line falling as photographs do, the response, the noise."""
    rows = []
    for response, plain_below in responses:
        plain = f < max(plain_below, f[3])
        dimmed = np.log(np.maximum(response[plain], 1e-3))
        level = float(np.mean(mean[plain] - dimmed + 2 * np.log(f[plain])))
        rows.append(np.log(np.exp(level) / f**2 * (response + _LEAK) + np.exp(floor)))
    return np.stack(rows)


def _disc(f: np.ndarray, radius_px: float) -> np.ndarray:
    """Power response of a disc."""
    x = 2 * pi * f * radius_px
    # the first Bessel function by its integral; 128 points are exact for such arguments
    turn = (np.arange(128) + 0.5) * pi / 128
    bessel = np.cos(turn - x[:, None] * np.sin(turn)).mean(axis=1)
    return np.asarray((2 * bessel / x) ** 2)


def _gauss(f: np.ndarray, sigma_px: float) -> np.ndarray:
    return np.asarray(np.exp(-4 * (pi * f * sigma_px) ** 2))


def _between(fits: list[Likeness], best: int) -> float:
    """The radius between those tried, where the correlation is highest: by a parabola."""
    if not 0 < best < len(fits) - 1:
        return float(RADII_PX[best])
    a, b, c = (fits[best + k].correlation for k in (-1, 0, 1))
    bend = a - 2 * b + c
    shift = 0.5 * (a - c) / bend if bend < 0 else 0.0
    ratio = RADII_PX[1] / RADII_PX[0]
    return float(RADII_PX[best] * ratio**shift)
