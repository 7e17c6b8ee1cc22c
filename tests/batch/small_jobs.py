"""Jobs that executors run in tests: each does one thing that a real one may do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade.batch.executors.contract import JobView
from unfade.errors import Cancelled, UnreadableInput


def add(arguments: Mapping[str, Any], view: JobView) -> int:
    return int(arguments["a"]) + int(arguments["b"])


def process(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Where it ran, how often before, and what the process was told about threads."""
    view.kept["runs"] = view.kept.get("runs", 0) + 1
    if "until" in arguments:  # hold this process until the others have begun too
        folder = Path(arguments["until"])
        (folder / str(os.getpid())).touch()
        deadline = time.monotonic() + 20
        while len(list(folder.iterdir())) < arguments["number"]:
            if time.monotonic() > deadline:
                raise TimeoutError("the other jobs did not begin")
            time.sleep(0.01)
    return {
        "pid": os.getpid(),
        "runs": view.kept["runs"],
        "threads": view.threads,
        "omp": os.environ.get("OMP_NUM_THREADS"),
    }


def refuse(arguments: Mapping[str, Any], view: JobView) -> None:
    raise UnreadableInput("`a.tif` is empty, 0 bytes.", "Copy it again from its source.")


def crash(arguments: Mapping[str, Any], view: JobView) -> None:
    raise RuntimeError("nobody expected this")


def die(arguments: Mapping[str, Any], view: JobView) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(arguments: Mapping[str, Any], view: JobView) -> str:
    mark = Path(arguments["mark"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "second time"


def swallow(arguments: Mapping[str, Any], view: JobView) -> int:
    """Takes memory until it has as much as it was asked to."""
    import numpy as np

    taken = [np.ones(10_000_000, np.uint8) for _ in range(arguments["bytes"] // 10_000_000)]
    return sum(piece.nbytes for piece in taken)


def sleep(arguments: Mapping[str, Any], view: JobView) -> str:
    """Sleeps deaf, or (``heeds``) asking whether to stop."""
    Path(arguments["began"]).touch()
    deadline = time.monotonic() + float(arguments["s"])
    while time.monotonic() < deadline:
        if arguments.get("heeds") and view.cancelled():
            raise Cancelled("Stopped by the user.", "Nothing was written.")
        time.sleep(0.01)
    return "slept"


def tell(arguments: Mapping[str, Any], view: JobView) -> str:
    for step in range(5):
        view.progress("stirring", step / 4)
        time.sleep(0.25)
    return "told"


def unpicklable(arguments: Mapping[str, Any], view: JobView) -> Any:
    return lambda: None
