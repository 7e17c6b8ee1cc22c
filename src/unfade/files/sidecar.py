"""What lies beside a restored file: its record and its evidence map."""

from __future__ import annotations

import json
import os
from pathlib import Path

from unfade.errors import UnreadableInput
from unfade.files.places.local import write_atomically
from unfade.record import Record


def record_path(output: Path) -> Path:
    """``scan-restored.tif`` -> ``scan-restored.tif.unfade.json``."""
    return output.with_name(output.name + ".unfade.json")


def evidence_path(output: Path) -> Path:
    """``scan-restored.tif`` -> ``scan-restored.tif.evidence.png``."""
    return output.with_name(output.name + ".evidence.png")


def write_record(output: Path, record: Record, *, overwrite: bool) -> Path:
    """Write the record beside ``output``, atomically."""
    target = record_path(output)
    write_atomically(
        target,
        lambda partial: _text(partial, record.to_json()),
        overwrite=overwrite,
    )
    return target


def read_record(output: Path) -> Record:
    """The record beside a restored file.

    Raises:
        UnreadableInput: there is none, or it is not a record
    """
    path = record_path(output)
    try:
        return Record.from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnreadableInput(
            f"`{output.name}` has no record beside it; `{path.name}` was expected.",
            "Only files that unfade wrote can be taken back; keep the record with them.",
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, TypeError, KeyError) as error:
        raise UnreadableInput(
            f"The record `{path.name}` cannot be read: {error}.",
            "Restore the picture again to make a new one.",
        ) from error


def _text(partial: Path, text: str) -> None:
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
