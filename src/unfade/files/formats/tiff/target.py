"""Writing TIFF structures: values, directories, and the space that they take.

One ``Target`` serves three needs: a copy of the original in which only what changed is replaced,
a fresh file, and an EXIF block in memory.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from unfade.files.formats.tiff.container import (
    IFD4,
    IFD8,
    KINDS,
    LONG,
    LONG8,
    POINTERS,
    Container,
    Ifd,
    Order,
)

CLASSIC_END = 2**32 - 1
_RECENT = 32  # free extents looked at for a place; what lies further back is rarely large enough


class ClassicIsFull(Exception):
    """A classic TIFF would grow beyond the 4 GiB that its offsets reach."""


@dataclass(frozen=True, slots=True)
class Value:
    """A tag's value as it is stored: TIFF type, number of values, bytes in the file's order."""

    kind: int
    count: int
    data: bytes

    @staticmethod
    def of(kind: int, numbers: Iterable[int] | np.ndarray, order: Order) -> Value:
        """Numbers of an integer or rational type (rationals as a flat run of pairs)."""
        size, code = KINDS[kind]
        array = np.asarray(numbers if isinstance(numbers, np.ndarray) else list(numbers))
        data = array.astype(np.dtype(code).newbyteorder(order)).tobytes()
        return Value(kind, len(data) // size, data)

    @staticmethod
    def text(kind: int, data: bytes) -> Value:
        return Value(kind, len(data), data)


@dataclass(slots=True)
class Target:
    """A file being written: what is put goes into freed space where it fits, else to the end."""

    stream: BinaryIO
    order: Order
    big: bool
    end: int
    free: list[list[int]] = field(default_factory=list)  # [start, end], ascending, apart

    @staticmethod
    def fresh(stream: BinaryIO, order: Order, big: bool) -> Target:
        """Begin an empty file; ``link`` its first directory at ``first_at``."""
        mark = b"II" if order == "<" else b"MM"
        if big:
            head = mark + struct.pack(order + "HHHQ", 43, 8, 0, 0)
        else:
            head = mark + struct.pack(order + "HI", 42, 0)
        stream.write(head)
        return Target(stream, order, big, len(head))

    @property
    def first_at(self) -> int:
        return 8 if self.big else 4

    @property
    def offset_kind(self) -> int:
        return LONG8 if self.big else LONG

    @property
    def _offset_code(self) -> str:
        return self.order + ("Q" if self.big else "I")

    def release(self, start: int, end: int) -> None:
        """Give a stretch of the file back for use; touching stretches become one."""
        place = len(self.free)
        while place > 0 and self.free[place - 1][0] > start:
            place -= 1
        self.free.insert(place, [start, end])
        if place + 1 < len(self.free) and self.free[place + 1][0] <= end:
            self.free[place][1] = max(end, self.free.pop(place + 1)[1])
        if place > 0 and self.free[place - 1][1] >= start:
            self.free[place - 1][1] = max(self.free[place - 1][1], self.free.pop(place)[1])

    def put(self, data: bytes) -> int:
        """Store bytes and return their place, an even one as the format asks.

        Raises:
            ClassicIsFull: the end of what 32-bit offsets can reach
        """
        at = -1
        for extent in self.free[-_RECENT:]:
            start = extent[0] + extent[0] % 2
            if start + len(data) <= extent[1]:
                at = start
                extent[0] = start + len(data)
                if extent[0] == extent[1]:
                    self.free.remove(extent)
                break
        if at < 0:
            at = self.end + self.end % 2
            if not self.big and at + len(data) > CLASSIC_END:
                raise ClassicIsFull
            self.end = at + len(data)
        self.write_at(at, data)
        return at

    def write_at(self, at: int, data: bytes) -> None:
        self.stream.seek(at)
        self.stream.write(data)

    def link(self, pointer_at: int, at: int) -> None:
        """Write the offset ``at`` into the place ``pointer_at``."""
        self.write_at(pointer_at, struct.pack(self._offset_code, at))

    def record(self, code: int, value: Value) -> bytes:
        """The directory entry of a tag; a value that does not fit into it is put elsewhere."""
        room = 8 if self.big else 4
        if len(value.data) <= room:
            return self._head(code, value) + value.data.ljust(room, b"\0")
        at = self.put(value.data)
        return self._head(code, value) + struct.pack(self._offset_code, at)

    def record_at(self, code: int, value: Value, at: int) -> bytes:
        """The directory entry of a tag whose value is stored at a given place."""
        self.write_at(at, value.data)
        return self._head(code, value) + struct.pack(self._offset_code, at)

    def _head(self, code: int, value: Value) -> bytes:
        return struct.pack(
            self.order + ("HHQ" if self.big else "HHI"), code, value.kind, value.count
        )

    def put_ifd(self, values: dict[int, Value]) -> tuple[int, int]:
        """Store a directory; returns its place and the place of its link to the next."""
        records = {code: self.record(code, value) for code, value in values.items()}
        return self.put_records(records)

    def put_records(self, records: dict[int, bytes], at: int | None = None) -> tuple[int, int]:
        """Store a directory of ready entries, at a given place or anywhere; no next one."""
        count = struct.pack(self.order + ("Q" if self.big else "H"), len(records))
        body = count + b"".join(records[code] for code in sorted(records))
        data = body + bytes(8 if self.big else 4)
        if at is None:
            at = self.put(data)
        else:
            self.write_at(at, data)
        return at, at + len(body)

    def finish(self) -> None:
        """Wipe what was freed and not used again, and cut it off at the end of the file."""
        for start, end in reversed(self.free):
            if end == self.end:
                self.end = start
            else:
                self.stream.seek(start)
                for place in range(start, end, 1 << 20):
                    self.stream.write(bytes(min(1 << 20, end - place)))
        self.stream.truncate(self.end)


def copy_values(
    box: Container, ifd: Ifd, target: Target, *, leave_out: Iterable[int] = ()
) -> dict[int, Value]:
    """All values of a directory for another file of the same byte order.

    Directories that it points to are copied along, but for those in tag 330 (other pictures).
    """
    skipped = {*leave_out, *POINTERS}
    values = {
        code: Value(entry.kind, entry.count, box.raw(entry))
        for code, entry in ifd.entries.items()
        if code not in skipped
    }
    for code in POINTERS[1:]:
        if code in leave_out or not ifd.children.get(code):
            continue
        places = [
            target.put_ifd(copy_values(box, child, target))[0] for child in ifd.children[code]
        ]
        values[code] = Value.of(IFD8 if target.big else LONG, places, target.order)
    return values


def pointer_value(places: list[int], target: Target) -> Value:
    """The value of a tag that points to directories."""
    return Value.of(IFD8 if target.big else IFD4, places, target.order)
