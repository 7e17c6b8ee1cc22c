"""Blur: Gaussian and its kin, defocus (a disc), motion (a line), ringing (a sinc).

What it models: lens and enlarger out of focus, a moving camera, the scanner's own softness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, column, correlate, correlate2d, like
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, setting

LARGEST_PX = 64.0


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How wide, and of which shape."""

    shape: str = setting(
        "gauss",
        "form of the spot: general and plateau are gauss with another fall; sinc rings, as "
        "sharpening and repeated coding do",
        choices=("gauss", "general", "plateau", "defocus", "motion", "sinc"),
    )
    width_px: Span = setting(
        (0.4, 1.6), "sigma of gauss, radius of defocus, length of motion, px", low=0, high=64
    )
    stretch: Span = setting((1.0, 1.0), "long over short sigma of gauss", low=1, high=8)
    fall: Span = setting((0.5, 4.0), "exponent of general and plateau; 1 is gauss", low=0.2, high=8)
    cutoff: Span = setting(
        (0.333, 1.0), "highest frequency of sinc, of the finest", low=0.05, high=1
    )
    sides_px: tuple[int, ...] = setting((), "kernels are cut to such a side, one is drawn; odd")
    relative: bool = setting(True, "width grows with the picture, as all lengths of marks do")
    corners: Span = setting((0.0, 0.0), "0 alike all over; 1 sharp in the middle", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    width = draw_from(settings.width_px, rng, by_ratio=True)
    width = min(width * (scene.unit_px if settings.relative else 1.0), LARGEST_PX)
    if width < 0.05:
        return None
    parameters: dict[str, Any] = {"shape": settings.shape, "width_px": width}
    if settings.shape in ("gauss", "general", "plateau"):
        parameters["stretch"] = draw_from(settings.stretch, rng)
    if settings.shape in ("general", "plateau"):
        parameters["fall"] = draw_from(settings.fall, rng)
    if settings.shape == "sinc":
        parameters["cutoff"] = draw_from(settings.cutoff, rng)
        del parameters["width_px"]
    else:
        parameters["angle_deg"] = float(rng.uniform(0, 180))
    if settings.sides_px:
        parameters["side_px"] = int(rng.choice(settings.sides_px))
    corners = draw_from(settings.corners, rng)
    if corners > 0:
        parameters["corners"] = corners
    return Drawn(parameters=parameters)


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    each = [d.parameters for d in drawn]
    if all(p["shape"] == "gauss" and p["stretch"] == 1 for p in each):
        kernels = [gauss_kernel(p["width_px"], p.get("side_px", 0)) for p in each]
        blurred = correlate(x, kernels, kernels)
    else:
        blurred = correlate2d(x, [kernel_of(p) for p in each])
    if not any("corners" in p for p in each):
        return blurred
    # a field lens out of order: sharp in the middle, soft towards the corners
    rows, cols = x.shape[2:]
    half = float(np.hypot(rows, cols)) / 2
    down = like((np.arange(rows) - (rows - 1) / 2) / half, x).reshape(1, 1, rows, 1)
    right = like((np.arange(cols) - (cols - 1) / 2) / half, x).reshape(1, 1, 1, cols)
    share = column([p.get("corners", 0.0) for p in each], x)
    return blurred + (x - blurred) * share * (1 - down * down - right * right)


def gauss_kernel(sigma_px: float, side_px: int = 0) -> np.ndarray:
    """An odd 1-D Gaussian, the integral over each pixel, sum 1.

    Args:
        side_px: the kernel is cut to this odd length; 0: three sigmas each way
    """
    from math import erf

    reach = side_px // 2 if side_px else max(1, int(np.ceil(3 * sigma_px + 0.5)))
    edges = (np.arange(-reach, reach + 2) - 0.5) / (sigma_px * np.sqrt(2))
    steps = np.diff([erf(e) for e in edges])
    return np.asarray(steps / steps.sum(), np.float32)


def kernel_of(parameters: dict[str, Any]) -> np.ndarray:
    """The odd square kernel of a drawn blur, sum 1, antialiased by 5 x 5 points a pixel."""
    shape = parameters["shape"]
    if shape == "sinc":
        return _sinc(parameters["cutoff"], parameters.get("side_px", 21))
    width = parameters["width_px"]
    long = width * np.sqrt(parameters.get("stretch", 1.0))
    spread = {"defocus": width, "motion": width / 2}.get(shape, 3 * long)
    reach = parameters.get("side_px", 0) // 2 or max(1, int(np.ceil(spread)))
    points = (np.arange((2 * reach + 1) * 5) + 0.5) / 5 - reach - 0.5
    down, right = points[:, None], points[None, :]
    turn = np.deg2rad(parameters["angle_deg"])
    along = right * np.cos(turn) + down * np.sin(turn)
    across = down * np.cos(turn) - right * np.sin(turn)
    if shape == "defocus":
        fine = (np.hypot(down, right) <= max(width, 0.5)).astype(np.float64)
    elif shape == "motion":
        fine = ((np.abs(along) <= max(width, 1) / 2) & (np.abs(across) <= 0.5)).astype(np.float64)
    else:
        short = width / np.sqrt(parameters["stretch"])
        squared = (along / long) ** 2 + (across / short) ** 2
        fall = parameters.get("fall", 1.0)
        fine = 1 / (1 + squared**fall) if shape == "plateau" else np.exp(-0.5 * squared**fall)
    side = 2 * reach + 1
    kernel = fine.reshape(side, 5, side, 5).sum(axis=(1, 3))
    return np.asarray(kernel / kernel.sum(), np.float32)


def _sinc(cutoff: float, side_px: int) -> np.ndarray:
    """The round ideal low-pass filter, cut to a square: it rings (Wang et al. 2021)."""
    at = np.arange(side_px) - side_px // 2
    radius = np.hypot(at[:, None], at[None, :])
    omega = np.pi * cutoff
    # the first Bessel function by its integral; 64 points are exact for so small arguments
    turn = (np.arange(64) + 0.5) * np.pi / 64
    bessel = np.cos(turn - omega * radius[:, :, None] * np.sin(turn)).mean(axis=2)
    middle = omega * omega / (4 * np.pi)
    kernel = np.where(radius > 0, omega * bessel / (2 * np.pi * np.maximum(radius, 1)), middle)
    return np.asarray(kernel / kernel.sum(), np.float32)


DAMAGE = Damage(
    name="blur",
    title="Blur of lens, movement or scanner",
    settings=Settings,
    draw=draw,
    act=act,
    spreads=True,
)
