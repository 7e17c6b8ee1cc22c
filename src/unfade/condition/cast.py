"""Cast: the colour of what should be neutral, as CIELAB a* and b*.

Four ways to guess the colour of the light are asked: shades of grey, the brightest unclipped
pixels, shades of grey on edges, and the pixels that are nearest to neutral. Each is wrong on
some pictures (a lawn, a sunset, a wall), seldom all on the same. Their median is the finding;
how far they lie apart is its doubt: when they disagree by more than six CIELAB units on average,
the finder abstains. A cast may be the light of the scene: a finding here is no order to remove it.

A print's white border (``border``) is a reference of its own: it is reported beside the guesses.

Grey and toned pictures have no neutral to compare with: the finder abstains. Works on an
overview of at most 100,000 pixels, in linear light; clipped and nearly black pixels are left out.

Source:
    Finlayson, Trezzi 2004 (shades of grey, p = 6); van de Weijer, Gevers, Gijsenij 2007,
    doi:10.1109/TIP.2007.901808 (grey edge)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.border import paper_border
from unfade.condition.contract import Finder
from unfade.condition.survey import block_px, overview
from unfade.condition.tone import look as look_at_tone
from unfade.engines.contract import BenchView
from unfade.findings import Cast
from unfade.picture import Picture, Pixels
from unfade.pixels.colour import LUMINANCE, linear_to_lab, luminance
from unfade.pixels.profile import to_linear

AT_MOST_PX = 100_000
AT_LEAST_PX = 500
SLIGHT = 4.0  # CIELAB units; less is hardly seen without a neutral beside it
_APART = 6.0
_POWER = 6


@dataclass(frozen=True, slots=True)
class Light:
    """The colour of the light.

    Attributes:
        a, b: CIELAB of a half-bright neutral surface under it
        apart: mean distance of the four guesses from their median, CIELAB units
        guesses: name -> (a, b); "grey world" is told and not asked: any large area bends it
    """

    a: float
    b: float
    apart: float
    guesses: dict[str, tuple[float, float]]


def light_colour(linear: Pixels) -> Light | None:
    """Guess the colour of the light in four ways.

    Args:
        linear: (rows, cols, 3) float32 linear light of a small picture
    Returns:
        the median guess, or None when fewer than 500 pixels are neither clipped nor black
    Cost:
        about 50 ms for 100,000 pixels
    """
    import cv2

    usable = (linear.max(axis=2) < 0.97) & (linear.min(axis=2) > 0.004)
    if np.count_nonzero(usable) < AT_LEAST_PX:
        return None
    points = linear[usable].astype(np.float64)
    bright = luminance(points)
    smooth = cv2.GaussianBlur(linear, (0, 0), 1.5)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    edges = np.hypot(across, down)[usable].astype(np.float64)
    colours = {
        "shades of grey": _power_mean(points),
        "brightest": points[bright >= np.quantile(bright, 0.97)].mean(axis=0),
        "grey edges": _power_mean(edges),
    }
    start = np.median([_unit(c) for c in colours.values()], axis=0)
    colours["near neutral"] = _near_neutral(points, start)
    guesses = {name: _ab(colour) for name, colour in colours.items()}
    every = np.array(list(guesses.values()))
    middle = np.median(every, axis=0)
    apart = float(np.hypot(*(every - middle).T).mean())
    guesses["grey world"] = _ab(points.mean(axis=0))
    return Light(float(middle[0]), float(middle[1]), apart, guesses)


def look(picture: Picture, bench: BenchView) -> Cast:
    """Estimate the colour cast of a colour picture, or abstain."""
    if picture.channels == 1:
        return Cast(says="Colour cast: none to look for, the picture is grey.")
    tone = look_at_tone(picture, bench)
    if tone.kind in ("grey", "toned"):
        return Cast(says=f"Colour cast: none to look for, the picture is {tone.kind}.")
    small = overview(picture, bench, k=block_px(picture, AT_MOST_PX))
    linear = to_linear(small, picture)
    paper = paper_border(linear)
    # the border is a witness of its own: the picture is asked without it
    light = light_colour(linear if paper is None else paper.inside(linear))
    border = None if paper is None else _ab(paper.colour)
    if light is None:
        return Cast(says="Colour cast: not measured, too few pixels are neither black nor white.")
    methods = tuple((name, *ab) for name, ab in light.guesses.items())
    if light.apart > _APART:
        return Cast(
            methods=methods,
            border=border,
            says=f"Colour cast: not told, four ways to measure it lie {light.apart:.0f} CIELAB "
            f"units apart, so the colours are rather those of the scene.{_of_border(border)}",
        )
    # on artificial casts over photographs whose own light is not known to be white, the error
    # grows with the disagreement, and even where all agree one in ten is off by 15 units
    confidence = max(0.2, 0.75 - 0.10 * light.apart)
    if tone.kind != "colour":
        confidence = min(confidence, 0.6)
    strength = float(np.hypot(light.a, light.b))
    where = f"(a* {light.a:+.1f}, b* {light.b:+.1f})"
    if strength < SLIGHT:
        says = f"Colour cast: none to speak of {where}."
    else:
        says = f"Colour cast: {_name(light.a, light.b)}, {strength:.0f} CIELAB units {where}."
    return Cast(
        says=says + _of_border(border),
        confidence=confidence,
        a=light.a,
        b=light.b,
        methods=methods,
        border=border,
    )


def _of_border(border: tuple[float, float] | None) -> str:
    if border is None:
        return ""
    return f" The white border: a* {border[0]:+.1f}, b* {border[1]:+.1f}."


def _power_mean(points: np.ndarray) -> np.ndarray:
    return np.asarray((points**_POWER).mean(axis=0) ** (1 / _POWER))


def _near_neutral(points: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Median colour of the pixels that are nearly neutral under the light found so far."""
    share = points / points.sum(axis=1, keepdims=True)
    light = start
    for _ in range(8):
        relative = points / light
        strength = 1 - relative.min(axis=1) / relative.max(axis=1)
        near = strength <= max(0.12, float(np.quantile(strength, 0.05)))
        before, light = light, _unit(np.median(share[near], axis=0))
        if np.abs(light - before).max() < 1e-4:
            break
    return light


def _unit(colour: np.ndarray) -> np.ndarray:
    return np.asarray(colour / max(float(colour.sum()), 1e-9))


def _ab(colour: np.ndarray) -> tuple[float, float]:
    """a*, b* of a surface of luminance 0.5 in this light."""
    scaled = colour / max(float(colour @ LUMINANCE), 1e-9) * 0.5
    lab = linear_to_lab(scaled.astype(np.float64))
    return float(lab[1]), float(lab[2])


def _name(a: float, b: float) -> str:
    names = ("red", "orange", "yellow", "green", "cyan", "blue", "violet", "magenta")
    # hue angles at which each name begins, in the order of the names, from 340 degrees on
    starts = np.array([0, 55, 90, 125, 195, 245, 295, 330])
    hue = (np.degrees(np.arctan2(b, a)) + 20) % 360
    return names[int(np.searchsorted(starts, hue, side="right") - 1)]


FINDER = Finder(name="cast", title="Colour cast", look=look)
