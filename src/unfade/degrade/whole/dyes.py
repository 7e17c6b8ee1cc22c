"""Fading, yellowing and toning: what light, time and chemistry do to the image layers.

In density all three are the same mathematics: each layer keeps a share of its density and gains
a stain, ``density -> gain * density + stain`` (loss proportional to what is left: Wallace 1989;
Chatterjee, Trumpy, Ruedel 2023). Layers are cyan, magenta and yellow dye, unmixed from red,
green and blue by the dyes' side absorptions; a grey picture has one layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, like, namespace, pointwise
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, setting
from unfade.degrade.light import LN10, codes_of, layers_changed, log_light
from unfade.steps.correct_fading import DYES

# A print's black: deeper densities are a camera's noise in its last codes, and fading would show it
BLACK_DENSITY = 2.8
_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True, kw_only=True)
class FadingSettings(contract.Settings):
    """What is left of each dye's density, and what is added."""

    keep: Span = setting((0.5, 0.95), "share of density left, common to all", low=0.02, high=1)
    cyan: Span = setting((0.75, 1.0), "times this for cyan (loss turns red)", low=0.02, high=1)
    magenta: Span = setting((0.85, 1.0), "times this for magenta (turns green)", low=0.02, high=1)
    yellow: Span = setting((0.8, 1.0), "times this for yellow (turns blue)", low=0.02, high=1)
    stain: Span = setting((0.0, 0.05), "density added everywhere", low=0, high=1)
    dyes: str = setting("chromogenic", "side absorptions", choices=tuple(DYES))


def draw_fading(settings: FadingSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    keep = draw_from(settings.keep, rng)
    own = [draw_from(span, rng) for span in (settings.cyan, settings.magenta, settings.yellow)]
    stain = draw_from(settings.stain, rng)
    if scene.channels == 1:
        gain = keep * float(np.dot(own, _WEIGHTS))
        return Drawn(parameters={"gains": [gain], "stains": [stain], "dyes": "silver"})
    gains = [keep * share for share in own]
    stains = [stain * f for f in (0.7, 0.9, 1.4)]  # stains of old dyes are yellowish
    return Drawn(parameters={"gains": gains, "stains": stains, "dyes": settings.dyes})


@dataclass(frozen=True, kw_only=True)
class YellowingSettings(contract.Settings):
    """How much blue and green light paper, gelatine or varnish have come to absorb."""

    blue_density: Span = setting((0.03, 0.35), "density added to blue light", low=0, high=2)
    green_share: Span = setting((0.25, 0.5), "of it, added to green light", low=0, high=1)
    red_share: Span = setting((0.0, 0.12), "of it, added to red light", low=0, high=1)


def draw_yellowing(
    settings: YellowingSettings, scene: Scene, rng: np.random.Generator
) -> Drawn | None:
    blue = draw_from(settings.blue_density, rng)
    green, red = (
        blue * draw_from(settings.green_share, rng),
        blue * draw_from(settings.red_share, rng),
    )
    stains = [red, green, blue]
    if scene.channels == 1:
        stains = [float(np.dot(stains, _WEIGHTS))]
    return Drawn(
        parameters={"gains": [1.0] * scene.channels, "stains": stains, "dyes": "independent"}
    )


@dataclass(frozen=True, kw_only=True)
class ToningSettings(contract.Settings):
    """A silver print, as it was made: grey, or sepia, or selenium, or blue."""

    tone: str = setting(
        "sepia",
        "colour of the image silver",
        choices=("grey", "sepia", "brown", "selenium", "blue"),
    )
    strength: Span = setting((0.4, 1.0), "0 is grey, 1 the full tone", low=0, high=1)
    sensitivity: str = setting(
        "panchromatic",
        "what the emulsion saw: orthochromatic is blind to red",
        choices=("panchromatic", "orthochromatic", "blue"),
    )


# how much more or less than grey silver the toned image absorbs of red, green, blue
_TONES = {
    "grey": (0.0, 0.0, 0.0),
    "sepia": (-0.22, 0.0, 0.34),
    "brown": (-0.12, 0.02, 0.18),
    "selenium": (0.02, 0.05, -0.03),
    "blue": (0.16, 0.02, -0.16),
}
_SENSITIVITY = {
    "panchromatic": (0.30, 0.55, 0.15),
    "orthochromatic": (0.04, 0.52, 0.44),
    "blue": (0.0, 0.12, 0.88),
}


def draw_toning(settings: ToningSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    if scene.channels == 1:
        return None
    strength = draw_from(settings.strength, rng)
    gains = [1 + strength * t for t in _TONES[settings.tone]]
    return Drawn(
        parameters={
            "tone": settings.tone,
            "strength": strength,
            "gains": gains,
            "stains": [0.0] * 3,
            "dyes": "independent",
            "silver": list(_SENSITIVITY[settings.sensitivity]),
        }
    )


def act_fading(x: Array, drawn: Sequence[Drawn]) -> Array:
    clip = namespace(x).clip
    x = pointwise(x, lambda part, _: clip(part, -LN10 * BLACK_DENSITY, None))
    return act(x, drawn)


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    pairs = [density_change(d.parameters, x.shape[1]) for d in drawn]
    return layers_changed(x, [m for m, _ in pairs], [o for _, o in pairs])


def density_change(parameters: dict[str, Any], channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset in log light of drawn gains and stains."""
    gains, stains = np.array(parameters["gains"]), np.array(parameters["stains"])
    if channels == 1:
        return gains[:, None], -LN10 * stains
    if parameters["dyes"] == "independent":
        return np.diag(gains), -LN10 * stains
    dyes = np.array(DYES[parameters["dyes"]])
    return dyes @ np.diag(gains) @ np.linalg.inv(dyes), -LN10 * (dyes @ stains)


def act_toning(x: Array, drawn: Sequence[Drawn]) -> Array:
    weights = like([d.parameters["silver"] for d in drawn], x).reshape(-1, 3, 1, 1)
    gains = like([d.parameters["gains"] for d in drawn], x).reshape(-1, 3, 1, 1)
    xp = namespace(x)

    def change(part: Array, _: slice) -> Array:
        grey = xp.clip((part * weights).sum(1)[:, None], 0, None)
        return codes_of(log_light(grey) * gains)

    return pointwise(x, change)


FADING = Damage(
    name="fading",
    title="Dyes or silver lose density",
    settings=FadingSettings,
    draw=draw_fading,
    act=act_fading,
    domain="density",
)
YELLOWING = Damage(
    name="yellowing",
    title="Paper, gelatine or varnish turns yellow",
    settings=YellowingSettings,
    draw=draw_yellowing,
    act=act,
    domain="density",
)
TONING = Damage(
    name="toning",
    title="The picture becomes a grey or toned silver print",
    settings=ToningSettings,
    draw=draw_toning,
    act=act_toning,
)
