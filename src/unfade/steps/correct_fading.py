"""Correct fading: give a print's layers back the density that light and time have taken.

A colour print holds three dye layers, a silver print one. Fading takes a share of each layer's
density and leaves a stain: what was density ``D`` is now ``gain * D + stain`` (Wallace 1989:
loss proportional to what is left; Chatterjee, Trumpy, Ruedel 2023). Six numbers, or two for
grey, describe it; they are measured, written in the record, and can be undone exactly.

What can be known from one picture: that the darkest and the lightest parts of a sound colour
print are nearly neutral, so the layers' losses *relative to each other* show. The common part
is a guess: the density range of a sound print is a setting, and a low-contrast scene looks just
like a faded print. Hence the guards: a picture that uses most of a sound print's range is left
alone; so is one too flat to tell, and a colour picture whose layers agree with each other (fog,
high key). A scene that is coloured all over (sunset, under water) can still be taken for faded.

Toned and grey pictures keep their hue: one common curve acts on their luminance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture, Pixels
from unfade.pixels.profile import to_linear
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

# Densities to red, green and blue light (rows) of cyan, magenta and yellow dye (columns), each
# row scaled to 1 so that equal amounts are neutral. "chromogenic" is rounded from the spectral
# dye densities that makers of C-41 and RA-4 materials print: an approximation, not one product.
DYES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "independent": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "chromogenic": ((0.92, 0.07, 0.01), (0.19, 0.75, 0.06), (0.08, 0.21, 0.71)),
}

_LEAST_LIGHT = 1e-6  # density 6: the first code of 16-bit sRGB
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # Rec. 709
_END_SHARE = 0.005  # of the pixels, taken to be the lightest and the darkest part
_BINS_A_DENSITY = 1024
_LOWEST, _HIGHEST = -1, 7  # unmixed densities can be a little below 0
_BINS = (_HIGHEST - _LOWEST) * _BINS_A_DENSITY

# A layer's range over that of a sound print: at the first and above, nothing has faded; at the
# second and below, it surely has. Of 209 sound photographs that were never printed 8 % are taken
# for faded to some degree, 3 % wholly: scenes of one colour.
_SOUND_SHARE, _FADED_SHARE = 0.7, 0.55
# Layers that differ in range by this factor, or in lightest density by this much: from nothing
# to say to clear evidence of dye loss.
_RANGE_FACTOR = (1.05, 1.2)
_STAIN_SPREAD = (0.04, 0.12)


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How far fading is undone, and what a sound print is taken to be."""

    strength: float = setting(1.0, "share of the loss to undo", low=0, high=1, neutral=0.0)
    max_gain: float = setting(
        3.0, "density is multiplied by at most this; a flatter picture is left alone", low=1, high=5
    )
    density_low: float = setting(
        0.05, "density of the lightest parts of a sound print", unit="density", low=0, high=0.5
    )
    density_high: float = setting(
        2.0, "density of its darkest parts", unit="density", low=0.8, high=4
    )
    keep_tone: bool | None = setting(
        None, "one curve for all layers, hue kept; left out: for grey and toned pictures"
    )
    dyes: str = setting(
        "independent", "which light each dye takes away beside its own", choices=tuple(DYES)
    )


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
    return _density_curve(pixels, gains, stains, fading.dyes, _LEAST_LIGHT)


def invert_restore_density(pixels: Pixels, fading: Fading) -> Pixels:
    """Take the correction back: the inverse of ``restore_density``, where nothing was clipped."""
    # six densities, corrected, can have become thirty
    return _density_curve(pixels, fading.gains, fading.stains, fading.dyes, _LEAST_LIGHT**6)


def measure_fading(
    pixels: Pixels, settings: Settings | None = None, *, keep_tone: bool = False
) -> Fading:
    """Estimate what a picture has lost, from the ends of its layers' densities.

    Args:
        pixels: (rows, cols, 1 or 3) float32, linear light
        keep_tone: one layer for all channels
    """
    settings = settings or Settings()
    counts = _densities(pixels, settings.dyes)
    return _fading_of(counts, settings, keep_tone or pixels.shape[2] == 1)


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Fading:
    """The loss of the whole picture, from histograms that are summed window by window."""
    grid = Grid()

    def count(tile: Tile) -> np.ndarray:
        linear = to_linear(picture.read(tile.core), picture)
        return _densities(linear, settings.dyes)

    total = np.zeros((picture.channels + 1, _BINS), np.int64)
    for counts in bench.map(
        count,
        grid.tiles(picture.rows, picture.cols),
        says="measuring densities",
        total=grid.count(picture.rows, picture.cols),
        bytes_each=grid.core_px**2 * 80,
    ):
        total += counts
    keep_tone = settings.keep_tone
    if keep_tone is None:
        tone = findings.tone
        keep_tone = tone is not None and tone.kind in ("grey", "toned")
    return _fading_of(total, settings, keep_tone or picture.channels == 1)


def _densities(linear: Pixels, dyes: str) -> np.ndarray:
    """Histograms (layers + 1, bins) of the layers' densities and of luminance density.

    Pixels that are black or white in all channels are left out: the scanner's bed, or clipped.
    """
    planes = [linear[:, :, c] for c in range(linear.shape[2])]
    ended = np.logical_and.reduce([(p <= _LEAST_LIGHT) | (p >= 1) for p in planes])
    planes = [p[~ended] for p in planes]
    layers = _mixed([_density(p) for p in planes], _inverse(dyes))
    layers.append(_density(_luminance(planes)))
    indices = ((d - _LOWEST) * _BINS_A_DENSITY for d in layers)
    last = _BINS - 1
    return np.stack(
        [np.bincount(np.clip(i, 0, last).astype(np.int64), minlength=last + 1) for i in indices]
    )


def _fading_of(counts: np.ndarray, settings: Settings, one_layer: bool) -> Fading:
    layers = len(counts) - 1
    none = (1.0,) * (1 if one_layer else layers), (0.0,) * (1 if one_layer else layers)
    if not counts.any():
        return Fading(*none, settings.dyes, 0.0, "No pixel is between black and white.")
    ends = [_ends(histogram) for histogram in counts]
    sound = settings.density_high - settings.density_low
    lows, targets = [low for low, _ in ends[:-1]], [settings.density_low] * layers
    ranges = [high - low for low, high in ends[:-1]]
    if one_layer:
        # the lightest channel ends where the paper's white is due; the others keep their hue
        low, high = ends[-1]
        targets, lows, ranges = [settings.density_low + low - min(lows)], [low], [high - low]
    if max(ranges) * settings.max_gain < sound:
        return Fading(*none, settings.dyes, 0.0, "The picture is too flat to tell if it faded.")
    lost = _ramp(min(ranges) / sound, _SOUND_SHARE, _FADED_SHARE)
    apart = 1.0
    if not one_layer:
        factor = max(ranges) / max(min(ranges), 1e-3)
        apart = max(_ramp(factor, *_RANGE_FACTOR), _ramp(max(lows) - min(lows), *_STAIN_SPREAD))
    evidence = lost * apart
    if evidence == 0:
        why = "uses the range of a sound print" if lost == 0 else "has layers that agree"
        return Fading(*none, settings.dyes, 0.0, f"The picture {why}.")
    weight = evidence * settings.strength
    full = [1 / min(max(sound / max(r, 1e-3), 1), settings.max_gain) for r in ranges]
    return Fading(
        tuple(gain**weight for gain in full),
        tuple(weight * (low - gain * t) for low, gain, t in zip(lows, full, targets)),
        settings.dyes,
        evidence,
        f"The weakest layer uses {min(ranges) / sound:.0%} of a sound print's range.",
    )


def _ends(histogram: np.ndarray) -> tuple[float, float]:
    """Densities below and above which ``_END_SHARE`` of the pixels lie."""
    below = np.cumsum(histogram)
    share = _END_SHARE * below[-1]
    low, high = np.searchsorted(below, [share, below[-1] - share]) / _BINS_A_DENSITY
    return float(low + _LOWEST), float(high + _LOWEST)


def _ramp(value: float, zero_at: float, one_at: float) -> float:
    return min(max((value - zero_at) / (one_at - zero_at), 0.0), 1.0)


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


def _density(light: np.ndarray, least: float = _LEAST_LIGHT) -> np.ndarray:
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


def _propose(look: Look, settings: Settings) -> Proposal:
    if look.measured.nothing:
        return Proposal(look.pixels)
    return Proposal(restore_density(look.pixels, look.measured))


STEP = Step(
    name="correct_fading",
    title="Give faded layers back their density",
    settings=Settings,
    kind=Kind.TONAL,
    evidence=Evidence.ADJUSTED,
    looks_at=("tone",),
    measure=measure,
    propose=_propose,
    encoding="linear",
    paper="Wallace 1989; Chatterjee, Trumpy, Ruedel 2023",
)
