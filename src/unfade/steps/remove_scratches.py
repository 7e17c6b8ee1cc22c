"""Remove scratches: fill the lines that were found from both of their sides.

For scans of scratched prints, negatives and film. Assumes that the finder is right: wires, masts
and whiskers are thin and bright too, so marks that it is not sure of are left alone
(``min_confidence``). A scratch is taken for opaque; one that only lightens what it crosses has
its detail estimated, not recovered. Cracks and tears wider than ``max_width_px`` stay among the
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
    """Which scratches are removed, and how."""

    min_confidence: float = setting(
        0.65, "scratches that the finder is less sure of are left alone", low=0, high=1
    )
    min_length_px: float = setting(
        0.0, "shorter scratches are left alone", unit="px", low=0, high=100_000
    )
    grow_px: float = setting(
        0.0, "the mask is widened by this, further over the soft border of the scratch",
        unit="px", low=0, high=16,
    )  # fmt: skip


def chosen_scratches(findings: Findings, settings: Settings) -> Sequence[Mark]:
    """The scratches among the findings that these settings remove, grown.

    Returns:
        marks with their regions grown by ``grow_px``; none when nobody looked for marks
    """
    if findings.marks is None:
        return ()
    return grown_marks(
        (
            mark
            for mark in findings.marks.of_kind(MarkKind.SCRATCH)
            if mark.confidence >= settings.min_confidence
            and mark.length_px >= settings.min_length_px
        ),
        grow_px=settings.grow_px,
        max_width_px=settings.max_width_px,
    )


STEP = fill_step(
    name="remove_scratches",
    title="Remove scratches",
    settings=Settings,
    regions=chosen_scratches,
    looks_at="marks",
)
