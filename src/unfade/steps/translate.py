"""Translate: an old photograph as a clean one, through the latent space that both share.

For photographs that are faded, grainy, blurred and scratched all at once: one network takes the
old photograph apart, one carries it over to what a clean one would be, one puts that together
again ("Bringing Old Photos Back to Life"). All pixels are made anew by a network that was trained
to make clean photographs, so detail can be made up, faces above all: every pixel is class 4.
It does not keep tones exactly, and it does not enlarge.

``compact`` is unfade's own small network, which comes with it and mends what is spread over the
picture: noise, blur, coding. The others are the published networks, from a folder of yours:
``plain`` mends the same; ``scratches`` also fills scratches, from all sound places of the
surround; ``hr`` does that for large pictures by copying patches. Which pixels are
scratched is found by the network that was made for it, or is taken from the marks: those found
by ``examine`` and the user's own mask.

Papers: Wan et al. 2020, arXiv:2004.09484; Wan et al. 2022, arXiv:2009.07047.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unfade.engines.contract import BenchView
from unfade.findings import Findings, MarkKind, paint
from unfade.picture import Mask, Picture, Pixels, Window
from unfade.pixels.masks import dilate
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Step, setting

COMPACT = "compact"
OWN = "unfade-latent"
DETECTOR = "latent-detector"
KINDS = (MarkKind.USER, MarkKind.SCRATCH, MarkKind.DUST, MarkKind.HAIR)
# the networks shrink a mask fourfold and look at three of four of its lines alone
WIDENED_PX = 2.0


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """What is mended, and how much of the result is taken."""

    mode: str = setting(
        COMPACT, "which networks: `compact` is unfade's own; `plain` is published and mends the "
        "whole, `scratches` and `hr` (large pictures) its scratches, too",
        choices=(COMPACT, "plain", "scratches", "hr"),
    )  # fmt: skip
    scratches: str = setting(
        "network", "who says where scratches are: the network made for it, or the marks found",
        choices=("network", "marks"),
    )  # fmt: skip
    look_px: int = setting(
        256, "short side at which the network looks for scratches; hairlines need more",
        unit="px", low=256, high=2048,
    )  # fmt: skip
    strength: float = setting(
        1.0, "0 = the picture as it is, 1 = the network's result", low=0, high=1, neutral=0.0
    )


def network_of(settings: Settings) -> str:
    """The name of the network that the settings need."""
    return OWN if settings.mode == COMPACT else f"latent-{settings.mode}"


def stream(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Iterator[tuple[Window, Pixels]]:
    """The picture as the networks give it, in windows that tile it."""
    engine = bench.engine(network_of(settings))
    if settings.mode == COMPACT:
        made = engine.mend_tiles(picture, bench)
    else:
        whole = settings.mode == "plain"
        mask = None if whole else scratched(picture, settings, findings, bench)
        made = engine.translate(picture, mask, bench)
    for window, pixels in made:
        if settings.strength != 1:
            before = picture.read(window)
            pixels = before + np.float32(settings.strength) * (pixels - before)
        yield window, pixels


def scratched(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Mask:
    """(rows, cols) bool: where the picture is scratched; the user's own mask always counts."""
    marks = findings.marks.items if findings.marks is not None else ()
    if settings.scratches == "network":
        marks = tuple(mark for mark in marks if mark.kind is MarkKind.USER)
    found = paint([mark for mark in marks if mark.kind in KINDS], picture.window)
    if settings.scratches == "network":
        finder = bench.engine(DETECTOR)
        found |= finder.find(picture.pixels, short_sides_px=(settings.look_px,))
    return dilate(found, WIDENED_PX)


STEP = Step(
    name="translate",
    title="Make an old photograph anew as a clean one",
    settings=Settings,
    kind=Kind.TEXTURE,
    evidence=Evidence.INVENTED,
    stream=stream,
    network=network_of,
    looks_at=("marks",),
    paper="Wan et al. 2020, arXiv:2004.09484",
)
