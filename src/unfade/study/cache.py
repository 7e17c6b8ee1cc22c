"""Figures kept by what they were made from: a run that was stopped is taken up where it was.

A key is the hash of picture, damage, seed, method, and unfade's own code; when one of them
changes, nothing old is found. Nothing is ever deleted here: the folder can be, at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

FORMAT = 1
# what cannot change a figure
_OUTSIDE = ("cli", "web", "train", "batch", "report", "package", "film")
_OUTSIDE_STUDY = ("charts.py", "contact.py", "page.py", "table.py", "controls.py", "run.py")


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of figures and crops."""

    folder: Path

    def load(self, key: str) -> dict[str, Any] | None:
        """What was stored under a key; None when nothing was, or when it cannot be read."""
        try:
            stored = json.loads(self._path(key, ".json").read_text(encoding="utf-8"))
        except (OSError, ValueError):  # never made, or the disk was full half way: make it again
            return None
        return stored if isinstance(stored, dict) else None

    def store(self, key: str, figures: dict[str, Any], crop_png: bytes = b"") -> None:
        """Keep figures, and a crop beside them; whole or not at all."""
        if crop_png:
            self._write(self.crop(key), crop_png)
        self._write(self._path(key, ".json"), json.dumps(figures).encode("utf-8"))

    def crop(self, key: str) -> Path:
        """Where the crop of a key lies."""
        return self._path(key, ".png")

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / key[:2] / f"{key}{suffix}"

    @staticmethod
    def _write(path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def key_of(**parts: Any) -> str:
    """The key of these parts."""
    text = json.dumps({"format": FORMAT, "code": code_print(), **parts}, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@cache
def code_print() -> str:
    """Hash of the code and data of unfade that a figure can depend on."""
    root = Path(str(resources("unfade")))
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.suffix not in (".py", ".toml", ".npz") or inside.parts[0] in _OUTSIDE:
            continue
        if inside.parts[0] == "study" and inside.name in _OUTSIDE_STUDY:
            continue
        digest.update(str(inside).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
