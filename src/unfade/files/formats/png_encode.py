"""Pixels as PNG files: pictures of all depths, and evidence maps with their colours."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from unfade.files.formats import png_chunks as chunks
from unfade.files.formats.png_chunks import Chunk, Ihdr
from unfade.picture import EvidenceMap
from unfade.pixels.orient import as_stored

COLOUR_TYPES = {1: chunks.GREY, 2: chunks.GREY_ALPHA, 3: chunks.RGB, 4: chunks.RGB_ALPHA}
_LEVEL = 4  # half the time of 6, and 1 % larger
_BANDED_PX = 1 << 28  # larger evidence maps are coded band by band
_BAND_ROWS = 256
_EVIDENCE_COLOURS = bytes(
    [0, 0, 0, 40, 90, 230, 60, 200, 70, 0, 170, 170, 230, 40, 220, 255, 150, 0]
)  # black, blue, green, teal, magenta, orange: classes 0 to 5


def encode(bands: np.ndarray, ahead: list[Chunk], behind: list[Chunk]) -> bytes:
    """A PNG file of (rows, cols, 1 to 4) uint8 or uint16 samples and these chunks around them."""
    ihdr, pixels = _coded(bands)
    body = [ihdr.chunk, *ahead, *pixels, *behind, Chunk(b"IEND", b"")]
    return chunks.SIGNATURE + b"".join(chunk.whole for chunk in body)


def encode_evidence(evidence: EvidenceMap, orientation: int) -> bytes:
    """A palette PNG whose values are the classes, in the stored order of the original.

    It carries the original's orientation, so that the map lies on it pixel for pixel whether a
    program turns pictures or not.
    """
    stored = as_stored(evidence, orientation)
    if stored.size > _BANDED_PX:
        pixels = _coded_by_bands(stored)
    else:
        pixels = _coded(np.ascontiguousarray(stored)[:, :, None])[1]
    ihdr = Ihdr(stored.shape[1], stored.shape[0], 8, chunks.PALETTE, interlaced=False)
    exif = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    ahead = [Chunk(b"PLTE", _EVIDENCE_COLOURS), Chunk(b"eXIf", exif)]
    body = [ihdr.chunk, *ahead, *pixels, Chunk(b"IEND", b"")]
    return chunks.SIGNATURE + b"".join(chunk.whole for chunk in body)


def _coded_by_bands(plane: np.ndarray) -> list[Chunk]:
    """IDAT chunks of a map too large for the library, which needs room for a copy of it.

    Unfiltered, as is best for classes; each row goes behind its filter's number, 0.
    """
    coder, pixels = zlib.compressobj(_LEVEL), []
    for top in range(0, plane.shape[0], _BAND_ROWS):
        band = plane[top : top + _BAND_ROWS]
        rows = np.zeros((band.shape[0], band.shape[1] + 1), np.uint8)
        rows[:, 1:] = band
        pixels.append(Chunk(b"IDAT", coder.compress(rows.tobytes())))
    pixels.append(Chunk(b"IDAT", coder.flush()))
    return [chunk for chunk in pixels if chunk.data]


def _coded(bands: np.ndarray) -> tuple[Ihdr, list[Chunk]]:
    """Header and IDAT chunks, coded by libpng with its adaptive filters."""
    import imagecodecs

    coded = bytes(imagecodecs.png_encode(np.squeeze(bands, 2) if bands.shape[2] == 1 else bands,
                                         level=_LEVEL))  # fmt: skip
    at, pixels = len(chunks.SIGNATURE), []
    while at < len(coded):
        length, kind = struct.unpack_from(">I4s", coded, at)
        if kind == b"IDAT":
            pixels.append(Chunk(kind, coded[at + 8 : at + 8 + length]))
        at += 12 + length
    bits = 8 * bands.dtype.itemsize
    return Ihdr(bands.shape[1], bands.shape[0], bits, COLOUR_TYPES[bands.shape[2]], False), pixels
