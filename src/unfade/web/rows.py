"""Uploads and jobs as they are written down."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from unfade.web.schemas.jobs import State

FINAL = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
EVENTS_A_RUN = 1_000_000  # event numbers of one attempt; so they grow over restarts


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
        return self.attempts * EVENTS_A_RUN

    @property
    def last_event(self) -> int:
        """Number of the last event that the attempt can have."""
        return (self.attempts + 1) * EVENTS_A_RUN - 1


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

    def values(self) -> dict[str, Any]:
        """The columns of a job that waits."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return plain | {
            "request": json.dumps(dict(self.request)),
            "state": State.QUEUED,
            "attempts": 0,
            "cancel": False,
        }


def plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value) if name in ("progress", "error", "summary") and value else value
        for name, value in values.items()
    }


def upload_row(row: Row[Any]) -> UploadRow:
    facts = dict(row._mapping)
    return UploadRow(**facts | {"facts": json.loads(facts["facts"])})


def job_row(row: Row[Any]) -> JobRow:
    facts = dict(row._mapping)
    for name in ("request", "progress", "error", "summary"):
        facts[name] = json.loads(facts[name]) if facts[name] else None
    return JobRow(**facts | {"state": State(facts["state"])})
