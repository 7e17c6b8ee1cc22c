"""Recipes as text: there and back, and errors that name the line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unfade.errors import RecipeError, SettingsError
from unfade.recipe import Recipe, load_recipe, parse_recipe, shipped_recipes
from unfade.steps import STEPS, Settings, find_step, settings_from, step_of


def values_of(kind: type[Settings]) -> st.SearchStrategy[dict[str, Any]]:
    """Valid values for some of the settings of a step."""
    fields = {}
    for f in dataclasses.fields(kind):
        low, high, choices = (f.metadata[k] for k in ("low", "high", "choices"))
        if choices:
            fields[f.name] = st.sampled_from(choices)
        elif isinstance(f.default, bool):
            fields[f.name] = st.booleans()
        elif isinstance(f.default, int) and low is not None and high is not None:
            fields[f.name] = st.integers(int(low), int(high))
        elif isinstance(f.default, float) and low is not None and high is not None:
            fields[f.name] = st.floats(low, high, allow_nan=False)
        elif isinstance(f.default, str):  # own words, e.g. a prompt
            fields[f.name] = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    return st.fixed_dictionaries({}, optional=fields)


@settings(deadline=None)
@given(st.data())
def test_any_recipe_comes_back_from_its_text(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(STEPS), max_size=4))
    steps = []
    for step in chosen:
        values = data.draw(values_of(step.settings))
        try:
            steps.append(settings_from(step.settings, values, step.name))
        except SettingsError:  # combinations that the step refuses
            continue
    recipe = Recipe(name='täst "x"', steps=tuple(steps))
    back = parse_recipe(recipe.to_text())
    assert back == recipe
    assert back.sha256 == recipe.sha256


def test_the_hash_is_of_what_is_done_not_of_words() -> None:
    steps = (STEPS[0].settings(),)
    assert Recipe(name="a", steps=steps).sha256 == Recipe(about="b", steps=steps).sha256
    assert Recipe(steps=steps).sha256 != Recipe(steps=steps * 2).sha256


HEAD = 'format = 1\nname = "attic"\n\n[[step]]\nuse = "denoise"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            HEAD + "strenght = 1\n",
            r"`attic.toml`, line 6: `denoise` has no setting `strenght`\. "
            r"Did you mean `strength`",
        ),
        (HEAD + "strength = 99.0\n", "line 6: `denoise`: `strength` is 99.0, expected 0"),
        (HEAD + 'strength = "much"\n', "line 6: `denoise`: `strength` is 'much', expected float"),
        (HEAD + "strength = nan\n", "finite"),
        (HEAD.replace("denoise", "denoyse"), "step 1: There is no step `denoyse`. Did you mean"),
        ("format = 1\nnmae = 2\n", "line 2: unknown key `nmae`. Did you mean `name`"),
        ("format = 7\n", "format 7"),
        ("format = 1\nstep = 3\n", "not a list of tables"),
        ("format = 1\n[[step]]\n", "does not say which step"),
        ("format = [\n", "not valid TOML"),
    ],
)
def test_errors_name_the_place_and_the_nearest(text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        parse_recipe(text, "attic.toml")


def test_the_cookbook_reads_and_every_recipe_tells_what_it_is_for() -> None:
    recipes = shipped_recipes()
    assert {"photograph"} <= {recipe.name for recipe in recipes}
    assert all(recipe.about and recipe.steps for recipe in recipes)


def test_an_unknown_recipe_is_answered_with_the_nearest() -> None:
    with pytest.raises(RecipeError, match="Did you mean `photograph`"):
        load_recipe("photografh")


def test_a_recipe_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(path)


def test_every_step_is_found_by_its_name_and_its_settings() -> None:
    for step in STEPS:
        assert find_step(step.name) is step
        assert step_of(step.settings()) is step


def test_every_module_of_a_step_is_in_the_list() -> None:
    import unfade.steps

    folder = Path(unfade.steps.__file__).parent
    modules = {p.stem for p in folder.glob("*.py")} | {
        p.parent.name for p in folder.glob("*/__init__.py")
    }
    assert modules - {"__init__", "contract", "networks", "film"} == {step.name for step in STEPS}


def test_every_setting_has_words_and_a_range_or_choices() -> None:
    for step in STEPS:
        for f in dataclasses.fields(step.settings):
            meta = f.metadata
            assert meta["help"], f"{step.name}.{f.name}"
            ranged = meta["low"] is not None and meta["high"] is not None
            free = "bool" in str(f.type) or f.name in (
                "prompt",
                "avoid",
                "faces",
                "hints",
                "reference",
                "white",
            )  # own words
            assert ranged or meta["choices"] or free, f"{step.name}.{f.name} has no range"
