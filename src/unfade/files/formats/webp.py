"""WebP: lossless and lossy are read; writing is always lossless unless a quality is asked for.

A lossy WebP cannot be changed in one place only, so a changed copy is stored without loss: larger,
but every sample that was not mended stays as it was. Chunks for EXIF, XMP and profile are kept
byte for byte. Animations are refused.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfade.errors import UnreadableInput, UnsupportedInput, WouldLose
from unfade.files import metadata
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.kept import (
    beyond_8_bits,
    mark_coded,
    refuse_loss,
    stored_alpha,
    stored_samples,
)
from unfade.files.limits import Limits
from unfade.picture import Encoding, EvidenceMap, Picture
from unfade.pixels.orient import upright

_MOST_SIDE_PX = 16383
_PROFILE, _ALPHA, _EXIF, _XMP, _ANIMATED = 0x20, 0x10, 0x08, 0x04, 0x02
_WITH_PIXELS = (b"VP8 ", b"VP8L", b"ALPH", b"VP8X")
_EXIF_PREFIX = b"Exif\0\0"


@dataclass(frozen=True, slots=True)
class _Parts:
    """RIFF chunks in order, and what their headers state."""

    chunks: tuple[tuple[bytes, bytes], ...]
    rows: int
    cols: int
    lossless: bool
    alpha: bool
    animated: bool

    def first(self, kind: bytes) -> bytes | None:
        return next((data for name, data in self.chunks if name == kind), None)


@dataclass(frozen=True, slots=True)
class Native:
    """Chunks for writing back: the profile and those that are not known here."""

    icc: bytes | None
    exif: bytes | None  # with its prefix, where a program has written one
    other: tuple[tuple[bytes, bytes], ...]


class WebP:
    """WebP; see the module."""

    name = "webp"
    extensions: tuple[str, ...] = (".webp",)

    def sniff(self, head: bytes) -> bool:
        return head[:4] == b"RIFF" and head[8:12] == b"WEBP"

    def header(self, path: Path) -> Header:
        parts = _take_apart(path)
        return _header(parts, metadata.exif_facts(_exif(parts)).orientation)

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        name = str(path)
        parts = _take_apart(path)
        limits.check(name, parts.rows, parts.cols)
        if parts.animated:
            raise UnsupportedInput(
                f"`{name}` is an animated WebP, a single picture is expected.",
                "Save the wanted frame as a file of its own, or treat it as a film.",
            )
        blocks = Blocks(exif=_exif(parts), xmp=parts.first(b"XMP "))
        icc = parts.first(b"ICCP")
        metadata.check_blocks(name, limits, blocks, icc)
        facts = metadata.exif_facts(blocks.exif)
        notes = [facts.note] if facts.note else []
        encoding: Encoding = "srgb" if icc is None else "icc"
        fault = metadata.profile_fault(icc, 3) if icc is not None else None
        if fault:
            encoding = "srgb"
            notes.append(metadata.profile_note(fault))
        if not parts.lossless:
            notes.append("This WebP is lossy; a changed copy is stored without further loss.")
        bands = _decode(_riff(tuple(c for c in parts.chunks if c[0] in _WITH_PIXELS)), parts, name)
        bands = np.ascontiguousarray(upright(bands, facts.orientation))
        picture = Picture(
            np.ascontiguousarray(bands[:, :, :3]),
            encoding=encoding,
            icc=icc,
            alpha=np.ascontiguousarray(bands[:, :, 3]) if bands.shape[2] == 4 else None,
            dpi=metadata.upright_dpi(facts.dpi, facts.orientation),
        )
        known = (*_WITH_PIXELS, b"ICCP", b"EXIF", b"XMP ")
        other = tuple(c for c in parts.chunks if c[0] not in known)
        return Opened(
            picture=picture,
            header=_header(parts, facts.orientation),
            blocks=blocks,
            path=path,
            native=Native(icc, parts.first(b"EXIF"), other),
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
        """Write a lossless WebP, or a lossy one of ``options.quality``."""
        native = opened.native if isinstance(opened.native, Native) else None
        _check_can_hold(target, picture, opened)
        samples, alpha = stored_samples(picture, opened), stored_alpha(picture, opened)
        if samples.shape[2] == 1:
            samples = np.repeat(samples, 3, axis=2)
        bands = samples if alpha is None else np.dstack([samples, alpha])
        coded = _encode(bands, options.quality)
        pixels = [c for c in _split(coded, str(target)) if c[0] in _WITH_PIXELS[:3]]
        exif = opened.blocks.exif
        if native and native.exif is not None:
            exif = native.exif
        xmp = options.xmp if options.xmp is not None else opened.blocks.xmp
        flags = (
            (_PROFILE if picture.icc else 0)
            | (_ALPHA if alpha is not None else 0)
            | (_EXIF if exif else 0)
            | (_XMP if xmp else 0)
        )
        rows, cols = bands.shape[:2]
        size = (cols - 1).to_bytes(3, "little") + (rows - 1).to_bytes(3, "little")
        body = [(b"VP8X", struct.pack("<I", flags) + size)] if flags else []
        body += [(b"ICCP", picture.icc)] if picture.icc else []
        body += pixels
        body += [(b"EXIF", exif)] if exif else []
        body += [(b"XMP ", xmp)] if xmp else []
        body += list(native.other) if native else []
        target.write_bytes(_riff(tuple(body)))
        if evidence is None or options.quality is None:
            return evidence
        shown = _decode(coded, None, str(target))[:, :, : picture.channels]
        return mark_coded(evidence, upright(shown, opened.header.orientation), picture, None)


WEBP = WebP()


def _encode(bands: np.ndarray, quality: int | None) -> bytes:
    from PIL import Image, WebPImagePlugin  # noqa: F401  (the plug-in registers itself)

    buffer = io.BytesIO()
    image = Image.fromarray(bands)
    if quality is None:
        # `exact` keeps the colour under transparent pixels, `quality` is effort here
        image.save(buffer, "WEBP", lossless=True, exact=True, quality=70, method=3)
    else:
        image.save(buffer, "WEBP", quality=quality, exact=True, method=4)
    return buffer.getvalue()


def _decode(stream: bytes, parts: _Parts | None, name: str) -> np.ndarray:
    """(rows, cols, 3 or 4) uint8."""
    from PIL.WebPImagePlugin import WebPImageFile

    try:
        with WebPImageFile(io.BytesIO(stream)) as image:
            if image.mode not in ("RGB", "RGBA"):
                raise ValueError(f"decodes to {image.mode}")
            bands = np.asarray(image)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise UnreadableInput(
            f"`{name}` is truncated or damaged: its pixels cannot be decoded ({error}).",
            "Copy it again from its source.",
        ) from error
    if parts is not None and bands.shape[:2] != (parts.rows, parts.cols):
        raise _damaged(name, "decodes to another size than it states")
    return bands


def _split(data: bytes, name: str) -> list[tuple[bytes, bytes]]:
    if len(data) < 12:
        raise _damaged(name, "ends inside its header")
    end = struct.unpack_from("<I", data, 4)[0] + 8
    if end > len(data):
        raise _damaged(name, f"states {end} bytes and has {len(data)}")
    at, found = 12, []
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise _damaged(name, "ends inside a chunk")
        found.append((kind, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found


def _riff(chunks: tuple[tuple[bytes, bytes], ...]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _take_apart(path: Path) -> _Parts:
    name = str(path)
    found = _split(path.read_bytes(), name)
    by_kind = dict(reversed(found))
    lossy, lossless = by_kind.get(b"VP8 "), by_kind.get(b"VP8L")
    extended = by_kind.get(b"VP8X")
    animated = b"ANMF" in by_kind or bool(extended and extended[:1][0] & _ANIMATED)
    if extended is not None and len(extended) >= 10:
        cols = int.from_bytes(extended[4:7], "little") + 1
        rows = int.from_bytes(extended[7:10], "little") + 1
        alpha = bool(extended[0] & _ALPHA)
    elif lossless is not None and len(lossless) >= 5 and lossless[0] == 0x2F:
        packed = int.from_bytes(lossless[1:5], "little")
        cols, rows = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        alpha = bool(packed >> 28 & 1)
    elif lossy is not None and lossy[3:6] == b"\x9d\x01\x2a" and len(lossy) >= 10:
        cols = int.from_bytes(lossy[6:8], "little") & 0x3FFF
        rows = int.from_bytes(lossy[8:10], "little") & 0x3FFF
        alpha = False
    else:
        raise _damaged(name, "has no picture header")
    if not rows or not cols or (lossy is None and lossless is None and not animated):
        raise _damaged(name, "has no picture data")
    return _Parts(tuple(found), rows, cols, lossless is not None, alpha, animated)


def _exif(parts: _Parts) -> bytes | None:
    block = parts.first(b"EXIF")
    return block.removeprefix(_EXIF_PREFIX) if block is not None else None


def _header(parts: _Parts, orientation: int) -> Header:
    return Header(
        format="webp",
        rows=parts.rows,
        cols=parts.cols,
        channels=4 if parts.alpha else 3,
        bits=8,
        pages=max(1, sum(kind == b"ANMF" for kind, _ in parts.chunks)),
        orientation=orientation,
        colour="rgb+alpha" if parts.alpha else "rgb",
        compression="lossless" if parts.lossless else "lossy",
    )


def _check_can_hold(target: Path, picture: Picture, opened: Opened) -> None:
    lost = beyond_8_bits(picture)
    if picture.infrared is not None:
        lost.append("the infrared plane")
    if opened.blocks.iptc is not None:
        lost.append("the IPTC block")
    if picture.encoding == "linear":
        lost.append("linear light")
    refuse_loss(target.name, "a WebP", lost)
    if max(picture.rows, picture.cols) > _MOST_SIDE_PX:
        raise WouldLose(
            f"`{target.name}`: a WebP may have {_MOST_SIDE_PX} pixels a side, this picture has "
            f"{picture.cols} x {picture.rows}.",
            "Choose `.tif` or `.png` for the output.",
        )


def _damaged(name: str, what: str) -> UnreadableInput:
    return UnreadableInput(
        f"`{name}` {what}; it is truncated or damaged.", "Copy it again from its source."
    )
