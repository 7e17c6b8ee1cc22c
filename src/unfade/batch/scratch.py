"""Scratch: short-lived files of a job, under names that cleaning knows."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from unfade.files.places.contract import Place
from unfade.result import file_sha256

SCRATCH = "unfade-batch-"


def short_name(name: str) -> str:
    """The last part of a name, no longer than file systems and our sidecars allow."""
    last = name.rpartition("/")[2]
    if len(last.encode()) <= 200:
        return last
    stem, dot, extension = last.rpartition(".")
    digest = hashlib.sha256(last.encode()).hexdigest()[:16]
    return f"{(stem or extension)[:40]}-{digest}{dot}{extension if stem else ''}"


def uri_of(place: Place, name: str) -> str:
    if place.folder is not None:
        return str(place.folder / name)
    return f"{place.uri.rstrip('/')}/{name}"


def sha256_of(place: Place, name: str) -> str:
    if place.folder is not None:
        return file_sha256(place.folder / name)
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as folder:
        return place.fetch(name, Path(folder) / "there")


def clear_scratch(folder: Path) -> None:
    """Remove what killed workers left in a scratch folder of a batch that nobody works on."""
    for left in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
