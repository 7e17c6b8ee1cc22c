"""Silver mirroring: silver has wandered to the surface and shines bluish in the shadows.

It needs image silver, so it is strongest where the picture is dark, and near the edges, where
air came in. The shine takes density away, most from blue light's.
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


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How strong, how far in from the edges."""

    strength: Span = setting((0.1, 0.5), "share of density hidden at the edge", low=0, high=0.95)
    reach_share: Span = setting((0.05, 0.3), "how far in, of the shorter side", low=0.005, high=2)
    patchy: Span = setting((0.2, 0.8), "chance beside the distance", low=0, high=2)
    silver_only: bool = setting(False, "nothing happens to a colour print, which holds no silver")


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    import cv2

    if settings.silver_only and not scene.silver:
        return None
    rows, cols = scene.rows, scene.cols
    strength, patchy = draw_from(settings.strength, rng), draw_from(settings.patchy, rng)
    reach = draw_from(settings.reach_share, rng) * min(rows, cols)
    # it is smooth: made at up to 256 points across and enlarged
    scale = max(1.0, max(rows, cols) / 256)
    high, wide = max(1, round(rows / scale)), max(1, round(cols / scale))
    down = (np.arange(high) + 0.5) / high * rows
    right = (np.arange(wide) + 0.5) / wide * cols
    edge = np.minimum(
        np.minimum(down, rows - down)[:, None], np.minimum(right, cols - right)[None, :]
    )
    amount = np.exp(-edge / max(reach, 1)) * (1 + patchy * cloud(high, wide, 40, 4, rng))
    small = np.clip(amount, 0, 1).astype(np.float32) * np.float32(strength)
    plane = cv2.resize(small, (cols, rows), interpolation=cv2.INTER_LINEAR).ravel()
    index = np.flatnonzero(plane > LEAST)
    if index.size == 0:
        return None
    hidden = plane[index, None] * np.array([0.85, 0.95, 1.1], np.float32)
    facts = {"strength": strength, "reach_px": float(reach)}
    kind = DamageClass.SILVERING
    marks = Marks(
        index=index,
        classes=np.full(index.size, kind, np.uint8),
        strength=plane[index],
        keep=np.clip(1 - hidden, 0, 1).astype(np.float32),
    )
    item = Item(kind="silvering", damage_class=kind, box=box_of(index, cols), parameters=facts)
    return Drawn(parameters=facts, marks=marks, items=(item,))


DAMAGE = Damage(
    name="silvering",
    title="Silver mirroring in the shadows near the edges",
    settings=Settings,
    draw=draw,
    domain="any",
)
