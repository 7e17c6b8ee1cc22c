"""The pipe between the server and a child: JSON, never pickles.

A child reads hostile files. Were one taken over, a pickle from it would run in the server; JSON
cannot. Messages are bounded in size.
"""

from __future__ import annotations

import dataclasses
import json
from multiprocessing.connection import Connection
from typing import Any

from unfade.batch.executors.contract import Job

LONGEST = 64 * 1024 * 1024  # bytes of one message


class JsonPipe:
    """One end of the pipe, with the methods of ``multiprocessing``'s own."""

    def __init__(self, handle: int) -> None:
        self._end = Connection(handle)

    def send(self, message: tuple[Any, ...]) -> None:
        """Send a tuple of plain data; a ``Job`` in it travels as a dictionary.

        Raises:
            TypeError, ValueError: something in it that JSON cannot say
        """
        plain = [dataclasses.asdict(p) if isinstance(p, Job) else p for p in message]
        self._end.send_bytes(json.dumps(plain, allow_nan=False).encode())

    def recv(self) -> tuple[Any, ...]:
        """The next message.

        Raises:
            EOFError, OSError: the other end is gone, or sent something that is no message
        """
        try:
            what, *rest = json.loads(self._end.recv_bytes(LONGEST))
        except (ValueError, TypeError, RecursionError) as error:
            raise EOFError("the child sent something that is no message") from error
        if what == "job":
            return what, Job(**rest[0])
        return what, *rest

    def poll(self, timeout: float = 0.0) -> bool:
        return self._end.poll(timeout)

    def fileno(self) -> int:
        return self._end.fileno()

    def close(self) -> None:
        self._end.close()
