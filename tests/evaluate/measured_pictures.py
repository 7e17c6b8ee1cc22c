"""Pictures that the tests of measures share: a real photograph and known damage."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import skimage.data


@cache
def photograph(side_px: int = 256, channels: int = 3) -> np.ndarray:
    """A crop of the astronaut's face and suit, float32 (side, side, channels)."""
    codes = skimage.data.astronaut()[20 : 20 + side_px, 80 : 80 + side_px]
    pixels = codes.astype(np.float32) / 255
    pixels = pixels if channels == 3 else pixels[:, :, 1:2].copy()
    pixels.setflags(write=False)
    return pixels


def noisy(pixels: np.ndarray, sigma: float = 10 / 255, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, sigma, pixels.shape)
    return np.clip(pixels + noise, 0, 1).astype(np.float32)


def blurred(pixels: np.ndarray) -> np.ndarray:
    """5 x 5 Gaussian blur, as tutorials restore with."""
    return cv2.GaussianBlur(pixels, (5, 5), 0).reshape(pixels.shape)


def scratched(pixels: np.ndarray, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Light scratches and where they are."""
    rng = np.random.default_rng(seed)
    layer = np.zeros(pixels.shape[:2], np.uint8)
    for _ in range(6):
        ends = rng.integers(0, pixels.shape[0], 4)
        cv2.line(layer, tuple(map(int, ends[:2])), tuple(map(int, ends[2:])), 255, 2)
    mask = layer > 0
    damaged = pixels.copy()
    damaged[mask] = 0.95
    return damaged, mask
