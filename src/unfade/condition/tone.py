"""Tone: whether a picture is grey, toned (sepia, cyanotype, selenium ...) or colour.

The pixels of a toned picture lie on *one* smooth curve through CIELAB: each lightness has one
hue and chroma. So the finder lays that curve through the medians of bins of lightness and
measures how far colours stray from it. A faded colour print has a strong common hue too, but its
objects still differ in colour at the same lightness; and its shadows are coloured, which those
of a brown-toned print are not. Between the two the finder abstains.

Works on an overview of at most 30,000 pixels in light as the profile states it (each pixel a
mean of a block, which also quiets noise and the blocks of JPEG chroma). Slow changes of colour
across the picture (stains, yellowed edges) are not counted as strayed; faint ones stay below
the limits. Colours that cover less than a tenth of the picture (a stamp, ink) do not decide.

Limits were set on 120 sound photographs, toned, faded and paled artificially, with and without
JPEG; that for colour was also raised after looking at some sixty real old photographs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.survey import block_px, overview
from unfade.engines.contract import BenchView
from unfade.findings import Tone
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_lab
from unfade.pixels.profile import to_linear

AT_MOST_PX = 30_000
AT_LEAST_PX = 400
_BINS = 16
_GREY_CHROMA = 2.5  # hardly seen even beside a neutral grey
_GREY_SPREAD = 1.5
_TONED_SPREAD = 3.2
_TONED_SPREAD_DARK = 2.0  # with coloured shadows, as in faded colour
_DARK_CHROMA = 18.0
_BLUE = (180.0, 300.0)  # hue of cyanotypes, whose shadows are coloured and sound
_COLOUR_SPREAD = 5.5
_COLOUR_MIDDLE = 2.5
_PALE_SPREAD = 3.0
_SLOW_MOST = 6.0  # CIELAB units that a stain or a yellowed edge may stray
_HEADS = {"sepia": (35, 110), "green": (110, 180), "cyanotype blue": (180, 300)}


@dataclass(frozen=True, slots=True)
class ToneCurve:
    """One curve through CIELAB and how far the picture strays from it.

    Attributes:
        chroma: of the curve, its upper quartile over tones
        hue_degrees: direction of the curve's mean a*, b*
        dark_chroma: of the darkest tones
        spread: distance from the curve that nine tenths of the pixels keep within, noise taken off
        spread_middle: the same for three quarters of the pixels
        median_chroma: of the pixels
    """

    chroma: float
    hue_degrees: float
    dark_chroma: float
    spread: float
    spread_middle: float
    median_chroma: float


def tone_curve(lab: np.ndarray) -> ToneCurve | None:
    """Fit one curve of a*, b* over L* and measure the distances from it.

    Args:
        lab: (rows, cols, 3) CIELAB of a small picture
    Returns:
        the measurements, or None when fewer than 400 pixels are neither black nor white
    Cost:
        about 20 ms for 30,000 pixels
    """
    light, ab = lab[..., 0], lab[..., 1:]
    # the ends are left out: clipping bends colours there
    usable = (light > 8) & (light < 96)
    if np.count_nonzero(usable) < AT_LEAST_PX:
        return None
    means, medians = _medians(light[usable], ab[usable])
    curve = np.stack([np.interp(light, means, medians[:, c]) for c in (0, 1)], axis=-1)
    strayed = ab - curve
    noise = _noise(ab)
    local = strayed - _slow(strayed)
    distance = np.hypot(local[..., 0], local[..., 1])[usable]
    chroma = np.hypot(medians[:, 0], medians[:, 1])
    mean_a, mean_b = ab[usable].mean(axis=0)
    return ToneCurve(
        chroma=float(np.quantile(chroma, 0.75)),
        hue_degrees=float(np.degrees(np.arctan2(mean_b, mean_a)) % 360),
        dark_chroma=float(chroma[:2].mean()),
        # radial distances of two-dimensional noise: their 75 % and 90 % points in sigmas
        spread_middle=_without(float(np.quantile(distance, 0.75)), 1.67 * noise),
        spread=_without(float(np.quantile(distance, 0.90)), 2.15 * noise),
        median_chroma=float(np.median(np.hypot(ab[..., 0], ab[..., 1])[usable])),
    )


def look(picture: Picture, bench: BenchView) -> Tone:
    """Tell grey, toned and colour apart, or abstain."""
    if picture.channels == 1:
        return Tone(says="Tone: grey, the file has one channel.", confidence=1.0, kind="grey")
    at_least = 2 if min(picture.rows, picture.cols) >= 128 else 1
    small = overview(picture, bench, k=block_px(picture, AT_MOST_PX, at_least))
    if np.ptp(small, axis=2).max() == 0:
        return Tone(says="Tone: grey, the three channels are equal.", confidence=1.0, kind="grey")
    curve = tone_curve(linear_to_lab(to_linear(small, picture)))
    if curve is None:
        return Tone(says="Tone: not told, too few pixels are neither black nor white.")
    return _judge(curve)


def _judge(curve: ToneCurve) -> Tone:
    kind, confidence, why = "unknown", None, ""
    if curve.chroma < _GREY_CHROMA and curve.spread < _GREY_SPREAD:
        kind, confidence = "grey", 0.95
    elif curve.spread < (limit := _toned_limit(curve)) and curve.chroma >= _GREY_CHROMA:
        kind, confidence = "toned", 0.95 - 0.35 * (curve.spread / limit) ** 2
        if curve.spread > 0.35 * curve.chroma:  # as wide as strong: a pale scene can look so
            confidence = min(confidence, 0.65)
    elif curve.spread > _COLOUR_SPREAD and curve.spread_middle > _COLOUR_MIDDLE:
        kind, confidence = "colour", min(0.99, 0.65 + 0.06 * (curve.spread - _COLOUR_SPREAD))
    elif curve.spread > max(_PALE_SPREAD, 0.55 * curve.chroma) and curve.spread_middle > 1.8:
        kind, confidence = "colour", 0.65
    elif curve.spread > _COLOUR_SPREAD:
        why = "most of it is without colour and a part is in colour"
    else:
        why = "its colours lie between those of a toned and of a pale or faded colour picture"
    return Tone(
        says=_says(kind, curve, why),
        confidence=confidence,
        kind=kind,
        hue_degrees=curve.hue_degrees if kind == "toned" else None,
        chroma=curve.median_chroma,
        chroma_spread=curve.spread,
    )


def _toned_limit(curve: ToneCurve) -> float:
    blue = _BLUE[0] <= curve.hue_degrees <= _BLUE[1]
    if curve.dark_chroma > _DARK_CHROMA and not blue:
        return _TONED_SPREAD_DARK
    # the edges of a strong tone lose more to JPEG's coarse chroma
    return max(_TONED_SPREAD, 0.15 * curve.chroma) if blue else _TONED_SPREAD


def _says(kind: str, curve: ToneCurve, why: str) -> str:
    measured = f"colours stray {curve.spread:.1f} CIELAB units from one curve"
    if kind == "grey":
        return f"Tone: grey; {measured}, its chroma is {curve.chroma:.1f}."
    if kind == "toned":
        heads = [n for n, (low, high) in _HEADS.items() if low <= curve.hue_degrees < high]
        name = heads[0] if heads else "red or purple"
        strength = "faintly toned" if curve.chroma < 6 else "toned"
        return (
            f"Tone: {strength}, {name} (hue {curve.hue_degrees:.0f} degrees, chroma "
            f"{curve.chroma:.0f}); {measured}."
        )
    if kind == "colour":
        pale = "pale colour" if curve.spread <= _COLOUR_SPREAD else "colour"
        return f"Tone: {pale}; {measured}."
    return f"Tone: not told, {why} ({measured}, chroma {curve.chroma:.0f})."


def _medians(light: np.ndarray, ab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median lightness and a*, b* of bins of equal population, darkest first."""
    order = np.argsort(light, kind="stable")
    parts = np.array_split(order, _BINS)
    means = np.array([np.median(light[part]) for part in parts])
    medians = np.array([np.median(ab[part], axis=0) for part in parts])
    # many pixels of one lightness fill several bins: one node for them
    means, first = np.unique(means, return_index=True)
    return means, medians[first]


def _slow(strayed: np.ndarray) -> np.ndarray:
    """What changes slowly across the picture: stains and yellowed edges."""
    import cv2

    sigma = np.sqrt(strayed.shape[0] * strayed.shape[1]) / 10
    # strong colours (a stamp) must not colour their surroundings
    far = np.hypot(strayed[..., 0], strayed[..., 1])
    near = strayed * np.minimum(1, _SLOW_MOST / np.maximum(far, 1e-6))[..., None]
    planes = [cv2.GaussianBlur(np.ascontiguousarray(near[..., c]), (0, 0), sigma) for c in (0, 1)]
    return np.stack(planes, axis=-1)


def _noise(ab: np.ndarray) -> float:
    """Standard deviation of white noise in a* and b*, from second differences in both ways."""
    if min(ab.shape[:2]) < 3:
        return 0.0
    across = ab[:, :-2] - 2 * ab[:, 1:-1] + ab[:, 2:]
    both = across[:-2] - 2 * across[1:-1] + across[2:]
    return float(np.median(np.abs(both)) * 1.4826 / 6)


def _without(measured: float, noise: float) -> float:
    return float(np.sqrt(max(0.0, measured**2 - noise**2)))


FINDER = Finder(name="tone", title="Grey, toned or colour", look=look)
