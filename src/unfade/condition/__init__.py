"""Looking: eyes for one thing each. They see the picture as it stands and change nothing."""

from __future__ import annotations

from collections.abc import Collection

from unfade.condition import (
    cast,
    clipping,
    faces,
    fade,
    halftone,
    jpeg_blocks,
    marks,
    noise,
    sharpness,
    tone,
)
from unfade.condition.contract import Finder
from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture

FINDERS: tuple[Finder, ...] = (
    tone.FINDER,
    clipping.FINDER,
    noise.FINDER,
    sharpness.FINDER,
    fade.FINDER,
    cast.FINDER,
    marks.FINDER,
    faces.FINDER,
    halftone.FINDER,
    jpeg_blocks.FINDER,
)


def look_at(picture: Picture, bench: BenchView, *, only: Collection[str] | None = None) -> Findings:
    """Look at a picture with all eyes, or with those named.

    Args:
        only: names of findings, e.g. {"marks", "noise"}; None: all
    Returns:
        findings; what nobody looked for is None
    """
    seen = {
        finder.name: finder.look(picture, bench)
        for finder in FINDERS
        if only is None or finder.name in only
    }
    return Findings(**seen)  # type: ignore[arg-type]  # each finder fills the field it names
