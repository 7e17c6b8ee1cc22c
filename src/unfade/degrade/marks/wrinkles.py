"""Wrinkles: the print was crumpled. Short, crooked cracks branch and come from the edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.contract import (
    Damage,
    Drawn,
    Scene,
    Span,
    draw_count,
    draw_from,
    setting,
)
from unfade.degrade.marks.folds import (
    Layers,
    Look,
    broken_line,
    flake,
    fold_item,
    folds_drawn,
    window_of,
)


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How many, how long, how crooked, how broken."""

    count: Span = setting(
        (2.0, 16.0), "mean number in a picture of reference size", low=0, high=500
    )
    length_share: Span = setting((0.03, 0.30), "length, of the longer side", low=0.005, high=1)
    width_px: Span = setting((0.7, 3.0), "width of the broken line, px", low=0.3, high=64)
    crooked: Span = setting((0.05, 0.16), "how far it strays, of its length", low=0, high=1)
    broken_share: Span = setting((0.3, 1.0), "how much of its length shows paper", low=0, high=1)
    relief_density: Span = setting((0.01, 0.06), "light and shade of the flanks", low=0, high=1)
    relief_px: Span = setting((2.0, 7.0), "width of each flank, px", low=0.5, high=200)
    branches: Span = setting((0.0, 2.0), "mean number of branches", low=0, high=20)
    edge_chance: float = setting(0.6, "how often one begins at an edge", low=0, high=1)
    flakes: Span = setting((0.0, 0.2), "flakes for each pixel of length", low=0, high=5)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    count = draw_count(settings.count, rng, scene.area)
    layers, items = Layers(scene), []
    size = np.array([scene.rows, scene.cols])
    for n in range(count):
        length = draw_from(settings.length_share, rng, by_ratio=True) * max(scene.rows, scene.cols)
        start, angle = rng.uniform(0, 1, 2) * size, rng.uniform(0, 2 * np.pi)
        if rng.random() < settings.edge_chance:
            side = int(rng.integers(4))
            start[side % 2] = 0 if side < 2 else size[side % 2]
            inward = size / 2 - start
            angle = np.arctan2(inward[0], inward[1]) + rng.normal(0, 0.6)
        look, crooked = Look.drawn(settings, scene, rng), draw_from(settings.crooked, rng)
        flakes = draw_from(settings.flakes, rng) * look.broken
        lines = [_from(start, angle, length, crooked, rng)]
        for _ in range(int(rng.poisson(draw_from(settings.branches, rng)))):
            at = lines[0][rng.integers(1, len(lines[0]))]
            turn = angle + rng.choice((-1, 1)) * rng.uniform(0.4, 1.3)
            lines.append(_from(at, turn, length * rng.uniform(0.15, 0.5), crooked, rng))
        boxes = []
        for line in lines:
            layers.relief(line[:: max(1, len(line) // 8)], look, n, rng)
            boxes.append(layers.crack(line, look, n, rng))
            boxes.append(window_of(line, scene, look.flank))
        boxes.append(flake(layers.bare, lines[0], length, look.width, flakes, n, scene, rng))
        facts = {"width_px": look.width, "length_px": float(length), "branches": len(lines) - 1}
        items.append(fold_item("wrinkles", boxes, facts))
    return folds_drawn(layers, items, scene, rng)


def _from(
    start: np.ndarray, angle: float, length: float, crooked: float, rng: np.random.Generator
) -> np.ndarray:
    end = start + length * np.array([np.sin(angle), np.cos(angle)])
    return broken_line(start, end, crooked * length, rng)


DAMAGE = Damage(
    name="wrinkles",
    title="Short, crooked, branching cracks of a print that was crumpled",
    settings=Settings,
    draw=draw,
    domain="any",
)
