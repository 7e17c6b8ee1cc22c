"""Scans with known truth: a scene, laid anyhow on the platen, under a lamp from one side."""

from __future__ import annotations

import numpy as np
from skimage import data
from skimage.transform import AffineTransform, ProjectiveTransform, warp

from unfade.picture import Picture
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear


def scene(rows: int = 420, cols: int = 460, channels: int = 3) -> np.ndarray:
    """Linear light of a photograph, (rows, cols, channels)."""
    pixels = data.astronaut()[20 : 20 + rows, 30 : 30 + cols].astype(np.float32) / 255
    light = srgb_to_linear(pixels)
    return np.ascontiguousarray(light if channels == 3 else light[:, :, 1:2])


def other_scene(rows: int = 420, cols: int = 460) -> np.ndarray:
    pixels = np.tile(data.chelsea(), (2, 2, 1))[:rows, :cols].astype(np.float32) / 255
    return srgb_to_linear(pixels)


def stored(light: np.ndarray, *, seed: int = 0, sigma: float = 1 / 255, bits: int = 8) -> Picture:
    """A scan: noise in stored values, and codes."""
    noise = np.random.default_rng(seed).normal(0, sigma, light.shape)
    full = 2**bits - 1
    codes = np.rint(np.clip(linear_to_srgb(np.clip(light, 0, 1)) + noise, 0, 1) * full)
    return Picture(codes.astype(np.uint8 if bits == 8 else np.uint16))


def moved(light: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The scene such that place p of the first scan lies at ``matrix @ p`` of this one."""
    planes = [
        warp(light[:, :, c], np.linalg.inv(matrix), order=3, mode="reflect", preserve_range=True)
        for c in range(light.shape[2])
    ]
    return np.stack(planes, axis=2).astype(np.float32)


def placed(
    shift: tuple[float, float] = (0.0, 0.0),
    *,
    degrees: float = 0.0,
    scale: float = 1.0,
    tilt: float = 0.0,
    centre: tuple[float, float] = (230.0, 210.0),
) -> np.ndarray:
    """(3, 3): a turn and a size about the middle, then a shift; ``tilt`` as a camera's."""
    to = AffineTransform(translation=(-centre[0], -centre[1]))
    turn = AffineTransform(rotation=np.deg2rad(degrees), scale=(scale, scale))
    lean = np.eye(3)
    lean[2, :2] = tilt, -tilt / 2
    back = AffineTransform(translation=(centre[0] + shift[0], centre[1] + shift[1]))
    return np.asarray((to + turn + ProjectiveTransform(lean) + back).params)


def relief(rows: int, cols: int, *, seed: int = 2, strength: float = 0.12) -> np.ndarray:
    """Shading of paper's texture under a lamp from above: the slope down the columns."""
    import cv2

    heights = np.random.default_rng(seed).normal(0, 1, (rows, cols)).astype(np.float32)
    heights = cv2.GaussianBlur(heights, (0, 0), 1.5)
    slope = np.gradient(heights, axis=0)
    return np.asarray(strength * slope / slope.std(), np.float32)[:, :, None]


def sheen(rows: int, cols: int, *, seed: int = 3, share: float = 0.02) -> np.ndarray:
    """Light that flecks of the surface throw into the lens in one position only."""
    import cv2

    flecks = (np.random.default_rng(seed).random((rows, cols)) < share / 9).astype(np.float32)
    return np.asarray(0.5 * cv2.dilate(flecks, np.ones((3, 3))))[:, :, None]
