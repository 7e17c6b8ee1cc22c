"""Where weights lie on this machine, and whether they are the right ones.

``decide`` is a pure function; ``fetch`` acts on it. A file becomes visible under its name only
after its size and SHA-256 have been compared.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from unfade.errors import MissingPackage, ModelMissing, ModelRejected
from unfade.zoo.catalogue import Entry, FileEntry, find, own_folder

Decision = Literal["have", "fetch", "replace"]

_verified: dict[tuple[Path, int, int], str] = {}  # path, size, mtime -> hash, for this process
_lock = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One file of a network and whether it is as the catalogue says."""

    model: str
    file: str
    path: Path | None
    state: Literal["good", "missing", "wrong"]


def where(cache: str = "", environ: Mapping[str, str] | None = None) -> Path:
    """The folder for fetched weights: the setting, ``$UNFADE_HOME/models``, or the user's cache."""
    environ = os.environ if environ is None else environ
    cache = cache or environ.get("UNFADE_CACHE", "")
    if cache:
        return Path(cache)
    if environ.get("UNFADE_HOME"):
        return Path(environ["UNFADE_HOME"]) / "models"
    import platformdirs

    return Path(platformdirs.user_cache_dir("unfade")) / "models"


def decide(have: tuple[int, str] | None, wanted: FileEntry) -> Decision:
    """What to do about a file, from its size and hash (None: it is not there)."""
    if have is None:
        return "fetch"
    return "have" if have == (wanted.bytes, wanted.sha256) else "replace"


def locate(file: FileEntry, folder: Path) -> Path | None:
    """Where a file is, whether or not it is right; None when it is nowhere."""
    if file.package:
        spec = importlib.util.find_spec(file.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        path = Path(spec.submodule_search_locations[0]) / file.path
    elif file.own:
        path = own_folder() / file.name
    else:
        path = folder / file.name
    return path if path.is_file() else None


def verify(name: str, *, cache: str = "") -> list[Checked]:
    """Compare every file of a network with the catalogue; reads them whole."""
    folder = where(cache)
    return [_checked(find(name), file, folder) for file in find(name).files]


def files(name: str, *, cache: str = "") -> dict[str, Path]:
    """Role -> path of a network's files, each compared with its hash (once in a process).

    Raises:
        ModelMissing: a file is not here; the message says how to get it
        ModelRejected: a file is not what the catalogue says
    """
    entry, folder = find(name), where(cache)
    paths = {}
    for file in entry.files:
        checked = _checked(entry, file, folder)
        if checked.path is None:
            raise missing(entry, file, folder)
        if checked.state == "wrong":
            raise ModelRejected(
                f"`{checked.path}` is not the file of `{name}` that the catalogue names: size or "
                f"SHA-256 differ ({file.bytes} bytes, {file.sha256[:16]}... were expected).",
                "Remove it and get it again.",
            )
        paths[file.role] = checked.path
    return paths


def missing(entry: Entry, file: FileEntry, folder: Path) -> ModelMissing:
    """The error for weights that are not on this machine."""
    if file.package:
        return MissingPackage(
            f"The weights `{entry.name}` are not installed; they come in a package.",
            f"Install them with: pip install 'unfade[{entry.extra}]'",
        )
    if file.own:
        return ModelMissing(
            f"The network `{entry.name}`, which was added here, has lost its file `{file.name}`.",
            f"Put it back into `{own_folder()}`, or add the network again.",
        )
    return ModelMissing(
        f"Weights `{entry.name}` are not on this machine: `{file.name}`, SHA-256 {file.sha256}.",
        f"Run `unfade models fetch {entry.name}`, or put the file into `{folder}`.",
    )


def size_and_hash(path: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a file, remembered for this process until it changes."""
    facts = path.stat()
    key = (path, facts.st_size, facts.st_mtime_ns)
    with _lock:
        if key not in _verified:
            with open(path, "rb") as file:
                _verified[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return facts.st_size, _verified[key]


def _checked(entry: Entry, file: FileEntry, folder: Path) -> Checked:
    path = locate(file, folder)
    if path is None:
        return Checked(model=entry.name, file=file.name, path=None, state="missing")
    state: Literal["good", "wrong"] = (
        "good" if decide(size_and_hash(path), file) == "have" else "wrong"
    )
    return Checked(model=entry.name, file=file.name, path=path, state=state)
