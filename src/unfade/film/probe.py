"""Open a film and say what is in it, before a frame is touched.

One walk over all packets, without decoding, gives the time of every frame, finds files that end
too soon, and counts what each stream holds. Only containers on a list are opened, and only as
local files: playlists that reach for other files are refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unfade.errors import UnreadableInput, UnsupportedInput, UsageError
from unfade.files.limits import Limits
from unfade.files.places.local import check_source
from unfade.film.facts import Film, StreamFacts
from unfade.film.kinds import is_sequence
from unfade.film.layout import Colour, layout_of
from unfade.film.numbered import probe_sequence
from unfade.film.opening import PURPOSE, decoder_of, opened, words
from unfade.needs import need

_TRUNCATED_S = 0.5  # a file that ends this much before its stated length ends too soon
# kept in the stream itself, or of no use once the frames are decoded
_SIDE_DATA_KEPT_ELSEWHERE = (
    "DISPLAYMATRIX", "SEI_UNREGISTERED", "GOP_TIMECODE", "S12M_TIMECODE", "REGIONS_OF_INTEREST",
    "QP_TABLE", "VIDEO_ENC_PARAMS", "ENCODER", "PANSCAN", "ICC_PROFILE", "EXIF", "3D_REFERENCE",
)  # fmt: skip


def probe(path: Path, *, limits: Limits | None = None, rate: Fraction | None = None) -> Film:
    """Look into a film.

    Args:
        rate: frames a second, for sequences of pictures only
    Raises:
        UnreadableInput: missing, empty, damaged, ends too soon, or has no picture
        UnsupportedInput: a codec or pixel format that is not handled
        LimitExceeded: its frames are larger than a limit allows
        MissingPackage: PyAV is not installed
    """
    need("av", extra="film", to=PURPOSE)
    if is_sequence(path):
        return probe_sequence(path, limits or Limits(), rate or Fraction(24))
    if rate is not None:
        raise UsageError(
            f"`{path.name}` states its own times; `--fps` is for sequences of pictures.",
            "Leave `--fps` out.",
        )
    check_source(path)
    with opened(path) as container:
        return _probe_container(path, container, limits or Limits())


def _probe_container(path: Path, container: Any, limits: Limits) -> Film:
    stream = _picture_stream(path, container)
    context = decoder_of(stream, path)
    if context.width and context.height:
        limits.check(path.name, context.height, context.width)
    times, keys, counts, notes = _walk(path, container, stream)
    first = _first_frames(path, stream.index)
    frame = first[0]
    turns, turn_note = _turns(frame)
    layout = layout_of(frame.format.name)
    rows, cols = frame.height, frame.width
    limits.check(path.name, rows, cols)
    sample_aspect = stream.sample_aspect_ratio or Fraction(1)
    if turns % 2:
        rows, cols, layout = cols, rows, layout.turned
        sample_aspect = 1 / sample_aspect if sample_aspect else Fraction(1)
    if turn_note:
        notes.append(turn_note)
    known = set(times.tolist())
    if any(f.pts is None or f.pts not in known for f in first):
        times = keys = np.empty(0, np.int64)  # packets do not tell when frames are shown
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    return Film(
        path=path,
        container=container.format.name,
        codec=context.name,
        stream=stream.index,
        rows=rows,
        cols=cols,
        layout=layout,
        colour=Colour(
            matrix=int(frame.colorspace),
            primaries=int(frame.color_primaries),
            transfer=int(frame.color_trc),
            full_range=_full_range(frame),
            sample_aspect=sample_aspect if sample_aspect > 0 else Fraction(1),
        ),
        time_base=Fraction(stream.time_base),
        times=times,
        keys=keys,
        rate=Fraction(rate),
        quarter_turns=turns,
        fields=_fields(context, first),
        streams=tuple(
            StreamFacts(
                index=s.index,
                kind=s.type,
                codec=s.codec_context.name if s.codec_context is not None else s.type,
                packets=counts.get(s.index, 0),
                name=s.metadata.get("title", s.metadata.get("filename", "")),
            )
            for s in container.streams
            if s.index != stream.index
        ),
        chapters=tuple(container.chapters()),
        tags=dict(container.metadata),
        notes=tuple(notes),
        side_data=_side_data(first),
        is_intra=len(keys) == len(times),
    )


def _picture_stream(path: Path, container: Any) -> Any:
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    held = sorted({s.type for s in container.streams})
    cover = " (an attached cover picture is no film)" if container.streams.video else ""
    raise UnreadableInput(
        f"`{path}` has no video stream{cover}; it holds {', '.join(held) or 'nothing'}.",
        "Name a file with moving pictures.",
    )


def _walk(
    path: Path, container: Any, stream: Any
) -> tuple[np.ndarray, np.ndarray, dict[int, int], list[str]]:
    """Times of all frames, key frames among them, packets of each stream, and notes.

    Raises:
        UnreadableInput: the file ends before its header says it does, or holds no frame
    """
    import av

    times: list[int] = []
    keys: list[int] = []
    counts: dict[int, int] = {}
    untold = 0
    notes: list[str] = []
    try:
        for packet in container.demux():
            if packet.size == 0:
                continue
            counts[packet.stream_index] = counts.get(packet.stream_index, 0) + 1
            if packet.stream_index != stream.index or packet.is_discard:
                continue
            if packet.pts is None:
                untold += 1
                continue
            times.append(packet.pts)
            if packet.is_keyframe:
                keys.append(packet.pts)
    except av.error.FFmpegError as error:
        raise UnreadableInput(
            f"`{path}` is damaged after {len(times)} frames: {words(error)}.",
            "Copy it again from its source.",
        ) from error
    count = counts.get(stream.index, 0)
    if count == 0:
        raise UnreadableInput(f"`{path}` holds no frame.", "Copy it again from its source.")
    stated = stream.frames
    if stated and count < stated and container.format.name.startswith(("mov", "avi")):
        raise UnreadableInput(
            f"`{path}` ends too soon: its header states {stated} frames, {count} are there.",
            _SALVAGE,
        )
    ordered = np.unique(np.array(times, np.int64))
    if untold or len(ordered) != len(times):
        ordered = np.empty(0, np.int64)
    elif len(ordered) > 1:
        _check_length(path, container, stream, ordered)
        if ordered[0] < 0:
            notes.append(
                f"The film begins at {float(ordered[0] * stream.time_base):.3f} s, before zero."
            )
    places = sorted(keys) if len(ordered) else []
    starts = np.searchsorted(ordered, np.array(places, np.int64)).astype(np.int64)
    return ordered, starts, counts, notes


def _check_length(path: Path, container: Any, stream: Any, times: np.ndarray) -> None:
    """Matroska and others state a length; a file that stops before it was cut."""
    stated = stream.duration
    seconds = float(stated * stream.time_base) if stated else None
    tag = re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", ""))
    if tag:
        seconds = int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    if seconds is None and container.duration and len(container.streams) == 1:
        seconds = container.duration / 1e6
    if seconds is None:
        return
    begins = 0.0 if tag else float(times[0] * stream.time_base)
    ends = float((2 * times[-1] - times[-2]) * stream.time_base)
    if ends - begins < seconds - _TRUNCATED_S:
        raise UnreadableInput(
            f"`{path}` ends too soon: its header states {seconds:.2f} s of pictures, "
            f"{ends - begins:.2f} s are there.",
            _SALVAGE,
        )


_SALVAGE = (
    "Copy it again from its source; if this is all there is, copy its packets into a new file "
    "first (ffmpeg -i IN -c copy OUT.mkv), which then states its true length."
)


def _first_frames(path: Path, index: int) -> list[Any]:
    """The first frames, decoded.

    Raises:
        UnreadableInput: nothing can be decoded; UnsupportedInput: no decoder
    """
    import av

    frames: list[Any] = []
    with opened(path) as container:
        stream = container.streams[index]
        decoder = decoder_of(stream, path)
        try:
            for packet in container.demux(stream):
                try:
                    frames += decoder.decode(packet if packet.size else None)
                except av.error.InvalidDataError:
                    continue
                if len(frames) >= 3:
                    break
        except (av.error.FFmpegError, ValueError) as error:
            raise UnsupportedInput(
                f"`{path.name}`: its picture ({decoder.name}) cannot be decoded: {words(error)}.",
                "Convert it with a program that knows the codec, to FFV1 in Matroska.",
            ) from error
    if not frames:
        raise UnreadableInput(
            f"`{path}`: not one frame can be decoded.", "Copy it again from its source."
        )
    return frames


def _turns(frame: Any) -> tuple[int, str]:
    rotation = frame.rotation or 0
    if rotation % 90:
        return 0, f"A rotation by {rotation} degrees is stated; only quarter turns are applied."
    turns = (rotation // 90) % 4
    said = f"Turned upright by {turns * 90} degrees counter-clockwise, as the container states."
    return turns, said if turns else ""


def _full_range(frame: Any) -> bool | None:
    if frame.format.name.startswith("yuvj"):
        return True
    return {1: False, 2: True}.get(int(frame.color_range))


def _fields(context: Any, frames: list[Any]) -> str:
    order = int(getattr(context, "field_order", 0) or 0)
    if any(frame.interlaced_frame for frame in frames) and order < 2:
        return "interlaced"
    return {1: "progressive", 2: "top first", 3: "bottom first", 4: "top first",
            5: "bottom first"}.get(order, "")  # fmt: skip


def _side_data(frames: list[Any]) -> tuple[str, ...]:
    kinds = {data.type.name for frame in frames for data in frame.side_data}
    return tuple(sorted(kinds - set(_SIDE_DATA_KEPT_ELSEWHERE)))


def without_frames(film: Film, kept: np.ndarray) -> Film:
    """The film with only these frames; the others were repeats."""
    times = film.times[kept]
    rate = film.rate * len(kept) / max(1, film.frames)
    return replace(film, times=times, rate=rate.limit_denominator(100_000))
