"""The tables of the service, for any database that SQLAlchemy speaks to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import Engine

metadata = MetaData()

uploads = Table(
    "uploads",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), unique=True, nullable=False),
    Column("user", String(200), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(16), nullable=False),  # receiving, ready
    Column("bytes", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),  # stated while receiving, then the file's
    Column("facts", Text, nullable=False),  # JSON, from the header
    Column("created", Float, nullable=False),
    Column("touched", Float, nullable=False),  # retention counts from here
    Index("uploads_of_user", "user", "number"),
    Index("uploads_by_touched", "touched"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), unique=True, nullable=False),
    Column("user", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("upload", String(32)),
    Column("other", String(32)),
    Column("mask", String(32)),
    Column("protect", String(32)),
    Column("parent", String(32)),
    Column("batch", String(64)),
    Column("request", Text, nullable=False),  # JSON
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Column("touched", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("progress", Text),  # JSON, the last one that was written down
    Column("error", Text),  # JSON of a problem
    Column("summary", Text),  # JSON
    Index("jobs_of_user", "user", "number"),
    Index("jobs_by_state", "state", "number"),
    Index("jobs_by_touched", "touched"),
)

events = Table(
    "events",
    metadata,
    Column("job", String(32), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("data", Text, nullable=False),  # JSON
)

keys = Table(
    "idempotency_keys",
    metadata,
    Column("user", String(200), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("body_sha256", String(64), nullable=False),
    Column("job", String(32), nullable=False),
    Column("created", Float, nullable=False),
)


def open_database(url: str) -> Engine:
    """The database, with its tables there.

    SQLite is used in WAL mode and brought to the disk on each commit: an accepted job outlives a
    power cut.
    """
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _set_up(connection: Any, _: Any) -> None:
            cursor = connection.cursor()
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    metadata.create_all(engine)
    return engine
