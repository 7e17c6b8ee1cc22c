"""Remove dust and hairs: fill the spots that were found from what lies around them.

For scans with dust, lint, fibres and hairs on the print, the negative or the glass. Assumes that
the finder is right: eyes, stars and buttons are round and small too, so marks that it is not
sure of are left alone (``min_confidence``). What lies under a spot is taken for lost, also
where a thin fibre lets some of it through. Spots wider than ``max_width_px`` stay among the
findings, unmended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unfade.findings import Findings, Mark, MarkKind
from unfade.steps.contract import setting
from unfade.steps.inpaint import FillSettings, fill_step, grown_marks


@dataclass(frozen=True, kw_only=True)
class Settings(FillSettings):
    """Which spots are removed, and how."""

    min_confidence: float = setting(
        0.85, "spots that the finder is less sure of are left alone", low=0, high=1
    )
    max_length_px: float | None = setting(
        None, "longer spots and hairs are left alone; left out: no limit",
        unit="px", low=1, high=100_000,
    )  # fmt: skip
    grow_px: float = setting(
        0.0, "the mask is widened by this, further over the soft border of the spot",
        unit="px", low=0, high=16,
    )  # fmt: skip


def chosen_spots(findings: Findings, settings: Settings) -> Sequence[Mark]:
    """The dust and hairs among the findings that these settings remove, grown.

    Returns:
        marks with their regions grown by ``grow_px``; none when nobody looked for marks
    """
    if findings.marks is None:
        return ()
    longest_px = float("inf") if settings.max_length_px is None else settings.max_length_px
    return grown_marks(
        (
            mark
            for mark in findings.marks.of_kind(MarkKind.DUST, MarkKind.HAIR)
            if mark.confidence >= settings.min_confidence and mark.length_px <= longest_px
        ),
        grow_px=settings.grow_px,
        max_width_px=settings.max_width_px,
    )


STEP = fill_step(
    name="remove_dust",
    title="Remove dust, lint and hairs",
    settings=Settings,
    regions=chosen_spots,
    looks_at="marks",
)
