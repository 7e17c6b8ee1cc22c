"""Losses: pieces of the image layer are gone, in the middle or along worn edges.

What shows is the ground below (paper, canvas, wood), lit at the edge of the layer that is left.
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
from unfade.degrade.marks.canvas import LEAST, Canvas, box_of, cloud, indices_of
from unfade.picture import Plane, Window

GROUNDS = {
    "paper": (0.84, 0.80, 0.70),
    "chalk": (0.80, 0.77, 0.70),
    "canvas": (0.30, 0.24, 0.17),
    "wood": (0.22, 0.13, 0.07),
    "bole": (0.30, 0.09, 0.05),  # the red clay under gilding and old grounds
}


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How many, how large, what lies below."""

    count: Span = setting((0.0, 3.0), "mean number of groups in a picture", low=0, high=1000)
    radius_share: Span = setting(
        (0.01, 0.10), "radius of a group, of the longer side", low=0.001, high=1
    )
    ground: tuple[str, ...] = setting(("paper",), "what shows, one is drawn")
    crumbled: Span = setting((0.3, 1.2), "how ragged", low=0, high=3)
    shadow_density: Span = setting((0.0, 0.25), "shade at the edge of the layer", low=0, high=2)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.ground:
            if name not in GROUNDS:
                raise contract.unknown("ground", name, GROUNDS)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    count = draw_count(settings.count, rng)
    if count == 0:
        return None
    bare, shade = Canvas(scene.rows, scene.cols), Canvas(scene.rows, scene.cols)
    items = []
    ground = str(rng.choice(settings.ground))
    for n in range(count):
        radius = draw_from(settings.radius_share, rng, by_ratio=True) * max(scene.rows, scene.cols)
        crumbled, dark = draw_from(settings.crumbled, rng), draw_from(settings.shadow_density, rng)
        centre = rng.uniform(0, 1, 2) * (scene.rows, scene.cols)
        low = np.floor(centre - radius * 1.6).astype(int)
        side = int(np.ceil(radius * 3.2)) + 2
        window = Window(int(low[0]), int(low[1]), int(low[0]) + side, int(low[1]) + side)
        window_in = window.overlap(Window(0, 0, scene.rows, scene.cols))
        if window_in is None:
            continue
        inside = _flaked(window_in, centre, radius, crumbled, scene.unit_px, rng)
        bare.lay_plane(np.clip(inside + 0.5, 0, 1), window_in, n)
        # the layer's edge throws a narrow shade on the ground and is seen dark from outside
        rim = np.exp(-0.5 * (inside / (1.2 * scene.unit_px)) ** 2)
        shade.lay_plane(dark * rim, window_in, n)
        touched = np.flatnonzero((inside > -0.5) | (dark * rim > LEAST))
        if touched.size:
            box = box_of(touched, window_in.cols)
            box = Window(
                box.top + window_in.top,
                box.left + window_in.left,
                box.bottom + window_in.top,
                box.right + window_in.left,
            )
            facts = {"radius_px": float(radius), "ground": ground}
            items.append(
                Item(kind="losses", damage_class=DamageClass.LOSS, box=box, parameters=facts)
            )
    if not items:
        return None
    return Drawn(
        parameters={"count": len(items), "ground": ground},
        marks=_optics(bare, shade, GROUNDS[ground], rng),
        items=tuple(items),
    )


def _flaked(
    window: Window,
    centre: np.ndarray,
    radius_px: float,
    crumbled: float,
    unit_px: float,
    rng: np.random.Generator,
) -> Plane:
    """Signed distance-like measure: px inside a ragged group of flakes, negative outside."""
    down = np.arange(window.top, window.bottom)[:, None] - centre[0]
    right = np.arange(window.left, window.right)[None, :] - centre[1]
    stretch = np.exp(rng.normal(0, 0.35))
    away = np.hypot(down * stretch, right / stretch)
    size = (window.rows, window.cols)
    coarse = cloud(*size, max(radius_px * 0.6, 3), 3, rng)
    fine = cloud(*size, max(radius_px * 0.18, 3), 5, rng)
    inside = radius_px * 0.75 - away + radius_px * crumbled * (0.35 * coarse + 0.16 * fine)
    # islands of layer are left inside, small flakes are gone outside
    specks = cloud(*size, max(radius_px * 0.10, 2.5 * unit_px), 3, rng)
    reach = np.exp(-((inside / (0.35 * radius_px)) ** 2))
    return np.asarray(inside * 0.5 + radius_px * 0.15 * reach * specks, np.float32)


@dataclass(frozen=True, kw_only=True)
class EdgeSettings(contract.Settings):
    """Worn edges: rubbed and chipped along the sides, rounded at the corners."""

    width_px: Span = setting((1.0, 9.0), "how far in the sides are worn, px", low=0.3, high=200)
    sides: Span = setting((2.0, 4.0), "how many sides are worn", low=1, high=4)
    corner_px: Span = setting((0.0, 40.0), "how far in the corners are rubbed, px", low=0, high=400)
    chips: Span = setting((0.2, 1.5), "how deep chips go, in widths", low=0, high=10)


def draw_edges(settings: EdgeSettings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    rows, cols = scene.rows, scene.cols
    width = draw_from(settings.width_px, rng, by_ratio=True) * scene.unit_px
    chips = draw_from(settings.chips, rng)
    corner = draw_from(settings.corner_px, rng) * scene.unit_px
    worn = rng.permutation(4)[: round(draw_from(settings.sides, rng))]
    depth = int(np.ceil(width * (1.5 + 3 * chips) + corner)) + 2
    bare = Canvas(rows, cols)
    for side in worn:
        along, across = (cols, rows) if side < 2 else (rows, cols)
        deep = min(depth, across)
        plane = _worn(deep, along, width, chips, corner, scene.unit_px, rng)
        if side in (1, 3):
            plane = plane[::-1]
        if side < 2:
            top = 0 if side == 0 else rows - deep
            window = Window(top, 0, top + deep, cols)
        else:
            left = 0 if side == 2 else cols - deep
            window, plane = Window(0, left, rows, left + deep), plane.T
        bare.lay_plane(np.ascontiguousarray(plane), window, 0)
    index = bare.index
    if index.size == 0:
        return None
    facts = {"width_px": width, "corner_px": corner, "sides": len(worn)}
    item = Item(kind="edges", damage_class=DamageClass.LOSS, box=Window(0, 0, rows, cols),
                parameters=facts)  # fmt: skip
    marks = _optics(bare, Canvas(rows, cols), scene.paper, rng)
    return Drawn(parameters=facts, marks=marks, items=(item,))


def _worn(
    deep: int,
    along: int,
    width: float,
    chips: float,
    corner: float,
    unit: float,
    rng: np.random.Generator,
) -> Plane:
    """(deep, along) how bare the layer is, from the edge inward."""
    inward = np.arange(deep, dtype=np.float32)[:, None] + 0.5
    at = np.arange(along, dtype=np.float32)
    from_corner = np.minimum(at, along - 1 - at)
    rub = corner * np.exp(-from_corner / max(corner, 0.5))
    slow = cloud(1, along, max(60 * unit, 4), 3, rng)[0]
    reach = width * (0.35 + 0.4 * slow) + rub
    ragged = cloud(deep, along, max(2.5 * unit, 1.5), 2, rng) * np.float32(0.2 * width + 0.3)
    # chips are as wide as they are deep: a threshold that rises inward, over clumps of that size
    size = max(width * (0.6 + chips), 2.0)
    clumps = cloud(deep, along, size, 3, rng)
    gone = (clumps - 0.9 - inward / (size * (0.5 + chips))) * size
    ragged = np.maximum(ragged, gone + inward - reach[None, :])
    return np.clip(reach[None, :] - inward + ragged + 0.5, 0, 1).astype(np.float32)


def _optics(
    bare: Canvas, shade: Canvas, ground: tuple[float, float, float], rng: np.random.Generator
) -> Marks:
    index = indices_of(bare, shade)
    opacity, dark = bare.amount[index], shade.amount[index]
    grain = np.exp(0.06 * rng.standard_normal(index.size, np.float32))[:, None]
    colour = np.asarray(ground, np.float32) * grain * 10 ** -dark[:, None]
    return Marks(
        index=index,
        classes=np.full(index.size, DamageClass.LOSS, np.uint8),
        strength=np.maximum(opacity, 1 - 10**-dark).astype(np.float32),
        opacity=opacity,
        colour=np.clip(colour, 0, 1).astype(np.float32),
        pass_on=np.repeat(10 ** -dark[:, None], 3, axis=1).astype(np.float32),
    )


LOSSES = Damage(
    name="losses",
    title="Pieces of the image layer are gone",
    settings=Settings,
    draw=draw,
    domain="any",
)
EDGES = Damage(
    name="edges",
    title="Worn edges and rubbed corners",
    settings=EdgeSettings,
    draw=draw_edges,
    domain="any",
)
