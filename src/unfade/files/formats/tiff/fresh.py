"""Write a new TIFF file: a conversion from another format, or a classic TIFF grown too large."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from unfade.errors import UnreadableInput, WouldLose
from unfade.files.formats.contract import Opened, WriteOptions
from unfade.files.formats.tiff.container import IFD8, LONG8, SHORT, Container, Ifd
from unfade.files.formats.tiff.kinds import (
    OLD_JPEG,
)
from unfade.files.formats.tiff.layout import (
    RANGES,
    new_page,
    place_values,
    resolution,
    structure,
    write_segments,
)
from unfade.files.formats.tiff.load import open_page, reduced_companions
from unfade.files.formats.tiff.metadata import ICC, IPTC, PHOTOSHOP, STRUCTURE, XMP
from unfade.files.formats.tiff.page import (
    full_pages,
)
from unfade.files.formats.tiff.revision import arranged
from unfade.files.formats.tiff.save import check_stamp, described
from unfade.files.formats.tiff.target import CLASSIC_END, Target, Value, copy_values
from unfade.picture import Picture
from unfade.pixels.orient import swaps_sides

BYTE, UNDEFINED = 1, 7
ORIENTATION = 274
_ROOM = 64 << 20  # for metadata and segments that do not compress


def convert(path: Path, picture: Picture, opened: Opened, options: WriteOptions) -> None:
    """Write a picture that came from another format: deflate, predictor, strips.

    EXIF, XMP, IPTC and ICC of the original are carried over; samples are stored in the order in
    which the original has them, with its orientation.

    Raises:
        WouldLose: the original's EXIF block is damaged
    """
    orientation = opened.header.orientation
    big = picture.samples.nbytes + _ROOM > CLASSIC_END
    blocks = opened.blocks
    with path.open("wb") as stream, _exif(blocks.exif, opened.path) as exif:
        order = exif.order if exif else "<"
        page = new_page(picture, None, 0, order, orientation)
        target = Target.fresh(stream, order, big)
        offsets, counts = write_segments(picture, page, target)
        values: dict[int, Value] = {}
        if exif:
            values |= copy_values(exif, exif.ifds[0], target, leave_out=STRUCTURE)
        edits = structure(page, target) | place_values(page, offsets, counts, target)
        if picture.full_scale not in (1.0, 255.0, 65535.0) and not page.is_float:
            edits[281] = Value.of(SHORT, [int(picture.full_scale)] * page.samples, order)
        values |= {code: value for code, value in edits.items() if value is not None}
        values[ORIENTATION] = Value.of(SHORT, (orientation,), order)
        if picture.dpi is not None:
            values |= resolution(picture.dpi, 2, order, swaps_sides(orientation))
        if picture.icc is not None:
            values[ICC] = Value.text(UNDEFINED, picture.icc)
        xmp = options.xmp if options.xmp is not None else blocks.xmp
        if xmp is not None:
            values[XMP] = Value.text(BYTE, xmp)
        if blocks.iptc is not None:
            values |= _iptc(blocks.iptc)
        target.link(target.first_at, target.put_ifd(values)[0])
        target.finish()


def enlarge(path: Path, picture: Picture, opened: Opened, options: WriteOptions) -> None:
    """Write the whole original anew as BigTIFF, with the picture in place of its page.

    Raises:
        WouldLose: a page whose segments cannot be moved
    """
    check_stamp(opened)
    with Container(opened.path) as box, path.open("wb") as stream:
        target = Target.fresh(stream, box.order, big=True)
        ifd = full_pages(box)[opened.page]
        chained, below = reduced_companions(box, ifd)
        pointer_at = target.first_at
        for other in box.ifds:
            if other in chained:
                continue
            if other is ifd:
                values = _new_page_values(box, ifd, below, target, picture, opened, options)
            else:
                values = _moved(box, other, target)
            at, next_at = target.put_ifd(values)
            target.link(pointer_at, at)
            pointer_at = next_at
        target.finish()


def _new_page_values(
    box: Container,
    ifd: Ifd,
    below: tuple[Ifd, ...],
    target: Target,
    picture: Picture,
    opened: Opened,
    options: WriteOptions,
) -> dict[int, Value]:
    source = open_page(box, ifd, opened.page)
    if opened.native.shown.infrared is None:
        picture = replace(picture, infrared=None)
    page = arranged(source, picture)
    offsets, counts = write_segments(picture, page, target)
    values = copy_values(box, ifd, target, leave_out=(273, 279, 324, 325))
    kept = [child for child in ifd.children.get(330, ()) if child not in below]
    if kept:
        places = [target.put_ifd(_moved(box, child, target))[0] for child in kept]
        values[330] = Value.of(IFD8, places, target.order)
    edits = structure(page, target) | place_values(page, offsets, counts, target)
    if (page.bits, page.samples) != (source.page.bits, source.page.samples):
        edits |= dict.fromkeys(RANGES)
    edits |= described(source, picture, opened, options)
    for code, value in edits.items():
        if value is None:
            values.pop(code, None)
        else:
            values[code] = value
    return values


def _moved(box: Container, ifd: Ifd, target: Target) -> dict[int, Value]:
    """A directory's values for the new file, its segments copied byte for byte."""
    if box.integer(ifd, 259, 1) == OLD_JPEG or 513 in ifd:
        raise WouldLose(
            f"{box.name} must become a BigTIFF, as it grows beyond 4 GiB, but holds a page with "
            "old-style JPEG compression, which cannot be moved.",
            "Remove that page or save it with another compression first.",
        )
    values = copy_values(box, ifd, target)
    for at_tag, size_tag in ((273, 279), (324, 325)):
        if at_tag in ifd and size_tag in ifd:
            sizes = box.places(ifd.entries[size_tag])
            places = [
                target.put(box.bytes_at(int(at), int(size), "a segment"))
                for at, size in zip(box.places(ifd.entries[at_tag]), sizes)
            ]
            values[at_tag] = Value.of(LONG8, places, target.order)
    if ifd.children.get(330):
        kept = [target.put_ifd(_moved(box, child, target))[0] for child in ifd.children[330]]
        values[330] = Value.of(IFD8, kept, target.order)
    return values


@contextmanager
def _exif(block: bytes | None, path: Path) -> Iterator[Container | None]:
    if block is None:
        yield None
        return
    try:
        box = Container(block, name=f"`{path.name}`, EXIF block,")
    except UnreadableInput as error:
        raise WouldLose(
            f"{error.found} It cannot be carried into a TIFF.",
            "Remove it from the original first, or write to the original's own format.",
        ) from error
    with box:
        yield box


def _iptc(block: bytes) -> dict[int, Value]:
    """IPTC as TIFF holds it: bare records in their own tag, Photoshop's resources in theirs."""
    block = block.removeprefix(b"Photoshop 3.0\0")
    if block.startswith(b"8BIM"):
        return {PHOTOSHOP: Value.text(BYTE, block)}
    return {IPTC: Value.text(UNDEFINED, block)}
