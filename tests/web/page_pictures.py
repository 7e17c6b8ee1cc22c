"""Pictures for the page's tests: a photograph with dust and a scratch that the eyes surely find."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data


def damaged() -> np.ndarray:
    """(512, 512) uint8: a real photograph with 14 specks and one scratch; 6 and 1 are certain."""
    rng = np.random.default_rng(1)
    picture = data.camera().copy()
    for _ in range(14):
        row, col = (int(v) for v in rng.integers(20, 490, 2))
        axes = int(rng.integers(2, 5)), int(rng.integers(2, 4))
        angle = float(rng.integers(0, 180))
        cv2.ellipse(picture, (col, row), axes, angle, 0, 360, 250, -1, cv2.LINE_AA)
    cv2.line(picture, (300, 20), (306, 480), 245, 2, cv2.LINE_AA)
    return picture


def write_damaged(folder: Path, name: str = "grandmother.png") -> Path:
    path = folder / name
    Image.fromarray(damaged()).save(path)
    return path


def write_colour(path: Path, rows: int, cols: int, seed: int = 0) -> Path:
    """A smooth picture with some texture, RGB, 8 bits."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((rows // 16 + 2, cols // 16 + 2, 3), np.float32)
    smooth = cv2.resize(coarse, (cols, rows), interpolation=cv2.INTER_CUBIC)
    pixels = smooth + 0.05 * rng.standard_normal((rows, cols, 3), np.float32)
    Image.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8)).save(path)
    return path
