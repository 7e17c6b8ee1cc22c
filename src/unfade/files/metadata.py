"""Metadata blocks: carried byte for byte, and only looked at for what reading needs.

Orientation, resolution and whether a profile can be believed are read here. Nothing is ever
corrected: a damaged block is kept as it is, and a note says so.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from unfade.errors import LimitExceeded
from unfade.files.formats.contract import Blocks
from unfade.files.limits import Limits
from unfade.pixels.orient import swaps_sides

_ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x0112, 0x011A, 0x011B, 0x0128
_IIM_RESOURCE = b"8BIM\x04\x04\0\0"
_PROFILE_HEADER_BYTES = 132
_PER_INCH = {2: 1.0, 3: 2.54}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExifFacts:
    """The few facts of an EXIF block that reading needs; ``note`` tells of damage."""

    orientation: int = 1
    dpi: tuple[float, float] | None = None
    note: str | None = None


def exif_facts(exif: bytes | None) -> ExifFacts:
    """Orientation and resolution out of a TIFF-structured EXIF block; damage is not an error."""
    if exif is None:
        return ExifFacts()
    try:
        tags = _first_directory(exif)
    except (struct.error, ValueError):
        return ExifFacts(note="The EXIF block is damaged; it is kept as it is and not used.")
    stated = tags.get(_ORIENTATION, 1.0)
    sides = tags.get(_X_RESOLUTION), tags.get(_Y_RESOLUTION)
    factor = _PER_INCH.get(int(tags.get(_RESOLUTION_UNIT, 2.0)))
    dpi = None
    if factor and sides[0] and sides[1]:
        dpi = (sides[0] * factor, sides[1] * factor)
    return ExifFacts(orientation=int(stated) if 1 <= stated <= 8 else 1, dpi=dpi)


def _first_directory(exif: bytes) -> dict[int, float]:
    """Short, long and rational values of the first directory, by tag."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        raise ValueError("no TIFF header")
    (start,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, start)
    tags: dict[int, float] = {}
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, number = struct.unpack_from(order + "HHI", exif, entry)
        if number != 1:
            continue
        if kind == 3:
            tags[tag] = float(struct.unpack_from(order + "H", exif, entry + 8)[0])
        elif kind == 4:
            tags[tag] = float(struct.unpack_from(order + "I", exif, entry + 8)[0])
        elif kind == 5:
            (at,) = struct.unpack_from(order + "I", exif, entry + 8)
            above, below = struct.unpack_from(order + "II", exif, at)
            tags[tag] = above / below if below else 0.0
    return tags


def upright_dpi(dpi: tuple[float, float] | None, orientation: int) -> tuple[float, float] | None:
    """Resolution after turning: sides are swapped where the picture's are."""
    return (dpi[1], dpi[0]) if dpi and swaps_sides(orientation) else dpi


def profile_fault(icc: bytes, channels: int) -> str | None:
    """Why an ICC profile cannot be believed for pixels of 1 or 3 channels, or None.

    Only the structure is checked: length, signature, colour space, tags inside the block.
    """
    if len(icc) < _PROFILE_HEADER_BYTES or icc[36:40] != b"acsp":
        return "it is not an ICC profile"
    size, tags = struct.unpack_from(">I", icc, 0)[0], struct.unpack_from(">I", icc, 128)[0]
    if size > len(icc):
        return f"it states {size} bytes and has {len(icc)}"
    space = icc[16:20]
    if space != {1: b"GRAY", 3: b"RGB "}.get(channels):
        return f"it is for {space.decode('latin-1').strip() or 'no'} colours"
    if _PROFILE_HEADER_BYTES + 12 * tags > len(icc):
        return f"it states {tags} tags and is too short for them"
    for at in range(_PROFILE_HEADER_BYTES, _PROFILE_HEADER_BYTES + 12 * tags, 12):
        offset, length = struct.unpack_from(">II", icc, at + 4)
        if offset + length > len(icc):
            return "one of its tags lies outside it"
    return None


def profile_note(fault: str) -> str:
    return f"The ICC profile is not used because {fault}; it is kept, pixels are taken as sRGB."


def check_blocks(name: str, limits: Limits, blocks: Blocks, icc: bytes | None) -> None:
    """Refuse metadata blocks beyond the limit.

    Raises:
        LimitExceeded: names the block and its size
    """
    for what, block in (
        ("ICC profile", icc),
        ("EXIF", blocks.exif),
        ("XMP", blocks.xmp),
        ("IPTC", blocks.iptc),
    ):
        if block is not None and len(block) > limits.block_bytes:
            raise block_too_large(name, what, limits, len(block))


def block_too_large(name: str, what: str, limits: Limits, size: int | None = None) -> LimitExceeded:
    stated = f"of {size} bytes" if size is not None else "that inflates beyond the limit"
    return LimitExceeded(
        f"`{name}` has an {what} block {stated}; the limit is {limits.block_bytes} bytes.",
        "Raise `limits.block_bytes` in the settings if the file is trusted.",
    )


def inflate(name: str, what: str, packed: bytes, limits: Limits) -> bytes | None:
    """Inflated bytes, or None when the stream is damaged.

    Raises:
        LimitExceeded: more than ``limits.block_bytes`` would come out
    """
    engine = zlib.decompressobj()
    try:
        plain = engine.decompress(packed, limits.block_bytes + 1)
    except zlib.error:
        return None
    if len(plain) > limits.block_bytes:
        raise block_too_large(name, what, limits)
    return plain if engine.eof else None


def photoshop_resources(iptc: bytes) -> bytes:
    """An IPTC block as Photoshop resources: as it is, or bare IIM records wrapped into one."""
    if iptc.startswith(b"8BIM"):
        return iptc
    return _IIM_RESOURCE + struct.pack(">I", len(iptc)) + iptc + b"\0" * (len(iptc) % 2)
