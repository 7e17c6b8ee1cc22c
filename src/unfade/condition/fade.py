"""Fade: how much of the density range is left, and whether it was lost.

Ageing pulls in both ends: silver and dye bleach, so the darkest parts are no longer dark, and
the support yellows, so white is no longer white. A colour print loses its dyes unevenly, which
leaves the *shadows* coloured. Pictures taken in fog, high-key and low-key pictures and night
scenes have a short range too, so a short range alone is never called fading:

* one end that is where it should be (deep shadows, or white) means: not faded;
* in fog the darkest tone grows lighter with distance, in a faded picture it is the same
  everywhere. So the picture is cut into 6 x 6 fields, and nearly half of them must reach down
  to the floor of the whole.

What lies between is left open. Toned pictures are judged by their brightness alone, since
coloured shadows belong to their process.

Works on an overview of at most 250,000 pixels, without the outermost 4 % on each side, where
borders, mounts and scanner beds are. Limits were set on 300 sound photographs, faded artificially
and not, and on artificial fog over them; the range that counts as sound was also raised after
looking at some sixty real old photographs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.survey import block_px, luma, overview
from unfade.condition.tone import FINDER as TONE
from unfade.engines.contract import BenchView
from unfade.findings import Fade
from unfade.picture import Picture, Pixels
from unfade.pixels.colour import density, linear_to_srgb
from unfade.pixels.profile import to_linear

AT_MOST_PX = 250_000
AT_LEAST_PX = 4096
_BORDER_SHARE = 0.04
_FIELDS = 6
_FLOOR = 0.45  # share of fields that reach the floor; artificial fog: 95 % stay below 0.44
_NEAR_FLOOR = 0.12  # of the used range
# ends on the sRGB scale, which is about even to the eye
_DEEP = 0.12  # shadows below this are sound
_FULL = 0.80  # a range above this is sound
_PAPER_WHITE = 0.95  # whites above this are no longer those of a faded print
_DYE_LIFT, _DYE_SPREAD, _DYE_RANGE = 0.27, 0.13, 0.74
_GREY_LIFT, _GREY_WHITE, _GREY_RANGE = 0.20, 0.88, 0.58


@dataclass(frozen=True, slots=True)
class Range:
    """The ends that a picture reaches, 0.5 % and 99.5 % points.

    Attributes:
        density_low, density_high: of optical density of linear light, per channel
        shadow: the dark end of each channel on the sRGB scale, 0-1
        white: the light end of each channel
        dark, light: both ends of the brightness
        floor_share: fields of the picture that reach down to its floor
    """

    density_low: tuple[float, ...]
    density_high: tuple[float, ...]
    shadow: tuple[float, ...]
    white: tuple[float, ...]
    dark: float
    light: float
    floor_share: float

    @property
    def used(self) -> float:
        return self.light - self.dark


def density_range(linear: Pixels) -> Range:
    """Measure the ends of a small picture.

    Args:
        linear: (rows, cols, channels) float32 linear light, 0-1, borders taken off
    Cost:
        about 40 ms for 250,000 pixels
    """
    flat = linear.reshape(-1, linear.shape[2])
    # quantiles of light are quantiles of density, the other way round
    dark, light = np.quantile(np.clip(flat, 0, 1), [0.005, 0.995], axis=0)
    encoded = linear_to_srgb(np.clip(linear, 0, 1))
    brightness = luma(encoded)
    low, high = (float(q) for q in np.quantile(brightness, [0.005, 0.995]))
    shadow, white = linear_to_srgb(dark), linear_to_srgb(light)
    return Range(
        density_low=_tuple(density(light)),
        density_high=_tuple(density(dark)),
        shadow=_tuple(shadow),
        white=_tuple(white),
        dark=low,
        light=high,
        floor_share=_floor_share(brightness, low, high),
    )


def look(picture: Picture, bench: BenchView) -> Fade:
    """Measure the density range and judge whether the picture has faded."""
    if picture.rows * picture.cols < AT_LEAST_PX or min(picture.rows, picture.cols) < 24:
        return Fade(says="Fading: not judged, the picture has too few pixels.")
    small = overview(picture, bench, k=block_px(picture, AT_MOST_PX))
    rows, cols = (int(side * _BORDER_SHARE) for side in small.shape[:2])
    inner = small[rows : small.shape[0] - rows, cols : small.shape[1] - cols]
    if min(inner.shape[:2]) < _FIELDS:
        return Fade(says="Fading: not judged, the picture is too narrow.")
    ends = density_range(to_linear(np.ascontiguousarray(inner), picture))
    tone = getattr(TONE.look(picture, bench), "kind", "unknown")
    faded, confidence, says = _judge(ends, coloured=tone not in ("grey", "toned"))
    return Fade(
        says=says,
        confidence=confidence,
        faded=faded,
        density_low=ends.density_low,
        density_high=ends.density_high,
        contrast_share=ends.used,
    )


def _judge(ends: Range, *, coloured: bool) -> tuple[bool | None, float | None, str]:
    measured = (
        f"{100 * ends.used:.0f} % of the range from black to white is used "
        + f"(densities {_densities(ends)})"
    )
    if ends.used < 0.02:
        return None, None, f"Fading: not judged, the picture is all one tone; {measured}."
    lifted, spread = max(ends.shadow), max(ends.shadow) - min(ends.shadow)
    floor = ends.floor_share >= _FLOOR
    coloured = coloured and ends.light <= _PAPER_WHITE
    dyes = coloured and lifted >= _DYE_LIFT and spread >= _DYE_SPREAD
    if dyes and floor and ends.dark >= _DEEP and ends.used <= _DYE_RANGE:
        confidence = min(0.95, 0.65 + 1.0 * (lifted - _DYE_LIFT) + 0.5 * (spread - _DYE_SPREAD))
        channel = ("red", "green", "blue")[int(np.argmax(ends.shadow))]
        return (
            True,
            confidence,
            (f"Fading: likely, the shadows have lost density, most in {channel}; {measured}."),
        )
    short = ends.dark >= _GREY_LIFT and ends.light <= _GREY_WHITE and ends.used <= _GREY_RANGE
    if short and floor:
        confidence = min(0.90, 0.65 + 1.2 * (_GREY_RANGE - ends.used))
        return (
            True,
            confidence,
            (f"Fading: likely, black and white are both pulled in all over; {measured}."),
        )
    deep = ends.dark < _DEEP and not dyes
    if deep or (ends.used > _FULL and not dyes):
        sure = 0.9 if deep and ends.used > _FULL else 0.7
        return False, sure, f"Fading: none seen; {measured}."
    why = "it may be the scene (haze, soft light)"
    if dyes or short:
        why = "the darkest tone differs over the picture, as in haze"
    return None, None, f"Fading: open, {why}; {measured}."


def _densities(ends: Range) -> str:
    pairs = zip(ends.density_low, ends.density_high)
    return ", ".join(f"{low:.2f}-{high:.2f}" for low, high in pairs)


def _floor_share(brightness: np.ndarray, low: float, high: float) -> float:
    """Share of fields whose darkest 2 % come near the darkest tone of the whole."""
    if high <= low:
        return 1.0
    fields = [
        field
        for band in np.array_split(brightness, _FIELDS, axis=0)
        for field in np.array_split(band, _FIELDS, axis=1)
    ]
    floors = np.array([np.quantile(field, 0.02) for field in fields])
    return float(np.mean((floors - low) / (high - low) < _NEAR_FLOOR))


def _tuple(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


FINDER = Finder(name="fade", title="Fading: lost density", look=look)
