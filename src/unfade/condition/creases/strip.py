"""What lies along a candidate line, laid out straight, and what tells a fold from a thing.

A fold is light on one flank and dark on the other, the same all along, in all channels; beyond
its flanks the picture goes on as if nothing were there; where the layer broke it shows paper,
everywhere of the same colour. The edge of a thing parts two different things; a wire or a window
frame is as straight as a ruler, has its neighbours in parallel, and a colour of its own.
"""

from __future__ import annotations

import numpy as np

from unfade.condition.creases.lines import BLOCK_PX, LEAST_LIGHT
from unfade.picture import Pixels

HALF_PX = 22
NEAR, FAR = slice(2, 6), slice(11, 19)  # px from the line: its flanks, and the sound picture
SURE_OF_REACH = 1.0  # a flank's median over its uncertainty
AGAIN = 1.1  # how much what fades may waver
ASIDE_PX = (7, 10, 13)  # where lines in parallel are looked for
FEATURES = (
    "jump", "jump sure", "jump share", "peak", "peak sure", "peak share", "peak high", "step",
    "step sure", "alike", "content", "paper", "length", "ends", "coloured", "earned", "parallel",
    "straight", "rough", "grows",
)  # fmt: skip


def straightened(pixels: Pixels, points: np.ndarray, half_px: int = HALF_PX) -> np.ndarray:
    """The surround of a line, laid out level.

    Args:
        pixels: (rows, cols, channels) float32
        points: (n, 2) rows and columns along the line
    Returns:
        (2 half_px + 1, length, channels) float32 logarithm of stored values, the line in the middle
    """
    import cv2

    place, across = along(points)
    aside = np.arange(-half_px, half_px + 1)[:, None]
    rows = (place[None, :, 0] + aside * across[None, :, 0]).astype(np.float32)
    cols = (place[None, :, 1] + aside * across[None, :, 1]).astype(np.float32)
    strip = cv2.remap(pixels, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    strip = np.asarray(strip).reshape(*rows.shape, pixels.shape[2])
    return np.asarray(np.log(np.maximum(strip, np.float32(LEAST_LIGHT))))


def along(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places a pixel apart along a line, and the direction across it at each: both (n, 2)."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0, max(length[-1], 1.0))
    smooth = _smoothed(points)
    place = np.stack([np.interp(at, length, smooth[:, k]) for k in (0, 1)], axis=1)
    ahead = (
        np.gradient(_smoothed(points, 9), axis=0) if len(points) > 2 else np.diff(points, axis=0)
    )
    ahead = np.resize(ahead, points.shape)
    way = np.stack([np.interp(at, length, ahead[:, k]) for k in (0, 1)], axis=1)
    way /= np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-6)[:, None]
    return place, np.stack([-way[:, 1], way[:, 0]], axis=1)


def _smoothed(points: np.ndarray, size: int = 3) -> np.ndarray:
    kernel = np.ones(size) / size
    wide = np.pad(points.astype(np.float64), ((size // 2, size // 2), (0, 0)), mode="reflect",
                  reflect_type="odd") if len(points) > size else points  # fmt: skip
    if wide is points:
        return np.asarray(points, np.float64)
    return np.stack([np.convolve(wide[:, k], kernel, "valid") for k in (0, 1)], axis=1)


def features(
    strip: np.ndarray, points: np.ndarray, score: float, rows: int, cols: int
) -> np.ndarray:
    """(features,) float64 of one candidate, named in ``FEATURES``."""
    blocks = strip.shape[1] // BLOCK_PX
    cut = strip[:, : blocks * BLOCK_PX].reshape(strip.shape[0], blocks, BLOCK_PX, -1)
    colour = cut.mean(axis=2)
    plane = colour.mean(axis=2)
    middle = plane.shape[0] // 2

    def sides(of: np.ndarray, part: slice, at: int = 0) -> tuple[np.ndarray, np.ndarray]:
        up = of[middle + at - part.stop + 1 : middle + at - part.start + 1]
        down = of[middle + at + part.start : middle + at + part.stop]
        return up.mean(axis=0), down.mean(axis=0)

    up, down = sides(plane, NEAR)
    jump = up - down
    sign = 1.0 if np.median(jump) >= 0 else -1.0
    jump = sign * jump
    here = plane[middle - 1 : middle + 2].max(axis=0)
    peak = np.minimum(here - up, here - down)
    far_up, far_down = sides(plane, FAR)
    step = sign * (far_up - far_down)
    level = (far_up + far_down) / 2
    coloured = [np.median(sign * np.subtract(*sides(colour[..., k], NEAR)))
                for k in range(colour.shape[2])]  # fmt: skip
    top = peak >= np.quantile(peak, 0.7)
    beside = [abs(np.median(np.subtract(*sides(plane, slice(1, 4), s * aside))))
              for aside in ASIDE_PX for s in (-1, 1)]  # fmt: skip
    chord = points[-1] - points[0]
    reach = max(float(np.hypot(*chord)), 1.0)
    off = np.abs((points - points[0]) @ np.array([-chord[1], chord[0]]) / reach)
    edge = [min(p[0], p[1], rows - 1 - p[0], cols - 1 - p[1]) for p in (points[0], points[-1])]
    half = len(jump) // 2
    halves = (np.median(jump[:half]), np.median(jump[half:])) if half else (0.0, 0.0)
    return np.array(
        [
            np.clip(np.median(jump) * 20, -5, 5),
            np.log1p(max(_sure(jump), 0)),
            np.mean(jump > 0),
            np.clip(np.median(peak) * 20, -5, 5),
            np.clip(_sure(peak) / 5, -4, 4),
            np.mean(peak > 0.02),
            np.clip(np.quantile(peak, 0.85) * 5, -2, 5),
            np.clip(abs(np.median(step)) * 10, 0, 5),
            np.log1p(abs(_sure(step))),
            1 - np.var(step) / (np.var(far_up) + np.var(far_down) + 2e-3),
            np.clip(np.std(level) * 5, 0, 5),
            np.clip(np.std(here[top]) / (np.std(level[top]) + 0.03), 0, 4),
            np.log(max(reach, 8) / min(rows, cols)),
            sum(e < 14 for e in edge),
            np.clip(np.std(coloured) / (abs(np.mean(coloured)) + 0.01), 0, 3),
            score / max(blocks, 1) * 4,
            np.clip(max(beside) / (abs(np.median(jump)) + 0.01), 0, 5),
            np.log(np.sqrt(np.mean(off**2)) + 0.2),
            np.log(np.std(jump) + 0.005),
            np.clip(min(halves) / (max(halves) + 0.01), -1, 1),
        ]
    )  # fmt: skip


def _sure(values: np.ndarray) -> float:
    """Median over its own uncertainty."""
    spread = 1.48 * float(np.median(np.abs(values - np.median(values))))
    return float(np.median(values)) / (1.25 * spread / np.sqrt(max(len(values), 1)) + 0.003)


def reach_px(strip: np.ndarray) -> int:
    """How far to each side of the line its light and shade are seen all along, 4 to 16 px."""
    blocks = strip.shape[1] // BLOCK_PX
    plane = strip.mean(axis=2)[:, : blocks * BLOCK_PX].reshape(strip.shape[0], blocks, -1)
    profile = plane.mean(axis=2)
    middle = len(profile) // 2
    odd = (profile[middle + 1 :] - profile[:middle][::-1]) / 2
    odd = odd[:17] - (odd[17:].mean(axis=0) if len(odd) > 17 else 0)
    odd = np.apply_along_axis(np.convolve, 0, odd, np.ones(3) / 3, "same")
    level = np.abs(np.median(odd, axis=1))
    sure = np.abs([_sure(row) for row in odd])
    top = 1 + int(level[1:10].argmax())
    seen = (level > max(0.25 * level[top], 0.004)) & (sure > SURE_OF_REACH)
    # away from the line a flank's light only fades: what grows again is the scene's
    seen[top:] &= level[top:] <= AGAIN * np.minimum.accumulate(level[top:])
    beyond = np.flatnonzero(~seen[top:])
    return int(np.clip((top + int(beyond[0]) if beyond.size else 17) + 2, 4, 16))
