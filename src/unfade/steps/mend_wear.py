"""Mend wear: fill the cracks, scratches and spots that the network for damage has found.

For prints that are worn all over. It finds more than ``remove_scratches`` and ``remove_dust`` dare
to take for damage, and touches more that is sound: edges, stems and highlights may be among the
places, each of which is an item and can be taken back. So it is done where a print is worn all
over beyond doubt (``advice.wear``), and elsewhere only when asked for, by
``--only mend_wear`` or the recipe ``worn-print``. What fills the places is computed from their
surround; the network says where, and gives no pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unfade.findings import Findings, Mark
from unfade.steps.contract import setting
from unfade.steps.inpaint import FillSettings, fill_step, grown_marks


@dataclass(frozen=True, kw_only=True)
class Settings(FillSettings):
    """Which places are mended, and how."""

    min_confidence: float = setting(
        0.7, "places that the network is less sure of are left alone", low=0, high=1
    )
    max_width_px: float = setting(
        24.0, "wider places are left alone: what lay there cannot be computed",
        unit="px", low=0, high=20_000, neutral=0.0,
    )  # fmt: skip
    grow_px: float = setting(
        1.0, "the mask is widened by this, over the soft sides of the cracks",
        unit="px", low=0, high=16,
    )  # fmt: skip


def chosen_wear(findings: Findings, settings: Settings) -> Sequence[Mark]:
    """The places among the findings that these settings mend, grown."""
    if findings.wear is None:
        return ()
    return grown_marks(
        (m for m in findings.wear.items if m.confidence >= settings.min_confidence),
        grow_px=settings.grow_px,
        max_width_px=settings.max_width_px,
    )


STEP = fill_step(
    name="mend_wear",
    title="Mend the wear that the network for damage sees",
    settings=Settings,
    regions=chosen_wear,
    looks_at="wear",
)
