"""Free-form strokes of one colour: the holes on which inpainting networks are trained.

Chains of straight strokes with round joints, as Yu et al. 2019 (arXiv:1806.03589) draw them.
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
from unfade.degrade.marks.canvas import Canvas, box_of


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How many strokes, how long and wide, of which colour."""

    count: Span = setting((1.0, 4.0), "mean number of chains", low=0, high=200)
    vertices: Span = setting((2.0, 10.0), "strokes in a chain", low=1, high=64)
    width_px: Span = setting((4.0, 30.0), "full width, px", low=1, high=256)
    length_share: Span = setting(
        (0.03, 0.2), "of one stroke, of the longer side", low=0.005, high=1
    )
    code: Span = setting((1.0, 1.0), "the colour: 0 black, 1 white", low=0, high=1)


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    import cv2

    canvas, items = Canvas(scene.rows, scene.cols), []
    for n in range(draw_count(settings.count, rng)):
        width = max(1, round(draw_from(settings.width_px, rng) * scene.unit_px))
        at, angle = rng.uniform(0, 1, 2) * (scene.rows, scene.cols), rng.uniform(0, 2 * np.pi)
        points = [at]
        for _ in range(round(draw_from(settings.vertices, rng))):
            angle += np.pi + rng.uniform(-0.4, 0.4) * np.pi
            length = draw_from(settings.length_share, rng) * max(scene.rows, scene.cols)
            at = at + length * np.array([np.sin(angle), np.cos(angle)])
            points.append(np.clip(at, 0, (scene.rows - 1, scene.cols - 1)))
            at = points[-1]
        plane = np.zeros((scene.rows, scene.cols), np.uint8)
        path = np.rint(np.array(points)[:, ::-1]).astype(np.int32)
        cv2.polylines(plane, [path], False, 255, width, cv2.LINE_8)
        index = np.flatnonzero(plane)
        if canvas.lay(index, np.ones(index.size, np.float32), n) is not None:
            items.append(
                Item(
                    kind="brush",
                    damage_class=DamageClass.LOSS,
                    box=box_of(index, scene.cols),
                    parameters={"width_px": width, "strokes": len(points) - 1},
                )
            )
    if not items:
        return None
    code, index = draw_from(settings.code, rng), canvas.index
    light = ((code + 0.055) / 1.055) ** 2.4 if code > 0.04045 else code / 12.92
    marks = Marks(
        index=index,
        classes=np.full(index.size, DamageClass.LOSS, np.uint8),
        strength=np.ones(index.size, np.float32),
        opacity=np.ones(index.size, np.float32),
        colour=np.full((1, 3), light, np.float32),
    )
    return Drawn(parameters={"count": len(items), "code": code}, marks=marks, items=tuple(items))


DAMAGE = Damage(
    name="brush",
    title="Free-form strokes of one colour",
    settings=Settings,
    draw=draw,
    domain="any",
)
