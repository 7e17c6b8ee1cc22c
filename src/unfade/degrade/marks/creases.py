"""Creases: the print was folded, from side to side or over a corner."""

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
    waves,
    window_of,
)


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How many folds, how broken, how much relief."""

    count: Span = setting((0.0, 2.5), "mean number in a picture of reference size", low=0, high=200)
    width_px: Span = setting((0.8, 5.0), "width of the broken line, px", low=0.3, high=64)
    broken_share: Span = setting((0.2, 0.95), "how much of its length shows paper", low=0, high=1)
    relief_density: Span = setting((0.01, 0.10), "light and shade of the flanks", low=0, high=1)
    relief_px: Span = setting((4.0, 16.0), "width of each flank, px", low=0.5, high=200)
    corner_chance: float = setting(0.5, "how often it cuts off a corner", low=0, high=1)
    flakes: Span = setting((0.0, 0.25), "flakes for each pixel of length", low=0, high=5)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    count = draw_count(settings.count, rng, np.sqrt(scene.area))
    layers, items = Layers(scene), []
    for n in range(count):
        fold, corner = _fold(settings, scene, rng)
        look = Look.drawn(settings, scene, rng)
        length = float(np.hypot(*np.diff(fold, axis=0).T).sum())
        line = broken_line(fold[0], fold[-1], 0.006 * length, rng) + _sag(fold)
        layers.relief(fold, look, n, rng)
        boxes = [layers.crack(line, look, n, rng)]
        flakes = draw_from(settings.flakes, rng) * look.broken
        boxes.append(flake(layers.bare, line, length, look.width, flakes, n, scene, rng))
        facts = {"width_px": look.width, "length_px": length, "corner": corner}
        facts |= {"relief_density": look.relief}
        items.append(fold_item("creases", [*boxes, window_of(fold, scene, look.flank)], facts))
    return folds_drawn(layers, items, scene, rng)


def _sag(fold: np.ndarray) -> np.ndarray:
    """How far a fold lies beside the line between its ends, at 129 points."""
    t = np.linspace(0, 1, len(fold))
    off = fold - (fold[0] + t[:, None] * (fold[-1] - fold[0]))
    fine = np.linspace(0, 1, 129)
    return np.stack([np.interp(fine, t, off[:, k]) for k in (0, 1)], axis=1)


def _fold(settings: Settings, scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """The fold's line: over a corner, or from side to side."""
    rows, cols = scene.rows, scene.cols
    corner = bool(rng.random() < settings.corner_chance)
    if corner:
        reach = rng.uniform(0.06, 0.4, 2) * (rows, cols)
        start, end = np.array([reach[0], -2.0]), np.array([-2.0, reach[1]])
        if rng.random() < 0.5:
            start, end = start * (1, -1) + (0, cols), end * (1, -1) + (0, cols)
        if rng.random() < 0.5:
            start, end = start * (-1, 1) + (rows, 0), end * (-1, 1) + (rows, 0)
    else:
        a, b = rng.uniform(0.05, 0.95, 2)
        b = np.clip(a + rng.normal(0, 0.12), -0.1, 1.1) if rng.random() < 0.7 else b
        start, end = np.array([a * rows, -2.0]), np.array([b * rows, cols + 2.0])
        if rng.random() < 0.5:
            start, end = np.array([-2.0, a * cols]), np.array([rows + 2.0, b * cols])
        if rng.random() < 0.3:  # it ends inside the picture
            end = start + (end - start) * rng.uniform(0.3, 0.8)
    t = np.linspace(0, 1, 60)
    length = float(np.hypot(*(end - start)))
    across = np.array([end[1] - start[1], start[0] - end[0]]) / max(length, 1e-6)
    side = waves(t, 4, rng) * 0.006 * length + rng.normal(0, 0.012) * length * 4 * t * (1 - t)
    return start + t[:, None] * (end - start) + side[:, None] * across, corner


DAMAGE = Damage(
    name="creases",
    title="Folds with a broken layer, a light and a dark flank",
    settings=Settings,
    draw=draw,
    domain="any",
)
