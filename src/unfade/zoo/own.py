"""The networks that the user has added: their table and their files, in the user's data folder.

The table has the form of the shipped catalogue and is written in one move; a file lies beside it
under the first digits of its SHA-256, and is compared with all of them whenever it is opened.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path

from unfade.errors import ModelMissing, ModelRejected, OutputError, UsageError, nearest
from unfade.toml_text import value_text
from unfade.zoo.catalogue import Entry, FileEntry, own_entries, own_folder, parse, shipped

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_name(name: str, taken: Iterable[str] = ()) -> None:
    """Refuse a name that a recipe could not bear or that the shipped catalogue has.

    Args:
        taken: further names that are in use, e.g. methods of steps
    Raises:
        UsageError: it is not plain, or taken
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"`{name}` is no name for a network: small letters, digits, `.`, `_` and `-` are.",
            "Give another with `--name`.",
        )
    if name in {entry.name for entry in shipped()} or name in set(taken):
        raise UsageError(f"The name `{name}` is taken.", "Give another with `--name`.")


def register(entry: Entry, file: Path) -> Entry:
    """Take a file of weights in, and enter it into the user's table.

    Args:
        entry: its one file is marked as the user's own, with the size and hash of ``file``
        file: moved to its place
    Raises:
        UsageError: the name is taken; OutputError: the folder cannot be written
    """
    check_name(entry.name)
    others = [e for e in own_entries() if e.name != entry.name]
    folder = own_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.move(file, folder / entry.files[0].name)
        _write([*others, entry], folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return entry


def take_export(table: Path, name: str = "") -> Entry:
    """Take in a network that ``unfade train export`` wrote, in all its formats.

    Args:
        table: its catalogue entry; the files that it names lie beside it and are copied
        name: what recipes call it; empty: as the entry says
    Raises:
        ModelRejected: it is no such entry, or a file is not what the entry says
        ModelMissing: a file does not lie beside it
        UsageError: the name is taken; OutputError: the folder cannot be written
    """
    try:
        found = parse(table.read_text("utf-8"), table.name)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelRejected(
            f"`{table}` cannot be read: {error}.",
            "Give the `.toml` that `unfade train export` wrote.",
        ) from error
    if len(found) != 1:
        raise ModelRejected(f"`{table}` holds {len(found)} networks, expected 1.")
    name = name or found[0].name
    check_name(name)
    folder, files, moves = own_folder(), [], []
    for file in found[0].files:
        source = table.parent / file.name
        if not source.is_file():
            raise ModelMissing(
                f"`{file.name}` does not lie beside `{table}`.",
                "Keep together what `unfade train export` wrote.",
            )
        content = source.read_bytes()
        if (len(content), hashlib.sha256(content).hexdigest()) != (file.bytes, file.sha256):
            raise ModelRejected(
                f"`{source}` is not the file that `{table.name}` names: size or SHA-256 differ.",
                "Export the network again.",
            )
        path = f"{file.sha256[:16]}{source.suffix}"
        files.append(replace(file, path=path, package="", urls=(), own=True))
        moves.append((content, folder / path))
    entry = replace(found[0], name=name, files=tuple(files), card="")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for content, target in moves:
            target.write_bytes(content)
        _write([*(e for e in own_entries() if e.name != name), entry], folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return entry


def remove(name: str) -> None:
    """Take a network of the user's out again, with its file.

    Raises:
        ModelMissing: the user has added none of this name
    """
    known = own_entries()
    gone = next((e for e in known if e.name == name), None)
    if gone is None:
        hint = nearest(name, (e.name for e in known)) if known else "You have added none."
        raise ModelMissing(f"No network `{name}` was added here.", hint)
    folder = own_folder()
    kept = [e for e in known if e.name != name]
    _write(kept, folder)
    used = {file.name for e in kept for file in e.files}
    for file in gone.files:
        if file.name not in used:
            (folder / file.name).unlink(missing_ok=True)


def to_toml(entries: Iterable[Entry]) -> str:
    """Entries as the text of a catalogue; ``parse`` gives the same entries back."""
    lines = []
    for entry in entries:
        lines.append("[[model]]")
        for f in fields(Entry):
            value = getattr(entry, f.name)
            if f.name != "files" and value != f.default:
                lines.append(f"{f.name} = {value_text(value)}")
        lines.append("files = [")
        for file in entry.files:
            parts = [
                f"{f.name} = {value_text(getattr(file, f.name))}"
                for f in fields(FileEntry)
                if getattr(file, f.name) != f.default
            ]
            lines.append(f"  {{ {', '.join(parts)} }},")
        lines += ["]", ""]
    text = "\n".join(lines)
    parse(text)  # what cannot be read back is not written
    return text


def _write(entries: list[Entry], folder: Path) -> None:
    text = to_toml(entries)
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, prefix=".catalogue-", delete=False, encoding="utf-8"
    ) as file:
        file.write("# Networks that were added with `unfade models add`.\n\n" + text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, folder / "catalogue.toml")


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"`{folder}` cannot be written: {error.strerror or error}.",
        "Check space and permissions, or set UNFADE_HOME to another folder.",
    )
