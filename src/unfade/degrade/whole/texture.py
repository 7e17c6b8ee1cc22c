"""Print texture: silk and linen papers, canvas and laid paper seen in raking scanner light.

The surface is a height; the scanner lights it from one side, so what shows is its slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, column, correlate, like, namespace, pointwise
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, draw_seed, setting
from unfade.degrade.fields import normal
from unfade.degrade.light import LN10
from unfade.degrade.whole.blur import gauss_kernel


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """Which surface, how fine, how strong."""

    surface: str = setting(
        "silk",
        "silk: a lattice of bumps; linen: threads both ways; rough: no pattern",
        choices=("silk", "linen", "rough"),
    )
    pitch_px: Span = setting((4.0, 10.0), "distance of bumps or threads, px", low=2, high=100)
    density: Span = setting((0.01, 0.06), "light and shade of its slopes", low=0, high=1)
    uneven: Span = setting((0.1, 0.4), "chance beside the pattern", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    parameters = {
        "surface": settings.surface,
        "pitch_px": max(2.0, draw_from(settings.pitch_px, rng) * scene.unit_px),
        "density": draw_from(settings.density, rng),
        "uneven": draw_from(settings.uneven, rng) if settings.surface != "rough" else 1.0,
        "angle_deg": float(rng.choice((0, 90)) + rng.normal(0, 1.5)),
        "light_deg": float(rng.uniform(0, 360)),
    }
    return Drawn(parameters=parameters, seed=draw_seed(rng))


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    xp, each = namespace(x), [d.parameters for d in drawn]
    rows, cols = x.shape[2:]
    kernels = [gauss_kernel(max(p["pitch_px"] / 6, 0.4)) for p in each]
    chance = correlate(normal(x, [d.seed for d in drawn], (1, rows, cols)), kernels, kernels)
    gain = [1 / float((k.astype(float) ** 2).sum()) for k in kernels]
    uneven = column([p["uneven"] * g for p, g in zip(each, gain, strict=True)], x)
    down = like(np.arange(rows), x).reshape(1, 1, rows, 1)
    right = like(np.arange(cols), x).reshape(1, 1, 1, cols)
    turn = np.deg2rad([p["angle_deg"] for p in each])
    wave = 2 * np.pi / np.array([p["pitch_px"] for p in each])
    cos, sin = column(np.cos(turn) * wave, x), column(np.sin(turn) * wave, x)
    lit = np.deg2rad([p["light_deg"] for p in each])
    light_u, light_v = column(np.cos(lit), x), column(np.sin(lit), x)
    strength = column([LN10 * p["density"] for p in each], x)
    silk = each[0]["surface"] == "silk"
    plain = each[0]["surface"] == "rough"

    def change(part: Array, at: slice) -> Array:
        slope = chance[:, :, at] * uneven
        if not plain:
            u = right * cos + down[:, :, at] * sin
            v = down[:, :, at] * cos - right * sin
            if silk:  # bumps on a lattice of hexagons
                v = v * 1.1547
                slope = slope + light_u * xp.sin(u) * xp.cos(v / 2) + light_v * xp.sin(v / 2)
            else:
                slope = slope + light_u * xp.sin(u) + light_v * xp.sin(v)
        return part + slope * strength

    return pointwise(x, change)


DAMAGE = Damage(
    name="texture",
    title="The surface of silk, linen or rough paper",
    settings=Settings,
    draw=draw,
    act=act,
    domain="density",
    alike=lambda drawn: drawn.parameters["surface"],
)
