"""TOML texts that people write: found by name or path, read with messages that help, written."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from unfade.errors import RecipeError, nearest


def texts_in(folder: Traversable) -> dict[str, str]:
    """Name -> text of the TOML files of a folder in the package, by name."""
    files = [f for f in folder.iterdir() if f.name.endswith(".toml")]
    return {
        f.name.removesuffix(".toml"): f.read_text("utf-8")
        for f in sorted(files, key=lambda f: f.name)
    }


def text_of(name_or_path: str | Path, folder: Traversable, kind: str) -> tuple[str, str]:
    """A shipped text by its name, or one of the user's by its path.

    Args:
        folder: where the shipped ones lie
        kind: what it is, for messages: "recipe", "degradation recipe"
    Returns:
        the text, and its name for messages
    Raises:
        RecipeError: neither a shipped name nor a readable file
    """
    name, path = str(name_or_path), Path(name_or_path)
    shipped = texts_in(folder)
    if name in shipped:
        return shipped[name], name
    if path.suffix != ".toml" and not path.exists():
        raise RecipeError(f"There is no {kind} `{name}`.", nearest(name, shipped))
    try:
        return path.read_text("utf-8"), path.name
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"{kind.capitalize()} `{name}` cannot be read: {error}.",
            "Give the path of a TOML text file.",
        ) from error


def parsed(text: str, where: str, hint: str) -> dict[str, Any]:
    """The table of a TOML text.

    Raises:
        RecipeError: it is not TOML; ``where`` names it, ``hint`` says what to do
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where} is not valid TOML: {error}.", hint) from error


def check_format(data: dict[str, Any], wanted: int, where: str) -> None:
    """Refuse a text of a format that this unfade does not read."""
    if data.get("format") != wanted:
        raise RecipeError(
            f"{where} has format {data.get('format')!r}; this unfade reads {wanted}.",
            f"Begin the file with `format = {wanted}`.",
        )


def tables(data: dict[str, Any], key: str, where: str) -> list[dict[str, Any]]:
    """The list of tables ``[[key]]``; empty where there is none."""
    blocks = data.get(key, [])
    if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks):
        raise RecipeError(
            f"{where}: `{key}` is not a list of tables.",
            f'Write each as `[[{key}]]` followed by `use = "..."`.',
        )
    return blocks


def check_keys(data: Collection[str], known: Collection[str], where: str) -> None:
    """Refuse keys that are not known; the nearest known one is named."""
    for key in data:
        if key not in known:
            raise RecipeError(f"{where}: unknown key `{key}`.", nearest(key, known))


def value_text(value: object) -> str:
    """A value as TOML writes it.

    Raises:
        TypeError: TOML has no such value
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(value_text(v) for v in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML's wish
    if isinstance(value, (int, float)):
        return repr(value)
    raise TypeError(f"TOML cannot hold {value!r}")
