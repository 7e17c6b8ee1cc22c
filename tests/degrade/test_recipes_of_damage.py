"""Recipes: the shipped ones, reading and refusing, order, exclusion, clipping."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from degrade_scenes import scene
from hypothesis import given, settings
from hypothesis import strategies as st

from unfade.degrade import (
    degradations,
    degrade,
    draw_plan,
    load_degradation,
    parse_degradation,
)
from unfade.degrade.kinds import DAMAGES
from unfade.errors import RecipeError

NAMED = (
    "old-photo", "album", "newspaper", "painting", "film", "bringing-old-photos-back",
    "real-esrgan", "artwork-quartet", "gaussian-15", "gaussian-25", "gaussian-50",
)  # fmt: skip


def test_the_named_mixes_are_shipped() -> None:
    assert set(NAMED) <= set(degradations())


@pytest.mark.parametrize("name", degradations())
def test_a_shipped_recipe_says_what_it_is_and_comes_back_from_its_text(name: str) -> None:
    recipe = load_degradation(name)
    assert recipe.name == name
    assert len(recipe.about) > 30
    assert len(recipe.source) > 20
    again = parse_degradation(recipe.to_text())
    assert again == recipe
    assert again.sha256 == recipe.sha256


def test_every_kind_of_damage_is_in_a_shipped_recipe() -> None:
    used = {kind for name in degradations() for kind in load_degradation(name).kinds}
    assert used == {damage.name for damage in DAMAGES}


HEAD = "format = 1\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("format = 1\nnoise = 3", "unknown key `noise`"),
        ('format = 1\nordr = "random"', "Did you mean `order`"),
        ("format = 2", "has format 2"),
        ("format = 1\ndamage = 3", "not a list of tables"),
        ("format = 1\n[[damage]]\nchance = 1", "does not say which damage"),
        ('format = 1\n[[damage]]\nuse = "scratch"', "Did you mean `scratches`"),
        ('format = 1\n[[damage]]\nuse = "noise"\nsgma = 0.1', "Did you mean `sigma`"),
        ('format = 1\n[[damage]]\nuse = "noise"\nsigma = 2', "expected 0 to 1"),
        ('format = 1\n[[damage]]\nuse = "noise"\nsigma = [0.3, 0.1]', "lower end comes first"),
        ('format = 1\n[[damage]]\nuse = "noise"\nsigma = "much"', "expected a number or"),
        ('format = 1\n[[damage]]\nuse = "noise"\nlaw = "white"', "Known: `gaussian`"),
        ('format = 1\n[[damage]]\nuse = "resize"\nways = ["lanczos"]', "holds `lanczos`"),
        ('format = 1\n[[damage]]\nuse = "noise"\nweight = -1', "number of 0 or more"),
        ('format = 1\norder = "sideways"', "`sideways`"),
        ("format = 1\nreference_px = -4", "expected 0 or more"),
        ("format = [", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest(text: str, says: str) -> None:
    with pytest.raises(RecipeError) as error:
        parse_degradation(text, "attic.toml")
    assert says in str(error.value)


def test_an_unknown_recipe_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Did you mean `old-photo`"):
        load_degradation("old-foto")
    broken = tmp_path / "own.toml"
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_degradation(broken)


def test_of_stages_that_exclude_each_other_one_is_drawn_by_weight() -> None:
    recipe = parse_degradation(
        HEAD
        + '[[damage]]\nuse = "noise"\none_of = "n"\nweight = 3\nsigma = 0.1\n'
        + '[[damage]]\nuse = "noise"\none_of = "n"\nweight = 1\nsigma = 0.2\n'
    )
    drawn = [draw_plan(recipe, s, 8, 8).parameters["stages"] for s in range(400)]
    assert all(len(stages) == 1 for stages in drawn)
    share = np.mean([stages[0]["sigma"] == 0.1 for stages in drawn])
    assert share == pytest.approx(0.75, abs=0.07)


def test_a_random_order_differs_between_pictures_and_pinned_stages_stay() -> None:
    recipe = load_degradation("bringing-old-photos-back")
    orders = set()
    for seed in range(60):
        kinds = [s["use"] for s in draw_plan(recipe, seed, 64, 64).parameters["stages"]]
        orders.add(tuple(k for k in kinds if k in ("blur", "noise", "resize", "jpeg")))
        assert not {"brush", "toning"} & set(kinds[:-2])
    assert ("noise", "blur") in {o[:2] for o in orders}
    assert ("blur", "noise") in {o[:2] for o in orders}


def test_chance_is_how_often_it_happens() -> None:
    recipe = parse_degradation(HEAD + '[[damage]]\nuse = "jpeg"\nchance = 0.3\n')
    happened = [bool(draw_plan(recipe, s, 8, 8).parameters["stages"]) for s in range(600)]
    assert np.mean(happened) == pytest.approx(0.3, abs=0.06)


def test_taking_a_stage_out_leaves_what_the_others_draw() -> None:
    text = load_degradation("old-photo").to_text()
    silent = text.replace('use = "jpeg"\nchance = 0.7', 'use = "jpeg"\nchance = 0.0')
    assert silent != text
    full = draw_plan(parse_degradation(text), 3, 200, 300).parameters["stages"]
    less = draw_plan(parse_degradation(silent), 3, 200, 300).parameters["stages"]
    assert less == [stage for stage in full if stage["use"] != "jpeg"]


def test_real_esrgan_says_that_it_scales_down() -> None:
    out = degrade(scene(96, 128), "real-esrgan", 5)
    assert out.pixels.shape == (24, 32, 3)
    assert out.mask.shape == out.classes.shape == out.opacity.shape == (24, 32)
    resized = out.drawn("resize")[-1]
    assert (resized["rows"], resized["cols"]) == (24, 32)


@given(seed=st.integers(0, 2**63 - 1), rows=st.integers(1, 40), cols=st.integers(1, 40))
@settings(max_examples=15, deadline=None)
def test_any_size_and_seed_gives_a_picture_in_range(seed: int, rows: int, cols: int) -> None:
    for name in ("old-photo", "painting"):
        out = degrade(scene(rows, cols), name, seed)
        assert out.pixels.shape == (rows, cols, 3)
        assert out.pixels.dtype == np.float32
        assert out.pixels.min() >= 0
        assert out.pixels.max() <= 1
        assert np.array_equal(out.classes > 0, out.mask)
