"""The empty platen: the colour of its lid or its black, how uneven, how noisy.

The lid is told by the scan's edge, which photographs seldom cover all around: the commonest
colour there. Its unevenness is a surface of second order through all pixels of that colour, fitted
again and again to those that agree with it, so that prints with white borders on a white lid and
soft shadows around them do not bend it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Pixels

RING_SHARE = 0.012  # of the longer side: how wide the scan's edge is taken
LEAST_RING_SHARE = 0.12  # of the ring that must show the lid
NEAR = 0.09  # a lid's colour strays no further from its commonest value
ROUNDS = 5
SAMPLE = 60_000
LEAST_STEP = 2.5 / 255  # less is not told from the lid
SIGMAS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Platen:
    """The lid as it would look without anything on it.

    Attributes:
        surface: (rows, cols, channels) float32
        noise: standard deviation of single pixels about it
        step: what differs by more than this is no lid
        ring_share: how much of the scan's edge shows it
    """

    surface: Pixels
    noise: float
    step: float
    ring_share: float

    def differs(self, pixels: Pixels, times: float = 1.0) -> Mask:
        """True where a channel departs from the lid by more than ``times`` the step."""
        away = np.abs(pixels - self.surface).max(axis=2)
        return np.asarray(away > times * self.step)


def measure_platen(pixels: Pixels) -> Platen | None:
    """The lid of a scan, or None when its edge shows no even colour.

    Args:
        pixels: (rows, cols, channels) float32, a reduced view of the whole scan
    """
    rows, cols, channels = pixels.shape
    wide = max(2, round(RING_SHARE * max(rows, cols)))
    ring = np.ones((rows, cols), bool)
    ring[wide:-wide, wide:-wide] = False
    edge = pixels[ring]
    colour = _commonest(edge)
    near = np.abs(pixels - colour).max(axis=2) < NEAR
    ring_share = float(near[ring].mean())
    if ring_share < LEAST_RING_SHARE:
        return None
    terms = _terms(rows, cols)
    picked = np.flatnonzero(near)
    if len(picked) > SAMPLE:
        picked = picked[np.linspace(0, len(picked) - 1, SAMPLE).astype(np.int64)]
    x = terms.reshape(-1, terms.shape[2])[picked]
    y = pixels.reshape(-1, channels)[picked]
    kept = np.abs(y - colour).max(axis=1) < NEAR
    noise = NEAR / 3
    for _ in range(ROUNDS):
        fit, *_ = np.linalg.lstsq(x[kept], y[kept], rcond=None)
        rest = y - x @ fit
        spread = float(1.4826 * np.median(np.abs(rest[kept] - np.median(rest[kept], axis=0))))
        noise = max(spread, 1e-5)
        again = np.abs(rest).max(axis=1) < max(4 * noise, LEAST_STEP)
        if again.sum() < 4 * x.shape[1]:
            break
        kept = again
    surface = (terms.reshape(-1, terms.shape[2]) @ fit).reshape(rows, cols, channels)
    return Platen(
        surface=np.asarray(surface, np.float32),
        noise=noise,
        step=max(LEAST_STEP, SIGMAS * noise),
        ring_share=ring_share,
    )


def _commonest(edge: np.ndarray) -> np.ndarray:
    """The colour around which most of the edge's pixels lie."""
    grey = edge.mean(axis=1)
    counts, ends = np.histogram(grey, bins=128, range=(0.0, 1.0))
    broad = np.convolve(counts, np.ones(5), mode="same")
    middle = ends[int(broad.argmax())] + 0.5 / 128
    close = np.abs(grey - middle) < NEAR / 2
    return np.asarray(np.median(edge[close] if close.any() else edge, axis=0))


def _terms(rows: int, cols: int) -> np.ndarray:
    """(rows, cols, 6) polynomials of second order, coordinates from -1 to 1."""
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, cols, dtype=np.float32)[None, :]
    one = np.ones((rows, cols), np.float32)
    return np.stack([one, one * y, one * x, y * x, one * y * y, one * x * x], axis=2)
