"""Film grain: clumps of silver or dye, so it is correlated and follows the density.

Granularity is measured as the standard deviation of density and grows about as the square root
of the density above base (Selwyn 1935; Dainty & Shaw, Image Science, 1974). The field is white
noise under a Gaussian of the clumps' size, made to variance 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, column, correlate, namespace, pointwise
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, draw_seed, setting
from unfade.degrade.fields import normal
from unfade.degrade.light import LN10
from unfade.degrade.whole.blur import gauss_kernel

MIDDLE = 0.7  # density of mid-grey, where `density_sigma` holds


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How strong, how coarse, how coloured."""

    density_sigma: Span = setting(
        (0.01, 0.06), "standard deviation of density at mid-grey", low=0, high=1
    )
    clump_px: Span = setting((0.5, 1.4), "sigma of the clumps, px", low=0, high=16)
    grey_chance: float = setting(0.6, "how often it is silver: alike in all layers", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    parameters = {
        "density_sigma": draw_from(settings.density_sigma, rng),
        "clump_px": draw_from(settings.clump_px, rng) * scene.unit_px,
        "grey": bool(rng.random() < settings.grey_chance),
    }
    return Drawn(parameters=parameters, seed=draw_seed(rng))


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    grey = drawn[0].parameters["grey"]
    shape = (1 if grey else x.shape[1], x.shape[2], x.shape[3])
    kernels = [gauss_kernel(max(d.parameters["clump_px"], 0.05)) for d in drawn]
    field = correlate(normal(x, [d.seed for d in drawn], shape), kernels, kernels)
    # a filter of unit sum lowers the variance by the sum of its squares
    gain = [
        LN10 * d.parameters["density_sigma"] / np.sqrt(MIDDLE) / float((k.astype(float) ** 2).sum())
        for d, k in zip(drawn, kernels, strict=True)
    ]
    xp, strength = namespace(x), column(gain, x)

    def change(part: Array, rows: slice) -> Array:
        density = xp.clip(part * (-1 / LN10), 0, 4)
        return part - field[:, :, rows] * strength * xp.sqrt(density + 0.01)

    return pointwise(x, change)


DAMAGE = Damage(
    name="grain",
    title="Film grain that follows the density",
    settings=Settings,
    draw=draw,
    act=act,
    domain="density",
    alike=lambda drawn: drawn.parameters["grey"],
)
