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

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Plane

REACH_PX = 6  # means along lines of 13 pixels
WIDEST_PX = 9  # what is wider is no line
HALO_PX = REACH_PX + WIDEST_PX + 17  # with the window of the local control


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines of one polarity.

    Attributes:
        strength: (rows, cols) float32: how much more one direction goes on than the others
        hat: (rows, cols) float32: how far the pixel itself stands out from its surround
    """

    strength: Plane
    hat: Plane


def lines(plane: Plane) -> tuple[Lines, Lines]:
    """Dark lines and light ones.

    Args:
        plane: (rows, cols) float32 brightness, 0-1
    Returns:
        both polarities, in the plane's unit, 0 where there is no line
    Cost:
        0.1 s a megapixel on one core
    """
    import cv2

    codes = np.clip(np.rint(plane * 255), 0, 255).astype(np.uint8)  # eyes need no more
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WIDEST_PX + 2, WIDEST_PX + 2))
    dark = cv2.morphologyEx(codes, cv2.MORPH_BLACKHAT, disc)
    light = cv2.morphologyEx(codes, cv2.MORPH_TOPHAT, disc)
    return _lines_of(dark), _lines_of(light)


def _lines_of(hat: np.ndarray) -> Lines:
    """Best mean along a line of any direction, less the mean of all directions."""
    padded = np.pad(hat, REACH_PX, mode="symmetric")
    rows, cols = hat.shape
    best = np.zeros(hat.shape, np.float32)
    total = np.zeros(hat.shape, np.float32)
    for taps in _TAPS:
        along = np.zeros(hat.shape, np.uint16)  # sums of at most 13 codes
        for down, right in taps:
            top, left = REACH_PX + down, REACH_PX + right
            along += padded[top : top + rows, left : left + cols]
        mean = along * np.float32(1 / (255 * len(taps)))
        np.maximum(best, mean, out=best)
        total += mean
    strength = best - total / np.float32(len(_TAPS))
    return Lines(strength, hat.astype(np.float32) / np.float32(255))


def _line(down: int, right: int) -> list[tuple[int, int]]:
    """Whole-pixel offsets of a line through the middle, ``REACH_PX`` long on either side."""
    scale = REACH_PX / float(np.hypot(down, right))
    end = round(down * scale), round(right * scale)
    steps = max(abs(end[0]), abs(end[1]))
    return [
        (round(end[0] * t / steps), round(end[1] * t / steps)) for t in range(-steps, steps + 1)
    ]


_TAPS = [_line(*d) for d in ((0, 1), (1, 2), (1, 1), (2, 1), (1, 0), (2, -1), (1, -1), (1, -2))]


def traced(found: Lines, control: Lines, *, low: float, high: float, least: float) -> Mask:
    """Lines that stand out from the other polarity, by hysteresis.

    Args:
        found, control: lines of the polarity that is looked for, and of the other
        low, high: how many times the local mean of the control a line needs to go on, to begin
        least: and at least so strong, in units of the plane
    Returns:
        (rows, cols) bool: weak lines that are connected with strong ones
    """
    import cv2

    around = cv2.blur(control.strength, (33, 33), borderType=cv2.BORDER_REFLECT)
    level = np.maximum(np.float32(least), np.float32(low) * around)
    weak = (found.strength > level) & (found.hat > found.strength)
    strong = weak & (found.strength > level * np.float32(high / low))
    count, labels = cv2.connectedComponents(weak.astype(np.uint8), connectivity=8)
    kept = np.zeros(count, bool)
    kept[labels[strong]] = True
    kept[0] = False
    mask: Mask = kept[labels]
    return mask
