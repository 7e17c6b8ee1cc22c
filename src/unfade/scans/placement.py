"""How a scan lies on the first one: turned by quarters, then a small affine or projective map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MODELS = {"affine": 3, "homography": 4}  # and how many points fix each


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Where the pixels of the first scan lie in another.

    Attributes:
        quarter_turns: how often the other scan is turned by 90 degrees, counter-clockwise as
            ``numpy.rot90`` does, before anything else
        matrix: (3, 3) float64: (x, y, 1) of a pixel's centre in the first scan -> the same in the
            turned other one, up to its third entry
        correlation: of the two scans' structure after alignment, -1 to 1
        residual_px: what the windows that were aligned one by one differ from the map, root of the
            mean square
        windows: how many of them there were
    """

    quarter_turns: int
    matrix: np.ndarray
    correlation: float
    residual_px: float = 0.0
    windows: int = 0

    def to_dict(self) -> dict[str, Any]:
        a, b = self.matrix[0, :2]
        return {
            "turned_degrees": self.quarter_turns * 90,
            "shift_px": [round(float(v), 3) for v in self.matrix[:2, 2]],
            "rotation_degrees": round(float(np.degrees(np.arctan2(-b, a))), 4),
            "scale": round(float(np.sqrt(abs(np.linalg.det(self.matrix[:2, :2])))), 6),
            "matrix": [[float(v) for v in row] for row in self.matrix],
            "correlation": round(self.correlation, 4),
            "residual_px": round(self.residual_px, 4),
            "windows": self.windows,
        }


def mapped(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places in the other scan of places in the first."""
    down = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    across = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / down
    along = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / down
    return across, along


def in_full_size(matrix: np.ndarray, block_px: int) -> np.ndarray:
    """A map between overviews of blocks of ``block_px`` as one between the pictures."""
    half = (block_px - 1) / 2
    up = np.array([[block_px, 0, half], [0, block_px, half], [0, 0, 1.0]])
    return np.asarray(up @ matrix @ np.linalg.inv(up))


def fitted(points: np.ndarray, places: np.ndarray, model: str) -> tuple[np.ndarray, np.ndarray]:
    """The map that carries points to places, with outliers held back.

    Args:
        points, places: (n, 2) x, y
        model: ``affine`` or ``homography``
    Returns:
        (3, 3) matrix and (n,) distances that are left, pixels
    """
    centre = points.mean(axis=0)
    size = max(float(np.abs(points - centre).max()), 1.0)
    p = (points - centre) / size
    q = (places - centre) / size
    weight = np.ones(len(p))
    matrix, left = np.eye(3), np.zeros(len(p))
    for _ in range(12):
        matrix = _solved(p, q, weight, model)
        x, y = mapped(matrix, p[:, 0], p[:, 1])
        left = np.hypot(x - q[:, 0], y - q[:, 1]) * size
        # Tukey's weights; a twentieth of a pixel is what one window's alignment can do
        scale = max(1.4826 * float(np.median(left)), 0.05)
        weight = np.clip(1 - (left / (4.685 * scale)) ** 2, 0, 1) ** 2
    to_unit = np.array(
        [[1 / size, 0, -centre[0] / size], [0, 1 / size, -centre[1] / size], [0, 0, 1]]
    )
    whole = np.linalg.inv(to_unit) @ matrix @ to_unit
    return whole / whole[2, 2], left


def _solved(p: np.ndarray, q: np.ndarray, weight: np.ndarray, model: str) -> np.ndarray:
    x, y, one, none = p[:, 0], p[:, 1], np.ones(len(p)), np.zeros(len(p))
    u, v = q[:, 0], q[:, 1]
    first = [x, y, one, none, none, none]
    second = [none, none, none, x, y, one]
    if model == "homography":
        first += [-x * u, -y * u]
        second += [-x * v, -y * v]
    rows = np.concatenate([np.stack(first, axis=1), np.stack(second, axis=1)])
    root = np.sqrt(np.concatenate([weight, weight]))
    found, *_ = np.linalg.lstsq(rows * root[:, None], np.concatenate([u, v]) * root, rcond=None)
    entries = np.concatenate([found, np.zeros(8 - len(found)), [1.0]])
    return entries.reshape(3, 3)
