"""The boxes of a JP2 file: taken apart, and put together with one of them replaced.

Source:
    ISO/IEC 15444-1, annex I
"""

from __future__ import annotations

import struct

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
IPTC_UUID = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
EXIF_UUID = b"JpgTiffExif->JP2"

Boxes = list[tuple[bytes, bytes]]  # (kind, content), in the order of the file


def parse(data: bytes) -> Boxes:
    """(kind, content) of all boxes on one level.

    Raises:
        ValueError: a box that ends outside
    """
    boxes: Boxes = []
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise ValueError(f"its boxes end within a header at byte {at}")
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            size, head = int(struct.unpack_from(">Q", data, at + 8)[0]), 16
        elif size == 0:
            size = len(data) - at
        if size < head or at + size > len(data):
            raise ValueError(f"its box `{kind.decode('latin-1')}` ends outside the file")
        boxes.append((kind, data[at + head : at + size]))
        at += size
    return boxes


def join(boxes: Boxes) -> bytes:
    """The bytes of boxes, with 64-bit sizes where they are needed."""
    parts = []
    for kind, content in boxes:
        if len(content) + 8 < 2**32:
            parts += [struct.pack(">I4s", len(content) + 8, kind), content]
        else:
            parts += [struct.pack(">I4sQ", 1, kind, len(content) + 16), content]
    return b"".join(parts)


def first(boxes: Boxes, kind: bytes) -> bytes | None:
    """The content of the first box of that kind, or None."""
    return next((content for found, content in boxes if found == kind), None)


def header_boxes(boxes: Boxes) -> Boxes:
    """The boxes within the header box ``jp2h``."""
    return parse(first(boxes, b"jp2h") or b"")


def uuid_block(boxes: Boxes, name: bytes) -> bytes | None:
    """The metadata behind a UUID, or None."""
    found = (content for kind, content in boxes if kind == b"uuid" and content[:16] == name)
    content = next(found, None)
    return None if content is None else content[16:]


def exif_block(boxes: Boxes) -> bytes | None:
    """The EXIF block from its TIFF header on, or None."""
    block = uuid_block(boxes, EXIF_UUID)
    return None if block is None else block.removeprefix(b"Exif\0\0")


def profile(boxes: Boxes) -> bytes | None:
    """The ICC profile, or None."""
    for kind, content in header_boxes(boxes):
        if kind == b"colr" and content[:1] in (b"\2", b"\3"):
            return content[3:]
    return None


def with_codestream(old: Boxes, new: Boxes, *, keep_header: bool, size: tuple[int, int]) -> Boxes:
    """The original's boxes with the new codestream; the header anew where depth or kind changed."""
    header = join(
        [
            (kind, struct.pack(">II", *size) + content[8:] if kind == b"ihdr" else content)
            for kind, content in header_boxes(old)
        ]
    )
    if not keep_header:
        header = first(new, b"jp2h") or b""
    codestream = first(new, b"jp2c") or b""
    replaced = {b"jp2h": header, b"jp2c": codestream}
    return [(kind, replaced.get(kind, content)) for kind, content in old]


def with_profile(boxes: Boxes, icc: bytes | None) -> Boxes:
    """The boxes with the colour specification replaced by a profile, if there is one."""
    if icc is None:
        return boxes
    inner = [
        (kind, b"\2\0\0" + icc if kind == b"colr" else content)
        for kind, content in header_boxes(boxes)
    ]
    return [(kind, join(inner) if kind == b"jp2h" else content) for kind, content in boxes]


def with_uuid(boxes: Boxes, name: bytes, block: bytes) -> Boxes:
    """The boxes with one metadata box replaced, or added before the codestream."""
    made = (b"uuid", name + block)
    if uuid_block(boxes, name) is not None:
        return [made if k == b"uuid" and c[:16] == name else (k, c) for k, c in boxes]
    place = next(index for index, (kind, _) in enumerate(boxes) if kind == b"jp2c")
    return [*boxes[:place], made, *boxes[place:]]
