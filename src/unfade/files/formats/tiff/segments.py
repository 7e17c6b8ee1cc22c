"""One strip or tile: bytes <-> samples, exactly, or an error.

The decoders of ``imagecodecs`` fill what is missing with zeros or stop early for some codecs;
here every segment must yield every byte that its page states.
"""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np

from unfade.errors import UnreadableInput
from unfade.files.formats.tiff.kinds import (
    CCITT,
    CCITT_G3,
    CCITT_G4,
    DEFLATE,
    JPEG,
    LZMA,
    LZW,
    NONE,
    OLD_DEFLATE,
    PACKBITS,
    RGB,
    YCBCR,
    ZSTD,
)
from unfade.files.formats.tiff.page import (
    Page,
    Segment,
)

DEFLATE_LEVEL = 6
# Compressions that are written as they were read; the others become deflate.
WRITABLE = (NONE, LZW, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, ZSTD)


def sample_type(page: Page) -> np.dtype:
    """Native dtype of decoded samples: whole bytes, packed samples widened without scaling."""
    if page.is_float:
        return np.dtype(f"f{page.bits // 8}")
    return np.dtype(np.uint8 if page.bits <= 8 else np.uint16)


def decode(data: bytes, page: Page, segment: Segment, tables: bytes | None) -> np.ndarray:
    """The samples of one segment as stored: (rows, cols, planes), tiles with their padding.

    Args:
        data: the segment's bytes
        tables: the page's JPEG tables (tag 347), if any
    Raises:
        UnreadableInput: the bytes do not hold what the page states
    """
    rows, cols, planes = page.stored_shape(segment)
    try:
        if page.compression == JPEG:
            return _jpeg(data, page, segment, tables)
        if page.fill_order == 2:
            data = bytes(imagecodecs.bitorder_decode(data))
        if page.compression in CCITT:
            return _ccitt(data, page, rows, cols)
        whole = _expand(data, page.compression, page.stored_bytes(segment))
    except (RuntimeError, ValueError, zlib.error) as error:  # codecs raise kinds of RuntimeError
        raise _broken(page, segment, f"does not decode ({error})") from error
    wanted = page.stored_bytes(segment)
    if len(whole) < wanted:
        raise _broken(page, segment, f"ends after {len(whole)} of {wanted} bytes")
    flat = memoryview(whole)[:wanted]
    if page.bits in (8, 16, 32, 64):
        return _unpredict(flat, page, (rows, cols, planes))
    return _unpack(flat, page.bits, (rows, cols, planes))


def encode(samples: np.ndarray, page: Page) -> bytes:
    """The bytes of one segment, (rows, cols, planes) of ``sample_type``, as the page states."""
    if page.bits not in (8, 16, 32, 64):
        flat = _pack(samples, page.bits)
    elif page.predictor == 2:
        flat = _stored(imagecodecs.delta_encode(np.ascontiguousarray(samples), axis=-2), page)
    elif page.predictor == 3:
        flat = imagecodecs.floatpred_encode(np.ascontiguousarray(samples), axis=-2).tobytes()
    else:
        flat = _stored(samples, page)
    data = _compress(flat, page.compression, rows=samples.shape[0])
    return bytes(imagecodecs.bitorder_decode(data)) if page.fill_order == 2 else data


def _stored(samples: np.ndarray, page: Page) -> bytes:
    return samples.astype(samples.dtype.newbyteorder(page.order), copy=False).tobytes()


def _expand(data: bytes, compression: int, size: int) -> bytes:
    """At most ``size`` bytes out of compressed ones; fewer where the data ends early."""
    if compression == NONE:
        return data
    if compression == LZW:
        return bytes(imagecodecs.lzw_decode(data, out=size))
    if compression in (DEFLATE, OLD_DEFLATE):
        try:
            return bytes(imagecodecs.deflate_decode(data, out=size))
        except RuntimeError:
            return _inflate(data, size)
    if compression == PACKBITS:
        return _unpackbits(data, size)
    if compression == LZMA:
        return bytes(imagecodecs.lzma_decode(data, out=size))
    return bytes(imagecodecs.zstd_decode(data, out=size))


def _inflate(data: bytes, size: int) -> bytes:
    """Deflate with more content than stated (strips padded to full height), checksum verified."""
    stream = zlib.decompressobj()
    out = stream.decompress(data, size)
    rest = stream.unconsumed_tail
    spare = size  # as much again may follow; what follows is only checked, never kept
    while rest and not stream.eof and spare > 0:
        spare -= len(stream.decompress(rest, min(spare, 65_536)))
        rest = stream.unconsumed_tail
    if not stream.eof:
        raise ValueError("the deflate stream has no end")
    return out


def _unpackbits(data: bytes, size: int) -> bytes:
    """PackBits; writers may add padding after the last run, which imagecodecs takes for a run."""
    try:
        return bytes(imagecodecs.packbits_decode(data, out=size))
    except RuntimeError:
        out = bytearray()
        at = 0
        while len(out) < size and at + 1 < len(data):
            head = data[at]
            if head < 128:
                out += data[at + 1 : at + 2 + head]
                at += 2 + head
            elif head > 128:
                out += data[at + 1 : at + 2] * (257 - head)
                at += 2
            else:
                at += 1
        return bytes(out)


def _compress(flat: bytes, compression: int, rows: int) -> bytes:
    if compression == NONE:
        return flat
    if compression == LZW:
        return bytes(imagecodecs.lzw_encode(flat))
    if compression in (DEFLATE, OLD_DEFLATE):
        return bytes(imagecodecs.deflate_encode(flat, level=DEFLATE_LEVEL))
    if compression == PACKBITS:  # TIFF 6.0 section 9: each row is packed for itself
        step = len(flat) // rows
        return b"".join(
            imagecodecs.packbits_encode(flat[place : place + step])
            for place in range(0, len(flat), step)
        )
    if compression == LZMA:
        return bytes(imagecodecs.lzma_encode(flat))
    return bytes(imagecodecs.zstd_encode(flat))


def _unpredict(flat: memoryview, page: Page, shape: tuple[int, int, int]) -> np.ndarray:
    dtype = sample_type(page)
    if page.predictor == 3:  # the predictor stores the most significant bytes first, always
        array = np.frombuffer(flat, dtype=dtype).reshape(shape)
        return np.asarray(imagecodecs.floatpred_decode(array, axis=-2))
    array = np.frombuffer(flat, dtype=dtype.newbyteorder(page.order)).reshape(shape)
    if page.predictor == 2:
        native = array.astype(dtype)
        return np.asarray(imagecodecs.delta_decode(native, axis=-2, out=native))
    return array.astype(dtype, copy=False)


def _unpack(flat: memoryview, bits: int, shape: tuple[int, int, int]) -> np.ndarray:
    """Samples of 1-15 bits, most significant bit first, each row from a whole byte on."""
    rows, cols, planes = shape
    array = np.frombuffer(flat, dtype=np.uint8).reshape(rows, -1)
    if bits == 1:
        return np.unpackbits(array, axis=1, count=cols * planes).reshape(shape)
    out = np.empty((rows, cols * planes), dtype=np.uint8 if bits <= 8 else np.uint16)
    for row in range(rows):  # one row at a time: eight bytes stand for one while unpacked
        ones = np.unpackbits(array[row])[: cols * planes * bits].reshape(-1, bits)
        out[row] = ones @ (1 << np.arange(bits - 1, -1, -1)).astype(np.uint16)
    return out.reshape(shape)


def _pack(samples: np.ndarray, bits: int) -> bytes:
    """The inverse of ``_unpack``."""
    wide = samples.astype(">u2").reshape(samples.shape[0], -1, 1)
    ones = np.unpackbits(wide.view(np.uint8), axis=-1)[..., 16 - bits :]
    return np.packbits(ones.reshape(samples.shape[0], -1), axis=1).tobytes()


def _jpeg(data: bytes, page: Page, segment: Segment, tables: bytes | None) -> np.ndarray:
    shape = page.stored_shape(segment)
    if b"\xff\xd9" not in data[-64:]:  # libjpeg fills what is missing with grey, without a word
        raise _broken(page, segment, "ends before its JPEG end marker")
    space: str | None = None
    if page.photometric == YCBCR:
        space = "YCBCR"
    elif shape[2] == 4 or (page.photometric == RGB and shape[2] == 3):
        space = "RGB" if shape[2] == 3 else "CMYK"  # four of anything: taken as they are
    wanted = "CMYK" if space == "CMYK" else "RGB" if space else None
    size = _jpeg_size(data)
    if size is None or not (
        shape[0] <= size[0] <= shape[0] + 64 and shape[1] <= size[1] <= shape[1] + 64
    ):  # looked up before decoding: a few bytes can state 65535 x 65535
        raise _broken(page, segment, f"holds a JPEG of size {size}, expected {shape[:2]}")
    array = imagecodecs.jpeg8_decode(data, tables=tables, colorspace=space, outcolorspace=wanted)
    array = array.reshape(array.shape[0], array.shape[1], -1)
    if array.shape[2] != shape[2] or array.shape[0] < shape[0] or array.shape[1] < shape[1]:
        raise _broken(page, segment, f"holds a JPEG of shape {array.shape}, expected {shape}")
    return np.asarray(array[: shape[0], : shape[1]])


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(rows, cols) of the first frame header, or None."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            rows, cols = struct.unpack_from(">HH", data, at + 5)
            return rows, cols
        if marker == 0xFF:
            at += 1
            continue
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


def _ccitt(data: bytes, page: Page, rows: int, cols: int) -> np.ndarray:
    if page.compression == CCITT_G4:
        array = imagecodecs.ccittfax4_decode(data, rows, cols)
    elif page.compression == CCITT_G3:
        array = imagecodecs.ccittfax3_decode(data, rows, cols, t4options=page.t4_options)
    else:
        array = imagecodecs.ccittrle_decode(data, rows, cols)
    return np.asarray(array, dtype=np.uint8).reshape(rows, cols, 1)


def _broken(page: Page, segment: Segment, what: str) -> UnreadableInput:
    word = "tile" if page.tiled else "strip"
    return UnreadableInput(
        f"{word.capitalize()} {segment.index + 1} of {page.segment_count} {what}.",
        "The file is damaged; fetch or scan it again.",
    )
