"""Recipe: what is to be done, never how.

A recipe is a name and an ordered tuple of small frozen settings. As text it is TOML that a
conservator can read, comment and file with the picture:

    format = 1
    name = "photograph"

    [[step]]
    use = "remove_dust"
    min_confidence = 0.8

Unknown keys are errors with the nearest known name. Device, memory, tiles, workers and paths
never stand in a recipe, so the same recipe means the same treatment on every machine.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from unfade.errors import RecipeError, SettingsError, nearest
from unfade.steps import Settings, find_step, settings_from, step_of
from unfade.toml_text import check_format, parsed, tables, text_of, texts_in, value_text

FORMAT = 1
_KEYS = ("format", "name", "about", "step")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """An ordered list of treatments. Equal recipes hash equal."""

    name: str = "own"
    about: str = ""
    steps: tuple[Settings, ...] = ()

    @property
    def step_names(self) -> tuple[str, ...]:
        return tuple(step_of(settings).name for settings in self.steps)

    def to_text(self) -> str:
        """The recipe as TOML, every setting written out."""
        lines = [f"format = {FORMAT}", f"name = {value_text(self.name)}"]
        if self.about:
            lines.append(f"about = {value_text(self.about)}")
        for settings in self.steps:
            lines += ["", "[[step]]", f"use = {value_text(step_of(settings).name)}"]
            for name, value in settings.to_dict().items():
                if value is not None:
                    lines.append(f"{name} = {value_text(value)}")
        return "\n".join(lines) + "\n"

    @property
    def sha256(self) -> str:
        """Hash of what the recipe does; its name and words do not count."""
        plain = dataclasses.replace(self, name="", about="")
        return hashlib.sha256(plain.to_text().encode()).hexdigest()


def parse_recipe(text: str, source: str = "recipe") -> Recipe:
    """Read a recipe from TOML text.

    Args:
        source: the file's name, for messages
    Raises:
        RecipeError: not TOML, an unknown key or step, a wrong value; the line is named
    """
    where = f"Recipe `{source}`"
    data = parsed(text, where, "See `unfade recipes show photograph` for an example.")
    for key in data:
        if key not in _KEYS:
            line = _line_of(text, key)
            raise RecipeError(f"Recipe `{source}`{line}: unknown key `{key}`.", nearest(key, _KEYS))
    check_format(data, FORMAT, where)
    blocks = tables(data, "step", where)
    steps = tuple(_step(block, n, text, source) for n, block in enumerate(blocks, 1))
    return Recipe(name=str(data.get("name", "own")), about=str(data.get("about", "")), steps=steps)


def load_recipe(name_or_path: str | Path) -> Recipe:
    """A shipped recipe by its name, or one of the user's by its path.

    Raises:
        RecipeError: neither a shipped name nor a readable file
    """
    return parse_recipe(*text_of(name_or_path, _cookbook(), "recipe"))


def shipped_recipes() -> tuple[Recipe, ...]:
    """The cookbook, by name."""
    return tuple(parse_recipe(text, name) for name, text in texts_in(_cookbook()).items())


def _cookbook() -> Traversable:
    return resources.files("unfade") / "cookbook"


def _step(block: dict[str, Any], number: int, text: str, source: str) -> Settings:
    values = dict(block)
    use = values.pop("use", None)
    place = f"Recipe `{source}`, step {number}"
    if not isinstance(use, str):
        raise RecipeError(f"{place} does not say which step to use.", 'Add `use = "denoise"`.')
    step = find_step(use, f"{place}: ")
    try:
        return settings_from(step.settings, values, f"{place}: `{use}`")
    except SettingsError as error:
        wrong = next((k for k in values if f"`{k}`" in error.found), None)
        line = _line_of(text, wrong, number) if wrong else ""
        found = error.found.replace(place, f"Recipe `{source}`{line}", 1) if line else error.found
        raise RecipeError(found, error.remedy) from error


def _line_of(text: str, key: str | None, step_number: int = 0) -> str:
    """ ", line 7" where ``key`` is set in the n-th step (0: before the first), or nothing."""
    seen = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().replace(" ", "") == "[[step]]":
            seen += 1
        if seen == step_number and re.match(rf"\s*{re.escape(key or '')}\s*=", line):
            return f", line {number}"
    return ""
