"""Fill losses: places where the paint has come off, filled from what lies around them.

For paintings with flaked or abraded paint, where one ground (chalk, canvas, wood, bole) shows in
several places. Losses wider than ``max_width_px`` stay among the findings, unfilled: what was
painted there cannot be computed. ``render`` shows the fills as a conservator's retouching:
``tratteggio`` or ``neutral``. Losses that are white highlights or lace in truth are what the
finder is most likely to be wrong about; each is an item of its own and can be taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unfade.findings import Findings, Mark
from unfade.steps.contract import setting
from unfade.steps.inpaint import FillSettings, fill_step, grown_marks


@dataclass(frozen=True, kw_only=True)
class Settings(FillSettings):
    """Which losses are filled, and how."""

    min_confidence: float = setting(
        0.9, "losses that the finder is less sure of are left alone", low=0, high=1
    )
    grow_px: float = setting(
        2.0, "the mask is widened by this, over the shade at the edge of the paint",
        unit="px", low=0, high=16,
    )  # fmt: skip


def chosen_losses(findings: Findings, settings: Settings) -> Sequence[Mark]:
    """The losses among the findings that these settings fill, grown."""
    if findings.losses is None:
        return ()
    return grown_marks(
        (m for m in findings.losses.items if m.confidence >= settings.min_confidence),
        grow_px=settings.grow_px,
        max_width_px=settings.max_width_px,
    )


STEP = fill_step(
    name="fill_losses",
    title="Fill losses of paint",
    settings=Settings,
    regions=chosen_losses,
    looks_at="losses",
)
