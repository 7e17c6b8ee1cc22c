"""Noise of any kind in the quietest blocks of a picture, with its autocorrelation.

A plane is taken from each block of 16 x 16 pixels; what is left in the quietest blocks is noise,
or the finest texture when a picture has no flat area. The measurements say which: noise is
equally strong in all quiet blocks, has no direction, and its neighbours soon forget each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Plane

BLOCK_PX = 16
_ALIVE_LEAST = 20


@dataclass(frozen=True, slots=True)
class FlatNoise:
    """What the quietest blocks hold.

    Attributes:
        sigma: standard deviation in the accepted blocks, pixel units
        quietest: standard deviation of the quietest 1 % of all blocks
        share: accepted blocks among all
        evenness: variance of the quietest 1 % over the quietest 10 %
        autocorrelation: at 1, 2, 3, 4 pixels, along rows and columns
        direction: median over blocks of how unlike the autocorrelation is along rows and
            columns and along both diagonals; near 0.08 for noise
        levels: (mean, sigma) of accepted blocks in bins of brightness
    """

    sigma: float
    quietest: float
    share: float
    evenness: float
    autocorrelation: tuple[float, float, float, float]
    direction: float
    levels: tuple[tuple[float, float], ...]


def flat_noise(planes: list[Plane]) -> FlatNoise | None:
    """Measure whatever is left in the quietest blocks of one channel.

    Args:
        planes: windows of one channel, each (rows, cols) float32, stored values 0-1
    Returns:
        strength and autocorrelation, or None when fewer than 20 unclipped blocks exist
    Cost:
        about 100 ms for a channel of 3 megapixels
    """
    cut = [_blocks(plane) for plane in planes]
    blocks = np.concatenate(cut) if cut else np.empty((0, BLOCK_PX * BLOCK_PX), np.float32)
    clipped = ((blocks <= 0) | (blocks >= 1)).mean(axis=1)
    blocks = blocks[clipped < 0.02]
    # borders and fills of one value were put there after the picture was taken
    alive = np.ptp(blocks, axis=1) > 0
    if np.count_nonzero(alive) >= _ALIVE_LEAST:
        blocks = blocks[alive]
    if len(blocks) < _ALIVE_LEAST:
        return None
    mean = blocks.mean(axis=1)
    base = _plane_basis()
    rest = blocks - (blocks @ base.T) @ base
    variance = (rest**2).sum(axis=1) / (BLOCK_PX * BLOCK_PX - 3)
    q1, q5, q10 = np.quantile(variance, [0.01, 0.05, 0.10])
    level = limit = float(q5)
    for _ in range(6):
        quiet = variance <= 1.7 * level
        # a picture full of texture of all strengths would take in more and more of it
        level = min(float(variance[quiet].mean()), 2.2 * limit)
    accepted = rest[quiet].reshape(-1, BLOCK_PX, BLOCK_PX)
    return FlatNoise(
        sigma=float(np.sqrt(level)),
        quietest=float(np.sqrt(q1)),
        share=float(quiet.mean()),
        evenness=float(q1 / q10) if q10 > 0 else 1.0,
        autocorrelation=_autocorrelation(accepted),
        direction=_direction(accepted),
        levels=_levels(mean[quiet], variance[quiet]),
    )


def _blocks(plane: Plane) -> np.ndarray:
    """Whole blocks of a plane, (blocks, BLOCK_PX squared)."""
    size = BLOCK_PX
    rows, cols = plane.shape[0] // size, plane.shape[1] // size
    whole = plane[: rows * size, : cols * size].reshape(rows, size, cols, size)
    return np.ascontiguousarray(whole.swapaxes(1, 2)).reshape(rows * cols, size * size)


def _plane_basis() -> np.ndarray:
    """Orthonormal basis of all planes over a block, (3, BLOCK_PX squared)."""
    along = np.arange(BLOCK_PX) - (BLOCK_PX - 1) / 2
    ones = np.ones(BLOCK_PX)
    base = np.stack([np.outer(ones, ones), np.outer(ones, along), np.outer(along, ones)]).reshape(
        3, -1
    )
    return np.asarray(base / np.linalg.norm(base, axis=1, keepdims=True), dtype=np.float32)


def _autocorrelation(blocks: np.ndarray) -> tuple[float, float, float, float]:
    power = float((blocks**2).mean())
    if power <= 0:
        return (0.0, 0.0, 0.0, 0.0)
    down = [float((blocks[:, k:] * blocks[:, :-k]).mean()) for k in (1, 2, 3, 4)]
    across = [float((blocks[:, :, k:] * blocks[:, :, :-k]).mean()) for k in (1, 2, 3, 4)]
    one, two, three, four = ((d + a) / 2 / power for d, a in zip(down, across))
    return one, two, three, four


def _direction(blocks: np.ndarray) -> float:
    power = np.maximum((blocks**2).mean(axis=(1, 2)), 1e-12)

    def alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return np.asarray((one * other).mean(axis=(1, 2)) / power)

    straight = alike(blocks[:, :, 1:], blocks[:, :, :-1]) - alike(blocks[:, 1:], blocks[:, :-1])
    slanted = alike(blocks[:, 1:, 1:], blocks[:, :-1, :-1]) - alike(
        blocks[:, 1:, :-1], blocks[:, :-1, 1:]
    )
    return float(np.median(np.hypot(straight, slanted)))


def _levels(mean: np.ndarray, variance: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Mean brightness and sigma in eight equal bins of brightness with at least 8 blocks."""
    bins = np.clip((mean * 8).astype(int), 0, 7)
    return tuple(
        (float(mean[bins == b].mean()), float(np.sqrt(np.median(variance[bins == b]))))
        for b in range(8)
        if np.count_nonzero(bins == b) >= 8
    )
