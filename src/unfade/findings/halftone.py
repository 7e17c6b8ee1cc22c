"""Findings about print: the screens of dots that a picture was printed with."""

from __future__ import annotations

from dataclasses import dataclass

from unfade.findings.contract import Finding
from unfade.picture import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """The dots of one ink: a square lattice.

    Attributes:
        ink: "black" for a single screen; "cyan", "magenta", "yellow" or "black" where the
            channels of a colour picture tell them apart; "unknown" where they do not
        pitch_px: distance of neighbouring dots
        angle_degrees: 0 to 90, from the direction of the rows, clockwise as seen
        frequency: cycles a pixel (down, right) of one of the two lattice directions; the other
            is the same turned by 90 degrees
        strengths: amplitude of the fundamental in each channel, pixel units
        coherence: 0-1, how rigid the lattice is from window to window
    """

    ink: str
    pitch_px: float
    angle_degrees: float
    frequency: tuple[float, float]
    strengths: tuple[float, ...]
    coherence: float

    @property
    def strength(self) -> float:
        return max(self.strengths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halftone(Finding):
    """Screens that were found, strongest first, and where.

    Attributes:
        screens: none where there are none, or where the finder abstained
        area_share: share of the windows looked at in which they stand
        where: the box around those windows
    """

    screens: tuple[Screen, ...] = ()
    area_share: float = 0.0
    where: Window | None = None
