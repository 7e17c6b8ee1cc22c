"""Fill craquelure: a virtual view without the cracks of age. Only when asked for by name.

Cracks are part of a painting: they tell its age, its support and its making, and a conservator
leaves them. This step is for a view beside the object, to read a form that they break up: each
crack of the map is filled from its two sides. The paint's own strokes beside the cracks keep their
bits. What the map holds is decided by the eye ``craquelure``, and what is filled of it by
``min_confidence``: only what is surely a crack, unless you ask for more. Lines that the painter
drew within a cracked field may be in it, so look at the map (``unfade examine --masks``) before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unfade.findings import Findings, Mark
from unfade.steps.contract import setting
from unfade.steps.inpaint import GULERYUZ, FillSettings, fill_step, grown_marks


@dataclass(frozen=True, kw_only=True)
class Settings(FillSettings):
    """Which cracks are filled, and how."""

    min_confidence: float = setting(
        0.95, "cracks that the finder is less sure of are left alone; 0.5: all that it maps",
        low=0, high=1,
    )  # fmt: skip
    grow_px: float = setting(
        1.0, "the mask is widened by this, over the soft sides of the cracks",
        unit="px", low=0, high=16,
    )  # fmt: skip


def chosen_cracks(findings: Findings, settings: Settings) -> Sequence[Mark]:
    """The cracks among the findings that these settings fill, grown."""
    if findings.craquelure is None:
        return ()
    return grown_marks(
        (m for m in findings.craquelure.items if m.confidence >= settings.min_confidence),
        grow_px=settings.grow_px,
        max_width_px=settings.max_width_px,
    )


STEP = fill_step(
    name="fill_craquelure",
    title="Fill the cracks of age, for a virtual view",
    settings=Settings,
    regions=chosen_cracks,
    looks_at="craquelure",
    paper=f"Cornelis et al. 2013, doi:10.1016/j.sigpro.2012.07.022; {GULERYUZ}",
)
