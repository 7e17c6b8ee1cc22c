"""Synthetic damage with ground truth: a clean picture becomes a damaged one, and says where.

    from unfade.degrade import degrade
    out = degrade(pixels, recipe="old-photo", seed=7)
    out.pixels, out.mask, out.classes, out.items, out.parameters

``degrade_batch`` does the same to batches of NumPy or torch, on any device. Recipes are TOML;
``degradations()`` lists the shipped ones.
"""

from unfade.degrade.carrying import DegradedBatch, carry_out
from unfade.degrade.contract import DamageClass, Item
from unfade.degrade.plan import Plan, draw_plan
from unfade.degrade.recipe import (
    DegradationRecipe,
    degradations,
    load_degradation,
    parse_degradation,
)
from unfade.degrade.synthesis import (
    Degraded,
    degrade,
    degrade_batch,
    degrade_frames,
)

__all__ = [
    "DamageClass",
    "DegradationRecipe",
    "Degraded",
    "DegradedBatch",
    "Item",
    "Plan",
    "carry_out",
    "degradations",
    "degrade",
    "degrade_batch",
    "degrade_frames",
    "draw_plan",
    "load_degradation",
    "parse_degradation",
]
