"""Put the film together again: the restored picture, and every other stream packet for packet.

Nothing but the picture is decoded. What a container cannot hold is found out before the work
begins, by asking it; what was written is read back and compared: the time of every frame, and
a hash over the packets of every stream that was copied.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unfade.errors import PromiseBroken, WouldLose
from unfade.film.facts import Film
from unfade.film.matroska import set_pixel_aspect
from unfade.film.opening import opened
from unfade.film.writer import not_written

_FORMATS = {".mkv": "matroska", ".mp4": "mp4", ".mov": "mov", ".mka": "matroska"}
_OF_THE_FILE = ("DURATION", "ENCODER", "encoder", "BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES",
                "major_brand", "minor_version", "compatible_brands")  # fmt: skip


def losses(film: Film, target: Path, *, pictures: bool) -> list[str]:
    """What the target cannot hold of the film, in words; the work has not begun yet."""
    lost = [f"data on the frames: {kind.lower().replace('_', ' ')}" for kind in film.side_data]
    if film.files:
        return lost
    if pictures:
        return lost  # the other streams go into a file beside the pictures
    with opened(film.path) as source:
        for stream in source.streams:
            if stream.index == film.stream or _is_timecode(stream):
                continue
            reason = _cannot_hold(stream, target)
            if reason:
                lost.append(
                    f"stream {stream.index} ({stream.type}, "
                    f"{stream.codec_context.name if stream.codec_context else 'no codec'}): "
                    f"{reason}"
                )
    if film.chapters and target.suffix.lower() not in (".mkv", ".mp4", ".mov"):
        lost.append(f"{len(film.chapters)} chapters")
    return lost


def check_losses(lost: Sequence[str], target: Path, allowed: bool) -> None:
    """Refuse a target that would lose something, unless that was allowed.

    Raises:
        WouldLose
    """
    if lost and not allowed:
        raise WouldLose(
            f"`{target.name}` cannot hold {'; '.join(lost)}.",
            "Choose a container that can with `--output` (.mkv holds most), or accept the loss "
            "with `--allow-loss`; it is then listed in the record.",
        )


def _is_timecode(stream: Any) -> bool:
    """A time code track: its start is a tag of the picture stream as well, which is kept."""
    return stream.type == "data" and "timecode" in stream.metadata


def _cannot_hold(stream: Any, target: Path) -> str:
    """Why a container refuses a stream, found by trying; "" when it takes it."""
    import io

    import av

    if stream.type == "attachment":
        return "" if target.suffix.lower() in (".mkv", ".mka") else "no attachments here"
    try:
        with av.open(io.BytesIO(), "w", format=_FORMATS[target.suffix.lower()]) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, TypeError) as error:
        return (str(getattr(error, "strerror", None) or error)).lower()
    return ""


def assemble(
    film: Film,
    pieces: Sequence[Path],
    times: np.ndarray,
    target: Path,
    *,
    intra: bool,
    shape: tuple[int, int, Fraction],
    span_s: tuple[float, float] | None = None,
) -> list[str]:
    """Write ``target`` from pieces of picture and the source's other streams.

    Args:
        times: (frames,) time of each frame, in the film's time base
        intra: whether every packet is a frame of its own
        shape: rows and columns of the result, and the shape of its pixels
        span_s: only packets of this span of the source, for previews
    Returns:
        what must be told
    Raises:
        OutputError: the disk is full
        PromiseBroken: what was written is not what was to be written
    """
    kind = _FORMATS[target.suffix.lower()]
    rows, cols, aspect = shape
    # Matroska can hold times a little before zero (priming of sound) when it is let
    ways = [{"avoid_negative_ts": "disabled"}, {}] if kind == "matroska" else [{}]
    for n, way in enumerate(ways):
        try:
            _write(film, pieces, times, target, intra, span_s, kind, way)
            if kind == "matroska":
                set_pixel_aspect(target, rows, cols, aspect)
            return check_written(film, target, times, span_s)
        except (PromiseBroken, ValueError):
            if n == len(ways) - 1:
                raise
    raise AssertionError("no way to write")


def _write(
    film: Film,
    pieces: Sequence[Path],
    times: np.ndarray,
    target: Path,
    intra: bool,
    span_s: tuple[float, float] | None,
    kind: str,
    way: dict[str, str],
) -> None:
    import av

    try:
        with contextlib.ExitStack() as stack:
            source = None if film.files else stack.enter_context(opened(film.path))
            out = stack.enter_context(av.open(str(target), "w", format=kind, options=way))
            copied = _copy_plan(film, source, out, pieces, target)
            picture = copied.pop(-1)
            base = Fraction(film.time_base)
            own = _picture_packets(pieces, times, base, intra)
            pending = next(own, None)
            for packet in _others(source, copied, span_s):
                now = packet.dts * packet.time_base
                while pending is not None and pending.dts * base <= now:
                    pending.stream = picture
                    out.mux(pending)
                    pending = next(own, None)
                packet.stream = copied[packet.stream_index]
                out.mux(packet)
            while pending is not None:
                pending.stream = picture
                out.mux(pending)
                pending = next(own, None)
    except OSError as error:
        raise not_written(target, error) from error


def copy_others(film: Film, target: Path) -> bool:
    """The streams beside the picture in a file of their own; False when there are none."""
    import av

    if film.files or not any(s.kind in ("audio", "subtitle") for s in film.streams):
        return False
    with opened(film.path) as source, av.open(str(target), "w", format="matroska") as out:
        copied = {}
        for stream in source.streams:
            if stream.type in ("audio", "subtitle") and not _cannot_hold(stream, target):
                copied[stream.index] = out.add_stream_from_template(stream)
        for packet in _others(source, copied, None):
            packet.stream = copied[packet.stream_index]
            out.mux(packet)
    return True


def _copy_plan(
    film: Film, source: Any, out: Any, pieces: Sequence[Path], target: Path
) -> dict[int, Any]:
    """Output streams by the index of the source's; -1 is the picture."""
    copied: dict[int, Any] = {}
    with opened(pieces[0]) as piece:
        if source is None:
            copied[-1] = _picture_stream(film, out, piece)
            return copied
        for stream in source.streams:
            if stream.index == film.stream:
                copied[-1] = _picture_stream(film, out, piece)
                _copy_tags(stream, copied[-1])
            elif stream.type == "attachment":
                if not _cannot_hold(stream, target):
                    out.add_attachment(
                        stream.name or "attachment",
                        stream.mimetype or "application/octet-stream",
                        bytes(stream.data),
                    )
            elif not _is_timecode(stream) and not _cannot_hold(stream, target):
                copied[stream.index] = out.add_stream_from_template(stream)
                _copy_tags(stream, copied[stream.index])
    out.set_chapters(list(film.chapters))
    out.metadata.update({k: v for k, v in film.tags.items() if k not in _OF_THE_FILE})
    return copied


def _picture_stream(film: Film, out: Any, piece: Any) -> Any:
    # `opaque`: as a copy of packets; else an encoder of the decoder's name is looked for
    stream = out.add_stream_from_template(piece.streams.video[0], opaque=True)
    stream.time_base = film.time_base
    stream.rate = film.rate
    return stream


def _copy_tags(source: Any, target: Any) -> None:
    target.metadata.update({k: v for k, v in source.metadata.items() if k not in _OF_THE_FILE})
    with contextlib.suppress(AttributeError):
        target.disposition = source.disposition


def _others(
    source: Any, copied: dict[int, Any], span_s: tuple[float, float] | None
) -> Iterator[Any]:
    if source is None or not copied:
        return
    for packet in source.demux([source.streams[k] for k in copied]):
        if not packet.size:
            continue
        if packet.dts is None:
            packet.dts = packet.pts if packet.pts is not None else 0
        at = float(packet.dts * packet.time_base)
        if span_s is None or span_s[0] <= at < span_s[1]:
            yield packet


def _picture_packets(
    pieces: Sequence[Path], times: np.ndarray, base: Fraction, intra: bool
) -> Iterator[Any]:
    """Packets of all pieces in coding order, with the film's own times.

    A decoding time is the time of the frame as many places earlier as frames are held back for
    reordering; before the first frame it goes on at the first step.
    """
    import av

    delay = 0 if intra else max(_reordering(piece) for piece in pieces)
    step = int(times[1] - times[0]) if len(times) > 1 else 1
    first = 0
    sent = 0
    for piece in pieces:
        with opened(piece) as container:  # one packet at a time: a piece may be large
            shown = sorted(p.pts for p in container.demux(video=0) if p.size)
        order = {pts: n for n, pts in enumerate(shown)}
        with opened(piece) as container:
            for read in container.demux(video=0):
                if not read.size:
                    continue
                place = first + order[read.pts]
                packet = av.Packet(bytes(read))
                packet.pts = int(times[place])
                earlier = sent - delay
                packet.dts = int(times[earlier] if earlier >= 0 else times[0] + earlier * step)
                packet.time_base = base
                packet.is_keyframe = read.is_keyframe
                packet.duration = _duration(times, place)
                sent += 1
                yield packet
        first += len(shown)
    if first != len(times):
        raise PromiseBroken(
            f"{first} frames were encoded; the film has {len(times)}.",
            "This is a bug of unfade: nothing was written; please report it.",
        )


def _duration(times: np.ndarray, index: int) -> int:
    if index + 1 < len(times):
        return int(times[index + 1] - times[index])
    return int(times[-1] - times[-2]) if len(times) > 1 else 0


def _reordering(piece: Path) -> int:
    """How many frames the decoder of a piece holds back."""
    with opened(piece) as container:
        times = [p.pts for p in container.demux(video=0) if p.size]
    places = np.argsort(np.argsort(times))
    return int(max(0, (np.arange(len(places)) - places).max(initial=0)))


def check_written(
    film: Film, target: Path, times: np.ndarray, span_s: tuple[float, float] | None
) -> list[str]:
    """Read the result's packets back and compare them with what was to be there.

    Raises:
        PromiseBroken: a frame's time is off by more than half a tick, or a copied stream differs
    """
    with opened(target) as container:
        stream = container.streams.video[0]
        tick = Fraction(stream.time_base)
        found = np.sort([p.pts for p in container.demux(stream) if p.size])
    wanted = times.astype(np.float64) * float(film.time_base)
    got = found.astype(np.float64) * float(tick)
    if len(got) != len(wanted):
        raise _differs(target, f"it holds {len(got)} frames, {len(wanted)} were due")
    shift = float(np.median(got - wanted))
    if abs(shift) <= float(tick):
        shift = 0.0
    off = np.abs(got - wanted - shift)
    if off.max(initial=0) > max(float(tick), 1e-6) * 0.75 + 1e-9:
        worst = int(off.argmax())
        raise _differs(target, f"frame {worst} is shown {off[worst] * 1000:.2f} ms off its time")
    notes = []
    if shift:
        notes.append(
            f"All streams begin {shift:+.3f} s later than in the source, alike: the container "
            "cannot hold times before zero."
        )
    if span_s is None and not film.files:
        before, after = packet_hashes(film.path), packet_hashes(target)
        for kind, hashes in before.items():
            missing = [h for h in hashes if h not in after.get(kind, [])]
            held = len(hashes) - len(missing)
            notes += [] if not missing else [f"{kind}: {held} of {len(hashes)} streams are copied."]
    return notes


def packet_hashes(path: Path) -> dict[str, list[str]]:
    """Kind of stream -> SHA-256 over all packets of each audio and subtitle stream."""
    with opened(path) as container:
        chosen = [s for s in container.streams if s.type in ("audio", "subtitle")]
        digests = {s.index: hashlib.sha256() for s in chosen}
        if chosen:
            for packet in container.demux(chosen):
                if packet.size:
                    digests[packet.stream_index].update(bytes(packet))
        hashes: dict[str, list[str]] = {}
        for stream in chosen:
            hashes.setdefault(stream.type, []).append(digests[stream.index].hexdigest())
    return hashes


def _differs(target: Path, how: str) -> PromiseBroken:
    return PromiseBroken(
        f"`{target.name}` is not what was to be written: {how}.",
        "This is a bug of unfade: nothing was delivered; please report it.",
    )
