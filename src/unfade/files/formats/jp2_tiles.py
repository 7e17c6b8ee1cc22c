"""JPEG 2000 tile by tile: each tile of a codestream as a small codestream of its own.

Tiles are coded independently, on a grid of which the header tells the origin. A codestream with
one tile, and a header that speaks of just that part of the grid, decodes to the same samples, so
a picture larger than memory can be read with a decoder that knows only whole pictures.

Source:
    ISO/IEC 15444-1, annex A (markers) and B.3 (division into tiles)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from unfade.picture import Window

_SIZ, _SOT, _EOC = 0xFF51, 0xFF90, 0xFFD9
_PPM = 0xFF60  # packet headers of all tiles together: such a stream cannot be taken apart
_LENGTHS = (0xFF55, 0xFF57)  # TLM, PLM: lengths of what is no longer there


@dataclass(frozen=True, slots=True)
class Grid:
    """The size marker: the picture's area and its tiles on the reference grid."""

    right: int
    bottom: int
    left: int
    top: int
    tile_cols: int
    tile_rows: int
    first_left: int
    first_top: int

    @property
    def across(self) -> int:
        return -(-(self.right - self.first_left) // self.tile_cols)

    def area(self, index: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of a tile on the grid."""
        row, col = divmod(index, self.across)
        left, top = (
            self.first_left + col * self.tile_cols,
            self.first_top + row * self.tile_rows,
        )
        return (
            max(self.left, left),
            max(self.top, top),
            min(self.right, left + self.tile_cols),
            min(self.bottom, top + self.tile_rows),
        )


def tiles_of(codestream: bytes) -> Iterator[tuple[Window, bytes]] | None:
    """Each tile's window in the picture, and a codestream that holds only it.

    Returns:
        None when there is but one tile, or the stream cannot be taken apart
    Raises:
        ValueError: the markers do not follow each other
    """
    header, at = _main_header(codestream)
    if header is None:
        return None
    siz = header[0][1]
    grid = Grid(*struct.unpack_from(">8I", siz, 4))
    parts = _tile_parts(codestream, at)
    if len(parts) < 2:
        return None
    return _each(codestream, header, grid, parts)


def _each(
    codestream: bytes,
    header: list[tuple[int, bytes]],
    grid: Grid,
    parts: dict[int, list[tuple[int, int]]],
) -> Iterator[tuple[Window, bytes]]:
    for index in sorted(parts):
        left, top, right, bottom = grid.area(index)
        row, col = divmod(index, grid.across)
        siz = bytearray(header[0][1])
        struct.pack_into(
            ">8I", siz, 4, right, bottom, left, top, grid.tile_cols, grid.tile_rows,
            grid.first_left + col * grid.tile_cols, grid.first_top + row * grid.tile_rows,
        )  # fmt: skip
        own = [struct.pack(">HH", 0xFF4F, _SIZ), bytes(siz)]
        for marker, body in header[1:]:
            own += [struct.pack(">H", marker), body]
        for start, end in parts[index]:
            part = bytearray(codestream[start:end])
            struct.pack_into(">HI", part, 4, 0, end - start)  # the first tile, of this length
            own.append(bytes(part))
        own.append(struct.pack(">H", _EOC))
        window = Window(top - grid.top, left - grid.left, bottom - grid.top, right - grid.left)
        yield window, b"".join(own)


def _main_header(data: bytes) -> tuple[list[tuple[int, bytes]] | None, int]:
    """(marker, segment with its length) of the main header, the size first; where it ends."""
    found: list[tuple[int, bytes]] = []
    at = 2
    while True:
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _SOT:
            break
        if marker < 0xFF00 or length < 2:
            raise ValueError(f"no marker at byte {at} of the codestream")
        if marker == _PPM:
            return None, at
        if marker not in _LENGTHS:
            found.append((marker, bytes(data[at + 2 : at + 2 + length])))
        at += 2 + length
    if not found or found[0][0] != _SIZ:
        raise ValueError("the codestream does not begin with its size")
    return found, at


def _tile_parts(data: bytes, at: int) -> dict[int, list[tuple[int, int]]]:
    """Tile -> (start, end) of its parts in the codestream."""
    parts: dict[int, list[tuple[int, int]]] = {}
    while at + 12 <= len(data):
        marker, _, index, length = struct.unpack_from(">HHHI", data, at)
        if marker == _EOC:
            break
        if marker != _SOT:
            raise ValueError(f"no tile at byte {at} of the codestream")
        end = at + length if length else len(data) - 2
        if end > len(data) or end <= at + 12:
            raise ValueError(f"a tile at byte {at} of the codestream has no end")
        parts.setdefault(index, []).append((at, end))
        at = end
    return parts
