"""From the bytes of a JPEG to a picture, and how far those bytes can be believed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfade.errors import UnreadableInput
from unfade.files import metadata
from unfade.files.formats.contract import Blocks, Header, Opened
from unfade.files.formats.jpeg import blocks as dct
from unfade.files.formats.jpeg import entropy, markers
from unfade.files.formats.jpeg.colour import Kind, kind_of
from unfade.files.formats.jpeg.markers import Parts
from unfade.files.limits import Limits
from unfade.picture import Encoding, Picture
from unfade.pixels.ink import inks_to_rgb
from unfade.pixels.jpeg_tables import quality_of
from unfade.pixels.orient import upright

_CENTIMETRES_PER_INCH = 2.54


@dataclass(frozen=True, slots=True, eq=False)
class Native:
    """What writing back needs: the file taken apart, and what its components mean."""

    parts: Parts
    kind: Kind
    icc: bytes | None


def read_header(path: Path) -> Header:
    parts = markers.take_apart(path.read_bytes(), str(path))
    facts = metadata.exif_facts(_first(parts.payloads(markers.APP1, markers.EXIF_ID)))
    return _header(parts, facts.orientation)


def read_picture(path: Path, limits: Limits) -> Opened:
    """The picture and its segments; a file that was cut is refused, an end marker alone is not."""
    name = str(path)
    parts = markers.take_apart(path.read_bytes(), name)
    limits.check(name, parts.frame.rows, parts.frame.cols)
    kind = kind_of(parts)
    exif = _first(parts.payloads(markers.APP1, markers.EXIF_ID))
    resources = parts.payloads(markers.APP13, markers.PHOTOSHOP_ID)
    blocks = Blocks(
        exif=exif,
        xmp=_first(parts.payloads(markers.APP1, markers.XMP_ID)),
        iptc=b"".join(resources) if resources else None,
    )
    notes: list[str] = []
    icc = _profile(parts, notes)
    metadata.check_blocks(name, limits, blocks, icc)
    facts = metadata.exif_facts(exif)
    if facts.note:
        notes.append(facts.note)
    codes = decode(parts)
    _check_complete(parts, codes, name, notes)
    quality = _quality(parts)
    if quality is not None:
        notes.append(f"Its table of luminance is that of JPEG quality {quality}.")
    if parts.trailing:
        notes.append(
            f"{parts.trailing} bytes after the end of the picture are not carried into a "
            "changed copy."
        )
    samples, encoding = codes, _encoding(icc, codes.shape[2], kind, notes)
    if kind.inks:
        samples = inks_to_rgb(inks_of(codes, parts), 255)
        notes.append(
            "CMYK is shown through a fixed ink model, so its colours are approximate; the inks "
            "of unchanged pixels stay as they are."
        )
    picture = Picture(
        np.ascontiguousarray(upright(samples, facts.orientation)),
        encoding=encoding,
        icc=None if kind.inks else icc,
        dpi=metadata.upright_dpi(_dpi(parts) or facts.dpi, facts.orientation),
    )
    return Opened(
        picture=picture,
        header=_header(parts, facts.orientation),
        blocks=blocks,
        path=path,
        native=Native(parts, kind, icc),
        notes=tuple(notes),
    )


def decode(parts: Parts) -> np.ndarray:
    """Codes (rows, cols, components) uint8 as stored; inks are not inverted."""
    return decode_stream(parts.stream, parts.frame.rows, parts.frame.cols)


def decode_stream(stream: bytes, rows: int, cols: int) -> np.ndarray:
    """Codes of a whole JPEG file in memory, see ``decode``."""
    # the plug-in itself, not Image.open: no other decoder may answer, and our limits hold
    from PIL.JpegImagePlugin import JpegImageFile

    with JpegImageFile(io.BytesIO(stream)) as image:
        if image.size != (cols, rows):
            raise ValueError(f"decodes to {image.size[0]} x {image.size[1]} pixels")
        codes = np.asarray(image)
    if codes.ndim == 2:
        codes = codes[:, :, None]
    return 255 - codes if codes.shape[2] == 4 else codes


def inks_of(codes: np.ndarray, parts: Parts) -> np.ndarray:
    """Ink codes, 255 is full ink, of stored codes (or back): Adobe stores them inverted."""
    return codes if parts.adobe_transform is None else 255 - codes


def complete(parts: Parts, name: str) -> bool | None:
    """Whether the entropy-coded data is as long as what it decodes to; None if that is not known.

    A decoder answers missing data with mid-grey blocks. Those cost bits, too: the coefficients
    that came out must fit into the bytes that are there.
    """
    lengths = markers.huffman_tables(parts.segments)
    if parts.frame.progressive or len(parts.scans) != 1 or lengths is None:
        return None
    planes = dct.read_planes(parts, name)
    if planes is None:
        return None
    header, coded = parts.scans[0].header, parts.scans[0].coded
    own = [(header[2 + 2 * i] >> 4, header[2 + 2 * i] & 15) for i in range(header[0])]
    if len(own) != len(planes.coefficients):
        return None
    zigzag = [plane[:, :, entropy.ZIGZAG] for plane in planes.coefficients]
    restart = _restart_interval(parts)
    bits = entropy.scan_bits(zigzag, parts.frame, own, lengths, restart)
    interval = restart or len(bits)
    in_intervals = np.add.reduceat(bits, np.arange(0, len(bits), interval))
    needed = int(np.sum(-(-in_intervals // 8)))
    restarts = sum(coded.count(bytes([0xFF, 0xD0 + n])) for n in range(8))
    return needed <= len(coded) - coded.count(b"\xff\0") - 2 * restarts


def _check_complete(parts: Parts, codes: np.ndarray, name: str, notes: list[str]) -> None:
    """Refuse a file whose picture data stops early; a missing end marker alone is a note."""
    whole: bool | None = True
    if parts.frame.progressive:
        whole = _all_refined(parts) and (parts.ended or None)
    elif not parts.ended:
        whole = complete(parts, name)
    elif _ends_in_nothing(codes):
        whole = complete(parts, name) is not False
    if not whole:
        raise UnreadableInput(
            f"`{name}` is truncated: its picture data stops before the last row.",
            "Copy it again from its source; what is missing cannot be read.",
        )
    if not parts.ended:
        notes.append("The end marker is missing; the picture data is complete.")


def _ends_in_nothing(codes: np.ndarray) -> bool:
    """Whether the last pixels have the colour that decoders give to missing data."""
    corner = codes[-4:, -4:]
    return bool((corner == corner[-1, -1]).all()) and bool(
        (np.abs(corner[-1, -1] - 128.0) < 2).all()
    )


def _all_refined(parts: Parts) -> bool:
    """Whether the scans of a progressive file bring every coefficient to its last bit."""
    left = {c.id: np.full(64, 99) for c in parts.frame.components}
    for scan in parts.scans:
        count = scan.header[0] if scan.header else 0
        if len(scan.header) < 4 + 2 * count:
            return False
        first, last, bits = scan.header[1 + 2 * count : 4 + 2 * count]
        for number in range(count):
            if (component := scan.header[1 + 2 * number]) in left:
                left[component][first : last + 1] = bits & 15
    return all(not bits.any() for bits in left.values())


def _restart_interval(parts: Parts) -> int:
    for segment in parts.segments:
        if segment.marker == markers.DRI and len(segment.data) >= 2:
            return int.from_bytes(segment.data[:2], "big")
    return 0


def _header(parts: Parts, orientation: int) -> Header:
    coding = {markers.BASELINE: "baseline", markers.EXTENDED: "extended"}
    return Header(
        format="jpeg",
        rows=parts.frame.rows,
        cols=parts.frame.cols,
        channels=len(parts.frame.components),
        bits=8,
        orientation=orientation,
        colour=kind_of(parts).value,
        compression=coding.get(parts.frame.sof, "progressive"),
    )


def _profile(parts: Parts, notes: list[str]) -> bytes | None:
    """The ICC profile out of its numbered segments."""
    pieces = [p for p in parts.payloads(markers.APP2, markers.ICC_ID) if len(p) >= 2]
    if not pieces:
        return None
    pieces.sort(key=lambda piece: piece[0])
    if [piece[0] for piece in pieces] != list(range(1, pieces[0][1] + 1)):
        notes.append("The ICC profile has lost a part; its parts are kept as they are.")
    return b"".join(piece[2:] for piece in pieces)


def _encoding(icc: bytes | None, channels: int, kind: Kind, notes: list[str]) -> Encoding:
    if icc is None or kind.inks:
        return "srgb"
    fault = metadata.profile_fault(icc, channels)
    if fault:
        notes.append(metadata.profile_note(fault))
    return "srgb" if fault else "icc"


def _dpi(parts: Parts) -> tuple[float, float] | None:
    for payload in parts.payloads(markers.APP0, b"JFIF\0"):
        if len(payload) >= 7 and payload[2] in (1, 2):
            factor = 1.0 if payload[2] == 1 else _CENTIMETRES_PER_INCH
            x, y = int.from_bytes(payload[3:5], "big"), int.from_bytes(payload[5:7], "big")
            return (x * factor, y * factor) if x and y else None
    return None


def _quality(parts: Parts) -> int | None:
    """The quality that the first component's table tells; None where it is no usual one."""
    table = parts.tables.get(parts.frame.components[0].table)
    if table is None or not all(table):
        return None
    square = np.empty(64)
    square[entropy.ZIGZAG] = table
    return quality_of(square.reshape(8, 8))


def _first(payloads: list[bytes]) -> bytes | None:
    return payloads[0] if payloads else None
