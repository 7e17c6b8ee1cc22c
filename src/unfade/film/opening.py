"""Open a local file with FFmpeg: containers on a list only, and its complaints in our words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unfade.errors import UnreadableInput, UnsupportedInput
from unfade.files.places.local import check_source
from unfade.film.kinds import CONTAINERS
from unfade.needs import need

PURPOSE = "read and write films"
_SAFE = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}


@contextlib.contextmanager
def opened(path: Path, *, format: str | None = None) -> Iterator[Any]:
    """FFmpeg's view of a local file; its complaints become unfade's.

    Raises:
        UnreadableInput, UnsupportedInput
    """
    av = need("av", extra="film", to=PURPOSE)
    try:
        container = av.open(
            f"file:{path}",
            format=format,
            options={} if format else dict(_SAFE),
            metadata_errors="replace",
        )
    except av.error.InvalidDataError as error:
        raise UnreadableInput(
            f"`{path}` is no film that can be read: its container is damaged, cut short, of an "
            "unknown kind, or a playlist that names other files.",
            "Copy it again from its source; films in MP4, MOV, MKV, AVI, MXF, MPEG are read.",
        ) from error
    except (av.error.FFmpegError, ValueError) as error:
        raise UnreadableInput(
            f"`{path}` cannot be opened as a film: {words(error)}.", "Check the file."
        ) from error
    try:
        yield container
    finally:
        container.close()


def decoder_of(stream: Any, path: Path) -> Any:
    """The opened decoder of a picture stream, set to decode the same bits on every machine."""
    import av

    context = stream.codec_context
    if context is None:
        raise UnsupportedInput(
            f"`{path.name}`, stream {stream.index}: its codec is not known.",
            "Convert the film with a program that knows it, to FFV1 in Matroska.",
        )
    # Slices may be decoded side by side; frames side by side would attribute errors wrongly.
    context.thread_type = "SLICE"
    context.thread_count = 2
    # frames that the decoder patched up come out, marked, and are listed
    context.flags |= int(av.codec.context.Flags.output_corrupt)
    return context


def read_still(path: Path) -> Any:
    """One picture of a sequence as FFmpeg's frame.

    Raises:
        UnreadableInput: it cannot be decoded
    """
    import av

    kind = {"dpx": "dpx_pipe", "png": "png_pipe"}.get(path.suffix.lower().lstrip("."), "tiff_pipe")
    check_source(path)
    try:
        with opened(path, format=kind) as container:
            for frame in container.decode(video=0):
                return frame
    except av.error.FFmpegError as error:
        raise UnreadableInput(
            f"`{path}` cannot be decoded: {words(error)}.", "Scan or copy the frame again."
        ) from error
    raise UnreadableInput(f"`{path}` holds no picture.", "Scan or copy the frame again.")


def words(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:].rstrip(".")
