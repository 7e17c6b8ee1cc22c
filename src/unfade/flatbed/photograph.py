"""A photograph as it lies on the platen: where, how large, how turned; and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

SIDES = ("top", "right", "bottom", "left")


@dataclass(frozen=True, slots=True, kw_only=True)
class Photograph:
    """A rectangle on the platen.

    Attributes:
        row_px, col_px: of its centre; pixel (0, 0) covers 0 to 1 both ways
        rows_px, cols_px: its sides, upright
        angle_degrees: how far it lies turned clockwise as seen, -45 to 45
        support: for top, right, bottom, left the share of the side along which a sharp edge is
            seen; 0 where none was found and the outline of the mask stands in
        cut: sides that the scan's edge cuts off
        notes: sentences for a person
    """

    row_px: float
    col_px: float
    rows_px: float
    cols_px: float
    angle_degrees: float = 0.0
    support: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    cut: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def corners(self) -> np.ndarray:
        """(4, 2) row and column of the corners: top left, top right, bottom right, bottom left."""
        down, right = self.axes
        half = self.rows_px / 2, self.cols_px / 2
        centre = np.array([self.row_px, self.col_px])
        return np.array(
            [
                centre + s * half[0] * down + t * half[1] * right
                for s, t in ((-1, -1), (-1, 1), (1, 1), (1, -1))
            ]
        )

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """Unit vectors (row, col) that point down and to the right in the photograph."""
        turn = math.radians(self.angle_degrees)
        right = np.array([math.sin(turn), math.cos(turn)])
        return np.array([math.cos(turn), -math.sin(turn)]), right

    @property
    def sure(self) -> bool:
        """Whether a sharp edge was seen along each side that is not cut off by the scan."""
        return all(
            share >= 0.3 or side in self.cut
            for side, share in zip(SIDES, self.support, strict=True)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data; lengths to a hundredth of a pixel."""
        return {
            "centre_px": [round(self.row_px, 2), round(self.col_px, 2)],
            "rows_px": round(self.rows_px, 2),
            "cols_px": round(self.cols_px, 2),
            "angle_degrees": round(self.angle_degrees, 4),
            "corners_px": [[round(float(v), 2) for v in corner] for corner in self.corners],
            "edge_seen_share": dict(
                zip(SIDES, (round(share, 3) for share in self.support), strict=True)
            ),
            "cut_by_scan": list(self.cut),
            "sure": self.sure,
            "notes": list(self.notes),
        }
