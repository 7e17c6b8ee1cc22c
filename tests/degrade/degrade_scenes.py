"""Pictures that the tests of synthetic damage share."""

from __future__ import annotations

import numpy as np

from unfade.degrade import DegradationRecipe
from unfade.degrade.kinds import find_damage
from unfade.degrade.recipe import Stage


def scene(rows: int = 120, cols: int = 160, channels: int = 3, seed: int = 3) -> np.ndarray:
    """A picture with slopes, edges and fine texture."""
    rng = np.random.default_rng(seed)
    down, right = np.mgrid[:rows, :cols] / max(rows, cols, 2)
    planes = [0.5 + 0.3 * np.sin(9 * down + k) * np.cos(7 * right - k) for k in range(channels)]
    pixels = np.stack(planes, axis=2) + 0.15 * (right > 0.4)[:, :, None]
    return np.clip(pixels + rng.normal(0, 0.01, pixels.shape), 0, 1).astype(np.float32)


def chw(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def one(kind: str, **settings: object) -> DegradationRecipe:
    """A recipe of one damage that always happens."""
    stage = Stage(settings=find_damage(kind).settings(**settings))
    return DegradationRecipe(reference_px=0, stages=(stage,))
