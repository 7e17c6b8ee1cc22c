"""An order: everything a batch is told, and the batch that carries it out.

with Batch(order) as batch:
    plan = batch.plan()
    outcome = batch.work()
    report = batch.report()
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from unfade.batch.executors.contract import Executor
from unfade.batch.ledger import Chosen, Ledger
from unfade.batch.ledger_store import MEMORY
from unfade.batch.plan import Filter, Plan, check_places, make_plan
from unfade.batch.run import TRIES, Outcome, Task, Watcher, check, work_through
from unfade.batch.scratch import SCRATCH, clear_scratch
from unfade.batch.task import Treatment
from unfade.errors import UsageError, nearest
from unfade.files.places.contract import Place
from unfade.files.places.folder import clear_temporaries
from unfade.files.places.opening import DEFAULT_OPTIONS, StoreOptions, open_place

RESTORE = "unfade.batch.work:restore_one"
COPY = "unfade.batch.work:copy_one"
LEDGER = ".unfade/batch.sqlite"
REPORT = "unfade-report"
EXECUTORS = ("local", "ray")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to do with which items of one place, into which other.

    Attributes:
        kind: the job's function: ``RESTORE`` or ``COPY``
        treatment: for ``RESTORE``
        machine: see ``Task``
        ledger: path or address; empty: beside the results, or for a store in the user's folder
        executor, workers: where jobs run, and how many at once (None: all cores)
        threads: for each job (None: cores / workers)
        ray_address: of a running cluster; empty: one of this machine
        scratch: folder for what is fetched; None: the system's
        dry: only plan, and write nothing
    """

    source: str
    destination: str
    kind: str = RESTORE
    options: StoreOptions = DEFAULT_OPTIONS
    treatment: Treatment = field(default_factory=Treatment)
    machine: Mapping[str, Any] = field(default_factory=dict)
    filter: Filter = field(default_factory=Filter)
    chosen: Chosen = field(default_factory=Chosen)
    ledger: str = ""
    executor: str = "local"
    workers: int | None = None
    threads: int | None = None
    ray_address: str = ""
    scratch: str | None = None
    reference: str | None = None
    access: str | None = None
    overwrite: bool = False
    retry_failed: bool = False
    tries: int = TRIES
    memory_bytes: int | None = None
    time_limit_s: float | None = None
    gpus: float = 0.0
    dry: bool = False

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise UsageError(
                f"There is no executor `{self.executor}`.", nearest(self.executor, EXECUTORS)
            )

    @property
    def hash(self) -> str:
        return self.treatment.hash if self.kind == RESTORE else "copy"


class Batch:
    """One run of an order. A context manager: ledger and processes are let go at its end."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.source: Place = open_place(order.source, order.options)
        self.destination: Place = open_place(order.destination, order.options)
        check_places(self.source, self.destination)  # before a ledger is laid anywhere
        self.ledger = Ledger(MEMORY if order.dry else self._ledger_address())
        self._executor: Executor | None = None
        self._scratch: Path | None = None
        self.planned: Plan | None = None
        self.outcome: Outcome | None = None

    def plan(self) -> Plan:
        """List the source, and say what is to be done; see ``make_plan``."""
        order = self.order
        if self.destination.folder is not None:  # half-made files of a run that was killed
            targets = self.ledger.interrupted()
            for folder in {(self.destination.folder / target).parent for target in targets}:
                clear_temporaries(folder)
        self.planned = make_plan(
            self.ledger,
            self.source,
            self.destination,
            job=order.hash,
            target_of=order.treatment.target_of,
            filter=order.filter,
            chosen=order.chosen,
            retry_failed=order.retry_failed,
            overwrite=order.overwrite,
        )
        return self.planned

    def work(self, watchers: Iterable[Watcher] = ()) -> Outcome:
        """Do what was planned.

        Raises:
            UnfadeError: the treatment cannot be carried out at all; nothing was begun
        """
        planned = self.planned or self.plan()
        order, task = self.order, self._task()
        if planned.counts.get("planned", 0):
            self._executor = self._start()
            if order.kind == RESTORE:
                check(self._executor, task)
        self.outcome = work_through(
            self.ledger,
            self._executor or _NoExecutor(),
            task,
            run=planned.run,
            chosen=order.chosen,
            watchers=watchers,
            keep_thumbs=self.ledger.keep_thumbs,
            tries=order.tries,
        )
        self.ledger.keep("outcome", self.outcome.to_dict())
        return self.outcome

    def report(self, folder: str | None = None) -> str:
        """Write the report and the table.

        Args:
            folder: on this machine; None: in the destination
        Returns:
            where its page lies
        """
        from unfade.batch.report import write_report

        assert self.planned is not None
        assert self.outcome is not None
        return write_report(
            self.ledger,
            self.planned,
            self.outcome,
            source=self.source,
            destination=self.destination,
            folder=folder,
        )

    def close(self, *, kill: bool = False) -> None:
        if self._executor is not None:
            self._executor.close(kill=kill)
            self._executor = None
        if self._scratch is not None:
            clear_scratch(self._scratch)
        self.ledger.close()

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(kill=error is not None)

    # -- inside -------------------------------------------------------------------------------

    def _task(self) -> Task:
        order = self.order
        return Task(
            kind=order.kind,
            hash=order.hash,
            source=_absolute(order.source),
            destination=_absolute(order.destination),
            options=order.options,
            treatment=order.treatment,
            machine=order.machine,
            scratch=self._scratch_folder(),
            reference=_absolute(order.reference) if order.reference else None,
            access=order.access,
            overwrite=order.overwrite,
            thumbs=order.kind == RESTORE,
            memory_bytes=order.memory_bytes,
            time_limit_s=order.time_limit_s,
            gpus=order.gpus,
        )

    def _scratch_folder(self) -> str | None:
        """A folder of this ledger's own, cleared of what killed processes left there."""
        if self.source.folder is not None and self.destination.folder is not None:
            return self.order.scratch
        if self.order.executor != "local":
            return self.order.scratch  # other machines have their own
        root = Path(self.order.scratch or tempfile.gettempdir())
        name = hashlib.sha256(self.ledger.address.encode()).hexdigest()[:16]
        self._scratch = root / f"{SCRATCH}of-{name}"
        self._scratch.mkdir(parents=True, exist_ok=True)
        clear_scratch(self._scratch)
        return str(self._scratch)

    def _start(self) -> Executor:
        if self.order.executor == "ray":
            from unfade.batch.executors.on_ray import RayExecutor

            return RayExecutor(
                workers=self.order.workers,
                threads=self.order.threads,
                address=self.order.ray_address,
            )
        from unfade.batch.executors.local import LocalExecutor

        return LocalExecutor(workers=self.order.workers, threads=self.order.threads)

    def _ledger_address(self) -> str:
        if self.order.ledger:
            return self.order.ledger
        return default_ledger(self.source, self.destination)


def default_ledger(source: Place, destination: Place) -> str:
    """Beside the results in a folder; for a store in the user's folder for such things."""
    if destination.folder is not None:
        return str(destination.folder / LEDGER)
    key = hashlib.sha256(f"{source.uri}\n{destination.uri}".encode()).hexdigest()[:16]
    return str(_batches() / f"{key}.sqlite")


def default_ledgers() -> list[str]:
    """Ledgers in the user's folder."""
    return sorted(str(path) for path in _batches().glob("*.sqlite"))


def _batches() -> Path:
    import platformdirs

    return Path(platformdirs.user_state_dir("unfade")) / "batches"


class _NoExecutor:
    """For a run in which nothing is to be done."""

    slots = 1

    def submit(self, job: Any) -> None:
        raise AssertionError(f"`{job.key}` appeared in a run without work")

    def events(self, timeout_s: float | None = None) -> list[Any]:
        return []

    def cancel(self, key: str) -> None:
        return

    def close(self, *, kill: bool = False) -> None:
        return


def _absolute(address: str) -> str:
    """Workers may stand in another folder."""
    return address if "://" in address else str(Path(address).absolute())
