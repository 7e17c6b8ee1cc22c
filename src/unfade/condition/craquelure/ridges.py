"""Thin lines in a plane: how much each pixel lies on a dark one, and on a light one.

Two old tools, one after the other. The black top-hat (closing less the plane) keeps what is dark
and narrower than its disc; means of it along straight lines of eight directions keep what goes on
in one of them. The strength of a line is its best direction less the mean of all: on a line far
above nothing, on a spot nothing, since a spot is alike in all directions.

Both polarities are always measured. Cracks of one picture are of one polarity (filled with dirt,
or showing a light ground), while brush strokes, hair, grass and cloth have light lines between
dark ones: the other polarity is the control that lies in the picture itself.

Sources:
    Cornelis et al. 2013, Crack detection and inpainting for virtual restoration of paintings: the
    case of the Ghent Altarpiece, doi:10.1016/j.sigpro.2012.07.022 (multiscale top-hat, elongated
    filters); Spagnolo and Somma 2010, doi:10.1088/1742-6596/249/1/012059 (hysteresis)
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Mask, Plane

REACH_PX = 6  # means along lines of 13 pixels
WIDEST_PX = 9  # what is wider is no line
HALO_PX = REACH_PX + WIDEST_PX + 17  # with the window of the local control

_DIRECTIONS = ((0, 1), (1, 2), (1, 1), (2, 1), (1, 0), (2, -1), (1, -1), (1, -2))


def lines(plane: Plane) -> tuple[Plane, Plane]:
    """Strength of dark lines and of light ones.

    Args:
        plane: (rows, cols) float32 brightness, 0-1
    Returns:
        two planes of the same shape, in the same unit, 0 where there is no line
    Cost:
        0.25 s a megapixel on one core
    """
    import cv2

    codes = np.clip(np.rint(plane * 255), 0, 255).astype(np.uint8)  # a control, not a result
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WIDEST_PX + 2, WIDEST_PX + 2))
    both = []
    for operation in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT):
        hat = cv2.morphologyEx(codes, operation, disc).astype(np.float32) / np.float32(255)
        both.append(_along(hat))
    return both[0], both[1]


def _along(hat: Plane) -> Plane:
    """Best mean along a line of any direction, less the mean of all directions."""
    import cv2

    best = np.zeros_like(hat)
    total = np.zeros_like(hat)
    for kernel in _kernels():
        mean = cv2.filter2D(hat, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)
        np.maximum(best, mean, out=best)
        total += mean
    strength: Plane = best - total / np.float32(len(_DIRECTIONS))
    return strength


def _kernels() -> list[np.ndarray]:
    import cv2

    kernels = []
    side = 2 * REACH_PX + 1
    for down, right in _DIRECTIONS:
        length = float(np.hypot(down, right))
        end = np.rint(np.array([right, down]) / length * REACH_PX).astype(int)
        kernel = np.zeros((side, side), np.uint8)
        middle = np.array([REACH_PX, REACH_PX])
        cv2.line(kernel, (middle - end).tolist(), (middle + end).tolist(), 1, 1)
        kernels.append(kernel.astype(np.float32) / kernel.sum())
    return kernels


def traced(strength: Plane, control: Plane, *, low: float, high: float, least: float) -> Mask:
    """Lines that stand out from the other polarity, by hysteresis.

    Args:
        strength, control: lines of the polarity that is looked for, and of the other
        low, high: how many times the local mean of the control a line needs to go on, to begin
        least: and at least so strong, in units of the plane
    Returns:
        (rows, cols) bool: weak lines that are connected with strong ones
    """
    import cv2

    around = cv2.blur(control, (33, 33), borderType=cv2.BORDER_REFLECT)
    weak = strength > np.maximum(np.float32(least), np.float32(low) * around)
    strong = strength > np.maximum(np.float32(1.5 * least), np.float32(high) * around)
    count, labels = cv2.connectedComponents(weak.astype(np.uint8), connectivity=8)
    kept = np.zeros(count, bool)
    kept[labels[strong & weak]] = True
    kept[0] = False
    mask: Mask = kept[labels]
    return mask
