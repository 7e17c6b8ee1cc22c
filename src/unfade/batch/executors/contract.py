"""The contract of everything that runs jobs.

A job is plain data: the name of a function and its arguments. An executor runs it somewhere else
and answers with events: started, progress, then exactly one of done or failed. Whatever becomes
of the process that works on a job (killed, out of memory, out of time), its job gets its last
event and no other job is harmed. Retrying is the caller's affair: only the caller knows what may
be done twice.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from unfade.errors import Cancelled, OutOfResources, UnfadeError, Unreachable, WorkerLost

# Trying again can only help when the cause may have gone: never for a damaged file
_WORTH_RETRYING = {kind("").code for kind in (Unreachable, WorkerLost, OutOfResources)}

What = Literal["started", "progress", "done", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to run in another process.

    Attributes:
        key: the caller's own name for it, unique among the jobs under way
        kind: what to call, ``package.module:function``; the function takes ``arguments`` and a
            ``JobView`` and returns plain data
        arguments: plain data that pickles
        memory_bytes: how much the job may take beyond what its process holds at its start; None:
            no limit
        time_limit_s: wall clock; None: no limit
        gpus: share of a GPU that it needs, for executors that place jobs by devices
    """

    key: str
    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    memory_bytes: int | None = None
    time_limit_s: float | None = None
    gpus: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What has become of a job.

    Attributes:
        what: started, progress, and at last done or failed; a job that never ran has no started
        stage, share: of progress: what is being done, 0-1 of it
        result: of done: what the function returned
        error: of failed: see ``error_facts``
        worker: which process, for logs
        took_s: of done and failed: wall clock since started
    """

    key: str
    what: What
    stage: str = ""
    share: float = 0.0
    result: Any = None
    error: Mapping[str, Any] | None = None
    worker: str = ""
    took_s: float = 0.0

    @property
    def last(self) -> bool:
        return self.what in ("done", "failed")


class JobView(Protocol):
    """What a job may ask of the process that it runs in.

    Attributes:
        threads: how many it may use: threads x processes = cores
        kept: lives as long as the process, for what is costly to open: a bench with its networks
    """

    threads: int
    kept: dict[str, Any]

    def progress(self, stage: str, share: float) -> None:
        """Tell how far it is; calls in quick succession are thinned out."""
        ...

    def cancelled(self) -> bool:
        """Whether to stop; a job that does not is killed after a grace time."""
        ...


@runtime_checkable
class Executor(Protocol):
    """Runs jobs elsewhere. ``submit`` and ``cancel`` may be called from any thread; ``events``
    from one thread at a time."""

    @property
    def slots(self) -> int:
        """How many jobs can run at once; two for each keep an executor busy."""
        ...

    def submit(self, job: Job) -> None:
        """Take a job; never blocks.

        Raises:
            ValueError: a job with this key is under way
        """
        ...

    def events(self, timeout_s: float | None = None) -> list[Event]:
        """The next events, in order for each job; waits for one.

        Returns:
            an empty list when nothing is under way (at once if ``timeout_s`` is None) or when
            nothing has happened in time
        """
        ...

    def cancel(self, key: str) -> None:
        """Stop a job: it fails with ``cancelled``. Unknown keys are ignored."""
        ...

    def close(self, *, kill: bool = False) -> None:
        """Let go of all processes; jobs under way are given up, with ``kill`` at once."""
        ...


def error_facts(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: code, found, remedy, message, exit_code, http_status, retry.

    ``retry`` tells whether trying again could help; ``trace`` is there for unexpected ones.
    """
    if isinstance(error, MemoryError):
        error = OutOfResources(
            "The job needs more memory than it may take.", "Allow more, or run fewer at once."
        )
    if isinstance(error, UnfadeError):
        return {
            "code": error.code,
            "found": error.found,
            "remedy": error.remedy,
            "message": str(error),
            "exit_code": error.exit_code,
            "http_status": error.http_status,
            "retry": error.code in _WORTH_RETRYING,
        }
    if isinstance(error, KeyboardInterrupt):
        return error_facts(Cancelled("Stopped by the user.", "Nothing was written."))
    found = f"{type(error).__name__}: {error}".rstrip(": ")
    return error_facts(UnfadeError(found, "This is a bug of unfade; please report it.")) | {
        "code": "unexpected",
        "trace": "".join(traceback.format_exception(error)),
    }


def function_of(kind: str) -> Callable[[Mapping[str, Any], JobView], Any]:
    """The function that ``package.module:function`` names.

    Raises:
        ValueError: not of that form
        ImportError, AttributeError: it is not there
    """
    module, colon, name = kind.partition(":")
    if not (colon and module and name):
        raise ValueError(f"`{kind}` is not of the form package.module:function")
    found: Callable[[Mapping[str, Any], JobView], Any] = getattr(
        importlib.import_module(module), name
    )
    return found
