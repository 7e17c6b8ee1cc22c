"""The user's names for files, in messages and records: the server's own paths are never told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from unfade.errors import UnfadeError


@contextmanager
def named(names: Mapping[str, str]) -> Iterator[None]:
    """Let errors out with the user's names in place of the server's paths.

    Args:
        names: path on the server -> the name that the user knows it by
    """
    try:
        yield
    except UnfadeError as error:
        error.found = in_users_words(error.found, names)
        error.remedy = in_users_words(error.remedy, names)
        error.args = (f"{error.found} {error.remedy}".strip(),)
        raise


def in_users_words(text: str, names: Mapping[str, str]) -> str:
    """A sentence without the server's paths."""
    for path in sorted(names, key=len, reverse=True):
        text = text.replace(path, names[path])
    return text


def record_as_delivered(
    record: dict[str, Any], *, source: str, output: str, masks: Mapping[str, str]
) -> dict[str, Any]:
    """A record that goes with a downloaded result: files lie beside it under the users' names.

    So that ``unfade revert`` works wherever result, record and original are put together.

    Args:
        masks: "mask" or "protect" -> the user's name of that file
    """
    record = dict(record)
    record["source"] = dict(record.get("source", {})) | {"name": source, "path": source}
    record["output"] = dict(record.get("output", {})) | {"name": output}
    record["masks"] = {
        name: dict(facts) | ({"path": masks[name]} if name in masks else {})
        for name, facts in record.get("masks", {}).items()
    }
    return record
