"""Write a TIFF back: the original's bytes with nothing replaced but what changed.

The target begins as a copy of the original. A segment whose samples did not change keeps its
bytes and its place, and so do all pages, tags, notes of camera makers and gaps, known or not.
Changed segments go where the old ones lay, if they fit, or to the end; what remains of the old
ones is wiped.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from unfade.errors import UnreadableInput
from unfade.files.formats.contract import Opened, WriteOptions
from unfade.files.formats.tiff.container import EXIF_IFD, SUB_IFDS, Container, Ifd
from unfade.files.formats.tiff.layout import resolution
from unfade.files.formats.tiff.load import Source, open_page, reduced_companions
from unfade.files.formats.tiff.metadata import ICC, XMP
from unfade.files.formats.tiff.page import (
    full_pages,
)
from unfade.files.formats.tiff.render import Rendering
from unfade.files.formats.tiff.revision import Edits, Revision
from unfade.files.formats.tiff.space import Space
from unfade.files.formats.tiff.target import Target, Value, pointer_value
from unfade.picture import Picture
from unfade.pixels.orient import swaps_sides

BYTE, UNDEFINED = 1, 7
EXIF_COLS, EXIF_ROWS = 40962, 40963


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Native:
    """What reading a TIFF leaves for writing it.

    Attributes:
        shown: how codes follow from stored samples
        stamp: (bytes, modification time in ns) of the original when it was read
    """

    shown: Rendering
    stamp: tuple[int, int]


def save(path: Path, picture: Picture, opened: Opened, options: WriteOptions) -> None:
    """Write a picture into a copy of the TIFF that it came from.

    Raises:
        ClassicIsFull: the result does not fit into a classic TIFF
        UnreadableInput: the original is not what it was when it was read
        WouldLose: something of the original cannot be kept
    Cost:
        memory: one segment; time: decoding all segments, encoding those that changed
    """
    check_stamp(opened)
    shutil.copyfile(opened.path, path)
    with Container(opened.path) as box, path.open("r+b") as stream:
        ifd = full_pages(box)[opened.page]
        source = open_page(box, ifd, opened.page)
        target = Target(stream, box.order, box.big, box.size)
        work = Revision(source, target, Space.of(box), opened.native.shown)
        before = opened.picture.samples
        edits: Edits | None = None
        if (before.shape, before.dtype) == (picture.samples.shape, picture.samples.dtype):
            edits = work.replace_samples(picture)
        if edits is None:
            edits = work.arrange_anew(picture)
        edits |= described(source, picture, opened, options)
        chain = list(box.ifds)
        if work.changed:
            chain = _without_reduced(work, edits)
        if before.shape[:2] != picture.samples.shape[:2]:
            _restate_exif_size(work, picture)
        _write_directories(work, chain, edits)
        target.finish()


def check_stamp(opened: Opened) -> None:
    """Refuse if the original's bytes may be others than those that were read."""
    now = opened.path.stat()
    if (now.st_size, now.st_mtime_ns) != opened.native.stamp:
        raise UnreadableInput(
            f"`{opened.path.name}` has changed since it was read.",
            "Run again, and leave the original alone meanwhile.",
        )


def described(source: Source, picture: Picture, opened: Opened, options: WriteOptions) -> Edits:
    """The describing tags that differ from the original's: XMP, ICC profile, resolution."""
    box, page = source.box, source.page
    edits: Edits = {}
    if options.xmp is not None and options.xmp != box.block(page.ifd, XMP):
        entry = page.ifd.entries.get(XMP)
        edits[XMP] = Value.text(entry.kind if entry else BYTE, options.xmp)
    if picture.icc != opened.picture.icc:
        edits[ICC] = None if picture.icc is None else Value.text(UNDEFINED, picture.icc)
    if picture.dpi is not None and picture.dpi != opened.picture.dpi:
        unit = box.integer(page.ifd, 296, 2)
        swapped = swaps_sides(page.orientation)
        edits |= resolution(picture.dpi, 3 if unit == 3 else 2, box.order, swapped)
    return edits


def _without_reduced(work: Revision, edits: Edits) -> list[Ifd]:
    """The chain without smaller versions of the page, which would show it as it was before."""
    box, ifd = work.source.box, work.source.page.ifd
    chained, below = reduced_companions(box, ifd)
    for gone in (*chained, *below):
        work.space.release_segments(gone, work.target)
    if below:
        left = [child.at for child in ifd.children[SUB_IFDS] if child not in below]
        edits[SUB_IFDS] = pointer_value(left, work.target) if left else None
    return [other for other in box.ifds if other not in chained]


def _restate_exif_size(work: Revision, picture: Picture) -> None:
    """The picture's size as the EXIF directory states it, in its own types, in its own place."""
    page, box = work.source.page, work.source.box
    rows, cols = picture.rows, picture.cols
    if swaps_sides(page.orientation):
        rows, cols = cols, rows
    for exif in page.ifd.children.get(EXIF_IFD, ()):
        for code, number in ((EXIF_COLS, cols), (EXIF_ROWS, rows)):
            entry = exif.entries.get(code)
            if entry is None or entry.count != 1 or entry.kind not in (3, 4):
                continue
            value = Value.of(entry.kind, (number,), box.order)
            if entry.kind == 4 or number < 65_536:
                work.target.write_at(entry.at, value.data)


def _write_directories(work: Revision, chain: list[Ifd], edits: Edits) -> None:
    """Write the page's directory with its edits, and link the chain."""
    box, page, target = work.source.box, work.source.page, work.target
    pointer_at, rewritten = target.first_at, False
    for ifd in chain:
        at, next_at = ifd.at, ifd.next_at
        edited = ifd is page.ifd and bool(edits)
        if edited:
            at, next_at = _write_edited(work, edits)
        if rewritten or (pointer_at, at) != (ifd.pointer_at, ifd.at):
            target.link(pointer_at, at)
        pointer_at, rewritten = next_at, edited
    if not rewritten and chain[-1] is not box.ifds[-1]:
        target.link(pointer_at, 0)  # a directory written anew ends with 0 already


def _write_edited(work: Revision, edits: Edits) -> tuple[int, int]:
    """Write the page's directory: entry for entry as it is, but for the edits."""
    box, ifd, target = work.source.box, work.source.page.ifd, work.target
    width = 8 if box.big else 2
    body = box.bytes_at(ifd.at + width, ifd.next_at - ifd.at - width, "a directory")
    records: dict[int, bytes] = {}
    for place in range(0, len(body), box.entry_bytes):
        record = body[place : place + box.entry_bytes]
        code = int.from_bytes(record[:2], "little" if box.order == "<" else "big")
        records.setdefault(code, record)
    before = len(records)
    for code, value in edits.items():
        if value is None:
            records.pop(code, None)
        else:
            records[code] = _record(work, code, value)
    fits = len(records) <= before
    return target.put_records(records, ifd.at if fits else None)


def _record(work: Revision, code: int, value: Value) -> bytes:
    """The entry of a new value, which takes the old one's place if it has one of its own."""
    box, target = work.source.box, work.target
    entry = work.source.page.ifd.entries.get(code)
    if (
        entry is not None
        and box.inline_bytes < len(value.data) <= entry.size
        and work.space.is_private(entry.at, entry.at + entry.size)
    ):
        return target.record_at(code, value, entry.at)
    return target.record(code, value)
