"""Synthetic damage for batches of tensors: ``unfade.degrade`` where the tensors live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from unfade.degrade import DegradationRecipe, degrade_batch, load_degradation

# kinds of damage that have a place; without them only the global part of a recipe is left
LOCAL = (
    "scratches", "dust", "hairs", "creases", "wrinkles", "tears", "edges", "stains", "foxing",
    "mould", "cracks", "losses", "silvering", "water", "dirt", "lines", "brush", "overlays",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Aged:
    """Tensors of a damaged batch: pixels (n, c, rows, cols); the rest (n, rows, cols)."""

    pixels: Tensor
    mask: Tensor
    classes: Tensor
    opacity: Tensor


def aged(
    clean_nchw: Tensor,
    recipe: str,
    seeds: Sequence[int],
    *,
    local: bool = True,
    overlays: str | None = None,
) -> Aged:
    """Damage a batch by a recipe's name or file.

    On a processor the NumPy form is used, which is the faster one there; the mathematics is the
    same. ``local`` False leaves out what has a place; ``overlays`` is a folder of real shapes.
    """
    chosen = _recipe(recipe, local)
    on_host = clean_nchw.device.type == "cpu"
    made = degrade_batch(
        clean_nchw.numpy() if on_host else clean_nchw, chosen, list(seeds), overlays=overlays
    )
    tensors = (torch.as_tensor(a) for a in (made.pixels, made.mask, made.classes, made.opacity))
    return Aged(*tensors)


@cache
def _recipe(name: str, local: bool) -> DegradationRecipe:
    from unfade.degrade.kinds import damage_of

    recipe = load_degradation(name)
    if local:
        return recipe
    stages = tuple(s for s in recipe.stages if damage_of(s.settings).name not in LOCAL)
    return replace(recipe, stages=stages)
