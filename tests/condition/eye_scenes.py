"""Pictures with known truth, and a bench with threads, for the tests of the eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import numpy as np
from skimage import color, data, filters

from unfade.engines.contract import PlainBench
from unfade.picture import Picture

T = TypeVar("T")
R = TypeVar("R")

BENCH = PlainBench()
LUMA = np.array([0.2126, 0.7152, 0.0722])


class ThreadedBench(PlainBench):
    """Four threads."""

    def map(
        self,
        work: Callable[[T], R],
        tasks: Iterable[T],
        *,
        says: str,
        total: int,
        bytes_each: int = 0,
    ) -> Iterator[R]:
        with ThreadPoolExecutor(4) as pool:
            yield from pool.map(work, tasks)


@lru_cache(maxsize=1)
def photo() -> np.ndarray:
    """A colour photograph, float64 0-1, 512 x 512."""
    return data.astronaut() / 255


def grey_photo() -> np.ndarray:
    return photo() @ LUMA


def smooth_photo() -> np.ndarray:
    """A photograph without noise of its own, with structure and plain areas."""
    return filters.gaussian(grey_photo(), 1.5) * 0.8 + 0.1


def stored(pixels: np.ndarray, bits: int = 8, full_scale: float = 0.0) -> Picture:
    """A picture of pixels (rows, cols[, channels]): 8 or 16 bits, or 32 for float."""
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if bits == 32:
        return Picture(pixels.astype(np.float32))
    dtype = np.uint8 if bits == 8 else np.uint16
    top = full_scale or np.iinfo(dtype).max
    codes = np.clip(np.rint(pixels * top), 0, np.iinfo(dtype).max).astype(dtype)
    return Picture(codes, full_scale=full_scale)


def noisy(pixels: np.ndarray, sigma_255: float, seed: int = 0) -> np.ndarray:
    return pixels + np.random.default_rng(seed).normal(0, sigma_255 / 255, pixels.shape)


def sepia(pixels: np.ndarray) -> np.ndarray:
    """Every pixel on one curve in CIELAB, brown in the middle tones."""
    light = color.rgb2lab(pixels)[..., 0] * 0.9 + 5
    strength = 22 * 4 * (light / 100) * (1 - light / 100)
    lab = np.stack([light, 0.26 * strength, 0.97 * strength], axis=-1)
    return np.clip(color.lab2rgb(lab), 0, 1)


def cyanotype(pixels: np.ndarray) -> np.ndarray:
    y = (pixels @ LUMA)[..., None]
    return np.concatenate([0.95 * y**1.9, 0.15 + 0.8 * y**1.15, 0.3 + 0.65 * y**0.8], axis=2)


def faded(pixels: np.ndarray) -> np.ndarray:
    """A colour print that lost its dyes unevenly: gamma and floor for each channel."""
    floor, gamma = np.array([0.45, 0.16, 0.22]), np.array([0.8, 1.0, 0.9])
    return floor + (0.9 - floor) * pixels**gamma


def flat_picture(value: float = 0.5, size: int = 96) -> Picture:
    return stored(np.full((size, size, 3), value))


def drawing() -> Picture:
    """Black lines on white, one bit deep."""
    rows, cols = np.mgrid[0:300, 0:300]
    lines = ((rows + 2 * cols) % 40 < 3) | (np.hypot(rows - 150, cols - 150) % 50 < 2)
    return stored(np.where(lines, 0.0, 1.0))


ODD_PICTURES = {
    "1x1": stored(np.full((1, 1, 3), 0.3)),
    "1x50000": stored(np.random.default_rng(1).random((1, 50_000, 3))),
    "50000x1": stored(np.random.default_rng(1).random((50_000, 1, 1))),
    "flat": flat_picture(),
    "black": flat_picture(0.0),
    "white": flat_picture(1.0),
    "drawing": drawing(),
    "noise only": stored(np.random.default_rng(2).random((200, 200, 3))),
    "float above one": stored(photo()[:64, :64] * 3 - 0.5, bits=32),
}
