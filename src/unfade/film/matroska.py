"""Write a pixel aspect into a finished Matroska file.

PyAV has no way to tell FFmpeg's Matroska writer the shape of a pixel, so the writer leaves the
display size out. It also leaves room: an empty element between the list of contents and the
tracks. The tracks grow into that room, and nothing after them moves.

Matroska: RFC 9559; EBML: RFC 8794.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from unfade.errors import PromiseBroken

_SEGMENT, _SEEK_HEAD, _VOID, _INFO, _TRACKS = 0x18538067, 0x114D9B74, 0xEC, 0x1549A966, 0x1654AE6B
_ENTRY, _VIDEO, _CRC, _SEEK, _SEEK_ID, _SEEK_AT = 0xAE, 0xE0, 0xBF, 0x4DBB, 0x53AB, 0x53AC
_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT = 0x54B0, 0x54BA, 0x54B2
_HEAD_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Element:
    ident: int
    start: int  # of its ident
    data: int  # of its content
    end: int


def set_pixel_aspect(path: Path, rows: int, cols: int, aspect: Fraction) -> None:
    """State how wide the film's first picture track is to be shown.

    Raises:
        PromiseBroken: the file's head is not laid out as FFmpeg lays it out
    """
    if aspect == 1:
        return
    with path.open("r+b") as file:
        head = bytearray(file.read(_HEAD_BYTES))
        segment = next(e for e in _elements(head, 0, len(head)) if e.ident == _SEGMENT)
        parts = {e.ident: e for e in reversed(list(_until_tracks(head, segment.data)))}
        if not {_SEEK_HEAD, _VOID, _INFO, _TRACKS} <= set(parts):
            raise _unknown(path)
        void, tracks = parts[_VOID], parts[_TRACKS]
        if not void.end <= parts[_INFO].start < tracks.start:
            raise _unknown(path)
        grown = _with_display(bytes(head[tracks.start : tracks.end]), rows, cols, aspect)
        more = len(grown) - (tracks.end - tracks.start)
        if void.end - void.start - more < 2:
            raise _unknown(path)
        between = bytes(head[void.end : tracks.start])
        new_void = _void(void.end - void.start - more)
        new = new_void + between + grown
        assert len(new) == tracks.end - void.start
        head[void.start : tracks.end] = new
        _move_contents(head, parts[_SEEK_HEAD], segment.data, void.end, tracks.end, more)
        file.seek(0)
        file.write(head)


def _until_tracks(data: bytes | bytearray, at: int) -> list[_Element]:
    found = []
    for element in _elements(data, at, len(data)):
        found.append(element)
        if element.ident == _TRACKS:
            break
    return found


def _elements(data: bytes | bytearray, at: int, end: int) -> list[_Element]:
    """The elements of a span, one after the other; an unfinished last one is left out."""
    found = []
    while at < end - 1:
        ident, after = _number(data, at, keep_marker=True)
        size, content = _number(data, after, keep_marker=False)
        stop = content + size
        if stop > end and ident != _SEGMENT:
            break
        found.append(_Element(ident, at, content, min(stop, end)))
        at = stop
    return found


def _number(data: bytes | bytearray, at: int, *, keep_marker: bool) -> tuple[int, int]:
    first = data[at]
    length = 9 - first.bit_length()
    value = first if keep_marker else first & ((1 << (8 - length)) - 1)
    for byte in data[at + 1 : at + length]:
        value = value << 8 | byte
    return value, at + length


def _with_display(tracks: bytes, rows: int, cols: int, aspect: Fraction) -> bytes:
    """The tracks element with the display size of its first picture track."""
    outer = _elements(tracks, 0, len(tracks))[0]
    content = b""
    done = False
    for entry in _elements(tracks, outer.data, outer.end):
        part = tracks[entry.start : entry.end]
        if entry.ident == _ENTRY and not done:
            inner = b""
            for element in _elements(tracks, entry.data, entry.end):
                piece = tracks[element.start : element.end]
                if element.ident == _VIDEO and not done:
                    wide = round(cols * aspect)
                    shown = _uint(_DISPLAY_WIDTH, wide) + _uint(_DISPLAY_HEIGHT, rows)
                    kept = b"".join(
                        tracks[e.start : e.end]
                        for e in _elements(tracks, element.data, element.end)
                        if e.ident not in (_DISPLAY_WIDTH, _DISPLAY_HEIGHT, _DISPLAY_UNIT)
                    )
                    piece = _element(_VIDEO, kept + shown)
                    done = True
                inner += piece
            part = _element(_ENTRY, _summed(inner))
        content += part
    return _element(_TRACKS, _summed(content))


def _summed(content: bytes) -> bytes:
    """Content with its checksum set right, where it begins with one."""
    first = _elements(content, 0, len(content))[:1]
    if not first or first[0].ident != _CRC:
        return content
    rest = content[first[0].end :]
    return content[: first[0].data] + zlib.crc32(rest).to_bytes(4, "little") + rest


def _move_contents(
    head: bytearray, contents: _Element, base: int, low: int, high: int, by: int
) -> None:
    """Entries of the list of contents that point between ``low`` and ``high`` point earlier."""
    for seek in _elements(head, contents.data, contents.end):
        if seek.ident != _SEEK:
            continue
        for element in _elements(head, seek.data, seek.end):
            if element.ident == _SEEK_AT:
                place = int.from_bytes(head[element.data : element.end], "big")
                if low <= place + base < high:
                    length = element.end - element.data
                    head[element.data : element.end] = (place - by).to_bytes(length, "big")
    first = _elements(head, contents.data, contents.end)[0]
    if first.ident == _CRC:
        rest = bytes(head[first.end : contents.end])
        head[first.data : first.end] = zlib.crc32(rest).to_bytes(4, "little")


def _element(ident: int, content: bytes) -> bytes:
    return _ident(ident) + (1 << 56 | len(content)).to_bytes(8, "big") + content


def _uint(ident: int, value: int) -> bytes:
    data = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return _ident(ident) + bytes([0x80 | len(data)]) + data


def _void(size: int) -> bytes:
    """An empty element of this many bytes in all."""
    if size < 9:
        return bytes([_VOID, 0x80 | (size - 2)]) + bytes(size - 2)
    return bytes([_VOID]) + (1 << 56 | size - 9).to_bytes(8, "big") + bytes(size - 9)


def _ident(ident: int) -> bytes:
    return ident.to_bytes((ident.bit_length() + 7) // 8, "big")


def _unknown(path: Path) -> PromiseBroken:
    return PromiseBroken(
        f"`{path.name}` is not laid out as expected, so the shape of its pixels cannot be stated.",
        "This is a bug of unfade: nothing was delivered; please report it.",
    )
