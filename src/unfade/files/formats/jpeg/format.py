"""The JPEG format, and writing: mending blocks where the original is a JPEG, coding afresh else."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from unfade.errors import WouldLose
from unfade.files import metadata
from unfade.files.formats.contract import Header, Opened, WriteOptions
from unfade.files.formats.jpeg import blocks as dct
from unfade.files.formats.jpeg import entropy, markers
from unfade.files.formats.jpeg.colour import Kind
from unfade.files.formats.jpeg.markers import Component, Frame, Segment
from unfade.files.formats.jpeg.read import (
    Native,
    decode,
    decode_stream,
    inks_of,
    read_header,
    read_picture,
)
from unfade.files.formats.kept import beyond_8_bits, mark_coded, refuse_loss, stored_samples
from unfade.files.limits import Limits
from unfade.picture import EvidenceMap, Picture
from unfade.pixels.ink import inks_to_rgb, rgb_to_inks
from unfade.pixels.orient import as_stored, upright
from unfade.record import Evidence

DEFAULT_QUALITY = 95
_MOST_SIDE_PX = 65535
_NOT_CARRIED = (markers.DHT, markers.DRI, markers.DAC, *range(0xC0, 0xC4), *range(0xC5, 0xC8))


class Jpeg:
    """JPEG; see the package."""

    name = "jpeg"
    extensions: tuple[str, ...] = (".jpg", ".jpeg", ".jpe", ".jfif")

    def sniff(self, head: bytes) -> bool:
        return head.startswith(b"\xff\xd8\xff")

    def header(self, path: Path) -> Header:
        return read_header(path)

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        return read_picture(path, limits)

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        """Write a JPEG, with blocks of the original kept where nothing changed in them."""
        _check_can_hold(target, picture)
        stored = stored_samples(picture, opened)
        native = opened.native if isinstance(opened.native, Native) else None
        coded = None
        if native:
            coded = _mended(native, stored, opened, picture, evidence, options)
        if coded is None:
            coded = _fresh(target, stored, native, opened, picture, options)
        target.write_bytes(coded)
        if evidence is None:
            return None
        shown = decode_stream(coded, *stored.shape[:2])
        if shown.shape[2] == 4 and native:
            shown = inks_to_rgb(inks_of(shown, native.parts), 255)
        before = opened.picture if opened.picture.samples.shape == picture.samples.shape else None
        return mark_coded(evidence, upright(shown, opened.header.orientation), picture, before)


JPEG = Jpeg()


def _mended(
    native: Native,
    stored: np.ndarray,
    opened: Opened,
    picture: Picture,
    evidence: EvidenceMap | None,
    options: WriteOptions,
) -> bytes | None:
    """The original with touched blocks coded again, or None where that cannot be."""
    frame = native.parts.frame
    before = decode(native.parts)
    channels = 3 if native.kind.inks else before.shape[2]
    if stored.shape != (frame.rows, frame.cols, channels) or not dct.can_mend(frame):
        return None
    if native.kind.inks:
        inks = inks_of(before, native.parts)
        after = inks_of(rgb_to_inks(stored, inks, 255), native.parts)
    else:
        after = stored
    planes = dct.read_planes(native.parts, str(opened.path))
    if planes is None:
        return None
    changed = (after != before).any(axis=2)
    stays = None
    if evidence is not None:
        untouched = as_stored(evidence == Evidence.UNTOUCHED, opened.header.orientation)
        stays = untouched & ~changed
    mended = dct.mend_planes(planes, frame, native.kind, after, changed, stays)
    return _assemble(_segments(native, opened, picture, options), frame, mended)


def _fresh(
    target: Path,
    stored: np.ndarray,
    native: Native | None,
    opened: Opened,
    picture: Picture,
    options: WriteOptions,
) -> bytes:
    """Coded from its samples, with the original's tables and sampling when it has them."""
    rows, cols, channels = stored.shape
    parts = native.parts if native else None
    if native and native.kind.inks:
        raise WouldLose(
            f"`{target.name}`: an enlarged CMYK picture cannot be stored as CMYK again.",
            "Choose `.png` or `.tif` for the output.",
        )
    if parts and len(parts.frame.components) == channels and _has_tables(parts):
        frame = Frame(parts.frame.sof, rows, cols, parts.frame.components)
        if not dct.can_mend(frame):
            frame = Frame(frame.sof, rows, cols, tuple(
                Component(c.id, 1, 1, c.table) for c in frame.components
            ))  # fmt: skip
        by_number, kind = parts.tables, native.kind if native else Kind.YCBCR
        quantisation: tuple[Segment, ...] = ()
    else:
        kind = Kind.GREY if channels == 1 else Kind.YCBCR
        components = tuple(Component(n + 1, 1, 1, min(n, 1)) for n in range(channels))
        frame = Frame(markers.BASELINE, rows, cols, components)
        by_number = _tables_of_quality(options.quality or DEFAULT_QUALITY)
        quantisation = tuple(
            Segment(markers.DQT, bytes([n, *by_number[n]])) for n in range(min(channels, 2))
        )
    tables = []
    for component in frame.components:
        table = np.empty(64)
        table[entropy.ZIGZAG] = by_number[component.table]
        tables.append(table)
    changed = np.ones((rows, cols), bool)
    planes = dct.fresh_planes(frame, tables)
    coefficients = dct.mend_planes(planes, frame, kind, stored, changed)
    segments = _segments(native, opened, picture, options)
    if quantisation:
        segments = [s for s in segments if s.marker not in (markers.DQT, markers.APP14)]
    return _assemble([*segments, *quantisation], frame, coefficients)


def _assemble(segments: list[Segment], frame: Frame, coefficients: tuple[np.ndarray, ...]) -> bytes:
    first = frame.components[0].table
    numbers = [0 if c.table == first else 1 for c in frame.components]
    sizes = struct.pack(">BHHB", 8, frame.rows, frame.cols, len(frame.components))
    planes = b"".join(bytes([c.id, c.h << 4 | c.v, c.table]) for c in frame.components)
    zigzag = [plane[:, :, entropy.ZIGZAG] for plane in coefficients]
    return b"".join(
        [
            b"\xff\xd8",
            *(segment.whole for segment in segments),
            Segment(frame.sof, sizes + planes).whole,
            *entropy.code(zigzag, frame, numbers),
            b"\xff\xd9",
        ]
    )


def _segments(
    native: Native | None, opened: Opened, picture: Picture, options: WriteOptions
) -> list[Segment]:
    """What stands before the frame: the original's segments, or new ones from the blocks."""
    if native is None:
        return _new_segments(opened, picture, options)
    kept = [s for s in native.parts.segments if s.marker not in _NOT_CARRIED]
    icc = native.icc if native.kind.inks else picture.icc
    if icc != native.icc:
        kept = [s for s in kept if not _is(s, markers.APP2, markers.ICC_ID)]
        kept[_after_jfif(kept) : _after_jfif(kept)] = _icc_segments(icc)
    if options.xmp is not None:
        at = next((n for n, s in enumerate(kept) if _is(s, markers.APP1, markers.XMP_ID)), None)
        if at is None:
            exif = [n for n, s in enumerate(kept) if _is(s, markers.APP1, markers.EXIF_ID)]
            at = exif[0] + 1 if exif else _after_jfif(kept)
        else:
            del kept[at]
        kept.insert(at, _segment(markers.APP1, markers.XMP_ID + options.xmp, "XMP"))
    return kept


def _new_segments(opened: Opened, picture: Picture, options: WriteOptions) -> list[Segment]:
    blocks, xmp = opened.blocks, options.xmp or opened.blocks.xmp
    dpi = metadata.upright_dpi(picture.dpi, opened.header.orientation)
    unit, x, y = (1, *(min(65535, max(1, round(side))) for side in dpi)) if dpi else (0, 1, 1)
    made = [Segment(markers.APP0, b"JFIF\0" + struct.pack(">BBBHHBB", 1, 2, unit, x, y, 0, 0))]
    if blocks.exif is not None:
        made.append(_segment(markers.APP1, markers.EXIF_ID + blocks.exif, "EXIF"))
    if xmp is not None:
        made.append(_segment(markers.APP1, markers.XMP_ID + xmp, "XMP"))
    made += _icc_segments(picture.icc)
    if blocks.iptc is not None:
        resources = metadata.photoshop_resources(blocks.iptc)
        room = markers.MOST_BYTES - len(markers.PHOTOSHOP_ID)
        made += [
            Segment(markers.APP13, markers.PHOTOSHOP_ID + resources[at : at + room])
            for at in range(0, len(resources), room)
        ]
    return made


def _icc_segments(icc: bytes | None) -> list[Segment]:
    room = markers.MOST_BYTES - len(markers.ICC_ID) - 2
    pieces = [icc[at : at + room] for at in range(0, len(icc), room)] if icc else []
    if len(pieces) > 255:
        raise WouldLose(
            f"The ICC profile of {len(icc or b'')} bytes is too long for a JPEG.",
            "Choose `.png` or `.tif` for the output.",
        )
    return [
        Segment(markers.APP2, markers.ICC_ID + bytes([n, len(pieces)]) + piece)
        for n, piece in enumerate(pieces, 1)
    ]


def _segment(marker: int, payload: bytes, what: str) -> Segment:
    if len(payload) > markers.MOST_BYTES:
        raise WouldLose(
            f"The {what} block of {len(payload)} bytes is too long for a JPEG, "
            f"which holds {markers.MOST_BYTES}.",
            "Choose `.png` or `.tif` for the output.",
        )
    return Segment(marker, payload)


def _is(segment: Segment, marker: int, prefix: bytes) -> bool:
    return segment.marker == marker and segment.data.startswith(prefix)


def _after_jfif(segments: list[Segment]) -> int:
    return 1 if segments and segments[0].marker == markers.APP0 else 0


def _has_tables(parts: markers.Parts) -> bool:
    return all(c.table in parts.tables for c in parts.frame.components)


def _check_can_hold(target: Path, picture: Picture) -> None:
    lost = beyond_8_bits(picture)
    if picture.alpha is not None:
        lost.append("the alpha plane")
    if picture.infrared is not None:
        lost.append("the infrared plane")
    if picture.encoding == "linear":
        lost.append("linear light")
    refuse_loss(target.name, "a JPEG", lost)
    if max(picture.rows, picture.cols) > _MOST_SIDE_PX:
        raise WouldLose(
            f"`{target.name}`: a JPEG may have {_MOST_SIDE_PX} pixels a side, this picture has "
            f"{picture.cols} x {picture.rows}.",
            "Choose `.tif` or `.png` for the output.",
        )


def _tables_of_quality(quality: int) -> dict[int, list[int]]:
    """Luma and chroma tables of T.81 Annex K, scaled as libjpeg scales them, in zigzag order."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return {
        number: [min(255, max(1, (value * scale + 50) // 100)) for value in table]
        for number, table in enumerate((_LUMA, _CHROMA))
    }


_LUMA = (
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
    26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99,
) + (99,) * 48  # fmt: skip
