"""Noise without neighbours: Gaussian, photon-like, speckle, salt and pepper.

What it models: sensors of scanners and cameras, and the noises that the literature trains on.
Strengths are shares of full scale: sigma 25 of 255 is 0.098.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, column, namespace, pointwise
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, draw_seed, setting
from unfade.degrade.fields import normal, uniform


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """Which noise, and how much."""

    law: str = setting(
        "gaussian",
        "gaussian: alike everywhere; photon: variance grows with the code; speckle: sigma does; "
        "salt-pepper: single pixels black or white",
        choices=("gaussian", "photon", "speckle", "salt-pepper"),
    )
    sigma: Span = setting(
        (0.01, 0.05), "sigma in full scales, at white for photon and speckle", low=0, high=1
    )
    share: Span = setting((0.0, 0.01), "pixels hit by salt-pepper", low=0, high=1)
    salt: Span = setting((0.3, 0.8), "share of white among them", low=0, high=1)
    grey_chance: float = setting(0.4, "how often all channels get the same noise", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    parameters = {
        "law": settings.law,
        "sigma": draw_from(settings.sigma, rng),
        "grey": bool(rng.random() < settings.grey_chance),
    }
    if settings.law == "salt-pepper":
        del parameters["sigma"]
        parameters |= {
            "share": draw_from(settings.share, rng),
            "salt": draw_from(settings.salt, rng),
        }
    return Drawn(parameters=parameters, seed=draw_seed(rng))


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    law, grey = drawn[0].parameters["law"], drawn[0].parameters["grey"]
    shape = (1 if grey else x.shape[1], x.shape[2], x.shape[3])
    seeds, xp = [d.seed for d in drawn], namespace(x)
    if law == "salt-pepper":
        return _salted(x, seeds, shape, drawn)
    sigma = column([d.parameters["sigma"] for d in drawn], x)

    def change(part: Array, rows: slice) -> Array:
        strength = normal(x, seeds, shape, rows) * sigma
        if law == "photon":
            strength = strength * xp.sqrt(xp.clip(part, 0, None))
        elif law == "speckle":
            strength = strength * part
        return part + strength

    return pointwise(x, change)


def _salted(
    x: Array, seeds: Sequence[int], shape: tuple[int, int, int], drawn: Sequence[Drawn]
) -> Array:
    xp = namespace(x)
    share = column([d.parameters["share"] for d in drawn], x)
    salted = column([d.parameters["share"] * d.parameters["salt"] for d in drawn], x)

    def change(part: Array, rows: slice) -> Array:
        chance = uniform(x, seeds, shape, rows)
        out = xp.where(chance < share, xp.zeros_like(part), part)
        return xp.where(chance < salted, xp.ones_like(part), out)

    return pointwise(x, change)


DAMAGE = Damage(
    name="noise",
    title="Noise of sensors, each pixel by itself",
    settings=Settings,
    draw=draw,
    act=act,
    alike=lambda drawn: (drawn.parameters["law"], drawn.parameters["grey"]),
)
