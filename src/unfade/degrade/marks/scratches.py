"""Scratches: light ones that plough through the layers, dark ones that are filled or printed.

A light scratch takes the layers from the top. In a colour print cyan lies on top, then magenta,
then yellow, so a graze is red, a deeper one yellow, and only the deepest shows paper; in a film
the order is the other way round. A silver picture has one layer.
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
    draw_count,
    draw_from,
    setting,
)
from unfade.degrade.marks.canvas import Canvas, covered, profile, trace, wobbly
from unfade.steps.correct_fading import DYES


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How many, how long and wide, how deep."""

    count: Span = setting((0.0, 8.0), "mean number in a picture of reference size", low=0, high=500)
    width_px: Span = setting((0.7, 6.0), "full width, px; thin ones are as often", low=0.3, high=64)
    length_share: Span = setting((0.03, 0.7), "length, of the longer side", low=0.005, high=2)
    light_chance: float = setting(0.75, "how often one is light", low=0, high=1)
    depth: Span = setting((0.6, 3.0), "layers that a light one goes through", low=0.1, high=3)
    opacity: Span = setting((0.5, 1.0), "of a dark one", low=0.05, high=1)
    upright: float = setting(
        0.3, "how often it runs along a side, as handling leaves it", low=0, high=1
    )
    bend_share: Span = setting((0.0, 0.06), "sag of its arc, of its length", low=0, high=1)
    film: bool = setting(False, "layers lie as in film: yellow on top")


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    count = draw_count(settings.count, rng, np.sqrt(scene.area))
    if count == 0:
        return None
    canvas, items = Canvas(scene.rows, scene.cols), []
    depths, darks = np.zeros(count, np.float32), np.zeros(count, np.float32)
    inks = np.zeros((count, 3), np.float32)
    longer = max(scene.rows, scene.cols)
    for n in range(count):
        width = min(draw_from(settings.width_px, rng, by_ratio=True) * scene.unit_px, 64.0)
        length = draw_from(settings.length_share, rng, by_ratio=True) * longer
        angle = rng.uniform(0, np.pi)
        if rng.random() < settings.upright:
            angle = rng.integers(2) * np.pi / 2 + rng.normal(0, 0.06)
        middle = rng.uniform(0, 1, 2) * (scene.rows, scene.cols)
        half = np.array([np.sin(angle), np.cos(angle)]) * length / 2
        bend = draw_from(settings.bend_share, rng) * length * rng.choice((-1, 1))
        path = wobbly(middle - half, middle + half, bend, 0.004 * length, rng)
        light = bool(rng.random() < settings.light_chance)
        depth, opacity = draw_from(settings.depth, rng), draw_from(settings.opacity, rng)
        depths[n], darks[n] = (depth, 0) if light else (0, opacity)
        inks[n] = rng.uniform(0.0, 0.05) + rng.uniform(0, 0.01, 3)
        found = trace(path, width / 2 + 1, scene.rows, scene.cols)
        # tapered at its ends, now wider now thinner, pressed harder here than there
        taper = np.clip(np.minimum(found.along, 1 - found.along) / rng.uniform(0.02, 0.3), 0.1, 1)
        knots = 2 + int(length / (25 * scene.unit_px))
        radius = width / 2 * np.sqrt(taper) * profile(found.along, knots, 0.5, rng)
        pressed = profile(found.along, knots, rng.uniform(0.1, 0.9), rng)
        amount = covered(found.across_px, radius) * pressed * _groove(found.across_px, radius)
        box = canvas.lay(found.index, amount, n)
        if box is not None:
            facts = {"width_px": width, "length_px": float(length), "light": light}
            facts |= {"depth": depth} if light else {"opacity": opacity}
            items.append(
                Item(kind="scratches", damage_class=DamageClass.SCRATCH, box=box, parameters=facts)
            )
    if not items:
        return None
    marks = _optics(canvas, depths, darks, inks, settings, scene)
    return Drawn(parameters={"count": len(items)}, marks=marks, items=tuple(items))


def _groove(across_px: np.ndarray, radius_px: np.ndarray) -> np.ndarray:
    """Deeper in the middle than at the sides; the sides of a thin one are not seen."""
    relative = np.clip(np.abs(across_px) / np.maximum(radius_px, 0.5), 0, 1)
    return np.asarray(0.6 + 0.4 * np.sqrt(1 - relative**2))


def _optics(
    canvas: Canvas,
    depths: np.ndarray,
    darks: np.ndarray,
    inks: np.ndarray,
    settings: Settings,
    scene: Scene,
) -> Marks:
    index = canvas.index
    amount, owner = canvas.amount[index], canvas.owner[index]
    deep = depths[owner] * amount
    if scene.silver:
        lost = np.repeat(np.clip(deep, 0, 1)[:, None], 3, axis=1)
    else:
        order = (2, 1, 0) if settings.film else (0, 1, 2)
        gone = np.stack([np.clip(deep - order[c], 0, 1) for c in range(3)], axis=1)
        lost = gone @ np.array(DYES["chromogenic"]).T  # each dye absorbs in all three lights
    bare = lost.min(axis=1, keepdims=True)
    return Marks(
        index=index,
        classes=np.full(index.size, DamageClass.SCRATCH, np.uint8),
        strength=np.maximum(lost.max(axis=1), darks[owner] * amount).astype(np.float32),
        opacity=(darks[owner] * amount).astype(np.float32),
        colour=inks[owner],
        keep=(1 - lost).astype(np.float32),
        pass_on=(np.asarray(scene.paper, np.float32) ** bare).astype(np.float32),
    )


DAMAGE = Damage(
    name="scratches",
    title="Scratches, light through the layers or dark",
    settings=Settings,
    draw=draw,
    domain="any",
)
