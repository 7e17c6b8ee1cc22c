"""Writing the container of AVIF: a coded picture's file with metadata added.

Source:
    ISO/IEC 14496-12, ISO/IEC 23008-12, MIAF (ISO/IEC 23000-22)
"""

from __future__ import annotations

import struct

from unfade.files.formats.bmff import Item, Items, boxes, parse


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def with_metadata(
    coded: bytes,
    *,
    orientation: int,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
) -> bytes:
    """A coded picture's file, as an encoder made it, with metadata added.

    Args:
        coded: a whole AVIF file without metadata
        orientation: EXIF number that readers shall apply, 1-8
        icc, exif, xmp: blocks to add, or None
    Returns:
        the file written anew: the same coded bytes, one table for everything
    """
    source = parse("The coded picture", coded)
    contents = {number: source.bytes_of(number) for number in source.items}
    properties = list(source.properties)
    main = source.items[source.primary].properties
    if icc is not None:
        properties.append((b"colr", b"prof" + icc))
        main.append((len(properties) - 1, False))
    turns, mirrored = _TURNS[orientation]
    # MIAF: turning comes before mirroring, and readers must know both
    for wanted, kind, value in ((turns, b"irot", turns), (mirrored, b"imir", 1)):
        if wanted:
            properties.append((kind, bytes([value])))
            main.append((len(properties) - 1, True))
    number = max(source.items)
    references = list(source.references)
    for kind, content, block in (
        (b"Exif", b"", None if exif is None else bytes(4) + exif),
        (b"mime", b"application/rdf+xml", xmp),
    ):
        if block is not None:
            number += 1
            source.items[number] = Item(kind, content)
            contents[number] = block
            references.append((b"cdsc", number, [source.primary]))
    start, end = next((a, b) for kind, a, b in boxes(coded, 0, len(coded)) if kind == b"ftyp")
    ftyp = _box(b"ftyp", coded[start:end])
    tables = _tables(source, properties, references)
    sizes = {number: len(content) for number, content in contents.items()}
    draft = _meta(source.primary, tables, dict.fromkeys(sizes, 0), sizes)
    at = len(ftyp) + len(draft) + 8
    places = {}
    for number in contents:
        places[number] = at
        at += sizes[number]
    meta = _meta(source.primary, tables, places, sizes)
    return ftyp + meta + _box(b"mdat", *contents.values())


# EXIF orientation -> quarter turns to the left, then whether left and right are mirrored
_TURNS = {
    1: (0, False),
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}


def _tables(
    source: Items,
    properties: list[tuple[bytes, bytes]],
    references: list[tuple[bytes, int, list[int]]],
) -> bytes:
    infos = [
        _box(
            b"infe",
            struct.pack(">B3xHH4s", 2, number, 0, item.kind),
            b"\0" + (item.content + b"\0" if item.kind == b"mime" else b""),
        )
        for number, item in source.items.items()
    ]
    links = [
        _box(kind, struct.pack(f">HH{len(to)}H", start, len(to), *to))
        for kind, start, to in references
    ]
    linked = [
        struct.pack(">HB", number, len(item.properties))
        + b"".join(
            struct.pack(">H", index + 1 | (0x8000 if must else 0))
            for index, must in item.properties
        )
        for number, item in source.items.items()
        if item.properties
    ]
    return b"".join(
        (
            _box(b"iinf", bytes(4) + struct.pack(">H", len(infos)), *infos),
            _box(b"iref", bytes(4), *links) if links else b"",
            _box(
                b"iprp",
                _box(b"ipco", *(_box(kind, content) for kind, content in properties)),
                _box(b"ipma", struct.pack(">II", 1, len(linked)), *linked),
            ),
        )
    )


def _meta(primary: int, tables: bytes, places: dict[int, int], sizes: dict[int, int]) -> bytes:
    rows = [
        struct.pack(">HHHII", number, 0, 1, place, sizes[number])
        for number, place in places.items()
    ]
    return _box(
        b"meta",
        bytes(4),
        _box(b"hdlr", bytes(8) + b"pict" + bytes(13)),
        _box(b"pitm", bytes(4) + struct.pack(">H", primary)),
        _box(b"iloc", bytes(4) + struct.pack(">HH", 0x4400, len(rows)), *rows),
        tables,
    )
