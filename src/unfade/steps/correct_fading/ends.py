"""The loss as the ends of the layers' densities show it: nothing but the picture is known.

The darkest and the lightest parts of a sound colour print are nearly neutral, so what the layers
lost *relative to each other* shows. The common part rests on the range of a sound print. Hence
the guards: a picture that uses most of that range is left alone; so is one too flat to tell, and
a colour picture whose layers agree with each other (fog, high key).
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Pixels
from unfade.steps.correct_fading.model import LEAST_LIGHT, Fading, layers_of, luminance_density

_END_SHARE = 0.005  # of the pixels, taken to be the lightest and the darkest part
_BINS_A_DENSITY = 1024
_LOWEST, _HIGHEST = -1, 7  # unmixed densities can be a little below 0
BINS = (_HIGHEST - _LOWEST) * _BINS_A_DENSITY

# A layer's range over that of a sound print: at the first and above, nothing has faded; at the
# second and below, it surely has. Of 209 sound photographs that were never printed 8 % are taken
# for faded to some degree, 3 % wholly: scenes of one colour.
_SOUND_SHARE, _FADED_SHARE = 0.7, 0.55
# Layers that differ in range by this factor, or in lightest density by this much: from nothing
# to say to clear evidence of dye loss.
_RANGE_FACTOR = (1.05, 1.2)
_STAIN_SPREAD = (0.04, 0.12)


def density_counts(linear: Pixels, dyes: str) -> np.ndarray:
    """Histograms (layers + 1, bins) of the layers' densities and of luminance density.

    Pixels that are black or white in all channels are left out: the scanner's bed, or clipped.
    """
    planes = [linear[:, :, c] for c in range(linear.shape[2])]
    ended = np.logical_and.reduce([(p <= LEAST_LIGHT) | (p >= 1) for p in planes])
    planes = [p[~ended] for p in planes]
    layers = [*layers_of(planes, dyes), luminance_density(planes)]
    indices = ((d - _LOWEST) * _BINS_A_DENSITY for d in layers)
    last = BINS - 1
    return np.stack(
        [np.bincount(np.clip(i, 0, last).astype(np.int64), minlength=last + 1) for i in indices]
    )


def fading_of(
    counts: np.ndarray,
    dyes: str,
    *,
    one_layer: bool,
    density_low: float,
    density_high: float,
    max_gain: float,
) -> Fading:
    """The loss that histograms of densities show, weighed by how sure it is.

    Args:
        counts: as ``density_counts`` gives them, summed over the picture
        one_layer: one curve on luminance, the hue kept
        density_low, density_high: the ends of a sound print
        max_gain: density is multiplied by at most this
    """
    layers = len(counts) - 1
    none = (1.0,) * (1 if one_layer else layers), (0.0,) * (1 if one_layer else layers)
    if not counts.any():
        return Fading(*none, dyes, 0.0, "No pixel is between black and white.")
    ends = [_ends(histogram) for histogram in counts]
    sound = density_high - density_low
    lows, targets = [low for low, _ in ends[:-1]], [density_low] * layers
    ranges = [high - low for low, high in ends[:-1]]
    if one_layer:
        # the lightest channel ends where the paper's white is due; the others keep their hue
        low, high = ends[-1]
        targets, lows, ranges = [density_low + low - min(lows)], [low], [high - low]
    if max(ranges) * max_gain < sound:
        return Fading(*none, dyes, 0.0, "The picture is too flat to tell if it faded.")
    lost = _ramp(min(ranges) / sound, _SOUND_SHARE, _FADED_SHARE)
    apart = 1.0
    if not one_layer:
        factor = max(ranges) / max(min(ranges), 1e-3)
        apart = max(_ramp(factor, *_RANGE_FACTOR), _ramp(max(lows) - min(lows), *_STAIN_SPREAD))
    evidence = lost * apart
    if evidence == 0:
        why = "uses the range of a sound print" if lost == 0 else "has layers that agree"
        return Fading(*none, dyes, 0.0, f"The picture {why}.")
    full = [1 / min(max(sound / max(r, 1e-3), 1), max_gain) for r in ranges]
    return Fading(
        tuple(gain**evidence for gain in full),
        tuple(evidence * (low - gain * t) for low, gain, t in zip(lows, full, targets)),
        dyes,
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
