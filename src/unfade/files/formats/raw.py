"""Camera raw, read only: rendered by LibRaw as the camera meant it, without brightening.

A raw file holds no picture but measurements; one rendering is fixed here so that it is the same
everywhere: demosaiced (LibRaw's default, AHD), white balance as the camera recorded it, sRGB
primaries and curve, 16 bits, no automatic brightening, turned upright. For another rendering,
develop the file with a raw developer and open its TIFF.

Many raw formats (DNG, NEF, ARW, PEF) are TIFF files outwardly and cannot be told by their first
bytes: the TIFF format recognises them and hands them over.

Source:
    Adobe Digital Negative Specification 1.7; TIFF/EP (ISO 12234-2)
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unfade.errors import InputRefused, UnreadableInput, WouldLose
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.formats.tiff.container import Container
from unfade.files.formats.tiff.metadata import metadata, upright_exif
from unfade.files.limits import Limits
from unfade.needs import need
from unfade.picture import EvidenceMap, Picture

_SRGB_CURVE = (2.4, 12.92)


class Raw:
    """Camera raw, see the module's first lines."""

    name = "raw"
    extensions: tuple[str, ...] = (
        ".dng",
        ".cr2",
        ".cr3",
        ".nef",
        ".arw",
        ".orf",
        ".rw2",
        ".raf",
        ".pef",
    )

    def sniff(self, head: bytes) -> bool:
        return (
            head.startswith((b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW"))
            or (head[:4] == b"II*\0" and head[8:10] == b"CR")
            or head[4:12] == b"ftypcrx "
        )

    def header(self, path: Path) -> Header:
        with _opened(path) as raw:
            return self._header(raw)

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        with _opened(path) as raw:
            sizes = raw.sizes
            limits.check(path.name, sizes.raw_height, sizes.raw_width)
            notes = [
                "Camera raw is rendered by LibRaw: camera white balance, sRGB, no brightening.",
            ]
            try:
                raw.unpack()
                if not any(raw.camera_whitebalance[:3]):
                    notes.append("No white balance is recorded; LibRaw's for daylight is used.")
                samples = raw.postprocess(
                    use_camera_wb=True,
                    no_auto_bright=True,
                    adjust_maximum_thr=0.0,  # the stated white level, not the brightest sample
                    output_bps=16,
                    gamma=_SRGB_CURVE,
                )
            except _errors() as error:
                raise _unreadable(path, error) from error
        blocks, more = _blocks(path, limits)
        return Opened(
            picture=Picture(np.ascontiguousarray(samples)),
            header=replace(header, rows=samples.shape[0], cols=samples.shape[1]),
            blocks=blocks,
            path=path,
            notes=(*notes, *more),
        )

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        raise WouldLose(
            f"`{opened.path.name}`: camera raw cannot be written; a mended picture is no "
            "measurement any more.",
            f"Write another format with `-o {opened.path.stem}.tif`.",
        )

    def _header(self, raw: Any) -> Header:
        sizes = raw.sizes
        rows, cols = sizes.iheight, sizes.iwidth
        if sizes.flip in (5, 6):  # LibRaw's numbers for a quarter turn
            rows, cols = cols, rows
        return Header(
            format=self.name,
            rows=int(rows),
            cols=int(cols),
            channels=3,
            bits=16,
            colour="camera raw",
            compression="raw",
        )


def _errors() -> tuple[type[Exception], ...]:
    rawpy = need("rawpy", extra="raw", to="read camera raw files")
    return (rawpy.LibRawError, rawpy.NotSupportedError, ValueError)


def _opened(path: Path) -> Any:
    rawpy = need("rawpy", extra="raw", to="read camera raw files")
    raw = rawpy.RawPy()
    try:
        raw.open_file(str(path))
    except _errors() as error:
        raw.close()
        raise _unreadable(path, error) from error
    return raw


def _unreadable(path: Path, error: Exception) -> UnreadableInput:
    said = error.args[0] if error.args else ""
    said = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return UnreadableInput(
        f"`{path.name}` cannot be read as camera raw ({said}).",
        "It is damaged or of a camera that LibRaw does not know; develop it to TIFF first.",
    )


def _blocks(path: Path, limits: Limits) -> tuple[Blocks, tuple[str, ...]]:
    """Metadata of raw files in TIFF dress; the orientation is set to 1, as LibRaw has turned it."""
    try:
        with Container(path) as box:
            found = metadata(box, box.ifds[0], limits)
    except InputRefused:
        return Blocks(), ("The file's metadata cannot be read and is not carried over.",)
    exif, turned = upright_exif(found.exif)
    note = "The orientation in the EXIF block is set to 1: raw files are turned on reading."
    return replace(found, exif=exif), (note,) if turned else ()


RAW = Raw()
