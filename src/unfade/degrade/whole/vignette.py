"""Vignetting and uneven light: the corners of an old lens, or of a copy stand, are darker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, column, like, pointwise
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, setting
from unfade.degrade.light import LN10


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How dark, how far in, how central."""

    corner_density: Span = setting((0.05, 0.45), "density added in the corners", low=-2, high=3)
    power: Span = setting(
        (2.0, 4.0), "2 falls off from the middle, more only near it", low=1, high=8
    )
    off_centre: Span = setting((0.0, 0.15), "of the half diagonal", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    turn, off = rng.uniform(0, 2 * np.pi), draw_from(settings.off_centre, rng)
    parameters = {
        "corner_density": draw_from(settings.corner_density, rng),
        "power": draw_from(settings.power, rng),
        "centre": [float(off * np.sin(turn)), float(off * np.cos(turn))],
    }
    return Drawn(parameters=parameters)


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    rows, cols = x.shape[2:]
    half = float(np.hypot(rows, cols)) / 2
    down = like((np.arange(rows) - (rows - 1) / 2) / half, x).reshape(1, 1, rows, 1)
    right = like((np.arange(cols) - (cols - 1) / 2) / half, x).reshape(1, 1, 1, cols)
    row, col = (column([d.parameters["centre"][k] for d in drawn], x) for k in (0, 1))
    power = column([d.parameters["power"] / 2 for d in drawn], x)
    depth = column([LN10 * d.parameters["corner_density"] for d in drawn], x)
    across = (right - col) ** 2

    def change(part: Array, at: slice) -> Array:
        squared = (down[:, :, at] - row) ** 2 + across
        return part - depth * squared**power

    return pointwise(x, change)


DAMAGE = Damage(
    name="vignette",
    title="Darker corners",
    settings=Settings,
    draw=draw,
    act=act,
    domain="density",
)
