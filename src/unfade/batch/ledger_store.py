"""Where the ledger's rows lie: SQLite through the standard library, Postgres through SQLAlchemy.

Both speak the little SQL that the ledger is written in, with ``:name`` parameters.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from unfade.errors import OutputError, Unreachable, UsageError
from unfade.needs import need

FORMAT = 1
MEMORY = ":memory:"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS items (
        id {serial}, name TEXT NOT NULL UNIQUE, target TEXT NOT NULL, fold TEXT NOT NULL,
        size BIGINT NOT NULL DEFAULT 0, version TEXT NOT NULL DEFAULT '',
        lot BIGINT NOT NULL DEFAULT 0, seen BIGINT NOT NULL DEFAULT 0,
        state TEXT NOT NULL, attempts BIGINT NOT NULL DEFAULT 0, job TEXT NOT NULL DEFAULT '',
        took_s DOUBLE PRECISION NOT NULL DEFAULT 0, doubt DOUBLE PRECISION NOT NULL DEFAULT 0,
        error_code TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '',
        facts TEXT NOT NULL DEFAULT '')""",
    """CREATE TABLE IF NOT EXISTS thumbs (name TEXT PRIMARY KEY, doubt DOUBLE PRECISION NOT NULL,
        before TEXT NOT NULL, after TEXT NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS items_by_state ON items (state, id)",
    "CREATE INDEX IF NOT EXISTS items_by_fold ON items (fold)",
)


class Change(Protocol):
    """Inside a transaction."""

    def run(self, sql: str, **values: Any) -> None: ...

    def many(self, sql: str, values: Sequence[dict[str, Any]]) -> None: ...

    def rows(self, sql: str, **values: Any) -> Iterator[Any]: ...


class Store(Protocol):
    """A database with one driver.

    Attributes:
        shown: its address without a password
    """

    shown: str

    def lock(self) -> bool:
        """Take it for this process; False when another has it."""
        ...

    def make(self) -> None:
        """Make the tables that are missing."""
        ...

    def transaction(self) -> contextlib.AbstractContextManager[Change]: ...

    def rows(self, sql: str, **values: Any) -> Iterator[Any]: ...

    def close(self) -> None: ...


def open_store(address: str) -> Store:
    """The store at a path or a ``postgresql://`` address.

    Raises:
        UsageError: another kind of address
        OutputError: the file cannot be made
    """
    if "://" not in address:  # ``:memory:`` is one that leaves nothing behind
        return _SqliteStore(Path(address))
    if address.startswith("sqlite:///"):
        return _SqliteStore(Path(address.removeprefix("sqlite:///")))
    if re.match(r"postgres(ql)?(\+\w+)?://", address):
        return _PostgresStore(address)
    raise UsageError(
        f"`--ledger {address.partition('://')[0]}://...` is no kind of ledger.",
        "Give the path of a file, or a `postgresql://` address.",
    )


class _SqliteStore:
    def __init__(self, path: Path) -> None:
        self.shown = str(path)
        self._path = path
        self._lock: sqlite3.Connection | None = None
        try:
            if str(path) != MEMORY:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        except (OSError, sqlite3.Error) as error:
            raise OutputError(
                f"The ledger `{path}` cannot be opened: {error}.",
                "Name another place for it with `--ledger`.",
            ) from error

    def lock(self) -> bool:
        if str(self._path) == MEMORY:
            return True
        # a second file, whose lock says "taken" while the ledger itself can be read by others
        self._lock = sqlite3.connect(f"{self._path}.lock", timeout=0, isolation_level=None)
        try:
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            self._lock.close()
            return False
        return True

    def make(self) -> None:
        try:
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, FORMAT):
                raise UsageError(
                    f"The ledger `{self.shown}` has format {version}; this unfade writes {FORMAT}.",
                    "Give another with `--ledger`.",
                )
            for table in _TABLES:
                self._db.execute(table.format(serial="INTEGER PRIMARY KEY"))
            self._db.execute(f"PRAGMA user_version = {FORMAT}")
        except sqlite3.Error as error:
            raise UsageError(
                f"`{self.shown}` is no ledger: {error}.", "Give another with `--ledger`."
            ) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Change]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def run(self, sql: str, **values: Any) -> None:
        self._db.execute(sql, values)

    def many(self, sql: str, values: Sequence[dict[str, Any]]) -> None:
        self._db.executemany(sql, values)

    def rows(self, sql: str, **values: Any) -> Iterator[Any]:
        return iter(self._db.execute(sql, values))

    def close(self) -> None:
        self._db.close()
        if self._lock is not None:
            self._lock.close()


class _PostgresStore:
    def __init__(self, address: str) -> None:
        engine_of: Any = need("sqlalchemy", extra="batch", to="keep the ledger in Postgres")
        address = re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", address)
        url = engine_of.engine.make_url(address)
        self.shown = url.render_as_string(hide_password=True)
        self._text = engine_of.text
        need("psycopg", extra="batch", to="keep the ledger in Postgres")
        try:
            self._engine = engine_of.create_engine(url)
            self._db = self._engine.connect()
        except engine_of.exc.SQLAlchemyError as error:
            raise Unreachable(
                f"The ledger `{self.shown}` does not answer.",
                "Check the address, and that the database takes connections.",
            ) from error

    def lock(self) -> bool:
        # held by the session: Postgres lets it go when the connection ends, however it ends
        taken = self._db.execute(self._text("SELECT pg_try_advisory_lock(7382901)")).scalar()
        self._db.commit()
        return bool(taken)

    def make(self) -> None:
        with self.transaction() as change:
            for table in _TABLES:
                change.run(table.format(serial="BIGSERIAL PRIMARY KEY"))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Change]:
        if self._db.in_transaction():
            self._db.commit()  # what reading has begun
        with self._db.begin():
            yield self

    def run(self, sql: str, **values: Any) -> None:
        self._db.execute(self._text(sql), values)

    def many(self, sql: str, values: Sequence[dict[str, Any]]) -> None:
        if values:
            self._db.execute(self._text(sql), list(values))

    def rows(self, sql: str, **values: Any) -> Iterator[Any]:
        found = self._db.execution_options(yield_per=2000).execute(self._text(sql), values)
        return (tuple(row) for row in found)

    def close(self) -> None:
        self._db.close()
        self._engine.dispose()
