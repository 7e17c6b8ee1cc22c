"""Find a stain's own edge inside a mask that was painted around it by hand.

The mask's outline is unrolled: densities are read along its normals, a row for each point of the
outline. The edge is the path through these rows along which the density rises most, drawn by
dynamic programming so that it bends no more than a hand-painted outline strays (Amini, Weymouth,
Jain 1990, doi:10.1109/34.57681, on contours found so).

The best of many paths rises a little in any texture. So the best *falling* path is drawn as well:
where there is no edge the two are alike, and how far one outdoes the other tells how sure it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Plane

_OUT_PX = 4
_FEWEST_POINTS = 300  # along a shorter outline any texture has an edge somewhere
_ALONG_PX = 7  # rises are averaged over so many points of the outline
_EDGE, _NO_EDGE = 0.78, 0.9  # rise of the one path over that of the other: surely, and none
_STEEPEST = 4.0  # a rise counts for no more than so many times the usual: outlines of the picture


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """A mask that ends at the stain's edge, and how sure that is, 0-1."""

    mask: Mask
    sure: float


def snap_to_edge(plane: Plane, hole: Mask, signed: Plane) -> Edge | None:
    """Draw in the outline of a hole to the edge of what it surrounds.

    Args:
        plane: (rows, cols) float32 density
        hole: (rows, cols) bool
        signed: (rows, cols) float32 px, depth inside the hole, negative outside
    Returns:
        the edge, or None where no outline is long enough
    Cost:
        about 2 us for each point of the outline and pixel of depth
    """
    import cv2

    size = float(np.sqrt(np.count_nonzero(hole)))
    reach = int(np.clip(round(size / 4), 4, 32))
    soft = cv2.GaussianBlur(plane, (0, 0), 1.0)
    normals = [np.gradient(cv2.GaussianBlur(signed, (0, 0), 3.0), axis=a) for a in (0, 1)]
    outlines, _ = cv2.findContours(hole.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    drawn = np.zeros(hole.shape, np.uint8)
    gains = np.zeros(2)
    for outline in outlines:
        points = outline[:, 0, ::-1]  # row, col
        if len(points) < _FEWEST_POINTS:
            continue
        at = tuple(points.T)
        across = np.stack([n[at] for n in normals], axis=1)
        across /= np.maximum(np.hypot(*across.T), 1e-3)[:, None]
        depths = np.arange(-_OUT_PX, reach + 1)
        places = points[:, None, :] + across[:, None, :] * depths[None, :, None]
        rows, cols = (places[:, :, k].astype(np.float32) for k in (0, 1))
        read = cv2.remap(soft, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        rises = _rises(read)
        best = [_best_path(sign * rises) for sign in (1, -1)]
        gains += [gain for _, gain in best]
        path = best[0][0] if best[0][1] >= best[1][1] else best[1][0]
        chosen = points + across * (depths[path + 1])[:, None]
        polygon = np.rint(chosen[:, ::-1]).astype(np.int32)
        cv2.fillPoly(drawn, [polygon], 1)
    if not drawn.any():
        return None
    more, less = float(gains.max()), float(max(gains.min(), 0))
    sure = float(np.clip((_NO_EDGE - less / max(more, 1e-9)) / (_NO_EDGE - _EDGE), 0, 1))
    return Edge((drawn > 0) & hole, sure)


def _rises(read: np.ndarray) -> np.ndarray:
    """Rises along each normal, steep ones cut, averaged along the outline."""
    import cv2

    rises = (read[:, 2:] - read[:, :-2]) / 2
    most = _STEEPEST * (float(np.median(np.abs(rises))) + 1e-4)
    cut = np.clip(rises, -most, most)
    joined = np.concatenate([cut[-_ALONG_PX:], cut, cut[:_ALONG_PX]])  # the outline is closed
    mean = cv2.blur(joined, (1, _ALONG_PX), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(mean[_ALONG_PX:-_ALONG_PX], np.float64)


def _best_path(rises: np.ndarray) -> tuple[np.ndarray, float]:
    """The depth at each point whose rises add up to most; neighbours differ by at most one.

    The outline is closed: it is walked twice, and the second half of the first walk with the
    first half of the second makes the path.
    """
    count, depths = rises.shape
    twice = np.concatenate([rises, rises])
    came = np.zeros((2 * count, depths), np.int8)
    total = twice[0].copy()
    price = 0.25 * float(np.median(np.abs(rises)))
    for n in range(1, 2 * count):
        up = np.concatenate([[-np.inf], total[:-1] - price])
        down = np.concatenate([total[1:] - price, [-np.inf]])
        ways = np.stack([total, up, down])
        choice = ways.argmax(axis=0)
        came[n] = np.array([0, -1, 1], np.int8)[choice]
        total = ways.max(axis=0) + twice[n]
    path = np.zeros(2 * count, np.int64)
    path[-1] = int(total.argmax())
    for n in range(2 * count - 1, 0, -1):
        path[n - 1] = path[n] + came[n, path[n]]
    half = count // 2
    middle = np.roll(path[half : half + count], half)
    return middle, float(rises[np.arange(count), middle].sum())
