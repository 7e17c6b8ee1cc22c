"""JPEG 2000: grey or RGB of 1-16 bits, with or without alpha; JP2 files and bare codestreams.

A changed picture is coded anew without loss (the reversible transform); all boxes of a JP2 file
but the codestream stay, byte for byte. A bare codestream has no place for metadata.

Source:
    ISO/IEC 15444-1, annexes A (codestream) and I (JP2)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np

from unfade.errors import UnreadableInput, UnsupportedInput, WouldLose
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.jp2_boxes import (
    EXIF_UUID,
    IPTC_UUID,
    XMP_UUID,
    Boxes,
    exif_block,
    first,
    header_boxes,
    join,
    parse,
    profile,
    uuid_block,
    with_codestream,
    with_profile,
    with_uuid,
)
from unfade.files.formats.jp2_tiles import tiles_of
from unfade.files.formats.kept import stored_alpha, stored_samples
from unfade.files.limits import Limits
from unfade.files.metadata import check_blocks, exif_facts, profile_fault, profile_note, upright_dpi
from unfade.picture import EvidenceMap, Picture
from unfade.pixels.orient import upright
from unfade.pixels.room import has_no_room, room_for

SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"
_SRGB, _GREY = 16, 17


@dataclass(frozen=True, slots=True)
class Codestream:
    """What the SIZ marker states."""

    rows: int
    cols: int
    channels: int
    bits: int


class Jp2:
    """The JPEG 2000 format, see the module's first lines."""

    name = "jp2"
    extensions: tuple[str, ...] = (".jp2", ".j2k", ".j2c", ".jpf", ".jpx")

    def sniff(self, head: bytes) -> bool:
        return head.startswith((SIGNATURE, CODESTREAM))

    def header(self, path: Path) -> Header:
        data = path.read_bytes()
        boxes = _boxes_of(path, data)
        facts = _codestream(path, first(boxes, b"jp2c") or data)
        _refuse(path, boxes)
        exif = exif_facts(exif_block(boxes))
        return Header(
            format=self.name,
            rows=facts.rows,
            cols=facts.cols,
            channels=facts.channels,
            bits=facts.bits,
            orientation=exif.orientation,
            colour="grey" if facts.channels < 3 else "rgb",
            compression="jpeg2000",
        )

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        data = path.read_bytes()
        boxes = _boxes_of(path, data)
        try:
            # the codestream alone: given the whole file, the decoder would apply the ICC profile
            stored = _decoded(first(boxes, b"jp2c") or data, header)
        except (RuntimeError, ValueError) as error:
            raise _damaged(path, f"it does not decode ({error})") from error
        stored = np.atleast_3d(stored)
        wanted = (header.rows, header.cols, header.channels)
        if stored.shape != wanted or stored.dtype not in (np.uint8, np.uint16):
            raise _damaged(path, f"it states {wanted} samples and holds {stored.shape}")
        has_alpha = header.channels in (2, 4)
        colours = stored[..., : header.channels - has_alpha]
        alpha = stored[..., -1] if has_alpha else None
        icc = profile(boxes)
        blocks = Blocks(
            exif=exif_block(boxes),
            xmp=uuid_block(boxes, XMP_UUID),
            iptc=uuid_block(boxes, IPTC_UUID),
        )
        check_blocks(path.name, limits, blocks, icc)
        notes = ["JPEG 2000: if samples change, the whole picture is coded anew without loss."]
        fault = profile_fault(icc, colours.shape[2]) if icc else None
        if fault:
            notes.append(profile_note(fault))
        facts = exif_facts(blocks.exif)
        if facts.note:
            notes.append(facts.note)
        turn = header.orientation
        picture = Picture(
            np.ascontiguousarray(upright(colours, turn)),
            full_scale=float(2**header.bits - 1),
            encoding="icc" if icc and not fault else "srgb",
            icc=icc,
            alpha=None if alpha is None else np.ascontiguousarray(upright(alpha, turn)),
            dpi=upright_dpi(facts.dpi, turn),
        )
        return Opened(
            picture=picture,
            header=header,
            blocks=blocks,
            path=path,
            native=boxes,
            notes=tuple(notes),
        )

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        _refuse_loss(picture, opened)
        bits = int(picture.full_scale).bit_length()
        stored, alpha = stored_samples(picture, opened), stored_alpha(picture, opened)
        if alpha is not None:
            stored = np.concatenate([stored, alpha[..., None]], axis=2)
        stored = np.minimum(stored, stored.dtype.type(picture.full_scale))
        bare = opened.header.format == self.name and not opened.native
        coded = imagecodecs.jpeg2k_encode(
            stored[..., 0] if stored.shape[2] == 1 else stored,
            level=0,
            reversible=True,
            bitspersample=bits,
            codecformat="j2k" if bare else "jp2",
        )
        seen = np.atleast_3d(imagecodecs.jpeg2k_decode(coded))  # without a profile so far
        if not np.array_equal(seen, stored):
            raise WouldLose(
                f"`{opened.path.name}` cannot be stored as JPEG 2000 without loss.",
                f"Write another format with `-o {opened.path.stem}.tif`.",
            )
        if bare:
            if options.xmp is not None:
                raise WouldLose(
                    f"`{opened.path.name}` is a bare JPEG 2000 codestream, which has no place for "
                    "the record of what was done.",
                    f"Write a JP2 file or another format: `-o {opened.path.stem}.tif`.",
                )
            target.write_bytes(coded)
            return evidence
        boxes = parse(bytes(coded))
        own = opened.header.format == self.name
        if own:
            same = opened.header.channels == stored.shape[2] and opened.header.bits == bits
            boxes = with_codestream(opened.native, boxes, keep_header=same, size=stored.shape[:2])
        if not own or picture.icc != opened.picture.icc:
            boxes = with_profile(boxes, picture.icc)
        blocks = opened.blocks
        metadata: list[tuple[bytes, bytes | None]] = [(XMP_UUID, options.xmp)]
        if not own:
            xmp = options.xmp if options.xmp is not None else blocks.xmp
            metadata = [(XMP_UUID, xmp), (EXIF_UUID, blocks.exif), (IPTC_UUID, blocks.iptc)]
        for name, block in metadata:
            if block is not None:
                boxes = with_uuid(boxes, name, block)
        target.write_bytes(join(boxes))
        return evidence


def _decoded(codestream: bytes, header: Header) -> np.ndarray:
    """All samples: at once, or tile by tile where they have no room in memory.

    Raises:
        RuntimeError, ValueError: it does not decode
    """
    shape = (header.rows, header.cols, header.channels)
    dtype = np.uint8 if header.bits <= 8 else np.uint16
    tiles = tiles_of(codestream) if has_no_room(shape, dtype) else None
    if tiles is None:
        return np.asarray(imagecodecs.jpeg2k_decode(codestream))
    samples, covered = room_for(shape, dtype), 0
    for window, own in tiles:
        piece = np.atleast_3d(imagecodecs.jpeg2k_decode(own))
        if piece.shape != (window.rows, window.cols, header.channels) or piece.dtype != dtype:
            raise ValueError(f"the tile at row {window.top}, column {window.left} is damaged")
        samples[window.slices] = piece
        covered += window.rows * window.cols
    if covered != header.rows * header.cols:
        raise ValueError(f"its tiles hold {covered} of {header.rows * header.cols} pixels")
    return samples


def _damaged(path: Path, what: str) -> UnreadableInput:
    return UnreadableInput(
        f"`{path.name}` is damaged: {what}.", "The file is truncated or broken; fetch it again."
    )


def _boxes_of(path: Path, data: bytes) -> Boxes:
    """The boxes of a JP2 file; none for a bare codestream."""
    if data.startswith(CODESTREAM):
        return []
    try:
        boxes = parse(data)
        parse(first(boxes, b"jp2h") or b"")
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    for kind in (b"jp2h", b"jp2c"):
        if first(boxes, kind) is None:
            raise _damaged(path, f"it lacks the box `{kind.decode()}`")
    return boxes


def _codestream(path: Path, data: bytes) -> Codestream:
    """Size and depth by the SIZ marker, which every codestream begins with."""
    if not data.startswith(CODESTREAM) or len(data) < 42:
        raise _damaged(path, "its codestream does not begin with the size")
    _, right, bottom, left, top = struct.unpack_from(">H4I", data, 6)
    channels = int(struct.unpack_from(">H", data, 40)[0])
    parts = data[42 : 42 + 3 * channels]
    if not 0 < channels <= 16_384 or len(parts) != 3 * channels or right <= left or bottom <= top:
        raise _damaged(path, f"it states {right - left} x {bottom - top} pixels")
    depths = set(parts[::3])
    if channels > 4 or len(depths) != 1 or parts[1::3] + parts[2::3] != b"\1" * (2 * channels):
        raise UnsupportedInput(
            f"`{path.name}`: {channels} components of unequal depth or size cannot be read.",
            "Convert it to TIFF first.",
        )
    depth = depths.pop()
    if depth & 0x80 or depth + 1 > 16:
        word = "signed " if depth & 0x80 else ""
        raise UnsupportedInput(
            f"`{path.name}`: {word}{(depth & 0x7F) + 1}-bit samples cannot be read.",
            "Convert it to 8 or 16 bits first.",
        )
    return Codestream(bottom - top, right - left, channels, depth + 1)


def _refuse(path: Path, boxes: Boxes) -> None:
    """Colours and palettes that are not handled, by name."""
    for kind, content in header_boxes(boxes):
        if kind == b"pclr":
            raise UnsupportedInput(
                f"`{path.name}`: JPEG 2000 with a palette cannot be read.",
                "Convert it to RGB first.",
            )
        if kind == b"cdef" and not _usual_channels(content):
            raise UnsupportedInput(
                f"`{path.name}`: JPEG 2000 with channels in an unusual order cannot be read.",
                "Convert it to RGB first.",
            )
        if kind == b"colr" and content[:1] == b"\1" and len(content) >= 7:
            space = int(struct.unpack_from(">I", content, 3)[0])
            if space not in (_SRGB, _GREY):
                raise UnsupportedInput(
                    f"`{path.name}`: JPEG 2000 in colour space {space} cannot be read.",
                    "Convert it to RGB first.",
                )


def _usual_channels(definitions: bytes) -> bool:
    """Whether colours come in the order of their space, and then at most one alpha plane."""
    count = int.from_bytes(definitions[:2], "big")
    if len(definitions) < 2 + 6 * count:
        return False
    rows = sorted(struct.iter_unpack(">HHH", definitions[2 : 2 + 6 * count]))
    colours = count - (count in (2, 4))
    usual = [(index, 0, index + 1) for index in range(colours)]
    last = rows[colours:]
    return rows[:colours] == usual and all(kind in (1, 2) and of == 0 for _, kind, of in last)


def _refuse_loss(picture: Picture, opened: Opened) -> None:
    lost = []
    top = int(picture.full_scale)
    if picture.samples.dtype == np.float32 or top & (top + 1) or picture.full_scale != top:
        lost.append(f"{picture.samples.dtype} samples of full scale {picture.full_scale:g}")
    if picture.infrared is not None:
        lost.append("an infrared plane")
    if picture.encoding == "linear":
        lost.append("linear light")
    if lost:
        raise WouldLose(
            f"`{opened.path.name}`: JPEG 2000 cannot hold {' and '.join(lost)}.",
            f"Write another format with `-o {opened.path.stem}.tif`.",
        )


JP2 = Jp2()
