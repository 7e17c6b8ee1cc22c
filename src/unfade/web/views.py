"""Rows as they are said over the wire."""

from __future__ import annotations

from datetime import UTC, datetime

from unfade.web.rows import JobRow, UploadRow
from unfade.web.schemas.jobs import Job, JobLinks, Kind, Progress, State, Summary
from unfade.web.schemas.problem import Problem
from unfade.web.schemas.uploads import Upload
from unfade.web.studio import Studio

_FACTS = ("kind", "format", "rows", "cols", "bits", "colour", "pages", "frames", "duration_s")


def upload_view(studio: Studio, row: UploadRow) -> Upload:
    """An upload with its addresses."""
    base = f"/v1/uploads/{row.id}"
    ready = row.state == "ready"
    picture = row.facts.get("kind") == "picture"
    return Upload(
        id=row.id,
        name=row.name,
        state="ready" if ready else "receiving",
        **{name: row.facts[name] for name in _FACTS if name in row.facts},
        bytes=row.bytes,
        offset=row.offset,
        sha256=row.sha256,
        created=_time(row.created),
        expires=_time(row.touched + studio.rules.retention_s),
        url=base,
        thumbnail=f"{base}/picture?max=320" if ready else None,
        picture=f"{base}/picture" if ready else None,
        tiles=f"{base}/tiles.dzi" if ready and picture else None,
    )


def job_view(studio: Studio, row: JobRow) -> Job:
    """A job with its addresses and, while it runs, its progress."""
    latest = studio.hub.latest(row.id) if row.state is State.RUNNING else None
    made = row.summary if row.summary and "file" in row.summary else None
    return Job(
        id=row.id,
        kind=Kind(row.kind),
        state=row.state,
        name=row.name,
        upload=row.upload,
        parent=row.parent,
        batch=row.batch,
        created=_time(row.created),
        started=_time(row.started) if row.started else None,
        finished=_time(row.finished) if row.finished else None,
        expires=_time(row.touched + studio.rules.retention_s) if row.final else None,
        attempts=row.attempts,
        ahead=studio.store.ahead_of(row) if row.state is State.QUEUED else None,
        progress=Progress.model_validate(latest.data["progress"]) if latest else None,
        error=Problem.model_validate(row.error) if row.error else None,
        summary=Summary.model_validate(made) if made else None,
        request=dict(row.request),
        links=_links(row),
    )


def _links(row: JobRow) -> JobLinks:
    base = f"/v1/jobs/{row.id}"
    made = row.summary or {}
    picture = "file" in made
    film = row.kind == Kind.FILM
    looked = row.state is State.SUCCEEDED and row.kind in (Kind.EXAMINE, Kind.COMPARE)
    return JobLinks(
        self=base,
        events=f"{base}/events",
        source=f"/v1/uploads/{row.upload}" if row.upload else None,
        result=f"{base}/result" if looked else None,
        picture=f"{base}/picture" if picture else None,
        view=f"{base}/view" if picture else None,
        tiles=f"{base}/tiles.dzi" if picture and not film else None,
        evidence=f"{base}/evidence" if made.get("evidence") else None,
        evidence_view=f"{base}/evidence/view" if made.get("evidence") and not film else None,
        masks=f"{base}/masks" if made.get("masks") else None,
        items=f"{base}/items" if picture else None,
        record=f"{base}/record" if made.get("record") else None,
        report=f"{base}/report" if made.get("report") else None,
        package=f"{base}/package" if made.get("package") else None,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
