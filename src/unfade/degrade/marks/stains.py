"""Stains, foxing, water: something has soaked in and absorbs light.

A stain adds density, most to blue light. A spill is lighter inside and has dried to a dark rim
(a tide line); foxing is many small brown spots with soft edges.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
from unfade.degrade.marks.canvas import Canvas, cloud, somewhere, specks
from unfade.degrade.marks.spots import items_of, spot_radii
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
        window = window_around(centre, radius * (1.3 + rough), scene)
        if window is None:
            continue
        plane = puddle(window, centre, radius, rough, rim, rng)
        box = canvas.lay_plane(plane, window, n)
        if box is not None:
            facts = {"radius_px": float(radius), "densities": densities[n].tolist(), "rim": rim}
            items.append(Item(kind=kind, damage_class=damage_class, box=box, parameters=facts))
    return _absorbing(canvas, densities, damage_class, tuple(items))


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


def window_around(centre: np.ndarray, reach_px: float, scene: Scene) -> Window | None:
    """The part of the picture within ``reach_px`` of a place, or None."""
    low, high = np.floor(centre - reach_px).astype(int), np.ceil(centre + reach_px).astype(int)
    whole = Window(0, 0, scene.rows, scene.cols)
    return Window(int(low[0]), int(low[1]), int(high[0]), int(high[1])).overlap(whole)


@dataclass(frozen=True, kw_only=True)
class WaterSettings(Settings):
    """Spills: large, hardly coloured, with a tide line, and dyes washed out inside."""

    count: Span = setting((0.5, 2.0), "mean number in a picture", low=0, high=500)
    radius_share: Span = setting((0.08, 0.4), "radius, of the longer side", low=0.001, high=2)
    blue_density: Span = setting((0.08, 0.4), "density of the tide line, blue", low=0, high=3)
    rim: Span = setting((2.0, 6.0), "tide line over the inside", low=0, high=10)
    rough: Span = setting((0.2, 0.6), "how far from round", low=0, high=2)
    washed: Span = setting((0.0, 0.3), "share of the picture's density washed out", low=0, high=1)


def draw_water(settings: WaterSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    drawn = _draw("water", DamageClass.WATER, settings, scene, rng)
    if drawn is None or drawn.marks is None or drawn.marks.pass_on is None:
        return drawn
    washed = draw_from(settings.washed, rng)
    wet = np.clip(-np.log10(drawn.marks.pass_on[:, 2:]) / 0.03, 0, 1)
    keep = 1 - washed * wet * np.array([0.8, 1.0, 1.2], np.float32)
    marks = replace(
        drawn.marks,
        keep=np.clip(keep, 0, 1).astype(np.float32),
        strength=np.maximum(drawn.marks.strength, 1 - keep.min(axis=1)).astype(np.float32),
    )
    return replace(drawn, marks=marks, parameters={**drawn.parameters, "washed": washed})


@dataclass(frozen=True, kw_only=True)
class FoxingSettings(contract.Settings):
    """Brown spots of mould and iron, many small and few large."""

    count: Span = setting(
        (5.0, 90.0), "mean number in a picture of reference size", low=0, high=9000
    )
    radius_px: Span = setting((1.2, 14.0), "radius, px; small ones are as often", low=0.3, high=200)
    blue_density: Span = setting((0.05, 0.45), "density added to blue light", low=0, high=3)
    clusters: Span = setting((1.0, 6.0), "how many swarms they lie in", low=1, high=100)


def draw_foxing(settings: FoxingSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    count = draw_count(settings.count, rng, scene.area)
    if count == 0:
        return None
    radii = spot_radii(settings.radius_px, count, scene, rng)
    swarms = max(1, round(draw_from(settings.clusters, rng)))
    middles = somewhere(scene.rows, scene.cols, swarms, rng)
    spread = rng.uniform(0.05, 0.35, swarms) * max(scene.rows, scene.cols)
    home = rng.integers(swarms, size=count)
    places = middles[home] + rng.normal(0, 1, (count, 2)) * spread[home, None]
    blue = rng.uniform(*settings.blue_density, count)
    densities = (blue[:, None] * [0.30, 0.62, 1.0] * rng.uniform(0.8, 1.2, (count, 3))).astype("f4")
    canvas = Canvas(scene.rows, scene.cols)
    boxes = specks(canvas, places, radii, np.ones(count), 0.15, rng, soft=0.8)
    facts = [
        {"radius_px": float(radius), "densities": density.tolist()}
        for radius, density in zip(radii, densities)
    ]
    items = items_of("foxing", DamageClass.FOXING, boxes, facts)
    return _absorbing(canvas, densities, DamageClass.FOXING, items)


def _absorbing(
    canvas: Canvas, densities: np.ndarray, kind: DamageClass, items: tuple[Item, ...]
) -> Drawn | None:
    if not items:
        return None
    index = canvas.index
    density = canvas.amount[index, None] * densities[canvas.owner[index]]
    marks = Marks(
        index=index,
        classes=np.full(index.size, kind, np.uint8),
        strength=(1 - 10 ** -density.max(axis=1)).astype(np.float32),
        pass_on=(10**-density).astype(np.float32),
    )
    return Drawn(parameters={"count": len(items)}, marks=marks, items=items)


STAINS = Damage(
    name="stains", title="Stains that add density", settings=Settings, draw=draw, domain="any"
)
WATER = Damage(
    name="water",
    title="Spills with a tide line",
    settings=WaterSettings,
    draw=draw_water,
    domain="any",
)
FOXING = Damage(
    name="foxing",
    title="Foxing: brown spots",
    settings=FoxingSettings,
    draw=draw_foxing,
    domain="any",
)
