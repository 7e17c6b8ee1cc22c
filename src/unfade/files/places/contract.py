"""Places: where files lie, on this machine or in a store, behind one contract.

A place is a folder or a prefix. Names in it are relative, with ``/`` between their parts, exactly
as the store spells them. What is read is checked against what the store states; what is written
appears whole or not at all. Nothing in a place is ever changed but by ``put`` with ``overwrite``
and by ``delete``.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

BLOCK_BYTES = 1 << 20
PART_BYTES = 16 << 20  # of a multipart upload
NAME_BYTES = 255  # the longest part of a path that common file systems take


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that a listing shows.

    Attributes:
        name: relative to the place
        size: bytes
        version: differs when the content does: an ETag, or size and time of change
        problem: why it cannot be used; empty when it can
    """

    name: str
    size: int = 0
    version: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something that an interrupted run of unfade left behind."""

    name: str
    what: str  # "temporary file", "incomplete upload"
    size: int = 0
    age_s: float = 0.0
    handle: str = ""  # what the place needs to remove it


@runtime_checkable
class Place(Protocol):
    """A folder or a prefix.

    Attributes:
        uri: as people write it; never with credentials
        folder: the folder, when it is one of this machine whose files can be used as they are
    """

    uri: str
    folder: Path | None

    def entries(self) -> Iterator[Entry]:
        """Everything below, in a stable order; memory does not grow with the number.

        Raises:
            UnreadableInput: the place is not there or may not be read
            Unreachable: the store does not answer
        """
        ...

    def stat(self, name: str) -> Entry | None:
        """One entry, or None when nothing has that name."""
        ...

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """A range of bytes; ``length`` None: to the end.

        Raises:
            UnreadableInput: nothing has that name, or it may not be read
            Unreachable: the store does not answer
        """
        ...

    def fetch(self, name: str, target: Path) -> str:
        """Copy into a local file and check it against what the store states.

        Returns:
            SHA-256 of the bytes
        Raises:
            UnreadableInput, Unreachable: as ``read``, or the bytes are not what was stated
        """
        ...

    def put(self, source: Path, name: str, *, overwrite: bool = False) -> Entry:
        """Store a local file under a name, whole or not at all, and check what was stored.

        Raises:
            OutputError: it exists and ``overwrite`` is not set, or it may not be written
            Unreachable: the store does not answer
        """
        ...

    def delete(self, name: str) -> None:
        """Remove one file; nothing happens when it is not there."""
        ...

    def leftovers(self) -> Iterator[Leftover]:
        """What interrupted runs left here; nothing else."""
        ...

    def remove(self, leftover: Leftover) -> None:
        """Take one leftover away."""
        ...


def name_problem(name: str) -> str:
    """Why a name cannot be one of a result; empty when it can.

    Stores allow keys that no path may hold: ``..`` that would climb out of the destination, empty
    parts that would change it, control characters.
    """
    parts = name.split("/")
    if any(part == ".." for part in parts):
        return "its name has a part `..`, which would lead out of the destination"
    if any(part in ("", ".") for part in parts):
        return "its name has an empty part or a part `.`, which no path can keep"
    if any(unicodedata.category(char) == "Cc" for char in name):
        return "its name has control characters"
    if any(unicodedata.category(char) == "Cs" for char in name):
        return "its name is not valid Unicode"
    if len(name.encode()) > 1024:
        return f"its name has {len(name.encode())} bytes, stores take 1024"
    return ""


def path_problem(name: str, tail_bytes: int = 0) -> str:
    """Why a name cannot be one of a local file: a part that is too long.

    Args:
        tail_bytes: what is added to the last part, for sidecars
    """
    parts = [len(part.encode()) for part in name.split("/")]
    parts[-1] += tail_bytes
    if max(parts) > NAME_BYTES:
        return f"a part of its name has {max(parts)} bytes, file systems take {NAME_BYTES}"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Checksums of a file, as stores state them."""

    sha256: str
    md5: str
    parts_md5: str  # MD5 of the parts' MD5s, with their number: the ETag of a multipart upload
    size: int

    def matches(self, etag: str) -> bool | None:
        """Whether an ETag is of these bytes; None when it is of a kind that cannot tell."""
        tag = etag.strip('"').lower()
        if len(tag) == 32 and set(tag) <= _HEX:
            return tag == self.md5
        if len(tag) > 33 and tag[32] == "-" and tag.endswith(self.parts_md5[32:]):
            return tag == self.parts_md5
        return None


def sums_of(path: Path, part_bytes: int = PART_BYTES) -> Sums:
    """Checksums of a local file, read once."""
    sha, md5, part = hashlib.sha256(), _md5(), _md5()
    parts: list[bytes] = []
    size = filled = 0
    with path.open("rb") as file:
        while block := file.read(min(BLOCK_BYTES, part_bytes - filled)):
            size += len(block)
            filled += len(block)
            for each in (sha, md5, part):
                each.update(block)
            if filled == part_bytes:
                parts.append(part.digest())
                part, filled = _md5(), 0
    if filled or not parts:
        parts.append(part.digest())
    whole = _md5(b"".join(parts)).hexdigest()
    return Sums(
        sha256=sha.hexdigest(),
        md5=md5.hexdigest(),
        parts_md5=f"{whole}-{len(parts)}",
        size=size,
    )


def _md5(data: bytes = b"") -> hashlib._Hash:
    """What S3 calls an ETag; not for security."""
    return hashlib.md5(data, usedforsecurity=False)


_HEX = set("0123456789abcdef")
