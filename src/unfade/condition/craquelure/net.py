"""What a field of lines looks like: whether they make a net, as age cracks do.

One field is a window of at most 256 x 256 pixels. What tells cracks apart:

* they enclose islands, and meet; brush strokes, hair, branches and folds run beside one another
  and end;
* they are of one polarity, on a paint that is calm between them;
* the paint is the same on both sides; outlines and folds stand between two tones;
* they go on over the whole field.

Related: Bucklow 1997, The description of craquelure patterns, Stud. Conserv. 42:129 (islands,
junctions, direction).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.condition.craquelure.ridges import Lines, traced
from unfade.picture import Mask, Plane
from unfade.pixels.thinning import thin

LOW, HIGH = 1.5, 3.0  # of the local mean of the other polarity
LEAST = 3 / 255
SHORTEST_PX = 24  # what is shorter is no part of a net
ISLAND_PX2 = 30
SPUR_PX = 6

# what is measured of each field, in this order
FEATURES = (
    "log_polarity",  # lines over lines of the other polarity
    "log_share",
    "log_long",  # share of the lines' pixels in long pieces
    "log_islands",  # share of the field that lines enclose
    "log_junctions",  # for each 100 pixels of line
    "log_ends",
    "log_step",  # difference of the sides over the depth of the line
    "log_strength",
    "log_uneven",  # spread of the strength along the lines, over its mean
    "log_control",  # mean of the other polarity: texture
    "cover",  # share of 32 x 32 cells that hold lines
    "log_hats",  # 97 % point of what stands out, over that of the other polarity
)


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """Lines of one polarity in one field, and what they look like.

    Attributes:
        mask: (rows, cols) bool
        features: (len(FEATURES),)
        length_px: of the centre lines
        islands_px2: area of each island that the lines enclose
        junctions: how many there are, without those of short spurs
        axes: sums of cos and sin of twice the lines' direction, and their weight
    """

    mask: Mask
    features: np.ndarray
    length_px: float
    islands_px2: np.ndarray
    junctions: int
    axes: tuple[float, float, float]


def net_of(plane: Plane, found: Lines, control: Lines) -> Net:
    """The net of one polarity in a field.

    Args:
        plane: (rows, cols) float32 brightness
        found, control: ``ridges.lines`` of the polarity that is looked for, and of the other
    """
    all_lines = traced(found, control, low=LOW, high=HIGH, least=LEAST)
    others = traced(control, found, low=LOW, high=HIGH, least=LEAST)
    mask = long_pieces(all_lines, SHORTEST_PX)
    centre = thin(mask)
    length = float(centre.sum())
    junctions = _junctions(centre)
    ends = int((centre & (_neighbours(centre) == 1)).sum())
    islands = _islands(mask)
    return Net(
        mask=mask,
        features=np.array(
            [
                np.log((all_lines.mean() + 5e-4) / (others.mean() + 5e-4)),
                np.log(mask.mean() + 5e-4),
                np.log((mask.sum() + 20) / (all_lines.sum() + 20)),
                np.log(islands.sum() / mask.size + 3e-3),
                np.log((junctions + 0.5) / (length + 50) * 100),
                np.log((ends + 0.5) / (length + 50) * 100),
                _step(plane, found.strength, mask),
                np.log((_mean(found.strength, mask)) + 3e-3),
                _uneven(found.strength, centre),
                np.log(control.strength.mean() + 5e-4),
                cover(mask),
                np.log((_high(found.hat) + 4e-3) / (_high(control.hat) + 4e-3)),
            ]
        ),
        length_px=length,
        islands_px2=islands,
        junctions=_junctions(_pruned(centre)),
        axes=_axes(plane, mask),
    )  # fmt: skip


_RING = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)


def _neighbours(centre: Mask) -> np.ndarray:
    import cv2

    lines = centre.astype(np.uint8)
    return np.asarray(cv2.filter2D(lines, -1, _RING, borderType=cv2.BORDER_CONSTANT))


def _junctions(centre: Mask) -> int:
    import cv2

    meeting = (centre & (_neighbours(centre) >= 3)).astype(np.uint8)
    return int(cv2.connectedComponents(meeting, connectivity=8)[0]) - 1


def _pruned(centre: Mask) -> Mask:
    """Centre lines without the short spurs that a ragged outline makes."""
    for _ in range(SPUR_PX):
        centre = centre & (_neighbours(centre) != 1)
    return centre


def long_pieces(mask: Mask, least_px: int) -> Mask:
    """The connected pieces of a mask that extend over at least so many rows or columns."""
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    kept = extent >= least_px
    kept[0] = False
    return np.asarray(kept[labels])


def _islands(mask: Mask) -> np.ndarray:
    """Areas of what the lines enclose, without what touches the field's border."""
    import cv2

    _, _, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    left, top, cols, rows, area = stats.T
    inner = (left > 0) & (top > 0) & (left + cols < mask.shape[1]) & (top + rows < mask.shape[0])
    inner[0] = False
    return np.asarray(area[inner & (area >= ISLAND_PX2)], np.int64)


def _high(plane: Plane) -> float:
    return float(np.percentile(plane, 97))


def _mean(plane: Plane, mask: Mask) -> float:
    return float(plane[mask].mean()) if mask.any() else 0.0


def _step(plane: Plane, strength: Plane, mask: Mask) -> float:
    import cv2

    calm = cv2.GaussianBlur(plane, (0, 0), 5)
    slope = np.hypot(cv2.Sobel(calm, cv2.CV_32F, 1, 0), cv2.Sobel(calm, cv2.CV_32F, 0, 1))
    step = _mean(slope, mask) if mask.any() else 0.01
    return float(np.log(step + 2e-3) - np.log(_mean(strength, mask) + 4e-3))


def _uneven(strength: Plane, centre: Mask) -> float:
    if centre.sum() <= 3:
        return float(np.log(1.05))
    along = strength[centre]
    return float(np.log(along.std() / (along.mean() + 1e-6) + 0.05))


def cover(mask: Mask, least: float = 0.01) -> float:
    """Share of the cells of 32 x 32 pixels of which more than ``least`` is set."""
    import cv2

    size = (max(1, mask.shape[1] // 32), max(1, mask.shape[0] // 32))
    cells = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return float((cells > least).mean())


def _axes(plane: Plane, mask: Mask) -> tuple[float, float, float]:
    """Directions as doubled angles, so that opposite ones add up."""
    import cv2

    across = cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3)[mask]
    down = cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3)[mask]
    # the gradient stands across the line: turned by a quarter, doubled by a half
    return (
        float(-(across**2 - down**2).sum(dtype=np.float64)),
        float(-(2 * across * down).sum(dtype=np.float64)),
        float((across**2 + down**2).sum(dtype=np.float64)),
    )
