"""Fewer pixels: scaling down, and down and up again, by the kernels that programs use.

A resampling is a table of taps for each axis, made on the host; both libraries add the same taps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, Taps, namespace, resample
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, setting
from unfade.errors import SettingsError

WAYS = ("nearest", "area", "bilinear", "bicubic")


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How much smaller, by which kernels, and whether back."""

    factor: Span = setting((0.5, 1.0), "new over old side", low=0.02, high=4)
    of: str = setting(
        "current", "the old side: as it is now, or the original's", choices=("current", "original")
    )
    sides_apart: bool = setting(False, "each side draws its own factor")
    ways: tuple[str, ...] = setting(("area", "bilinear", "bicubic"), "kernels, one is drawn")
    antialias: bool = setting(False, "kernels grow when scaling down, as in Pillow")
    back: bool = setting(False, "scaled back to the size it had")
    ways_back: tuple[str, ...] = setting(("bilinear", "bicubic"), "kernels for the way back")

    def __post_init__(self) -> None:
        super().__post_init__()
        for way in (*self.ways, *self.ways_back):
            if way not in WAYS:
                raise contract.unknown("ways", way, WAYS)
        if not self.ways or not self.ways_back:
            raise SettingsError("`ways` is empty.", f"Name at least one of {', '.join(WAYS)}.")


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    first = draw_from(settings.factor, rng)
    second = draw_from(settings.factor, rng) if settings.sides_apart else first
    base = scene.original if settings.of == "original" else (scene.rows, scene.cols)
    rows, cols = (max(1, round(f * n)) for f, n in zip((first, second), base, strict=True))
    if (rows, cols) == (scene.rows, scene.cols):
        return None
    parameters = {
        "rows": rows,
        "cols": cols,
        "way": str(rng.choice(settings.ways)),
        "way_back": str(rng.choice(settings.ways_back)) if settings.back else "",
        "antialias": settings.antialias,
    }
    return Drawn(parameters=parameters)


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    rows, cols = x.shape[2:]
    for axis, size in ((2, rows), (3, cols)):
        there, back = [], []
        for d in drawn:
            p = d.parameters
            other = p["rows"] if axis == 2 else p["cols"]
            there.append(taps(size, other, p["way"], p["antialias"]))
            if p["way_back"]:
                back.append(taps(other, size, p["way_back"], p["antialias"]))
        if back:
            there = [joined(a, b) for a, b in zip(there, back, strict=True)]
        x = resample(x, there, axis)
    xp = namespace(x)
    return xp.clip(x, 0, 1)  # bicubic overshoots; a file does not


def size_after(drawn: Drawn, rows: int, cols: int) -> tuple[int, int]:
    p = drawn.parameters
    return (rows, cols) if p["way_back"] else (p["rows"], p["cols"])


def taps(size: int, new: int, way: str, antialias: bool) -> Taps:
    """Which inputs make each output of an axis, and with what weights.

    Centres of pixels lie at halves (OpenCV, Pillow and torch agree); the edge is repeated.
    """
    step = size / new
    centre = (np.arange(new) + 0.5) * step - 0.5
    if way == "nearest":
        index = np.minimum(np.floor((np.arange(new) + 0.5) * step), size - 1)[:, None]
        return Taps(index.astype(np.int64), np.ones((new, 1), np.float32))
    if way == "area":
        low, high = np.arange(new) * step, (np.arange(new) + 1) * step
        if step < 1:  # an output inside one input, or on the seam of two
            low, high = centre, centre + 1
        index = np.floor(low)[:, None] + np.arange(int(np.ceil(high[0] - low[0])) + 1)
        weight = np.minimum(index + 1, high[:, None]) - np.maximum(index, low[:, None])
    else:
        wide = max(step, 1.0) if antialias else 1.0
        support = (1 if way == "bilinear" else 2) * wide
        first = np.floor(centre - support) + 1
        index = first[:, None] + np.arange(int(np.ceil(2 * support)) + 1)
        weight = _kernel(way, (index - centre[:, None]) / wide)
    weight = np.maximum(weight, 0) if way in ("area", "bilinear") else weight
    weight = weight / weight.sum(axis=1, keepdims=True)
    used = np.abs(weight).max(axis=0) > 0
    index = np.clip(index, 0, size - 1).astype(np.int64)
    return Taps(index[:, used], weight[:, used].astype(np.float32))


def joined(first: Taps, second: Taps) -> Taps:
    """Two resamplings one after another as one."""
    index = first.index[second.index].reshape(len(second.index), -1)
    weight = (first.weight[second.index] * second.weight[:, :, None]).reshape(index.shape)
    return Taps(index, weight.astype(np.float32))


def _kernel(way: str, x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    if way == "bilinear":
        return np.maximum(0, 1 - x)
    a = -0.5  # Keys 1981; Pillow's
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0))


DAMAGE = Damage(
    name="resize",
    title="Scaled down, or down and up again",
    settings=Settings,
    draw=draw,
    act=act,
    spreads=True,
    size=size_after,
)
