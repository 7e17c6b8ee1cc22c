"""Folds and tears in what ``unfade-creases`` sees of an overview: candidates, measured.

The network says of each pixel how likely it is folded or torn, and is often wrong about one pixel:
a twig looks like a crack. A line that it sees along its length, lit as a fold is on both flanks
(``strip``), or a whole piece that it takes for torn, is much surer than any pixel of it; how sure,
``judge`` says. Lines that stand out by their own looks (``lines``) are measured with those that it
sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.condition.creases import lines, strip
from unfade.condition.creases.weights import CREASE
from unfade.findings import Region
from unfade.picture import Pixels, Plane
from unfade.pixels.regions import regions_of

NETWORK = "unfade-creases"
OVERVIEW_PX = 200_000  # folds are long: they are sought in a smaller overview than tears
ANY, FOLDED, TORN = 0, 1, 2  # what its logits say
ASIDE_PX = 3  # of the network's overview: so far from a line what it says is looked for
BORDER_PX = 14
LEAST_SEEN_PX = 8  # of fewer pixels that look folded no line is made
TORN_ODDS, TORN_PX = -1.0, 20  # pixels above hang together as a piece of at least so many
LINE_FEATURES = (
    *strip.FEATURES, "own log odds", "in all", "said", "said least", "said most", "seen", "maybe",
    "damaged", "torn", "log seen of all", "log others alike", "log others seen",
)  # fmt: skip
ALIKE_ODDS, SEEN_ODDS = -1.0, -3.0  # of other candidates: a picture full of lines is no folded one
PIECE_FEATURES = (
    "said", "said most", "said least", "damaged", "folded", "log area", "log reach", "inward",
    "at a side", "at a corner", "full", "light", "uneven", "light of all",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class SeenPiece:
    """Pixels that may be torn or gone, and ``PIECE_FEATURES``.

    Attributes:
        at_corner: it reaches over one of the picture's corners
    """

    region: Region
    at_corner: bool
    features: np.ndarray


def line_candidates(small: Pixels, logits: np.ndarray, scale: float) -> list[np.ndarray]:
    """Lines that the network sees and lines that stand out: (n, 2) rows and columns each.

    Args:
        small: (rows, cols, channels) float32 0-1, an overview
        logits: (rows, cols, 3) float32 of the network, of one ``scale`` times as coarse
    Cost:
        about 1 s for 0.6 megapixels on one core
    """
    found = [line.points for line in lines.find_lines(lines.log_light(small))]
    folded = np.ascontiguousarray(logits[:, :, FOLDED])
    if np.count_nonzero(folded > 0) >= LEAST_SEEN_PX:
        for line in lines.find_seen_lines(folded):
            points = line.points * scale + (scale - 1) / 2
            if not any(lines.same_line(points, other) for other in found):
                found.append(points)
    rows, cols = small.shape[:2]
    long = (p for p in found if np.hypot(*np.diff(p, axis=0).T).sum() > lines.BLOCK_PX)
    return [points for points in long if not beside_border(points, rows, cols)]


def line_features(
    small: Pixels, candidates: Sequence[np.ndarray], logits: np.ndarray, scale: float
) -> np.ndarray:
    """(candidates, features) float64, named in ``LINE_FEATURES``; arguments as above."""
    if not candidates:
        return np.zeros((0, len(LINE_FEATURES)))
    each = np.array([_measured(small, points, logits, scale) for points in candidates])
    alike, seen = (
        each[:, LINE_FEATURES.index(name)] > least
        for name, least in (("own log odds", ALIKE_ODDS), ("said", SEEN_ODDS))
    )
    others = [np.log1p(one.sum() - one) for one in (alike, seen)]
    return np.column_stack([each, *others])


def _measured(small: Pixels, points: np.ndarray, logits: np.ndarray, scale: float) -> np.ndarray:
    laid = strip.straightened(small, points)
    own = strip.features(laid, points, lines.earned(laid), *small.shape[:2])
    sure = np.clip(CREASE.chance(own), 1e-4, 1 - 1e-4)
    odds = np.log(sure / (1 - sure))
    return np.concatenate([own, [odds], _said_along((points - (scale - 1) / 2) / scale, logits)])


def seen_pieces(small: Pixels, logits: np.ndarray) -> list[SeenPiece]:
    """Candidates for tears and lost corners in an overview and the logits of it, as large."""
    torn = logits[:, :, TORN]
    rows, cols = torn.shape
    found = []
    for region in regions_of(torn > TORN_ODDS):
        if region.area_px < TORN_PX:
            continue
        window = region.window
        above, left = window.top < 2, window.left < 2
        below, right = window.bottom > rows - 2, window.right > cols - 2
        said = logits[window.slices][region.mask]
        pixels = small[window.slices][region.mask]
        inward = max(
            window.rows if above or below else 0, window.cols if left or right else 0
        ) / min(rows, cols)  # fmt: skip
        at_corner = (above or below) and (left or right)
        features = (
            said[:, TORN].mean(),
            np.quantile(said[:, TORN], 0.9),
            np.quantile(said[:, TORN], 0.1),
            said[:, ANY].mean(),
            said[:, FOLDED].mean(),
            np.log(region.area_px),
            np.log(np.hypot(window.rows, window.cols) / min(rows, cols)),
            inward,
            above + below + left + right > 0,
            above + below + left + right > 1,
            region.area_px / (window.rows * window.cols),
            pixels.mean(),
            pixels.std(axis=0).mean(),
            small.mean(),
        )
        found.append(SeenPiece(region, at_corner, np.array(features, np.float64)))
    return found


def beside_border(points: np.ndarray, rows: int, cols: int) -> bool:
    """Whether a line keeps to one of the picture's sides: a frame, a scan's edge, a print's."""
    apart = np.stack([points[:, 0], points[:, 1], rows - 1 - points[:, 0], cols - 1 - points[:, 1]])
    return bool(((apart < BORDER_PX).mean(axis=1) > 0.7).any())


def _said_along(points: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """What the network says within some pixels of a line, and how much it sees in all."""
    place, _ = strip.along(points)
    last = np.array(logits.shape[:2]) - 1
    down, right = np.rint(place).astype(int).clip(0, last).T

    def best(plane: Plane) -> np.ndarray:
        import cv2

        wide = cv2.dilate(np.ascontiguousarray(plane), np.ones((2 * ASIDE_PX + 1,) * 2, np.uint8))
        return np.asarray(wide)[down, right]

    said = best(logits[:, :, FOLDED])
    paid = (said - lines.NO_ODDS) / lines.SPREAD_ODDS
    return np.array(
        [
            np.log(max((np.clip(paid, -lines.LIMIT, lines.LIMIT) - lines.TOLL).sum(), 1.0)),
            said.mean(),
            np.quantile(said, 0.2),
            np.quantile(said, 0.8),
            np.mean(said > 0),
            np.mean(said > -3),
            best(logits[:, :, ANY]).mean(),
            best(logits[:, :, TORN]).mean(),
            np.log(max(float(np.mean(logits[:, :, FOLDED] > 0)), 1e-5)),
        ]
    )
