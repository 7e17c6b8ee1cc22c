"""Strips at the edges of a scan: a print's white border, a negative's bare film.

What makes it a border, and no wall or sky behind the sitter: on three sides at least the outermost
strip is light and of one colour, the sides agree, it ends everywhere on one straight line, and
nothing inside is much lighter. The light that it shows is that of the paper, the scanner and of
what age has done to both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Pixels
from unfade.pixels.colour import linear_to_lab, luminance

_LEAST_SHARE = 0.012  # of the side, narrowest border
_MOST_SHARE = 0.2
_LIGHT = 0.42  # luminance of the darkest border: yellowed paper
_ALIKE = 6.0  # CIELAB units: border of one colour
_EDGE = 9.0  # CIELAB units: no longer the border
_STRAIGHT_SHARE = 0.75  # of the lines end within a pixel or two of the same place
_INSIDE_LIGHTER = 1.15  # times the border's luminance


@dataclass(frozen=True, slots=True, eq=False)
class Border:
    """A print's border: its colour (3,) in linear light, and how far in it reaches, in pixels."""

    colour: np.ndarray
    depth_px: int

    def inside(self, linear: Pixels) -> Pixels:
        """The picture without its border."""
        d = self.depth_px
        return np.ascontiguousarray(linear[d : linear.shape[0] - d, d : linear.shape[1] - d])


def paper_border(linear: Pixels) -> Border | None:
    """A print's white border.

    Args:
        linear: (rows, cols, 3) linear light of a small picture
    Returns:
        None when there is no border that is surely one
    Cost:
        about 30 ms for 100,000 pixels
    """
    rows, cols = linear.shape[:2]
    if min(rows, cols) < 100:
        return None
    found = edge_strips(linear, least_light=_LIGHT)
    if len(found) < 3:
        return None
    colours = np.array([colour for colour, _ in found])
    labs = linear_to_lab(colours)
    if np.hypot(*(labs - labs.mean(axis=0))[:, 1:].T).max() > _ALIKE / 2:
        return None
    colour = np.median(colours, axis=0)
    border = Border(colour, max(depth for _, depth in found) + 3)
    inner = luminance(border.inside(linear))
    if inner.size < 2500 or np.quantile(inner, 0.99) > _INSIDE_LIGHTER * luminance(colour):
        return None
    return border


def edge_strips(linear: Pixels, *, least_light: float) -> list[tuple[np.ndarray, int]]:
    """Strips of one colour along the edges, each ending on a straight line.

    Args:
        linear: (rows, cols, 1 or 3) linear light of a small picture
        least_light: luminance of the darkest strip that counts
    Returns:
        colour (channels,) in linear light and depth in pixels of each: top, right, bottom, left
    """
    colours = linear if linear.shape[2] == 3 else np.repeat(linear, 3, axis=2)
    lab = linear_to_lab(colours)
    sides = [_strip(lab, linear, side, least_light) for side in range(4)]
    return [side for side in sides if side is not None]


def _strip(
    lab: np.ndarray, linear: Pixels, side: int, least_light: float
) -> tuple[np.ndarray, int] | None:
    """Colour and depth of the strip at one side."""
    lab, linear = np.rot90(lab, side), np.rot90(linear, side)
    rows, cols = lab.shape[:2]
    least, most = max(3, int(_LEAST_SHARE * rows)), int(_MOST_SHARE * rows)
    middle = slice(cols // 10, cols - cols // 10)
    outer = slice(1, least)  # the outermost line is where the scanner's crop ends
    colour = np.median(linear[outer, middle].reshape(-1, linear.shape[2]), axis=0)
    if luminance(colour) < least_light or colour.max() > 0.99:
        return None
    own = np.median(lab[outer, middle].reshape(-1, 3), axis=0)
    away = np.linalg.norm(lab[:most, middle] - own, axis=-1)
    if np.quantile(away[outer], 0.9) > _ALIKE:
        return None
    left = away > _EDGE
    left[0] = False
    depth = np.where(left.any(axis=0), left.argmax(axis=0), most)
    end = int(np.median(depth))
    straight = float(np.mean(np.abs(depth - end) <= 2))
    if not least <= end < most or straight < _STRAIGHT_SHARE:
        return None
    return colour, end
