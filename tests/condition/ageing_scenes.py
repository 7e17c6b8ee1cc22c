"""Prints and papers with known damage of age, for the tests of eyes and steps."""

from __future__ import annotations

import cv2
import numpy as np
from skimage import data

from unfade.pixels.colour import linear_to_srgb, srgb_to_linear

YELLOW = (0.05, 0.12, 0.32)  # density that old paper adds to red, green and blue light


def absorbed(pixels: np.ndarray, density: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """sRGB pixels seen through a density for each channel."""
    light = srgb_to_linear(pixels.astype(np.float32)) * 10 ** -np.asarray(density, np.float32)
    return linear_to_srgb(light).astype(np.float32)


def letter(rows: int = 400, cols: int = 320, seed: int = 0) -> np.ndarray:
    """Paper with its grain, written on from side to side, (rows, cols, 3) float32."""
    page = np.full((rows, cols), 240, np.uint8)
    for row in range(12, rows + 12, 18):
        cv2.putText(
            page,
            "my dear sister, the boat left on",
            (-row % 23 - 23, row),
            0,
            0.5,
            45,
            1,
            cv2.LINE_AA,
        )
    grain = np.random.default_rng(seed).normal(0, 0.006, page.shape)
    return np.repeat((page / 255 + grain)[:, :, None], 3, axis=2).astype(np.float32)


def print_with_margin(margin_px: int = 24) -> np.ndarray:
    """A grey print with a white border, (rows, cols, 3) float32."""
    grey = data.camera()[::2, ::2].astype(np.float32) / 255 * 0.85
    framed = np.pad(grey, margin_px, constant_values=0.94)
    framed += np.random.default_rng(1).normal(0, 0.004, framed.shape)
    return np.repeat(framed[:, :, None], 3, axis=2).astype(np.float32)


def sepia_print_with_margin() -> np.ndarray:
    """The same, its image toned brown; the border stays white."""
    grey = print_with_margin()
    shade = 1 - grey / 0.94
    return np.clip(grey * (1 - shade * np.array([-0.1, 0.1, 0.35])), 0, 1).astype(np.float32)
