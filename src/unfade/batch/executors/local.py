"""Processes of this machine: started by spawn, each with its share of the cores.

One process runs one job at a time and is used again for the next, so that what is costly to open
stays open. A process that dies, takes too much memory or too much time costs only its job: the
next job gets a fresh one. All orders and all answers go through ``events``, in one thread.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

from unfade.batch.executors.contract import Event, Job, error_facts
from unfade.batch.executors.worker import THREAD_VARIABLES, resident_bytes, serve
from unfade.engines.bench import available_cores
from unfade.errors import Cancelled, OutOfResources, WorkerLost

TICK_S = 0.1
GRACE_S = 5.0  # for a cancelled job to end by itself
RECYCLE_AFTER = 500  # jobs; bounds whatever a library leaks
LIBRARIES_BYTES = 300_000_000
_environment = threading.Lock()


@dataclass(slots=True, eq=False)
class _Worker:
    process: Any
    pipe: Connection
    job: Job | None = None
    began: float = 0.0  # when the job was handed over
    cancelled_at: float | None = None
    killed_for: BaseException | None = None
    held: int = 0  # resident bytes when the job began
    jobs: int = 0

    @property
    def name(self) -> str:
        return f"pid-{self.process.pid}"

    def bound(self, memory_bytes: int) -> int:
        """Resident bytes beyond which the parent steps in: libraries load code meanwhile."""
        return self.held + memory_bytes + memory_bytes // 4 + LIBRARIES_BYTES


@dataclass(slots=True, eq=False)
class _Orders:
    """What other threads want; ``events`` looks here first."""

    jobs: deque[Job] = field(default_factory=deque)
    cancels: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


class LocalExecutor:
    """An ``Executor`` of local processes.

    Args:
        workers: processes; None means one for each core
        threads: for each process; None means cores / workers, so that threads x processes =
            cores
        grace_s: how long a cancelled job may take to end before its process is killed
        recycle_after: jobs after which a process is replaced
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        threads: int | None = None,
        grace_s: float = GRACE_S,
        recycle_after: int = RECYCLE_AFTER,
    ) -> None:
        cores = available_cores()
        self._most = workers or cores
        self.threads = threads or max(1, cores // self._most)
        self.grace_s = grace_s
        self.recycle_after = recycle_after
        self._orders = _Orders()
        self._workers: list[_Worker] = []
        self._happened: list[Event] = []
        self._spawn = mp.get_context("spawn")
        self._woken, self._waker = self._spawn.Pipe(duplex=False)
        self._closed = False

    @property
    def slots(self) -> int:
        return self._most

    # -- orders, from any thread --------------------------------------------------------------

    def submit(self, job: Job) -> None:
        with self._orders.lock:
            if self._closed:
                raise RuntimeError("the executor is closed")
            if job.key in self._orders.keys:
                raise ValueError(f"a job `{job.key}` is under way")
            self._orders.keys.add(job.key)
            self._orders.jobs.append(job)
        self._wake()

    def cancel(self, key: str) -> None:
        with self._orders.lock:
            if key in self._orders.keys:
                self._orders.cancels.append(key)
        self._wake()

    # -- events, in one thread ----------------------------------------------------------------

    def events(self, timeout_s: float | None = None) -> list[Event]:
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._carry_out_orders()
            self._enforce()
            if self._happened:
                happened, self._happened = self._happened, []
                return happened
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return []
            if left is None and not self._orders.keys:
                return []
            self._listen(left)

    def close(self, *, kill: bool = False) -> None:
        with self._orders.lock:
            if self._closed:
                return
            self._closed = True
        for worker in self._workers:
            if worker.job is None and not kill:
                with contextlib.suppress(OSError):
                    worker.pipe.send(("stop",))
            else:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join(5.0)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
        self._workers.clear()
        self._woken.close()
        self._waker.close()

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(kill=error is not None)

    # -- inside -------------------------------------------------------------------------------

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send_bytes(b"!")

    def _carry_out_orders(self) -> None:
        with self._orders.lock:
            cancels, self._orders.cancels = self._orders.cancels, []
        for key in cancels:
            self._cancel(key)
        while self._orders.jobs:
            worker = self._free_worker()
            if worker is None:
                return
            with self._orders.lock:
                if not self._orders.jobs:
                    return
                job = self._orders.jobs.popleft()
            self._hand_over(worker, job)

    def _cancel(self, key: str) -> None:
        with self._orders.lock:
            waiting = next((job for job in self._orders.jobs if job.key == key), None)
            if waiting is not None:
                self._orders.jobs.remove(waiting)
        if waiting is not None:
            self._end(Event(key=key, what="failed", error=error_facts(_stopped(key))))
            return
        for worker in self._workers:
            if worker.job is not None and worker.job.key == key and worker.cancelled_at is None:
                worker.cancelled_at = time.monotonic()
                with contextlib.suppress(OSError):
                    worker.pipe.send(("cancel", key))

    def _free_worker(self) -> _Worker | None:
        for worker in [worker for worker in self._workers if worker.job is None]:
            if worker.jobs < self.recycle_after:
                return worker
            self._dismiss(worker)
        if len(self._workers) < self._most:
            return self._start()
        return None

    def _start(self) -> _Worker:
        mine, theirs = self._spawn.Pipe()
        with _environment, _variables(self.threads):
            # BLAS and OpenMP read these once, on import, which happens inside the child
            process = self._spawn.Process(
                target=serve, args=(theirs, self.threads), daemon=True, name="unfade-worker"
            )
            process.start()
        theirs.close()
        worker = _Worker(process, mine)
        self._workers.append(worker)
        return worker

    def _hand_over(self, worker: _Worker, job: Job) -> None:
        worker.job, worker.began = job, time.monotonic()
        worker.cancelled_at = worker.killed_for = None
        worker.jobs += 1
        try:
            worker.pipe.send(("job", job))
        except (BrokenPipeError, ConnectionResetError):
            self._bury(worker)
        except Exception as error:  # arguments that do not pickle are the job's failure
            worker.job = None
            self._end(Event(key=job.key, what="failed", error=error_facts(error)))

    def _listen(self, left: float | None) -> None:
        busy = [worker for worker in self._workers if worker.job is not None]
        watched = any(
            worker.cancelled_at is not None
            or (worker.job and (worker.job.memory_bytes or worker.job.time_limit_s))
            for worker in busy
        )
        patience = TICK_S if watched else None
        if left is not None:
            patience = left if patience is None else min(patience, left)
        pipes = {worker.pipe: worker for worker in self._workers}
        for ready in wait([self._woken, *pipes], patience):
            if ready is self._woken:
                while self._woken.poll():
                    self._woken.recv_bytes()
            else:
                self._read(pipes[ready])  # type: ignore[index]  # the rest are pipes

    def _read(self, worker: _Worker) -> None:
        try:
            while worker.pipe.poll():
                what, key, *rest = worker.pipe.recv()
                self._note(worker, what, key, rest)
        except (EOFError, OSError):
            self._bury(worker)

    def _note(self, worker: _Worker, what: str, key: str, rest: list[Any]) -> None:
        if what == "started":
            worker.began, worker.held = time.monotonic(), rest[0]
            self._happened.append(Event(key=key, what="started", worker=worker.name))
        elif what == "progress":
            stage, share = rest
            self._happened.append(
                Event(key=key, what="progress", stage=stage, share=share, worker=worker.name)
            )
        else:
            took = time.monotonic() - worker.began
            result, error = (rest[0], None) if what == "done" else (None, rest[0])
            worker.job = None
            self._end(
                Event(
                    key=key,
                    what="done" if what == "done" else "failed",
                    result=result,
                    error=error,
                    worker=worker.name,
                    took_s=took,
                )
            )

    def _enforce(self) -> None:
        """Kill what takes too much time or memory, or does not heed a cancel."""
        now = time.monotonic()
        for worker in self._workers:
            job = worker.job
            if job is None or worker.killed_for is not None:
                continue
            took = now - worker.began
            if worker.cancelled_at is not None and now - worker.cancelled_at > self.grace_s:
                worker.killed_for = _stopped(job.key)
            elif job.time_limit_s is not None and took > job.time_limit_s:
                worker.killed_for = OutOfResources(
                    f"`{job.key}` has taken more than the {job.time_limit_s:g} s that it may.",
                    "Allow more time for each job.",
                )
            elif job.memory_bytes is not None and _resident(worker) > worker.bound(
                job.memory_bytes
            ):
                worker.killed_for = OutOfResources(
                    f"`{job.key}` takes more than the {job.memory_bytes / 1e6:.0f} MB that it may.",
                    "Allow more memory for each job, or run fewer at once.",
                )
            if worker.killed_for is not None:
                worker.process.kill()

    def _bury(self, worker: _Worker) -> None:
        """A process has gone: its job fails, and nothing else does."""
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        job = worker.job
        if job is None:
            return
        error = worker.killed_for or WorkerLost(
            f"The process that worked on `{job.key}` has died ({_cause(worker.process)}).",
            "Run it again with fewer workers or more memory; if it dies again, the file itself "
            "is the cause.",
        )
        self._end(
            Event(
                key=job.key,
                what="failed",
                error=error_facts(error),
                worker=worker.name,
                took_s=time.monotonic() - worker.began,
            )
        )

    def _dismiss(self, worker: _Worker) -> None:
        with contextlib.suppress(OSError):
            worker.pipe.send(("stop",))
        worker.process.join(5.0)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)

    def _end(self, event: Event) -> None:
        with self._orders.lock:
            self._orders.keys.discard(event.key)
        self._happened.append(event)


def _stopped(key: str) -> Cancelled:
    return Cancelled(f"`{key}` was stopped.", "Nothing was written for it.")


def _cause(process: Any) -> str:
    code = process.exitcode
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


def _resident(worker: _Worker) -> int:
    return resident_bytes(worker.process.pid)


@contextlib.contextmanager
def _variables(threads: int) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
