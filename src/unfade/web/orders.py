"""Orders: what a user asks for becomes a job; a job is stopped, repeated, taken back, deleted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from pathlib import PurePosixPath
from typing import Any

from fastapi import Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from unfade.errors import UsageError
from unfade.film.wishes import refuse_for_films
from unfade.web import delivery
from unfade.web.hub import Said
from unfade.web.problems import (
    Conflict,
    Forbidden,
    NotFound,
    Reported,
    cancelled_problem,
)
from unfade.web.rows import JobRow, NewJob, UploadRow
from unfade.web.schemas.jobs import JobRequest, Kind, State
from unfade.web.shelf import allowed_path
from unfade.web.studio import Studio
from unfade.web.views import job_view

_S3 = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)")
LONGEST_WAIT_S = 60.0
_ONLY_PICTURES = (
    "mask", "protect", "rejected", "page", "quality", "faces", "fill", "prompt", "hints",
    "render",
)  # fmt: skip


def accept(studio: Studio, user: str, wanted: JobRequest, key: str | None) -> JobRow:
    """Write a job down.

    Raises:
        UsageError, NotFound, Forbidden: it cannot be done as asked
        Busy, TooMany: the queue is full
    """
    name = _source_name(studio, user, wanted)
    for id in (wanted.mask, wanted.protect):
        if id is not None:
            _ready(studio, id, user, "picture")
    if (wanted.other is None) == (wanted.kind is Kind.COMPARE):
        raise UsageError(
            "`other` goes with `compare`, and with nothing else.",
            "Name the upload that is measured against `upload` in `other`.",
        )
    if wanted.reference is not None and wanted.kind is not Kind.RESTORE:
        raise UsageError("`reference` goes with `restore`, and with nothing else.", "Leave it out.")
    beside = wanted.other or wanted.reference
    if beside is not None:
        _ready(studio, beside, user, "picture")
    if wanted.steps is not None and wanted.recipe != "auto":
        raise UsageError("`steps` and `recipe` exclude each other.", "Take one out.")
    if wanted.kind is Kind.FILM:
        refuse_for_films(name, {wish: getattr(wanted, wish) for wish in _ONLY_PICTURES})
    request = wanted.model_dump(mode="json")
    new = NewJob(
        user=user,
        kind=wanted.kind,
        name=name,
        request=request,
        upload=wanted.upload,
        other=beside,
        mask=wanted.mask,
        protect=wanted.protect,
        batch=wanted.batch,
    )
    return _put_in(studio, new, key)


def revert(studio: Studio, job: JobRow, items: list[int], key: str | None) -> JobRow:
    """A job that takes repairs of another job's result back."""
    output = studio.tasks.output(job)
    if not output.is_file():
        raise NotFound("The result is not there any more.", "Restore the picture again.")
    known = {each["number"] for each in delivery.items_of(studio, job)}
    unknown = sorted(set(items) - known)
    if unknown:
        last = f"It lists items 1 to {max(known)}." if known else "It lists no items."
        raise UsageError(f"`{job.name}` has no item {unknown[0]}.", last)
    new = NewJob(
        user=job.user,
        kind=Kind.REVERT,
        name=job.name,
        request=dict(job.request) | {"kind": "revert", "items": sorted(set(items))},
        upload=job.upload,
        mask=job.mask,
        protect=job.protect,
        parent=job.id,
        batch=job.batch,
    )
    return _put_in(studio, new, key)


def retry(studio: Studio, job: JobRow) -> JobRow:
    """A job like one that failed or was cancelled."""
    if job.state not in (State.FAILED, State.CANCELLED):
        raise Conflict(
            f"The job is {job.state}.", "Only a failed or cancelled job can be done again."
        )
    new = NewJob(
        user=job.user,
        kind=job.kind,
        name=job.name,
        request=job.request,
        upload=job.upload,
        other=job.other,
        mask=job.mask,
        protect=job.protect,
        parent=job.parent,
        batch=job.batch,
    )
    return _put_in(studio, new, None)


def cancel(studio: Studio, job: JobRow) -> JobRow:
    """Stop a job; one that has ended stays as it is."""
    row = studio.queue.ask_to_cancel(job.id, cancelled_problem().model_dump())
    if row.state is State.RUNNING:
        studio.dispatch.cancel(job.id)
    elif row.state is State.CANCELLED and not job.final:
        data = {"type": "state", "job": row.id, "state": row.state, "progress": None}
        studio.hub.say(row.id, Said(row.last_event, data | {"error": row.error}))
    return row


def delete(studio: Studio, job: JobRow) -> None:
    """Delete a job with all that it made; what runs is stopped."""
    cancel(studio, job)
    studio.store.delete_job(job.id)
    studio.shelf.forget_job(job.id)


async def soon(
    studio: Studio, user: str, wanted: JobRequest, key: str | None, prefer: str | None
) -> Response:
    """A job's result itself if the user prefers to wait and it is done in time; else the job.

    Raises:
        the job's own error, if it fails in time
    """
    row = await run_in_threadpool(accept, studio, user, wanted, key)
    wait_s = _wait_of(prefer)
    if wait_s:
        row = await _ended(studio, row, wait_s)
    headers = {"Location": f"/v1/jobs/{row.id}"}
    if wait_s:
        headers["Preference-Applied"] = f"wait={wait_s:g}"
    if row.state is State.SUCCEEDED:
        return JSONResponse(await run_in_threadpool(delivery.found, studio, row), 200, headers)
    if row.final and row.error:
        error = row.error
        raise Reported(error["code"], error["status"], error["found"], error["remedy"])
    view = await run_in_threadpool(job_view, studio, row)
    return JSONResponse(view.model_dump(mode="json"), 202, headers | {"Retry-After": "1"})


def body_sha256(new: NewJob) -> str:
    """Hash of what a job is to do, by which two requests are told apart."""
    said = json.dumps([dict(new.request), new.parent], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _put_in(studio: Studio, new: NewJob, key: str | None) -> JobRow:
    row = studio.queue.add(new, key, body_sha256(new))
    studio.dispatch.poke()
    return studio.store.job(row.id)


async def _ended(studio: Studio, row: JobRow, wait_s: float) -> JobRow:
    until = asyncio.get_running_loop().time() + wait_s
    with studio.hub.listening(row.id) as queue:
        while True:
            row = await run_in_threadpool(studio.store.job, row.id)
            left = until - asyncio.get_running_loop().time()
            if row.final or left <= 0:
                return row
            try:
                while not (await asyncio.wait_for(queue.get(), left)).is_state:
                    left = until - asyncio.get_running_loop().time()
            except TimeoutError:
                continue  # the time is over: the row as it is now is the answer


def _wait_of(prefer: str | None) -> float:
    """Seconds of ``Prefer: wait=10``; 0 where it says no such thing."""
    match = re.search(r"(?:^|[,;\s])wait\s*=\s*(\d{1,4})(?:$|[,;\s])", prefer or "", re.ASCII)
    return min(float(match[1]), LONGEST_WAIT_S) if match else 0.0


def _source_name(studio: Studio, user: str, wanted: JobRequest) -> str:
    """Check that there is one source that may be read, and give its name."""
    given = [name for name in ("upload", "path", "s3") if getattr(wanted, name) is not None]
    if len(given) != 1:
        raise UsageError(
            f"{len(given)} sources are named, exactly one is expected.",
            "Name it by `upload`, `path` or `s3`.",
        )
    if wanted.upload is not None:
        kind = "film" if wanted.kind is Kind.FILM else "picture"
        return _ready(studio, wanted.upload, user, kind).name
    if wanted.path is not None:
        return allowed_path(wanted.path, studio.rules.allow_paths).name
    match = _S3.fullmatch(wanted.s3 or "")
    if match is None:
        raise UsageError("`s3` is not of the form `s3://bucket/key`.", "Name one object by it.")
    if match[1] not in studio.rules.s3_buckets:
        raise Forbidden(
            "This server does not read from that bucket.",
            "Ask whoever runs the server for `--s3-bucket`.",
        )
    return PurePosixPath(match[2]).name or "object"


def _ready(studio: Studio, id: str, user: str, kind: str) -> UploadRow:
    """An upload of the user that has arrived and is of the kind that is needed."""
    upload: UploadRow = studio.store.upload(id, user)
    studio.tasks.original(upload)
    own: Any = upload.facts.get("kind")
    if own != kind:
        raise UsageError(
            f"`{upload.name}` is a {own}, and a {kind} is expected.",
            "Films are restored by jobs of kind `film`, pictures by all others.",
        )
    return upload
