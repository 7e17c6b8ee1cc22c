"""Server-sent events of a job."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from fastapi import Request, Response
from sse_starlette.sse import EventSourceResponse
from starlette.concurrency import run_in_threadpool

from unfade.web.hub import Said
from unfade.web.problems import NotFound
from unfade.web.rows import JobRow
from unfade.web.studio import Studio

KEEP_ALIVE_S = 15
LOOK_AGAIN_S = 5.0  # in case a word was missed; the database is the truth


def follow(request: Request, studio: Studio, job: JobRow, last_event_id: str | None) -> Response:
    """What has happened since ``last_event_id``, then what happens, until the job has ended.

    A stream that was already followed to its end is answered with 204, which tells a browser not
    to come again.
    """
    seen = int(last_event_id) if last_event_id and last_event_id.isdigit() else None
    if job.final and seen is not None and seen >= job.last_event:
        return Response(status_code=204)
    return EventSourceResponse(
        _events(studio, job, seen),
        ping=KEEP_ALIVE_S,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(studio: Studio, job: JobRow, seen: int | None) -> AsyncIterator[dict[str, str]]:
    with studio.hub.listening(job.id) as queue:
        known = await run_in_threadpool(studio.queue.events_after, job.id, -1)
        missed = known[-1:] if seen is None else [each for each in known if each[0] > seen]
        last = -1 if seen is None else seen
        for number, data in missed:
            last = number
            yield _message(number, data)
            if _ends(data):
                return
        progress = studio.hub.latest(job.id)
        if progress is not None and progress.number > last:
            last = progress.number
            yield _message(progress.number, dict(progress.data))
        while True:
            for said in await _next(studio, job.id, queue, last):
                if said.number <= last:
                    continue
                last = said.number
                yield _message(said.number, dict(said.data))
                if _ends(said.data):
                    return


async def _next(studio: Studio, job: str, queue: asyncio.Queue[Said], last: int) -> list[Said]:
    """What is said next; states that were written down count too, should a word be lost."""
    try:
        return [await asyncio.wait_for(queue.get(), LOOK_AGAIN_S)]
    except TimeoutError:
        written = await run_in_threadpool(studio.queue.events_after, job, last)
        if not written:
            await run_in_threadpool(_still_there, studio, job)
        return [Said(number, data) for number, data in written]


def _still_there(studio: Studio, job: str) -> None:
    try:
        studio.store.job(job)
    except NotFound as error:
        raise asyncio.CancelledError from error  # deleted: nothing will ever be said again


def _message(number: int, data: dict[str, object]) -> dict[str, str]:
    return {"id": str(number), "event": str(data["type"]), "data": json.dumps(data)}


def _ends(data: object) -> bool:
    assert isinstance(data, dict)
    return data["type"] == "state" and data["state"] in ("succeeded", "failed", "cancelled")
