"""A new arrangement of samples: for another size or depth, and for conversions.

Nothing of the original's samples is used here; its arrangement (planes, strips or tiles,
compression) is kept where one is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from unfade.files.formats.tiff.container import LONG, SHORT, Ifd, Order
from unfade.files.formats.tiff.kinds import (
    DEFLATE,
    FLOAT,
    MIN_IS_BLACK,
    MIN_IS_WHITE,
    RGB,
    UINT,
)
from unfade.files.formats.tiff.page import (
    Block,
    Page,
)
from unfade.files.formats.tiff.render import Rendering, plane_stored
from unfade.files.formats.tiff.segments import WRITABLE, encode
from unfade.files.formats.tiff.target import Target, Value
from unfade.picture import Picture
from unfade.pixels.orient import as_stored

STRIP_BYTES = 1 << 18
UNASSOCIATED = 2
RATIONAL = 5
# What no longer holds once samples are arranged anew: fill order, CCITT options, palette, JPEG
# tables, chroma subsampling.
OUTDATED = (266, 292, 293, 320, 347, *range(512, 522), 529, 530, 531, 532)
RANGES = (280, 281, 340, 341)


def new_page(
    picture: Picture, like: Page | None, strip_rows: int, order: Order, orientation: int
) -> Page:
    """How ``picture`` is to be stored.

    Args:
        picture: upright
        like: the original's page, or None: one plane of strips, deflate
        strip_rows: rows of a strip as the original states them, 0 for the usual size
        order: byte order of the file, ``<`` or ``>``
        orientation: in which the samples are to be stored
    """
    rows, cols = as_stored(picture.samples, orientation).shape[:2]
    is_float = picture.samples.dtype == np.float32
    whole = 32 if is_float else picture.samples.dtype.itemsize * 8
    bits = whole
    if like and like.is_float == is_float and (is_float or _fits(picture, like.bits, whole)):
        bits = like.bits
    compression = like.compression if like and like.compression in WRITABLE else DEFLATE
    predictor = like.predictor if like else 2
    if bits not in (8, 16, 32, 64):
        predictor = 1
    elif predictor != 1 or (like and like.compression not in WRITABLE):
        predictor = 3 if is_float else 2
    colour = (
        RGB
        if picture.channels == 3
        else MIN_IS_WHITE
        if like and like.photometric == MIN_IS_WHITE and not is_float
        else MIN_IS_BLACK
    )
    extra: tuple[int, ...] = ()
    if picture.alpha is not None:
        kinds = [kind for kind in like.extra if kind in (1, 2)] if like else []
        extra += (kinds[0] if kinds else UNASSOCIATED,)
    if picture.infrared is not None:
        extra += (0,)
    samples = picture.channels + len(extra)
    planar = bool(like and like.planar and samples > 1)
    tiled = bool(like and like.tiled)
    if tiled and like:
        seg_rows, seg_cols = like.seg_rows, like.seg_cols
    else:
        row_bytes = -(-cols * (1 if planar else samples) * bits // 8)
        seg_rows = min(rows, strip_rows or max(1, STRIP_BYTES // row_bytes))
        seg_cols = cols
    blank = Ifd(0, 0, 0, {})
    return Page(
        ifd=like.ifd if like else blank,
        order=order,
        rows=rows,
        cols=cols,
        samples=samples,
        bits=bits,
        is_float=is_float,
        photometric=colour,
        compression=compression,
        predictor=predictor,
        planar=planar,
        tiled=tiled,
        seg_rows=seg_rows,
        seg_cols=seg_cols,
        extra=extra,
        orientation=orientation,
        fill_order=1,
        t4_options=0,
    )


def _fits(picture: Picture, bits: int, whole: int) -> bool:
    """Whether integer codes of ``whole`` bits can be stored in the ``bits`` of the original."""
    return bits == whole or (whole // 2 < bits and picture.full_scale == 2**bits - 1)


def write_segments(picture: Picture, page: Page, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Encode and store all segments; returns their places and byte counts.

    Cost:
        memory: one segment of every plane
    """
    offsets = np.zeros(page.segment_count, dtype=np.uint64)
    counts = np.zeros(page.segment_count, dtype=np.uint64)
    shown = Rendering(
        dtype=picture.samples.dtype, channels=picture.channels, full_scale=picture.full_scale
    )
    for block in page.blocks():
        stored = _stored_block(picture, page, shown, block)
        for plane, part in enumerate(block.segments):
            piece = stored[..., plane : plane + 1] if page.planar else stored
            data = encode(piece, page)
            offsets[part.index], counts[part.index] = target.put(data), len(data)
    return offsets, counts


def _stored_block(picture: Picture, page: Page, shown: Rendering, block: Block) -> np.ndarray:
    """(rows, cols, samples) of one block; tiles are padded with their last row and column."""
    where = block.window.slices
    codes = as_stored(picture.samples, page.orientation)[where]
    invert = page.photometric == MIN_IS_WHITE
    parts = [plane_stored(codes, page, shown, invert)]
    loose = replace(shown, full_scale=1.0 if page.is_float else float(2**page.bits - 1))
    for plane in (picture.alpha, picture.infrared):
        if plane is not None:
            piece = as_stored(plane, page.orientation)[where][..., None]
            parts.append(plane_stored(piece, page, loose, invert=False))
    stored = np.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
    if page.tiled:
        lack = (page.seg_rows - block.window.rows, page.seg_cols - block.window.cols)
        if any(lack):
            stored = np.pad(stored, ((0, lack[0]), (0, lack[1]), (0, 0)), mode="edge")
    return stored


def place_values(
    page: Page, offsets: np.ndarray, counts: np.ndarray, target: Target
) -> dict[int, Value]:
    """The tags that say where the segments lie."""
    at_tag, size_tag = page.place_tags
    kind = target.offset_kind
    return {
        at_tag: Value.of(kind, offsets, target.order),
        size_tag: Value.of(kind, counts, target.order),
    }


def structure(page: Page, target: Target) -> dict[int, Value | None]:
    """All tags that describe the arrangement; None for those that must not stay."""
    order = target.order

    def short(numbers: Iterable[int]) -> Value:
        return Value.of(SHORT, numbers, order)

    values: dict[int, Value | None] = dict.fromkeys(OUTDATED)
    values |= {
        256: Value.of(LONG, (page.cols,), order),
        257: Value.of(LONG, (page.rows,), order),
        258: short([page.bits] * page.samples),
        259: short((page.compression,)),
        262: short((page.photometric,)),
        277: short((page.samples,)),
        284: short((2 if page.planar else 1,)),
        317: short((page.predictor,)) if page.predictor != 1 else None,
        338: short(page.extra) if page.extra else None,
    }
    if page.is_float or 339 in page.ifd:  # unsigned integers need not be stated
        values[339] = short([FLOAT if page.is_float else UINT] * page.samples)
    if page.tiled:
        values[322] = Value.of(LONG, (page.seg_cols,), order)
        values[323] = Value.of(LONG, (page.seg_rows,), order)
    else:
        values[278] = Value.of(LONG, (page.seg_rows,), order)
    return values


def resolution(
    dpi: tuple[float, float], unit: int, order: Order, swapped: bool
) -> dict[int, Value]:
    """The resolution tags for dots an inch, in the unit given (2 inch, 3 centimetre)."""
    pair = [dots / (2.54 if unit == 3 else 1.0) for dots in dpi]
    if swapped:
        pair.reverse()
    values = {}
    for code, dots in zip((282, 283), pair, strict=True):
        ratio = Fraction(dots).limit_denominator(100_000)
        values[code] = Value.of(RATIONAL, (ratio.numerator, ratio.denominator), order)
    values[296] = Value.of(SHORT, (unit,), order)
    return values
