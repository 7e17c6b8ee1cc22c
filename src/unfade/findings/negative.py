"""Findings about negatives."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.findings.contract import Finding
from unfade.picture import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative(Finding):
    """Whether the scan shows a negative, and its bare film.

    Attributes:
        kind: "colour" or "grey" negative, "none", "unknown"
        base: linear light of bare film, by channel; () where no bare film was seen
        film: the rectangle that holds film: without holder and light table
    """

    kind: str = "unknown"
    base: tuple[float, ...] = ()
    film: Window | None = None
