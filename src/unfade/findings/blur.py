"""The finding about blur: its shape and its size."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.findings.contract import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Blur(Finding):
    """One blur all over the picture, by its kernel.

    Attributes:
        kind: ``defocus``, ``motion``, or None when no such blur was made out
        radius_px: of the disc of ``defocus``
        length_px, angle_degrees: of ``motion``; the angle from the right-hand direction,
            clockwise as seen, 0-180
    """

    kind: str | None = None
    radius_px: float | None = None
    length_px: float | None = None
    angle_degrees: float | None = None
