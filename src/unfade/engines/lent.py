"""A bench that a caller lends, or one of our own for as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from unfade.engines.contract import BenchView


@contextmanager
def bench_or_own(given: BenchView | None) -> Iterator[BenchView]:
    """The caller's bench as it is, or a new one that is closed at the end."""
    if given is not None:
        yield given
        return
    from unfade.engines.bench import Bench

    with Bench() as own:
        yield own
