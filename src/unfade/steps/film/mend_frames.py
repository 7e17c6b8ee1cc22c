"""Mend lost frames: what could not be decoded is made from the frames before and after.

Both neighbours are carried half-way along the optical flow between them and mixed; where the two
ways of carrying do not agree, the nearer frame in time stands alone. Only frames that are missing
or that the decoder had to patch up are made, never others: speed and number of frames are part
of the document. The two lenders are named in the list of repairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Plane
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Step, setting
from unfade.steps.film.flow import Flow, enlarged, warped


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """Which frames are made."""

    concealed: bool = setting(
        False, "also frames that the decoder patched up, not only those that are missing"
    )
    longest_gap: int = setting(
        3, "more lost frames in a row are left as they are", unit="frames", low=1, high=12
    )


def between(plane_before: Plane, plane_after: Plane, flow: Flow, back: Flow, share: float) -> Plane:
    """A plane at ``share`` of the way from one frame to the next.

    Args:
        plane_before, plane_after: (rows, cols) float32
        flow: from before to after; back: from after to before; at any size
        share: 0 is before, 1 after
    """
    rows, cols = plane_before.shape
    there, here = enlarged(flow, rows, cols), enlarged(back, rows, cols)
    # flow is known where each frame's own pixels are; half-way it is about the same
    first = warped(plane_before, -share * there, sharp=True)
    second = warped(plane_after, -(1 - share) * here, sharp=True)
    return np.asarray((1 - share) * first + share * second, np.float32)


STEP = Step(
    name="mend_frames",
    title="Make lost frames from their neighbours",
    settings=Settings,
    kind=Kind.TEMPORAL,
    evidence=Evidence.BORROWED,
    paper="Kroeger et al. 2016, arXiv:1603.03590 (flow)",
)
