"""Cleaning: what interrupted runs of unfade left behind, and nothing else.

Whose a left-over is must be certain before it is removed. Temporary files carry our name and the
number of a process that is gone; scratch folders our name, and lie where only we make them;
incomplete uploads carry no name, so only those of objects are ours that a ledger lists as its
results.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unfade.batch.ledger import Ledger
from unfade.batch.order import default_ledgers
from unfade.batch.plan import SIDECARS
from unfade.batch.work import SCRATCH
from unfade.errors import UsageError
from unfade.files.places.contract import Place
from unfade.files.places.opening import DEFAULT_OPTIONS, StoreOptions, open_place

_PARTIAL = re.compile(r"\.[0-9a-f]{16}-\d+\.part")  # as ``zoo.fetch`` names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """Something that was removed, or would be."""

    what: str
    where: str
    size: int = 0


def clean(
    places: Sequence[str],
    *,
    options: StoreOptions = DEFAULT_OPTIONS,
    ledger: str = "",
    older_than_s: float = 86_400.0,
    cache: bool = False,
    dry: bool = False,
) -> Iterator[Removed]:
    """Remove left-overs, telling each.

    Args:
        places: folders and prefixes to look through
        ledger: of the batch whose incomplete uploads are meant; empty: every ledger in the
            user's folder that has written to the place
        older_than_s: leave what is younger: it may be at work
        cache: also unfinished downloads in the cache of weights
        dry: remove nothing, only tell
    Raises:
        UsageError: the ledger is in use: its batch is at work
    """
    for address in places:
        place = open_place(address, options)
        owned = _Owned(place, ledger)
        try:
            for left in place.leftovers():
                if left.age_s < older_than_s or not owned.has(left.name, left.what):
                    continue
                if not dry:
                    place.remove(left)
                where = f"{place.uri.rstrip('/')}/{left.name}"
                yield Removed(what=left.what, where=where, size=left.size)
        finally:
            owned.close()
    folders = _scratch(Path(tempfile.gettempdir()), older_than_s)
    for folder in folders:
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if not dry:
            shutil.rmtree(folder, ignore_errors=True)
        yield Removed(what="scratch folder", where=str(folder), size=size)
    if cache:
        yield from _unfinished_weights(older_than_s, dry)


class _Owned:
    """Which incomplete uploads in a place are of objects that a ledger lists."""

    def __init__(self, place: Place, ledger: str) -> None:
        self.place = place
        paths = [ledger] if ledger else default_ledgers()
        self.ledgers: list[Ledger] = []
        for path in paths:
            try:
                opened = Ledger(path)
            except UsageError:
                if ledger:
                    raise
                continue  # at work just now: its uploads are no left-overs
            places = opened.fact("places")
            if places is not None and places[1] == place.uri:
                self.ledgers.append(opened)
            else:
                opened.close()

    def has(self, name: str, what: str) -> bool:
        if what != "incomplete upload":
            return True  # its very name says that it is ours
        tail = next((tail for tail in SIDECARS if name.endswith(tail)), "")
        return any(ledger.lists(name.removesuffix(tail)) for ledger in self.ledgers)

    def close(self) -> None:
        for ledger in self.ledgers:
            ledger.close()


def _scratch(root: Path, older_than_s: float) -> list[Path]:
    bound = time.time() - older_than_s
    return sorted(
        path
        for path in root.glob(f"{SCRATCH}*")
        if path.is_dir() and _mine(path) and path.stat().st_mtime < bound
    )


def _mine(path: Path) -> bool:
    return not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()


def _unfinished_weights(older_than_s: float, dry: bool) -> Iterator[Removed]:
    from unfade.zoo.store import where

    folder = where()
    bound = time.time() - older_than_s
    for path in sorted(folder.glob("*.part")) if folder.is_dir() else ():
        facts = path.stat()
        if _PARTIAL.fullmatch(path.name) and facts.st_mtime < bound:
            if not dry:
                path.unlink()
            yield Removed(what="unfinished download", where=str(path), size=facts.st_size)
