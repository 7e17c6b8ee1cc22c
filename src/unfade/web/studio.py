"""The studio: all parts of the service, put together, started and stopped."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from unfade.batch.executors.contract import Executor
from unfade.config import Config
from unfade.web.crew import Bounds, Crew, has_gpu
from unfade.web.dispatch import Dispatch, warm_up
from unfade.web.hub import Hub
from unfade.web.looks import Looks
from unfade.web.metrics import Metrics
from unfade.web.problems import Conflict
from unfade.web.queue import Queue
from unfade.web.rules import Rules, available_cores
from unfade.web.schemas.catalogue import Limits
from unfade.web.sessions import Sessions
from unfade.web.shelf import Shelf
from unfade.web.sources import fetch_s3
from unfade.web.store import Store
from unfade.web.tasks import Taskmaster

log = logging.getLogger("unfade.web")
SWEEP_S = 60.0
_LOOK_BYTES = 2_000_000_000


class Studio:
    """One service.

    Args:
        rules: what it allows
        config: of the machine: device, memory, threads, cache
        executor: what runs jobs; None: processes of this machine that are safe to show hostile
            files
    """

    def __init__(self, rules: Rules, config: Config, executor: Executor | None = None) -> None:
        self.rules = rules
        self.config = config
        self.shelf = Shelf(rules.data, rules.disk_reserve_bytes)
        self.store = Store(rules.database_url)
        self.queue = Queue(self.store, most=rules.queued_jobs, most_each=rules.queued_jobs_each)
        self.sessions = Sessions(rules.tokens, self.shelf.secret())
        self.hub = Hub()
        self.metrics = Metrics()
        self.tasks = Taskmaster(store=self.store, shelf=self.shelf, rules=rules, config=config)
        look_bytes = int(_LOOK_BYTES + 12e6 * rules.area_mpx)
        self.looks = Looks(
            self._crew(rules.quick_workers, look_bytes * 2, niceness=0),
            memory_bytes=look_bytes,
            seconds=rules.look_seconds,
        )
        self.dispatch = Dispatch(
            queue=self.queue,
            shelf=self.shelf,
            executor=executor or self._crew(rules.running_jobs, self._job_address(), niceness=5),
            tasks=self.tasks,
            hub=self.hub,
            metrics=self.metrics,
            fetch=lambda job: fetch_s3(job, self.shelf, rules),
        )
        self._known: dict[str, Any] | None = None
        self._receiving: set[str] = set()
        self._receiving_lock = threading.Lock()
        self._stopping = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_on, name="unfade-sweep", daemon=True)
        self.metrics.watch("listeners", "Followers of events", self.hub.listeners)
        self.metrics.watch("looks_waiting", "Looks under way", lambda: self.looks.waiting)
        self.metrics.watch(
            "disk_free_bytes", "Free on the data disk", lambda: shutil.disk_usage(rules.data).free
        )

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to work; what was left by the last server is taken up."""
        self.shelf.sweep(*self.store.known())
        self.hub.attach(loop)
        self.looks.start(loop)
        warm_up(self.looks.executor)
        warm_up(self.dispatch.executor)
        self.dispatch.start()
        self._sweeper.start()

    def stop(self, patience_s: float = 20.0) -> None:
        """End: running jobs may end if they soon do, else they are taken up at the next start."""
        self._stopping.set()
        self.dispatch.stop(0.0 if self.rules.ephemeral else patience_s)
        self.looks.stop()
        self.store.close()
        self.shelf.close()
        if self.rules.ephemeral:
            shutil.rmtree(self.rules.data, ignore_errors=True)

    def checks(self) -> dict[str, str]:
        """Name -> "ok", or what is wrong; for ``/readyz``."""
        found = {"jobs": "ok" if self.dispatch.alive else "the dispatcher has ended"}
        try:
            self.store.check()
            found["database"] = "ok"
        except Exception:  # whatever a database driver raises, the answer is the same
            log.exception("the database does not answer")
            found["database"] = "does not answer"
        free = shutil.disk_usage(self.rules.data).free
        found["disk"] = "ok" if free > self.rules.disk_reserve_bytes else "nearly full"
        return found

    async def catalogue(self) -> dict[str, Any]:
        """What this unfade knows; a child is asked once, as listing it takes NumPy."""
        if self._known is None:
            self._known = await self.looks.ask("catalogue:describe", {"cache": self.config.cache})
        assert self._known is not None
        return self._known

    async def formats_out(self) -> dict[str, str]:
        """Formats that are written -> their extension."""
        return dict((await self.catalogue())["formats_out"])

    async def limits(self) -> Limits:
        rules, known = self.rules, await self.catalogue()
        sources: list[Literal["upload", "path", "s3"]] = ["upload"]
        if rules.allow_paths:
            sources.append("path")
        if rules.s3_buckets:
            sources.append("s3")
        return Limits(
            upload_bytes=rules.upload_bytes,
            film_bytes=rules.film_bytes,
            files_per_upload=rules.files_per_upload,
            area_mpx=rules.area_mpx,
            side_px=rules.side_px,
            pages=rules.pages,
            job_seconds=rules.job_seconds,
            job_memory_bytes=rules.job_memory_bytes,
            queued_jobs=rules.queued_jobs,
            queued_jobs_each=rules.queued_jobs_each,
            running_jobs=rules.running_jobs,
            retention_s=rules.retention_s,
            ephemeral=rules.ephemeral,
            formats_in=known["formats_in"],
            formats_out=list(known["formats_out"]),
            sources=sources,
            features=known["features"],
        )

    @contextmanager
    def receiving(self, upload: str) -> Iterator[None]:
        """Only one chunk of an upload at a time.

        Raises:
            Conflict: another one is on its way
        """
        with self._receiving_lock:
            if upload in self._receiving:
                raise Conflict("A chunk of this upload is on its way.", "Wait until it has come.")
            self._receiving.add(upload)
        try:
            yield
        finally:
            with self._receiving_lock:
                self._receiving.discard(upload)

    def sweep(self) -> None:
        """Delete what has been kept as long as was promised."""
        now = time.time()
        uploads, jobs = self.store.forget(
            now - self.rules.retention_s, now - self.rules.idempotency_s
        )
        for id in uploads:
            self.shelf.forget_upload(id)
        for id in jobs:
            self.shelf.forget_job(id)

    def _sweep_on(self) -> None:
        while not self._stopping.wait(min(SWEEP_S, self.rules.retention_s / 4)):
            try:
                self.sweep()
            except Exception:  # it is tried again; a database that is gone shows in /readyz
                log.exception("old things could not be deleted")

    def _crew(self, workers: int, address_bytes: int, niceness: int) -> Crew:
        bounds = Bounds(address_bytes=0 if has_gpu() else address_bytes, niceness=niceness)
        return Crew(
            workers=workers,
            threads=self.config.threads or available_cores(),
            bounds=bounds,
            scratch=self.shelf.scratch,
        )

    def _job_address(self) -> int:
        return self.rules.job_memory_bytes + int(12e6 * self.rules.area_mpx)
