"""What a request asks for, as the library takes it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from unfade.batch.executors.contract import JobView
from unfade.engines.bench import Bench
from unfade.errors import RecipeError, UsageError, nearest
from unfade.files import read_header
from unfade.files.formats import FORMATS, format_named
from unfade.recipe import Recipe, parse_recipe, shipped_recipes
from unfade.steps import find_step, settings_from

# formats that are read and never written, and what a result of them is unless the user says
_INSTEAD = {"raw": "tiff", "heif": "png"}
_BY_NAME = ("colorize", "hints", "faces", "fill", "prompt", "render")


def recipe_of(request: Mapping[str, Any]) -> str | Recipe:
    """ "auto", a shipped recipe's name, or a recipe; never a path on the server."""
    if request["steps"] is not None:
        return Recipe(
            name="own",
            steps=tuple(
                settings_from(
                    find_step(each["step"], f"Step {number}: ").settings,
                    each["settings"],
                    f"Step {number} `{each['step']}`",
                )
                for number, each in enumerate(request["steps"], 1)
            ),
        )
    wanted = str(request["recipe"])
    if wanted == "auto":
        return wanted
    if "\n" in wanted or "=" in wanted:
        return parse_recipe(wanted, "recipe")
    shipped = {recipe.name: recipe for recipe in shipped_recipes()}
    if wanted not in shipped:
        raise RecipeError(f"There is no recipe `{wanted}`.", nearest(wanted, [*shipped, "auto"]))
    return shipped[wanted]


def asked_by_name(request: Mapping[str, Any], function: Callable[..., Any]) -> dict[str, Any]:
    """What is done only when it is asked for, as keywords of the library's function.

    Raises:
        UsageError: this version of the library does not have it
    """
    known = inspect.signature(function).parameters
    asked: dict[str, Any] = {}
    for name in _BY_NAME:
        value = request.get(name)  # a job may have been written down by an earlier version
        if value in (False, None, []):
            continue
        if name not in known:
            raise UsageError(
                f"`{name}` was asked for, which this version of unfade does not have.",
                "`GET /v1/limits` lists under `features` what it has.",
            )
        asked[name] = value
    return asked


def extension_of(source: Path, wanted: str | None) -> tuple[str, str]:
    """The result's extension, and what the user has to know about it."""
    if wanted is not None:
        for each in FORMATS:
            if wanted == each.name or f".{wanted}" in each.extensions:
                return each.extensions[0], ""
        raise UsageError(
            f"`{wanted}` is no format that is written here.",
            "`GET /v1/limits` lists `formats_out`.",
        )
    head = next((each for each in FORMATS if source.suffix in each.extensions), None)
    if head is None:  # a film: it stays in its container
        return source.suffix, ""
    own = read_header(source).format
    if own in _INSTEAD:
        instead = format_named(_INSTEAD[own])
        note = f"{own.upper()} is read and never written; the result is a {instead.name.upper()}."
        return instead.extensions[0], note
    return source.suffix, ""


def bench_of(arguments: Mapping[str, Any], view: JobView) -> Bench:
    """A bench that stays open in this process, with its networks, for this job's eyes and ears."""
    wanted = arguments["bench"]
    key = json.dumps(wanted, sort_keys=True)
    if view.kept.get("bench-key") != key:
        if "bench" in view.kept:
            view.kept.pop("bench").close()
        wire = _Wire()
        view.kept["wire"] = wire
        view.kept["bench"] = Bench(**wanted, progress=wire.progress, cancelled=wire.cancelled)
        view.kept["bench-key"] = key
    view.kept["wire"].view = view
    bench: Bench = view.kept["bench"]
    return bench


class _Wire:
    """From a bench that stays to the job that is under way."""

    view: JobView

    def progress(self, says: str, done: int, total: int) -> None:
        self.view.progress(says, done / total if total else 1.0)

    def cancelled(self) -> bool:
        return self.view.cancelled()
