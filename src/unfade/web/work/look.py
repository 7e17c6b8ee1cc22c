"""What a file that was just uploaded states about itself; nothing of it is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade.batch.executors.contract import JobView
from unfade.errors import LimitExceeded, UnreadableInput, UnsupportedInput
from unfade.files import Limits, read_header
from unfade.files.formats import FORMATS, format_named
from unfade.files.places.local import read_head
from unfade.needs import need
from unfade.pixels.orient import swaps_sides
from unfade.web.work.child import bound_processor_time
from unfade.web.work.naming import named

# beginnings of the containers that are opened as films; playlists are never among them
_FILM_HEADS = (
    ("matroska", 0, b"\x1a\x45\xdf\xa3"),
    ("avi", 8, b"AVI "),
    ("mpeg", 0, b"\x00\x00\x01\xba"),
    ("mpeg", 0, b"\x00\x00\x01\xb3"),
    ("mpegts", 0, b"G"),
    ("mp4", 4, b"ftyp"),
    ("mp4", 4, b"moov"),
    ("mp4", 4, b"mdat"),
    ("mp4", 4, b"wide"),
)
FILM_EXTENSIONS = {"matroska": ".mkv", "avi": ".avi", "mpeg": ".mpg", "mpegts": ".ts",
                   "mp4": ".mp4"}  # fmt: skip
# what FFmpeg may open; without it a text file could make it read other files of the server
_CONTAINERS = {"matroska": "matroska,webm", "avi": "avi", "mpeg": "mpeg,mpegvideo",
               "mpegts": "mpegts", "mp4": "mov,mp4,m4a,3gp,3g2,mj2"}  # fmt: skip


def look_at_file(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """A file's facts from its header.

    Args:
        arguments: path, name, seconds, limits (as of ``Limits``), picture_bytes
    Returns:
        kind, format, extension, rows, cols (upright), bits, colour, pages, frames, duration_s
    Raises:
        UnreadableInput, UnsupportedInput, LimitExceeded: under the user's name of the file
    """
    path = Path(arguments["path"])
    bound_processor_time(arguments["seconds"])
    with named({str(path): arguments["name"]}):
        limits = Limits(**arguments["limits"])
        container = film_container(path)
        if container is not None:
            return _film(path, container, limits)
        if path.stat().st_size > arguments["picture_bytes"]:
            raise LimitExceeded(
                f"`{path}` has {path.stat().st_size / 1e6:.0f} MB; a picture may have "
                f"{arguments['picture_bytes'] / 1e6:.0f} MB here.",
                "Ask whoever runs this server to raise `--upload-size`.",
            )
        return _picture(path, limits)


def film_container(path: Path) -> str | None:
    """The container of a film; None for everything that the picture formats know."""
    head = read_head(path)
    if any(known.sniff(head) for known in FORMATS):
        return None
    for container, place, beginning in _FILM_HEADS:
        if head[place : place + len(beginning)] == beginning:
            if container == "mpegts" and not _is_transport_stream(path):
                continue
            return container
    return None


def opened_film(path: Path, container: str) -> Any:
    """The film, opened as this container and nothing else."""
    av = need("av", extra="film", to="read films")
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": _CONTAINERS[container],
        "max_probe_packets": "500",
    }
    try:
        return av.open(str(path), options=options)
    except Exception as error:  # whatever FFmpeg makes of hostile bytes
        raise UnreadableInput(
            f"`{path}` cannot be opened as a film: {error}.",
            "It is truncated or damaged; copy it again from its source.",
        ) from error


def _picture(path: Path, limits: Limits) -> dict[str, Any]:
    header = read_header(path)
    limits.check(str(path), header.rows, header.cols, header.pages)
    rows, cols = header.rows, header.cols
    if swaps_sides(header.orientation):
        rows, cols = cols, rows
    return {
        "kind": "picture",
        "format": header.format,
        "extension": format_named(header.format).extensions[0],
        "rows": rows,
        "cols": cols,
        "bits": header.bits,
        "colour": header.colour,
        "pages": header.pages,
    }


def _film(path: Path, container: str, limits: Limits) -> dict[str, Any]:
    with opened_film(path, container) as film:
        if not film.streams.video:
            raise UnsupportedInput(
                f"`{path}` holds no moving picture.", "Give a file with a video stream."
            )
        stream = film.streams.video[0]
        limits.check(str(path), stream.height or 0, stream.width or 0)
        rate = float(stream.average_rate or 0)
        seconds = float(film.duration or 0) / 1_000_000
        return {
            "kind": "film",
            "format": container,
            "extension": FILM_EXTENSIONS[container],
            "rows": int(stream.height or 0),
            "cols": int(stream.width or 0),
            "bits": int(max(c.bits for c in stream.format.components)) if stream.format else 8,
            "colour": str(stream.pix_fmt or ""),
            "pages": 1,
            "frames": int(stream.frames or round(seconds * rate)) or None,
            "duration_s": round(seconds, 3) or None,
        }


def _is_transport_stream(path: Path) -> bool:
    """Whether a sync byte begins each of the first packets of 188 bytes."""
    with path.open("rb") as file:
        head = file.read(188 * 4)
    return len(head) == 188 * 4 and all(head[n * 188] == 0x47 for n in range(4))
