"""The bench: device, memory, threads, opened engines, progress and cancel.

How work is run, never what it does: nothing here may change a bit of a result. Pieces of work are
run by threads (NumPy, OpenCV and the runtimes let go of the interpreter lock while they compute)
and come back in order, with no more under way than threads and memory allow.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from threading import Lock
from types import TracebackType
from typing import Any, TypeVar

from unfade.engines.ordered import in_order
from unfade.errors import Cancelled, OutOfResources

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_MEMORY = 2_000_000_000
ProgressCall = Callable[[str, int, int], None]


class Bench:
    """Where work is done.

    Args:
        device: "auto", "cpu", "vulkan:N", "cuda:N" or "mps": where networks run
        runtime: "auto" (see ``unfade.engines.opening``), "ncnn", "onnx" or "torch"; a runtime
            that was named is never replaced by another
        precision: "float32" or "half", on CUDA alone
        licence: which networks are let in: "open-only", "usual" or "noncommercial"
        diffusion: folder of a diffusers pipeline for the fill of that name
        latent: folder of the checkpoints of latent-space translation
        offline: never use the network
        memory_bytes: bound on pieces under way, beside the picture itself
        threads: workers; None means one for each core
        cache: folder of fetched weights; empty means the usual one
        progress: called as ``progress(says, done, total)``
        cancelled: asked between pieces; True stops the run with ``Cancelled``
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        runtime: str = "auto",
        memory_bytes: int | None = None,
        threads: int | None = None,
        cache: str = "",
        precision: str = "float32",
        licence: str = "usual",
        diffusion: str = "",
        latent: str = "",
        offline: bool = False,
        progress: ProgressCall | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.device = device
        self.runtime = runtime
        self.memory_bytes = memory_bytes or DEFAULT_MEMORY
        self.threads = threads or available_cores()
        self.cache = cache
        self.precision = precision
        self.licence = licence
        self.diffusion = diffusion
        self.latent = latent
        self.offline = offline
        self._progress = progress
        self._cancelled = cancelled
        self._pool: ThreadPoolExecutor | None = None
        self._engines: dict[str, Any] = {}
        self._opening = Lock()
        self._calls = 1
        self._beside: dict[int, Bench] = {}

    def map(
        self,
        work: Callable[[T], R],
        tasks: Iterable[T],
        *,
        says: str,
        total: int,
        bytes_each: int = 0,
    ) -> Iterator[R]:
        """Results of ``work`` in the order of ``tasks``, worked on by this bench's threads.

        Args:
            says: what is being done, for the progress bar
            total: number of tasks
            bytes_each: peak memory of one task
        Raises:
            OutOfResources: one task alone needs more than the bench's memory
            Cancelled: the user stopped the work
        """
        if bytes_each > self.memory_bytes:
            raise OutOfResources(
                f"{says} needs {bytes_each / 1e6:.0f} MB for one piece; the bench has "
                f"{self.memory_bytes / 1e6:.0f} MB.",
                "Allow more with `--memory`.",
            )
        self._report(says, 0, total)
        under_way = min(self.threads, self.memory_bytes // bytes_each if bytes_each else total)
        if under_way <= 1 or total <= 1:
            yield from self._one_by_one(work, tasks, says, total)
            return
        yield from self._in_pool(work, tasks, says, total, int(under_way))

    def engine(self, name: str) -> Any:
        """The opened network of this catalogue name; opened once, checked by its hash.

        Raises:
            ModelMissing: its weights or its runtime are not here
        """
        with self._opening:
            if name not in self._engines:
                from unfade.engines.opening import open_engine

                self._engines[name] = open_engine(
                    name,
                    device=self.device,
                    runtime=self.runtime,
                    threads=self.threads,
                    calls=self._calls,
                    cache=self.cache,
                    precision=self.precision,
                    licence=self.licence,
                    diffusion=self.diffusion,
                    latent=self.latent,
                    memory_bytes=self.memory_bytes,
                    offline=self.offline,
                )
            return self._engines[name]

    def beside(self, calls: int) -> Bench:
        """A bench like this one for one of several calls beside each other, without progress.

        Each has its share of the threads: two networks that run beside each other on a thread each
        are done a fifth sooner than one after the other on two. Closed with this bench.
        """
        with self._opening:
            if calls not in self._beside:
                other = copy.copy(self)
                other.threads = max(1, self.threads // calls)
                other._calls = calls
                other._progress = None
                other._pool, other._engines, other._beside = None, {}, {}
                other._opening = Lock()
                self._beside[calls] = other
            return self._beside[calls]

    def close(self) -> None:
        """Let go of threads and networks; the bench can be used again."""
        for other in self._beside.values():
            other.close()
        self._beside.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _one_by_one(
        self, work: Callable[[T], R], tasks: Iterable[T], says: str, total: int
    ) -> Iterator[R]:
        for done, task in enumerate(tasks, 1):
            self._stop_if_cancelled()
            yield work(task)
            self._report(says, done, total)

    def _in_pool(
        self, work: Callable[[T], R], tasks: Iterable[T], says: str, total: int, under_way: int
    ) -> Iterator[R]:
        with self._opening:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="unfade")
                if "cv2" in sys.modules:
                    # our threads already use every core; OpenCV's own beneath only get in the way
                    sys.modules["cv2"].setNumThreads(1)
        self._stop_if_cancelled()
        jobs = (partial(work, task) for task in tasks)
        with closing(in_order(self._pool, jobs, under_way)) as results:
            for done, result in enumerate(results, 1):
                self._stop_if_cancelled()
                yield result
                self._report(says, done, total)

    def _report(self, says: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(says, done, total)

    def _stop_if_cancelled(self) -> None:
        if self._cancelled is not None and self._cancelled():
            raise Cancelled("Stopped by the user.", "Nothing was written.")


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
