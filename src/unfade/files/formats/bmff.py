"""The container of HEIF and AVIF: items, their properties and their bytes.

Reads what is needed to state a picture's size and to carry its metadata; nothing here decodes a
picture. ``bmff_write`` writes the same structure with items added.

Source:
    ISO/IEC 14496-12 (boxes), ISO/IEC 23008-12 (HEIF items), MIAF (ISO/IEC 23000-22)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unfade.errors import UnreadableInput, UnsupportedInput

MAX_ITEMS = 20_000


@dataclass(slots=True)
class Item:
    """One item: a picture, a part of one, or a metadata block.

    Attributes:
        kind: four letters, e.g. ``av01``, ``hvc1``, ``grid``, ``Exif``, ``mime``
        content: the MIME type of a ``mime`` item
        extents: (start in the file, bytes) of its pieces
        properties: (index into the file's properties, 0-based; whether readers must know it)
    """

    kind: bytes
    content: bytes = b""
    extents: list[tuple[int, int]] = field(default_factory=list)
    properties: list[tuple[int, bool]] = field(default_factory=list)


@dataclass(slots=True)
class Items:
    """The items of a file, by number; ``properties`` are whole boxes."""

    name: str
    data: bytes
    brand: bytes
    primary: int
    items: dict[int, Item]
    properties: list[tuple[bytes, bytes]]
    references: list[tuple[bytes, int, list[int]]]

    def property(self, item: int, kind: bytes) -> bytes | None:
        """The content of the first property of that kind of an item, or None."""
        return next(iter(self.all_properties(item, kind)), None)

    def all_properties(self, item: int, kind: bytes) -> list[bytes]:
        pairs = [self.properties[index] for index, _ in self.items[item].properties]
        return [content for found, content in pairs if found == kind]

    def bytes_of(self, item: int) -> bytes:
        """The item's content, its extents joined."""
        return b"".join(self.data[at : at + size] for at, size in self.items[item].extents)

    def described_by(self, kind: bytes, content: bytes = b"") -> bytes | None:
        """The metadata item of that kind which describes the primary picture, or None."""
        for number, item in self.items.items():
            if item.kind == kind and (not content or item.content == content):
                targets = [to for link, start, to in self.references if start == number]
                if not targets or any(self.primary in to for to in targets):
                    return self.bytes_of(number)
        return None

    def size(self) -> tuple[int, int]:
        """(rows, cols) that the primary picture states, before it is turned."""
        content = self.property(self.primary, b"ispe")
        if content is None or len(content) < 12:
            raise damaged(self.name, "its primary picture states no size")
        cols, rows = struct.unpack_from(">II", content, 4)
        if rows == 0 or cols == 0:
            raise damaged(self.name, f"it states {cols} x {rows} pixels")
        return rows, cols

    def cropped_size(self) -> tuple[int, int]:
        """(rows, cols) within the cropping frame, if there is one."""
        content = self.property(self.primary, b"clap")
        if content is None or len(content) < 16:
            return self.size()
        cols, cols_below, rows, rows_below = struct.unpack_from(">4I", content)
        if not (rows and cols and rows_below and cols_below):
            raise damaged(self.name, "its cropping frame is empty")
        return max(1, round(rows / rows_below)), max(1, round(cols / cols_below))

    def depth(self) -> tuple[int, int]:
        """(channels, bits) that the primary picture states; (3, 8) if it does not."""
        content = self.property(self.primary, b"pixi")
        if content is None or len(content) < 6 or content[4] == 0 or len(content) < 5 + content[4]:
            return 3, 8
        return content[4], max(content[5 : 5 + content[4]])

    def orientation(self) -> int:
        """The EXIF number of what the turning and mirroring properties say, 1 for none."""
        orientation = 1
        for index, _ in self.items[self.primary].properties:
            kind, content = self.properties[index]
            if kind == b"irot" and content:
                for _ in range(content[0] & 3):  # a quarter turn to the left each
                    orientation = _TURNED_LEFT[orientation]
            elif kind == b"imir" and content:
                flipped = _FLIPPED_LEFT_RIGHT if content[0] & 1 else _FLIPPED_TOP_BOTTOM
                orientation = flipped[orientation]
        return orientation

    def profile(self) -> bytes | None:
        """The ICC profile of the primary picture, or None."""
        for content in self.all_properties(self.primary, b"colr"):
            if content[:4] in (b"prof", b"rICC"):
                return content[4:]
        return None

    def exif(self) -> bytes | None:
        """The EXIF block, from its TIFF header on, or None."""
        block = self.described_by(b"Exif")
        if block is None or len(block) < 8:
            return None
        start = 4 + int(struct.unpack_from(">I", block)[0])
        return block[start:] or None

    def xmp(self) -> bytes | None:
        return self.described_by(b"mime", b"application/rdf+xml")


# EXIF orientation after one more step, applied to what is shown: quarter turn left, mirrors.
_TURNED_LEFT = {1: 8, 8: 3, 3: 6, 6: 1, 2: 5, 5: 4, 4: 7, 7: 2}
_FLIPPED_LEFT_RIGHT = {1: 2, 2: 1, 3: 4, 4: 3, 5: 6, 6: 5, 7: 8, 8: 7}
_FLIPPED_TOP_BOTTOM = {1: 4, 4: 1, 2: 3, 3: 2, 5: 8, 8: 5, 6: 7, 7: 6}


def damaged(name: str, what: str) -> UnreadableInput:
    return UnreadableInput(
        f"{name} is damaged: {what}.", "The file is truncated or broken; fetch it again."
    )


def read_items(path: Path) -> Items:
    """The items of a HEIF or AVIF file.

    Raises:
        UnreadableInput: truncated or damaged
        UnsupportedInput: a sequence without a still picture
    """
    name, data = f"`{path.name}`", path.read_bytes()
    try:
        return parse(name, data)
    except (struct.error, IndexError) as error:
        raise damaged(name, "its item tables end early") from error
    except ValueError as error:
        raise damaged(name, str(error)) from error


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end of the content) of each box between two places."""
    at = start
    while at < end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = int(struct.unpack_from(">Q", data, at + 8)[0]), 16
        elif size == 0:
            size = end - at
        if size < head or at + size > end:
            name = kind.decode("latin-1")
            raise ValueError(f"its box `{name}` at byte {at} ends outside its place")
        yield kind, at + head, at + size
        at += size


def parse(name: str, data: bytes) -> Items:
    """The items of a whole file in memory; ``name`` stands in messages.

    Raises:
        struct.error, ValueError: tables that end early or outside
        UnreadableInput, UnsupportedInput: as ``read_items``
    """
    top: dict[bytes, tuple[int, int]] = {}
    for kind, start, end in boxes(data, 0, len(data)):
        top.setdefault(kind, (start, end))
    if b"ftyp" not in top:
        raise damaged(name, "it does not begin with its brand")
    if b"meta" not in top:
        raise UnsupportedInput(
            f"{name}: a sequence of pictures without a still one cannot be read.",
            "Save one of its pictures by itself first.",
        )
    start, end = top[b"meta"]
    meta: dict[bytes, tuple[int, int]] = {}
    for kind, inner, after in boxes(data, start + 4, end):
        meta.setdefault(kind, (inner, after))
    for wanted in (b"pitm", b"iinf", b"iloc", b"iprp"):
        if wanted not in meta:
            raise damaged(name, f"it lacks the table `{wanted.decode()}`")
    at = meta[b"pitm"][0]
    primary = int(struct.unpack_from(">I" if data[at] else ">H", data, at + 4)[0])
    items = _infos(data, *meta[b"iinf"])
    properties, linked = _properties(data, *meta[b"iprp"])
    for number, list_of in linked.items():
        if number in items:
            items[number].properties = [p for p in list_of if p[0] < len(properties)]
    base = meta[b"idat"][0] if b"idat" in meta else None
    for number, extents in _locations(data, *meta[b"iloc"], base).items():
        if any(size < 0 or at < 0 or at + size > len(data) for at, size in extents):
            raise damaged(name, f"item {number} lies outside the file")
        if number in items:
            items[number].extents = extents
    if primary not in items:
        raise damaged(name, f"its primary item {primary} is not there")
    if sum(size for item in items.values() for _, size in item.extents) > 2 * len(data):
        raise damaged(name, "its items overlap")
    links = _references(data, *meta[b"iref"]) if b"iref" in meta else []
    brand = data[top[b"ftyp"][0] : top[b"ftyp"][0] + 4]
    return Items(name, data, brand, primary, items, properties, links)


def _infos(data: bytes, start: int, end: int) -> dict[int, Item]:
    count_code, wide = (">H", 6) if data[start] == 0 else (">I", 8)
    count = int(struct.unpack_from(count_code, data, start + 4)[0])
    if count > MAX_ITEMS:
        raise struct.error
    items: dict[int, Item] = {}
    for kind, at, after in boxes(data, start + wide, end):
        if kind != b"infe" or data[at] < 2:
            continue
        code = ">H" if data[at] == 2 else ">I"
        number = int(struct.unpack_from(code, data, at + 4)[0])
        rest = at + 4 + struct.calcsize(code) + 2
        texts = data[rest + 4 : after].split(b"\0")
        kind_of = data[rest : rest + 4]
        items[number] = Item(kind_of, texts[1] if kind_of == b"mime" and len(texts) > 1 else b"")
    return items


def _locations(
    data: bytes, start: int, end: int, base: int | None
) -> dict[int, list[tuple[int, int]]]:
    version = data[start]
    sizes = struct.unpack_from(">H", data, start + 4)[0]
    offset_w, length_w, base_w, index_w = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    at = start + 6

    def number(width: int) -> int:
        nonlocal at
        if at + width > end:
            raise struct.error
        at += width
        return int.from_bytes(data[at - width : at], "big")

    found: dict[int, list[tuple[int, int]]] = {}
    for _ in range(number(2 if version < 2 else 4)):
        item = number(2 if version < 2 else 4)
        method = number(2) & 15 if version else 0
        number(2)
        first = number(base_w)
        if method == 1 and base is not None:
            first += base
        extents = []
        for _ in range(number(2)):
            if version:
                number(index_w)
            extents.append((first + number(offset_w), number(length_w)))
        found[item] = extents
    return found


def _properties(
    data: bytes, start: int, end: int
) -> tuple[list[tuple[bytes, bytes]], dict[int, list[tuple[int, bool]]]]:
    properties: list[tuple[bytes, bytes]] = []
    linked: dict[int, list[tuple[int, bool]]] = {}
    for kind, inner, after in boxes(data, start, end):
        if kind == b"ipco":
            properties = [(k, data[a:b]) for k, a, b in boxes(data, inner, after)]
        elif kind == b"ipma":
            version, wide = data[inner], data[inner + 3] & 1
            at = inner + 8
            for _ in range(struct.unpack_from(">I", data, inner + 4)[0]):
                code = ">H" if version == 0 else ">I"
                item = int(struct.unpack_from(code, data, at)[0])
                at += struct.calcsize(code) + 1
                for _ in range(data[at - 1]):
                    step = 2 if wide else 1
                    word = int.from_bytes(data[at : at + step], "big")
                    top = 0x8000 if wide else 0x80
                    linked.setdefault(item, []).append(((word & (top - 1)) - 1, bool(word & top)))
                    at += step
                if at > after:
                    raise struct.error
    return properties, {n: [p for p in found if p[0] >= 0] for n, found in linked.items()}


def _references(data: bytes, start: int, end: int) -> list[tuple[bytes, int, list[int]]]:
    code, step = (">H", 2) if data[start] == 0 else (">I", 4)
    found = []
    for kind, at, _ in boxes(data, start + 4, end):
        source = int(struct.unpack_from(code, data, at)[0])
        count = int(struct.unpack_from(">H", data, at + step)[0])
        to = struct.unpack_from(f">{count}{code[1]}", data, at + step + 2)
        found.append((kind, source, [int(number) for number in to]))
    return found
