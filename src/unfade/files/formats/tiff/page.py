"""What one TIFF page states: its samples, its grid of segments, and what cannot be read.

A *segment* is a strip or a tile. Everything is checked here before memory is asked for: the
number of segments, their places in the file, and whether so few bytes can hold so many samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from unfade.errors import UnreadableInput, UnsupportedInput
from unfade.files.formats.tiff.container import Container, Ifd, Order
from unfade.files.formats.tiff.kinds import (
    CCITT,
    COLOUR_SAMPLES,
    COLOURS,
    EXPANSION,
    FLOAT,
    JPEG,
    MIN_IS_WHITE,
    NONE,
    PACKBITS,
    UINT,
    YCBCR,
    refuse_kind,
)
from unfade.picture import Window

MAX_SEGMENTS = 8_000_000
BAND_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Segment:
    """One strip or tile: its number in the page's lists, and what it covers, cut at the edge."""

    index: int
    window: Window


@dataclass(frozen=True, slots=True)
class Block:
    """All samples of one window: one segment, or one for each plane."""

    window: Window
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Page:
    """The facts of one page, as stored; ``seg_rows`` and ``seg_cols`` are those of a whole one."""

    ifd: Ifd
    order: Order
    rows: int
    cols: int
    samples: int  # of one pixel, extra ones included
    bits: int
    is_float: bool
    photometric: int
    compression: int
    predictor: int
    planar: bool
    tiled: bool
    seg_rows: int
    seg_cols: int
    extra: tuple[int, ...]
    orientation: int
    fill_order: int
    t4_options: int

    @property
    def colour_samples(self) -> int:
        return COLOUR_SAMPLES[self.photometric]

    @property
    def planes_in_segment(self) -> int:
        return 1 if self.planar else self.samples

    @property
    def across(self) -> int:
        return -(-self.cols // self.seg_cols)

    @property
    def down(self) -> int:
        return -(-self.rows // self.seg_rows)

    @property
    def segment_count(self) -> int:
        return self.across * self.down * (self.samples if self.planar else 1)

    def stored_shape(self, segment: Segment) -> tuple[int, int, int]:
        """(rows, cols, planes) that the segment holds: tiles are always whole."""
        if self.tiled:
            return self.seg_rows, self.seg_cols, self.planes_in_segment
        return segment.window.rows, segment.window.cols, self.planes_in_segment

    def stored_bytes(self, segment: Segment) -> int:
        """Size of the segment before compression; every row begins on a whole byte."""
        rows, cols, planes = self.stored_shape(segment)
        return rows * (-(-cols * planes * self.bits // 8))

    def blocks(self) -> Iterator[Block]:
        in_plane = self.across * self.down
        planes = self.samples if self.planar else 1
        index = 0
        for top in range(0, self.rows, self.seg_rows):
            bottom = min(self.rows, top + self.seg_rows)
            for left in range(0, self.cols, self.seg_cols):
                window = Window(top, left, bottom, min(self.cols, left + self.seg_cols))
                yield Block(
                    window,
                    tuple(Segment(index + plane * in_plane, window) for plane in range(planes)),
                )
                index += 1

    @property
    def place_tags(self) -> tuple[int, int]:
        """The tags of the segments' places and byte counts."""
        return (324, 325) if self.tiled else (273, 279)


def is_reduced(box: Container, ifd: Ifd) -> bool:
    """Whether a directory is a smaller version or a mask of another one."""
    kind = box.integer(ifd, 254, 0)
    return bool(kind & 0b101) or (254 not in ifd and box.integer(ifd, 255, 0) == 2)


def full_pages(box: Container) -> tuple[Ifd, ...]:
    """The pages a reader turns: without thumbnails and masks, unless there is nothing else."""
    pages = tuple(ifd for ifd in box.ifds if not is_reduced(box, ifd))
    return pages or box.ifds


def read_page(box: Container, ifd: Ifd, place: str) -> Page:
    """The stated facts of one directory.

    Args:
        place: names the file and page in messages
    Raises:
        UnreadableInput: facts that are missing or contradict each other
        UnsupportedInput: a kind of samples that is not handled, by name
    """

    def damaged(what: str) -> UnreadableInput:
        return UnreadableInput(
            f"{place} is damaged: {what}.", "The file is broken; fetch or scan it again."
        )

    cols, rows = box.integer(ifd, 256, 0), box.integer(ifd, 257, 0)
    if rows <= 0 or cols <= 0:
        raise damaged(f"it states {cols} x {rows} pixels")
    samples = box.integer(ifd, 277, 1)
    if not 0 < samples <= 64:
        raise damaged(f"it states {samples} samples a pixel")
    all_bits = set(box.integers(ifd, 258, (1,)))
    formats = set(box.integers(ifd, 339, (UINT,)))
    compression = box.integer(ifd, 259, NONE)
    photometric = box.integer(ifd, 262, MIN_IS_WHITE if compression in CCITT else -1)
    refuse_kind(place, photometric, compression, all_bits, formats)
    bits = all_bits.pop()
    extra = box.integers(ifd, 338, ())
    colour = COLOUR_SAMPLES[photometric]
    if samples < colour:
        raise damaged(f"{COLOURS[photometric]} needs {colour} samples a pixel, it states {samples}")
    extra = (extra + (0,) * samples)[: samples - colour]
    tiled = 324 in ifd or (322 in ifd and 273 not in ifd)
    if tiled:
        seg_cols, seg_rows = box.integer(ifd, 322, 0), box.integer(ifd, 323, 0)
        if not (0 < seg_rows <= 65_536 and 0 < seg_cols <= 65_536):
            raise damaged(f"it states tiles of {seg_cols} x {seg_rows} pixels")
    else:
        seg_rows, seg_cols = min(rows, box.integer(ifd, 278, rows)), cols
        if seg_rows <= 0:
            raise damaged(f"it states strips of {seg_rows} rows")
    page = Page(
        ifd=ifd,
        order=box.order,
        rows=rows,
        cols=cols,
        samples=samples,
        bits=bits,
        is_float=FLOAT in formats,
        photometric=photometric,
        compression=compression,
        predictor=box.integer(ifd, 317, 1) if compression not in (NONE, PACKBITS, JPEG) else 1,
        planar=box.integer(ifd, 284, 1) == 2 and samples > 1,
        tiled=tiled,
        seg_rows=seg_rows,
        seg_cols=seg_cols,
        extra=extra,
        orientation=box.integer(ifd, 274, 1),
        fill_order=box.integer(ifd, 266, 1),
        t4_options=box.integer(ifd, 292, 0),
    )
    _refuse_page(place, page)
    return page


def segment_places(box: Container, page: Page, place: str) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and byte counts of all segments as uint64, checked against the file.

    Raises:
        UnreadableInput: some are missing, lie outside the file, or are too small for what
            the page states
    """
    at_tag, size_tag = page.place_tags
    word = "tile" if page.tiled else "strip"

    def damaged(what: str) -> UnreadableInput:
        return UnreadableInput(
            f"{place} is damaged: {what}.", "The file is truncated; fetch or scan it again."
        )

    wanted = page.segment_count
    if wanted > MAX_SEGMENTS:
        raise damaged(f"it states {wanted} {word}s")
    entry = page.ifd.entries.get(at_tag)
    if entry is None or entry.count < wanted:
        raise damaged(f"it needs {wanted} {word}s and lists {entry.count if entry else 0}")
    offsets = box.places(entry)[:wanted]
    entry = page.ifd.entries.get(size_tag)
    if entry is not None and entry.count >= wanted:
        counts = box.places(entry)[:wanted]
    elif page.compression == NONE and wanted == 1:  # early writers left the count of a sole strip
        counts = _needed_bytes(page)
    else:
        raise damaged(f"it needs the sizes of {wanted} {word}s and lacks them")
    size = np.uint64(box.size)
    outside = (counts > size) | (offsets > size - np.minimum(counts, size))
    bad = np.flatnonzero(outside | (counts == 0) | (offsets == 0))
    if bad.size:
        index = int(bad[0])
        raise damaged(
            f"{word} {index + 1} of {wanted} should lie at bytes {offsets[index]} to "
            f"{int(offsets[index]) + int(counts[index])} of the {box.size} that the file has"
        )
    if page.compression in EXPANSION:
        needed = _needed_bytes(page)
        bad = np.flatnonzero(counts * np.uint64(EXPANSION[page.compression]) < needed)
        if bad.size:
            index = int(bad[0])
            raise damaged(
                f"{word} {index + 1} of {wanted} has {counts[index]} bytes, "
                f"too few for the {needed[index]} it should hold"
            )
    return offsets, counts


def _needed_bytes(page: Page) -> np.ndarray:
    """What each segment holds before compression; only the last strip of a plane is shorter."""
    top = (page.down - 1) * page.seg_rows
    whole = Segment(0, Window(0, 0, min(page.rows, page.seg_rows), page.seg_cols))
    last = Segment(0, Window(top, 0, page.rows, page.seg_cols))
    in_plane = np.full(page.across * page.down, page.stored_bytes(whole), dtype=np.uint64)
    in_plane[-1] = page.stored_bytes(last)
    return np.tile(in_plane, page.samples if page.planar else 1)


def in_bands(
    page: Page, offsets: np.ndarray, counts: np.ndarray
) -> tuple[Page, np.ndarray, np.ndarray]:
    """Uncompressed strips cut into bands of about a megabyte, so that no strip is ever too large.

    Rows begin on whole bytes, so a band of rows is a strip of its own, at its own place.
    """
    row_bytes = -(-page.cols * page.planes_in_segment * page.bits // 8)
    band = max(1, BAND_BYTES // row_bytes)
    if page.compression != NONE or page.tiled or band >= page.seg_rows:
        return page, offsets, counts
    if page.seg_rows < page.rows:  # several strips: bands of equal height must fill each
        band = next(rows for rows in range(band, 0, -1) if page.seg_rows % rows == 0)
    starts = np.arange(0, page.rows, band, dtype=np.uint64)
    planes = page.samples if page.planar else 1
    strips, inside = np.divmod(starts, np.uint64(page.seg_rows))
    heights = np.minimum(np.uint64(band), np.uint64(page.rows) - starts)
    firsts = offsets.reshape(planes, page.down)[:, strips.astype(np.int64)]
    places = firsts + inside * np.uint64(row_bytes)
    sizes = np.tile(heights * np.uint64(row_bytes), planes)
    return replace(page, seg_rows=band), places.reshape(-1), sizes


def _refuse_page(place: str, page: Page) -> None:
    if page.predictor not in (1, 2, 3):
        raise UnsupportedInput(
            f"{place}: predictor {page.predictor} cannot be read.", "Save it without first."
        )
    if (page.predictor == 3) != (page.is_float and page.predictor != 1) or (
        page.predictor == 2 and page.bits not in (8, 16)
    ):
        raise UnsupportedInput(
            f"{place}: predictor {page.predictor} with {page.bits}-bit samples cannot be read.",
            "Save it without a predictor first.",
        )
    if page.fill_order == 2 and page.bits != 1:
        raise UnsupportedInput(
            f"{place}: bits in reverse order (FillOrder 2) cannot be read.",
            "Save it with the usual order first.",
        )
    if page.compression in CCITT and page.samples != 1:
        raise UnsupportedInput(
            f"{place}: CCITT compression of {page.samples} samples a pixel cannot be read.",
            "Save it with deflate compression first.",
        )
    if page.photometric == YCBCR and (page.planar or page.samples != 3):
        raise UnsupportedInput(
            f"{place}: YCbCr with separate planes or extra samples cannot be read.",
            "Convert it to RGB first.",
        )
    if page.compression == JPEG and not page.planar and page.samples not in (1, 3, 4):
        raise UnsupportedInput(
            f"{place}: JPEG inside TIFF with {page.samples} samples a pixel cannot be read.",
            "Save it with deflate compression first.",
        )
