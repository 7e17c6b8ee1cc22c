"""Write frames: lossless masters, access copies, numbered pictures.

A piece of the film is written at a time, each by a fresh encoder, so that a piece can be made
again on its own. Pieces carry no times: the n-th frame of a piece is its n-th frame, and ``mux``
gives all of them the film's own times.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unfade.errors import OutputError, UsageError, nearest
from unfade.files.places.local import reason
from unfade.film.layout import Colour, Layout, Planes, pack

_SMALL_PX = 150_000  # smaller frames do not fill twelve slices
CHUNK_FRAMES = 240  # of access copies: an encoder's memory ends here, whatever a segment's length

# quality is the encoder's own scale; lower is better, but for ProRes, where it names the profile
CODECS: dict[str, dict[str, Any]] = {
    "ffv1": {
        "encoder": "ffv1",
        "suffixes": (".mkv",),
        "options": {"level": "3", "coder": "1", "context": "0", "slices": "12", "slicecrc": "1"},
        "lossless": True,
    },
    "x264": {
        "encoder": "libx264",
        "suffixes": (".mkv", ".mp4", ".mov"),
        "options": {"preset": "medium"},
        "quality": ("crf", 18, 0, 51),
    },
    "x265": {
        "encoder": "libx265",
        "suffixes": (".mkv", ".mp4", ".mov"),
        "options": {"preset": "medium", "x265-params": "log-level=error"},
        "quality": ("crf", 20, 0, 51),
    },
    "av1": {
        "encoder": "libsvtav1",
        "suffixes": (".mkv", ".mp4"),
        "options": {"preset": "8"},
        "quality": ("crf", 28, 1, 63),
    },
    "prores": {
        "encoder": "prores_ks",
        "suffixes": (".mov", ".mkv"),
        "options": {"vendor": "apl0"},
        "quality": ("profile", 3, 0, 5),
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the result is written.

    Attributes:
        codec: one of ``CODECS``; "ffv1" is the lossless master; or "tiff", "png", "dpx" for
            numbered pictures
        quality: on the codec's own scale; None: its usual one
    """

    codec: str = "ffv1"
    quality: int | None = None

    @property
    def lossless(self) -> bool:
        return self.codec not in CODECS or bool(CODECS[self.codec].get("lossless"))

    @property
    def pictures(self) -> bool:
        return self.codec not in CODECS

    @property
    def intra(self) -> bool:
        return self.codec in ("ffv1", "prores")


def delivery_of(text: str | None, target: Path) -> Delivery:
    """From ``av1`` or ``x264:20`` and the output's name.

    Raises:
        UsageError: an unknown codec, a quality out of range, or a container that cannot hold it
    """
    suffix = target.suffix.lower()
    if "%" in target.name:
        codec = {".tif": "tiff", ".tiff": "tiff", ".png": "png", ".dpx": "dpx"}.get(suffix)
        if codec is None or text:
            raise UsageError(
                f"`{target.name}` is a pattern of pictures.",
                "Use .tif, .png or .dpx for it, and leave `--access` out.",
            )
        return Delivery(codec=codec)
    name, _, quality = (text or "ffv1").partition(":")
    if name not in CODECS:
        raise UsageError(f"There is no access codec `{name}`.", nearest(name, CODECS))
    facts = CODECS[name]
    if suffix not in facts["suffixes"]:
        hint = " An access copy is asked for with `--access av1`." if name == "ffv1" else ""
        raise UsageError(
            f"`{target.name}`: {name} is written to {', '.join(facts['suffixes'])}.",
            f"Choose another name with `--output`.{hint}",
        )
    if not quality:
        return Delivery(codec=name)
    scale = facts.get("quality")
    if scale is None or not quality.isdigit() or not scale[2] <= int(quality) <= scale[3]:
        span = f"{scale[2]} to {scale[3]}" if scale else "no quality: it is lossless"
        raise UsageError(f"`{text}`: {name} takes {span}.", "Write it like `--access x264:20`.")
    return Delivery(codec=name, quality=int(quality))


class PieceWriter:
    """Encodes the frames of one piece into a Matroska file of its own.

    Raises:
        OutputError: the disk is full, or the file cannot be written
    """

    def __init__(
        self, path: Path, layout: Layout, colour: Colour, rate: Fraction, delivery: Delivery
    ) -> None:
        self.path = path
        self.layout = layout
        self.colour = colour
        self.rate = min(rate, Fraction(500))  # a piece's clock ticks in milliseconds
        self.delivery = delivery
        self.count = 0
        self._container: Any = None
        self._stream: Any = None
        self._format = stored_format(layout, delivery)

    def add(self, planes: Planes, decoded: Any = None) -> None:
        """Append one frame; ``decoded`` may hold these very planes already."""
        frame = decoded if decoded is not None else pack(planes, self.layout)
        if frame.format.name != self._format:
            frame = frame.reformat(format=self._format)
        try:
            if self._container is None:
                self._open(frame.width, frame.height)
            tag(frame, self.colour)
            frame.pts = self.count
            frame.time_base = 1 / self.rate
            frame.pict_type = 0
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except OSError as error:
            raise not_written(self.path, error) from error
        self.count += 1

    def close(self) -> None:
        """Flush the encoder and finish the file."""
        if self._container is None:
            return
        try:
            for packet in self._stream.encode():
                self._container.mux(packet)
            self._container.close()
        except OSError as error:
            raise not_written(self.path, error) from error
        self._container = self._stream = None

    def abandon(self) -> None:
        """Let go of a piece that will not be finished."""
        if self._container is not None:
            import contextlib

            with contextlib.suppress(OSError, ValueError):
                self._container.close()
        self._container = self._stream = None

    def _open(self, cols: int, rows: int) -> None:
        import av

        facts = CODECS[self.delivery.codec]
        options = dict(facts["options"])
        if self.delivery.codec == "ffv1" and rows * cols < _SMALL_PX:
            options["slices"] = "4" if min(rows, cols) >= 128 else "1"
        if scale := facts.get("quality"):
            value = scale[1] if self.delivery.quality is None else self.delivery.quality
            if self.delivery.codec == "prores" and "444" in self._format:
                value = max(value, 4)
            options[scale[0]] = str(value)
        self._container = av.open(str(self.path), "w", format="matroska")
        self._stream = self._container.add_stream(facts["encoder"], rate=self.rate, options=options)
        self._stream.width, self._stream.height = cols, rows
        self._stream.pix_fmt = self._format
        context = self._stream.codec_context
        context.time_base = 1 / self.rate
        context.sample_aspect_ratio = self.colour.sample_aspect
        context.colorspace = self.colour.matrix
        context.color_primaries = self.colour.primaries
        context.color_trc = self.colour.transfer
        if self.colour.full_range is not None:
            context.color_range = 2 if self.colour.full_range else 1
        if self.delivery.codec == "ffv1":
            context.gop_size = 1
            context.thread_type = "SLICE"
            context.thread_count = 2
        elif not self.delivery.intra:
            context.gop_size = CHUNK_FRAMES


def tag(frame: Any, colour: Colour) -> None:
    """Put the film's colour tags on a frame."""
    frame.colorspace = colour.matrix
    frame.color_primaries = colour.primaries
    frame.color_trc = colour.transfer
    if colour.full_range is not None:
        frame.color_range = 2 if colour.full_range else 1


def stored_format(layout: Layout, delivery: Delivery) -> str:
    """The pixel format that the encoder stores: the film's own where it can.

    An access codec that does not know it gets the nearest one with as many bits as it can hold.
    """
    if delivery.codec == "ffv1":
        return layout.name
    import av

    encoder = av.codec.Codec(CODECS[delivery.codec]["encoder"], "w")
    known = [f.name for f in encoder.video_formats or ()]
    if layout.name in known:
        return layout.name
    deep = "10le" if layout.bits > 8 else ""
    wide = "420"
    if layout.family == "rgb" or (layout.across, layout.down) == (0, 0) != (1, 1):
        wide = "444"
    elif (layout.across, layout.down) == (1, 0):
        wide = "422"
    if layout.family == "grey":
        wide = "420"
    for name in (f"yuv{wide}p{deep}", f"yuv{wide}p10le", "yuv422p10le", f"yuv420p{deep}",
                 "yuv420p"):  # fmt: skip
        if name in known:
            return name
    return known[0]


def frame_hash(planes: Planes, layout: Layout) -> tuple[int, str]:
    """Bytes and SHA-256 of one frame as ``ffmpeg -f framehash`` counts them."""
    digest = hashlib.sha256()
    size = 0
    if layout.name in ("bgr0", "bgra"):
        rows, cols = planes[0].shape
        packed = np.full((rows, cols, 4), 255, np.uint8)
        for plane, k in zip(planes, (2, 1, 0, 3)):
            packed[:, :, k] = plane
        ordered: tuple[np.ndarray, ...] = (packed,)
    elif layout.family == "rgb":
        ordered = tuple(planes[k] for k in (1, 2, 0, 3)[: layout.count])
    else:
        ordered = planes
    for plane in ordered:
        whole = np.ascontiguousarray(plane)
        digest.update(whole.data)
        size += whole.nbytes
    return size, digest.hexdigest()


def not_written(path: Path, error: BaseException) -> OutputError:
    import errno

    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return OutputError(
        f"`{path}` cannot be written: {reason(error)}.",
        "Free some space and run the same command again: what is done is kept."
        if full
        else "Check the folder's permissions, or choose another with `--output`.",
    )
