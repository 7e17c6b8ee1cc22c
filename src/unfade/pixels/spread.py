"""Point spread functions: what a blur makes of one point of light.

The shapes of a lens out of focus (a disc), of movement during the exposure (a line), and of
everything that is the sum of many small causes (a Gaussian). Kernels are odd squares whose sum
is 1, sampled at 9 x 9 points a pixel.

Source:
    Goodman 1996, "Introduction to Fourier optics", 6.4 (defocus in the geometric limit)
"""

from __future__ import annotations

import math

import numpy as np

_POINTS = 9  # along each side of a pixel

SHAPES = ("defocus", "motion", "gaussian")


def disc(radius_px: float) -> np.ndarray:
    """The spot of a lens out of focus: an even disc.

    Args:
        radius_px: 0.5 or more
    Returns:
        (side, side) float64, side odd, sum 1
    """
    down, right = _grid(math.ceil(radius_px))
    return _pixels(np.hypot(down, right) <= radius_px)


def line(length_px: float, angle_degrees: float) -> np.ndarray:
    """The trace of a movement: a straight line one pixel wide.

    Args:
        length_px: 1 or more
        angle_degrees: of the line, from the right-hand direction, clockwise as seen (towards the
            bottom of the picture); 0-180
    Returns:
        (side, side) float64, side odd, sum 1
    """
    down, right = _grid(math.ceil(length_px / 2 + 0.5))
    turn = math.radians(angle_degrees)
    along = right * math.cos(turn) + down * math.sin(turn)
    across = down * math.cos(turn) - right * math.sin(turn)
    return _pixels((np.abs(along) <= length_px / 2) & (np.abs(across) <= 0.5))


def gauss(sigma_px: float) -> np.ndarray:
    """A Gaussian of this standard deviation, cut at three of them.

    Returns:
        (side, side) float64, side odd, sum 1
    """
    down, right = _grid(math.ceil(3 * sigma_px))
    return _pixels(np.exp(-0.5 * (down * down + right * right) / sigma_px**2))


def _grid(reach_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the points, in pixels from the centre: down a column, along a row."""
    at = (np.arange((2 * reach_px + 1) * _POINTS) + 0.5) / _POINTS - reach_px - 0.5
    return at[:, None], at[None, :]


def _pixels(points: np.ndarray) -> np.ndarray:
    side = points.shape[0] // _POINTS
    sums = points.astype(np.float64).reshape(side, _POINTS, side, _POINTS).sum(axis=(1, 3))
    return np.asarray(sums / sums.sum())
