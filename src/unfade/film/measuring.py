"""Looking at all frames of a film, part by part; a part that was looked at is in the ledger."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Generator, Iterator
from typing import Any

from unfade.film.joints import agree, astray, source_hash, stream_of
from unfade.film.layout import Frame
from unfade.film.look import BEFORE, Look, Wanted, look_at_frames
from unfade.film.segments import Piece, Work, same, stretches
from unfade.film.threads import ahead

_LEAST_FRAMES = 50  # of a part


def parts_of(work: Work) -> list[Piece]:
    """Name, first and end of each part."""
    length, film = max(work.segment_frames, _LEAST_FRAMES), work.film
    return [
        (f"look-{n:05d}", a, min(a + length, film.frames))
        for n, a in enumerate(range(0, film.frames, length))
    ]


def measure(work: Work, wanted: Wanted) -> Look:
    """Look at all frames of the film; parts that were looked at before are not read again."""
    look_at_parts(work, wanted)
    while again := astray(work.lines(parts_of(work))):
        look_at_parts(work, wanted, again, from_beginning=True)
    return looks_of(work)


def looks_of(work: Work) -> Look:
    """What was measured; all parts must be there."""
    folder = work.ledger.folder
    parts = (Look.load(folder / f"{name}.npz") for name, _, _ in parts_of(work))
    return Look.joined(parts, work.film.frames)


def look_at_parts(
    work: Work,
    wanted: Wanted,
    only: Collection[int] | None = None,
    *,
    from_beginning: bool = False,
) -> None:
    """Measure the parts that the ledger lacks.

    Args:
        only: numbers of parts, for workers that share a folder; all when None
        from_beginning: decode from the first frame on, also for parts that are there
    """
    chosen = [p for n, p in enumerate(parts_of(work)) if only is None or n in only]
    missing = [p for p in chosen if from_beginning or work.ledger.done(p[0]) is None]
    total = sum(end - first for _, first, end in missing)
    looked = _looked(work, missing, wanted, from_beginning)
    try:
        for _ in work.bench.map(same, looked, says="Measuring", total=total):
            pass
    finally:
        looked.close()


def _looked(
    work: Work, missing: list[Piece], wanted: Wanted, from_beginning: bool
) -> Generator[int, None, None]:
    """Measures the missing parts; yields once for each frame."""
    for stretch in stretches(missing):
        first, end = stretch[0][1], stretch[-1][2]
        sought = first > BEFORE and not from_beginning and work.seeks
        frames = _frames(work, first, end, not sought)
        before = _next(frames, min(first, BEFORE))
        read = [source_hash(frame) for frame in before] if sought else []
        if not agree(read, work.lines(parts_of(work))):
            sought, read = False, []
            frames = _frames(work, first, end, True)
            before = _next(frames, min(first, BEFORE))
        for name, a, b in stretch:

            def taken(run: tuple[Frame, ...], count: int) -> Iterator[Frame]:
                yield from run
                for _ in range(count):
                    before.append(next(frames))  # noqa: B023  # used within this turn only
                    yield before[-1]  # noqa: B023

            look = look_at_frames(work.film, taken(tuple(before), b - a), wanted, a)
            look.save(work.ledger.partial(f"{name}.npz"))
            facts: dict[str, Any] = {
                "stream": stream_of(first, sought=sought),
                "source_before": read if a == first else [],
                "source_tails": [source_hash(frame) for frame in before],
            }
            work.ledger.finish(name, [f"{name}.npz"], **facts)
            yield from range(a, b)
        for _ in frames:
            pass


def _frames(work: Work, first: int, end: int, from_beginning: bool) -> Iterator[Frame]:
    frames = work.frames(max(0, first - BEFORE), end, from_beginning=from_beginning)
    return ahead(frames, work.depth())


def _next(frames: Iterator[Frame], count: int) -> deque[Frame]:
    """The frames before a stretch; it keeps the last ones as the walk goes on."""
    return deque((next(frames) for _ in range(count)), BEFORE)
