"""PNG: all depths and colour kinds, exactly.

Pixels are decoded and coded by libpng (imagecodecs); everything else is kept here, chunk by
chunk. Grey of 1, 2 and 4 bits and palettes become 8 bits a sample, without loss; a changed copy
of them is stored with 8 bits. Interlaced files are written back without interlacing.
"""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfade.errors import UnreadableInput
from unfade.files import metadata
from unfade.files.formats import png_chunks as chunks
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.kept import (
    beyond_full_range,
    refuse_loss,
    stored_alpha,
    stored_samples,
)
from unfade.files.formats.png_chunks import Chunk, Ihdr, Parts
from unfade.files.formats.png_encode import COLOUR_TYPES, encode
from unfade.files.limits import Limits
from unfade.picture import Encoding, EvidenceMap, Picture
from unfade.pixels.orient import upright

_COLOURS = {0: "grey", 2: "rgb", 3: "palette", 4: "grey+alpha", 6: "rgb+alpha"}
# what speaks of the colour kind and would be wrong beside another one
_KIND_BOUND = (b"tRNS", b"bKGD", b"hIST", b"sBIT", b"sPLT", b"PLTE")
_LINEAR_GAMMA = 100000


@dataclass(frozen=True, slots=True, eq=False)
class Native:
    """Chunks for writing back; ``kind`` is how the picture's samples would be stored."""

    before: tuple[Chunk, ...]
    after: tuple[Chunk, ...]
    colour: int
    bits: int
    icc: bytes | None


class Png:
    """PNG; see the module."""

    name = "png"
    extensions: tuple[str, ...] = (".png",)

    def sniff(self, head: bytes) -> bool:
        return head.startswith(chunks.SIGNATURE)

    def header(self, path: Path) -> Header:
        parts = chunks.take_apart(path, with_pixels=False)
        return _header(parts, metadata.exif_facts(parts.first(b"eXIf")).orientation)

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        name = str(path)
        parts = chunks.take_apart(path, with_pixels=True)
        limits.check(name, parts.ihdr.rows, parts.ihdr.cols)
        chunks.check_texts(parts, name, limits)
        icc, icc_damaged = chunks.profile(parts, name, limits)
        blocks = Blocks(
            exif=parts.first(b"eXIf"),
            xmp=chunks.text_packet(parts, name, limits),
            iptc=chunks.iptc_block(parts, name, limits),
        )
        metadata.check_blocks(name, limits, blocks, icc)
        facts = metadata.exif_facts(blocks.exif)
        notes = [facts.note] if facts.note else []
        if parts.trailing:
            notes.append(
                f"{parts.trailing} bytes after the end of the picture are not carried into a "
                "changed copy."
            )
        old = sorted({c.kind.decode("latin-1") for c in _all(parts) if not _stays(c)})
        if old:
            notes.append(
                f"Chunks that speak of the old pixels are not carried into a changed copy: "
                f"{', '.join(f'`{kind}`' for kind in old)}."
            )
        samples, alpha = _decode(parts, name, notes)
        if icc_damaged:
            notes.append(
                "The ICC profile cannot be unpacked; it is kept, pixels are taken as sRGB."
            )
        turn = facts.orientation
        picture = Picture(
            np.ascontiguousarray(upright(samples, turn)),
            encoding=_encoding(parts, icc, samples.shape[2], notes),
            icc=icc,
            alpha=None if alpha is None else np.ascontiguousarray(upright(alpha, turn)),
            dpi=metadata.upright_dpi(_dpi(parts) or facts.dpi, turn),
        )
        return Opened(
            picture=picture,
            header=_header(parts, turn),
            blocks=blocks,
            path=path,
            native=Native(parts.before, parts.after, parts.ihdr.colour, parts.ihdr.bits, icc),
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
        """Write a PNG of the picture's own depth; exact, so ``evidence`` holds as it is."""
        lost = beyond_full_range(picture)
        if picture.samples.dtype == np.float32:
            lost.append("floating-point samples")
        if picture.infrared is not None:
            lost.append("the infrared plane")
        refuse_loss(target.name, "a PNG", lost)
        samples, alpha = stored_samples(picture, opened), stored_alpha(picture, opened)
        bands = samples if alpha is None else np.dstack([samples, alpha])
        native = opened.native if isinstance(opened.native, Native) else None
        if native:
            ahead, behind = _kept(native, bands, picture, options)
        else:
            ahead, behind = _new_chunks(picture, opened, options), []
        target.write_bytes(encode(bands, ahead, behind))
        return evidence


PNG = Png()


def _decode(parts: Parts, name: str, notes: list[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """Samples (rows, cols, 1 or 3) and the alpha plane, as stored."""
    ihdr, transparent = parts.ihdr, parts.first(b"tRNS")
    bands = _bands(parts, name)
    if ihdr.colour == chunks.PALETTE:
        notes.append("The palette is widened to RGB; a changed copy is stored as 8-bit RGB.")
        return _looked_up(parts, bands[:, :, 0], transparent, name)
    if ihdr.bits < 8:
        notes.append(
            f"Grey of {ihdr.bits} bits is widened to 8; a changed copy is stored as 8-bit grey."
        )
    if ihdr.colour in (chunks.GREY_ALPHA, chunks.RGB_ALPHA):
        return np.ascontiguousarray(bands[:, :, :-1]), np.ascontiguousarray(bands[:, :, -1])
    if transparent is None:
        return bands, None
    channels = bands.shape[2]
    if len(transparent) != 2 * channels:
        notes.append("The transparency chunk is damaged and not used.")
        return bands, None
    notes.append("The transparent colour became an alpha plane; a changed copy stores that.")
    full = int(np.iinfo(bands.dtype).max)
    scale = full // ((1 << ihdr.bits) - 1)
    key = np.array(struct.unpack(f">{channels}H", transparent)) * scale
    clear = (bands == key).all(axis=2)
    return bands, np.where(clear, 0, full).astype(bands.dtype)


def _bands(parts: Parts, name: str) -> np.ndarray:
    """What libpng makes of the pixels alone; palette indices come scaled, as grey would."""
    import imagecodecs

    ihdr = parts.ihdr
    colour = chunks.GREY if ihdr.colour == chunks.PALETTE else ihdr.colour
    plain = Ihdr(ihdr.cols, ihdr.rows, ihdr.bits, colour, ihdr.interlaced)
    body = [plain.chunk, *parts.pixels, Chunk(b"IEND", b"")]
    stream = chunks.SIGNATURE + b"".join(chunk.whole for chunk in body)
    logging.getLogger("imagecodecs").addFilter(_worth_saying)
    try:
        bands = np.asarray(imagecodecs.png_decode(stream))
    except (imagecodecs.PngError, ValueError) as error:
        raise UnreadableInput(
            f"`{name}` is truncated or damaged: its pixels cannot be decoded ({error}).",
            "Copy it again from its source.",
        ) from error
    return bands[:, :, None] if bands.ndim == 2 else bands


def _worth_saying(record: logging.LogRecord) -> bool:
    """Whether a message of the decoder tells of the file, not of how the decoder is called."""
    return "Interlace handling" not in record.getMessage()


def _looked_up(
    parts: Parts, grey: np.ndarray, transparent: bytes | None, name: str
) -> tuple[np.ndarray, np.ndarray | None]:
    index = grey // (255 // ((1 << parts.ihdr.bits) - 1))
    palette = parts.first(b"PLTE") or b""
    colours = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)
    if len(colours) <= int(index.max()):
        raise UnreadableInput(
            f"`{name}` uses palette entry {int(index.max())} of {len(colours)}; it is damaged.",
            "Open and save it in an image editor first.",
        )
    alpha = None
    if transparent is not None:
        opacity = np.full(256, 255, np.uint8)
        opacity[: len(transparent)] = np.frombuffer(transparent[:256], np.uint8)
        alpha = opacity[index]
    return colours[index], alpha


def _kept(
    native: Native, bands: np.ndarray, picture: Picture, options: WriteOptions
) -> tuple[list[Chunk], list[Chunk]]:
    """The original's chunks, but for those that would say something wrong now."""
    same = (COLOUR_TYPES[bands.shape[2]], 8 * bands.dtype.itemsize) == (native.colour, native.bits)
    skip: tuple[bytes, ...] = () if same else _KIND_BOUND
    if picture.icc != native.icc:
        skip += (b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP")
    ahead, behind = list(chunks.each(native.before, skip)), list(chunks.each(native.after, skip))
    ahead, behind = [c for c in ahead if _stays(c)], [c for c in behind if _stays(c)]
    if picture.icc != native.icc and picture.icc is not None:
        ahead.insert(0, chunks.profile_chunk(picture.icc))
    if options.xmp is not None:
        ahead, behind = [c for c in ahead if not _is_xmp(c)], [c for c in behind if not _is_xmp(c)]
        ahead.append(chunks.xmp_chunk(options.xmp))
    return ahead, behind


# may not be copied blindly, but are known here to stay true beside changed pixels
_KNOWN = (
    b"PLTE", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI",
    b"bKGD", b"sPLT", b"hIST",
)  # fmt: skip


def _stays(chunk: Chunk) -> bool:
    return chunk.safe_to_copy or chunk.kind in _KNOWN


def _all(parts: Parts) -> tuple[Chunk, ...]:
    return parts.before + parts.after


def _new_chunks(picture: Picture, opened: Opened, options: WriteOptions) -> list[Chunk]:
    made = []
    if picture.icc is not None:
        made.append(chunks.profile_chunk(picture.icc))
    elif picture.encoding == "linear":
        made.append(Chunk(b"gAMA", struct.pack(">I", _LINEAR_GAMMA)))
    dpi = metadata.upright_dpi(picture.dpi, opened.header.orientation)
    if dpi:
        made.append(chunks.resolution_chunk(dpi))
    if opened.blocks.exif is not None:
        made.append(Chunk(b"eXIf", opened.blocks.exif))
    if opened.blocks.iptc is not None:
        made.append(chunks.iptc_chunk(metadata.photoshop_resources(opened.blocks.iptc)))
    xmp = options.xmp if options.xmp is not None else opened.blocks.xmp
    if xmp is not None:
        made.append(chunks.xmp_chunk(xmp))
    return made


def _is_xmp(chunk: Chunk) -> bool:
    return chunk.kind == b"iTXt" and chunk.data.startswith(chunks.XMP_KEYWORD + b"\0")


def _header(parts: Parts, orientation: int) -> Header:
    ihdr = parts.ihdr
    return Header(
        format="png",
        rows=ihdr.rows,
        cols=ihdr.cols,
        channels=chunks.CHANNELS[ihdr.colour],
        bits=ihdr.bits,
        orientation=orientation,
        colour=_COLOURS[ihdr.colour],
        compression="deflate, interlaced" if ihdr.interlaced else "deflate",
    )


def _encoding(parts: Parts, icc: bytes | None, channels: int, notes: list[str]) -> Encoding:
    if icc is not None:
        fault = metadata.profile_fault(icc, channels)
        if fault:
            notes.append(metadata.profile_note(fault))
        return "srgb" if fault else "icc"
    gamma = parts.first(b"gAMA")
    stated = int.from_bytes(gamma[:4], "big") if gamma and parts.first(b"sRGB") is None else 0
    return "linear" if stated == _LINEAR_GAMMA else "srgb"


def _dpi(parts: Parts) -> tuple[float, float] | None:
    data = parts.first(b"pHYs")
    if data is None or len(data) != 9 or data[8] != 1:
        return None
    x, y = struct.unpack(">II", data[:8])
    return (x / chunks.INCHES_PER_METRE, y / chunks.INCHES_PER_METRE) if x and y else None
