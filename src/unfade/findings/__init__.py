"""What can be known about a picture: typed findings, each with how sure it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from unfade.findings.ageing import Paper, Silvering, Stains, Wear
from unfade.findings.blur import Blur
from unfade.findings.contract import Finding, Mark, MarkKind, Region, paint
from unfade.findings.creases import Creases, Fold
from unfade.findings.halftone import Halftone, Screen
from unfade.findings.infrared import Infrared
from unfade.findings.jpeg_blocks import JpegBlocks
from unfade.findings.negative import Negative
from unfade.findings.painting import Canvas, Craquelure, Losses
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
    creases: Creases | None = None
    sharpness: Sharpness | None = None
    clipping: Clipping | None = None
    faces: Faces | None = None
    blur: Blur | None = None
    infrared: Infrared | None = None
    negative: Negative | None = None
    stains: Stains | None = None
    silvering: Silvering | None = None
    paper: Paper | None = None
    craquelure: Craquelure | None = None
    losses: Losses | None = None
    canvas: Canvas | None = None
    halftone: Halftone | None = None
    jpeg_blocks: JpegBlocks | None = None
    wear: Wear | None = None
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
    "Blur",
    "Canvas",
    "Cast",
    "Clipping",
    "Craquelure",
    "Creases",
    "Face",
    "Faces",
    "Fade",
    "Finding",
    "Findings",
    "Fold",
    "Halftone",
    "Infrared",
    "JpegBlocks",
    "Losses",
    "Mark",
    "MarkKind",
    "Marks",
    "Negative",
    "Noise",
    "Paper",
    "Region",
    "Screen",
    "Sharpness",
    "Silvering",
    "Stains",
    "Tone",
    "Wear",
    "paint",
]
