"""Pictures for the page's tests: a photograph with dust and a scratch that the eyes surely find."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data

from unfade import Bench, Picture, restore
from unfade.condition import look_at
from unfade.findings import MarkKind


def damaged() -> np.ndarray:
    """(512, 512) uint8: a real photograph with 14 specks and one scratch."""
    rng = np.random.default_rng(1)
    picture = data.camera().copy()
    for _ in range(14):
        row, col = (int(v) for v in rng.integers(20, 490, 2))
        axes = int(rng.integers(2, 5)), int(rng.integers(2, 4))
        angle = float(rng.integers(0, 180))
        cv2.ellipse(picture, (col, row), axes, angle, 0, 360, 250, -1, cv2.LINE_AA)
    cv2.line(picture, (300, 20), (306, 480), 245, 2, cv2.LINE_AA)
    return picture


@dataclass(frozen=True)
class Known:
    """What unfade itself says of the damaged picture, which the page must say too."""

    spots: int
    dust: int
    scratches: int

    def but(self, left: int) -> str:
        """What the page says when so many of them are left as they are."""
        return f"{self.dust + self.scratches - left} repairs"


@cache
def known() -> Known:
    picture = Picture(damaged()[:, :, None])
    with Bench() as bench:
        marks = look_at(picture, bench, only={"marks"}).marks
        mended = restore(picture, bench=bench).record.items
    assert marks is not None
    kinds = [item.kind for item in mended if item.made]
    found = Known(
        sum(mark.kind is MarkKind.DUST for mark in marks.items),
        kinds.count("dust"),
        kinds.count("scratch"),
    )
    assert found.dust >= 6
    assert found.scratches == 1
    return found


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
