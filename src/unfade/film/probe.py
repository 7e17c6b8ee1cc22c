"""Open a film and say what is in it, before a frame is touched.

One walk over all packets, without decoding, gives the time of every frame, finds files that end
too soon, and counts what each stream holds. Only containers on a list are opened, and only as
local files: playlists that reach for other files are refused.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unfade.errors import UnreadableInput, UnsupportedInput, UsageError
from unfade.files.limits import Limits
from unfade.files.places.local import check_source
from unfade.film.kinds import CONTAINERS, is_sequence
from unfade.film.layout import Colour, Layout, layout_of
from unfade.needs import need

_PURPOSE = "read and write films"
_SAFE = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
_TRUNCATED_S = 0.5  # a file that ends this much before its stated length ends too soon
# kept in the stream itself, or of no use once the frames are decoded
_SIDE_DATA_KEPT_ELSEWHERE = (
    "DISPLAYMATRIX", "SEI_UNREGISTERED", "GOP_TIMECODE", "S12M_TIMECODE", "REGIONS_OF_INTEREST",
    "QP_TABLE", "VIDEO_ENC_PARAMS", "ENCODER", "PANSCAN", "ICC_PROFILE", "EXIF", "3D_REFERENCE",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """One stream beside the film's picture."""

    index: int
    kind: str
    codec: str
    packets: int
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Film:
    """What is known about a film from its container and its first frames.

    Attributes:
        path: the file, or the pattern of a sequence
        container: FFmpeg's name of the container, or "sequence"
        stream: index of the picture stream
        rows, cols: of a frame as it is shown, upright
        layout, colour: how pixels are stored, and what they mean
        time_base: seconds a unit of ``times``
        times: (frames,) int64, time of each frame in order; empty when packets do not tell
        keys: (n,) int64, frames at which decoding may begin
        rate: average frames a second
        quarter_turns: counter-clockwise turns that bring a decoded frame upright
        fields: what the container says of fields: "progressive", "top first", "bottom first", ""
        streams: the other streams
        chapters, tags: as found
        notes: what was met and must be told
        files: the pictures of a sequence
        side_data: kinds of data attached to frames that a new file would not hold
        by_order: frames are known by their order only; decoding begins at the first
        kept: frames of the file that make up the film, where repeats were left out
    """

    path: Path
    container: str
    codec: str
    stream: int
    rows: int
    cols: int
    layout: Layout
    colour: Colour
    time_base: Fraction
    times: np.ndarray
    keys: np.ndarray
    rate: Fraction
    quarter_turns: int = 0
    fields: str = ""
    streams: tuple[StreamFacts, ...] = ()
    chapters: tuple[Any, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    side_data: tuple[str, ...] = ()
    is_intra: bool = False
    by_order: bool = False
    kept: np.ndarray | None = None

    @property
    def frames(self) -> int:
        return len(self.times)

    def time_s(self, index: int) -> float:
        """When a frame is shown."""
        return float(self.times[index] * self.time_base)

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last one."""
        if not len(self.times):
            return 0.0
        return float((self.times[-1] - self.times[0]) * self.time_base + 1 / self.rate)

    def to_dict(self) -> dict[str, Any]:
        return {
            "container": self.container,
            "codec": self.codec,
            "rows": self.rows,
            "cols": self.cols,
            "pixel_format": self.layout.name,
            "bits": self.layout.bits,
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "rate": str(self.rate),
            "time_base": str(self.time_base),
            "variable_rate": self.variable_rate,
            "pixel_aspect": str(self.colour.sample_aspect),
            "full_range": self.colour.full_range,
            "matrix": self.colour.matrix,
            "primaries": self.colour.primaries,
            "transfer": self.colour.transfer,
            "fields": self.fields,
            "quarter_turns": self.quarter_turns,
            "streams": [
                {"index": s.index, "kind": s.kind, "codec": s.codec, "packets": s.packets}
                for s in self.streams
            ],
            "chapters": len(self.chapters),
        }

    @property
    def variable_rate(self) -> bool:
        steps = np.diff(self.times)
        return bool(len(steps) and float((steps.max() - steps.min()) * self.time_base) > 0.0021)


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
    need("av", extra="film", to=_PURPOSE)
    if is_sequence(path):
        return _probe_sequence(path, limits or Limits(), rate or Fraction(24))
    if rate is not None:
        raise UsageError(
            f"`{path.name}` states its own times; `--fps` is for sequences of pictures.",
            "Leave `--fps` out.",
        )
    check_source(path)
    with opened(path) as container:
        return _probe_container(path, container, limits or Limits())


@contextlib.contextmanager
def opened(path: Path, *, format: str | None = None) -> Iterator[Any]:
    """FFmpeg's view of a local file; its complaints become unfade's.

    Raises:
        UnreadableInput, UnsupportedInput
    """
    av = need("av", extra="film", to=_PURPOSE)
    try:
        container = av.open(
            f"file:{path}",
            format=format,
            options={} if format else dict(_SAFE),
            metadata_errors="replace",
        )
    except av.error.InvalidDataError as error:
        raise UnreadableInput(
            f"`{path}` is no film that can be read: its container is damaged, cut short, of an "
            "unknown kind, or a playlist that names other files.",
            "Copy it again from its source; films in MP4, MOV, MKV, AVI, MXF, MPEG are read.",
        ) from error
    except (av.error.FFmpegError, ValueError) as error:
        raise UnreadableInput(
            f"`{path}` cannot be opened as a film: {_words(error)}.", "Check the file."
        ) from error
    try:
        yield container
    finally:
        container.close()


def decoder_of(stream: Any, path: Path) -> Any:
    """The opened decoder of a picture stream, set to decode the same bits on every machine."""
    import av

    context = stream.codec_context
    if context is None:
        raise UnsupportedInput(
            f"`{path.name}`, stream {stream.index}: its codec is not known.",
            "Convert the film with a program that knows it, to FFV1 in Matroska.",
        )
    # Slices may be decoded side by side; frames side by side would attribute errors wrongly.
    context.thread_type = "SLICE"
    context.thread_count = 2
    # frames that the decoder patched up come out, marked, and are listed
    context.flags |= int(av.codec.context.Flags.output_corrupt)
    return context


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
            f"`{path}` is damaged after {len(times)} frames: {_words(error)}.",
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
                f"`{path.name}`: its picture ({decoder.name}) cannot be decoded: {_words(error)}.",
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


# -- sequences of pictures ------------------------------------------------------------------------


def _probe_sequence(pattern: Path, limits: Limits, rate: Fraction) -> Film:
    files, notes = _numbered(pattern)
    frame = read_still(files[0])
    layout = layout_of(frame.format.name)
    limits.check(files[0].name, frame.height, frame.width)
    times = np.arange(len(files), dtype=np.int64)
    return Film(
        path=pattern,
        container="sequence",
        codec=pattern.suffix.lower().lstrip("."),
        stream=0,
        rows=frame.height,
        cols=frame.width,
        layout=layout,
        colour=Colour(
            matrix=int(frame.colorspace),
            primaries=int(frame.color_primaries),
            transfer=int(frame.color_trc),
            full_range=True,
        ),
        time_base=1 / rate,
        times=times,
        keys=times,
        rate=rate,
        notes=tuple(notes),
        files=files,
        is_intra=True,
    )


def _numbered(pattern: Path) -> tuple[tuple[Path, ...], list[str]]:
    """The files of a pattern in the order of their numbers.

    Raises:
        UnreadableInput: there is none, or numbers are missing
    """
    before, width, after = re.split(r"%(0\d+)?d", pattern.name, maxsplit=1)
    digits = rf"(\d{{{int(width)},}})" if width else r"(\d+)"
    form = re.compile(re.escape(before) + digits + re.escape(after))
    try:
        names = [(int(m[1]), p) for p in pattern.parent.iterdir() if (m := form.fullmatch(p.name))]
    except OSError as error:
        raise UnreadableInput(f"`{pattern.parent}` cannot be listed.", "Check the path.") from error
    if not names:
        raise UnreadableInput(f"No file fits the pattern `{pattern}`.", "Check its digits.")
    names.sort()
    gaps = [n for (a, _), (b, _) in itertools.pairwise(names) for n in range(a + 1, b)]
    if gaps:
        shown = ", ".join(str(n) for n in gaps[:5])
        raise UnreadableInput(
            f"`{pattern}`: {len(gaps)} numbers are missing between {names[0][0]} and "
            f"{names[-1][0]}, the first: {shown}.",
            "Complete the sequence, or renumber it.",
        )
    return tuple(path for _, path in names), []


def read_still(path: Path) -> Any:
    """One picture of a sequence as FFmpeg's frame.

    Raises:
        UnreadableInput: it cannot be decoded
    """
    import av

    kind = {"dpx": "dpx_pipe", "png": "png_pipe"}.get(path.suffix.lower().lstrip("."), "tiff_pipe")
    check_source(path)
    try:
        with opened(path, format=kind) as container:
            for frame in container.decode(video=0):
                return frame
    except av.error.FFmpegError as error:
        raise UnreadableInput(
            f"`{path}` cannot be decoded: {_words(error)}.", "Scan or copy the frame again."
        ) from error
    raise UnreadableInput(f"`{path}` holds no picture.", "Scan or copy the frame again.")


def without_frames(film: Film, kept: np.ndarray) -> Film:
    """The film with only these frames; the others were repeats."""
    times = film.times[kept]
    rate = film.rate * len(kept) / max(1, film.frames)
    return replace(film, times=times, rate=rate.limit_denominator(100_000))


def _words(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:].rstrip(".")
