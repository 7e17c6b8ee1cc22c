"""What creases and wrinkles share: a layer that broke along a line, lit from one side.

Along the line runs bare paper, now open, now a hair line; its lip throws a thin shadow, one flank
catches the scanner's light and the other lies in shade, and small pieces beside it are gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from unfade.degrade.contract import (
    DamageClass,
    Drawn,
    Item,
    Marks,
    Scene,
    Span,
    draw_from,
)
from unfade.degrade.marks.canvas import Canvas, covered, indices_of, trace
from unfade.picture import Window


class FoldSettings(Protocol):
    """The settings that the look of a fold is drawn from."""

    @property
    def width_px(self) -> Span: ...
    @property
    def relief_px(self) -> Span: ...
    @property
    def relief_density(self) -> Span: ...
    @property
    def broken_share(self) -> Span: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How one fold looks: lengths in px of this picture."""

    width: float
    flank: float
    relief: float
    broken: float
    facing: float

    @staticmethod
    def drawn(settings: FoldSettings, scene: Scene, rng: np.random.Generator) -> Look:
        return Look(
            width=draw_from(settings.width_px, rng, by_ratio=True) * scene.unit_px,
            flank=draw_from(settings.relief_px, rng) * scene.unit_px,
            relief=draw_from(settings.relief_density, rng),
            broken=draw_from(settings.broken_share, rng),
            facing=float(rng.choice((-1.0, 1.0))),
        )


class Layers:
    """Where paper is bare, where the fold is lit and where it is shaded."""

    def __init__(self, scene: Scene) -> None:
        self.rows, self.cols, self.unit = scene.rows, scene.cols, scene.unit_px
        self.bare, self.lit, self.shaded = (Canvas(scene.rows, scene.cols) for _ in range(3))

    def relief(self, path: np.ndarray, look: Look, owner: int, rng: np.random.Generator) -> None:
        """A lit and a shaded flank beside the fold."""
        found = trace(path, look.flank + 1, self.rows, self.cols)
        length = float(np.hypot(*np.diff(path, axis=0).T).sum())
        slope = waves(found.along, length / (60 * self.unit), rng) * 0.3 + 0.85
        side = np.exp(-0.5 * (found.across_px / (look.flank / 2)) ** 2) * look.relief * slope
        over = found.across_px * look.facing > 0
        self.lit.lay(found.index[over], side[over], owner)
        self.shaded.lay(found.index[~over], side[~over], owner)

    def crack(
        self, line: np.ndarray, look: Look, owner: int, rng: np.random.Generator
    ) -> Window | None:
        """Bare paper where the layer gave way, a hair line elsewhere, a shadow at one lip."""
        width, unit = look.width, self.unit
        found = trace(line, width * 1.2 + 2 * unit + 1, self.rows, self.cols)
        length = float(np.hypot(*np.diff(line, axis=0).T).sum())
        opened = waves(found.along, length / (22 * unit), rng)
        opened += 0.7 * waves(found.along, length / (6 * unit), rng)
        level = np.quantile(opened, 1 - max(look.broken, 0.01)) if opened.size else 0.0
        gap = np.clip((opened - level) * 1.1, 0, 1)
        jag = 0.6 + 0.4 * waves(found.along, length / (2.5 * unit), rng)
        half = width / 2 * (0.1 + gap * jag)
        solid = np.clip(0.25 + 1.5 * gap, 0, 1) * (look.broken > 0)
        shift = waves(found.along, length / (4 * unit), rng) * width * 0.3 * gap
        share = covered(found.across_px - shift, half) * solid
        lip = (found.across_px - shift + look.facing * (half + 0.7 * unit)) / (0.6 * unit)
        dark = np.exp(-0.5 * lip * lip) * (0.05 + 0.22 * gap) * np.sqrt(look.relief / 0.05)
        self.shaded.lay(found.index, np.minimum(dark, 0.5), owner)
        return self.bare.lay(found.index, share * rng.uniform(0.75, 1), owner)


def broken_line(
    start: np.ndarray, end: np.ndarray, stray_px: float, rng: np.random.Generator
) -> np.ndarray:
    """A line that is put aside at its middle, then at the middles of its halves, and so on."""
    line = np.stack([start, end]).astype(np.float64)
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
    across = np.array([along[1], -along[0]])
    for _ in range(7):
        middle = (line[1:] + line[:-1]) / 2 + rng.normal(0, stray_px, (len(line) - 1, 1)) * across
        woven = np.empty((2 * len(line) - 1, 2))
        woven[0::2], woven[1::2] = line, middle
        line, stray_px = woven, stray_px * 0.58
    return line


def fold_item(kind: str, boxes: list[Window | None], facts: dict[str, Any]) -> Item:
    known = [box for box in boxes if box is not None]
    box = Window(
        min(b.top for b in known),
        min(b.left for b in known),
        max(b.bottom for b in known),
        max(b.right for b in known),
    )
    return Item(kind=kind, damage_class=DamageClass.CREASE, box=box, parameters=facts)


def folds_drawn(
    layers: Layers, items: list[Item], scene: Scene, rng: np.random.Generator
) -> Drawn | None:
    marks = _optics(layers.bare, layers.lit, layers.shaded, scene, rng)
    if not items or marks.index.size == 0:
        return None
    return Drawn(parameters={"count": len(items)}, marks=marks, items=tuple(items))


def flake(
    canvas: Canvas,
    path: np.ndarray,
    length: float,
    width: float,
    density: float,
    owner: int,
    scene: Scene,
    rng: np.random.Generator,
) -> Window | None:
    """Small angular pieces gone beside the line."""
    count = int(rng.poisson(min(density * length / scene.unit_px * 0.25, 400)))
    if count == 0:
        return None
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
    return canvas.lay((rows * canvas.cols + cols)[keep], share[keep], owner)


def waves(at: np.ndarray, knots: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth chance along 0-1, about -1 to 1, that turns ``knots`` times."""
    count = int(np.clip(np.ceil(knots), 2, 4000)) + 1
    return np.interp(at, np.linspace(0, 1, count), rng.uniform(-1, 1, count))


def window_of(path: np.ndarray, scene: Scene, margin_px: float) -> Window | None:
    low = np.floor(path.min(axis=0) - margin_px - 2).astype(int)
    high = np.ceil(path.max(axis=0) + margin_px + 3).astype(int)
    box = Window(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    return box.overlap(Window(0, 0, scene.rows, scene.cols))


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
