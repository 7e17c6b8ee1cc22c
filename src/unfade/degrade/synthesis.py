"""Carrying plans out: a clean picture, or a batch, becomes a damaged one with its ground truth.

NumPy pictures are done one by one, tensors all together on their device; both run the same
functions. What is local changes nothing outside its mask; the maps follow the light through
blur and scaling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.degrade.arrays import Array, grown, is_tensor, like, namespace
from unfade.degrade.contract import Damage, Drawn, Item
from unfade.degrade.light import to_codes, to_density
from unfade.degrade.marks.canvas import LEAST
from unfade.degrade.marks.laying import lay_marks, note_marks
from unfade.degrade.plan import Plan, draw_plan
from unfade.degrade.recipe import DegradationRecipe, load_degradation
from unfade.errors import UnreadableInput, UsageError
from unfade.picture import EvidenceMap, Mask, Picture, Pixels, Weight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Degraded:
    """A damaged picture with its ground truth.

    Attributes:
        pixels: (rows, cols, channels) float32 0-1; smaller than the input only where the recipe
            scales down
        mask: (rows, cols) bool, True where local damage lies
        classes: (rows, cols) uint8, numbers of ``DamageClass``
        opacity: (rows, cols) float32 0-1, how strongly the place is covered or changed
        items: each piece of local damage
        parameters: every number that was drawn, ready for JSON
    """

    pixels: Pixels
    mask: Mask
    classes: EvidenceMap
    opacity: Weight
    items: tuple[Item, ...]
    parameters: dict[str, Any]

    def drawn(self, kind: str) -> list[dict[str, Any]]:
        """What was drawn for a kind of damage, one entry for each time it happened."""
        return [stage for stage in self.parameters["stages"] if stage["use"] == kind]


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


def degrade(
    source: Picture | Pixels,
    recipe: str | DegradationRecipe = "old-photo",
    seed: int = 0,
    *,
    overlays: str | None = None,
) -> Degraded:
    """Damage one picture.

    Args:
        source: a picture, or float32 (rows, cols[, 1 or 3]), sRGB codes 0-1; integers are taken
            at the full scale of their type. It is not changed
        recipe: a shipped recipe's name, a TOML file's path, or a recipe
        seed: same seed, same bits
        overlays: folder of real damage shapes to mix in
    Raises:
        UnreadableInput: values that are no numbers
        UsageError: a shape that is no picture, or a negative seed
        RecipeError: no such recipe
    Cost:
        the mix ``old-photo``: about 0.25 s a megapixel of colour on one core; memory about
        five times the pixels
    """
    pixels = _pixels(source)
    plan = draw_plan(_recipe(recipe), seed, *pixels.shape, overlays=overlays)
    batch = np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]
    done = carry_out(batch, [plan])
    return Degraded(
        pixels=np.ascontiguousarray(done.pixels[0].transpose(1, 2, 0)),
        mask=done.mask[0],
        classes=done.classes[0],
        opacity=done.opacity[0],
        items=done.items[0],
        parameters=done.parameters[0],
    )


def degrade_batch(
    batch_nchw: Array,
    recipe: str | DegradationRecipe,
    seeds: Sequence[int],
    *,
    overlays: str | None = None,
) -> DegradedBatch:
    """Damage a batch, each picture by its own seed; in NumPy with the bits of ``degrade``.

    Args:
        batch_nchw: (n, 1 or 3, h, w) float32 of NumPy, or a torch tensor on any device; finite
        seeds: n of them
    Raises:
        UsageError: another shape or dtype, or as many seeds as there are not pictures
    """
    _check_batch(batch_nchw, seeds)
    _, channels, rows, cols = batch_nchw.shape
    known = _recipe(recipe)
    plans = [draw_plan(known, int(s), rows, cols, channels, overlays=overlays) for s in seeds]
    copied = batch_nchw.clone() if is_tensor(batch_nchw) else batch_nchw.copy()
    return carry_out(copied, plans)


def carry_out(batch_nchw: Array, plans: Sequence[Plan]) -> DegradedBatch:
    """Carry plans out on a batch, which is used up; for plans drawn beforehand.

    Args:
        batch_nchw: as ``degrade_batch``; its memory is written to
        plans: one for each picture, drawn for its size
    """
    resized = any(s.damage.size is not None for p in plans for s in p.stages if s.drawn)
    if (not is_tensor(batch_nchw) or resized) and len(plans) > 1:
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
        self.marked = False

    def run(self) -> tuple[Array, Array, Array]:
        for slot in range(max((len(p.stages) for p in self.plans), default=0)):
            for damage, numbers in self._groups(slot):
                self._happen(damage, numbers, slot)
        self._enter("codes")
        return namespace(self.x).clip(self.x, 0, 1), self.opacity, self._grown_classes()

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
            if damage.spreads and self.marked:
                self._follow(damage, None, chosen)
            return
        index = like(numbers, self.x, dtype="int64")
        self.x[index] = damage.act(self.x[index], chosen)
        if damage.spreads and self.marked:
            self._follow(damage, index, chosen)

    def _follow(self, damage: Damage, index: Array | None, chosen: list[Drawn]) -> None:
        assert damage.act is not None
        if index is None:
            self.opacity = damage.act(self.opacity, chosen)
        else:
            self.opacity[index] = damage.act(self.opacity[index], chosen)

    def _grown_classes(self) -> Array:
        """The class map over all of the mask: light that was spread keeps its name."""
        if not self.marked:
            return self.classes
        return grown(self.classes, self.opacity > LEAST)

    def _enter(self, domain: str) -> None:
        if domain in ("any", self.domain):
            return
        self.x = to_density(self.x) if domain == "density" else to_codes(self.x)
        self.domain = domain


_NOTHING = Drawn(parameters={})


def _recipe(recipe: str | DegradationRecipe) -> DegradationRecipe:
    return recipe if isinstance(recipe, DegradationRecipe) else load_degradation(recipe)


def _pixels(source: Picture | np.ndarray) -> np.ndarray:
    if isinstance(source, np.ndarray):
        array = source[:, :, None] if source.ndim == 2 else source
        try:
            source = Picture(np.ascontiguousarray(array))
        except ValueError as error:
            raise UsageError(
                f"The array cannot be degraded: {error}.",
                "Give (rows, cols[, 1 or 3]) of uint8, uint16 or float32.",
            ) from error
    pixels = source.pixels
    if not np.isfinite(pixels).all():
        row, col = (int(i) for i in np.argwhere(~np.isfinite(pixels).all(axis=2))[0])
        raise UnreadableInput(
            f"The picture holds a value that is no number, first at row {row}, column {col}.",
            "Replace NaN and infinity first.",
        )
    return pixels


def _check_batch(batch: Array, seeds: Sequence[int]) -> None:
    shape = tuple(getattr(batch, "shape", ()))
    if len(shape) != 4 or shape[1] not in (1, 3) or 0 in shape:
        raise UsageError(
            f"The batch has shape {shape}, expected (pictures, 1 or 3, rows, cols).",
            "Stack the pictures along a first axis, channels second.",
        )
    if str(batch.dtype).rpartition(".")[2] != "float32":
        raise UsageError(f"The batch is {batch.dtype}, expected float32, 0-1.", "Convert it first.")
    if len(seeds) != shape[0]:
        raise UsageError(
            f"There are {len(seeds)} seeds for {shape[0]} pictures.", "Give one for each."
        )
