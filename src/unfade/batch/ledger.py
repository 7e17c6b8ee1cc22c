"""The ledger: one row for each item, so that what is done stays done.

SQLite in a file beside the results by default; a Postgres address for clusters whose drivers move
between machines. Only the driver writes to it, one driver at a time: the lock is let go by the
system when the driver dies, however it dies. A row is claimed before its job begins and settled
after its result lies whole in the destination, so a death in between costs one item's work.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import socket
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from unfade.batch.ledger_store import Store, open_store
from unfade.errors import (
    Cancelled,
    OutOfResources,
    OutputError,
    Unreachable,
    UsageError,
    WorkerLost,
)

BLOCK_ROWS = 5000
THUMBS = 400
# What a new run tries again by itself: its cause may have gone
_PASSING = (
    *(kind("").code for kind in (Unreachable, WorkerLost, OutOfResources, OutputError, Cancelled)),
    "unexpected",
)
STATES = ("planned", "running", "done", "failed", "refused", "gone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One item.

    Attributes:
        name: in the source; ``target``: in the destination; ``fold``: equal for two targets that
            the destination cannot tell apart (empty: it tells all apart)
        version: of the source when it was listed
        state: planned, running, done, failed (by its job), refused (in planning), gone (listed
            before, no longer there)
        attempts: jobs begun for it since it was last planned
        job: hash of all that decides the result, of the run that settled it
        error_code, error: of failed and refused
        facts: what its job told: hashes, sizes, findings, metrics
    """

    name: str
    target: str
    fold: str = ""
    size: int = 0
    version: str = ""
    state: str = "planned"
    attempts: int = 0
    job: str = ""
    took_s: float = 0.0
    doubt: float = 0.0
    error_code: str = ""
    error: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which items a run is about: all, the first so many, or a sample by chance."""

    limit: int | None = None
    sample: int | None = None


class Ledger:
    """Rows in a database.

    Args:
        address: path of a SQLite file (made if missing), or ``postgresql://...``
    Raises:
        UsageError: another driver is working with it, or it is no ledger
    """

    def __init__(self, address: str) -> None:
        self._store: Store = open_store(address)
        self._thumbs = 0
        self._least_doubt = 0.0
        self._bounds: dict[tuple[Chosen, int], int] = {}
        self.address = self._store.shown
        if not self._store.lock():
            raise UsageError(
                f"The ledger `{self.address}` is in use{self._by()}.",
                "Wait for that batch, or give this one a ledger of its own with `--ledger`.",
            )
        try:
            self._store.make()
            with self._store.transaction() as change:
                change.run(_FACT, name="owner", value=_me())
        except BaseException:
            self._store.close()
            raise

    # -- facts about the whole ----------------------------------------------------------------

    def fact(self, name: str) -> Any:
        """A fact kept with the ledger, or None."""
        rows = list(self._store.rows("SELECT value FROM facts WHERE name = :name", name=name))
        return json.loads(rows[0][0]) if rows else None

    def keep(self, name: str, value: Any) -> None:
        with self._store.transaction() as change:
            change.run(_FACT, name=name, value=json.dumps(value))

    # -- planning -----------------------------------------------------------------------------

    def plan(self, rows: Iterable[Row], run: int) -> None:
        """Take over a listing: new rows are planned, changed ones planned again.

        Args:
            run: number of this run; what was seen by earlier ones only is then ``gone``
        """
        with self._store.transaction() as change:
            for block in _blocks(rows, BLOCK_ROWS):
                change.many(
                    _PLAN,
                    [
                        {
                            "name": row.name,
                            "target": row.target,
                            "fold": row.fold or row.target,
                            "size": row.size,
                            "version": row.version,
                            "lot": zlib.crc32(row.name.encode("utf-8", "backslashreplace")),
                            "run": run,
                            "state": row.state,
                            "code": row.error_code,
                            "error": row.error,
                        }
                        for row in block
                    ],
                )
            change.run(
                "UPDATE items SET state = 'gone' WHERE seen < :run AND state <> 'done'", run=run
            )

    def replan(self, *, job: str, failed: bool, overwrite: bool) -> None:
        """Plan again what an earlier run left: interrupted and passing failures always.

        Args:
            job: the hash of this run's treatment
            failed: also those whose failure will not pass by itself
            overwrite: also those done by another treatment
        """
        with self._store.transaction() as change:
            change.run("UPDATE items SET state = 'planned' WHERE state = 'running'")
            codes = ", ".join(f"'{code}'" for code in _PASSING)
            only = "" if failed else f" AND error_code IN ({codes})"
            change.run(
                "UPDATE items SET state = 'planned', attempts = 0, error_code = '', error = '' "
                f"WHERE state = 'failed'{only}"
            )
            if overwrite:
                change.run(
                    "UPDATE items SET state = 'planned' WHERE state = 'done' AND job <> :job",
                    job=job,
                )

    def refuse(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Settle items that planning found impossible: (name, code, message)."""
        with self._store.transaction() as change:
            for block in _blocks(rows, BLOCK_ROWS):
                change.many(
                    "UPDATE items SET state = 'refused', error_code = :code, error = :error "
                    "WHERE name = :name",
                    [{"name": name, "code": code, "error": error} for name, code, error in block],
                )

    def collisions(self, run: int) -> Iterator[tuple[str, str]]:
        """(name, fold) of items whose target another one has as well."""
        return self._store.rows(
            "SELECT name, fold FROM items WHERE seen = :run AND state <> 'refused' AND fold IN "
            "(SELECT fold FROM items WHERE seen = :run AND state <> 'refused' GROUP BY fold "
            "HAVING count(*) > 1) ORDER BY fold, name",
            run=run,
        )

    def others(self, job: str) -> int:
        """How many are done by another treatment or another version of unfade."""
        return self._one("SELECT count(*) FROM items WHERE state = 'done' AND job <> :job", job=job)

    # -- working ------------------------------------------------------------------------------

    def claim(self, number: int, chosen: Chosen, run: int) -> list[Row]:
        """The next items to work on, marked as running."""
        if number <= 0:
            return []
        condition, values = self._condition(chosen, run)
        order = "lot, id" if chosen.sample is not None else "id"
        with self._store.transaction() as change:
            rows = [
                _row(each)
                for each in change.rows(
                    f"SELECT {_COLUMNS} FROM items WHERE state = 'planned' AND seen = :run "
                    f"{condition} ORDER BY {order} LIMIT {int(number)}",
                    run=run,
                    **values,
                )
            ]
            change.many(
                "UPDATE items SET state = 'running', attempts = attempts + 1 WHERE name = :name",
                [{"name": row.name} for row in rows],
            )
        return rows

    def again(self, name: str) -> None:
        """Hand an item back to be claimed once more."""
        with self._store.transaction() as change:
            change.run("UPDATE items SET state = 'planned' WHERE name = :name", name=name)

    def settle(self, rows: Iterable[Row]) -> None:
        """Write down how items ended: done or failed, with what is known of them."""
        with self._store.transaction() as change:
            change.many(
                "UPDATE items SET state = :state, job = :job, took_s = :took, doubt = :doubt, "
                "error_code = :code, error = :error, facts = :facts, version = :version "
                "WHERE name = :name",
                [
                    {
                        "name": row.name,
                        "state": row.state,
                        "job": row.job,
                        "took": row.took_s,
                        "doubt": row.doubt,
                        "code": row.error_code,
                        "error": row.error,
                        "facts": json.dumps(dict(row.facts), ensure_ascii=False),
                        "version": row.version,
                    }
                    for row in rows
                ],
            )

    def keep_thumbs(self, row: Row, thumbs: tuple[bytes, bytes]) -> None:
        """Keep small pictures of the most doubtful results, for the report."""
        if row.doubt < self._least_doubt:
            return
        with self._store.transaction() as change:
            change.run(
                "INSERT INTO thumbs (name, doubt, before, after) VALUES (:name, :doubt, :b, :a) "
                "ON CONFLICT (name) DO UPDATE SET doubt = excluded.doubt, "
                "before = excluded.before, after = excluded.after",
                name=row.name,
                doubt=row.doubt,
                b=base64.b64encode(thumbs[0]).decode(),
                a=base64.b64encode(thumbs[1]).decode(),
            )
            self._thumbs += 1
            if self._thumbs % THUMBS == 0:
                change.run(
                    "DELETE FROM thumbs WHERE name NOT IN (SELECT name FROM thumbs ORDER BY "
                    f"doubt DESC, name LIMIT {THUMBS})"
                )
                least = list(change.rows("SELECT min(doubt) FROM thumbs"))
                self._least_doubt = float(least[0][0] or 0.0)

    def thumbs(self, names: Iterable[str]) -> dict[str, tuple[bytes, bytes]]:
        """Name -> small pictures before and after (empty: unchanged), where they were kept."""
        found = {}
        for name in names:
            for before, after in self._store.rows(
                "SELECT before, after FROM thumbs WHERE name = :name", name=name
            ):
                found[name] = (base64.b64decode(before), base64.b64decode(after))
        return found

    # -- looking ------------------------------------------------------------------------------

    def counts(self, chosen: Chosen, run: int) -> dict[str, int]:
        """State -> number, of the items that a run is about."""
        condition, values = self._condition(chosen, run)
        found = self._store.rows(
            f"SELECT state, count(*) FROM items WHERE seen = :run {condition} GROUP BY state",
            run=run,
            **values,
        )
        return dict.fromkeys(STATES, 0) | {state: int(number) for state, number in found}

    def bytes_of(self, state: str, chosen: Chosen, run: int) -> int:
        condition, values = self._condition(chosen, run)
        return self._one(
            f"SELECT coalesce(sum(size), 0) FROM items WHERE seen = :run AND state = :state "
            f"{condition}",
            run=run,
            state=state,
            **values,
        )

    def lists(self, target: str) -> bool:
        """Whether a result of this name is one of this ledger's."""
        found = self._store.rows(
            "SELECT 1 FROM items WHERE target = :target LIMIT 1", target=target
        )
        return next(iter(found), None) is not None

    def refused(self, run: int, most: int) -> list[tuple[str, str]]:
        """(name, why) of the first few that planning refused."""
        found = self._store.rows(
            "SELECT name, error FROM items WHERE seen = :run AND state = 'refused' ORDER BY id "
            f"LIMIT {int(most)}",
            run=run,
        )
        return [(str(name), str(error)) for name, error in found]

    def rows(
        self,
        *,
        run: int,
        states: Collection[str] = STATES,
        by_doubt: bool = False,
        most: int | None = None,
    ) -> Iterator[Row]:
        """Rows that a run has seen, in their order or the most doubtful first.

        Memory does not grow with their number.
        """
        wanted = ", ".join(f"'{state}'" for state in states)
        return map(
            _row,
            self._store.rows(
                f"SELECT {_COLUMNS} FROM items WHERE seen = :run AND state IN ({wanted}) "
                f"ORDER BY {'doubt DESC, id' if by_doubt else 'id'} "
                f"{'' if most is None else f'LIMIT {int(most)}'}",
                run=run,
            ),
        )

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- inside -------------------------------------------------------------------------------

    def _condition(self, chosen: Chosen, run: int) -> tuple[str, dict[str, Any]]:
        """SQL that narrows to the chosen ones; the same ones in every run over one listing."""
        number = chosen.sample if chosen.sample is not None else chosen.limit
        if number is None:
            return "", {}
        column = "lot" if chosen.sample is not None else "id"
        if (chosen, run) not in self._bounds:
            self._bounds[chosen, run] = self._nth(column, number, run)
        return f"AND {column} <= :bound", {"bound": self._bounds[chosen, run]}

    def _nth(self, column: str, number: int, run: int) -> int:
        found = list(
            self._store.rows(
                f"SELECT {column} FROM items WHERE seen = :run ORDER BY {column} "
                f"LIMIT 1 OFFSET {int(number) - 1}",
                run=run,
            )
        )
        return int(found[0][0]) if found else 2**62

    def _one(self, sql: str, **values: Any) -> int:
        return int(next(iter(self._store.rows(sql, **values)))[0])

    def _by(self) -> str:
        try:
            rows = list(self._store.rows("SELECT value FROM facts WHERE name = 'owner'"))
        except Exception:  # not a ledger yet, or not readable just now: the lock says enough
            return " by another batch"
        return f" by {json.loads(rows[0][0])}" if rows else " by another batch"


def _me() -> str:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    return json.dumps(f"process {os.getpid()} on {socket.gethostname()} since {now}")


def _blocks(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    source = iter(rows)
    while block := list(itertools.islice(source, size)):
        yield block


def _row(found: tuple[Any, ...]) -> Row:
    values = dict(zip(_FIELDS, found, strict=True))
    return Row(**values | {"facts": json.loads(values["facts"] or "{}")})


_FIELDS = (
    "name", "target", "fold", "size", "version", "state", "attempts", "job", "took_s", "doubt",
    "error_code", "error", "facts",
)  # fmt: skip
_COLUMNS = ", ".join(_FIELDS)
_FACT = (
    "INSERT INTO facts (name, value) VALUES (:name, :value) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_PLAN = """
INSERT INTO items (name, target, fold, size, version, lot, seen, state, error_code, error)
VALUES (:name, :target, :fold, :size, :version, :lot, :run, :state, :code, :error)
ON CONFLICT (name) DO UPDATE SET
    seen = excluded.seen, target = excluded.target, fold = excluded.fold, size = excluded.size,
    state = CASE
        WHEN excluded.state = 'refused' THEN 'refused'
        WHEN items.version <> excluded.version THEN 'planned'
        WHEN items.state IN ('refused', 'gone') THEN 'planned'
        ELSE items.state END,
    attempts = CASE WHEN items.version <> excluded.version THEN 0 ELSE items.attempts END,
    error_code = CASE WHEN items.state = 'failed' AND items.version = excluded.version
        AND excluded.state <> 'refused' THEN items.error_code ELSE excluded.error_code END,
    error = CASE WHEN items.state = 'failed' AND items.version = excluded.version
        AND excluded.state <> 'refused' THEN items.error ELSE excluded.error END,
    version = excluded.version
"""
