"""The density model: ``faded = gain * sound + stain`` in each dye layer.

Dye loss is proportional to what is left (Wallace 1989; Chatterjee, Trumpy, Ruedel 2023), so a
layer's density is multiplied; a stain is added. Layers are not channels: each dye also takes away
light that is not its own, so amounts of dye are unmixed from red, green and blue densities by a
3 x 3 matrix before anything is multiplied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from unfade.picture import Pixels

# Densities to red, green and blue light (rows) of cyan, magenta and yellow dye (columns), in units
# of dye such that equal amounts are neutral: every row sums to 1. The last three follow from the
# spectral dye densities that Kodak printed of its materials, seen through ISO 5-3 Status A at a
# neutral of density 1 (``unfade.degrade.whole.spectra`` holds the spectra, the tests compare):
# Supra Endura paper, Ektachrome 100D, Eastman Color Print Film 5381. "chromogenic" is rounded from
# several C-41 and RA-4 materials.
DYES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "independent": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "chromogenic": ((0.92, 0.07, 0.01), (0.19, 0.75, 0.06), (0.08, 0.21, 0.71)),
    "paper": ((0.9389, 0.0569, 0.0042), (0.1122, 0.8142, 0.0736), (0.0556, 0.0653, 0.8791)),
    "slide": ((0.8584, 0.1379, 0.0037), (0.1320, 0.8057, 0.0623), (0.0602, 0.1393, 0.8005)),
    "print-film": ((0.8579, 0.1222, 0.0199), (0.1060, 0.7390, 0.1550), (0.0886, 0.1999, 0.7115)),
}
LEAST_LIGHT = 1e-6  # density 6: the first code of 16-bit sRGB
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # Rec. 709


@dataclass(frozen=True)
class Fading:
    """What was lost: ``faded = gain * sound + stain`` in the density of each layer.

    Attributes:
        gains: what is left of each layer's density; 1: nothing lost
        stains: density added to each layer
        dyes: key of ``DYES``; ignored for one layer
        evidence: 0-1, how surely this is fading; the numbers above are weighed by it
        says: why, in words
    """

    gains: tuple[float, ...]
    stains: tuple[float, ...]
    dyes: str = "independent"
    evidence: float = 1.0
    says: str = ""

    @property
    def nothing(self) -> bool:
        return all(g == 1 for g in self.gains) and all(s == 0 for s in self.stains)

    def scaled(self, strength: float) -> Fading:
        """A share of this loss."""
        if strength == 1:
            return self
        gains = tuple(gain**strength for gain in self.gains)
        return replace(self, gains=gains, stains=tuple(strength * s for s in self.stains))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"gains": list(self.gains), "stains": list(self.stains)}


def restore_density(pixels: Pixels, fading: Fading) -> Pixels:
    """Undo a known loss of density.

    Args:
        pixels: (rows, cols, 1 or 3) float32, linear light; at most 0 counts as density 6
        fading: one layer (acts on luminance, hue kept) or three
    Returns:
        (rows, cols, channels) float32, linear light
    Cost:
        0.1 s a megapixel of colour on one core; peak memory 5 x the tile
    Source:
        density model of Wallace 1989 and Chatterjee, Trumpy, Ruedel 2023
    """
    gains = tuple(1 / gain for gain in fading.gains)
    stains = tuple(-stain / gain for gain, stain in zip(fading.gains, fading.stains))
    return _density_curve(pixels, gains, stains, fading.dyes, LEAST_LIGHT)


def invert_restore_density(pixels: Pixels, fading: Fading) -> Pixels:
    """Take the correction back: the inverse of ``restore_density``, where nothing was clipped."""
    # six densities, corrected, can have become thirty
    return _density_curve(pixels, fading.gains, fading.stains, fading.dyes, LEAST_LIGHT**6)


def layers_of(planes: Sequence[np.ndarray], dyes: str) -> list[np.ndarray]:
    """Densities of the dye layers of planes of linear light, red first."""
    return _mixed([_density(plane) for plane in planes], _inverse(dyes))


def luminance_density(planes: Sequence[np.ndarray]) -> np.ndarray:
    """Density of the luminance of planes of linear light."""
    return _density(_luminance(planes))


def _density_curve(
    pixels: Pixels, gains: Sequence[float], stains: Sequence[float], dyes: str, least: float
) -> Pixels:
    """``density -> gain * density + stain`` in each layer, from light of at least ``least``."""
    planes = [np.ascontiguousarray(pixels[:, :, c]) for c in range(pixels.shape[2])]
    if len(gains) == 1:
        density = _density(_luminance(planes), least)
        factor = _light(density * np.float32(gains[0] - 1) + np.float32(stains[0]))
        scaled: Pixels = pixels * factor[:, :, None]
        return scaled
    layers = _mixed([_density(plane, least) for plane in planes], _inverse(dyes))
    changed = [d * np.float32(g) + np.float32(s) for d, g, s in zip(layers, gains, stains)]
    return np.stack([_light(d) for d in _mixed(changed, DYES[dyes])], axis=2)


def _density(light: np.ndarray, least: float = LEAST_LIGHT) -> np.ndarray:
    density: np.ndarray = -np.log10(np.maximum(light, np.float32(least)))
    return density


def _light(density: np.ndarray) -> np.ndarray:
    light: np.ndarray = np.exp(density * np.float32(-np.log(10)))
    return light


def _luminance(planes: Sequence[np.ndarray]) -> np.ndarray:
    return planes[0] if len(planes) == 1 else _weighted(planes, _LUMINANCE)


def _mixed(planes: Sequence[np.ndarray], matrix: Sequence[Sequence[float]]) -> list[np.ndarray]:
    return list(planes) if len(planes) == 1 else [_weighted(planes, row) for row in matrix]


def _weighted(planes: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Weighted sum in fixed order: a matrix product may add in another order on each machine."""
    total: np.ndarray | None = None
    for plane, weight in zip(planes, weights):
        if weight:
            term = plane * np.float32(weight)
            total = term if total is None else total + term
    assert total is not None
    return total


def _inverse(dyes: str) -> list[list[float]]:
    inverse: list[list[float]] = np.linalg.inv(np.array(DYES[dyes])).tolist()
    return inverse
