"""Numbered pictures out: TIFF, PNG or DPX, each a whole file."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

from unfade.film.layout import Colour, Layout, Planes, pack
from unfade.film.writer import not_written, tag

_EXTENSIONS = {"tiff": ".tif", "png": ".png", "dpx": ".dpx"}


def picture_format(codec: str, layout: Layout) -> str:
    """The pixel format of a written picture: the film's bits, in RGB or grey."""
    deep = layout.bits > 8
    if layout.family == "grey":
        if codec == "dpx":
            return "gray16le" if deep else "gray"
        return ("gray16be" if codec == "png" else "gray16le") if deep else "gray"
    if codec == "dpx" and layout.bits in (10, 12):
        return f"gbrp{layout.bits}le"
    if not deep:
        return "rgb24"
    return "rgb48be" if codec == "png" else "rgb48le"


class PictureWriter:
    """Writes the frames of one segment as numbered files of a folder of its own."""

    def __init__(self, folder: Path, codec: str, layout: Layout, colour: Colour) -> None:
        self.folder = folder
        self.codec = codec
        self.layout = layout
        self.colour = colour
        self.count = 0
        self._format = picture_format(codec, layout)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise not_written(folder, error) from error

    def add(self, planes: Planes, decoded: Any = None) -> None:
        """Write one picture."""
        frame = decoded if decoded is not None else pack(planes, self.layout)
        tag(frame, self.colour)
        if frame.format.name != self._format:
            frame = frame.reformat(format=self._format)
        data = encoded(frame, self.codec)
        path = self.folder / f"{self.count:06d}{_EXTENSIONS[self.codec]}"
        try:
            with path.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise not_written(path, error) from error
        self.count += 1

    def close(self) -> None:
        """Nothing is left to write."""

    def abandon(self) -> None:
        """What is written stays; the segment is made again."""


def encoded(frame: Any, codec: str) -> bytes:
    """One frame as the bytes of a picture file."""
    import av

    context: Any = av.CodecContext.create(codec, "w")
    context.width, context.height = frame.width, frame.height
    context.pix_fmt = frame.format.name
    context.time_base = Fraction(1, 25)
    if codec == "tiff":
        context.options = {"compression_algo": "deflate"}
    frame.pts = 0
    packets = [*context.encode(frame), *context.encode(None)]
    return b"".join(bytes(p) for p in packets)


def deliver(folders: list[Path], pattern: Path, first: int) -> list[Path]:
    """Give the pictures of all segments their numbers and their place.

    Raises:
        OutputError: it cannot be done
    """
    written: list[Path] = []
    number = first
    try:
        pattern.parent.mkdir(parents=True, exist_ok=True)
        for folder in folders:
            for path in sorted(folder.iterdir()):
                target = pattern.with_name(pattern.name % number)
                os.replace(path, target)
                written.append(target)
                number += 1
    except OSError as error:
        raise not_written(pattern.parent, error) from error
    return written
