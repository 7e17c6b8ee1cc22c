"""Long work in segments: each is written whole and entered in the ledger before the next counts.

Segments are cuts in a stream that flows on: within one run nothing is decoded or computed twice.
A run that goes on after a kill, or beside others, starts decoding a little before its first
segment; ``joints`` tells whether that led to the right frames, and where a container's index leads
elsewhere, it decodes from the beginning instead. So the result is the unbroken run's, frame for
frame.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.film.done import Done
from unfade.film.facts import Film
from unfade.film.joints import agree, astray, source_hash, stream_of
from unfade.film.layout import Colour, Frame, Layout
from unfade.film.ledger import Ledger
from unfade.film.plan import Plan
from unfade.film.reader import Events, read_frames
from unfade.film.repairs import Repair, write_list
from unfade.film.sequence import PictureWriter
from unfade.film.steady import Steady
from unfade.film.threads import Behind, ahead
from unfade.film.treat import REACH, treated
from unfade.film.writer import CHUNK_FRAMES, Delivery, PieceWriter, frame_hash

_QUEUE_BYTES = 200_000_000
Piece = tuple[str, int, int]  # name, first frame and end


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

    @property
    def seeks(self) -> bool:
        """Whether frames are sought for in the middle; if not, they are always exact."""
        return not (self.filters or self.film.files or self.film.kept is not None)

    def segments(self) -> list[Piece]:
        """Name, first and end of each segment."""
        first, end = self.span
        return [
            (f"segment-{n:05d}", a, min(a + self.length, end))
            for n, a in enumerate(range(first, end, self.length))
        ]

    def lines(self, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
        """The ledger's lines of those of these pieces that are done, in order."""
        found = [self.ledger.done(name) for name, _, _ in pieces]
        return [line for line in found if line is not None]

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


def same(item: Any) -> Any:
    """The work that is left when a generator does it all and the bench only counts."""
    return item


def stretches(parts: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces that follow each other, together."""
    result: list[list[Piece]] = []
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

    def run(self, only: Collection[int] | None = None, *, from_beginning: bool = False) -> None:
        """Make what the ledger lacks.

        Args:
            only: numbers of segments, for workers that share a folder; all when None
            from_beginning: decode from the first frame on, also for segments that are there
        Raises:
            OutputError, UnreadableInput, PromiseBroken, Cancelled
        """
        work = self.work
        chosen = [p for n, p in enumerate(work.segments()) if only is None or n in only]
        missing = [p for p in chosen if from_beginning or work.ledger.done(p[0]) is None]
        total = sum(end - first for _, first, end in missing)
        made = self._made(missing, from_beginning)
        try:
            for _ in work.bench.map(same, made, says="Restoring", total=total):
                pass
        finally:
            made.close()

    def astray(self) -> list[int]:
        """Numbers of segments that must be made again from the beginning, when all are made."""
        again = astray(self.work.lines(self.work.segments()))
        if again and self.steady is not None:  # what follows got its state from them
            return list(range(again[0], len(self.work.segments())))
        return again

    def _made(self, missing: Sequence[Piece], from_beginning: bool) -> Generator[int, None, None]:
        for stretch in stretches(missing):
            try:
                yield from self._stretch(stretch, from_beginning)
            except _LedElsewhere:  # before the first frame was written
                yield from self._stretch(stretch, True)

    def _stretch(self, stretch: list[Piece], from_beginning: bool) -> Iterator[int]:
        work = self.work
        first, end = stretch[0][1], stretch[-1][2]
        work.events = Events()
        joint = self._joint(first, from_beginning)
        writing = _Writing(self, stretch, joint)
        behind = Behind(writing.take, work.depth())
        try:
            for item in self._frames(joint, end, from_beginning):
                if item.frame.index < end:
                    behind.put(item)
                    yield item.frame.index
            behind.close()
            writing.finish()
        except BaseException:
            behind.abandon()
            writing.abandon()
            raise

    @property
    def overlap(self) -> int:
        """Frames before a segment that are read to make it."""
        return 1 if self.plan.is_identity else REACH

    def _joint(self, first: int, from_beginning: bool) -> _Joint:
        """How a run of decoding begins; the first of the film that is made is what all follow."""
        start = max(0, first - self.overlap)
        begins = start == 0 or first == self.work.span[0]
        return _Joint(first, start, not begins and not from_beginning and self.work.seeks)

    def _frames(self, joint: _Joint, end: int, from_beginning: bool) -> Iterator[Done]:
        work, plan = self.work, self.plan
        stop = end if plan.is_identity else min(work.film.frames, end + REACH)
        source = ahead(work.frames(joint.start, stop, from_beginning=from_beginning), work.depth())
        done = source_only(source) if plan.is_identity else treated(
            source, plan, threads=work.threads
        )  # fmt: skip
        done = self._compared(done, joint)
        if self.steady is not None:
            done = self.steady.through(done, joint.first, self._state_before(joint.first))
        return done

    def _compared(self, frames: Iterator[Done], joint: _Joint) -> Iterator[Done]:
        """The frames that are to be made; those before are compared with what is known of them."""
        for done in frames:
            if done.frame.index >= joint.first:
                if joint.before and not agree(
                    joint.before, self.work.lines(self._just_before(joint))
                ):
                    raise _LedElsewhere
                yield done
                break
            if joint.sought:
                joint.before.append(source_hash(done.original))
        yield from frames

    def _just_before(self, joint: _Joint) -> list[Piece]:
        return [p for p in self.work.segments() if p[1] < joint.first and p[2] > joint.start]

    def _state_before(self, first: int) -> Path | None:
        """The state that the segment before left for the steady steps."""
        for name, _, end in self.work.segments():
            if end == first:
                return self.work.ledger.folder / f"{name}.state.npz"
        return None


class _LedElsewhere(Exception):
    """Seeking has led to other frames than the segments before were made from."""


@dataclass(slots=True)
class _Joint:
    """The beginning of a run of decoding.

    Attributes:
        first: the first frame that is made
        start: the first frame that is read
        sought: whether it was sought for in the middle of the film
        before: hashes of the frames between, as they were read
    """

    first: int
    start: int
    sought: bool
    before: list[list[Any]] = field(default_factory=list)


def source_only(frames: Iterator[Frame]) -> Iterator[Done]:
    """Frames as they are."""
    for frame in frames:
        yield Done(frame, frame)


class _Writing:
    """The writing end: encodes frames, cuts segments, enters them in the ledger."""

    def __init__(self, owner: Segments, stretch: list[Piece], joint: _Joint) -> None:
        self.owner = owner
        self.waiting = list(stretch)
        self.joint = joint
        self.piece: Any = None
        self.hashes: list[Any] = []
        self.repairs: list[Repair] = []
        self.notes: list[dict[str, Any]] = []
        self.tails: list[list[Any]] = []

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
        if frame.index >= end - self.owner.overlap:
            self.tails.append(source_hash(done.original))
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
        if self.hashes:
            hashes_name = f"{name}.hashes.jsonl"
            text = "".join(f"{json.dumps(row)}\n" for row in self.hashes)
            work.ledger.partial(hashes_name).write_text(text, encoding="ascii")
            files.append(hashes_name)
        if self.owner.steady is not None:
            files += self.owner.steady.save(work.ledger, name, done.state)
        work.ledger.finish(
            name,
            files,
            first=first,
            end=end,
            repairs=len(self.repairs),
            notes=self.notes,
            stream=stream_of(self.joint.first, sought=self.joint.sought),
            source_before=self.joint.before if first == self.joint.first else [],
            source_tails=self.tails,
            events=[e for e in work.events.to_list() if first <= e["frame"] < end],
            measured=self.owner.steady.measured(first, end) if self.owner.steady else {},
        )
        self.piece = None
        self.hashes, self.repairs, self.notes, self.tails = [], [], [], []
