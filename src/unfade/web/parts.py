"""The files of a multipart request, written to the disk while they come."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from unfade.errors import Cancelled, UnreadableInput, UnsupportedInput, UsageError
from unfade.web.problems import TooLarge
from unfade.web.shelf import clean_name
from unfade.web.studio import Studio

BLOCK = 1 << 20  # bytes that are gathered before a thread writes them
PART = "file"


@dataclass(slots=True, eq=False)
class Part:
    """One part of a multipart request, on its way to the disk."""

    id: str
    name: str
    path: Path
    gathered: bytearray = field(default_factory=bytearray)
    bytes: int = 0
    hash: Any = field(default_factory=hashlib.sha256)

    def write(self) -> None:
        with self.path.open("ab") as file:
            file.write(self.gathered)
        self.hash.update(self.gathered)
        self.gathered.clear()


async def received_parts(request: Request, studio: Studio) -> list[Part]:
    """All parts of the request; each of its files lies among the incoming ones.

    Raises:
        UnsupportedInput, UnreadableInput, UsageError, TooLarge: nothing of it is kept then
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise UnsupportedInput(
            "The request is not `multipart/form-data` with a boundary.",
            f"Send each file as a part named `{PART}`.",
        )
    studio.shelf.check_room(int(request.headers.get("content-length", "0") or 0))
    reader = _Reader(studio)
    try:
        parser = MultipartParser(boundary, reader.callbacks())  # type: ignore[arg-type]
        async for chunk in request.stream():
            if chunk:
                parser.write(chunk)
                await reader.drain(BLOCK)
        parser.finalize()
        await reader.drain(0)
        reader.check()
    except FormParserError as error:
        reader.drop()
        raise UnreadableInput(
            f"The multipart body is not well formed: {error}.", "Send it again."
        ) from error
    except ClientDisconnect as error:
        reader.drop()
        raise Cancelled("The connection was cut off.", "Nothing was kept.") from error
    except BaseException:
        reader.drop()
        raise
    return reader.parts


class _Reader:
    """What a multipart parser finds, put into parts."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.parts: list[Part] = []
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value = b"", b""
        self._open: Part | None = None
        self._ended = False

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._headers.clear,
            "on_header_field": self._on_field,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_end": self._on_end,
        }

    async def drain(self, least: int) -> None:
        """Write what has been gathered, once it is worth a thread's while."""
        for part in self.parts:
            if part.gathered and (len(part.gathered) >= least or part is not self._open):
                await run_in_threadpool(part.write)

    def check(self) -> None:
        if not self._ended:
            raise UnreadableInput("The multipart body ends in its middle.", "Send it again.")
        if not self.parts:
            raise UsageError(
                "The request holds no file.", f"Send each file as a part named `{PART}`."
            )

    def drop(self) -> None:
        for part in self.parts:
            part.path.unlink(missing_ok=True)

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        field = options.get(b"name", b"").decode("utf-8", "replace")
        self._open = None
        if b"filename" not in options:
            raise UsageError(
                f"The part `{field[:40]}` is no file.", f"Send each file as a part named `{PART}`."
            )
        if len(self.parts) >= self.studio.rules.files_per_upload:
            raise TooLarge(
                f"The request holds more than {self.studio.rules.files_per_upload} files.",
                "Send them in several requests.",
            )
        id = uuid.uuid4().hex
        given = options[b"filename"].decode("utf-8", "replace")
        name = clean_name(given.replace("%22", '"'))  # as browsers send a quotation mark
        self._open = Part(id, name, self.studio.shelf.incoming(id))
        self._open.path.touch(mode=0o600)
        self.parts.append(self._open)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        part = self._open
        assert part is not None
        part.bytes += end - start
        if part.bytes > self.studio.rules.film_bytes:
            raise TooLarge(
                f"`{part.name}` has more than the {self.studio.rules.film_bytes} bytes that are "
                "allowed.",
                "`GET /v1/limits` says what is.",
            )
        part.gathered += data[start:end]

    def _on_end(self) -> None:
        self._ended = True
