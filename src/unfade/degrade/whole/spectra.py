"""Dyes as spectra: what a densitometer sees of a colour material whose dyes are lost.

Each dye takes away light of every wavelength by Beer's law, and the densitometer sums what is
left over its red, green and blue bands. Nothing is linear in density there, so this is a check
on the 3 x 3 matrices of ``unfade.steps.correct_fading``, not a copy of them.

Spectral dye densities, peak 1, at 400-700 nm in steps of 10 nm: the curves that Kodak printed of
Supra Endura paper, Ektachrome 100D 5285 and Eastman Color Print Film 5381, as digitised by the
public project spectral_film_lut. Responses are those of Status A (ISO 5-3).
"""

from __future__ import annotations

import numpy as np

_NM = np.arange(400, 701, 10)
# fmt: off
_SPECTRA: dict[str, tuple[tuple[int, ...], ...]] = {  # cyan, magenta, yellow, thousandths
    "paper": (
        (115, 106, 93, 73, 55, 42, 36, 32, 34, 37, 43, 53, 69, 91, 119, 157, 220, 300, 407, 531,
         668, 815, 942, 1000, 968, 854, 708, 572, 449, 348, 272),
        (42, 46, 49, 49, 56, 73, 101, 152, 224, 323, 453, 603, 745, 871, 970, 1000, 909, 703, 472,
         293, 176, 108, 67, 47, 39, 37, 35, 32, 28, 24, 21),
        (411, 610, 815, 939, 992, 1000, 958, 844, 681, 509, 346, 217, 132, 80, 45, 31, 18, 14, 11,
         8, 5, 4, 4, 4, 4, 6, 8, 10, 11, 10, 11),
    ),
    "slide": (
        (155, 126, 98, 79, 61, 53, 45, 42, 38, 46, 55, 67, 91, 115, 149, 194, 253, 326, 407, 513,
         620, 728, 820, 897, 959, 995, 1000, 978, 936, 869, 792),
        (79, 99, 120, 146, 153, 145, 166, 211, 277, 378, 487, 635, 772, 896, 979, 1000, 965, 869,
         728, 547, 382, 265, 178, 123, 82, 56, 37, 25, 17, 13, 10),
        (555, 698, 837, 939, 1000, 997, 944, 807, 654, 496, 343, 221, 136, 75, 32, 19, 5, 2, 3, 3,
         4, 4, 4, 5, 5, 5, 6, 6, 7, 7, 7),
    ),
    "print-film": (
        (216, 204, 158, 117, 84, 60, 42, 29, 24, 24, 28, 37, 52, 73, 102, 137, 180, 235, 306, 393,
         497, 618, 733, 823, 899, 959, 997, 1000, 977, 936, 905),
        (180, 180, 204, 234, 260, 255, 258, 310, 409, 535, 660, 776, 886, 974, 1000, 961, 816, 623,
         484, 373, 289, 222, 169, 130, 102, 81, 65, 54, 45, 40, 38),
        (565, 611, 731, 836, 926, 988, 1000, 959, 851, 695, 522, 396, 299, 223, 168, 121, 88, 66,
         52, 43, 37, 31, 27, 24, 23, 19, 17, 15, 15, 15, 15),
    ),
}
_STATUS_A: tuple[tuple[int, tuple[float, ...]], ...] = (  # first nm, response in steps of 10 nm
    (600, (0.37, 43.45, 100, 74.3, 40.18, 19.32, 7.94, 3.56, 1.46, 0.6, 0.24)),
    (500, (0.04, 6.64, 60.53, 100, 80.54, 44.06, 16.63, 4.06, 0.58, 0.04)),
    (420, (4, 65.92, 100, 81.66, 41.69, 10.96, 0.79, 0.04)),
)
# fmt: on
MATERIALS = tuple(_SPECTRA)
_NEWTON_STEPS = 12


def status_a(amounts: np.ndarray, material: str) -> np.ndarray:
    """Status A densities (..., 3) of dye amounts (..., 3): cyan, magenta, yellow.

    The unit of an amount is such that equal amounts of 1 make a neutral of density 1.
    """
    return _seen(np.asarray(amounts, np.float64) * _unit(material), material)


def dye_amounts(densities: np.ndarray, material: str) -> np.ndarray:
    """The amounts whose Status A densities are these: ``status_a`` undone by Newton's method."""
    wanted = np.asarray(densities, np.float64)
    amounts = wanted.copy()
    for _ in range(_NEWTON_STEPS):
        here = status_a(amounts, material)
        slopes = np.stack(
            [(status_a(amounts + step, material) - here) / 1e-4 for step in 1e-4 * np.eye(3)], -1
        )
        amounts = amounts - np.linalg.solve(slopes, (here - wanted)[..., None])[..., 0]
    return amounts


def fade_spectra(
    linear: np.ndarray,
    material: str,
    left: tuple[float, float, float],
    stain: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> np.ndarray:
    """Light of a print after its dyes have lost what is not ``left`` and gained a stain.

    Args:
        linear: (rows, cols, 3) linear light of the sound print, above 0
        material: one of ``MATERIALS``
        left: share of the cyan, magenta and yellow dye that is left
        stain: added to each dye's amount, in units that make a neutral of density 1
    Returns:
        (rows, cols, 3) float64
    Cost:
        some 30 s a megapixel: each pixel's spectrum is computed again at each of Newton's steps
    """
    amounts = dye_amounts(-np.log10(linear), material)
    return np.asarray(10 ** -status_a(amounts * np.array(left) + np.array(stain), material))


def density_matrix(material: str) -> np.ndarray:
    """(3, 3) slopes of the Status A densities over the dyes' amounts at a neutral of density 1."""
    grey = np.ones(3)
    up = np.stack([status_a(grey + step, material) for step in 1e-5 * np.eye(3)], -1)
    down = np.stack([status_a(grey - step, material) for step in 1e-5 * np.eye(3)], -1)
    slopes = (up - down) / 2e-5
    # each dye's unit once more, so that equal amounts are neutral in the matrix too
    return np.asarray(slopes * np.linalg.solve(slopes, np.ones(3)))


def _seen(amounts: np.ndarray, material: str) -> np.ndarray:
    light = 10 ** -(amounts @ (np.array(_SPECTRA[material]) / 1000))
    bands = []
    for first, response in _STATUS_A:
        start = (first - int(_NM[0])) // 10
        band = light[..., start : start + len(response)] @ np.array(response)
        bands.append(-np.log10(band / sum(response)))
    return np.stack(bands, -1)


def _unit(material: str) -> np.ndarray:
    """Peak densities of the dyes that make a neutral of density 1 together."""
    amounts = np.ones(3)
    for _ in range(_NEWTON_STEPS):
        here = _seen(amounts, material)
        slopes = np.stack(
            [(_seen(amounts + step, material) - here) / 1e-6 for step in 1e-6 * np.eye(3)], -1
        )
        amounts = amounts - np.linalg.solve(slopes, here - 1)
    return amounts
