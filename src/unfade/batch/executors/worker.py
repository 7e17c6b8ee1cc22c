"""The inside of a local worker process: takes jobs from a pipe, one at a time.

The process ends itself when the pipe closes, so it never outlives whoever started it, even if
that was killed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from unfade.batch.executors.contract import Job, error_facts, function_of
from unfade.errors import OutOfResources

TELL_EVERY_S = 0.2
# BLAS, OpenMP and libvips read these once, when they are loaded
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VIPS_CONCURRENCY",
)


def serve(pipe: Connection, threads: int) -> None:
    """Run jobs until told to stop, or until the other end is gone.

    Messages in: ``("job", Job)``, ``("cancel", key)``, ``("stop",)``.
    Messages out: ``("started", key, resident bytes)``, ``("progress", key, stage, share)``,
    ``("done", key, result)``, ``("failed", key, error)``.
    """
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    desk = _Desk(pipe, threads)
    threading.Thread(target=desk.listen, daemon=True, name="orders").start()
    while (job := desk.jobs.get()) is not None:
        desk.run(job)
    os._exit(0)  # nothing here needs a tidy end, and a library's own may hang


class _Desk:
    """One worker's view of its parent, and a job's view of its worker."""

    def __init__(self, pipe: Connection, threads: int) -> None:
        self.pipe = pipe
        self.threads = threads
        self.kept: dict[str, Any] = {}
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._stop: set[str] = set()
        self._key = ""
        self._told = 0.0
        self._sending = threading.Lock()

    # -- what a job sees ----------------------------------------------------------------------

    def progress(self, stage: str, share: float) -> None:
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            self._send("progress", stage, min(1.0, max(0.0, float(share))))

    def cancelled(self) -> bool:
        return self._key in self._stop

    # -- the loop -----------------------------------------------------------------------------

    def listen(self) -> None:
        """Read orders; the end of the pipe is the end of this process."""
        try:
            while True:
                match self.pipe.recv():
                    case ("job", job):
                        self.jobs.put(job)
                    case ("cancel", key):
                        self._stop.add(key)
                    case _:
                        self.jobs.put(None)
        except (EOFError, OSError):
            os._exit(1)

    def run(self, job: Job) -> None:
        self._key, self._told = job.key, 0.0
        self._send("started", resident_bytes("self"))
        try:
            with memory_bound(job.memory_bytes):
                result = function_of(job.kind)(job.arguments, self)
        except BaseException as error:
            self._send("failed", error_facts(with_limit(error, job.memory_bytes)))
        else:
            self._answer(result)
        self._stop.discard(job.key)

    def _answer(self, result: Any) -> None:
        try:
            self._send("done", result)
        except Exception as error:  # a result that does not pickle is the job's failure
            self._send("failed", error_facts(error))

    def _send(self, what: str, *rest: Any) -> None:
        with self._sending:
            try:
                self.pipe.send((what, self._key, *rest))
            except (BrokenPipeError, ConnectionResetError):
                os._exit(1)


def with_limit(error: BaseException, limit: int | None) -> BaseException:
    """Running out of memory, told with the limit; OpenCV has its own exception for it."""
    short = isinstance(error, MemoryError) or "Insufficient memory" in str(error)
    if limit is None or not short:
        return error
    return OutOfResources(
        f"The job needs more than the {limit / 1e6:.0f} MB that it may take.",
        "Allow more memory for each job, or run fewer at once.",
    )


@contextlib.contextmanager
def memory_bound(limit: int | None) -> Iterator[None]:
    """Let allocations fail beyond ``limit`` bytes more than are held now.

    Linux counts private memory against RLIMIT_DATA, so a wish that is too large raises
    ``MemoryError`` here instead of bringing the machine to its knees. Elsewhere the limit is
    left to the parent, which watches.
    """
    held = _private_bytes()
    if limit is None or held is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    bound = held + limit
    if before[1] != resource.RLIM_INFINITY:
        bound = min(bound, before[1])
    resource.setrlimit(resource.RLIMIT_DATA, (bound, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def resident_bytes(pid: int | str) -> int:
    """Resident memory of a process; 0 where the system does not tell, or it has just ended."""
    if not sys.platform.startswith("linux"):
        return 0
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as facts:
            return int(facts.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _private_bytes() -> int | None:
    if not sys.platform.startswith("linux"):
        return None
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return None
