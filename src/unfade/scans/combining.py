"""One pixel of several: mean, median, minimum, and what is left when sheen and relief are gone.

A lamp that shines along paper lights one side of each fibre and shades the other; turned by 180
degrees it does so the other way round, and the mean of both is the paper without relief (for small
slopes the shading is linear in them). Where the paper shines at the lamp, one scan is far brighter
than the other: light was added there, and the darker one is nearer to the picture.
"""

from __future__ import annotations

import numpy as np

METHODS = ("mean", "median", "minimum", "relief")
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709
_BEGINS, _ENDS = 2.5, 4.0  # in deviations: where a scan's weight begins to fall, and is 0


def combined(light: np.ndarray, covers: np.ndarray, method: str, spread: float = 0.0) -> np.ndarray:
    """Make one picture of several that lie upon each other.

    Args:
        light: (scans, rows, cols, channels) float32 linear light, of equal brightness
        covers: (scans, rows, cols) bool: where each scan reaches; the first reaches everywhere
        method: one of ``METHODS``
        spread: for ``relief``: standard deviation of the scans' difference over their mean, see
            ``spread_of``
    Returns:
        (rows, cols, channels) float32
    Cost:
        20 ms a megapixel for each scan, ``median`` 100 ms
    """
    share = covers.astype(np.float32)
    if method == "mean":
        return _weighted(light, share)
    if method == "median":
        hidden = np.where(covers[..., None], light, np.float32(np.nan))
        return np.asarray(np.nanmedian(hidden, axis=0), np.float32)
    bright = light[..., 0] if light.shape[-1] == 1 else light @ _LUMINANCE
    bright = np.where(covers, bright, np.float32(np.inf))
    if method == "minimum":
        darkest = bright.argmin(axis=0)
        return np.asarray(np.take_along_axis(light, darkest[None, ..., None], axis=0)[0])
    count = covers.sum(axis=0)
    middle = (np.maximum(count, 1) - 1) // 2
    base = np.take_along_axis(np.sort(bright, axis=0), middle[None], axis=0)[0]
    seen = np.where(covers, bright, base)
    away = (seen - base) / np.maximum((seen + base) / 2, np.float32(1e-3))
    # of two scans nobody knows which one is too dark; of three the odd one out is
    away = np.where(count >= 3, np.abs(away), np.maximum(away, 0))
    fall = (away / max(spread, 1e-4) - _BEGINS) / (_ENDS - _BEGINS)
    return _weighted(light, share * np.clip(1 - fall, 0, 1).astype(np.float32))


def spread_of(first: np.ndarray, other: np.ndarray) -> float:
    """How far two aligned scans differ, by a robust standard deviation over their mean.

    Args:
        first, other: (n, channels) float32 linear light, of equal brightness
    """
    a, b = first.mean(axis=1), other.mean(axis=1)
    level = np.maximum((a + b) / 2, np.float32(1e-3))
    difference = (a - b) / level
    return float(1.4826 * np.median(np.abs(difference - np.median(difference))))


def _weighted(light: np.ndarray, share: np.ndarray) -> np.ndarray:
    total = share.sum(axis=0)
    out = np.zeros(light.shape[1:], np.float32)
    for one, weight in zip(light, share):  # in order: the sum's bits depend on nothing else
        out += one * weight[..., None]
    return out / np.maximum(total, np.float32(1e-6))[..., None]
