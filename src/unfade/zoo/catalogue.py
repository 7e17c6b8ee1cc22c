"""The catalogue: which networks are known, under which licence, with which files.

Read from ``catalogue.toml`` and checked while it is read: a file without size and SHA-256, an
unknown key or a name used twice is an error.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files as resources
from typing import Any

from unfade.errors import ModelMissing, ModelRejected, nearest

FORMATS = ("ncnn", "onnx", "pth")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a network.

    Attributes:
        role: what it is to the runtime: ``param``, ``bin``, ``weights``
        path: where it lies inside its package, or its plain name in the folder of weights
        bytes: its size; ``sha256``: of the whole file, lower case
        package: installed module that brings it; empty: it is fetched
        urls: where it can be fetched, tried in this order
    """

    role: str
    path: str
    bytes: int
    sha256: str
    package: str = ""
    urls: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ModelRejected(
                f"The catalogue's file `{self.path}` has `{self.sha256}` as SHA-256, expected 64 "
                "hexadecimal digits.",
                "Nothing is loaded that cannot be checked: enter the file's hash.",
            )
        if self.bytes <= 0:
            raise ModelRejected(f"The catalogue's file `{self.path}` has {self.bytes} bytes.")
        if not self.package and not self.urls:
            raise ModelRejected(f"`{self.path}` has neither a package nor an address.")
        if any(not url.startswith(("https://", "http://")) for url in self.urls):
            raise ModelRejected(f"`{self.path}` has an address that is neither http nor https.")
        if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", self.path):
            raise ModelRejected(f"`{self.path}` is not a plain path inside a folder.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One network of the catalogue.

    Attributes:
        about: one line for lists; ``task``: what it is used for
        format: ``ncnn``, ``onnx`` or ``pth``: what its files are
        shape: the call: ``mend``, ``fill``, ``find`` or ``mend_frames``
        licence: of the weights, an SPDX name; ``licence_note``: what else is to be said
        card: the file in ``cards/`` that describes it
        evidence: class of what it makes (see ``unfade.record.Evidence``)
        scale, halo_px, tile_px, piece_px, bytes_per_pixel: see ``ModelFacts``
        extra: of unfade's extras, the one that installs the package which brings the files
    """

    name: str
    about: str
    task: str
    format: str
    shape: str
    licence: str
    paper: str
    card: str
    files: tuple[FileEntry, ...]
    licence_note: str = ""
    evidence: int = 2
    scale: int = 1
    halo_px: int = 0
    tile_px: int = 256
    piece_px: int = 0
    bytes_per_pixel: int = 0
    extra: str = ""

    @property
    def sha256(self) -> str:
        """Hash of the network's numbers: that of its largest file."""
        return max(self.files, key=lambda file: file.bytes).sha256

    @property
    def card_text(self) -> str:
        return (resources("unfade.zoo") / "cards" / self.card).read_text("utf-8")


def parse(text: str, where: str = "catalogue.toml") -> tuple[Entry, ...]:
    """Read a catalogue from TOML and check it.

    Raises:
        ModelRejected: it is not TOML, an entry has an unknown key or lacks a required one, a
            file has no hash, or a name is used twice
    """
    try:
        tables = tomllib.loads(text).get("model", [])
    except tomllib.TOMLDecodeError as error:
        raise ModelRejected(f"`{where}` is not TOML: {error}.") from error
    entries = tuple(_entry(table, where) for table in tables)
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ModelRejected(f"`{where}` holds `{twice[0]}` more than once.")
    return entries


@cache
def entries() -> tuple[Entry, ...]:
    """All networks that unfade knows, in the catalogue's order."""
    return parse((resources("unfade.zoo") / "catalogue.toml").read_text("utf-8"))


def find(name: str) -> Entry:
    """The entry of this name.

    Raises:
        ModelMissing: there is none; the nearest known name is told
    """
    for entry in entries():
        if entry.name == name:
            return entry
    raise ModelMissing(
        f"The catalogue has no network `{name}`.", nearest(name, (e.name for e in entries()))
    )


def _entry(table: dict[str, Any], where: str) -> Entry:
    title = f"`{where}`, model `{table.get('name', '?')}`"
    parts = tuple(
        _checked(FileEntry, file | {"urls": tuple(file.get("urls", ()))}, title)
        for file in table.get("files", ())
    )
    entry: Entry = _checked(Entry, table | {"files": parts}, title)
    if not parts:
        raise ModelRejected(f"{title} has no files.")
    if entry.format not in FORMATS:
        hint = nearest(entry.format, FORMATS)
        raise ModelRejected(f"{title} has the format `{entry.format}`.", hint)
    if any(file.package for file in parts) and not entry.extra:
        raise ModelRejected(f"{title} comes in a package, and no `extra` that installs it.")
    return entry


def _checked(kind: type, table: dict[str, Any], title: str) -> Any:
    known = [f.name for f in fields(kind)]
    for key in table:
        if key not in known:
            raise ModelRejected(f"{title} has an unknown key `{key}`.", nearest(key, known))
    try:
        return kind(**table)
    except TypeError as error:
        raise ModelRejected(f"{title}: {error}.") from error
