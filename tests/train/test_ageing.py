"""Synthetic damage for training: what a sound patch still carries."""

from __future__ import annotations

import torch

from unfade.degrade.kinds import DAMAGES
from unfade.train.ageing import LOCAL, aged


def test_all_marks_are_known_to_have_a_place() -> None:
    marks = {d.name for d in DAMAGES if d.settings.__module__.startswith("unfade.degrade.marks.")}
    assert marks == set(LOCAL)


def test_without_what_has_a_place_nothing_is_marked() -> None:
    clean, seeds = torch.full((8, 3, 64, 64), 0.5), range(8)
    for recipe in (
        "marks-dense",
        "marks-wide",
        "creases-dense",
        "losses-dense",
        "stains-dense",
        "cracks-dense",
    ):
        whole = aged(clean, recipe, seeds)
        sound = aged(clean, recipe, seeds, local=False)
        assert whole.mask.any() and not sound.mask.any()
