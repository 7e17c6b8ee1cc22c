"""Correct yellowing: bring paper that has yellowed back to white, by its own white.

For letters, documents, drawings and prints with a margin. Yellowed paper, gelatine or varnish
absorbs blue light, and a little green, everywhere alike: it adds a density to each channel. What
it adds is read from the paper itself, at the margin or the page (finding ``paper``), and taken
off; ink, image tone and texture keep their densities above the paper. It is one number for each
channel, it stands in the record, and it is undone by adding it again.

Where no paper is seen nothing is done, unless the white is given (``white``). Paper was never
perfectly white: ``target`` says how white it becomes, and with ``lighten`` off its lightness
stays and only the yellow goes. The tone of a sepia print lies above its paper's and is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, Pixels
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

SURE = 0.7  # a finder less sure than this has seen no paper


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How white the paper becomes, and what its white is now."""

    strength: float = setting(1.0, "share of the yellowing to undo", low=0, high=1, neutral=0.0)
    target: float = setting(
        0.04, "density of the paper afterwards", unit="density", low=0, high=0.5
    )
    lighten: bool = setting(
        True, "the paper becomes as light as `target`; off: it only loses its colour"
    )
    white: str = setting(
        "", "density of the paper to red, green and blue light, as `0.05,0.09,0.25`; left out: "
        "as it is found"
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.white:
            densities_of(self.white)


@dataclass(frozen=True)
class Yellowing:
    """What the paper absorbs too much: taken off each channel's density.

    Attributes:
        densities: one for each channel; all 0: nothing is done
        paper: density of the paper as it was found or given
        says: where it was read
    """

    densities: tuple[float, ...]
    paper: tuple[float, ...] = ()
    says: str = ""

    @property
    def nothing(self) -> bool:
        return not any(self.densities)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def densities_of(text: str) -> tuple[float, ...]:
    """The numbers of the setting ``white``.

    Raises:
        SettingsError: not one or three densities between 0 and 2
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, 3) or not all(0 <= v <= 2 for v in values):
        raise SettingsError(
            f"`white` is `{text}`, expected one or three densities of 0 to 2.",
            "Write them with commas, as `0.05,0.09,0.25`.",
        )
    return values


def clear_paper(linear: Pixels, densities: Sequence[float]) -> Pixels:
    """Take a density off each channel of linear light; negative densities put it back.

    Args:
        linear: (rows, cols, channels) float32
        densities: one for each channel
    """
    gains = np.power(10.0, np.asarray(densities, np.float64)).astype(np.float32)
    return np.asarray(linear * gains, np.float32)


def measure(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Yellowing:
    """What there is to take off, from the paper's white as found or as given."""
    none = (0.0,) * picture.channels
    if settings.white:
        white = densities_of(settings.white)
        says = "The white is given."
        if len(white) != picture.channels:
            raise SettingsError(
                f"`white` holds {len(white)} densities, the picture has {picture.channels} "
                "channels.",
                "Give one density for each channel.",
            )
    else:
        paper = findings.paper
        if paper is None or paper.confidence is None or paper.confidence < SURE:
            return Yellowing(none, says="No paper is seen: nothing to go by. Set `white`.")
        white, says = paper.density, paper.says
    kept = settings.target if settings.lighten else max(settings.target, min(white))
    # never darker: a channel that is whiter than the target stays
    off = tuple(settings.strength * max(0.0, v - kept) for v in white)
    return Yellowing(off, tuple(white), says)


def _propose(look: Look, settings: Settings) -> Proposal:
    if look.measured.nothing:
        return Proposal(look.pixels)
    return Proposal(clear_paper(look.pixels, look.measured.densities))


STEP = Step(
    name="correct_yellowing",
    title="Bring yellowed paper back to white, by its own white",
    settings=Settings,
    kind=Kind.TONAL,
    evidence=Evidence.ADJUSTED,
    looks_at=("paper",),
    measure=measure,
    propose=_propose,
    encoding="linear",
    paper="Beer-Lambert: densities of layers add",
)
