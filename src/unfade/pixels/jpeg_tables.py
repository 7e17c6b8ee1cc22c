"""JPEG's cosine transform and the tables that encoders round its coefficients by.

Source:
    ITU-T T.81: Annex A.3.3 (the transform), Annex K.1 (tables); libjpeg scales those by quality.
"""

from __future__ import annotations

import numpy as np

LUMINANCE = np.array(
    [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
     14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
     92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99],
    np.float32,
).reshape(8, 8)  # fmt: skip
CHROMINANCE = np.full((8, 8), 99, np.float32)
CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
_at, _k = np.mgrid[0:8, 0:8]
# (frequency, place): orthonormal, so that a coefficient is JPEG's own
DCT = np.where(_k == 0, np.sqrt(1 / 8), 0.5 * np.cos((2 * _at + 1) * _k * np.pi / 16)).T


def table_of(base: np.ndarray, quality: int) -> np.ndarray:
    """The quantisation table (8, 8) of a quality, 1 to 100, in codes of 8 bits."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip(np.floor((base * scale + 50) / 100), 1, 255))


def quality_of(table: np.ndarray) -> int | None:
    """The quality whose luminance table is nearest to this one, None where none is near.

    Args:
        table: (8, 8) quantisation table as a file states it
    """
    far = [float(np.mean(np.abs(table_of(LUMINANCE, q) - table) / table)) for q in range(1, 101)]
    best = int(np.argmin(far))
    return best + 1 if far[best] < 0.1 else None
