"""Synthetic old photographs for the latent tasks: global damage alone, no holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from torch import Tensor

from unfade.degrade import DegradationRecipe, DegradedBatch, degrade_batch, load_degradation
from unfade.degrade.kinds import damage_of

HOLES = ("brush",)  # the mapping task draws its own, and tells where they are


@lru_cache(maxsize=8)
def without_holes(name: str) -> DegradationRecipe:
    """The recipe of this name without what takes the picture away altogether."""
    recipe = load_degradation(name)
    stages = tuple(s for s in recipe.stages if damage_of(s.settings).name not in HOLES)
    return replace(recipe, stages=stages)


def aged(clean_nchw: Tensor, name: str, seeds: Sequence[int]) -> DegradedBatch:
    """A batch (n, 3, rows, cols) of 0-1, damaged by a recipe of ``unfade.degrade``."""
    return degrade_batch(clean_nchw, without_holes(name), list(seeds))
