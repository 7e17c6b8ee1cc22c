"""Read one page of a TIFF: block by block into the final, upright arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unfade.errors import LimitExceeded, UnreadableInput, UnsupportedInput
from unfade.files.formats.tiff.container import Container, Ifd
from unfade.files.formats.tiff.kinds import (
    CMYK,
    JPEG,
    MIN_IS_BLACK,
    MIN_IS_WHITE,
    RGB,
)
from unfade.files.formats.tiff.metadata import ICC
from unfade.files.formats.tiff.page import (
    Block,
    Page,
    full_pages,
    in_bands,
    is_reduced,
    read_page,
    segment_places,
)
from unfade.files.formats.tiff.render import Rendering, plane_codes, rendering, to_codes
from unfade.files.formats.tiff.segments import decode
from unfade.files.limits import Limits
from unfade.files.metadata import profile_fault, profile_note
from unfade.picture import Picture
from unfade.pixels.orient import as_stored, swaps_sides
from unfade.pixels.room import room_for


class _AboveStatedMaximum(Exception):
    """A sample lies above the maximum that the file states."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A page that is ready to be decoded: its facts, the places of its segments, its tables."""

    box: Container
    page: Page
    offsets: np.ndarray
    counts: np.ndarray
    tables: bytes | None
    place: str

    def block(self, block: Block) -> np.ndarray:
        """The stored samples of one block, (rows, cols, samples); tiles with their padding."""
        parts = [
            decode(self.segment(part.index), self.page, part, self.tables)
            for part in block.segments
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def segment(self, index: int) -> bytes:
        return self.box.bytes_at(int(self.offsets[index]), int(self.counts[index]), "a segment")


def open_page(box: Container, ifd: Ifd, number: int) -> Source:
    """The facts of one page, checked; ``number`` counts from 0 and names it in messages."""
    place = f"{box.name}, page {number + 1}" if len(box.ifds) > 1 else box.name
    page = read_page(box, ifd, place)
    offsets, counts = segment_places(box, page, place)
    page, offsets, counts = in_bands(page, offsets, counts)
    tables = box.block(ifd, 347) if page.compression == JPEG else None
    return Source(box, page, offsets, counts, tables, place)


def read_picture(source: Source, limits: Limits) -> tuple[Picture, Rendering, tuple[str, ...]]:
    """Decode a page.

    Returns:
        the picture, how its codes follow from the stored samples, and notes
    Raises:
        UnreadableInput: damaged, or a float sample is not a number
    Cost:
        memory: the samples once, plus one segment
    """
    page, box = source.page, source.box
    shown, notes = rendering(box, page)
    try:
        samples, alpha, infrared = _decode(source, shown)
    except _AboveStatedMaximum:
        default = 1.0 if page.is_float else float(2**page.bits - 1)
        notes += (
            f"The file states {shown.full_scale:g} as its maximum, but holds larger samples; "
            f"{default:g} is taken as the full scale.",
        )
        shown = replace(shown, full_scale=default)
        samples, alpha, infrared = _decode(source, shown)
    if page.is_float:
        refuse_not_finite(source.place, samples)
        for plane in (alpha, infrared):
            if plane is not None:
                refuse_not_finite(source.place, plane[..., None])
    icc, fault = _profile(source, shown, limits)
    if fault:
        notes += (profile_note(fault),)
    picture = Picture(
        samples,
        full_scale=shown.full_scale,
        encoding="icc" if icc and not fault else "srgb",
        icc=None if page.photometric == CMYK else icc,  # it speaks of inks, the picture of light
        alpha=alpha,
        infrared=infrared,
        dpi=dots_per_inch(box, page),
    )
    return picture, shown, notes


def _decode(
    source: Source, shown: Rendering
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    page = source.page
    rows, cols = page.rows, page.cols
    if swaps_sides(page.orientation):
        rows, cols = cols, rows
    samples = room_for((rows, cols, shown.channels), shown.dtype)
    planes = [
        None if index is None else room_for((rows, cols), shown.dtype)
        for index in (shown.alpha, shown.infrared)
    ]
    into = as_stored(samples, page.orientation)
    planes_into = [None if p is None else as_stored(p, page.orientation) for p in planes]
    stated = shown.full_scale != (1.0 if page.is_float else float(np.iinfo(shown.dtype).max))
    for block in page.blocks():
        stored = source.block(block)[: block.window.rows, : block.window.cols]
        if stated and stored[..., : page.colour_samples].max() > shown.full_scale:
            raise _AboveStatedMaximum
        if page.is_float and page.bits == 64:
            _refuse_inexact(source.place, stored)
        where = block.window.slices
        into[where] = to_codes(stored, page, shown)
        for plane, index in zip(planes_into, (shown.alpha, shown.infrared), strict=True):
            if plane is not None and index is not None:
                plane[where] = plane_codes(stored[..., index], page, shown, invert=False)
    return samples, planes[0], planes[1]


def refuse_not_finite(place: str, samples: np.ndarray) -> None:
    """Raise UnreadableInput if a float sample is NaN or infinite, naming the first place."""
    count, first = 0, (0, 0, 0)
    for top in range(0, samples.shape[0], 256):
        band = np.argwhere(~np.isfinite(samples[top : top + 256]))
        if len(band) and not count:
            first = (top + int(band[0][0]), int(band[0][1]), int(band[0][2]))
        count += len(band)
    if count:
        value = samples[first]
        raise UnreadableInput(
            f"{place}: {count} samples are not finite numbers; the first is {value} "
            f"at row {first[0]}, column {first[1]}, channel {first[2]}.",
            "Replace them by numbers in the program that made the file "
            "(NumPy: `nan_to_num`) and save it again.",
        )


def _refuse_inexact(place: str, stored: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = stored.astype(np.float32).astype(np.float64)
    if not np.array_equal(narrow, stored, equal_nan=True):
        raise UnsupportedInput(
            f"{place}: 64-bit float samples cannot be read, as 32 bits do not hold them exactly.",
            "Convert it to 32-bit float first.",
        )


def companion_infrared(box: Container, pages: tuple[Ifd, ...], number: int) -> int | None:
    """The page that holds the infrared scan of page ``number``, as some scanners write it.

    It is taken as such if it is the file's only other page, grey, and of the same size and depth
    as a colour page.
    """
    if len(pages) != 2 or number != 0:
        return None
    facts = []
    for index in (0, 1):
        try:
            facts.append(read_page(box, pages[index], box.name))
        except (UnsupportedInput, UnreadableInput):
            return None
    one, other = facts
    grey = other.photometric in (MIN_IS_BLACK, MIN_IS_WHITE) and other.samples == 1
    same = all(
        getattr(one, name) == getattr(other, name)
        for name in ("rows", "cols", "bits", "is_float", "orientation")
    )
    return 1 if one.photometric == RGB and one.samples == 3 and grey and same else None


def dots_per_inch(box: Container, page: Page) -> tuple[float, float] | None:
    """(horizontal, vertical) after orientation, or None where the page states none."""
    unit = box.integer(page.ifd, 296, 2)
    pair = []
    for code in (282, 283):
        entry = page.ifd.entries.get(code)
        if entry is None or entry.kind != 5 or entry.count != 1:
            return None
        above, below = (int(value) for value in box.values(entry)[0])
        if above == 0 or below == 0:
            return None
        pair.append(above / below * (2.54 if unit == 3 else 1.0))
    if unit not in (2, 3):
        return None
    if swaps_sides(page.orientation):
        pair.reverse()
    return pair[0], pair[1]


def _profile(source: Source, shown: Rendering, limits: Limits) -> tuple[bytes | None, str | None]:
    """The ICC profile, and why it cannot be believed for the picture's channels."""
    entry = source.page.ifd.entries.get(ICC)
    if entry is None:
        return None, None
    if entry.size > limits.block_bytes:
        raise LimitExceeded(
            f"{source.place}: the ICC profile has {entry.size} bytes; "
            f"a block may have {limits.block_bytes}.",
            "Raise `limits.block_bytes` in the settings if the file is trusted.",
        )
    icc = source.box.raw(entry)
    return icc, profile_fault(icc, shown.channels)


def reduced_companions(box: Container, ifd: Ifd) -> tuple[tuple[Ifd, ...], tuple[Ifd, ...]]:
    """Smaller versions of a page: those in the chain around it, and those below it (tag 330)."""
    full = full_pages(box)
    chain = []
    owner = full[0]
    if len(full) < len(box.ifds):
        for other in box.ifds:
            if other in full:
                owner = other
            elif owner is ifd:
                chain.append(other)
    below = tuple(child for child in ifd.children.get(330, ()) if is_reduced(box, child))
    return tuple(chain), below
