"""Files come in: as the parts of one request, or in chunks that can be taken up again.

Bytes go to the disk as they arrive, under a name of ours; then a child looks at the header.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from unfade.errors import Cancelled, UnfadeError, UnreadableInput, UnsupportedInput, UsageError
from unfade.web.problems import Conflict, TooLarge, problem_of, request_id_of
from unfade.web.rows import UploadRow
from unfade.web.schemas.uploads import Refused, ResumableRequest, Uploads
from unfade.web.shelf import clean_name
from unfade.web.studio import Studio
from unfade.web.views import upload_view

_BLOCK = 1 << 20  # bytes that are gathered before a thread writes them
PART = "file"


@dataclass(slots=True, eq=False)
class _Part:
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


async def receive_files(request: Request, studio: Studio, user: str) -> Uploads:
    """All files of a multipart request: each is taken, or refused with its own problem."""
    parts = await _received(request, studio)
    taken, refused = [], []
    for part in parts:
        try:
            row = await _taken(studio, user, part)
            taken.append(upload_view(studio, row))
        except UnfadeError as error:
            studio.metrics.refused.labels(error.code).inc()
            problem = problem_of(
                error, instance=request.url.path, request_id=request_id_of(request)
            )
            refused.append(Refused(name=part.name, problem=problem))
    return Uploads(uploads=taken, refused=refused)


def begin_upload(studio: Studio, user: str, wanted: ResumableRequest) -> UploadRow:
    """A file is announced that will come in chunks."""
    if wanted.bytes > studio.rules.film_bytes:
        raise TooLarge(
            f"`{clean_name(wanted.name)}` has {wanted.bytes} bytes; "
            f"{studio.rules.film_bytes} are allowed.",
            "`GET /v1/limits` says what is.",
        )
    studio.shelf.check_room(wanted.bytes)
    id = uuid.uuid4().hex
    studio.shelf.incoming(id).touch(mode=0o600)
    return studio.store.add_upload(
        _row(id, user, clean_name(wanted.name), "receiving", wanted.bytes, 0, wanted.sha256 or "")
    )


async def receive_chunk(
    request: Request, studio: Studio, upload: UploadRow, offset: int
) -> UploadRow:
    """The next chunk of an announced file; what has arrived when a connection breaks is kept.

    Raises:
        Conflict: the upload is complete, another chunk is on its way, or it begins elsewhere
        TooLarge: the file would become longer than was announced
        UnreadableInput, ...: it is complete, and no picture or not the announced bytes
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/offset+octet-stream":
        raise UnsupportedInput(
            f"A chunk came as `{kind or 'nothing'}`.",
            "Send it as `application/offset+octet-stream`.",
        )
    if upload.state != "receiving":
        raise Conflict("This upload is complete.", "Announce another file for more.")
    with studio.receiving(upload.id):
        path = studio.shelf.incoming(upload.id)
        here = path.stat().st_size
        if offset != here:
            raise Conflict(
                f"The chunk begins at {offset}, and {here} bytes are here.",
                f"Go on with `Upload-Offset: {here}`.",
            )
        try:
            here = await _appended(request, path, here, upload.bytes)
        finally:
            here = path.stat().st_size
            await run_in_threadpool(
                studio.store.change_upload, upload.id, offset=here, touched=time.time()
            )
        if here < upload.bytes:
            return await run_in_threadpool(studio.store.upload, upload.id, upload.user)
        return await _completed(studio, upload, path)


async def _received(request: Request, studio: Studio) -> list[_Part]:
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
                await reader.drain(_BLOCK)
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
        self.parts: list[_Part] = []
        self._headers: dict[bytes, bytes] = {}
        self._field, self._value = b"", b""
        self._open: _Part | None = None
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
        self._open = _Part(id, name, self.studio.shelf.incoming(id))
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


async def _taken(studio: Studio, user: str, part: _Part) -> UploadRow:
    """A file that has wholly arrived: looked at, and put in its place."""
    sha256 = part.hash.hexdigest()
    row = _row(part.id, user, part.name, "ready", part.bytes, part.bytes, sha256)
    try:
        facts = await _looked_at(studio, part.path, part.name)
        studio.shelf.put_upload(part.id, facts["extension"])
        taken = await run_in_threadpool(studio.store.add_upload, row | {"facts": facts})
    except BaseException:
        studio.shelf.forget_upload(part.id)
        raise
    _counted(studio, facts, part.bytes)
    return taken


async def _completed(studio: Studio, upload: UploadRow, path: Path) -> UploadRow:
    """The last chunk of an announced file has arrived. What turns out to be no picture is gone."""
    try:
        sha256 = await run_in_threadpool(_sha256, path)
        if upload.sha256 and sha256 != upload.sha256:
            raise UnreadableInput(
                f"`{upload.name}` has SHA-256 {sha256[:16]}..., not {upload.sha256[:16]}... as "
                "was announced.",
                "Send it again from the beginning.",
            )
        facts = await _looked_at(studio, path, upload.name)
        studio.shelf.put_upload(upload.id, facts["extension"])
    except UnfadeError:
        await run_in_threadpool(studio.store.delete_upload, upload.id)
        studio.shelf.forget_upload(upload.id)
        raise
    await run_in_threadpool(
        studio.store.change_upload, upload.id, state="ready", sha256=sha256, facts=facts
    )
    _counted(studio, facts, upload.bytes)
    return await run_in_threadpool(studio.store.upload, upload.id, upload.user)


async def _looked_at(studio: Studio, path: Path, name: str) -> dict[str, Any]:
    facts: dict[str, Any] = await studio.looks.ask(
        "look:look_at_file",
        {
            "path": str(path),
            "name": name,
            "limits": studio.tasks.limits,
            "picture_bytes": studio.rules.upload_bytes,
        },
    )
    return facts


async def _appended(request: Request, path: Path, here: int, most: int) -> int:
    """The request's body at the end of the file; bytes that came before a break stay."""
    gathered = bytearray()

    def write() -> None:
        with path.open("ab") as file:
            file.write(gathered)
        gathered.clear()

    try:
        async for chunk in request.stream():
            here += len(chunk)
            if here > most:
                raise TooLarge(
                    f"The file was announced with {most} bytes, and more have come.",
                    "Announce it with its true size.",
                )
            gathered += chunk
            if len(gathered) >= _BLOCK:
                await run_in_threadpool(write)
    except ClientDisconnect:
        pass  # what has come is kept: that is what resuming is for
    finally:
        if gathered and here <= most:
            await run_in_threadpool(write)
    return here


def _row(
    id: str, user: str, name: str, state: str, bytes: int, offset: int, sha256: str
) -> dict[str, Any]:
    now = time.time()
    return {
        "id": id,
        "user": user,
        "name": name,
        "state": state,
        "bytes": bytes,
        "offset": offset,
        "sha256": sha256,
        "facts": {},
        "created": now,
        "touched": now,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _counted(studio: Studio, facts: Mapping[str, Any], bytes: int) -> None:
    studio.metrics.uploads.labels(facts["format"]).inc()
    studio.metrics.upload_bytes.inc(bytes)
