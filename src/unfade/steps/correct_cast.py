"""Correct cast: take off a colour that lies over everything, by one factor for each channel.

Suits the light of a lamp, a scanner's own colour, a print on tinted paper. The factors belong to
linear light (von Kries' rule on the picture's own primaries), keep the luminance of a neutral,
and stand in the record: the change can be undone, apart from what a file of whole numbers clips.

What should be neutral is told by the user (``reference``), or by a print's white border, or
guessed from the whole picture. A guess can take a lawn or a sunset for a cast, so it is made on
request only, and not at all where the ways to guess disagree, unless one of them is asked for by
name. Grey and toned pictures are left alone: their hue is their own.

Papers: Buchsbaum 1980 (grey world); Finlayson, Trezzi 2004 (shades of grey); van de Weijer,
Gevers, Gijsenij 2007 (grey edge).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture, Pixels
from unfade.pixels.colour import LUMINANCE, lab_to_linear
from unfade.pixels.places import light_of, places_of
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

# setting -> name of the guess in the finding
GUESSES = {
    "shades-of-grey": "shades of grey",
    "grey-edge": "grey edges",
    "grey-world": "grey world",
    "brightest": "brightest",
}
_LEAST = 0.02  # linear light of a reference that is too dark to tell its colour
_MOST_FACTOR = 4.0


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """What is known of the cast, and how much of it is taken off."""

    strength: float = setting(1.0, "share of the cast to take off", low=0, high=1, neutral=0.0)
    reference: str = setting(
        "",
        "places that were grey or white: ROW,COL or ROW,COL,ROWS,COLS in pixels, with spaces "
        "between several; goes before `by`",
    )
    by: str = setting(
        "several",
        "where the cast is read: a print's white border, the median of several guesses, or one",
        choices=("several", "border", *GUESSES),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        places_of(self.reference, "reference")


@dataclass(frozen=True)
class Factors:
    """Linear light is multiplied by these, red first; all 1: nothing to take off."""

    factors: tuple[float, ...]
    says: str

    @property
    def nothing(self) -> bool:
        return all(factor == 1 for factor in self.factors)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"factors": list(self.factors)}


def multiply_light(pixels: Pixels, factors: tuple[float, ...]) -> Pixels:
    """Linear light times one factor a channel; the inverse takes one over each.

    Args:
        pixels: (rows, cols, channels) float32, linear light
    """
    return np.asarray(pixels * np.array(factors, np.float32))


def factors_of(light: np.ndarray, strength: float = 1.0) -> tuple[float, ...]:
    """Factors that make ``light`` (3,) neutral and keep its luminance.

    ``strength`` is a share on the scale of densities, so that two halves make the whole.
    """
    light = np.maximum(light, 1e-6)
    factors = float(light @ LUMINANCE) / light
    return tuple(float(f) for f in np.clip(factors, 1 / _MOST_FACTOR, _MOST_FACTOR) ** strength)


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Factors:
    """The factors for the whole picture, from the reference or from what the eyes found."""
    if picture.channels == 1:
        return Factors((1.0,), "The picture is grey.")
    none = (1.0, 1.0, 1.0)
    places = places_of(settings.reference, "reference")
    if places:
        lights = [light_of(place, picture, "reference") for place in places]
        usable = [light / light.sum() for light in lights if light.min() > _LEAST]
        if not usable:
            return Factors(none, "The places named are too dark to tell their colour.")
        says = f"Read at {len(usable)} place{'s' if len(usable) > 1 else ''} known to be neutral."
        return Factors(factors_of(np.mean(usable, axis=0), settings.strength), says)
    found = _found(settings.by, findings)
    if found is None:
        seen = findings.cast.says if findings.cast is not None else "Nobody looked for a cast."
        return Factors(none, f"Nothing taken off. {seen}")
    a, b = found
    # a half-bright surface, as the finding means it
    light = lab_to_linear(np.array([76.07, a, b], np.float64))
    return Factors(factors_of(light, settings.strength), f"a* {a:+.1f}, b* {b:+.1f} taken off.")


def _found(by: str, findings: Findings) -> tuple[float, float] | None:
    cast = findings.cast
    if cast is None:
        return None
    if by == "border":
        return cast.border
    if by in GUESSES:
        return next(((a, b) for name, a, b in cast.methods if name == GUESSES[by]), None)
    return None if cast.a is None or cast.b is None else (cast.a, cast.b)


def _propose(look: Look, settings: Settings) -> Proposal:
    if look.measured.nothing:
        return Proposal(look.pixels)
    return Proposal(multiply_light(look.pixels, look.measured.factors))


STEP = Step(
    name="correct_cast",
    title="Take off a colour cast",
    settings=Settings,
    kind=Kind.TONAL,
    evidence=Evidence.ADJUSTED,
    looks_at=("cast",),
    measure=measure,
    propose=_propose,
    encoding="linear",
    paper="Finlayson, Trezzi 2004; van de Weijer et al. 2007, doi:10.1109/TIP.2007.901808",
)
