"""Rows: uploads, jobs, their events and idempotency keys. The truth that survives a crash.

Everything here is short and synchronous; routes call it from the thread pool. A thing of another
user is answered exactly like a thing that does not exist.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from unfade.web.problems import Conflict, KeyReused, NotFound
from unfade.web.schemas.jobs import State
from unfade.web.tables import events, jobs, keys, open_database, uploads

FINAL = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
_ATTEMPT = 1_000_000  # event numbers of one attempt; so they grow over restarts


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRow:
    """One upload as it is written down."""

    number: int
    id: str
    user: str
    name: str
    state: str
    bytes: int
    offset: int
    sha256: str
    facts: Mapping[str, Any]
    created: float
    touched: float

    @property
    def format(self) -> str:
        return str(self.facts.get("format", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job as it is written down."""

    number: int
    id: str
    user: str
    kind: str
    state: State
    name: str
    upload: str | None
    other: str | None
    mask: str | None
    protect: str | None
    parent: str | None
    batch: str | None
    request: Mapping[str, Any]
    created: float
    started: float | None
    finished: float | None
    touched: float
    attempts: int
    server: str | None
    beat: float | None
    cancel: bool
    progress: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    summary: Mapping[str, Any] | None

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def first_event(self) -> int:
        """Number of the first event of the attempt that is under way."""
        return self.attempts * _ATTEMPT


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job that is about to be written down."""

    user: str
    kind: str
    name: str
    request: Mapping[str, Any]
    upload: str | None = None
    other: str | None = None
    mask: str | None = None
    protect: str | None = None
    parent: str | None = None
    batch: str | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


class Store:
    """The database of one service."""

    def __init__(self, url: str) -> None:
        self.engine = open_database(url)
        self._one_writer = threading.Lock()  # SQLite has one anyway; here they queue fairly

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with self._one_writer, self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    def check(self) -> None:
        """Fail if the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(select(1))

    # -- uploads ----------------------------------------------------------------------------

    def add_upload(self, row: Mapping[str, Any]) -> UploadRow:
        values = dict(row) | {"facts": json.dumps(row.get("facts", {}))}
        with self.writing() as connection:
            connection.execute(insert(uploads).values(**values))
        return self.upload(str(row["id"]), str(row["user"]))

    def upload(self, id: str, user: str) -> UploadRow:
        """One upload of this user.

        Raises:
            NotFound: there is none of this id, or it is someone else's
        """
        with self.engine.connect() as connection:
            found = connection.execute(
                select(uploads).where(uploads.c.id == id, uploads.c.user == user)
            ).first()
        if found is None:
            raise NotFound("There is no such upload.", "`GET /v1/uploads` lists yours.")
        return _upload(found)

    def uploads(
        self, user: str, limit: int, cursor: str | None
    ) -> tuple[list[UploadRow], str | None]:
        """A page of this user's uploads, newest first, and the cursor of the next."""
        query = select(uploads).where(uploads.c.user == user)
        if cursor is not None:
            query = query.where(uploads.c.number < _place(cursor))
        with self.engine.connect() as connection:
            found = connection.execute(
                query.order_by(uploads.c.number.desc()).limit(limit + 1)
            ).all()
        rows = [_upload(row) for row in found[:limit]]
        return rows, str(rows[-1].number) if len(found) > limit else None

    def change_upload(self, id: str, **values: Any) -> None:
        if "facts" in values:
            values["facts"] = json.dumps(values["facts"])
        with self.writing() as connection:
            connection.execute(update(uploads).where(uploads.c.id == id).values(**values))

    def delete_upload(self, id: str) -> None:
        """Delete an upload's row.

        Raises:
            Conflict: a job that has not ended needs it
        """
        with self.writing() as connection:
            if connection.execute(_needing(id).limit(1)).first() is not None:
                raise Conflict(
                    "A job is still working on this upload.", "Cancel the job first, or wait."
                )
            connection.execute(delete(uploads).where(uploads.c.id == id))

    # -- jobs -------------------------------------------------------------------------------

    def add_job(
        self,
        new: NewJob,
        *,
        most: int,
        most_each: int,
        key: str | None = None,
        body_sha256: str = "",
    ) -> tuple[JobRow | None, str]:
        """Write a job down, together with its idempotency key, if the queue has room.

        Returns:
            the job; None and "all" or "user" when the queue of all, or of this user, is full
        Raises:
            KeyReused: the key came before with another body
        """
        try:
            return self._add_job(new, most, most_each, key, body_sha256)
        except IntegrityError:  # the same key at the same moment, through another server
            return self._add_job(new, most, most_each, key, body_sha256)

    def _add_job(
        self, new: NewJob, most: int, most_each: int, key: str | None, body_sha256: str
    ) -> tuple[JobRow | None, str]:
        now = time.time()
        with self.writing() as connection:
            if key is not None:
                known = connection.execute(
                    select(keys).where(keys.c.user == new.user, keys.c.key == key)
                ).first()
                if known is not None:
                    return self._job_of_key(connection, known, body_sha256), ""
            queued = select(func.count()).select_from(jobs).where(jobs.c.state == State.QUEUED)
            if connection.scalar(queued) >= most:
                return None, "all"
            if connection.scalar(queued.where(jobs.c.user == new.user)) >= most_each:
                return None, "user"
            connection.execute(
                insert(jobs).values(
                    id=new.id,
                    user=new.user,
                    kind=new.kind,
                    state=State.QUEUED,
                    name=new.name,
                    upload=new.upload,
                    other=new.other,
                    mask=new.mask,
                    protect=new.protect,
                    parent=new.parent,
                    batch=new.batch,
                    request=json.dumps(dict(new.request)),
                    created=now,
                    touched=now,
                    attempts=0,
                    cancel=False,
                )
            )
            if key is not None:
                connection.execute(
                    insert(keys).values(
                        user=new.user, key=key, body_sha256=body_sha256, job=new.id, created=now
                    )
                )
            needed = [i for i in (new.upload, new.other, new.mask, new.protect) if i]
            if needed:
                connection.execute(
                    update(uploads).where(uploads.c.id.in_(needed)).values(touched=now)
                )
            found = connection.execute(select(jobs).where(jobs.c.id == new.id)).one()
            return _job(found), ""

    def _job_of_key(self, connection: Connection, known: Row[Any], body_sha256: str) -> JobRow:
        if known.body_sha256 != body_sha256:
            raise KeyReused(
                "This `Idempotency-Key` came before with another request.",
                "Use a fresh key for each different request.",
            )
        found = connection.execute(select(jobs).where(jobs.c.id == known.job)).first()
        if found is None:
            raise NotFound(
                "The job that was made with this `Idempotency-Key` has been deleted.",
                "Use a fresh key to make it again.",
            )
        return _job(found)

    def job(self, id: str, user: str | None = None) -> JobRow:
        """One job; of this user, unless None.

        Raises:
            NotFound: there is none of this id, or it is someone else's
        """
        query = select(jobs).where(jobs.c.id == id)
        if user is not None:
            query = query.where(jobs.c.user == user)
        with self.engine.connect() as connection:
            found = connection.execute(query).first()
        if found is None:
            raise NotFound("There is no such job.", "`GET /v1/jobs` lists yours.")
        return _job(found)

    def jobs(
        self, user: str, limit: int, cursor: str | None, **wanted: str | None
    ) -> tuple[list[JobRow], str | None]:
        """A page of this user's jobs, newest first, and the cursor of the next."""
        query = select(jobs).where(jobs.c.user == user)
        for name, value in wanted.items():
            if value is not None:
                query = query.where(jobs.c[name] == str(value))
        if cursor is not None:
            query = query.where(jobs.c.number < _place(cursor))
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(jobs.c.number.desc()).limit(limit + 1)).all()
        rows = [_job(row) for row in found[:limit]]
        return rows, str(rows[-1].number) if len(found) > limit else None

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        with self.engine.connect() as connection:
            found = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
            return {state: count for state, count in found}

    def ahead_of(self, job: JobRow) -> int:
        """How many queued jobs of the same user are older: those come first for sure."""
        with self.engine.connect() as connection:
            return int(
                connection.scalar(
                    select(func.count()).where(
                        jobs.c.state == State.QUEUED,
                        jobs.c.user == job.user,
                        jobs.c.number < job.number,
                    )
                )
                or 0
            )

    def change_job(self, id: str, **values: Any) -> None:
        with self.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.id == id).values(**_plain(values)))

    def ask_to_cancel(self, id: str) -> JobRow:
        """A queued job is cancelled; of a running one it is written down that it shall stop."""
        with self.writing() as connection:
            now = time.time()
            connection.execute(
                update(jobs)
                .where(jobs.c.id == id, jobs.c.state == State.QUEUED)
                .values(state=State.CANCELLED, finished=now, touched=now, cancel=True)
            )
            connection.execute(
                update(jobs)
                .where(jobs.c.id == id, jobs.c.state == State.RUNNING)
                .values(cancel=True)
            )
            return _job(connection.execute(select(jobs).where(jobs.c.id == id)).one())

    def delete_job(self, id: str) -> None:
        with self.writing() as connection:
            connection.execute(delete(events).where(events.c.job == id))
            connection.execute(delete(jobs).where(jobs.c.id == id))

    # -- events -----------------------------------------------------------------------------

    def add_event(self, job: str, number: int, data: Mapping[str, Any]) -> None:
        with self.writing() as connection:
            connection.execute(
                insert(events).values(job=job, number=number, data=json.dumps(dict(data)))
            )

    def events_after(self, job: str, number: int) -> list[tuple[int, dict[str, Any]]]:
        with self.engine.connect() as connection:
            found = connection.execute(
                select(events.c.number, events.c.data)
                .where(events.c.job == job, events.c.number > number)
                .order_by(events.c.number)
            ).all()
        return [(row.number, json.loads(row.data)) for row in found]

    # -- what is old ------------------------------------------------------------------------

    def forget(self, before: float, keys_before: float) -> tuple[list[str], list[str]]:
        """Delete rows that nobody has worked on since ``before``.

        Returns:
            ids of the uploads and of the jobs that are gone; their files are the caller's to delete
        """
        with self.writing() as connection:
            old_jobs = connection.scalars(
                select(jobs.c.id).where(jobs.c.touched < before, jobs.c.state.in_(FINAL))
            ).all()
            for ids in _portions(old_jobs):
                connection.execute(delete(events).where(events.c.job.in_(ids)))
                connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))
            old_uploads = [
                id
                for id in connection.scalars(select(uploads.c.id).where(uploads.c.touched < before))
                if connection.execute(_needing(id).limit(1)).first() is None
            ]
            for ids in _portions(old_uploads):
                connection.execute(delete(uploads).where(uploads.c.id.in_(ids)))
            connection.execute(delete(keys).where(keys.c.created < keys_before))
        return list(old_uploads), list(old_jobs)


def _needing(upload: str) -> Any:
    """Jobs that have not ended and need this upload."""
    return select(jobs.c.id).where(
        and_(
            jobs.c.state.in_((State.QUEUED, State.RUNNING)),
            or_(*(jobs.c[name] == upload for name in ("upload", "other", "mask", "protect"))),
        )
    )


def _portions(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def _place(cursor: str) -> int:
    """The row number behind a cursor; a cursor that is none begins before everything."""
    return int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else 0


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if name in ("progress", "error", "summary") and value else value
        for name, value in values.items()
    }


def _upload(row: Row[Any]) -> UploadRow:
    facts = dict(row._mapping)
    return UploadRow(**facts | {"facts": json.loads(facts["facts"])})


def _job(row: Row[Any]) -> JobRow:
    facts = dict(row._mapping)
    for name in ("request", "progress", "error", "summary"):
        facts[name] = json.loads(facts[name]) if facts[name] else None
    return JobRow(**facts | {"state": State(facts["state"])})
