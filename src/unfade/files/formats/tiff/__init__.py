"""TIFF and BigTIFF.

Reads 1-16 bit unsigned integers and 16, 32 and (where exact) 64-bit floats; grey, RGB, palette,
8-bit CMYK and YCbCr in JPEG; strips and tiles, one plane or several, LZW, deflate, zstd, LZMA,
PackBits, CCITT and JPEG compression, both byte orders, several pages. Writes back into a copy
of the original (``save``), into a new file when the original was of another format
(``fresh.convert``), and as BigTIFF when a classic TIFF would grow beyond 4 GiB.

The journey of a page: ``container`` (bytes to tags), ``page`` (tags to facts), ``segments``
(bytes to samples), ``render`` (samples to codes), ``load`` (a page to a Picture); and back:
``layout`` (a new arrangement), ``space`` and ``target`` (places in the file), ``revision`` (what
changed), ``save`` and ``fresh``. Camera raw files in TIFF dress (DNG, NEF, ARW) are recognised
and handed to the format ``raw``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from unfade.errors import InputRefused, UsageError
from unfade.files.formats.contract import Format, Header, Opened, WriteOptions
from unfade.files.formats.tiff.container import Container, Ifd
from unfade.files.formats.tiff.fresh import convert, enlarge
from unfade.files.formats.tiff.kinds import (
    COLOURS,
    COMPRESSIONS,
)
from unfade.files.formats.tiff.load import (
    companion_infrared,
    open_page,
    read_picture,
    reduced_companions,
)
from unfade.files.formats.tiff.metadata import is_camera_raw, metadata
from unfade.files.formats.tiff.page import (
    Page,
    full_pages,
    read_page,
)
from unfade.files.formats.tiff.save import Native, save
from unfade.files.formats.tiff.target import ClassicIsFull
from unfade.files.limits import Limits
from unfade.picture import EvidenceMap, Picture

MAX_TRIED = 100  # pages whose facts are looked at before a file is refused


class Tiff:
    """The TIFF format, see the module's first lines."""

    name = "tiff"
    extensions: tuple[str, ...] = (".tif", ".tiff", ".btf", ".tf8")

    def sniff(self, head: bytes) -> bool:
        return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

    def header(self, path: Path) -> Header:
        with Container(path) as box:
            if is_camera_raw(box):
                return _raw().header(path)
            pages = full_pages(box)
            page = _first_readable(box, pages)
        return Header(
            format=self.name,
            rows=page.rows,
            cols=page.cols,
            channels=page.samples,
            bits=page.bits,
            pages=len(pages),
            orientation=page.orientation,
            colour=COLOURS[page.photometric],
            compression=COMPRESSIONS[page.compression],
        )

    def read(self, path: Path, header: Header, limits: Limits, page: int = 0) -> Opened:
        if header.format != self.name:
            return _raw().read(path, header, limits, page)
        with Container(path) as box:
            stat = path.stat()
            pages = full_pages(box)
            if not 0 <= page < len(pages):
                raise UsageError(
                    f"{box.name} has {len(pages)} pages; page {page + 1} was asked for.",
                    f"Choose one of 1 to {len(pages)}.",
                )
            source = open_page(box, pages[page], page)
            facts = source.page
            limits.check(path.name, facts.rows, facts.cols, len(pages))
            picture, shown, notes = read_picture(source, limits)
            other = companion_infrared(box, pages, page)
            if other is not None:
                plane = read_picture(open_page(box, pages[other], other), limits)[0]
                picture = replace(picture, infrared=plane.samples[..., 0])
                notes += (f"Page {other + 1}, grey and of the same size, is read as infrared.",)
            reduced = sum(len(group) for group in reduced_companions(box, pages[page]))
            if reduced:
                notes += (
                    f"{reduced} smaller versions of the picture in the file are left out "
                    "if the picture changes, as they would show it as it was.",
                )
            return Opened(
                picture=picture,
                header=replace(
                    header,
                    rows=facts.rows,
                    cols=facts.cols,
                    channels=facts.samples,
                    bits=facts.bits,
                    orientation=facts.orientation,
                    colour=COLOURS[facts.photometric],
                    compression=COMPRESSIONS[facts.compression],
                ),
                blocks=metadata(box, pages[page], limits),
                path=path,
                native=Native(shown=shown, stamp=(stat.st_size, stat.st_mtime_ns)),
                notes=notes,
                page=page,
            )

    def write(
        self,
        target: Path,
        picture: Picture,
        opened: Opened,
        evidence: EvidenceMap | None,
        options: WriteOptions,
    ) -> EvidenceMap | None:
        if not isinstance(opened.native, Native):
            convert(target, picture, opened, options)
            return evidence
        try:
            save(target, picture, opened, options)
        except ClassicIsFull:
            enlarge(target, picture, opened, options)
        return evidence


def _first_readable(box: Container, pages: tuple[Ifd, ...]) -> Page:
    """The facts of the first page that can be read; the first page's error if none can."""
    refusal: InputRefused | None = None
    for number, ifd in enumerate(pages[:MAX_TRIED]):
        place = f"{box.name}, page {number + 1}" if len(pages) > 1 else box.name
        try:
            return read_page(box, ifd, place)
        except InputRefused as error:
            refusal = refusal or error
    raise refusal or box.damaged("it has no page")


def _raw() -> Format:
    """The format of camera raw files that are TIFF outwardly; its module needs this package."""
    from unfade.files.formats.raw import RAW

    return RAW


TIFF = Tiff()
