"""Networks in one file, for machines without a network: ``unfade models bundle`` and ``add``.

A bundle is a zip archive, not compressed: ``catalogue.toml`` with the entries of its networks, and
their files under their SHA-256. What comes out of a bundle is compared with size and hash like
what comes from a server; for a network that the shipped catalogue knows, with the shipped hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from unfade.errors import ModelRejected, OutputError, UnreadableInput
from unfade.zoo.catalogue import (
    Entry,
    FileEntry,
    allowed,
    entries,
    find,
    parse,
    refuse_licence,
    shipped,
)
from unfade.zoo.own import register, to_toml
from unfade.zoo.store import files, locate, where

TABLE = "catalogue.toml"
MOST_TABLE_BYTES = 1 << 20
PIECE_BYTES = 1 << 20


def write_bundle(
    target: Path,
    names: Collection[str] = (),
    *,
    cache: str = "",
    licence: str = "usual",
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Put networks that are on this machine into one file.

    Args:
        names: which; empty: all that are here, do not come in a package, and whose licence
            ``licence`` lets in
    Returns:
        the names of the networks in the bundle
    Raises:
        ModelMissing: one that was named is not here; ModelRejected: its licence is kept out
        OutputError: the target is there already or cannot be written
    """
    if target.exists() and not overwrite:
        raise OutputError(f"`{target}` is there already.", "Use `--overwrite`, or another name.")
    chosen = [find(name) for name in names] or list(_here(entries(), cache, licence))
    parts: dict[str, Path] = {}
    for entry in chosen:
        refuse_licence(entry, licence)
        paths = files(entry.name, cache=cache)  # verified
        parts.update({file.sha256: paths[file.role] for file in entry.files})
    partial = target.with_name(f".{target.name}-{os.getpid()}.part")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(TABLE, to_toml(chosen))
            for sha256, path in parts.items():
                archive.write(path, sha256)
        os.replace(partial, target)
    except OSError as error:
        raise OutputError(
            f"`{target}` cannot be written: {error.strerror or error}.", "Check space and rights."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()
    return tuple(entry.name for entry in chosen)


def is_bundle(path: Path) -> bool:
    """Whether a file is a bundle: a zip archive with a catalogue in it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return TABLE in archive.namelist()


def read_bundle(path: Path, *, cache: str = "", licence: str = "usual") -> tuple[str, ...]:
    """Take the networks of a bundle in; those that the shipped catalogue knows keep its facts.

    Returns:
        the names of the networks that are here now
    Raises:
        UnreadableInput: it is no bundle, or cut short
        ModelRejected: a file is not what the table says; nothing of that network is kept
        OutputError: the folder cannot be written
    """
    known = {entry.name: entry for entry in shipped()}
    taken = []
    try:
        with zipfile.ZipFile(path) as archive:
            for stated in parse(_table(archive, path), f"{path.name}/{TABLE}"):
                if not allowed(stated, licence):
                    continue
                if stated.name in known:
                    _take_known(archive, known[stated.name], where(cache))
                else:
                    _take_own(archive, stated, where(cache))
                taken.append(stated.name)
    except (zipfile.BadZipFile, EOFError) as error:
        raise UnreadableInput(
            f"`{path}` is no bundle that can be read: {error}.", "Make or copy it again."
        ) from error
    except OSError as error:
        raise OutputError(
            f"What `{path}` holds cannot be kept: {error.strerror or error}.",
            "Check space and permissions, or set `cache` to another folder.",
        ) from error
    return tuple(taken)


def _here(known: Iterable[Entry], cache: str, licence: str) -> Iterable[Entry]:
    folder = where(cache)
    for entry in known:
        if any(file.package for file in entry.files) or not allowed(entry, licence):
            continue
        if all(locate(file, folder) is not None for file in entry.files):
            yield entry


def _table(archive: zipfile.ZipFile, path: Path) -> str:
    try:
        info = archive.getinfo(TABLE)
    except KeyError as error:
        raise UnreadableInput(
            f"`{path}` holds no `{TABLE}`: it is no bundle.",
            "Make one with `unfade models bundle`.",
        ) from error
    if info.file_size > MOST_TABLE_BYTES:
        raise UnreadableInput(f"The table of `{path}` has {info.file_size} bytes.", "Make it anew.")
    return archive.read(info).decode("utf-8", errors="replace")


def _take_known(archive: zipfile.ZipFile, entry: Entry, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bundle-") as place:
        parts = [(file, _extract(archive, file, Path(place))) for file in entry.files]
        for file, part in parts:  # all of them are right: now they become visible
            os.replace(part, folder / file.name)


def _take_own(archive: zipfile.ZipFile, entry: Entry, folder: Path) -> None:
    if len(entry.files) != 1 or entry.format != "safetensors":
        raise ModelRejected(
            f"The bundle's network `{entry.name}` is not one that `unfade models add` made.",
            "Only those, and networks of the shipped catalogue, are taken in.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".bundle-") as place:
        (file,) = entry.files
        own = replace(file, path=f"{file.sha256[:16]}.safetensors", own=True, urls=(), package="")
        part = _extract(archive, own, Path(place))
        register(replace(entry, files=(own,)), part)


def _extract(archive: zipfile.ZipFile, file: FileEntry, place: Path) -> Path:
    """One file out of the bundle, no longer than it may be, compared with its hash."""
    try:
        info = archive.getinfo(file.sha256)
    except KeyError as error:
        raise ModelRejected(
            f"The bundle lacks `{file.name}` (SHA-256 {file.sha256[:16]}...).", "Make it again."
        ) from error
    part = place / file.sha256
    digest = hashlib.sha256()
    if shutil.disk_usage(place).free < file.bytes:
        raise OutputError(f"There is no room for the {file.bytes / 1e6:.0f} MB of `{file.name}`.")
    size = 0
    with archive.open(info) as source, open(part, "wb") as out:
        while piece := source.read(PIECE_BYTES):
            size += len(piece)
            if size > file.bytes:
                break  # longer than it may be: the comparison refuses it
            digest.update(piece)
            out.write(piece)
    if (size, digest.hexdigest()) != (file.bytes, file.sha256):
        raise ModelRejected(
            f"`{file.name}` in the bundle is not what the catalogue names: {size} bytes, SHA-256 "
            f"{digest.hexdigest()[:16]}..., expected {file.bytes} bytes, {file.sha256[:16]}...",
            "Nothing of this network was kept. Make the bundle again.",
        )
    return part
