"""Statistics of natural scenes: what BRISQUE and NIQE both look at.

A sound photograph, divided by its own local mean and contrast, has values whose histogram is
nearly Gaussian; products of neighbours are nearly Laplacian and lopsided. Blur, noise and blocks
bend these shapes. Fitted once on the plane and once at half size they give 36 numbers.

Papers: Mittal, Moorthy, Bovik 2012, doi:10.1109/TIP.2012.2214050 (BRISQUE); Mittal, Soundararajan,
Bovik 2013, doi:10.1109/LSP.2012.2227726 (NIQE).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

FEATURES = 18  # of one scale
_SIZE_PX, _SIGMA_PX = 7, 7 / 6
_SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))  # right, down and both diagonals


def normalized(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean-subtracted, contrast-normalized values, and the local contrast.

    Args:
        plane: (rows, cols) float, codes of 0-255
    Returns:
        both (rows, cols) float64; what lies beyond the border mirrors the border
    """
    import cv2

    plane = plane.astype(np.float64)
    window = ((_SIZE_PX, _SIZE_PX), _SIGMA_PX)
    mean = cv2.GaussianBlur(plane, *window, borderType=cv2.BORDER_REPLICATE)
    square = cv2.GaussianBlur(plane * plane, *window, borderType=cv2.BORDER_REPLICATE)
    contrast = np.sqrt(np.abs(square - mean * mean))
    return (plane - mean) / (contrast + 1), contrast


def scene_features(values: np.ndarray) -> np.ndarray:
    """The 18 numbers of one scale.

    Args:
        values: (rows, cols) normalized values
    Returns:
        (18,) float64: shape and variance of the values; for each of four neighbours the shape,
        mean, left and right variance of the products
    """
    alpha, sigma = fit_gaussian(values)
    features = [alpha, sigma**2]
    for shift in _SHIFTS:
        products = values * np.roll(values, shift, axis=(0, 1))
        alpha, left, right = fit_lopsided(products)
        mean = (right - left) * math.exp(
            math.lgamma(2 / alpha) - (math.lgamma(1 / alpha) + math.lgamma(3 / alpha)) / 2
        )
        features += [alpha, mean, left**2, right**2]
    return np.array(features)


def block_features(values: np.ndarray, side_px: int) -> np.ndarray:
    """The 18 numbers of each whole block of a plane: (blocks, 18), in raster order."""
    rows, cols = values.shape[0] // side_px, values.shape[1] // side_px
    return np.array(
        [
            scene_features(values[r * side_px : (r + 1) * side_px, c * side_px : (c + 1) * side_px])
            for r in range(rows)
            for c in range(cols)
        ]
    ).reshape(-1, FEATURES)


def fit_gaussian(values: np.ndarray) -> tuple[float, float]:
    """Shape and spread of a generalized Gaussian, by moments."""
    square = float(np.mean(values * values))
    magnitude = float(np.mean(np.abs(values)))
    if magnitude == 0:
        return 10.0, 0.0
    shapes, ratios = _table()
    return _nearest(shapes, ratios, magnitude**2 / square), math.sqrt(square)


def fit_lopsided(values: np.ndarray) -> tuple[float, float, float]:
    """Shape, left and right spread of an asymmetric generalized Gaussian, by moments."""
    below, above = values[values < 0], values[values > 0]
    left = math.sqrt(float(np.mean(below * below))) if below.size else 0.0
    right = math.sqrt(float(np.mean(above * above))) if above.size else 0.0
    square = float(np.mean(values * values))
    if left == 0 or right == 0 or square == 0:
        return 10.0, left, right
    gamma = left / right
    ratio = float(np.mean(np.abs(values))) ** 2 / square
    ratio *= (gamma**3 + 1) * (gamma + 1) / (gamma**2 + 1) ** 2
    shapes, ratios = _table()
    return _nearest(shapes, ratios, ratio), left, right


@cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    """Shapes 0.2-10 in steps of 0.001, and the ratio of moments of each, which rises."""
    shapes = np.arange(0.2, 10.001, 0.001)
    ratios = [math.exp(2 * math.lgamma(2 / s) - math.lgamma(1 / s) - math.lgamma(3 / s))
              for s in shapes]  # fmt: skip
    return shapes, np.array(ratios)


def _nearest(shapes: np.ndarray, ratios: np.ndarray, ratio: float) -> float:
    at = int(np.clip(np.searchsorted(ratios, ratio), 1, len(ratios) - 1))
    closer_below = ratio - ratios[at - 1] <= ratios[at] - ratio
    return float(shapes[at - 1 if closer_below else at])


def halved(plane: np.ndarray) -> np.ndarray:
    """The plane at half its size, by cubic convolution with antialiasing, as the papers used."""
    from PIL import Image

    size = (plane.shape[1] // 2, plane.shape[0] // 2)
    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.float64)
