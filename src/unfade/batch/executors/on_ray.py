"""A Ray cluster: tasks for the processor, actors that keep a network loaded on a GPU.

Ray is the one engine for distribution; here it is put under the contract. Ray itself retries
nothing: a job whose node is lost fails with ``worker-lost``, and the ledger's loop decides. No
more jobs are handed to Ray than it has room for, so its object store never fills.

A cluster of this machine is opened on the loopback address alone, without dashboard and without
usage reports. Ray runs whatever reaches its ports: a real cluster belongs behind a closed network.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import threading
import time
from collections import deque
from typing import Any

from unfade.batch.executors.contract import Event, Job, error_facts, function_of
from unfade.batch.executors.worker import THREAD_VARIABLES, memory_bound, with_limit
from unfade.engines.bench import available_cores
from unfade.errors import Cancelled, OutOfResources, Unreachable, WorkerLost
from unfade.needs import need

LOOPBACK = "127.0.0.1"
STORE_BYTES = 200 * 1024 * 1024  # results are small: facts, not pictures
TELL_EVERY_S = 0.5
GRACE_S = 5.0
HEAR_S = 5.0  # how long jobs are listened to at a time
START_S = 180


class RayExecutor:
    """An ``Executor`` over Ray.

    Args:
        workers: jobs at once; None: as many as the cluster has cores for, growing with it
        threads: cores for each job; None: 1 on a cluster, cores / workers on this machine
        address: of a running cluster (``auto``: the one this machine belongs to); empty: the one
            that is open in this process, or one of this machine's own
        grace_s: how long a cancelled job may take before its process is killed
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        threads: int | None = None,
        address: str = "",
        grace_s: float = GRACE_S,
    ) -> None:
        self._ray: Any = need("ray", extra="ray", to="work on a Ray cluster")
        self._workers = workers
        self.threads = threads or (1 if address or workers is None else _share(workers))
        self._ours = not self._ray.is_initialized()
        if self._ours:
            _open(self._ray, address, self.threads)
        self.grace_s = grace_s
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._keys: set[str] = set()
        self._cancels: list[str] = []
        self._jobs: dict[Any, _UnderWay] = {}  # by the reference of the result
        self._happened: list[Event] = []
        self._desk: Any = None
        self._telling: Any = None  # the reference of what the desk was last asked for
        self._actors: list[_Actor] = []
        self._told = 0.0

    @property
    def slots(self) -> int:
        if self._workers is not None:
            return self._workers
        cores = int(self._ray.cluster_resources().get("CPU", 1))
        return max(1, cores // self.threads)

    def submit(self, job: Job) -> None:
        with self._lock:
            if job.key in self._keys:
                raise ValueError(f"a job `{job.key}` is under way")
            self._keys.add(job.key)
            self._waiting.append(job)

    def cancel(self, key: str) -> None:
        with self._lock:
            if key in self._keys:
                self._cancels.append(key)

    def events(self, timeout_s: float | None = None) -> list[Event]:
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._carry_out_orders()
            self._look()
            if self._happened:
                happened, self._happened = self._happened, []
                return happened
            if until is not None and time.monotonic() >= until:
                return []
            if until is None and not self._keys:
                return []

    def close(self, *, kill: bool = False) -> None:
        for job in self._jobs.values():
            with contextlib.suppress(Exception):  # it may be gone already: that is the aim
                self._ray.cancel(job.result, force=True)
        for actor in [*self._actors, *([self._desk] if self._desk is not None else [])]:
            with contextlib.suppress(Exception):
                self._ray.kill(actor.handle if isinstance(actor, _Actor) else actor)
        self._jobs.clear()
        self._keys.clear()
        if self._ours:
            self._ray.shutdown()

    def __enter__(self) -> RayExecutor:
        return self

    def __exit__(self, *error: object) -> None:
        self.close(kill=error[0] is not None)

    # -- inside -------------------------------------------------------------------------------

    def _carry_out_orders(self) -> None:
        with self._lock:
            cancels, self._cancels = self._cancels, []
        for key in cancels:
            self._cancel(key)
        while len(self._jobs) < self.slots:
            with self._lock:
                if not self._waiting:
                    return
                job = self._waiting.popleft()
            try:
                self._start(job)
            except Exception as error:  # arguments that do not pickle are the job's failure
                self._end(Event(key=job.key, what="failed", error=error_facts(error)))

    def _start(self, job: Job) -> None:
        if self._desk is None:
            self._desk = self._ray.remote(num_cpus=0)(_Desk).remote()
        if job.gpus > 0:
            actor = self._free_actor(job.gpus)
            actor.busy = True
            result = actor.handle.run.remote(job)
            self._jobs[result] = _UnderWay(job, result, actor)
            return
        run = self._ray.remote(num_cpus=self.threads, max_retries=0, max_calls=200)(_run)
        result = run.remote(job, self.threads, self._desk)
        self._jobs[result] = _UnderWay(job, result, None)

    def _free_actor(self, gpus: float) -> _Actor:
        for actor in self._actors:
            if not actor.busy and actor.gpus == gpus:
                return actor
        made = self._ray.remote(num_cpus=self.threads, num_gpus=gpus, max_restarts=0)(_GpuWorker)
        actor = _Actor(made.remote(self.threads, self._desk), gpus)
        self._actors.append(actor)
        return actor

    def _cancel(self, key: str) -> None:
        with self._lock:
            waiting = next((job for job in self._waiting if job.key == key), None)
            if waiting is not None:
                self._waiting.remove(waiting)
        if waiting is not None:
            self._end(Event(key=key, what="failed", error=error_facts(_stopped(key))))
            return
        for job in self._jobs.values():
            if job.job.key == key and job.cancelled_at is None:
                job.cancelled_at = time.monotonic()
                if self._desk is not None:  # without it the job is killed after its grace
                    self._desk.stop.remote(key)

    def _look(self) -> None:
        if not self._jobs:
            time.sleep(0.005)
            return
        ended, _ = self._ray.wait(list(self._jobs), num_returns=1, timeout=0.05)
        now = time.monotonic()
        if self._desk is not None and (ended or now - self._told > TELL_EVERY_S):
            self._told = now
            self._hear()
        for result in ended:
            self._take(self._jobs.pop(result))
        self._enforce()

    def _hear(self) -> None:
        """What jobs have told since last time."""
        if self._telling is None:
            self._telling = self._desk.told.remote()
        try:
            told = self._ray.get(self._telling, timeout=HEAR_S)
        except self._ray.exceptions.GetTimeoutError:
            return  # the cluster is busy: the same answer is waited for next time
        except self._ray.exceptions.RayError:
            # Lost with its node. Progress is no reason to stop; limits count from now.
            self._desk = self._telling = None
            for unheard in self._jobs.values():
                self._started(unheard, unheard.worker)
            return
        self._telling = None
        by_key = {job.job.key: job for job in self._jobs.values()}
        for what, key, *rest in told:
            job = by_key.get(key)
            if job is None:
                continue
            if what == "started":
                self._started(job, str(rest[0]))
            else:
                self._happened.append(
                    Event(key=key, what="progress", stage=rest[0], share=rest[1], worker=job.worker)
                )

    def _started(self, job: _UnderWay, worker: str) -> None:
        if not job.told:
            job.told, job.worker, job.began = True, worker, time.monotonic()
            self._happened.append(Event(key=job.job.key, what="started", worker=worker))

    def _take(self, job: _UnderWay) -> None:
        result, error, took, worker = None, None, 0.0, job.worker
        try:
            what, answer, took, worker = self._ray.get(job.result)
            result, error = (answer, None) if what == "done" else (None, answer)
            self._started(job, worker)
            if job.actor is not None:
                job.actor.busy = False
        except self._ray.exceptions.TaskCancelledError:
            error = error_facts(job.killed_for or _stopped(job.job.key))
        except self._ray.exceptions.OutOfMemoryError as lost:
            error = error_facts(OutOfResources(f"{lost}".split("\n")[0], "Run fewer jobs at once."))
        except self._ray.exceptions.RayTaskError as failed:
            error = error_facts(failed.cause)  # a result that does not pickle
        except self._ray.exceptions.RayError as lost:
            error = error_facts(job.killed_for or _lost(job.job.key, lost))
            if job.actor is not None and job.actor in self._actors:
                self._actors.remove(job.actor)
        self._end(
            Event(
                key=job.job.key,
                what="done" if error is None else "failed",
                result=result,
                error=error,
                worker=worker,
                took_s=took or (time.monotonic() - job.began if job.told else 0.0),
            )
        )

    def _enforce(self) -> None:
        now = time.monotonic()
        for job in self._jobs.values():
            if job.killed_for is not None:
                continue
            limit = job.job.time_limit_s
            if job.cancelled_at is not None and now - job.cancelled_at > self.grace_s:
                job.killed_for = _stopped(job.job.key)
            elif limit is not None and job.told and now - job.began > limit:
                job.killed_for = OutOfResources(
                    f"`{job.job.key}` has taken more than the {limit:g} s that it may.",
                    "Allow more time for each job.",
                )
            if job.killed_for is None:
                continue
            if job.actor is not None:
                self._ray.kill(job.actor.handle)
            else:
                self._ray.cancel(job.result, force=True)

    def _end(self, event: Event) -> None:
        with self._lock:
            self._keys.discard(event.key)
        self._happened.append(event)


class _Actor:
    def __init__(self, handle: Any, gpus: float) -> None:
        self.handle = handle
        self.gpus = gpus
        self.busy = False


class _UnderWay:
    def __init__(self, job: Job, result: Any, actor: _Actor | None) -> None:
        self.job = job
        self.result = result
        self.actor = actor
        self.began = time.monotonic()
        self.told = False
        self.worker = ""
        self.cancelled_at: float | None = None
        self.killed_for: BaseException | None = None


# -- what runs in the cluster -------------------------------------------------------------------

_kept: dict[str, Any] = {}  # lives as long as the process that Ray uses again and again


class _Desk:
    """An actor that passes words between jobs and the driver."""

    def __init__(self) -> None:
        self._told: list[tuple[Any, ...]] = []
        self._stop: set[str] = set()

    def tell(self, *words: Any) -> None:
        self._told.append(words)

    def told(self) -> list[tuple[Any, ...]]:
        told, self._told = self._told, []
        return told

    def stop(self, key: str) -> None:
        self._stop.add(key)

    def stopped(self, key: str) -> bool:
        return key in self._stop


class _View:
    """A ``JobView`` inside a process of Ray."""

    def __init__(self, key: str, threads: int, desk: Any) -> None:
        self.threads = threads
        self.kept = _kept
        self._key = key
        self._desk = desk
        self._told = self._asked = time.monotonic()
        self._stop = False

    def progress(self, stage: str, share: float) -> None:
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_S / 2:
            self._told = now
            self._desk.tell.remote("progress", self._key, stage, min(1.0, max(0.0, share)))

    def cancelled(self) -> bool:
        import ray

        now = time.monotonic()
        if not self._stop and now - self._asked >= TELL_EVERY_S:
            self._asked = now
            self._stop = bool(ray.get(self._desk.stopped.remote(self._key)))
        return self._stop


def _run(job: Job, threads: int, desk: Any) -> tuple[str, Any, float, str]:
    """One job; its own errors are an answer, so that Ray's mean that the process was lost."""
    import ray

    node = ray.get_runtime_context().get_node_id()[:8]
    worker = f"node-{node}-pid-{os.getpid()}"
    desk.tell.remote("started", job.key, worker)
    began = time.monotonic()
    try:
        with memory_bound(job.memory_bytes):
            result = function_of(job.kind)(job.arguments, _View(job.key, threads, desk))
            pickle.dumps(result)  # Ray would also take what no other executor does
    except Exception as error:
        facts = error_facts(with_limit(error, job.memory_bytes))
        return "failed", facts, time.monotonic() - began, worker
    return "done", result, time.monotonic() - began, worker


class _GpuWorker:
    """An actor that holds a GPU and keeps its networks loaded between jobs."""

    def __init__(self, threads: int, desk: Any) -> None:
        self._threads = threads
        self._desk = desk

    def run(self, job: Job) -> tuple[str, Any, float, str]:
        return _run(job, self._threads, self._desk)


# -- opening ------------------------------------------------------------------------------------


def _open(ray: Any, address: str, threads: int) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # on a busy machine its own servers take longer than it waits for them
    os.environ.setdefault("RAY_raylet_start_wait_time_s", str(START_S))
    os.environ.setdefault("RAY_agent_register_timeout_ms", str(START_S * 1000))
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    if not address:  # processes of Ray see this program's modules, also those not installed
        variables["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    runtime = {"env_vars": variables}
    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    try:
        if address:
            ray.init(address=address, runtime_env=runtime, **quiet)
        else:
            ray.init(
                address="local",
                num_cpus=available_cores(),
                include_dashboard=False,
                object_store_memory=STORE_BYTES,
                _node_ip_address=LOOPBACK,
                runtime_env=runtime,
                **quiet,
            )
    except Exception as error:  # Ray raises bare ones when a part of it does not start in time
        raise Unreachable(
            f"Ray does not open ({str(error).splitlines()[0][:160]}).",
            "Check `--ray-address`, or leave it out to work on this machine.",
        ) from error


def _share(workers: int) -> int:
    return max(1, available_cores() // workers)


def _stopped(key: str) -> Cancelled:
    return Cancelled(f"`{key}` was stopped.", "Nothing was written for it.")


def _lost(key: str, error: BaseException) -> WorkerLost:
    return WorkerLost(
        f"The process that worked on `{key}` has died ({type(error).__name__}).",
        "It is tried again elsewhere; if it dies again, the file itself is the cause.",
    )
