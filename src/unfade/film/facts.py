"""What is known about a film from its container and its first frames."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unfade.film.layout import Colour, Layout


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
