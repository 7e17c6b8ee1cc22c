"""What all swarms of spots share: radii drawn by ratio, and an item for each spot that shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unfade.degrade.contract import DamageClass, Item, Scene, Span
from unfade.picture import Window


def spot_radii(span_px: Span, count: int, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """(count,) radii in pixels of the scene; small ones are as often as large ones."""
    low, high = span_px
    radii = np.exp(rng.uniform(np.log(low), np.log(high), count)) * scene.unit_px
    return np.asarray(radii)


def items_of(
    kind: str,
    damage_class: DamageClass,
    boxes: Sequence[Window | None],
    parameters: Sequence[Mapping[str, Any]],
) -> tuple[Item, ...]:
    """An item for each spot that lies in the picture; ``boxes`` says which do."""
    return tuple(
        Item(kind=kind, damage_class=damage_class, box=box, parameters=dict(facts))
        for box, facts in zip(boxes, parameters, strict=True)
        if box is not None
    )
