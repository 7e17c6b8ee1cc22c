"""What this unfade knows: steps with schemas of their settings, recipes, networks, formats."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any

from unfade.batch.executors.contract import JobView
from unfade.steps import Settings, Step

_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_READ_ONLY = ("raw", "heif")
_ASKED = ("upscale", "colorize", "hints", "reference", "faces", "fill", "render")


def describe(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Everything that the catalogue routes answer with."""
    from unfade.advice import POLICIES
    from unfade.files.formats import FORMATS
    from unfade.steps import STEPS

    return {
        "steps": [step_facts(step) for step in STEPS],
        "policies": {name: sorted(int(e) for e in classes) for name, classes in POLICIES.items()},
        "recipes": _recipes(),
        "models": _models(arguments["cache"]),
        "formats_in": [each.name for each in FORMATS],
        "formats_out": {
            each.name: each.extensions[0] for each in FORMATS if each.name not in _READ_ONLY
        },
        "features": features(),
    }


def features() -> list[str]:
    """Which of the requests that a job may hold this unfade can carry out."""
    from unfade.journey import restore

    known = inspect.signature(restore).parameters
    have = ["restore", "examine", "compare", "revert"]
    have += [name for name in _ASKED if name in known]
    if importlib.util.find_spec("unfade.film") and importlib.util.find_spec("av"):
        have.append("film")
    for name in ("report", "package"):
        if importlib.util.find_spec(f"unfade.{name}"):
            have.append(name)
    return have


def step_facts(step: Step) -> dict[str, Any]:
    """A step as ``StepView`` has it."""
    return {
        "step": step.name,
        "title": step.title,
        "kind": str(step.kind),
        "evidence": int(step.evidence),
        "paper": step.paper,
        "settings_schema": settings_schema(step),
    }


def settings_schema(step: Step) -> dict[str, Any]:
    """JSON schema of a step's settings, from the fields of its ``Settings``."""
    hints = typing.get_type_hints(step.settings)
    return {
        "title": step.name,
        "description": step.title,
        "type": "object",
        "additionalProperties": False,
        "properties": {
            f.name: _field_schema(f, hints[f.name]) for f in dataclasses.fields(step.settings)
        },
    }


def _field_schema(f: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    meta = f.metadata
    kinds = [each for each in _plain_types(hint) if each in _TYPES]
    names = [_TYPES[each] for each in kinds]
    if type(None) in _plain_types(hint):
        names.append("null")
    schema: dict[str, Any] = {
        "title": f.name.replace("_", " "),
        "description": meta.get("help", ""),
        "type": names[0] if len(names) == 1 else names or ["array", "string", "number"],
        "default": _plain(f.default),
    }
    for ours, theirs in (("low", "minimum"), ("high", "maximum"), ("unit", "x-unit")):
        if meta.get(ours) not in (None, ""):
            schema[theirs] = meta[ours]
    if meta.get("choices"):
        schema["enum"] = list(meta["choices"])
    if meta.get("neutral") is not None:
        schema["x-neutral"] = _plain(meta["neutral"])
    return schema


def _plain_types(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(t for each in typing.get_args(hint) for t in _plain_types(each))
    return (typing.get_origin(hint) or hint,)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def plain_settings(settings: Settings) -> dict[str, Any]:
    return {name: _plain(value) for name, value in settings.to_dict().items()}


def _recipes() -> list[dict[str, Any]]:
    from unfade.recipe import shipped_recipes
    from unfade.steps import step_of

    return [
        {
            "name": recipe.name,
            "about": recipe.about,
            "sha256": recipe.sha256,
            "text": recipe.to_text(),
            "steps": [
                {"step": step_of(s).name, "settings": plain_settings(s)} for s in recipe.steps
            ],
        }
        for recipe in shipped_recipes()
    ]


def _models(cache: str) -> list[dict[str, Any]]:
    from unfade.zoo.catalogue import entries
    from unfade.zoo.store import locate, where

    folder = where(cache)
    return [
        {
            "name": entry.name,
            "about": entry.about,
            "task": entry.task,
            "licence": entry.licence,
            "paper": entry.paper,
            "scale": entry.scale,
            "evidence": str(entry.evidence),
            "bytes": sum(file.bytes for file in entry.files),
            "sha256": entry.sha256,
            "state": "here"
            if all(locate(file, folder) is not None for file in entry.files)
            else "missing",
        }
        for entry in entries()
    ]
