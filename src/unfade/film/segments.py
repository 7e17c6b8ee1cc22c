"""Long work in segments: each is written whole and entered in the ledger before the next counts.

Segments are cuts in a stream that flows on: within one run nothing is decoded or computed twice.
A run that goes on after a kill starts decoding a little before its first segment, and compares
the hash of the frame before it with the ledger's; where a container's index leads elsewhere, it
decodes from the beginning instead. So the result is the unbroken run's, frame for frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.film.done import Done
from unfade.film.facts import Film
from unfade.film.layout import Colour, Frame, Layout
from unfade.film.ledger import Ledger
from unfade.film.look import Look, Wanted, look_at_frames
from unfade.film.plan import Plan
from unfade.film.reader import Events, read_frames
from unfade.film.repairs import Repair, write_list
from unfade.film.sequence import PictureWriter
from unfade.film.steady import Steady
from unfade.film.threads import Behind, ahead
from unfade.film.treat import REACH, treated
from unfade.film.writer import CHUNK_FRAMES, Delivery, PieceWriter, frame_hash

_QUEUE_BYTES = 200_000_000


@dataclass(slots=True, kw_only=True, eq=False)
class Work:
    """One film's work: what is to be made, and where.

    Attributes:
        span: (first, end) of the frames that are made; the frames around are read all the same
        segment_frames: how many frames a kill may cost
        filters: FFmpeg's filters between decoder and reader
    """

    film: Film
    ledger: Ledger
    delivery: Delivery
    bench: BenchView
    span: tuple[int, int]
    segment_frames: int
    strict: bool = False
    filters: str = ""
    events: Events = field(default_factory=Events)

    @property
    def threads(self) -> int:
        return int(getattr(self.bench, "threads", 1))

    @property
    def length(self) -> int:
        """Frames of a segment: for access copies always one encoder's chunk."""
        lossy = not self.delivery.lossless and not self.delivery.intra
        return CHUNK_FRAMES if lossy else max(1, self.segment_frames)

    def segments(self) -> list[tuple[str, int, int]]:
        """Name, first and end of each segment."""
        first, end = self.span
        return [
            (f"segment-{n:05d}", a, min(a + self.length, end))
            for n, a in enumerate(range(first, end, self.length))
        ]

    def depth(self) -> int:
        """Frames that may wait between two threads."""
        film = self.film
        size = film.rows * film.cols * film.layout.count * film.layout.dtype.itemsize
        return int(np.clip(_QUEUE_BYTES // max(1, size), 1, 6))

    def frames(self, start: int, stop: int, *, from_beginning: bool = False) -> Iterator[Frame]:
        return read_frames(
            self.film,
            start=start,
            stop=stop,
            strict=self.strict,
            events=self.events,
            from_beginning=from_beginning,
            filters=self.filters,
        )


def measure(work: Work, wanted: Wanted) -> Look:
    """Look at all frames of the film; segments that were looked at before are not read again."""
    length = max(work.segment_frames, 50)
    film = work.film
    looks: list[Look] = []
    parts = [(f"look-{n:05d}", a, min(a + length, film.frames))
             for n, a in enumerate(range(0, film.frames, length))]  # fmt: skip
    missing = [p for p in parts if work.ledger.done(p[0]) is None]
    total = sum(end - first for _, first, end in missing)
    stream: Iterator[Frame] | None = None
    says = "Measuring"
    counted = work.bench.map(_same, _looked(work, missing, wanted), says=says, total=total)
    for _ in counted:
        pass
    del stream
    for name, _, _ in parts:
        looks.append(Look.load(work.ledger.folder / f"{name}.npz"))
    return Look.joined(looks)


def _same(item: Any) -> Any:
    return item


def _looked(work: Work, missing: Sequence[tuple[str, int, int]], wanted: Wanted) -> Iterator[int]:
    """Measures the missing parts; yields once for each frame."""
    for stretch in _stretches(missing):
        first, end = stretch[0][1], stretch[-1][2]
        frames = ahead(work.frames(max(0, first - 1), end), work.depth())
        before: Frame | None = next(frames) if first > 0 else None
        for name, a, b in stretch:
            run: list[Frame] = [before] if before is not None else []

            def taken(run: list[Frame] = run, a: int = a, b: int = b) -> Iterator[Frame]:
                yield from run
                for _ in range(b - a):
                    nonlocal before
                    before = next(frames)  # noqa: B023  # used within this turn only
                    yield before

            look = look_at_frames(work.film, taken(), wanted, a)
            look.save(work.ledger.partial(f"{name}.npz"))
            work.ledger.finish(name, [f"{name}.npz"])
            yield from range(a, b)
        for _ in frames:
            pass


def _stretches(parts: Sequence[tuple[str, int, int]]) -> list[list[tuple[str, int, int]]]:
    """Parts that follow each other, together."""
    result: list[list[tuple[str, int, int]]] = []
    for part in parts:
        if result and result[-1][-1][2] == part[1]:
            result[-1].append(part)
        else:
            result.append([part])
    return result


@dataclass(slots=True, eq=False)
class Output:
    """What frames look like when they leave: picture steps may change size and layout."""

    layout: Layout
    colour: Colour
    rows: int
    cols: int


class Segments:
    """Carries out a plan, segment by segment."""

    def __init__(self, work: Work, plan: Plan, output: Output, steady: Steady | None) -> None:
        self.work = work
        self.plan = plan
        self.output = output
        self.steady = steady

    def run(self, only: Sequence[int] | None = None) -> None:
        """Make what the ledger lacks.

        Args:
            only: numbers of segments, for workers that share a folder; all when None
        Raises:
            OutputError, UnreadableInput, PromiseBroken, Cancelled
        """
        work = self.work
        parts = work.segments()
        chosen = [p for n, p in enumerate(parts) if only is None or n in only]
        missing = [p for p in chosen if work.ledger.done(p[0]) is None]
        total = sum(end - first for _, first, end in missing)
        for _ in work.bench.map(_same, self._made(missing), says="Restoring", total=total):
            pass

    def _made(self, missing: Sequence[tuple[str, int, int]]) -> Iterator[int]:
        for stretch in _stretches(missing):
            yield from self._stretch(stretch)

    def _stretch(self, stretch: list[tuple[str, int, int]]) -> Iterator[int]:
        work = self.work
        first, end = stretch[0][1], stretch[-1][2]
        writing = _Writing(self, stretch)
        behind = Behind(writing.take, work.depth())
        try:
            done = self._frames(first, end)
            for item in done:
                if first <= item.frame.index < end:
                    behind.put(item)
                    yield item.frame.index
            behind.close()
            writing.finish()
        except BaseException:
            behind.abandon()
            writing.abandon()
            raise

    def _frames(self, first: int, end: int) -> Iterator[Done]:
        work, plan = self.work, self.plan
        reach = 0 if plan.is_identity else REACH
        start = max(0, first - max(reach, 1))
        stop = min(work.film.frames, end + reach)
        exact = self._leads_there(start, first)
        source = ahead(work.frames(start, stop, from_beginning=not exact), work.depth())
        done = source_only(source) if plan.is_identity else treated(
            source, plan, threads=work.threads
        )  # fmt: skip
        done = (d for d in done if d.frame.index >= first)
        if self.steady is not None:
            done = self.steady.through(done, first, self._state_before(first))
        return done

    def _state_before(self, first: int) -> Path | None:
        """The state that the segment before left for the steady steps."""
        for name, _, end in self.work.segments():
            if end == first:
                return self.work.ledger.folder / f"{name}.state.npz"
        return None

    def _leads_there(self, start: int, first: int) -> bool:
        """Whether decoding from ``start`` gives the frames that the run before had."""
        if first == self.work.span[0] or self.work.film.is_intra or self.work.film.files:
            return True
        for name, _, end in self.work.segments():
            line = self.work.ledger.done(name)
            if end == first and line is not None:
                for frame in self.work.frames(first - 1, first):
                    return source_hash(frame) == line["source_tail"]
        return True


def source_only(frames: Iterator[Frame]) -> Iterator[Done]:
    """Frames as they are."""
    for frame in frames:
        yield Done(frame, frame)


def source_hash(frame: Frame) -> str:
    digest = hashlib.sha256()
    for plane in frame.planes:
        digest.update(np.ascontiguousarray(plane).data)
    return digest.hexdigest()[:32]


class _Writing:
    """The writing end: encodes frames, cuts segments, enters them in the ledger."""

    def __init__(self, owner: Segments, stretch: list[tuple[str, int, int]]) -> None:
        self.owner = owner
        self.waiting = list(stretch)
        self.piece: Any = None
        self.hashes: list[Any] = []
        self.repairs: list[Repair] = []
        self.notes: list[dict[str, Any]] = []
        self.extra: dict[str, Any] = {}

    def take(self, done: Done) -> None:
        work, output = self.owner.work, self.owner.output
        name, _, end = self.waiting[0]
        if self.piece is None:
            self.piece = self._open(name)
        frame = done.frame
        self.piece.add(frame.planes, frame.decoded)
        if work.delivery.lossless:
            size, digest = frame_hash(frame.planes, output.layout)
            self.hashes.append([frame.index, size, digest])
        self.repairs += done.repairs
        if done.says:
            self.notes.append({"frame": frame.index, "says": done.says})
        if frame.index == end - 1:
            self._finish_segment(done)

    def finish(self) -> None:
        if self.waiting:
            raise AssertionError(f"{len(self.waiting)} segments got no frames")

    def abandon(self) -> None:
        if self.piece is not None:
            self.piece.abandon()

    def _open(self, name: str) -> Any:
        work, output = self.owner.work, self.owner.output
        if work.delivery.pictures:
            return PictureWriter(
                work.ledger.folder / name, work.delivery.codec, output.layout, output.colour
            )
        return PieceWriter(
            work.ledger.partial(f"{name}.mkv"), output.layout, output.colour, work.film.rate,
            work.delivery,
        )  # fmt: skip

    def _finish_segment(self, done: Done) -> None:
        work = self.owner.work
        name, first, end = self.waiting.pop(0)
        self.piece.close()
        files = [] if work.delivery.pictures else [f"{name}.mkv"]
        if self.repairs:
            list_name = f"{name}.repairs.parquet"
            bits = str(work.film.layout.bits)
            write_list(work.ledger.partial(list_name), self.repairs, {"bits": bits})
            files.append(list_name)
        if self.owner.steady is not None:
            files += self.owner.steady.save(work.ledger, name, done.state)
        work.ledger.finish(
            name,
            files,
            first=first,
            end=end,
            hashes=self.hashes,
            repairs=len(self.repairs),
            notes=self.notes,
            source_tail=source_hash(done.original),
            events=[e for e in work.events.to_list() if first <= e["frame"] < end],
            measured=self.owner.steady.measured(first, end) if self.owner.steady else {},
        )
        self.piece = None
        self.hashes, self.repairs, self.notes = [], [], []


Progress = Callable[[str, int, int], None]
