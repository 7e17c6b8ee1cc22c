from __future__ import annotations

import pytest

from unfade.errors import RecipeError
from unfade.train.recipe import parse_recipe, read_recipe, shipped


@pytest.mark.parametrize("name", shipped())
def test_shipped_recipes_are_whole(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.text.startswith("# "), "the first line says what it trains"
    assert recipe.run.steps > recipe.run.validate_every


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('task = "restor"', "There is no task `restor`"),
        ("seed = 1", "names no `task`"),
        ('task = "restore"\nsteps = 3', "unknown key `steps`"),
        ('task = "restore"\n[run]\nstep = 3', "unknown key `step`"),
        ('task = "restore"\n[run]\nsteps = "many"', "expected int"),
        ('task = "restore"\n[run]\nsteps = 0', "`steps` is 0"),
        ('task = "restore"\n[data]\npatch_px = 4', "`patch_px` is 4"),
        ('task = "restore"\n[settings]\nwidth = 3', "unknown key `width`"),
        ("task = [", "is not valid TOML"),
    ],
)
def test_a_wrong_recipe_is_named(text: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says.replace("[", r"\[").replace("`", "`")):
        parse_recipe(text, "mine", "mine.toml")


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(RecipeError) as raised:
        read_recipe("damag")
    assert "damage" in str(raised.value)


def test_whole_numbers_fit_where_fractions_are_due() -> None:
    recipe = parse_recipe('task = "restore"\n[settings]\nsigma_max = 25', "mine", "mine.toml")
    assert recipe.settings.sigma_max == 25.0
