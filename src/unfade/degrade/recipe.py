"""Degradation recipes: which damage, how likely, out of which ranges, in which order.

As text a recipe is TOML. The order of the tables is the order in which things happen to the
picture (``order = "random"`` draws it anew for each picture):

    format = 1
    name = "attic"
    source = "measured on our own boxes"

    [[damage]]
    use = "fading"
    chance = 0.8
    keep = [0.5, 0.95]      # a range; a single number is fixed

Tables that share a word in ``one_of`` exclude one another: one is drawn, by ``weight``.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from unfade.degrade.contract import Settings
from unfade.degrade.kinds import damage_of, find_damage
from unfade.errors import RecipeError, SettingsError, nearest
from unfade.toml_text import (
    check_format,
    check_keys,
    parsed,
    tables,
    text_of,
    texts_in,
    value_text,
)

FORMAT = 1
ORDERS = ("as written", "random")
_KEYS = ("format", "name", "about", "source", "order", "clip", "reference_px", "damage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One table of a recipe.

    Attributes:
        settings: of the damage
        one_of: stages with the same word exclude one another
        weight: how often it is the one, against the others of its word
        pinned: keeps its place in a recipe whose order is random
    """

    settings: Settings
    one_of: str = ""
    weight: float = 1.0
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationRecipe:
    """Named damage with ranges, in order.

    Attributes:
        name, about: for people
        source: where its numbers come from
        order: "as written", or "random" for each picture
        clip: codes are kept within 0-1 after every stage, as steps through 8-bit files do
        reference_px: longer side of a 4:3 picture in which the lengths hold as they are
            written; they grow with the root of the number of pixels, and shrink to half at
            most. Numbers of marks hold for as many pixels of that scale. 0: lengths are the
            same in every picture, numbers hold for 1024 x 768
        stages: in the order of happening
    """

    name: str = "own"
    about: str = ""
    source: str = ""
    order: str = "as written"
    clip: bool = False
    reference_px: int = 1024
    stages: tuple[Stage, ...] = ()

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise RecipeError(f"The order is `{self.order}`.", nearest(self.order, ORDERS))
        if self.reference_px < 0:
            raise RecipeError(
                f"`reference_px` is {self.reference_px}, expected 0 or more pixels.",
                "0 means that lengths do not follow the picture's size.",
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(damage_of(stage.settings).name for stage in self.stages)

    def to_text(self) -> str:
        """The recipe as TOML, every setting written out."""
        lines = [f"format = {FORMAT}"]
        for name in ("name", "about", "source", "order", "clip", "reference_px"):
            lines.append(f"{name} = {value_text(getattr(self, name))}")
        for stage in self.stages:
            lines += ["", "[[damage]]", f"use = {value_text(damage_of(stage.settings).name)}"]
            if stage.one_of:
                lines += [f"one_of = {value_text(stage.one_of)}", f"weight = {stage.weight!r}"]
            if stage.pinned:
                lines.append("pinned = true")
            for f in dataclasses.fields(stage.settings):
                lines.append(f"{f.name} = {value_text(getattr(stage.settings, f.name))}")
        return "\n".join(lines) + "\n"

    @property
    def sha256(self) -> str:
        """Hash of what the recipe does; its words do not count."""
        plain = dataclasses.replace(self, name="", about="", source="")
        return hashlib.sha256(plain.to_text().encode()).hexdigest()


def parse_degradation(text: str, source: str = "recipe") -> DegradationRecipe:
    """Read a degradation recipe from TOML text.

    Args:
        source: the file's name, for messages
    Raises:
        RecipeError: not TOML, an unknown key or damage, a value out of its range
    """
    where = f"Degradation recipe `{source}`"
    data = parsed(text, where, "Compare it with a shipped one: `unfade degrade --show old-photo`.")
    check_keys(data, _KEYS, where)
    check_format(data, FORMAT, where)
    blocks = tables(data, "damage", where)
    fields = {}
    for key, kind in (
        ("name", str),
        ("about", str),
        ("source", str),
        ("order", str),
        ("clip", bool),
        ("reference_px", int),
    ):
        if key in data:
            if type(data[key]) is not kind:
                raise RecipeError(f"{where}: `{key}` is {data[key]!r}, expected {kind.__name__}.")
            fields[key] = data[key]
    stages = tuple(_stage(block, n, where) for n, block in enumerate(blocks, 1))
    return DegradationRecipe(**fields, stages=stages)


def load_degradation(name_or_path: str | Path) -> DegradationRecipe:
    """A shipped degradation recipe by its name, or one's own by its path.

    Raises:
        RecipeError: neither a shipped name nor a readable file
    """
    return parse_degradation(*text_of(name_or_path, _shipped(), "degradation recipe"))


def degradations() -> tuple[str, ...]:
    """The names of the shipped degradation recipes."""
    return tuple(texts_in(_shipped()))


def _shipped() -> Traversable:
    return resources.files("unfade.degrade") / "recipes"


def _stage(block: dict[str, Any], number: int, where: str) -> Stage:
    values = dict(block)
    place = f"{where}, damage {number}"
    use = values.pop("use", None)
    if not isinstance(use, str):
        raise RecipeError(f"{place} does not say which damage to use.", 'Add `use = "blur"`.')
    one_of, weight = values.pop("one_of", ""), values.pop("weight", 1.0)
    pinned = values.pop("pinned", False)
    if not isinstance(pinned, bool):
        raise RecipeError(f"{place}: `pinned` is {pinned!r}.", "Expected true or false.")
    if not isinstance(one_of, str) or not isinstance(weight, (int, float)) or weight < 0:
        raise RecipeError(
            f"{place}: `one_of` is {one_of!r} with weight {weight!r}.",
            "Expected a word and a number of 0 or more.",
        )
    kind = find_damage(use, f"{place}: ")
    known = [f.name for f in dataclasses.fields(kind.settings)]
    for name in values:
        if name not in known:
            raise RecipeError(
                f"{place}: `{use}` has no setting `{name}`.",
                nearest(name, [*known, "use", "one_of", "weight", "pinned"]),
            )
    try:
        settings = kind.settings(**values)
    except SettingsError as error:
        raise RecipeError(f"{place}, `{use}`: {error.found}", error.remedy) from error
    return Stage(settings=settings, one_of=one_of, weight=float(weight), pinned=pinned)
