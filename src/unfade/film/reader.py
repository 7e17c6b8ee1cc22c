"""Frames of a film in order, from any frame on.

Damage is concealed and listed, never swallowed: a packet that cannot be decoded leaves a frame
marked ``missing`` (a copy of its neighbour stands in), a frame that the decoder patched up is
marked ``concealed``. The number of frames that come out is the number that the container states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unfade.errors import UnreadableInput
from unfade.film.facts import Film
from unfade.film.layout import Frame, layout_of, turn, unpack
from unfade.film.opening import decoder_of, opened, read_still

_RUN_UP_KEYS = 2  # key frames that decoding starts early, when it does not start at the beginning
_MOST_MISSING_SHARE = 0.25


@dataclass(slots=True)
class Events:
    """What was met while reading, for the record: place and words."""

    items: dict[tuple[int, str], str] = field(default_factory=dict)

    def add(self, index: int, kind: str, says: str) -> None:
        self.items.setdefault((index, kind), says)

    def to_list(self) -> list[dict[str, Any]]:
        return [{"frame": i, "kind": kind, "says": says}
                for (i, kind), says in sorted(self.items.items())]  # fmt: skip


def read_frames(
    film: Film,
    *,
    start: int = 0,
    stop: int | None = None,
    strict: bool = False,
    events: Events | None = None,
    from_beginning: bool = False,
    filters: str = "",
) -> Iterator[Frame]:
    """Frames ``start`` to ``stop`` (not included) of a film.

    Args:
        strict: damage is an error
        events: gets what was met
        from_beginning: decode from the first frame also when ``start`` is later: always exact
        filters: FFmpeg's filters between decoder and reader ("bwdif=..."); decodes from the start
    Raises:
        UnreadableInput: damaged (``strict``), or too much of it is
    """
    events = events if events is not None else Events()
    stop = film.frames if stop is None else stop
    if film.files:
        yield from _read_stills(film, start, stop)
        return
    if start >= stop:
        return
    run_up = 0
    if start > 0 and not from_beginning and not filters and film.kept is None:
        run_up = _run_up(film, start)
    frames = _filled(
        film, decoded_frames(film, run_up, strict, events, filters), run_up, strict, events
    )
    first = next(frames)
    if first.index > start:  # the container's index led past the frame
        frames = _filled(film, decoded_frames(film, 0, strict, events, filters), 0, strict, events)
        first = next(frames)
    for frame in _chained(first, frames):
        if frame.index >= stop:
            return
        if frame.index >= start:
            yield frame


def _chained(first: Frame, rest: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from rest


def _run_up(film: Film, start: int) -> int:
    """The frame at which decoding begins so that ``start`` has the same bits as from the start."""
    before = film.keys[film.keys <= start]
    if film.is_intra:
        return start
    return int(before[-_RUN_UP_KEYS]) if len(before) >= _RUN_UP_KEYS else 0


def _read_stills(film: Film, start: int, stop: int) -> Iterator[Frame]:
    for index in range(start, stop):
        decoded = read_still(film.files[index])
        if layout_of(decoded.format.name) != film.layout or (
            (decoded.height, decoded.width) != (film.rows, film.cols)
        ):
            raise UnreadableInput(
                f"`{film.files[index].name}` is {decoded.width} x {decoded.height} "
                f"{decoded.format.name}; the sequence began with {film.cols} x {film.rows} "
                f"{film.layout.name}.",
                "All pictures of a sequence must have one size and one format.",
            )
        yield _frame(film, index, decoded)


def _frame(film: Film, index: int, decoded: Any, trouble: str = "") -> Frame:
    source = layout_of(decoded.format.name)
    planes = turn(unpack(decoded, source), film.quarter_turns)
    as_stored = decoded.format.name == film.layout.name and not film.quarter_turns
    if (decoded.format.name, film.layout.name) in (("yuvj420p", "yuv420p"),):
        as_stored = False
    return Frame(index, int(film.times[index]), planes, decoded if as_stored else None, trouble)


def decoded_frames(
    film: Film, run_up: int, strict: bool, events: Events, filters: str
) -> Iterator[Any]:
    """FFmpeg's frames from a key frame on; packets that fail are listed."""
    import av

    with opened(film.path) as container:
        stream = container.streams[film.stream]
        decoder = decoder_of(stream, film.path)
        graph = _Filters(filters, stream) if filters else None
        if run_up > 0:
            container.seek(int(film.times[run_up]), stream=stream, backward=True)
        for packet in container.demux(stream):
            end = packet.size == 0
            try:
                frames = decoder.decode(None if end else packet)
            except av.error.InvalidDataError as error:
                place = _place(film, packet.pts)
                if strict:
                    raise UnreadableInput(
                        f"`{film.path.name}`: the packet of frame {place} is damaged.",
                        "Leave `--strict` out to have damage concealed and listed.",
                    ) from error
                events.add(place, "damaged packet", "It cannot be decoded.")
                continue
            for frame in frames:
                yield from graph.through(frame) if graph is not None else (frame,)
            if end:
                break
        if graph is not None:
            yield from graph.rest()


def _place(film: Film, pts: int | None) -> int:
    if pts is None or not film.frames:
        return -1
    return min(int(np.searchsorted(film.times, pts)), film.frames - 1)


def _filled(
    film: Film, decoded: Iterator[Any], run_up: int, strict: bool, events: Events
) -> Iterator[Frame]:
    """Frames with their places; what is missing between two is stood in for."""
    expected = run_up
    missing = 0
    last: Frame | None = None
    waiting: list[int] = []
    places = {int(t): n for n, t in enumerate(film.times.tolist())}
    for number, frame in enumerate(decoded):
        index = places.get(frame.pts) if frame.pts is not None else None
        if film.by_order:
            index = number if number < film.frames else None
        if index is None:
            if (run_up and last is None) or film.kept is not None:
                continue  # leading pictures of an open group, or a repeat that was left out
            if film.is_intra or strict:
                raise _unlisted(film, frame)
            continue
        if last is None and run_up and index > expected:
            expected = index  # the container led elsewhere: the caller compares
        if index < expected:
            continue
        if (frame.height, frame.width) != _decoded_size(film):
            raise UnreadableInput(
                f"`{film.path.name}`, frame {index}: the size changes to {frame.width} x "
                f"{frame.height}.",
                "Cut the film where its size changes, and restore the parts.",
            )
        waiting = list(range(expected, index))
        now = _frame(film, index, frame, "concealed" if frame.is_corrupt else "")
        if now.trouble:
            _trouble(film, index, "concealed", "The decoder patched it up.", strict, events)
        for hole in waiting:
            missing += 1
            yield _stand_in(film, hole, last or now, strict, events)
        expected = index + 1
        last = now
        yield now
    if last is None:
        raise UnreadableInput(
            f"`{film.path.name}`: no frame can be decoded from frame {run_up} on.",
            "Copy it again from its source.",
        )
    for hole in range(expected, film.frames):
        missing += 1
        yield _stand_in(film, hole, last, strict, events)
    if missing > max(1, _MOST_MISSING_SHARE * film.frames):
        raise UnreadableInput(
            f"`{film.path.name}`: {missing} of {film.frames} frames cannot be decoded.",
            "Copy it again from its source.",
        )


def _decoded_size(film: Film) -> tuple[int, int]:
    return (film.cols, film.rows) if film.quarter_turns % 2 else (film.rows, film.cols)


def _unlisted(film: Film, frame: Any) -> UnreadableInput:
    return UnreadableInput(
        f"`{film.path.name}`: a frame comes out at {frame.time} s that no packet announces.",
        "Copy its packets into a new file first: ffmpeg -i IN -c copy OUT.mkv.",
    )


def _stand_in(film: Film, index: int, like: Frame, strict: bool, events: Events) -> Frame:
    _trouble(film, index, "missing", "A copy of its neighbour stands in.", strict, events)
    return Frame(index, int(film.times[index]), like.planes, like.decoded, "missing")


def _trouble(film: Film, index: int, kind: str, says: str, strict: bool, events: Events) -> None:
    if strict:
        raise UnreadableInput(
            f"`{film.path.name}`, frame {index} at {film.time_s(index):.3f} s is {kind}.",
            "Leave `--strict` out to have damage concealed and listed.",
        )
    events.add(index, kind, says)


class _Filters:
    """FFmpeg's filters between decoder and reader."""

    def __init__(self, filters: str, stream: Any) -> None:
        import av

        self.graph = av.filter.Graph()
        chain = [self.graph.add_buffer(template=stream)]
        for part in filters.split(","):
            name, _, arguments = part.partition("=")
            chain.append(self.graph.add(name, arguments or None))
        chain.append(self.graph.add("buffersink"))
        self.graph.link_nodes(*chain).configure()

    def through(self, frame: Any) -> Iterator[Any]:
        self.graph.push(frame)
        yield from self._ready()

    def rest(self) -> Iterator[Any]:
        self.graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[Any]:
        import av

        while True:
            try:
                yield self.graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
