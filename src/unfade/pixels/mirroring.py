"""Silver mirroring as a field: which share of the density the shine hides at each place.

Silver that has wandered to the surface shines: of a density ``D`` only ``D (1 - h w)`` is seen,
with a share ``h`` that is the same for all tones at a place, and weights ``w`` that are largest
for blue light. So dark places turn lighter and bluish, light ones stay. In a picture of one tone
``h`` follows from how much less of blue than of red density is seen than the tone would have;
that tone is read far from the edges, where mirroring begins.

Related: Weyde 1972 on the make-up of the layer; the numbers of ``WEIGHTS`` are those of
``unfade.degrade``'s model, an approximation.
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Mask, Plane
from unfade.pixels.membrane import hang_membrane

WEIGHTS = (0.85, 0.95, 1.1)  # of the hidden share, for red, green and blue light
DARK = (0.35, 1.9)  # density to red light in which the shine shows and a scan still has colour
CELLS = 24  # points of the field along the longer side
_NODES = 16
_FEWEST_PX = 12  # dark pixels in a cell
_MOST = 0.8


def edge_distance(rows: int, cols: int) -> Plane:
    """Distance of each pixel to the nearest edge, as a share of the shorter side."""
    down, right = np.arange(rows) + 0.5, np.arange(cols) + 0.5
    near_row, near_col = np.minimum(down, rows - down), np.minimum(right, cols - right)
    away = np.minimum(near_row[:, None], near_col[None, :]) / min(rows, cols)
    return np.asarray(away, np.float32)


def hidden_share(density: np.ndarray) -> tuple[Plane, Mask]:
    """The share that each dark pixel's colour tells, by itself and with its noise.

    Args:
        density: (rows, cols, 3) float32
    Returns:
        the share (rows, cols), not clipped, and where it can be told
    """
    red, blue = density[:, :, 0], density[:, :, 2]
    dark = (red > DARK[0]) & (red < DARK[1])
    middle = dark & (edge_distance(*red.shape) > 0.28)
    if np.count_nonzero(middle) < _NODES * _FEWEST_PX:
        return np.zeros(red.shape, np.float32), np.zeros(red.shape, bool)
    tones, ratios = red[middle], blue[middle] / red[middle]
    parts = np.array_split(np.argsort(tones, kind="stable"), _NODES)
    at = np.array([np.median(tones[p]) for p in parts])
    usual = np.interp(red, at, np.array([np.median(ratios[p]) for p in parts]))
    seen = blue / np.maximum(red, np.float32(1e-3)) / usual
    # seen = (1 - blue weight h) / (1 - red weight h)
    share = (1 - seen) / np.maximum(WEIGHTS[2] - WEIGHTS[0] * seen, 0.05)
    return np.asarray(np.clip(share, -1, 1), np.float32), dark


def field_of(share: Plane, told: Mask) -> Plane | None:
    """Smooth single pixels' shares to a small field, hung over cells without dark pixels.

    Returns:
        (rows, cols) float32 of at most ``CELLS`` points a side, 0 to 0.8; None where nothing
        dark is there to tell
    """
    import cv2

    rows, cols = share.shape
    step = max(rows, cols) / CELLS
    high, wide = max(2, round(rows / step)), max(2, round(cols / step))
    cells = np.full((high, wide), np.nan, np.float32)
    tops = np.linspace(0, rows, high + 1).astype(int)
    lefts = np.linspace(0, cols, wide + 1).astype(int)
    for i in range(high):
        for j in range(wide):
            here = (slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1]))
            values = share[here][told[here]]
            if values.size >= _FEWEST_PX:
                cells[i, j] = np.median(values)
    lost = np.isnan(cells)
    if lost.mean() > 0.8:
        return None
    whole = hang_membrane(np.nan_to_num(cells)[:, :, None], lost)[:, :, 0]
    soft = cv2.GaussianBlur(whole, (0, 0), 0.7, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(soft, 0, _MOST), np.float32)
