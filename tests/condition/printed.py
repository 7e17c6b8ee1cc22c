"""Pictures printed in dots, with known screens, and things that look like print and are none."""

from __future__ import annotations

from typing import Any

import numpy as np

from unfade.degrade import degrade, parse_degradation


def printed(
    pixels: np.ndarray,
    pitch_px: float,
    turn_deg: float = 1.0,
    *,
    inks: str = "black",
    seed: int = 0,
) -> tuple[np.ndarray, dict[str, Any]]:
    """(rows, cols, channels) printed in dots, and the parameters of its screens."""
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    recipe = f"""
format = 1
name = "print"
about = "one screen"
source = "tests"
reference_px = 0

[[damage]]
use = "halftone"
inks = "{inks}"
pitch_px = [{pitch_px}, {pitch_px}]
turn_deg = [{turn_deg}, {turn_deg}]
soft = [0.6, 1.2]
contrast = [2.2, 2.2]
gain = [0.0, 0.0]
ink_light = [0.08, 0.08]
"""
    made = degrade(np.asarray(pixels, np.float32), parse_degradation(recipe, "print"), seed)
    return np.clip(made.pixels, 0, 1), made.drawn("halftone")[0]


def fabric(rows: int = 320, cols: int = 384, pitch_px: float = 4.0, seed: int = 0) -> np.ndarray:
    """A plain weave: threads both ways, each a little off its place, as spun ones are."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float64)
    drift_y = np.cumsum(chance.normal(0, 0.10, rows))[:, None]
    drift_x = np.cumsum(chance.normal(0, 0.10, cols))[None]
    bend = 1.5 * np.sin(x / 90) + 1.2 * np.sin(y / 70 + 1)
    turn = np.deg2rad(17)
    u = (x * np.cos(turn) + y * np.sin(turn) + bend + drift_x) / pitch_px
    v = (y * np.cos(turn) - x * np.sin(turn) + bend + drift_y) / pitch_px
    weave = 0.5 + 0.2 * np.cos(2 * np.pi * u) * np.cos(2 * np.pi * v) + 0.1 * np.cos(2 * np.pi * u)
    return weave + chance.normal(0, 0.02, weave.shape)


def bricks(rows: int = 320, cols: int = 384) -> np.ndarray:
    """Courses of bricks, every second one moved by half."""
    y, x = np.mgrid[0:rows, 0:cols]
    course = y // 10
    joint = (y % 10 < 2) | ((x + 12 * (course % 2)) % 24 < 2)
    tint = np.random.default_rng(2).uniform(0.35, 0.6, (rows // 10 + 1, cols // 24 + 2))
    return np.where(joint, 0.75, tint[course, (x + 12 * (course % 2)) // 24])


def facade(rows: int = 320, cols: int = 384) -> np.ndarray:
    """Windows of a tall house, alike both ways, in rows."""
    y, x = np.mgrid[0:rows, 0:cols]
    window = (y % 14 > 4) & (x % 14 > 4)
    return np.where(window, 0.2, 0.65) + 0.1 * np.sin(x / 120)


def fence(rows: int = 320, cols: int = 384) -> np.ndarray:
    """Slats: one direction only, at a slant."""
    y, x = np.mgrid[0:rows, 0:cols]
    return 0.5 + 0.4 * np.sign(np.sin(2 * np.pi * (x * 0.8 + y * 0.6) / 7))


def text_page(rows: int = 320, cols: int = 384) -> np.ndarray:
    """Lines of letters, one bit deep."""
    chance = np.random.default_rng(3)
    page = np.ones((rows, cols))
    for top in range(12, rows - 12, 18):
        for left in range(10, cols - 12, 8):
            if chance.random() < 0.85:
                letter = chance.random((9, 5)) < 0.45
                page[top : top + 9, left : left + 5][letter] = 0
    return page
