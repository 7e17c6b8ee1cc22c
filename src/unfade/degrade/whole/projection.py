"""What changes from frame to frame of a film: flicker, and the weave of the gate.

Both are functions of the seed and the frame's number, so frames can be made in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, column, correlate, like, pointwise
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, setting
from unfade.degrade.light import LN10


@dataclass(frozen=True, kw_only=True)
class FlickerSettings(contract.Settings):
    """How much the exposure changes, and how quickly."""

    density: Span = setting((0.01, 0.06), "standard deviation of a frame's density", low=0, high=1)
    hold_frames: Span = setting((1.0, 4.0), "frames over which it drifts", low=1, high=1000)
    tilt: Span = setting((0.0, 0.5), "share of it that differs from top to bottom", low=0, high=2)


def flicker_at(
    settings: FlickerSettings, scene: Scene, key: tuple[int, int], frame: int
) -> Drawn | None:
    held = np.random.default_rng([*key, 2])
    sigma, hold = draw_from(settings.density, held), draw_from(settings.hold_frames, held)
    tilt = draw_from(settings.tilt, held)
    parameters = {
        "density": sigma * drifting(key, 3, frame, hold),
        "tilt": sigma * tilt * drifting(key, 4, frame, hold),
        "hold_frames": hold,
    }
    return Drawn(parameters=parameters)


def draw_flicker(settings: FlickerSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    return flicker_at(settings, scene, (contract.draw_seed(rng), 0), 0)


def act_flicker(x: Array, drawn: Sequence[Drawn]) -> Array:
    rows = x.shape[2]
    place = (np.arange(rows) + 0.5) / rows * 2 - 1
    down = like(place, x).reshape(1, 1, rows, 1)
    level, tilt = (
        column([LN10 * d.parameters[name] for d in drawn], x) for name in ("density", "tilt")
    )
    return pointwise(x, lambda part, at: part - level - tilt * down[:, :, at])


@dataclass(frozen=True, kw_only=True)
class WeaveSettings(contract.Settings):
    """How far the frame wanders in the gate."""

    down_px: Span = setting((0.1, 1.2), "standard deviation up and down, px", low=0, high=32)
    across_px: Span = setting((0.1, 0.8), "standard deviation to the sides, px", low=0, high=32)
    hold_frames: Span = setting((1.0, 6.0), "frames over which it drifts", low=1, high=1000)


def weave_at(
    settings: WeaveSettings, scene: Scene, key: tuple[int, int], frame: int
) -> Drawn | None:
    held = np.random.default_rng([*key, 2])
    down, across = (
        draw_from(span, held) * scene.unit_px for span in (settings.down_px, settings.across_px)
    )
    hold = draw_from(settings.hold_frames, held)
    parameters = {
        "down_px": float(np.clip(down * drifting(key, 3, frame, hold), -64, 64)),
        "across_px": float(np.clip(across * drifting(key, 4, frame, hold), -64, 64)),
    }
    return Drawn(parameters=parameters)


def draw_weave(settings: WeaveSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    return weave_at(settings, scene, (contract.draw_seed(rng), 0), 0)


def act_weave(x: Array, drawn: Sequence[Drawn]) -> Array:
    down = [shift_kernel(d.parameters["down_px"]) for d in drawn]
    across = [shift_kernel(d.parameters["across_px"]) for d in drawn]
    return correlate(x, down, across)


def shift_kernel(by_px: float) -> np.ndarray:
    """An odd kernel that moves a line by so many pixels to higher indices (Keys 1981)."""
    reach = int(np.ceil(abs(by_px))) + 2
    x = np.abs(np.arange(-reach, reach + 1) + by_px)
    near = (1.5 * x - 2.5) * x * x + 1
    far = -0.5 * (((x - 5) * x + 8) * x - 4)
    kernel = np.where(x < 1, near, np.where(x < 2, far, 0))
    return np.asarray(kernel / kernel.sum(), np.float32)


def drifting(key: tuple[int, int], stream: int, frame: int, hold: float) -> float:
    """Smooth chance over time, mean 0 and variance 1, at a frame: cubic between knots."""
    at = frame / hold
    first = int(np.floor(at))
    knots = [
        float(np.random.default_rng([*key, stream, first + k + 2]).standard_normal())
        for k in range(-1, 3)
    ]
    t = at - first
    weights = np.array(
        [
            -t * (1 - t) ** 2 / 2,
            1 + t * t * (1.5 * t - 2.5),
            t * (1 + t * (4 - 3 * t)) / 2,
            t * t * (t - 1) / 2,
        ]
    )
    return float(np.dot(weights, knots) / np.sqrt((weights**2).sum()))


FLICKER = Damage(
    name="flicker",
    title="Exposure that changes from frame to frame",
    settings=FlickerSettings,
    draw=draw_flicker,
    draw_at=flicker_at,
    act=act_flicker,
    domain="density",
)
WEAVE = Damage(
    name="weave",
    title="The frame wanders in the gate",
    settings=WeaveSettings,
    draw=draw_weave,
    draw_at=weave_at,
    act=act_weave,
    spreads=True,
)
