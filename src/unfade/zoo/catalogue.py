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
class ModelFile:
    """One file of a network.

    Attributes:
        role: what it is to the runtime: ``param``, ``bin``, ``weights``
        path: where it lies inside its package, or its plain name in the cache folder
        size: in bytes; ``sha256``: of the whole file, lower case
        urls: where it can be fetched, tried in this order
    """

    role: str
    path: str
    size: int
    sha256: str
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
        if self.size <= 0:
            raise ModelRejected(f"The catalogue's file `{self.path}` has size {self.size}.")
        if any(not url.startswith(("https://", "http://")) for url in self.urls):
            raise ModelRejected(f"`{self.path}` has an address that is neither http nor https.")
        if ".." in self.path.split("/") or self.path.startswith("/"):
            raise ModelRejected(f"`{self.path}` leads out of its folder.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One network of the catalogue.

    Attributes:
        format: ``ncnn``, ``onnx`` or ``pth``: what its files are
        shape: the call: ``mend``, ``fill``, ``find`` or ``mend_frames``
        licence: of the weights, an SPDX name; ``licence_note``: what else is to be said
        card: the file in ``cards/`` that describes it
        evidence: class of what it makes (see ``unfade.record.Evidence``)
        scale, halo_px, tile_px, piece_px, bytes_per_pixel: see ``ModelFacts``
        package: module that brings the files, installed with ``install``; empty: fetched
    """

    name: str
    title: str
    format: str
    shape: str
    licence: str
    paper: str
    card: str
    files: tuple[ModelFile, ...]
    licence_note: str = ""
    evidence: int = 2
    scale: int = 1
    halo_px: int = 0
    tile_px: int = 256
    piece_px: int = 0
    bytes_per_pixel: int = 0
    package: str = ""
    install: str = ""

    @property
    def sha256(self) -> str:
        """Hash of the network's numbers: that of its largest file."""
        return max(self.files, key=lambda file: file.size).sha256

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

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
        _checked(ModelFile, file | {"urls": tuple(file.get("urls", ()))}, title)
        for file in table.get("files", ())
    )
    entry: Entry = _checked(Entry, table | {"files": parts}, title)
    if not parts:
        raise ModelRejected(f"{title} has no files.")
    if entry.format not in FORMATS:
        raise ModelRejected(f"{title} has the format `{entry.format}`.", nearest(entry.format, FORMATS))
    if not entry.package and any(not file.urls for file in parts):
        raise ModelRejected(f"{title} has neither a package nor addresses for each file.")
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
