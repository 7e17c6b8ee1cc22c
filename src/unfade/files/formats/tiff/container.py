"""The TIFF container: headers, directories and tag values, read on demand and never trusted.

Only places are kept in memory: a tag knows where its value lies and how long it is, so ten
thousand pages or half a gigabyte of private layers cost nothing until somebody asks. Every
number that the file states is checked against the file's own size before it is used.

Source:
    TIFF Revision 6.0 (1992); the BigTIFF design (Joris Van Damme, Adobe, 2007)
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal

import numpy as np

from unfade.errors import UnreadableInput

# TIFF type -> (bytes of one value, NumPy code without byte order, "" for raw bytes)
KINDS: dict[int, tuple[int, str]] = {
    1: (1, "u1"),
    2: (1, ""),
    3: (2, "u2"),
    4: (4, "u4"),
    5: (8, "u4"),  # a rational is two of them
    6: (1, "i1"),
    7: (1, ""),
    8: (2, "i2"),
    9: (4, "i4"),
    10: (8, "i4"),
    11: (4, "f4"),
    12: (8, "f8"),
    13: (4, "u4"),
    16: (8, "u8"),
    17: (8, "i8"),
    18: (8, "u8"),
}
Order = Literal["<", ">"]
SHORT, LONG, LONG8, IFD4, IFD8 = 3, 4, 16, 13, 18
SUB_IFDS, EXIF_IFD, GPS_IFD, INTEROP_IFD = 330, 34665, 34853, 40965
POINTERS = (SUB_IFDS, EXIF_IFD, GPS_IFD, INTEROP_IFD)  # tags whose values are places of IFDs

MAX_IFDS = 65_536
MAX_TAGS = 4_096
MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: ``count`` values of a TIFF type, stored at byte ``at`` of the file."""

    code: int
    kind: int
    count: int
    at: int

    @property
    def size(self) -> int:
        return self.count * KINDS[self.kind][0]


@dataclass(frozen=True, slots=True, eq=False)
class Ifd:
    """One directory.

    Attributes:
        at: byte where it begins
        pointer_at: byte where the offset that leads here is stored
        next_at: byte where the offset of the next directory is stored
        entries: by tag code, in the order of the file
        children: directories that the tags in ``POINTERS`` lead to
    """

    at: int
    pointer_at: int
    next_at: int
    entries: dict[int, Entry]
    children: dict[int, tuple[Ifd, ...]] = field(default_factory=dict)

    def __contains__(self, code: int) -> bool:
        return code in self.entries

    def family(self) -> Iterator[Ifd]:
        """This directory and all below it."""
        yield self
        for group in self.children.values():
            for child in group:
                yield from child.family()


class Container:
    """An open TIFF file, or an EXIF block, which has the same form.

    Use as a context manager; ``ifds`` is the chain of directories in order.

    Raises:
        UnreadableInput: not a TIFF, or damaged; the message names the place
    """

    def __init__(self, source: Path | bytes, name: str | None = None) -> None:
        self.name = name or (f"`{source.name}`" if isinstance(source, Path) else "The EXIF block")
        self.stream: BinaryIO = (
            source.open("rb") if isinstance(source, Path) else io.BytesIO(source)
        )
        try:
            self.size = self.stream.seek(0, io.SEEK_END)
            self._directory_bytes = 0  # of all directories so far; overlapping ones are a bomb
            self._read_header()
            self.ifds = self._read_chain()
        except BaseException:
            self.stream.close()
            raise

    def __enter__(self) -> Container:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stream.close()

    def bytes_at(self, at: int, size: int, what: str) -> bytes:
        """Exactly ``size`` bytes at ``at``; ``what`` names them in the message if they lack."""
        if at < 0 or size < 0 or at + size > self.size:
            raise self.damaged(
                f"{what} lies at byte {at} with {size} bytes, but the file has {self.size}"
            )
        self.stream.seek(at)
        data = self.stream.read(size)
        if len(data) != size:
            raise self.damaged(f"{what} at byte {at} ends after {len(data)} of {size} bytes")
        return data

    def damaged(self, what: str) -> UnreadableInput:
        return UnreadableInput(
            f"{self.name} is damaged: {what}.",
            "The file is truncated or broken; fetch or scan it again.",
        )

    def raw(self, entry: Entry) -> bytes:
        """The bytes of a tag's value, in the file's byte order."""
        return self.bytes_at(entry.at, entry.size, f"the value of tag {entry.code}")

    def values(self, entry: Entry) -> np.ndarray:
        """The values of a numeric tag; rationals as pairs ``(count, 2)``; text as uint8."""
        code = KINDS[entry.kind][1] or "u1"
        array = np.frombuffer(self.raw(entry), dtype=np.dtype(code).newbyteorder(self.order))
        array = array.astype(np.dtype(code))
        return array.reshape(-1, 2) if entry.kind in (5, 10) else array

    def integers(self, ifd: Ifd, code: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """The values of an integer tag, or ``default`` where the directory lacks it."""
        entry = ifd.entries.get(code)
        if entry is None or entry.count == 0:
            return default
        if entry.kind not in (1, 3, 4, 6, 8, 9, 13, 16, 17, 18):
            raise self.damaged(f"tag {code} should hold integers and has type {entry.kind}")
        return tuple(int(value) for value in self.values(entry))

    def places(self, entry: Entry) -> np.ndarray:
        """The values of a tag of offsets or byte counts as uint64."""
        if entry.kind not in (1, SHORT, LONG, IFD4, LONG8, IFD8):
            raise self.damaged(f"tag {entry.code} should hold places and has type {entry.kind}")
        return self.values(entry).astype(np.uint64)

    def integer(self, ifd: Ifd, code: int, default: int) -> int:
        return self.integers(ifd, code, (default,))[0]

    def block(self, ifd: Ifd, code: int) -> bytes | None:
        """The bytes of a tag, or None where the directory lacks it."""
        entry = ifd.entries.get(code)
        return None if entry is None else self.raw(entry)

    def _read_header(self) -> None:
        head = self.bytes_at(0, 8, "the header")
        if head[:2] not in (b"II", b"MM"):
            raise self.damaged("it does not begin with II or MM")
        self.order: Order = "<" if head[:2] == b"II" else ">"
        magic = struct.unpack(self.order + "H", head[2:4])[0]
        if magic not in (42, 43):
            raise self.damaged(f"its third byte pair is {magic}, not 42 or 43")
        self.big = magic == 43
        if self.big:
            head = self.bytes_at(0, 16, "the BigTIFF header")
            width, zero = struct.unpack(self.order + "HH", head[4:8])
            if (width, zero) != (8, 0):
                raise self.damaged(f"its BigTIFF header states offsets of {width} bytes, not 8")
        self.first_at = 8 if self.big else 4

    @property
    def offset_code(self) -> str:
        """struct code of an offset."""
        return self.order + ("Q" if self.big else "I")

    @property
    def count_code(self) -> str:
        """struct code of the number of entries of a directory."""
        return self.order + ("Q" if self.big else "H")

    @property
    def inline_bytes(self) -> int:
        """Values up to this size stand in the entry itself; also the size of an offset."""
        return 8 if self.big else 4

    @property
    def entry_bytes(self) -> int:
        return 20 if self.big else 12

    def _offset(self, at: int) -> int:
        data = self.bytes_at(at, self.inline_bytes, "an offset")
        return int(struct.unpack(self.offset_code, data)[0])

    def _read_chain(self) -> tuple[Ifd, ...]:
        seen: set[int] = set()
        chain = []
        pointer_at = self.first_at
        while (at := self._offset(pointer_at)) != 0:
            ifd = self._read_ifd(at, pointer_at, seen, depth=0)
            chain.append(ifd)
            pointer_at = ifd.next_at
        if not chain:
            raise self.damaged("it has no directory")
        return tuple(chain)

    def _read_ifd(self, at: int, pointer_at: int, seen: set[int], depth: int) -> Ifd:
        if at in seen:
            raise self.damaged(f"its directories run in a circle through byte {at}")
        if len(seen) >= MAX_IFDS:
            raise self.damaged(f"it has more than {MAX_IFDS} directories")
        seen.add(at)
        width = 8 if self.big else 2
        count = struct.unpack(self.count_code, self.bytes_at(at, width, "a directory"))[0]
        if not 0 < count <= MAX_TAGS:
            raise self.damaged(f"the directory at byte {at} states {count} tags")
        body = self.bytes_at(at + width, count * self.entry_bytes, f"the directory at byte {at}")
        self._directory_bytes += len(body)
        if self._directory_bytes > self.size:
            raise self.damaged("its directories overlap")
        form = self.order + ("HHQ" if self.big else "HHI")
        entries: dict[int, Entry] = {}
        for index in range(count):
            place = index * self.entry_bytes
            code, kind, number = struct.unpack_from(form, body, place)
            if kind not in KINDS or code in entries:
                continue  # an unknown type cannot be measured; a tag given twice: the first holds
            value_at = at + width + place + self.entry_bytes - self.inline_bytes
            size = number * KINDS[kind][0]
            if size > self.inline_bytes:
                value_at = struct.unpack_from(
                    self.offset_code, body, place + self.entry_bytes - self.inline_bytes
                )[0]
                if value_at + size > self.size:
                    raise self.damaged(
                        f"tag {code} states {number} values at byte {value_at}, "
                        f"but the file has {self.size} bytes"
                    )
            entries[code] = Entry(code, kind, number, value_at)
        ifd = Ifd(at, pointer_at, at + width + count * self.entry_bytes, entries)
        if depth < MAX_DEPTH:
            ifd.children.update(self._read_children(ifd, seen, depth))
        return ifd

    def _read_children(
        self, ifd: Ifd, seen: set[int], depth: int
    ) -> Iterable[tuple[int, tuple[Ifd, ...]]]:
        for code in POINTERS:
            entry = ifd.entries.get(code)
            if entry is None or entry.kind not in (LONG, IFD4, LONG8, IFD8):
                continue
            if entry.count > MAX_IFDS:
                raise self.damaged(f"tag {code} points to {entry.count} directories")
            step = KINDS[entry.kind][0]
            yield (
                code,
                tuple(
                    self._read_ifd(int(at), entry.at + index * step, seen, depth + 1)
                    for index, at in enumerate(self.values(entry))
                    if at != 0
                ),
            )
