"""Stains, foxing, water: something has soaked in and absorbs light.

A stain adds density, most to blue light. A spill is lighter inside and has dried to a dark rim
(a tide line); foxing is many small brown spots with soft edges.
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
from unfade.degrade.marks.canvas import Canvas, cloud
from unfade.picture import Window


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How many, how large, how dark."""

    count: Span = setting((0.0, 1.5), "mean number in a picture of reference size", low=0, high=500)
    radius_share: Span = setting((0.02, 0.22), "radius, of the longer side", low=0.001, high=2)
    blue_density: Span = setting((0.05, 0.5), "density added to blue light", low=0, high=3)
    green_share: Span = setting((0.4, 0.8), "of it, added to green light", low=0, high=1)
    red_share: Span = setting((0.15, 0.6), "of it, added to red light", low=0, high=1)
    rim: Span = setting((0.0, 1.5), "how much darker the dried edge is", low=0, high=10)
    rough: Span = setting((0.1, 0.5), "how far from round", low=0, high=2)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    return _draw("stains", DamageClass.STAIN, settings, scene, rng)


def _draw(
    kind: str,
    damage_class: DamageClass,
    settings: Settings,
    scene: Scene,
    rng: np.random.Generator,
) -> Drawn | None:
    count = draw_count(settings.count, rng, np.sqrt(scene.area))
    if count == 0:
        return None
    canvas, items = Canvas(scene.rows, scene.cols), []
    densities = np.zeros((count, 3), np.float32)
    for n in range(count):
        radius = draw_from(settings.radius_share, rng, by_ratio=True) * max(scene.rows, scene.cols)
        blue = draw_from(settings.blue_density, rng)
        shares = draw_from(settings.red_share, rng), draw_from(settings.green_share, rng), 1.0
        densities[n] = [blue * share for share in shares]
        rim, rough = draw_from(settings.rim, rng), draw_from(settings.rough, rng)
        centre = rng.uniform(-0.05, 1.05, 2) * (scene.rows, scene.cols)
        window = _around(centre, radius * (1.3 + rough), scene)
        if window is None:
            continue
        plane = puddle(window, centre, radius, rough, rim, rng)
        box = canvas.lay_plane(plane, window, n)
        if box is not None:
            facts = {"radius_px": float(radius), "densities": densities[n].tolist(), "rim": rim}
            items.append(Item(kind=kind, damage_class=damage_class, box=box, parameters=facts))
    if not items:
        return None
    index = canvas.index
    density = canvas.amount[index, None] * densities[canvas.owner[index]]
    marks = Marks(
        index=index,
        classes=np.full(index.size, damage_class, np.uint8),
        strength=(1 - 10 ** -density.max(axis=1)).astype(np.float32),
        pass_on=(10**-density).astype(np.float32),
    )
    return Drawn(parameters={"count": len(items)}, marks=marks, items=tuple(items))


def puddle(
    window: Window,
    centre: np.ndarray,
    radius_px: float,
    rough: float,
    rim: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """How much of a drop's colour lies where: uneven inside, with a rim where it dried.

    Returns:
        (window.rows, window.cols) float32, 0-1 relative to the densest place
    """
    # a drop is smooth: it is made at up to 256 points across and enlarged
    import cv2

    scale = max(1.0, 2 * radius_px / 256)
    high, wide = (max(2, int(np.ceil(n / scale))) for n in (window.rows, window.cols))
    down = (np.arange(high)[:, None] + 0.5) * (window.rows / high) + window.top - centre[0]
    right = (np.arange(wide)[None, :] + 0.5) * (window.cols / wide) + window.left - centre[1]
    size = radius_px / scale
    stretch = np.exp(rng.normal(0, 0.2))
    away = np.hypot(down * stretch, right / stretch) / radius_px
    edge = 1 - away + rough * cloud(high, wide, max(size * 0.7, 2), 4, rng) * np.float32(0.45)
    soft = max(rng.uniform(0.01, 0.06), 1.2 / size)
    inside = np.clip(edge / soft, 0, 1)
    body = 0.65 + 0.35 * np.clip(cloud(high, wide, max(size * 0.4, 2), 3, rng), -1.5, 1.5) / 1.5
    band = rng.uniform(0.03, 0.09)
    tide = rim * np.exp(-0.5 * ((edge - band) / (band * 0.6)) ** 2)
    plane = (inside * (body + tide) / (1 + rim)).astype(np.float32)
    if scale > 1:
        plane = cv2.resize(plane, (window.cols, window.rows), interpolation=cv2.INTER_LINEAR)
    return np.clip(plane, 0, 1)


def _around(centre: np.ndarray, reach_px: float, scene: Scene) -> Window | None:
    low, high = np.floor(centre - reach_px).astype(int), np.ceil(centre + reach_px).astype(int)
    whole = Window(0, 0, scene.rows, scene.cols)
    return Window(int(low[0]), int(low[1]), int(high[0]), int(high[1])).overlap(whole)


STAINS = Damage(
    name="stains", title="Stains that add density", settings=Settings, draw=draw, domain="any"
)
