"""The chunks of a PNG file: read with care, kept byte for byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unfade.errors import UnreadableInput, UnsupportedInput
from unfade.files import metadata
from unfade.files.limits import Limits

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
_DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    RGB_ALPHA: (8, 16),
}
XMP_KEYWORD = b"XML:com.adobe.xmp"
_IPTC_KEYWORD = b"Raw profile type iptc"
INCHES_PER_METRE = 1 / 0.0254


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk; ``whole`` has length and check sum around it."""

    kind: bytes
    data: bytes

    @property
    def whole(self) -> bytes:
        check = zlib.crc32(self.kind + self.data)
        return struct.pack(">I", len(self.data)) + self.kind + self.data + struct.pack(">I", check)

    @property
    def safe_to_copy(self) -> bool:
        """Whether a program that does not know it may keep it beside changed pixels."""
        return self.kind[3:4].islower()


@dataclass(frozen=True, slots=True)
class Ihdr:
    """The image header."""

    cols: int
    rows: int
    bits: int
    colour: int
    interlaced: bool

    @property
    def chunk(self) -> Chunk:
        return Chunk(
            b"IHDR",
            struct.pack(
                ">IIBBBBB", self.cols, self.rows, self.bits, self.colour, 0, 0, self.interlaced
            ),
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """A PNG file taken apart: metadata in order, before and after the pixels, and the pixels."""

    ihdr: Ihdr
    before: tuple[Chunk, ...]
    after: tuple[Chunk, ...]
    pixels: tuple[Chunk, ...]  # IDAT
    trailing: int = 0

    def first(self, kind: bytes) -> bytes | None:
        return next((c.data for c in (*self.before, *self.after) if c.kind == kind), None)


def take_apart(path: Path, *, with_pixels: bool) -> Parts:
    """All chunks; without pixels their data is skipped, not read.

    Raises:
        UnreadableInput: truncated, a wrong check sum, or a header that contradicts itself
        UnsupportedInput: an animation
    """
    name = str(path)
    ihdr: Ihdr | None = None
    before: list[Chunk] = []
    after: list[Chunk] = []
    pixels: list[Chunk] = []
    seen_pixels = False
    with path.open("rb") as file:
        file.seek(len(SIGNATURE))
        end = path.stat().st_size
        while True:
            head = file.read(8)
            if len(head) < 8:
                raise _truncated(name)
            length, kind = struct.unpack(">I4s", head)
            if file.tell() + length + 4 > end:
                raise _truncated(name)
            if kind == b"IDAT" and not with_pixels:
                file.seek(length + 4, 1)
                seen_pixels = True
                continue
            data = file.read(length)
            (check,) = struct.unpack(">I", file.read(4))
            if check != zlib.crc32(kind + data):
                raise _damaged(
                    name, f"has a chunk `{kind.decode('latin-1')}` whose check sum fails"
                )
            if ihdr is None:
                ihdr = _ihdr(kind, data, name)
            elif kind == b"IDAT":
                pixels.append(Chunk(kind, data))
                seen_pixels = True
            elif kind == b"IEND":
                break
            elif kind == b"acTL" and length >= 4 and data[:4] != b"\0\0\0\1":
                raise UnsupportedInput(
                    f"`{name}` is an animated PNG of {int.from_bytes(data[:4], 'big')} frames.",
                    "Save the wanted frame as a PNG of its own.",
                )
            else:
                (after if seen_pixels else before).append(Chunk(kind, data))
        trailing = end - file.tell()
    if not seen_pixels:
        raise _damaged(name, "has no picture data")
    assert ihdr is not None
    return Parts(ihdr, tuple(before), tuple(after), tuple(pixels), trailing)


def text_packet(parts: Parts, name: str, limits: Limits) -> bytes | None:
    """The XMP packet out of its iTXt chunk."""
    for chunk in (*parts.before, *parts.after):
        if chunk.kind == b"iTXt" and chunk.data.startswith(XMP_KEYWORD + b"\0"):
            rest = chunk.data[len(XMP_KEYWORD) + 1 :]
            packed = rest[:1] == b"\1"
            fields = rest[2:].split(b"\0", 2)
            if len(fields) < 3:
                return None
            if packed:
                return metadata.inflate(name, "XMP", fields[2], limits)
            return fields[2]
    return None


def iptc_block(parts: Parts, name: str, limits: Limits) -> bytes | None:
    """The IPTC block out of the text chunk that other programs keep it in."""
    for chunk in (*parts.before, *parts.after):
        if chunk.kind == b"zTXt" and chunk.data.startswith(_IPTC_KEYWORD + b"\0"):
            text = metadata.inflate(name, "IPTC", chunk.data[len(_IPTC_KEYWORD) + 2 :], limits)
            try:
                return bytes.fromhex(b"".join((text or b"").split()[2:]).decode("ascii")) or None
            except ValueError:
                return None
    return None


def iptc_chunk(iptc: bytes) -> Chunk:
    """A text chunk as ImageMagick, exiv2 and ExifTool write and read it."""
    digits = iptc.hex()
    lines = [digits[at : at + 72] for at in range(0, len(digits), 72)]
    text = "\n".join(["", "iptc", f"{len(iptc):8d}", *lines, ""])
    return Chunk(b"zTXt", _IPTC_KEYWORD + b"\0\0" + zlib.compress(text.encode()))


def profile(parts: Parts, name: str, limits: Limits) -> tuple[bytes | None, bool]:
    """The ICC profile out of iCCP, and whether that chunk is damaged."""
    data = parts.first(b"iCCP")
    if data is None:
        return None, False
    _, _, rest = data.partition(b"\0")
    plain = metadata.inflate(name, "ICC profile", rest[1:], limits)
    return plain, plain is None


def check_texts(parts: Parts, name: str, limits: Limits) -> None:
    """Refuse chunks beyond the limit, compressed texts by what they inflate to."""
    for chunk in (*parts.before, *parts.after):
        what = chunk.kind.decode("latin-1")
        if len(chunk.data) > limits.block_bytes:
            raise metadata.block_too_large(name, what, limits, len(chunk.data))
        if chunk.kind == b"zTXt":
            metadata.inflate(name, what, chunk.data.partition(b"\0")[2][1:], limits)


def each(chunks: tuple[Chunk, ...], skip: tuple[bytes, ...]) -> Iterator[Chunk]:
    return (chunk for chunk in chunks if chunk.kind not in skip)


def xmp_chunk(packet: bytes) -> Chunk:
    return Chunk(b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + packet)


def profile_chunk(icc: bytes) -> Chunk:
    return Chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc, 9))


def resolution_chunk(dpi: tuple[float, float]) -> Chunk:
    x, y = (max(1, round(side * INCHES_PER_METRE)) for side in dpi)
    return Chunk(b"pHYs", struct.pack(">IIB", x, y, 1))


def _ihdr(kind: bytes, data: bytes, name: str) -> Ihdr:
    if kind != b"IHDR" or len(data) != 13:
        raise _damaged(name, "does not begin with an image header")
    cols, rows, bits, colour, packing, filtering, interlace = struct.unpack(">IIBBBBB", data)
    if not 0 < cols < 2**31 or not 0 < rows < 2**31:
        raise _damaged(name, f"states {cols} x {rows} pixels")
    if bits not in _DEPTHS.get(colour, ()) or packing or filtering or interlace > 1:
        raise _damaged(name, f"states {bits} bits of colour type {colour}, which PNG does not know")
    return Ihdr(cols, rows, bits, colour, bool(interlace))


def _truncated(name: str) -> UnreadableInput:
    return UnreadableInput(
        f"`{name}` is truncated: it ends before its last chunk.", "Copy it again from its source."
    )


def _damaged(name: str, what: str) -> UnreadableInput:
    return UnreadableInput(f"`{name}` {what}; it is damaged.", "Copy it again from its source.")
