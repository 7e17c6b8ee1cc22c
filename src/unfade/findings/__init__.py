"""What can be known about a picture: typed findings, each with how sure it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from unfade.findings.contract import Finding, Mark, MarkKind, Region, paint
from unfade.findings.halftone import Halftone, Screen
from unfade.findings.jpeg_blocks import JpegBlocks
from unfade.findings.photograph import (
    Cast,
    Clipping,
    Face,
    Faces,
    Fade,
    Marks,
    Noise,
    Sharpness,
    Tone,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that was found; None means that nobody looked."""

    tone: Tone | None = None
    noise: Noise | None = None
    fade: Fade | None = None
    cast: Cast | None = None
    marks: Marks | None = None
    sharpness: Sharpness | None = None
    clipping: Clipping | None = None
    faces: Faces | None = None
    halftone: Halftone | None = None
    jpeg_blocks: JpegBlocks | None = None
    notes: tuple[str, ...] = field(default=())  # what reading the file already told

    def each(self) -> Iterator[tuple[str, Finding]]:
        """Name and finding, for those that were looked for."""
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if isinstance(value, Finding):
                yield f.name, value

    def to_dict(self) -> dict[str, Any]:
        return {name: finding.to_dict() for name, finding in self.each()} | {
            "notes": list(self.notes)
        }


__all__ = [
    "Cast",
    "Clipping",
    "Face",
    "Faces",
    "Fade",
    "Finding",
    "Findings",
    "Halftone",
    "JpegBlocks",
    "Mark",
    "MarkKind",
    "Marks",
    "Noise",
    "Region",
    "Screen",
    "Sharpness",
    "Tone",
    "paint",
]
