"""The database: uploads and jobs as rows. The truth that survives a crash.

Everything here is short and synchronous; routes call it from the thread pool. A thing of another
user is answered exactly like a thing that does not exist.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.engine import Connection

from unfade.web.problems import Conflict, NotFound
from unfade.web.rows import FINAL, JobRow, UploadRow, job_row, plain_values, upload_row
from unfade.web.schemas.jobs import State
from unfade.web.tables import events, jobs, keys, open_database, uploads


class Store:
    """The database of one service."""

    def __init__(self, url: str) -> None:
        self.engine = open_database(url)
        self._one_writer = threading.Lock()  # SQLite has one anyway; here they queue fairly

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes; committed at the end, rolled back on an error."""
        with self._one_writer, self.engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()

    def check(self) -> None:
        """Fail if the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(select(1))

    # -- uploads ----------------------------------------------------------------------------

    def add_upload(self, values: Mapping[str, Any]) -> UploadRow:
        with self.writing() as connection:
            connection.execute(
                insert(uploads).values(
                    **values | {"facts": json.dumps(values["facts"])}  # type: ignore[operator]
                )
            )
        return self.upload(str(values["id"]), str(values["user"]))

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
        return upload_row(found)

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
        rows = [upload_row(row) for row in found[:limit]]
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
        return job_row(found)

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
        rows = [job_row(row) for row in found[:limit]]
        return rows, str(rows[-1].number) if len(found) > limit else None

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        with self.engine.connect() as connection:
            counted = select(jobs.c.state, func.count().label("n")).group_by(jobs.c.state)
            return {row.state: row.n for row in connection.execute(counted)}

    def ahead_of(self, job: JobRow) -> int:
        """How many queued jobs of the same user are older: those come first for sure."""
        query = select(func.count()).where(
            jobs.c.state == State.QUEUED, jobs.c.user == job.user, jobs.c.number < job.number
        )
        with self.engine.connect() as connection:
            return int(connection.scalar(query) or 0)

    def change_job(self, id: str, **values: Any) -> None:
        with self.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.id == id).values(**plain_values(values)))

    def delete_job(self, id: str) -> None:
        with self.writing() as connection:
            connection.execute(delete(events).where(events.c.job == id))
            connection.execute(delete(jobs).where(jobs.c.id == id))

    # -- what is old ------------------------------------------------------------------------

    def known(self) -> tuple[set[str], set[str], set[str]]:
        """Ids of all uploads, of all jobs, and of the uploads that are still arriving."""
        with self.engine.connect() as connection:
            found = connection.execute(select(uploads.c.id, uploads.c.state)).all()
            states = {row.id: row.state for row in found}
            all_jobs = set(connection.scalars(select(jobs.c.id)))
        arriving = {id for id, state in states.items() if state == "receiving"}
        return set(states), all_jobs, arriving

    def forget(self, before: float, keys_before: float) -> tuple[list[str], list[str]]:
        """Delete rows that nobody has worked on since ``before``.

        An upload stays as long as one of its jobs has not ended.

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
            aged = connection.scalars(select(uploads.c.id).where(uploads.c.touched < before)).all()
            old_uploads = [
                id for id in aged if connection.execute(_needing(id).limit(1)).first() is None
            ]
            for ids in _portions(old_uploads):
                connection.execute(delete(uploads).where(uploads.c.id.in_(ids)))
            connection.execute(delete(keys).where(keys.c.created < keys_before))
        return old_uploads, list(old_jobs)


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
