"""The loop between ledger and executor: claim, hand over, settle, try again, tell.

The executor never holds more than two jobs for each slot, so memory does not grow with the number
of items, and an end in the middle costs no more than those.
"""

from __future__ import annotations

import dataclasses
import heapq
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from unfade.batch.executors.contract import Event, Executor, Job
from unfade.batch.ledger import Chosen, Ledger, Row
from unfade.batch.task import Treatment
from unfade.errors import UnfadeError
from unfade.files.places.opening import StoreOptions

TRIES = 3
FIRST_WAIT_S = 1.0
PATIENCE_S = 0.5  # how often watchers are told the time
_ALONE = ("out-of-resources", "worker-lost")  # tried again when nothing else takes memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is done to each item, and with what.

    Attributes:
        kind: the job's function
        hash: of all that decides the results
        source, destination, reference: addresses; every process opens them itself
        machine: arguments of ``Bench``, and ``limits``
        scratch: folder for what is fetched; None: the system's
        overwrite: replace results of another treatment, and strangers' files
        memory_bytes, time_limit_s, gpus: of each job
    """

    kind: str
    hash: str
    source: str
    destination: str
    options: StoreOptions = field(default_factory=StoreOptions)
    treatment: Treatment = field(default_factory=Treatment)
    machine: Mapping[str, Any] = field(default_factory=dict)
    scratch: str | None = None
    reference: str | None = None
    overwrite: bool = False
    thumbs: bool = False
    memory_bytes: int | None = None
    time_limit_s: float | None = None
    gpus: float = 0.0

    def job(self, row: Row) -> Job:
        return Job(
            key=row.name,
            kind=self.kind,
            # what an earlier run of this ledger has put there may be replaced
            arguments=self.arguments()
            | {
                "name": row.name,
                "target": row.target,
                "overwrite": self.overwrite or bool(row.job),
            },
            memory_bytes=self.memory_bytes,
            time_limit_s=self.time_limit_s,
            gpus=self.gpus,
        )

    def arguments(self) -> dict[str, Any]:
        """What all jobs of the batch have in common, as plain data."""
        return {
            "source": self.source,
            "destination": self.destination,
            "options": dataclasses.asdict(self.options),
            "treatment": dataclasses.asdict(self.treatment),
            "job": self.hash,
            "machine": dict(self.machine),
            "scratch": self.scratch,
            "reference": self.reference,
            "thumbs": self.thumbs,
            "overwrite": self.overwrite,
        }


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How a run ended, in numbers that grow while it runs."""

    run: int
    total: int = 0
    done: int = 0
    failed: int = 0
    refused: int = 0
    before: int = 0  # done by earlier runs
    failed_before: int = 0  # and not tried again
    adopted: int = 0  # found finished in the destination
    retries: int = 0
    lost: int = 0  # processes that died
    bytes_in: int = 0
    bytes_out: int = 0
    pixels: int = 0
    took_s: float = 0.0
    stopped: bool = False

    @property
    def left(self) -> int:
        """Items that nothing has become of yet."""
        ended = self.done + self.failed + self.refused + self.before + self.failed_before
        return self.total - ended

    @property
    def incomplete(self) -> int:
        """Items without a result, for good or for now."""
        return self.failed + self.failed_before + self.refused

    @property
    def failed_share(self) -> float:
        ended = self.done + self.failed
        return self.failed / ended if ended else 0.0

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"failed_share": round(self.failed_share, 4)}


class Watcher(Protocol):
    """Is told what happens: progress bars, metrics, logs, alarms."""

    def happened(self, event: Event, row: Row, outcome: Outcome) -> None:
        """A job's event; ``row`` as it is settled, when it is."""
        ...

    def passed(self, outcome: Outcome) -> None:
        """Some time has gone by."""
        ...


def work_through(
    ledger: Ledger,
    executor: Executor,
    task: Task,
    *,
    run: int,
    chosen: Chosen,
    watchers: Iterable[Watcher] = (),
    keep_thumbs: Any = None,
    tries: int = TRIES,
) -> Outcome:
    """Work on everything that is planned, until nothing is.

    Args:
        keep_thumbs: called with (row, (before, after)) for each settled result that has them
        tries: jobs begun for one item before it counts as failed
    Returns:
        the outcome; ``stopped`` when interrupted, with everything under way handed back
    """
    loop = _Loop(ledger, executor, task, run, chosen, tuple(watchers), keep_thumbs, tries)
    return loop.turn()


class _Loop:
    def __init__(
        self,
        ledger: Ledger,
        executor: Executor,
        task: Task,
        run: int,
        chosen: Chosen,
        watchers: tuple[Watcher, ...],
        keep_thumbs: Any,
        tries: int,
    ) -> None:
        self.ledger = ledger
        self.executor = executor
        self.task = task
        self.run = run
        self.chosen = chosen
        self.watchers = watchers
        self.keep_thumbs = keep_thumbs
        self.tries = tries
        self.under_way: dict[str, Row] = {}
        self.later: list[tuple[float, str, Row]] = []  # by when they are due
        self.alone: deque[Row] = deque()
        self.exhausted = False
        counts = ledger.counts(chosen, run)
        self.outcome = Outcome(
            run=run,
            total=sum(counts.values()) - counts["gone"],
            refused=counts["refused"],
            before=counts["done"],
            failed_before=counts["failed"],
        )
        self.began = time.monotonic()

    def turn(self) -> Outcome:
        try:
            while self._feed():
                for event in self.executor.events(self._patience()):
                    self._take(event)
                self.outcome.took_s = time.monotonic() - self.began
                for watcher in self.watchers:
                    watcher.passed(self.outcome)
        except KeyboardInterrupt:
            self.outcome.stopped = True
            self._hand_back()
        self.outcome.took_s = time.monotonic() - self.began
        return self.outcome

    def _feed(self) -> bool:
        """Keep the executor busy; False when nothing is left at all."""
        now = time.monotonic()
        while self.later and self.later[0][0] <= now:
            self._begin(heapq.heappop(self.later)[2])
        free = 2 * self.executor.slots - len(self.under_way)
        if not self.exhausted and free > 0:
            claimed = self.ledger.claim(free, self.chosen, self.run)
            self.exhausted = not claimed
            for row in claimed:
                self._begin(dataclasses.replace(row, attempts=row.attempts + 1))
        if self.exhausted and not self.under_way and not self.later and self.alone:
            self._begin(self.alone.popleft())
        return bool(self.under_way or self.later or self.alone or not self.exhausted)

    def _begin(self, row: Row) -> None:
        self.under_way[row.name] = row
        self.executor.submit(self.task.job(row))

    def _patience(self) -> float:
        if not self.later:
            return PATIENCE_S
        return min(PATIENCE_S, max(0.01, self.later[0][0] - time.monotonic()))

    def _take(self, event: Event) -> None:
        row = self.under_way[event.key]
        if event.last:
            del self.under_way[event.key]
        if event.what == "done":
            row = self._done(row, event)
        elif event.what == "failed":
            row = self._failed(row, dict(event.error or {}), event)
        for watcher in self.watchers:
            watcher.happened(event, row, self.outcome)

    def _done(self, row: Row, event: Event) -> Row:
        facts = dict(event.result)
        thumbs = facts.pop("thumbs", None)
        row = dataclasses.replace(
            row,
            state="done",
            job=self.task.hash,
            took_s=event.took_s,
            doubt=float(facts.get("doubt", 0.0)),
            error_code="",
            error="",
            facts=facts,
        )
        self.ledger.settle([row])
        if thumbs is not None and self.keep_thumbs is not None:
            self.keep_thumbs(row, thumbs)
        outcome = self.outcome
        outcome.done += 1
        outcome.adopted += bool(facts.get("adopted"))
        outcome.bytes_in += int(facts.get("bytes_in") or 0)
        outcome.bytes_out += int(facts.get("bytes_out") or 0)
        outcome.pixels += int(facts.get("rows") or 0) * int(facts.get("cols") or 0)
        return row

    def _failed(self, row: Row, error: dict[str, Any], event: Event) -> Row:
        code = str(error.get("code", "unexpected"))
        self.outcome.lost += code == "worker-lost"
        if error.get("retry") and row.attempts < self.tries:
            self.outcome.retries += 1
            again = dataclasses.replace(row, attempts=row.attempts + 1)
            if code in _ALONE:
                self.alone.append(again)
            else:
                due = time.monotonic() + FIRST_WAIT_S * 2 ** (row.attempts - 1)
                heapq.heappush(self.later, (due, row.name, again))
            return row
        row = dataclasses.replace(
            row,
            state="failed",
            took_s=event.took_s,
            doubt=1.0,
            error_code=code,
            error=str(error.get("message", "")),
            facts={key: error[key] for key in ("exit_code", "trace") if key in error},
        )
        self.ledger.settle([row])
        self.outcome.failed += 1
        return row

    def _hand_back(self) -> None:
        """Interrupted: what is under way is planned again; its results are whole or not there."""
        for name in [*self.under_way, *(row.name for _, _, row in self.later)]:
            self.ledger.again(name)
        for row in self.alone:
            self.ledger.again(row.name)


def check(executor: Executor, task: Task) -> None:
    """Have the treatment carried out once on a small field, where the work will be done.

    Raises:
        UnfadeError: what no item could be treated without: an unknown step, a missing network
    """
    key = "check of the treatment"
    executor.submit(
        Job(key=key, kind="unfade.batch.work:check_treatment", arguments=task.arguments())
    )
    while True:
        for event in executor.events(None):
            if event.what == "failed":
                raise as_error(dict(event.error or {}))
            if event.what == "done":
                return


def as_error(facts: Mapping[str, Any]) -> UnfadeError:
    """An error's facts as the error that they were."""
    from unfade import errors

    kinds = {
        kind("").code: kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, UnfadeError)
    }
    kind = kinds.get(str(facts.get("code")), UnfadeError)
    return kind(str(facts.get("found", "")), str(facts.get("remedy", "")))
