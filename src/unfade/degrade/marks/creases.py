"""Creases: the print was bent, the image layer broke along the fold, flakes fell off.

Along the fold runs a broken line of bare paper, one flank catches the scanner's light and the
other lies in shade; where the layer was brittle, small pieces beside the line are gone too.
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
from unfade.degrade.marks.canvas import Canvas, covered, indices_of, trace
from unfade.picture import Window


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
    if count == 0:
        return None
    cracks, lit, shaded = (Canvas(scene.rows, scene.cols) for _ in range(3))
    items = []
    for n in range(count):
        path, corner = _fold(settings, scene, rng)
        width = draw_from(settings.width_px, rng, by_ratio=True) * scene.unit_px
        flank = draw_from(settings.relief_px, rng) * scene.unit_px
        relief = draw_from(settings.relief_density, rng)
        broken = draw_from(settings.broken_share, rng)
        found = trace(path, max(flank, width * 2) + 2, scene.rows, scene.cols)
        if found.index.size == 0:
            continue
        length = float(np.hypot(*np.diff(path, axis=0).T).sum())
        slope = _waves(found.along, length / (60 * scene.unit_px), rng) * 0.3 + 0.85
        side = np.exp(-0.5 * (np.abs(found.across_px) / (flank / 2)) ** 2) * relief * slope
        facing = rng.choice((-1.0, 1.0))
        over = found.across_px * facing > 0
        lit.lay(found.index[over], side[over], n)
        shaded.lay(found.index[~over], side[~over], n)
        # the crack wanders about the fold, and opens where the layer gave way
        wander = _waves(found.along, length / (9 * scene.unit_px), rng) * width * 0.45
        opened = _waves(found.along, length / (14 * scene.unit_px), rng)
        opened += 0.6 * _waves(found.along, length / (4 * scene.unit_px), rng)
        gate = np.clip((opened - np.quantile(opened, 1 - max(broken, 0.01))) * 2.5 + 0.1, 0, 1)
        jag = 0.55 + 0.45 * np.abs(_waves(found.along, length / (3 * scene.unit_px), rng))
        crack = covered(found.across_px - wander, width / 2 * gate * jag) * np.clip(gate * 3, 0, 1)
        box = cracks.lay(found.index, crack * rng.uniform(0.75, 1), n)
        _flake(cracks, path, length, width, draw_from(settings.flakes, rng) * broken, n, scene, rng)
        facts = {"width_px": width, "length_px": length, "corner": corner, "relief_density": relief}
        where = box or _window(path, scene)
        items.append(
            Item(kind="creases", damage_class=DamageClass.CREASE, box=where, parameters=facts)
        )
    if not items:
        return None
    return Drawn(
        parameters={"count": len(items)},
        marks=_optics(cracks, lit, shaded, scene, rng),
        items=tuple(items),
    )


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
    side = _waves(t, 4, rng) * 0.006 * length + rng.normal(0, 0.012) * length * 4 * t * (1 - t)
    return start + t[:, None] * (end - start) + side[:, None] * across, corner


def _flake(
    canvas: Canvas,
    path: np.ndarray,
    length: float,
    width: float,
    density: float,
    owner: int,
    scene: Scene,
    rng: np.random.Generator,
) -> None:
    """Small angular pieces gone beside the line."""
    count = int(rng.poisson(min(density * length / scene.unit_px * 0.25, 400)))
    if count == 0:
        return
    at = rng.uniform(0, len(path) - 1, count)
    along = np.arange(len(path))
    centre = np.stack([np.interp(at, along, path[:, k]) for k in (0, 1)], axis=1)
    centre += rng.normal(0, width * 0.7 + 0.5, (count, 2))
    radius = np.exp(rng.uniform(np.log(0.4), np.log(2.2), count)) * (0.4 * width + 0.3)
    reach = int(np.ceil(radius.max() * 1.6)) + 1
    offset = np.arange(-reach, reach + 1)
    middle = np.rint(centre).astype(np.int64)
    down = offset[None, :, None] - (centre - middle)[:, 0, None, None]
    right = offset[None, None, :] - (centre - middle)[:, 1, None, None]
    # four straight cuts make an angular piece
    inside = np.full(np.broadcast_shapes(down.shape, right.shape), np.inf)
    turn = rng.uniform(0, np.pi / 2, count)
    for k in range(4):
        angle = (turn + k * np.pi / 2 + rng.normal(0, 0.25, count))[:, None, None]
        cut = (radius * rng.uniform(0.5, 1.4, count))[:, None, None]
        inside = np.minimum(inside, cut - right * np.cos(angle) - down * np.sin(angle))
    share = np.clip(inside + 0.5, 0, 1)
    rows, cols = middle[:, 0, None, None] + offset[None, :, None], middle[:, 1, None, None] + offset
    rows, cols = np.broadcast_arrays(rows, cols.reshape(count, 1, -1))
    keep = (rows >= 0) & (rows < canvas.rows) & (cols >= 0) & (cols < canvas.cols)
    canvas.lay((rows * canvas.cols + cols)[keep], share[keep], owner)


def _waves(at: np.ndarray, knots: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth chance along 0-1, about -1 to 1, that turns ``knots`` times."""
    count = int(np.clip(np.ceil(knots), 2, 4000)) + 1
    return np.interp(at, np.linspace(0, 1, count), rng.uniform(-1, 1, count))


def _window(path: np.ndarray, scene: Scene) -> Window:
    low = np.clip(np.floor(path.min(axis=0)), 0, (scene.rows - 1, scene.cols - 1)).astype(int)
    high = np.clip(np.ceil(path.max(axis=0)) + 1, low + 1, (scene.rows, scene.cols)).astype(int)
    return Window(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _optics(
    cracks: Canvas, lit: Canvas, shaded: Canvas, scene: Scene, rng: np.random.Generator
) -> Marks:
    index = indices_of(cracks, lit, shaded)
    opacity = cracks.amount[index]
    relief = lit.amount[index] - shaded.amount[index]
    pass_on = np.exp(np.log(10) * relief)
    paper = np.asarray(scene.paper, np.float32) * rng.uniform(0.8, 1.0)
    return Marks(
        index=index,
        classes=np.full(index.size, DamageClass.CREASE, np.uint8),
        strength=np.maximum(opacity, np.abs(pass_on - 1)).clip(0, 1).astype(np.float32),
        opacity=opacity,
        colour=np.broadcast_to(paper, (index.size, 3)).astype(np.float32),
        pass_on=np.repeat(pass_on[:, None], 3, axis=1).astype(np.float32),
    )


DAMAGE = Damage(
    name="creases",
    title="Folds with a broken layer, a light and a dark flank",
    settings=Settings,
    draw=draw,
    domain="any",
)
