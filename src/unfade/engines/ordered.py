"""Work by several threads whose results come in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future
from typing import TypeVar

R = TypeVar("R")


def in_order(pool: Executor, jobs: Iterable[Callable[[], R]], under_way: int) -> Generator[R]:
    """What the jobs give, in their order.

    A job is drawn from ``jobs`` here, by the caller's thread, when there is room for it.

    Args:
        under_way: how many jobs are handed to the pool at most and not yet given
    Raises:
        what a job raised, in its place; those not begun are then cancelled
    """
    waiting: deque[Future[R]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(job))
            if len(waiting) >= under_way:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
