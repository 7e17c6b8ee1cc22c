"""What a finder is: eyes for one thing, with a name and the courage to abstain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unfade.engines.contract import BenchView
from unfade.findings import Finding
from unfade.picture import Picture


@dataclass(frozen=True, slots=True)
class Finder:
    """Eyes for one finding.

    Attributes:
        name: the field of ``Findings`` that it fills
        title: one line for lists
        look: (picture, bench) -> finding; reads windows, never the whole as float32
        network: catalogue name of the network that it cannot do without, or None
        applies: whether there is anything to look at; where not, the finding stays None
    """

    name: str
    title: str
    look: Callable[[Picture, BenchView], Finding]
    network: str | None = None
    applies: Callable[[Picture], bool] = lambda picture: True
