"""The children: the batch's local executor, with processes that are safe to show hostile files.

What is different from a batch's processes: messages are JSON, the environment holds no secrets,
there is no network, and the kernel bounds address space, processor time, open files and the
size of what is written.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unfade.batch.executors.contract import Job
from unfade.batch.executors.local import LocalExecutor, _Worker
from unfade.web.pipe import JsonPipe

# what a child may know of the server's environment; everything else stays here
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "SYSTEMROOT", "LD_LIBRARY_PATH",
              "CUDA_VISIBLE_DEVICES", "XDG_CACHE_HOME", "VIRTUAL_ENV")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the kernel allows a child.

    Attributes:
        address_bytes: of address space; 0: no bound (a GPU's driver maps all of its memory)
        file_bytes: of one written file
        open_files: at once
        niceness: how far its work gives way to the server's own
    """

    address_bytes: int
    file_bytes: int = 16_000_000_000
    open_files: int = 256
    niceness: int = 0


class Crew(LocalExecutor):
    """An ``Executor`` whose children may be shown hostile files.

    Args:
        workers: children
        threads: that each may use for a task
        bounds: of each child
        scratch: folder for temporary files, which the children may write to
    """

    def __init__(self, *, workers: int, threads: int, bounds: Bounds, scratch: Path) -> None:
        super().__init__(workers=workers, threads=threads, recycle_after=100)
        self.bounds = bounds
        self.scratch = scratch
        self.started = 0

    def warm(self, key: str) -> None:
        """Start every child, and let it import what it will need."""
        for number in range(self.slots):
            self.submit(Job(key=f"{key}-{number}", kind="unfade.web.work.child:warm"))

    def _start(self) -> _Worker:
        mine, theirs = socket.socketpair()
        with mine, theirs:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "unfade.web.work.child"),
                    *(str(theirs.fileno()), str(self.threads)),
                    *(str(self.bounds.address_bytes), str(self.bounds.file_bytes)),
                    *(str(self.bounds.open_files), str(self.bounds.niceness)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=self._environment(),
                cwd=self.scratch,
            )
            pipe = JsonPipe(mine.detach())
        worker = _Worker(_Child(process), pipe)  # type: ignore[arg-type]
        self._workers.append(worker)
        self.started += 1
        return worker

    def _environment(self) -> dict[str, str]:
        threads = str(self.threads)
        own = {
            "TMPDIR": str(self.scratch),
            "UNFADE_OFFLINE": "1",
            "VIPS_BLOCK_UNTRUSTED": "1",
            "VIPS_CONCURRENCY": threads,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "MALLOC_ARENA_MAX": "4",  # each arena takes 64 MB of address space
        }
        return _some(os.environ) | own


class _Child:
    """A ``subprocess`` with the few methods of a ``multiprocessing`` process that are used."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    @property
    def exitcode(self) -> int | None:
        return self._process.poll()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()

    def join(self, timeout: float | None = None) -> None:
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return  # the caller asks `is_alive`


def _some(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in _PASSED_ON if name in environment}


def has_gpu() -> bool:
    """Whether a GPU's driver may want to map more than any bound on address space allows."""
    return Path("/dev/nvidiactl").exists()
