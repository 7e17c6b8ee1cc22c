"""Mould: colonies of fine dark or pale dots in a haze, where the print was damp."""

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
from unfade.degrade.marks.canvas import Canvas, indices_of, somewhere, specks
from unfade.degrade.marks.spots import spot_radii
from unfade.degrade.marks.stains import puddle, window_around
from unfade.picture import Window


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How many colonies, how large, how dense, dark or pale."""

    count: Span = setting((0.5, 4.0), "mean number of colonies in a picture", low=0, high=500)
    radius_share: Span = setting((0.02, 0.14), "radius, of the longer side", low=0.002, high=1)
    dots: Span = setting((30.0, 250.0), "mean number of dots in a colony", low=1, high=20000)
    dot_px: Span = setting((0.5, 2.6), "radius of a dot, px", low=0.2, high=64)
    haze: Span = setting((0.03, 0.3), "how much the haze hides", low=0, high=1)
    pale_chance: float = setting(0.4, "how often a colony is pale", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    import cv2

    count = draw_count(settings.count, rng, np.sqrt(scene.area))
    dots, veil, items = Canvas(scene.rows, scene.cols), Canvas(scene.rows, scene.cols), []
    owners: list[int] = []  # the colony of each dot
    inks, veils = np.zeros((count, 3), np.float32), np.zeros((count, 3), np.float32)
    places, radii, amounts = [], [], []
    for n in range(count):
        radius = draw_from(settings.radius_share, rng, by_ratio=True) * max(scene.rows, scene.cols)
        centre = somewhere(scene.rows, scene.cols, 1, rng)[0]
        pale = bool(rng.random() < settings.pale_chance)
        hue = np.array([1.0, 1.02, 0.9]) * (1 + rng.normal(0, 0.03, 3))
        inks[n] = hue * (rng.uniform(0.45, 0.75) if pale else rng.uniform(0.01, 0.06))
        veils[n] = hue * (rng.uniform(0.35, 0.6) if pale else rng.uniform(0.06, 0.2))
        window = window_around(centre, radius * 1.6, scene)
        if window is not None:
            plane = puddle(window, centre, radius, 0.6, 0.0, rng)
            plane = cv2.GaussianBlur(plane, (0, 0), max(0.12 * radius, 0.5))
            veil.lay_plane(plane * np.float32(draw_from(settings.haze, rng)), window, n)
        number = max(1, draw_count(settings.dots, rng))
        places.append(centre + rng.normal(0, 0.42, (number, 2)) * radius)
        radii.append(spot_radii(settings.dot_px, number, scene, rng))
        amounts.append(rng.uniform(0.3, 0.95, number))
        owners += [n] * number
        reach = 3 * 0.42 * radius
        top, left = (int(v) for v in np.floor(centre - max(reach, 1.6 * radius) - 4))
        side = 2 * int(np.ceil(max(reach, 1.6 * radius) + 6))
        inside = Window(top, left, top + side, left + side).overlap(
            Window(0, 0, scene.rows, scene.cols)
        )
        if inside is not None:
            facts = {"radius_px": float(radius), "dots": number, "pale": pale}
            items.append(
                Item(kind="mould", damage_class=DamageClass.FOXING, box=inside, parameters=facts)
            )
    if not items:
        return None
    specks(
        dots, np.concatenate(places), np.concatenate(radii), np.concatenate(amounts), 0.4, rng,
        soft=0.5,
    )  # fmt: skip
    index = indices_of(dots, veil)
    dot, haze = dots.amount[index], veil.amount[index]
    opacity = 1 - (1 - dot) * (1 - haze)
    share = (dot / np.maximum(opacity, 1e-6))[:, None]
    colour = share * inks[np.array(owners)[dots.owner[index]]]
    colour += (1 - share) * veils[veil.owner[index]]
    marks = Marks(
        index=index,
        classes=np.full(index.size, DamageClass.FOXING, np.uint8),
        strength=opacity.astype(np.float32),
        opacity=opacity.astype(np.float32),
        colour=colour.astype(np.float32),
    )
    return Drawn(parameters={"count": len(items)}, marks=marks, items=tuple(items))


DAMAGE = Damage(
    name="mould",
    title="Colonies of mould: fine dots in a haze",
    settings=Settings,
    draw=draw,
    domain="any",
)
