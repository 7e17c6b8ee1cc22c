"""Blur: Gaussian (round or stretched), defocus (a disc) and motion (a line).

What it models: lens and enlarger out of focus, a moving camera, the scanner's own softness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, correlate, correlate2d
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, setting

LARGEST_PX = 64.0


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How wide, and of which shape."""

    shape: str = setting("gauss", "form of the spot", choices=("gauss", "defocus", "motion"))
    width_px: Span = setting(
        (0.4, 1.6), "sigma of gauss, radius of defocus, length of motion, px", low=0, high=64
    )
    stretch: Span = setting((1.0, 1.0), "long over short sigma of gauss", low=1, high=8)
    relative: bool = setting(True, "width grows with the picture, as all lengths of marks do")


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    width = draw_from(settings.width_px, rng, by_ratio=True)
    width = min(width * (scene.unit_px if settings.relative else 1.0), LARGEST_PX)
    if width < 0.05:
        return None
    parameters = {
        "shape": settings.shape,
        "width_px": width,
        "stretch": draw_from(settings.stretch, rng),
        "angle_deg": float(rng.uniform(0, 180)),
    }
    return Drawn(parameters=parameters)


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    round_ones = [d.parameters["shape"] == "gauss" and d.parameters["stretch"] == 1 for d in drawn]
    if all(round_ones):
        kernels = [gauss_kernel(d.parameters["width_px"]) for d in drawn]
        return correlate(x, kernels, kernels)
    return correlate2d(x, [kernel_of(d.parameters) for d in drawn])


def gauss_kernel(sigma_px: float) -> np.ndarray:
    """An odd 1-D Gaussian, the integral over each pixel, sum 1."""
    from math import erf

    reach = max(1, int(np.ceil(3 * sigma_px + 0.5)))
    edges = (np.arange(-reach, reach + 2) - 0.5) / (sigma_px * np.sqrt(2))
    steps = np.diff([erf(e) for e in edges])
    return np.asarray(steps / steps.sum(), np.float32)


def kernel_of(parameters: dict[str, Any]) -> np.ndarray:
    """The odd square kernel of a drawn blur, sum 1, antialiased by 5 x 5 points a pixel."""
    shape, width = parameters["shape"], parameters["width_px"]
    long = width * np.sqrt(parameters["stretch"]) if shape == "gauss" else width
    reach = max(1, int(np.ceil({"gauss": 3 * long, "defocus": width, "motion": width / 2}[shape])))
    points = (np.arange((2 * reach + 1) * 5) + 0.5) / 5 - reach - 0.5
    down, right = points[:, None], points[None, :]
    turn = np.deg2rad(parameters["angle_deg"])
    along = right * np.cos(turn) + down * np.sin(turn)
    across = down * np.cos(turn) - right * np.sin(turn)
    if shape == "gauss":
        short = width / np.sqrt(parameters["stretch"])
        fine = np.exp(-0.5 * ((along / long) ** 2 + (across / short) ** 2))
    elif shape == "defocus":
        fine = (np.hypot(down, right) <= max(width, 0.5)).astype(np.float64)
    else:
        fine = ((np.abs(along) <= max(width, 1) / 2) & (np.abs(across) <= 0.5)).astype(np.float64)
    side = 2 * reach + 1
    kernel = fine.reshape(side, 5, side, 5).sum(axis=(1, 3))
    return np.asarray(kernel / kernel.sum(), np.float32)


DAMAGE = Damage(
    name="blur",
    title="Blur of lens, movement or scanner",
    settings=Settings,
    draw=draw,
    act=act,
    spreads=True,
)
