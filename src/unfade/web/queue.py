"""The queue: jobs are written down before they are accepted, and handed out fairly.

Fair means: next is a job of the user with the fewest running; among those, of the user who was
served longest ago; of that user, the oldest. The queue is bounded, for all and for each.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from unfade.web.problems import Busy, KeyReused, NotFound, TooMany
from unfade.web.rows import JobRow, NewJob, job_row
from unfade.web.schemas.jobs import State
from unfade.web.store import Store
from unfade.web.tables import events, jobs, keys, uploads

Given = dict[str, Any]


class Queue:
    """The jobs of a store, in the order in which they are to be done.

    Args:
        most, most_each: queued jobs of everyone, and of one user
    """

    def __init__(self, store: Store, *, most: int, most_each: int) -> None:
        self.store = store
        self.most = most
        self.most_each = most_each
        self._served: dict[str, float] = {}  # user -> when a job of theirs was last handed out
        self._claiming = threading.Lock()

    # -- in ---------------------------------------------------------------------------------

    def add(self, new: NewJob, key: str | None = None, body_sha256: str = "") -> JobRow:
        """Write a job down, together with its idempotency key.

        Returns:
            the job; the one that is already there when the key came before with the same body
        Raises:
            KeyReused: the key came before with another body
            Busy, TooMany: the queue is full, for everyone or for this user
        """
        try:
            return self._add(new, key, body_sha256)
        except IntegrityError:  # the same key at the same moment
            return self._add(new, key, body_sha256)

    def _add(self, new: NewJob, key: str | None, body_sha256: str) -> JobRow:
        now = time.time()
        with self.store.writing() as connection:
            if key is not None:
                known = connection.execute(
                    select(keys).where(keys.c.user == new.user, keys.c.key == key)
                ).first()
                if known is not None:
                    return _of_key(connection, known, body_sha256)
            self._check_room(connection, new.user)
            values = new.values() | {"created": now, "touched": now}
            connection.execute(insert(jobs).values(**values))
            if key is not None:
                connection.execute(
                    insert(keys).values(
                        user=new.user, key=key, body_sha256=body_sha256, job=new.id, created=now
                    )
                )
            needed = [id for id in (new.upload, new.other, new.mask, new.protect) if id]
            connection.execute(update(uploads).where(uploads.c.id.in_(needed)).values(touched=now))
            row = _job(connection, new.id)
            _add_event(connection, row, 1, _state(row))
            return row

    def _check_room(self, connection: Connection, user: str) -> None:
        queued = select(func.count()).select_from(jobs).where(jobs.c.state == State.QUEUED)
        if (connection.scalar(queued) or 0) >= self.most:
            raise Busy(
                f"The queue is full: {self.most} jobs are waiting.", "Send it again in a moment."
            )
        if (connection.scalar(queued.where(jobs.c.user == user)) or 0) >= self.most_each:
            raise TooMany(
                f"{self.most_each} of your jobs are waiting already.",
                "Send it again when some of them are done.",
            )

    # -- out --------------------------------------------------------------------------------

    def claim(self) -> JobRow | None:
        """The next job, now running; None when nothing is waiting."""
        with self._claiming, self.store.writing() as connection:
            oldest = connection.execute(
                select(jobs.c.user, func.min(jobs.c.number))
                .where(jobs.c.state == State.QUEUED)
                .group_by(jobs.c.user)
            ).all()
            if not oldest:
                return None
            counted = (
                select(jobs.c.user, func.count().label("n"))
                .where(jobs.c.state == State.RUNNING)
                .group_by(jobs.c.user)
            )
            running = {row.user: row.n for row in connection.execute(counted)}
            user, number = min(
                ((user, number) for user, number in oldest),
                key=lambda each: (
                    running.get(each[0], 0),
                    self._served.get(each[0], 0.0),
                    each[1],
                ),
            )
            now = time.time()
            self._served[user] = time.monotonic()
            connection.execute(
                update(jobs)
                .where(jobs.c.number == number)
                .values(
                    state=State.RUNNING,
                    started=now,
                    touched=now,
                    attempts=jobs.c.attempts + 1,
                    progress=None,
                )
            )
            found = connection.execute(select(jobs).where(jobs.c.number == number)).one()
            row = job_row(found)
            _add_event(connection, row, row.first_event + 1, _state(row))
            return row

    def put_back(self, id: str) -> JobRow:
        """A running job whose process was lost waits again, at its old place."""
        with self.store.writing() as connection:
            connection.execute(
                update(jobs)
                .where(jobs.c.id == id, jobs.c.state == State.RUNNING)
                .values(state=State.QUEUED, progress=None, touched=time.time())
            )
            row = _job(connection, id)
            _add_event(connection, row, row.last_event - 1, _state(row))
            return row

    def finish(
        self,
        id: str,
        state: State,
        *,
        error: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> JobRow:
        """Write down what became of a running job."""
        now = time.time()
        with self.store.writing() as connection:
            connection.execute(
                update(jobs)
                .where(jobs.c.id == id, jobs.c.state == State.RUNNING)
                .values(
                    state=state,
                    finished=now,
                    touched=now,
                    progress=None,
                    error=json.dumps(dict(error)) if error else None,
                    summary=json.dumps(dict(summary)) if summary is not None else None,
                )
            )
            row = _job(connection, id)
            _add_event(connection, row, row.last_event, _state(row))
            needed = [each for each in (row.upload, row.other, row.mask, row.protect) if each]
            connection.execute(update(uploads).where(uploads.c.id.in_(needed)).values(touched=now))
            return row

    def ask_to_cancel(self, id: str, error: Mapping[str, Any]) -> JobRow:
        """A queued job ends at once; of a running one it is written down that it shall stop."""
        now = time.time()
        with self.store.writing() as connection:
            ended = connection.execute(
                update(jobs)
                .where(jobs.c.id == id, jobs.c.state == State.QUEUED)
                .values(
                    state=State.CANCELLED,
                    finished=now,
                    touched=now,
                    cancel=True,
                    error=json.dumps(dict(error)),
                )
            ).rowcount
            connection.execute(
                update(jobs)
                .where(jobs.c.id == id, jobs.c.state == State.RUNNING)
                .values(cancel=True)
            )
            row = _job(connection, id)
            if ended:
                _add_event(connection, row, row.last_event, _state(row))
            return row

    def interrupted(self) -> list[JobRow]:
        """Jobs that were running when the last server ended."""
        with self.store.engine.connect() as connection:
            found = connection.execute(select(jobs).where(jobs.c.state == State.RUNNING)).all()
        return [job_row(row) for row in found]

    def events_after(self, job: str, number: int) -> list[tuple[int, Given]]:
        """States that were written down after this event."""
        with self.store.engine.connect() as connection:
            found = connection.execute(
                select(events.c.number, events.c.data)
                .where(events.c.job == job, events.c.number > number)
                .order_by(events.c.number)
            ).all()
        return [(row.number, json.loads(row.data)) for row in found]


def _job(connection: Connection, id: str) -> JobRow:
    found = connection.execute(select(jobs).where(jobs.c.id == id)).first()
    if found is None:
        raise NotFound("There is no such job any more.", "It was deleted meanwhile.")
    return job_row(found)


def _of_key(connection: Connection, known: Row[Any], body_sha256: str) -> JobRow:
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
    return job_row(found)


def _state(row: JobRow) -> Given:
    return {
        "type": "state",
        "job": row.id,
        "state": row.state,
        "progress": None,
        "error": row.error,
    }


def _add_event(connection: Connection, row: JobRow, number: int, data: Given) -> None:
    there = select(events.c.number).where(events.c.job == row.id, events.c.number == number)
    if connection.execute(there).first() is None:
        connection.execute(insert(events).values(job=row.id, number=number, data=json.dumps(data)))
