"""``/v1/jobs``: put in the queue, followed, stopped, taken back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from unfade.web import orders
from unfade.web.events import follow
from unfade.web.routes.doors import OwnJob, TheStudio, TheUser
from unfade.web.schemas.jobs import (
    CompareRequest,
    ExamineRequest,
    Job,
    JobEvent,
    JobList,
    JobRequest,
    Kind,
    RevertRequest,
    State,
)
from unfade.web.schemas.results import Examination, Gone, Measured
from unfade.web.views import job_view

router = APIRouter(tags=["jobs"])

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="the same key with the same body gives the same job, for a day",
    ),
]
Prefer = Annotated[
    str | None,
    Header(max_length=255, description="`wait=10`: answer with the result if it is that quick"),
]
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": Job, "description": "In the queue; `Location` is the job"}
}


def _accepted(job: Job) -> JSONResponse:
    return JSONResponse(
        job.model_dump(mode="json"), 202, {"Location": job.links.self, "Retry-After": "1"}
    )


@router.post("/v1/jobs", status_code=202, response_model=Job)
def create_job(wanted: JobRequest, studio: TheStudio, user: TheUser, key: Key = None) -> Response:
    """Put a job in the queue. It is written down before this answers, and survives a crash."""
    return _accepted(job_view(studio, orders.accept(studio, user, wanted, key)))


@router.post("/v1/examine", response_model=Examination, responses=_ACCEPTED)
async def examine(
    wanted: ExamineRequest,
    studio: TheStudio,
    user: TheUser,
    key: Key = None,
    prefer: Prefer = None,
) -> Response:
    """Look at a picture: findings, marks, the plan with its reasons, and what is left alone."""
    request = JobRequest(kind=Kind.EXAMINE, **wanted.model_dump())
    return await orders.soon(studio, user, request, key, prefer)


@router.post("/v1/compare", response_model=Measured, responses=_ACCEPTED)
async def compare(
    wanted: CompareRequest,
    studio: TheStudio,
    user: TheUser,
    key: Key = None,
    prefer: Prefer = None,
) -> Response:
    """Measure two pictures of one size against each other."""
    request = JobRequest(kind=Kind.COMPARE, **wanted.model_dump())
    return await orders.soon(studio, user, request, key, prefer)


@router.get("/v1/jobs", response_model=JobList)
def list_jobs(
    studio: TheStudio,
    user: TheUser,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    state: State | None = None,
    kind: Kind | None = None,
    batch: Annotated[str | None, Query(max_length=64)] = None,
    upload: Annotated[str | None, Query(max_length=64)] = None,
) -> JobList:
    """Your jobs, newest first."""
    rows, following = studio.store.jobs(
        user, limit, cursor, state=state, kind=kind, batch=batch, upload=upload
    )
    return JobList(jobs=[job_view(studio, row) for row in rows], next=following)


@router.get("/v1/jobs/{id}", response_model=Job)
def get_job(job: OwnJob, studio: TheStudio, response: Response) -> Job:
    """How a job is; ask again after `Retry-After` seconds if you cannot use events."""
    response.headers["Cache-Control"] = "no-store"
    if not job.final:
        response.headers["Retry-After"] = "1"
    return job_view(studio, job)


@router.get(
    "/v1/jobs/{id}/events",
    response_class=Response,
    responses={200: {"model": JobEvent, "content": {"text/event-stream": {}}}},
)
async def follow_job(
    request: Request,
    job: OwnJob,
    studio: TheStudio,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
) -> Response:
    """Server-sent events `state` and `progress`, each with an id; ends with the final state.

    After a break, `Last-Event-ID` gives what was missed. A comment is sent every 15 s.
    """
    return follow(request, studio, job, last_event_id)


@router.post("/v1/jobs/{id}/cancel", status_code=202, response_model=Job)
def cancel_job(job: OwnJob, studio: TheStudio) -> Job:
    """Stop a job. A queued one ends at once, a running one between two pieces of work."""
    return job_view(studio, orders.cancel(studio, job))


@router.post("/v1/jobs/{id}/retry", status_code=202, response_model=Job)
def retry_job(job: OwnJob, studio: TheStudio) -> Response:
    """Do a failed or cancelled job again, as a new job."""
    return _accepted(job_view(studio, orders.retry(studio, job)))


@router.post("/v1/jobs/{id}/revert", status_code=202, response_model=Job)
def revert_job(wanted: RevertRequest, job: OwnJob, studio: TheStudio, key: Key = None) -> Response:
    """Take repairs back. The new job's result has the bits of a run that never made them."""
    return _accepted(job_view(studio, orders.revert(studio, job, wanted.items, key)))


@router.delete("/v1/jobs/{id}", response_model=Gone)
def delete_job(job: OwnJob, studio: TheStudio) -> Gone:
    """Delete a job with all that it made; a running one is stopped first."""
    orders.delete(studio, job)
    return Gone(id=job.id)
