"""Photographs that were folded and torn, with known truth, and things that look like it."""

from __future__ import annotations

import cv2
import numpy as np
from skimage import data

from unfade.degrade import Degraded, degrade, parse_degradation

FOLDS = """
format = 1
name = "folds"
reference_px = 512
[[damage]]
use = "creases"
count = 1.0
relief_density = [0.04, 0.1]
broken_share = [0.4, 0.9]
width_px = [1.5, 5.0]
"""
TEARS = """
format = 1
name = "tears"
reference_px = 512
[[damage]]
use = "tears"
count = 1.0
length_share = [0.15, 0.35]
width_px = [4.0, 9.0]
corner_chance = 0.3
corner_share = [0.06, 0.16]
behind = [0.2, 0.6]
"""


def photo() -> np.ndarray:
    return data.astronaut().astype(np.float32) / 255


def folded(seed: int) -> Degraded:
    return degrade(photo(), parse_degradation(FOLDS, "folds"), seed)


def torn(seed: int) -> Degraded:
    return degrade(photo(), parse_degradation(TEARS, "tears"), seed)


def _grain(plane: np.ndarray, sigma: float = 0.012) -> np.ndarray:
    noise = np.random.default_rng(5).normal(0, sigma, plane.shape[:2])
    return np.clip(plane + (noise[:, :, None] if plane.ndim == 3 else noise), 0, 1).astype(
        np.float32
    )


def _sky(rows: int = 480, cols: int = 640) -> np.ndarray:
    slope = np.linspace(0.75, 0.5, rows, dtype=np.float32)[:, None, None]
    return np.repeat(slope * np.array([0.85, 0.95, 1.1], np.float32), cols, axis=1)


def _lines(
    pixels: np.ndarray, ends: list[tuple[int, int, int, int]], tone: float, wide: int
) -> np.ndarray:
    for line in ends:
        cv2.line(pixels, line[:2], line[2:], (tone, tone, tone), wide, cv2.LINE_AA)
    return pixels


def controls() -> dict[str, np.ndarray]:
    """What is long and straight, or crooked from the edge, and belongs to the picture."""
    wires = _lines(_sky(), [(0, 60, 639, 140), (0, 90, 639, 165), (0, 130, 639, 200)], 0.1, 2)
    light_wire = _lines(_sky(), [(0, 300, 639, 120)], 0.97, 2)
    horizon = _sky()
    horizon[260:] = np.array([0.2, 0.3, 0.35], np.float32)
    frame = np.full((480, 640, 3), 0.7, np.float32)
    cv2.rectangle(frame, (120, 80), (520, 400), (0.3, 0.25, 0.2), 14)
    cv2.rectangle(frame, (127, 87), (513, 393), (0.9, 0.95, 1.0), -1)
    _lines(frame, [(320, 80, 320, 400), (120, 240, 520, 240)], 0.35, 9)
    _lines(frame, [(326, 80, 326, 400), (120, 246, 520, 246)], 0.95, 2)
    rng = np.random.default_rng(8)
    branches = _sky()
    for start in ((0, 100), (639, 200), (200, 0), (450, 479)):
        place, angle = np.array(start, float), rng.uniform(0, 6.28)
        angle = np.arctan2(240 - place[1], 320 - place[0])
        for step in range(60):
            angle += rng.normal(0, 0.2)
            there = place + 5 * np.array([np.cos(angle), np.sin(angle)])
            _lines(
                branches, [(*place.astype(int), *there.astype(int))], 0.25, max(1, 7 - step // 9)
            )
            place = there
    page = np.full((480, 640, 1), 0.92, np.float32)
    for row in range(40, 440, 22):
        col = 40
        while col < 590:
            word = int(rng.integers(12, 60))
            for letter in range(col, min(col + word, 595), 7):
                page[row : row + int(rng.integers(6, 11)), letter : letter + 2] = 0.15
            col += word + 10
    book = np.full((480, 640, 3), 0.85, np.float32)
    book *= 1 - 0.35 * np.exp(-np.abs(np.arange(640) - 320) / 25.0)[None, :, None].astype(
        np.float32
    )
    wall = np.full((480, 640, 3), 0.6, np.float32)
    for row in range(0, 480, 24):
        wall[row : row + 2] = 0.45
        for col in range((row // 24 % 2) * 30, 640, 60):
            wall[row : row + 24, col : col + 2] = 0.45
    return {
        "wires": _grain(wires), "light wire": _grain(light_wire), "horizon": _grain(horizon),
        "window": _grain(frame), "branches": _grain(branches), "page": _grain(page),
        "book": _grain(book), "wall": _grain(wall),
        "astronaut": photo(), "cat": data.chelsea().astype(np.float32) / 255,
        "coffee": data.coffee().astype(np.float32) / 255,
        "camera": data.camera().astype(np.float32)[:, :, None] / 255,
    }  # fmt: skip
