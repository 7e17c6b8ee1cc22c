"""Dispatch: hands queued jobs to the executor and writes down what becomes of them.

One thread listens to the executor. A job whose process was lost is tried again, three times in
all; every other failure is an answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from unfade.batch.executors.contract import Event, Executor, Job, error_facts
from unfade.errors import UnfadeError
from unfade.web.hub import Hub, Said
from unfade.web.metrics import Metrics
from unfade.web.problems import NotFound, problem_from, problem_of
from unfade.web.queue import Queue
from unfade.web.rows import EVENTS_A_RUN, JobRow
from unfade.web.schemas.jobs import State
from unfade.web.shelf import Shelf
from unfade.web.tasks import Taskmaster

log = logging.getLogger("unfade.web")
MOST_ATTEMPTS = 3
LISTEN_S = 0.5
LOST = "worker-lost"


class _Run:
    """A job that is under way, and how far it is."""

    def __init__(self, row: JobRow) -> None:
        self.row = row
        self.began = time.monotonic()
        self.stage = ""
        self.stage_number = 0
        self.stage_began = self.began
        self.events = 1

    def progress(self, stage: str, share: float) -> dict[str, Any]:
        """As ``Progress`` has it."""
        now = time.monotonic()
        if stage != self.stage:
            self.stage, self.stage_began = stage, now
            self.stage_number += 1
        spent = now - self.stage_began
        left = spent / share - spent if share > 0.02 and spent > 0.5 else None
        return {
            "stage": stage,
            "stage_number": self.stage_number,
            "share": round(share, 4),
            "elapsed_s": round(now - self.began, 2),
            "left_s": None if left is None else round(left, 1),
        }


class Dispatch:
    """Runs the queue's jobs on an executor until it is stopped."""

    def __init__(
        self,
        *,
        queue: Queue,
        shelf: Shelf,
        executor: Executor,
        tasks: Taskmaster,
        hub: Hub,
        metrics: Metrics,
        fetch: Callable[[JobRow], None],
    ) -> None:
        self.queue = queue
        self.shelf = shelf
        self.executor = executor
        self.tasks = tasks
        self.hub = hub
        self.metrics = metrics
        self._fetch = fetch
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._fetching = ThreadPoolExecutor(2, thread_name_prefix="unfade-fetch")
        self._thread = threading.Thread(target=self._listen, name="unfade-dispatch", daemon=True)

    def start(self) -> None:
        """Take up what the last server left, then the queue."""
        for row in self.queue.interrupted():
            self._again_or_failed(row, MOST_ATTEMPTS * 2)
        self._thread.start()
        self.poke()

    def stop(self, patience_s: float) -> None:
        """Take nothing new; what does not end soon waits for the next start."""
        self._stopping.set()
        until = time.monotonic() + patience_s
        while self._runs and time.monotonic() < until:
            time.sleep(0.05)
        with self._lock:
            left, self._runs = list(self._runs.values()), {}
        self._thread.join(LISTEN_S * 4)
        self._fetching.shutdown(wait=False, cancel_futures=True)
        self.executor.close(kill=True)
        for run in left:
            self.queue.put_back(run.row.id)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def running(self) -> int:
        return len(self._runs)

    def poke(self) -> None:
        """There may be something to do: called when a job is accepted, and when one has ended."""
        with self._lock:
            while not self._stopping.is_set() and len(self._runs) < self.executor.slots:
                row = self.queue.claim()
                if row is None:
                    return
                self._runs[row.id] = _Run(row)
                self._say_state(row)
                self._hand_over(row)

    def cancel(self, id: str) -> None:
        """Stop a job that is under way."""
        self.executor.cancel(id)

    def _hand_over(self, row: JobRow) -> None:
        if row.request.get("s3") and row.parent is None:
            self._fetching.submit(self._fetch_and_submit, row)
            return
        self._submit(row)

    def _fetch_and_submit(self, row: JobRow) -> None:
        try:
            self._fetch(row)
        except Exception as error:
            self._failed(row.id, error_facts(error))
            self.poke()
            return
        self._submit(row)

    def _submit(self, row: JobRow) -> None:
        try:
            folder = self.shelf.fresh_attempt(row.id, row.attempts)
            self.executor.submit(self.tasks.of(row, folder, len(self._runs)))
            if self.queue.store.job(row.id).cancel:  # between being claimed and being submitted
                self.executor.cancel(row.id)
        except UnfadeError as error:
            self._failed(row.id, error_facts(error))

    # -- the thread -------------------------------------------------------------------------

    def _listen(self) -> None:
        while not self._stopping.is_set() or self._runs:
            try:
                events = self.executor.events(LISTEN_S)
            except OSError:
                return  # the executor was closed
            for event in events:
                self._note(event)
            if any(event.last for event in events):
                self.poke()

    def _note(self, event: Event) -> None:
        run = self._runs.get(event.key)
        if run is None:
            return  # warming up, or deleted meanwhile
        if event.what == "progress":
            run.events += 1
            data = {
                "type": "progress",
                "job": event.key,
                "state": State.RUNNING,
                "progress": run.progress(event.stage, event.share),
                "error": None,
            }
            number = run.row.first_event + min(run.events, EVENTS_A_RUN - 3)
            self.hub.say(event.key, Said(number, data))
        elif event.what == "done":
            self._ended(event.key, State.SUCCEEDED, summary=event.result)
        elif event.what == "failed":
            self._failed(event.key, event.error or {})

    def _failed(self, id: str, error: Mapping[str, Any]) -> None:
        code = error.get("code")
        if code == LOST and not self._stopping.is_set():
            run = self._runs.pop(id, None)
            if run is not None:
                self.metrics.lost.inc()
                self._again_or_failed(run.row, MOST_ATTEMPTS)
            return
        if code == "unexpected":
            log.error("job %s: %s\n%s", id, error.get("message"), error.get("trace", ""))
        state = State.CANCELLED if code == "cancelled" else State.FAILED
        self._ended(id, state, error=problem_from(error).model_dump())

    def _again_or_failed(self, row: JobRow, most: int) -> None:
        try:
            if row.cancel:
                ended = self.queue.finish(row.id, State.CANCELLED)
            elif row.attempts < most:
                ended = self.queue.put_back(row.id)
            else:
                lost = UnfadeError(
                    f"The process that worked on `{row.name}` died {row.attempts} times.",
                    "The file itself may be the cause; or it needs more memory than there is.",
                )
                problem = problem_of(lost).model_copy(update={"code": LOST})
                ended = self.queue.finish(row.id, State.FAILED, error=problem.model_dump())
        except NotFound:
            return
        self._say_state(ended)

    def _ended(
        self,
        id: str,
        state: State,
        *,
        error: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        run = self._runs.pop(id, None)
        try:
            row = self.queue.finish(id, state, error=error, summary=summary)
        except NotFound:  # deleted while it ran
            self.shelf.forget_job(id)
            return
        self.metrics.ended(row, time.monotonic() - run.began if run else 0.0)
        self._say_state(row)

    def _say_state(self, row: JobRow) -> None:
        data = {
            "type": "state",
            "job": row.id,
            "state": row.state,
            "progress": None,
            "error": row.error,
        }
        numbers = {
            State.QUEUED: row.last_event - 1 if row.attempts else 1,
            State.RUNNING: row.first_event + 1,
        }
        self.hub.say(row.id, Said(numbers.get(row.state, row.last_event), data))


def warm_up(executor: Executor) -> None:
    """Let each process import what it needs before the first job comes."""
    for number in range(executor.slots):
        executor.submit(Job(key=f"warm-{number}", kind="unfade.web.work.child:warm"))
