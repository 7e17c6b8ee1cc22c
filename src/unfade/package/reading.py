"""Opening a package again. It may come from anywhere: names and sizes are checked first."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from unfade.errors import LimitExceeded, UnreadableInput

FOLDERS = ("original", "result", "masks")
MOST_BYTES = 64 << 30
SIDECAR = ".unfade.json"


def is_package(path: Path) -> bool:
    """Whether a file is a package by its content."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as package:
        return "record.json" in package.namelist()


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The result's file, with original, masks and record where it expects them.

    Everything lies in a temporary folder that is gone afterwards.

    Raises:
        UnreadableInput: it is no package, or a member is not what the manifest says
        LimitExceeded: it would take more than 64 GB
    """
    with TemporaryDirectory(prefix="unfade-package-") as folder:
        try:
            with zipfile.ZipFile(path) as package:
                output = _extract(package, Path(folder), path)
        except zipfile.BadZipFile as error:
            raise UnreadableInput(
                f"`{path}` is no package: {error}.", "Give a file made with `--package`."
            ) from error
        yield output


def _extract(package: zipfile.ZipFile, folder: Path, path: Path) -> Path:
    wanted = [info for info in package.infolist() if _is_plain(info.filename)]
    if sum(info.file_size for info in wanted) > MOST_BYTES:
        raise LimitExceeded(
            f"`{path}` would take more than {MOST_BYTES >> 30} GB.", "Check where it comes from."
        )
    hashes = _manifest(package, path)
    output: Path | None = None
    for info in wanted:
        target = folder / info.filename
        target.parent.mkdir(exist_ok=True)
        with package.open(info) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
        with target.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if hashes.get(info.filename) != found:
            raise UnreadableInput(
                f"`{path}`: `{info.filename}` is not what the package's manifest says.",
                "The package was changed or damaged; use another copy.",
            )
        if target.parent.name == "result" and not info.filename.endswith(SIDECAR):
            output = target
    if output is None:
        raise UnreadableInput(f"`{path}` holds no result.", "Give a file made with `--package`.")
    return output


def _is_plain(name: str) -> bool:
    """``original/a.tif`` and the like, and nothing that could leave the folder."""
    parts = PurePosixPath(name).parts
    return len(parts) == 2 and parts[0] in FOLDERS and parts[1] != ".." and "\\" not in name


def _manifest(package: zipfile.ZipFile, path: Path) -> dict[str, str]:
    try:
        text = package.read("manifest-sha256.txt").decode("utf-8")
    except KeyError as error:
        raise UnreadableInput(
            f"`{path}` has no manifest.", "Give a file made with `--package`."
        ) from error
    pairs = (line.split("  ", 1) for line in text.splitlines() if "  " in line)
    return {name: digest for digest, name in pairs}
