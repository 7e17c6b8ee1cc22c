"""Persistent lines: a grain of sand in the camera or the projector scratches frame after frame.

A line stands at nearly the same column for seconds, wanders a little, breaks off and comes back.
Lines are a function of the seed and the frame's number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.contract import (
    Damage,
    DamageClass,
    Drawn,
    Item,
    Marks,
    Scene,
    Span,
    draw_from,
    setting,
)
from unfade.degrade.marks.canvas import Canvas, covered, profile, trace

_BLOCK = 48  # frames; the lines that begin in a block are drawn together


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How many at a time, how long they last, how they look."""

    count: Span = setting((0.5, 4.0), "mean number in view", low=0, high=200)
    frames: Span = setting((6.0, 96.0), "how many frames one lasts", low=1, high=480)
    width_px: Span = setting((0.8, 3.0), "full width, px", low=0.3, high=64)
    light_chance: float = setting(0.6, "how often one is light", low=0, high=1)
    opacity: Span = setting((0.25, 0.95), "how much it hides", low=0.02, high=1)
    drift_px: Span = setting((0.0, 6.0), "how far it wanders over its life, px", low=0, high=500)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    return draw_at(settings, scene, (contract.draw_seed(rng), 0), 2 * _BLOCK)


def draw_at(settings: Settings, scene: Scene, key: tuple[int, int], frame: int) -> Drawn | None:
    held = np.random.default_rng([*key, 2])
    count = draw_from(settings.count, held)
    longest = settings.frames[1]
    canvas = Canvas(scene.rows, scene.cols)
    items: list[Item] = []
    inks: list[np.ndarray] = []
    blocks = int(np.ceil(longest / _BLOCK)) + 1
    begins = count * _BLOCK / (sum(settings.frames) / 2)  # new lines a block, to keep so many
    for block in range(frame // _BLOCK - blocks, frame // _BLOCK + 1):
        rng = np.random.default_rng([*key, 3, block + 1024])
        for number in range(rng.poisson(begins)):
            start = block * _BLOCK + rng.uniform(0, _BLOCK)
            lasts = draw_from(settings.frames, rng)
            own = np.random.default_rng([*key, 4, block + 1024, number])
            age = (frame - start) / lasts
            if not 0 <= age < 1:
                continue
            inks.append(_lay(canvas, len(inks), items, settings, scene, own, age, frame))
    if not items:
        return None
    index = canvas.index
    amount = canvas.amount[index]
    marks = Marks(
        index=index,
        classes=np.full(index.size, DamageClass.LINE, np.uint8),
        strength=amount,
        opacity=amount,
        colour=np.array(inks, np.float32)[canvas.owner[index]],
    )
    return Drawn(parameters={"count": len(items)}, marks=marks, items=tuple(items))


def _lay(
    canvas: Canvas,
    owner: int,
    items: list[Item],
    settings: Settings,
    scene: Scene,
    own: np.random.Generator,
    age: float,
    frame: int,
) -> np.ndarray:
    """Lay one line as it is in this frame; its colour in linear light."""
    column = own.uniform(0, scene.cols)
    width = draw_from(settings.width_px, own, by_ratio=True) * scene.unit_px
    light = bool(own.random() < settings.light_chance)
    opacity, drift = draw_from(settings.opacity, own), draw_from(settings.drift_px, own)
    lean, turns = own.normal(0, 0.002), own.uniform(0.5, 3)
    ink = own.uniform(0.7, 1.0, 3) if light else own.uniform(0.0, 0.04, 3)
    column += drift * scene.unit_px * np.sin(2 * np.pi * turns * age + own.uniform(0, 6.3))
    # what differs from frame to frame: how hard it is pressed along its length
    now = np.random.default_rng([int(own.integers(1 << 62)), frame])
    down = np.linspace(-1, scene.rows, 24)
    path = np.stack([down, column + lean * down + now.normal(0, 0.15, 24)], axis=1)
    found = trace(path, width / 2 + 1, scene.rows, scene.cols)
    fade = min(1.0, 8 * age, 8 * (1 - age))
    pressed = profile(found.along, 10, 0.45, now) * opacity * max(fade, 0.3)
    box = canvas.lay(found.index, covered(found.across_px, width / 2) * pressed, owner)
    if box is not None:
        facts = {"width_px": width, "column_px": float(column), "light": light, "age": float(age)}
        items.append(Item(kind="lines", damage_class=DamageClass.LINE, box=box, parameters=facts))
    return ink


DAMAGE = Damage(
    name="lines",
    title="Vertical lines that stay from frame to frame",
    settings=Settings,
    draw=draw,
    draw_at=draw_at,
    domain="any",
)
