"""Tears: the paper is ripped from an edge, or a corner is gone.

A rip shows paper where the layer was pulled off one lip, uneven in width; a lost corner shows
what lies behind the print, with a white torn edge along it.
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
from unfade.degrade.marks.canvas import Canvas, cloud, covered, indices_of, trace
from unfade.picture import Window


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How many rips and lost corners, how large."""

    count: Span = setting((0.0, 1.2), "mean number of rips in a picture", low=0, high=100)
    length_share: Span = setting(
        (0.04, 0.35), "length of a rip, of the longer side", low=0.005, high=1.5
    )
    width_px: Span = setting((1.5, 9.0), "paper shown along a rip, px", low=0.3, high=64)
    corner_chance: float = setting(0.15, "how often each corner is gone", low=0, high=1)
    corner_share: Span = setting(
        (0.02, 0.16), "size of a lost corner, of the shorter side", low=0.002, high=1
    )
    behind: Span = setting((0.0, 1.0), "code of what lies behind the print", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    rips = draw_count(settings.count, rng)
    corners = [k for k in range(4) if rng.random() < settings.corner_chance]
    if rips + len(corners) == 0:
        return None
    paper, gone = Canvas(scene.rows, scene.cols), Canvas(scene.rows, scene.cols)
    items = [_rip(settings, scene, paper, rng) for _ in range(rips)]
    items += [_corner(k, settings, scene, paper, gone, rng) for k in corners]
    known = tuple(item for item in items if item is not None)
    if not known:
        return None
    behind = draw_from(settings.behind, rng) ** 2.2
    index = indices_of(paper, gone)
    bare, lost = paper.amount[index], gone.amount[index]
    opacity = 1 - (1 - bare) * (1 - lost)
    white = np.asarray(scene.paper, np.float32)
    share = (lost / np.maximum(opacity, 1e-6))[:, None]
    fibre = np.exp(0.05 * rng.standard_normal(index.size, np.float32))[:, None]
    marks = Marks(
        index=index,
        classes=np.full(index.size, DamageClass.TEAR, np.uint8),
        strength=opacity.astype(np.float32),
        opacity=opacity.astype(np.float32),
        colour=((1 - share) * white * fibre + share * behind).astype(np.float32),
    )
    parameters = {"count": len(known), "behind": float(behind)}
    return Drawn(parameters=parameters, marks=marks, items=known)


def _rip(settings: Settings, scene: Scene, paper: Canvas, rng: np.random.Generator) -> Item | None:
    rows, cols = scene.rows, scene.cols
    length = draw_from(settings.length_share, rng, by_ratio=True) * max(rows, cols)
    width = draw_from(settings.width_px, rng, by_ratio=True) * scene.unit_px
    side, at = int(rng.integers(4)), rng.uniform(0.05, 0.95)
    start = np.array(
        [(at * rows, -1.0), (at * rows, cols), (-1.0, at * cols), (rows, at * cols)][side]
    )
    inward = (0.0, np.pi, np.pi / 2, -np.pi / 2)[side] + rng.normal(0, 0.45)
    count = max(12, int(length / (4 * scene.unit_px)))
    # paper tears in small steps that keep to the pull on the whole
    turning = np.cumsum(rng.normal(0, 0.10, count)) + rng.normal(0, 0.38, count)
    angle = inward + turning - np.linspace(0, turning[-1] * 0.5, count)
    path = start + np.cumsum(np.stack([np.sin(angle), np.cos(angle)], 1) * length / count, axis=0)
    path = np.concatenate([start[None], path])
    found = trace(path, width * 1.6 + 2, rows, cols)
    if found.index.size == 0:
        return None
    knots = max(3, int(length / (7 * scene.unit_px)))
    lip = np.interp(found.along, np.linspace(0, 1, knots), rng.uniform(0.1, 1, knots))
    lip = lip * np.clip((1 - found.along) * 3, 0.1, 1) * width
    amount = covered(found.across_px - lip / 2, np.maximum(lip / 2, 0.35))
    box = paper.lay(found.index, amount, 0)
    if box is None:
        return None
    facts = {"form": "rip", "length_px": float(length), "width_px": width}
    return Item(kind="tears", damage_class=DamageClass.TEAR, box=box, parameters=facts)


def _corner(
    which: int,
    settings: Settings,
    scene: Scene,
    paper: Canvas,
    gone: Canvas,
    rng: np.random.Generator,
) -> Item | None:
    rows, cols = scene.rows, scene.cols
    size = draw_from(settings.corner_share, rng, by_ratio=True) * min(rows, cols)
    a, b = size * np.exp(rng.normal(0, 0.3, 2))
    high, wide = (min(n, int(np.ceil(1.5 * s)) + 2) for n, s in ((rows, a), (cols, b)))
    down, right = np.mgrid[:high, :wide].astype(np.float32) + np.float32(0.5)
    slant = 1 / np.hypot(1 / a, 1 / b)
    inward = (down / a + right / b - 1) * slant  # px from the straight cut
    inward += cloud(high, wide, max(size / 5, 3), 5, rng) * np.float32(min(size * 0.05, 12))
    width = draw_from(settings.width_px, rng, by_ratio=True) * scene.unit_px
    lip = np.float32(width) * np.clip(
        1 + 0.7 * cloud(high, wide, max(size / 4, 3), 2, rng), 0.1, 2.5
    )
    lost = np.clip(0.5 - inward, 0, 1)
    bare = np.clip(0.5 - (inward - lip), 0, 1)
    flip = (slice(None, None, -1 if which & 1 else 1), slice(None, None, -1 if which & 2 else 1))
    top, left = rows - high if which & 1 else 0, cols - wide if which & 2 else 0
    window = Window(top, left, top + high, left + wide)
    gone.lay_plane(np.ascontiguousarray(lost[flip]), window, 0)
    box = paper.lay_plane(np.ascontiguousarray(bare[flip]), window, 0)
    if box is None:
        return None
    facts = {"form": "corner", "size_px": float(size)}
    return Item(kind="tears", damage_class=DamageClass.TEAR, box=box, parameters=facts)


DAMAGE = Damage(
    name="tears",
    title="Rips from the edge and lost corners",
    settings=Settings,
    draw=draw,
    domain="any",
)
