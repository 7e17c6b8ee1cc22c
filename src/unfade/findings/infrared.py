"""The finding about the infrared plane of a film scan."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.findings.contract import Finding, Mark


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Infrared(Finding):
    """Whether the infrared plane tells dust from the picture, and what it tells.

    Attributes:
        usable: False: the plane shows the picture, or belongs to none; None: it cannot be told
        kind: dye, silver, kodachrome, uneven, foreign, empty, dirty or unknown
        leak_share: how much of the picture's density shows in the plane, 0-1
        correlation: of the plane with what the picture explains of it, 0-1
        shift_px: (down, right) by which the plane's marks have to be moved onto the picture
        noise_density: standard deviation of single pixels about the plane's own surround
        items: marks by infrared alone, in the picture's place
    """

    usable: bool | None = None
    kind: str = "unknown"
    leak_share: float | None = None
    correlation: float | None = None
    shift_px: tuple[int, int] = (0, 0)
    noise_density: float | None = None
    items: tuple[Mark, ...] = ()
