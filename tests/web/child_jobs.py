"""What tests have children do."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade.batch.executors.contract import JobView


def environment(arguments: Mapping[str, Any], view: JobView) -> dict[str, str]:
    return dict(os.environ)


def reach(arguments: Mapping[str, Any], view: JobView) -> str:
    """Connect to a port of the machine's loopback address."""
    try:
        socket.create_connection(("127.0.0.1", arguments["port"]), timeout=5).close()
    except OSError as error:
        return type(error).__name__
    return "reached"


def take(arguments: Mapping[str, Any], view: JobView) -> int:
    """Hold so much memory."""
    return len(bytearray(arguments["bytes"]))


def spin(arguments: Mapping[str, Any], view: JobView) -> None:
    """Use the processor for ever, in code that no Python signal handler stops."""
    from unfade.web.work.child import bound_processor_time

    bound_processor_time(arguments["seconds"])
    while True:
        pow(3, 100_000, 1 << 4000)


def write(arguments: Mapping[str, Any], view: JobView) -> int:
    path = Path(arguments["path"])
    with path.open("wb") as file:
        for _ in range(arguments["blocks"]):
            file.write(bytes(1 << 20))
    return path.stat().st_size


def lie(arguments: Mapping[str, Any], view: JobView) -> None:
    """Send what is no message, as a child that was taken over could."""
    import pickle

    evil = pickle.dumps(_Evil(arguments["canary"]))
    for handle in range(3, 64):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{handle}").startswith("socket:"):
                os.write(handle, len(evil).to_bytes(4, "big") + evil)


class _Evil:
    def __init__(self, canary: str) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.canary,)


def open_files(arguments: Mapping[str, Any], view: JobView) -> int:
    kept = []
    try:
        while True:
            kept.append(open(os.devnull, "rb"))  # noqa: SIM115
    except OSError:
        return len(kept)
    finally:
        for file in kept:
            file.close()
