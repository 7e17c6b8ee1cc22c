"""The segments of a JPEG file: what each marker holds, kept byte for byte and in order.

Nothing is decoded here. Writing puts the same segments back, so that whatever a camera or an
archive has stored in them (EXIF with its thumbnail, XMP, IPTC, profile, comments) stays as it was.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from unfade.errors import UnreadableInput, UnsupportedInput

SOI, EOI, SOS, DQT, DHT, DRI, DAC, DNL, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xCC, 0xDC, 0xFE
APP0, APP1, APP2, APP13, APP14 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
_UNREAD = {
    0xC3: "lossless coding",
    0xC5: "hierarchical coding",
    0xC6: "hierarchical coding",
    0xC7: "hierarchical lossless coding",
    0xC9: "arithmetic coding",
    0xCA: "arithmetic coding",
    0xCB: "lossless arithmetic coding",
    0xCD: "hierarchical arithmetic coding",
    0xCE: "hierarchical arithmetic coding",
    0xCF: "hierarchical arithmetic coding",
}
_WITHOUT_LENGTH = {0x01, SOI, *range(0xD0, 0xD8)}
# the next marker that ends entropy-coded data: not a stuffed FF, not a restart, not a fill byte
_NEXT_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")

EXIF_ID = b"Exif\0\0"
XMP_ID = b"http://ns.adobe.com/xap/1.0/\0"
ICC_ID = b"ICC_PROFILE\0"
PHOTOSHOP_ID = b"Photoshop 3.0\0"
MOST_BYTES = 65533  # payload of one segment


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker with its payload (the two length bytes left out)."""

    marker: int
    data: bytes

    @property
    def whole(self) -> bytes:
        return struct.pack(">BBH", 0xFF, self.marker, len(self.data) + 2) + self.data


@dataclass(frozen=True, slots=True)
class Component:
    """One plane: its sampling against the others and its quantisation table."""

    id: int
    h: int
    v: int
    table: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame header: size, kind of coding, components."""

    sof: int
    rows: int
    cols: int
    components: tuple[Component, ...]

    @property
    def h_max(self) -> int:
        return max(c.h for c in self.components)

    @property
    def v_max(self) -> int:
        return max(c.v for c in self.components)

    @property
    def progressive(self) -> bool:
        return self.sof == PROGRESSIVE


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan: its header and its entropy-coded bytes, stuffing and restarts included."""

    header: bytes
    coded: bytes


@dataclass(frozen=True, slots=True)
class Parts:
    """A JPEG file taken apart.

    Attributes:
        segments: all with a length but the scans' headers, in order
        stream: the image alone (tables, frame, scans), without any metadata: what decoders get
        ended: whether the end marker was there; ``trailing``: bytes that follow it
    """

    frame: Frame
    segments: tuple[Segment, ...]
    scans: tuple[Scan, ...]
    stream: bytes
    ended: bool
    trailing: int

    def payloads(self, marker: int, prefix: bytes) -> list[bytes]:
        """Payloads of the segments that begin with ``prefix``, the prefix taken off."""
        return [
            s.data[len(prefix) :]
            for s in self.segments
            if s.marker == marker and s.data.startswith(prefix)
        ]

    @property
    def adobe_transform(self) -> int | None:
        """The colour transform that the Adobe segment states, None without one."""
        for payload in self.payloads(APP14, b"Adobe"):
            if len(payload) >= 7:
                return payload[6]
        return None

    @property
    def tables(self) -> dict[int, list[int]]:
        """Quantisation tables by number, 64 values in zigzag order."""
        return quantisation_tables(self.segments)


def take_apart(data: bytes, name: str) -> Parts:
    """All segments and scans of a JPEG file.

    Raises:
        UnreadableInput: no frame, no scan, or a segment that runs past the end
        UnsupportedInput: a kind of coding that is not handled, by its name
    """
    segments: list[Segment] = []
    scans: list[Scan] = []
    stream = [b"\xff\xd8"]
    frame: Frame | None = None
    at, ended = 2, False
    while True:
        found = _NEXT_MARKER.search(data, at)
        if found is None:
            break
        marker, start = data[found.start() + 1], found.start()
        if marker == EOI:
            at, ended = found.end(), True
            break
        if marker in _WITHOUT_LENGTH:
            at = found.end()
            continue
        payload, at = _payload(data, start, name)
        if marker == SOS:
            end = _NEXT_MARKER.search(data, at)
            stop = end.start() if end else len(data)
            scans.append(Scan(payload, data[at:stop]))
            stream.append(data[start:stop])
            at = stop
            continue
        segment = Segment(marker, payload)
        segments.append(segment)
        if marker == DNL:
            raise _unsupported(name, "a height that is stated after the picture (DNL)")
        if marker in _UNREAD:
            raise _unsupported(name, _UNREAD[marker])
        if marker in (BASELINE, EXTENDED, PROGRESSIVE):
            if frame is not None:
                raise _broken(name, "has two frame headers, expected one")
            frame = _frame(marker, payload, name)
        if not APP1 <= marker <= APP13 and marker not in (0xEF, COM):
            stream.append(data[start:at])
    if frame is None or not scans:
        raise _broken(name, "ends before its picture data")
    stream.append(b"\xff\xd9")
    return Parts(
        frame,
        tuple(segments),
        tuple(scans),
        b"".join(stream),
        ended,
        len(data) - at if ended else 0,
    )


def quantisation_tables(segments: tuple[Segment, ...]) -> dict[int, list[int]]:
    """Tables by number; a number that is defined twice with other values is left out."""
    tables: dict[int, list[int]] = {}
    twice: set[int] = set()
    for segment in segments:
        at = 0
        while segment.marker == DQT and at < len(segment.data):
            wide, number = segment.data[at] >> 4, segment.data[at] & 15
            size = 128 if wide else 64
            raw = segment.data[at + 1 : at + 1 + size]
            if len(raw) < size:
                break
            values = list(struct.unpack(">64H" if wide else "64B", raw))
            if number in tables and tables[number] != values:
                twice.add(number)
            tables[number] = values
            at += 1 + size
    return {number: values for number, values in tables.items() if number not in twice}


def huffman_tables(segments: tuple[Segment, ...]) -> dict[tuple[int, int], list[int]] | None:
    """Code lengths by (class, number): 256 lengths, 0 for a symbol without a code.

    Returns:
        None when a table is defined twice, so that it cannot be told which one a scan used
    """
    tables: dict[tuple[int, int], list[int]] = {}
    for segment in segments:
        at = 0
        while segment.marker == DHT and at + 17 <= len(segment.data):
            key = (segment.data[at] >> 4, segment.data[at] & 15)
            counts = segment.data[at + 1 : at + 17]
            symbols = segment.data[at + 17 : at + 17 + sum(counts)]
            lengths = [0] * 256
            each = [bits for bits, count in enumerate(counts, 1) for _ in range(count)]
            for bits, symbol in zip(each, symbols):
                lengths[symbol] = bits
            if key in tables and tables[key] != lengths:
                return None
            tables[key] = lengths
            at += 17 + sum(counts)
    return tables


def _payload(data: bytes, start: int, name: str) -> tuple[bytes, int]:
    if start + 4 > len(data):
        raise _broken(name, "ends inside a segment")
    (length,) = struct.unpack_from(">H", data, start + 2)
    stop = start + 2 + length
    if length < 2 or stop > len(data):
        raise _broken(name, f"ends inside a segment of {length} bytes at byte {start}")
    return data[start + 4 : stop], stop


def _frame(sof: int, payload: bytes, name: str) -> Frame:
    if len(payload) < 6 or len(payload) < 6 + 3 * payload[5]:
        raise _broken(name, "has a frame header that is cut short")
    bits, rows, cols, count = struct.unpack(">BHHB", payload[:6])
    if bits != 8:
        raise _unsupported(name, f"{bits} bits a sample")
    if count not in (1, 3, 4):
        raise _unsupported(name, f"{count} components")
    if rows == 0:
        raise _unsupported(name, "a height that is stated after the picture (DNL)")
    if cols == 0:
        raise _broken(name, f"states {cols} x {rows} pixels")
    components = tuple(
        Component(cid, sampling >> 4, sampling & 15, table)
        for cid, sampling, table in struct.iter_unpack("BBB", payload[6 : 6 + 3 * count])
    )
    if any(not (1 <= c.h <= 4 and 1 <= c.v <= 4) for c in components):
        raise _broken(name, "states a sampling that no decoder knows")
    return Frame(sof, rows, cols, components)


def _broken(name: str, what: str) -> UnreadableInput:
    return UnreadableInput(
        f"`{name}` {what}; it is truncated or damaged.",
        "Copy it again from its source, or open and save it in an image editor first.",
    )


def _unsupported(name: str, what: str) -> UnsupportedInput:
    return UnsupportedInput(
        f"`{name}` is a JPEG with {what}, which is not handled.",
        "Convert it to TIFF or PNG first.",
    )
