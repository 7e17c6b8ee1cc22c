"""Carrying plans out on a batch: NumPy pictures one by one, tensors all together.

Both run the same functions. What is local changes nothing outside its mask; the maps follow the
light through blur and scaling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.degrade.arrays import Array, grown, is_tensor, like, namespace, pointwise
from unfade.degrade.contract import Damage, Drawn, Item
from unfade.degrade.light import to_codes, to_density
from unfade.degrade.marks.canvas import LEAST
from unfade.degrade.marks.laying import lay_marks, note_marks
from unfade.degrade.plan import Plan
from unfade.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DegradedBatch:
    """As ``Degraded``, for a batch: arrays of the library and on the device of the input.

    Attributes:
        pixels: (n, c, h, w); mask, classes, opacity: (n, h, w)
        items, parameters: one entry for each picture
    """

    pixels: Array
    mask: Array
    classes: Array
    opacity: Array
    items: list[tuple[Item, ...]]
    parameters: list[dict[str, Any]]


def carry_out(batch_nchw: Array, plans: Sequence[Plan]) -> DegradedBatch:
    """Carry plans out on a batch, which is used up; for plans drawn beforehand.

    Args:
        batch_nchw: as ``degrade_batch``; its memory is written to
        plans: one for each picture, drawn for its size
    """
    if len({plan.final for plan in plans}) > 1:
        sizes = ", ".join(f"{c} x {r}" for r, c in sorted({plan.final for plan in plans})[:4])
        raise UsageError(
            f"The pictures of the batch come out in different sizes: {sizes}.",
            "End the recipe with a `resize` to one factor `of` the original, or go one by one.",
        )
    together = is_tensor(batch_nchw) and all(plan.steady for plan in plans)
    if not together and len(plans) > 1:
        parts = [_State(batch_nchw[n : n + 1], [plan]).run() for n, plan in enumerate(plans)]
    else:
        parts = [_State(batch_nchw, plans).run()]
    xp = namespace(batch_nchw)
    pixels, opacity, classes = (
        xp.concatenate([part[k] for part in parts], 0) if len(parts) > 1 else parts[0][k]
        for k in range(3)
    )
    opacity, classes = opacity[:, 0], classes[:, 0]
    return DegradedBatch(
        pixels=pixels,
        mask=opacity > LEAST,
        classes=classes,
        opacity=opacity,
        items=[plan.items for plan in plans],
        parameters=[plan.parameters for plan in plans],
    )


class _State:
    """A batch on its way through its plans."""

    def __init__(self, x: Array, plans: Sequence[Plan]) -> None:
        self.x, self.plans = x, plans
        self.domain = "codes"
        shape = (x.shape[0], 1, *x.shape[2:])
        self.opacity = like(np.zeros(shape, np.float32), x)
        self.classes = like(np.zeros(shape, np.uint8), x, dtype="uint8")
        self.marked = self.spread = False

    def run(self) -> tuple[Array, Array, Array]:
        for slot in range(max((len(p.stages) for p in self.plans), default=0)):
            for damage, numbers in self._groups(slot):
                self._happen(damage, numbers, slot)
            if self.plans[0].clip:
                self._clip()
        self._clip()
        return self.x, self.opacity, self._grown_classes()

    def _clip(self) -> None:
        self._enter("codes")
        clip = namespace(self.x).clip
        self.x = pointwise(self.x, lambda part, _: clip(part, 0, 1))

    def _groups(self, slot: int) -> list[tuple[Damage, list[int]]]:
        """Pictures to which the same thing happens now, together."""
        groups: dict[Any, tuple[Damage, list[int]]] = {}
        for n, plan in enumerate(self.plans):
            stage = plan.stages[slot]
            if stage.drawn is not None:
                key = (stage.damage.name, stage.damage.alike(stage.drawn))
                groups.setdefault(key, (stage.damage, []))[1].append(n)
        return list(groups.values())

    def _happen(self, damage: Damage, numbers: list[int], slot: int) -> None:
        drawn = [plan.stages[slot].drawn for plan in self.plans]
        chosen: list[Drawn] = [d for n in numbers if (d := drawn[n]) is not None]
        if damage.act is None:
            everyone = [
                d if d is not None and n in numbers else _NOTHING for n, d in enumerate(drawn)
            ]
            self.x = lay_marks(self.x, everyone, self.domain)
            self.opacity, self.classes = note_marks(self.opacity, self.classes, everyone)
            self.marked = True
            return
        self._enter(damage.domain)
        if len(numbers) == len(self.plans):
            self.x = damage.act(self.x, chosen)
            if self.x.shape[2:] != self.opacity.shape[2:]:
                self._resize_maps(damage, chosen)
            elif damage.spreads and self.marked:
                self._follow(damage, None, chosen)
            return
        index = like(numbers, self.x, dtype="int64")
        self.x[index] = damage.act(self.x[index], chosen)
        if damage.spreads and self.marked:
            self._follow(damage, index, chosen)

    def _follow(self, damage: Damage, index: Array | None, chosen: list[Drawn]) -> None:
        assert damage.act is not None
        self.spread = True
        if index is None:
            self.opacity = damage.act(self.opacity, chosen)
        else:
            self.opacity[index] = damage.act(self.opacity[index], chosen)

    def _resize_maps(self, damage: Damage, chosen: list[Drawn]) -> None:
        rows, cols = self.opacity.shape[2:]
        self._follow(damage, None, chosen)
        for axis, size in ((2, rows), (3, cols)):
            new = self.x.shape[axis]
            nearest = np.minimum((np.arange(new) + 0.5) * (size / new), size - 1)
            index = like(nearest, self.x, dtype="int64")
            self.classes = self.classes[:, :, index] if axis == 2 else self.classes[..., index]

    def _grown_classes(self) -> Array:
        """The class map over all of the mask: light that was spread keeps its name."""
        if not self.spread:
            return self.classes
        return grown(self.classes, self.opacity > LEAST)

    def _enter(self, domain: str) -> None:
        if domain in ("any", self.domain):
            return
        self.x = to_density(self.x) if domain == "density" else to_codes(self.x)
        self.domain = domain


_NOTHING = Drawn(parameters={})
