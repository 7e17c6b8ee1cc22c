"""Holes to learn filling from: strokes and blobs, a pixel to ``widest_px`` wide."""

from __future__ import annotations

import numpy as np


def draw_holes(rows: int, cols: int, rng: np.random.Generator, widest_px: int) -> np.ndarray:
    """(rows, cols) float32 of 0 and 1, with at least one hole and about 5 to 35 % of the area."""
    import cv2

    mask = np.zeros((rows, cols), np.uint8)
    wanted = rng.uniform(0.05, 0.35)
    while mask.mean() < wanted:
        width = round(float(np.exp(rng.uniform(0, np.log(max(widest_px, 2))))))
        if width > 24 and rng.integers(2):
            centre = (int(rng.integers(cols)), int(rng.integers(rows)))
            axes = (max(1, width // 2), max(1, int(width * rng.uniform(0.25, 0.5))))
            cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
            continue
        points = [np.array([rng.uniform(0, cols), rng.uniform(0, rows)])]
        angle = rng.uniform(0, 2 * np.pi)
        for _ in range(int(rng.integers(1, 7))):
            angle += rng.normal(0, 0.5)
            length = rng.uniform(0.05, 0.4) * max(rows, cols)
            points.append(points[-1] + length * np.array([np.cos(angle), np.sin(angle)]))
        line = np.round(points).astype(np.int32)[:, None]
        cv2.polylines(mask, [line], False, 1, width)
        if rng.integers(3) == 0:
            break
    if not mask.any():
        mask[rows // 2, cols // 2] = 1
    return mask.astype(np.float32)
