"""Dust and hairs: what lay on the print, the negative or the glass.

Shapes are irregular specks and fibres; with a folder of overlays some are real ones.
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
from unfade.degrade.marks.canvas import Canvas, covered, profile, somewhere, specks, trace
from unfade.degrade.marks.spots import items_of, spot_radii


@dataclass(frozen=True, kw_only=True)
class DustSettings(contract.Settings):
    """How many specks, how large, light or dark."""

    count: Span = setting(
        (5.0, 120.0), "mean number in a picture of reference size", low=0, high=20000
    )
    radius_px: Span = setting(
        (0.6, 5.0), "radius, px; small ones are as often as large", low=0.2, high=64
    )
    light_share: Span = setting((0.0, 1.0), "share of light ones in a picture", low=0, high=1)
    opacity: Span = setting((0.35, 1.0), "how much a speck hides", low=0.02, high=1)


def draw_dust(settings: DustSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    return _specks("dust", DamageClass.DUST, settings, scene, rng)


@dataclass(frozen=True, kw_only=True)
class DirtSettings(DustSettings):
    """Dirt of a film: on one frame only, larger and blacker or whiter than dust."""

    count: Span = setting(
        (0.0, 18.0), "mean number in a frame of reference size", low=0, high=20000
    )
    radius_px: Span = setting((0.8, 12.0), "radius, px", low=0.2, high=64)
    opacity: Span = setting((0.6, 1.0), "how much it hides", low=0.02, high=1)


def draw_dirt(settings: DirtSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    return _specks("dirt", DamageClass.DIRT, settings, scene, rng)


def _specks(
    kind: str,
    damage_class: DamageClass,
    settings: DustSettings,
    scene: Scene,
    rng: np.random.Generator,
) -> Drawn | None:
    count = draw_count(settings.count, rng, scene.area)
    if count == 0:
        return None
    radii = spot_radii(settings.radius_px, count, scene, rng)
    light = rng.random(count) < draw_from(settings.light_share, rng)
    opacity = rng.uniform(*settings.opacity, count)
    canvas = Canvas(scene.rows, scene.cols)
    places = somewhere(scene.rows, scene.cols, count, rng)
    boxes = specks(canvas, places, radii, opacity, rng.uniform(0.15, 0.5), rng)
    inks = _inks(light, rng)
    facts = [
        {"radius_px": float(radius), "light": bool(bright)} for radius, bright in zip(radii, light)
    ]
    items = items_of(kind, damage_class, boxes, facts)
    return _covering(canvas, inks, damage_class, items)


@dataclass(frozen=True, kw_only=True)
class HairSettings(contract.Settings):
    """How many hairs and fibres, how long, how curled."""

    count: Span = setting(
        (0.0, 3.0), "mean number in a picture of reference size", low=0, high=2000
    )
    length_px: Span = setting((25.0, 260.0), "length, px", low=2, high=5000)
    width_px: Span = setting((0.7, 2.6), "full width, px", low=0.3, high=64)
    turns: Span = setting((0.2, 4.0), "how far it turns over its length, radians", low=0, high=60)
    light_chance: float = setting(0.5, "how often one is light", low=0, high=1)
    opacity: Span = setting((0.4, 1.0), "how much it hides", low=0.02, high=1)


def draw_hairs(settings: HairSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    count = draw_count(settings.count, rng, scene.area)
    if count == 0:
        return None
    canvas, items = Canvas(scene.rows, scene.cols), []
    light = rng.random(count) < settings.light_chance
    for n in range(count):
        length = draw_from(settings.length_px, rng, by_ratio=True) * scene.unit_px
        width = draw_from(settings.width_px, rng, by_ratio=True) * scene.unit_px
        path = curled(length, draw_from(settings.turns, rng), rng)
        path += somewhere(scene.rows, scene.cols, 1, rng) - path.mean(axis=0)
        found = trace(path, width / 2 + 1, scene.rows, scene.cols)
        opacity = draw_from(settings.opacity, rng)
        thin = np.clip(np.minimum(found.along, 1 - found.along) / 0.08, 0.35, 1)
        amount = covered(found.across_px, width / 2 * thin) * opacity
        box = canvas.lay(found.index, amount * profile(found.along, 6, 0.7, rng), n)
        if box is not None:
            facts = {"width_px": width, "length_px": length, "light": bool(light[n])}
            items.append(
                Item(kind="hairs", damage_class=DamageClass.HAIR, box=box, parameters=facts)
            )
    return _covering(canvas, _inks(light, rng), DamageClass.HAIR, tuple(items))


def curled(length_px: float, turns: float, rng: np.random.Generator) -> np.ndarray:
    """A fibre's path from (0, 0): its direction drifts smoothly, with a bend of its own."""
    count = max(8, int(length_px / 3))
    drift = np.cumsum(rng.normal(0, 1, count))
    drift = np.convolve(drift, np.ones(5) / 5, mode="same") / np.sqrt(count)
    bend = rng.normal(0, 0.6) * turns * np.linspace(0, 1, count)
    angle = rng.uniform(0, 2 * np.pi) + turns * drift + bend
    step = length_px / count
    return np.cumsum(np.stack([np.sin(angle), np.cos(angle)], axis=1) * step, axis=0)


def _inks(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Linear light of each item: bright or dark, with a slight hue."""
    level = np.where(light, rng.uniform(0.55, 1.0, light.size), rng.uniform(0.0, 0.06, light.size))
    hue = 1 + rng.normal(0, 0.04, (light.size, 3))
    return np.clip(level[:, None] * hue, 0, 1).astype(np.float32)


def _covering(
    canvas: Canvas, inks: np.ndarray, kind: DamageClass, items: tuple[Item, ...]
) -> Drawn | None:
    if not items:
        return None
    index = canvas.index
    amount = canvas.amount[index]
    marks = Marks(
        index=index,
        classes=np.full(index.size, kind, np.uint8),
        strength=amount,
        opacity=amount,
        colour=inks[canvas.owner[index]],
    )
    return Drawn(parameters={"count": len(items)}, marks=marks, items=items)


DUST = Damage(name="dust", title="Dust specks", settings=DustSettings, draw=draw_dust, domain="any")
HAIRS = Damage(
    name="hairs", title="Hairs and fibres", settings=HairSettings, draw=draw_hairs, domain="any"
)
DIRT = Damage(
    name="dirt",
    title="Dirt of a film, on one frame only",
    settings=DirtSettings,
    draw=draw_dirt,
    domain="any",
)
