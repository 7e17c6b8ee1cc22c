"""One frame on its way through the chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from unfade.film.layout import Frame
from unfade.film.repairs import Repair


@dataclass(slots=True, eq=False)
class Done:
    """One treated frame.

    Attributes:
        frame: with its final planes
        original: as it was read
        repairs: what was put in, in order
        says: why nothing was judged, or ""
        state: what the steady steps hand on to the next frame
    """

    frame: Frame
    original: Frame
    repairs: list[Repair] = field(default_factory=list)
    says: str = ""
    state: Any = None
