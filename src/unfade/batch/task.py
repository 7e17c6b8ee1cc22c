"""What a batch does to each item: the same for all of them, and hashed.

Two runs with one hash give the same bytes from the same source, so the hash tells what is done
already. How it is run (device, memory, workers, places) is never part of it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from unfade.errors import UsageError
from unfade.recipe import load_recipe, parse_recipe
from unfade.version import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """The arguments of ``restore`` that decide the result, as plain data.

    Attributes:
        recipe: "auto", or a recipe's text: nodes of a cluster have not the file
        extension: of the results, with its dot; empty: each keeps its own
        quality: of lossy formats where the original has no tables to keep
    """

    recipe: str = "auto"
    policy: str = "family"
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    upscale: int | None = None
    only_classical: bool = False
    quality: int | None = None
    extension: str = ""

    def __post_init__(self) -> None:
        if self.extension and not self.extension.startswith("."):
            raise UsageError(
                f"`{self.extension}` is no extension of a file.", "Write it like `.tif`."
            )

    @property
    def hash(self) -> str:
        """SHA-256 over what is done, and by which version."""
        recipe = self.recipe if self.recipe == "auto" else parse_recipe(self.recipe).sha256
        facts = dataclasses.asdict(self) | {"recipe": recipe, "unfade": VERSION}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def target_of(self, name: str) -> str:
        """Where the result of an item goes: the same name, or with another extension."""
        if not self.extension:
            return name
        folder, slash, last = name.rpartition("/")
        stem = last.rpartition(".")[0] or last
        return f"{folder}{slash}{stem}{self.extension}"


def recipe_text(name_or_path: str) -> str:
    """A recipe as text that can travel; "auto" stays.

    Raises:
        RecipeError: neither a shipped name nor a readable file
    """
    return name_or_path if name_or_path == "auto" else load_recipe(name_or_path).to_text()
