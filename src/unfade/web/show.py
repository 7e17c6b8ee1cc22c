"""How files are sent: downloads under the user's names, views and tiles that are made once."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from fastapi import Depends, Response
from fastapi import Path as InPath
from fastapi.responses import FileResponse

from unfade.web.problems import NotFound
from unfade.web.studio import Studio

TILE_PX, OVERLAP_PX = 510, 1
_PRIVATE = "private, max-age=3600, immutable"
MEDIA_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "tiff": "image/tiff",
    "webp": "image/webp",
    "avif": "image/avif",
    "heif": "image/heif",
    "jp2": "image/jp2",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "pnm": "image/x-portable-anymap",
    "raw": "application/octet-stream",
    "mp4": "video/mp4",
    "matroska": "video/x-matroska",
    "avi": "video/x-msvideo",
    "mpeg": "video/mpeg",
    "mpegts": "video/mp2t",
    "json": "application/json",
    "zip": "application/zip",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}


# how these answers are described in OpenAPI
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file, as an attachment",
        "content": {kind.partition(";")[0]: {} for kind in sorted(set(MEDIA_TYPES.values()))},
    }
}
DESCRIPTOR: dict[int | str, dict[str, Any]] = {200: {"content": {"application/xml": {}}}}


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that can be shown: a file, and the folder for what is made of it.

    Attributes:
        path: the picture or film
        folder: for views and tiles
        rows, cols: upright, as the database has them
        name: the user's
    """

    path: Path
    folder: Path
    rows: int
    cols: int
    name: str


@dataclass(frozen=True, slots=True)
class TilePlace:
    """One tile of a pyramid; level 0 is a single pixel."""

    level: int
    x: int
    y: int


def tile_of(
    level: Annotated[int, InPath(ge=0, le=32)],
    tile: Annotated[str, InPath(max_length=32, description="{x}_{y}.jpg")],
) -> TilePlace:
    """The tile that an address names.

    Raises:
        NotFound: it names none
    """
    match = re.fullmatch(r"(\d{1,7})_(\d{1,7})\.jpg", tile, re.ASCII)
    if match is None:
        raise _no_tile()
    return TilePlace(level, int(match[1]), int(match[2]))


Tile = Annotated[TilePlace, Depends(tile_of)]


def attachment(path: Path, name: str, format: str) -> FileResponse:
    """A file to be kept, under the user's name for it (RFC 6266); ranges are answered.

    Whatever it holds, a browser does nothing with it but save or play it.
    """
    return FileResponse(
        path,
        media_type=MEDIA_TYPES.get(format, "application/octet-stream"),
        headers={
            "Content-Disposition": disposition(name),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-cache",
        },
    )


def disposition(name: str) -> str:
    """``Content-Disposition`` with the name for old clients and, in UTF-8, for all others."""
    plain = re.sub(r"[^A-Za-z0-9._ ()+-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def dzi(seen: Seen) -> Response:
    """The deep zoom descriptor; it needs no pixel."""
    size = f"Width={quoteattr(str(seen.cols))} Height={quoteattr(str(seen.rows))}"
    return Response(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="jpg" '
        f'Overlap="{OVERLAP_PX}" TileSize="{TILE_PX}"><Size {size}/></Image>\n',
        media_type="application/xml",
        headers={"Cache-Control": _PRIVATE},
    )


async def view(
    studio: Studio, seen: Seen, *, max_px: int, format: str, page: int = 1
) -> FileResponse:
    """The picture as browsers show it, of at most ``max_px`` on its longest side."""
    target = seen.folder / f"view-{page}-{max_px}.{format}"
    await studio.looks.make(
        target,
        "render:view",
        _arguments(studio, seen) | {"page": page, "max_px": max_px, "format": format},
    )
    return _shown(target, format)


async def tile(studio: Studio, seen: Seen, place: TilePlace) -> FileResponse:
    """One tile; the first one that is asked for makes all of them."""
    side = max(seen.rows, seen.cols)
    levels = math.ceil(math.log2(side)) if side > 1 else 0
    if place.level > levels:
        raise _no_tile()
    folder = seen.folder / "tiles"
    await studio.looks.make(folder, "render:tiles", _arguments(studio, seen))
    path = folder / str(place.level) / f"{place.x}_{place.y}.jpg"
    if not path.is_file():
        raise _no_tile()
    return _shown(path, "jpeg")


async def evidence(studio: Studio, seen: Seen, *, max_px: int) -> FileResponse:
    """The evidence map, to be laid over the view."""
    target = seen.folder / f"evidence-{max_px}.png"
    await studio.looks.make(
        target, "render:evidence", _arguments(studio, seen) | {"max_px": max_px}
    )
    return _shown(target, "png")


def _arguments(studio: Studio, seen: Seen) -> dict[str, object]:
    return {
        "path": str(seen.path),
        "names": {str(seen.path): seen.name},
        "limits": studio.tasks.limits,
    }


def _shown(path: Path, format: str) -> FileResponse:
    return FileResponse(path, media_type=MEDIA_TYPES[format], headers={"Cache-Control": _PRIVATE})


def _no_tile() -> NotFound:
    return NotFound(
        "There is no such tile.", "The descriptor `tiles.dzi` says how large the picture is."
    )
