"""Craquelure: the net of fine cracks in the paint layer of an old painting.

The net is the edge set of a Voronoi diagram of jittered points, stretched along the grain of the
support; edges wander, differ in width, and are missing where the layer held.
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
from unfade.degrade.marks.canvas import LEAST, box_of, cloud
from unfade.picture import Plane


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How wide the islands, how wide the cracks, how much of the picture."""

    island_px: Span = setting(
        (18.0, 80.0), "mean size of the islands of paint, px", low=4, high=2000
    )
    width_px: Span = setting((0.4, 1.6), "width of the cracks, px", low=0.3, high=32)
    stretch: Span = setting((1.0, 2.2), "islands are longer along the grain", low=1, high=6)
    cover_share: Span = setting((0.3, 1.0), "how much of the picture is cracked", low=0.02, high=1)
    opacity: Span = setting((0.25, 0.8), "how dark with dirt", low=0.02, high=1)
    light_chance: float = setting(0.12, "how often the ground shows light instead", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    island = draw_from(settings.island_px, rng, by_ratio=True) * scene.unit_px
    width = draw_from(settings.width_px, rng) * scene.unit_px
    cover, opacity = draw_from(settings.cover_share, rng), draw_from(settings.opacity, rng)
    light = bool(rng.random() < settings.light_chance)
    net = craquelure(scene.rows, scene.cols, island, width, draw_from(settings.stretch, rng), rng)
    where = _where(scene.rows, scene.cols, cover, 6 * island, rng)
    plane = (net * where * np.float32(opacity)).ravel()
    index = np.flatnonzero(plane > LEAST)
    if index.size == 0:
        return None
    facts = {"island_px": island, "width_px": width, "cover_share": cover, "light": light}
    ink = np.array([[0.75, 0.70, 0.60]] if light else [[0.035, 0.028, 0.02]], np.float32)
    kind = DamageClass.CRACK
    marks = Marks(
        index=index,
        classes=np.full(index.size, kind, np.uint8),
        strength=plane[index],
        opacity=plane[index],
        colour=ink,
    )
    item = Item(kind="cracks", damage_class=kind, box=box_of(index, scene.cols), parameters=facts)
    return Drawn(parameters=facts, marks=marks, items=(item,))


def craquelure(
    rows: int,
    cols: int,
    island_px: float,
    width_px: float,
    stretch: float,
    rng: np.random.Generator,
) -> Plane:
    """How much a net of cracks covers each pixel, 0-1."""
    import cv2

    edges = _edges(rows, cols, island_px, stretch, rng)
    canvas = np.zeros((rows, cols), np.uint8)
    if len(edges):
        kept = edges[rng.random(len(edges)) < 0.86]
        width = width_px * np.exp(rng.normal(0, 0.35, len(kept)))
        lines = _wandering(kept, 0.06 * island_px, rng)
        for level in (1, 2, 3, 4, 6, 9, 14, 22, 32):
            step = {1: 1.5, 2: 2.5, 3: 3.5, 4: 5, 6: 7.5, 9: 11.5, 14: 18, 22: 27, 32: 1e9}[level]
            before = {1: 0, 2: 1.5, 3: 2.5, 4: 3.5, 6: 5, 9: 7.5, 14: 11.5, 22: 18, 32: 27}[level]
            chosen = lines[(width >= before) & (width < step)]
            if len(chosen):
                points = np.rint(chosen[:, :, ::-1] * 16).astype(np.int32)
                cv2.polylines(canvas, list(points), False, 255, level, cv2.LINE_AA, 4)
    plane = canvas.astype(np.float32) * np.float32(1 / 255)
    if width_px < 1:
        plane *= np.float32(0.35 + 0.65 * width_px)
    return plane


def _edges(
    rows: int, cols: int, island_px: float, stretch: float, rng: np.random.Generator
) -> np.ndarray:
    """(count, 2, 2) ends, rows and columns, of the edges of jittered cells."""
    import cv2

    along = rng.random() < 0.5
    high, wide = island_px / np.sqrt(stretch), island_px * np.sqrt(stretch)
    high, wide = (wide, high) if along else (high, wide)
    down, right = np.arange(-2, rows / high + 2), np.arange(-2, cols / wide + 2)
    places = np.stack(np.meshgrid(down, right, indexing="ij"), axis=-1).reshape(-1, 2)
    places = (places + rng.uniform(0.05, 0.95, places.shape)) * (high, wide)
    frame = (-4 * wide - 9, -4 * high - 9, cols + 8 * wide + 18, rows + 8 * high + 18)
    division = cv2.Subdiv2D(tuple(int(v) for v in frame))
    division.insert(places[:, ::-1].astype(np.float32).tolist())
    facets, _ = division.getVoronoiFacetList([])
    pairs = [np.stack([f, np.roll(f, -1, axis=0)], axis=1) for f in facets if len(f) > 2]
    if not pairs:
        return np.zeros((0, 2, 2))
    ends = np.concatenate(pairs)
    # each edge belongs to two cells: it is taken from the one where it runs forward
    forward = (ends[:, 0, 0] < ends[:, 1, 0]) | (
        (ends[:, 0, 0] == ends[:, 1, 0]) & (ends[:, 0, 1] < ends[:, 1, 1])
    )
    ends = ends[forward][:, :, ::-1].astype(np.float64)
    near = np.all((ends > -island_px) & (ends < np.array([rows, cols]) + island_px), axis=(1, 2))
    return ends[near]


def _wandering(ends: np.ndarray, by_px: float, rng: np.random.Generator) -> np.ndarray:
    """(count, 9, 2): each edge broken three times, its new points put aside by chance."""
    lines = ends
    for _ in range(3):
        middle = (lines[:, 1:] + lines[:, :-1]) / 2
        middle = middle + rng.normal(0, by_px, middle.shape)
        woven = np.empty((len(lines), lines.shape[1] + middle.shape[1], 2))
        woven[:, 0::2], woven[:, 1::2] = lines, middle
        lines, by_px = woven, by_px / 2
    return lines


def _where(rows: int, cols: int, share: float, coarse_px: float, rng: np.random.Generator) -> Plane:
    """How much the layer has cracked here, 0-1, over about ``share`` of the picture."""
    import cv2

    scale = max(1.0, max(rows, cols) / 128)
    high, wide = max(1, round(rows / scale)), max(1, round(cols / scale))
    small = cloud(high, wide, max(coarse_px / scale, 4), 3, rng)
    small = np.clip((small - np.quantile(small, 1 - share)) * 1.5 + 0.6, 0.0, 1.0)
    return np.asarray(cv2.resize(small.astype(np.float32), (cols, rows)), np.float32)


DAMAGE = Damage(
    name="cracks",
    title="Craquelure of a painting",
    settings=Settings,
    draw=draw,
    domain="any",
)
