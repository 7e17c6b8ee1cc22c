"""Long, nearly straight lines along which the light jumps: candidates for folds.

The picture's logarithm is turned by steps of some degrees, so that a fold lies about level; how
the light jumps and peaks across each row is summed up along the most telling path by dynamic
programming. What is seen everywhere along a line weighs more than what is seen strongly in one
place: each place's evidence is limited and measured against how rough its surround is.

Related: Newson, Almansa, Gousseau & Perez 2014, "Robust automatic line scratch detection in
films", IEEE TIP 23(3), doi:10.1109/TIP.2014.2300824, for summing evidence along lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unfade.picture import Plane

DEGREES = 7.5
BLOCK_PX = 8  # evidence is averaged along the line over as much; a path moves 1 px aside in it
NEAR_PX, FAR_PX = (2, 4), (9, 16)  # how far from the line its flanks are, and the sound picture
ROUGH_PX, ROUGH_BLOCKS = 41, 5  # surround in which roughness is measured
LEAST_ROUGH = 0.004  # of the logarithm: below is noise and rounding
LIMIT = 2.0  # evidence of one place, in roughnesses
TOLL = 0.6  # each block costs as much; a path must earn more
TURN = 0.15  # moving aside costs as much
PATHS_A_TURN = 2
LEAST_LIGHT = 0.03
NO_ODDS, SPREAD_ODDS = -2.0, 2.0  # log odds of a network that are no evidence, and one of it


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A candidate: (n, 2) rows and columns, a block apart, and what its path earned."""

    points: np.ndarray
    score: float


def log_light(pixels: np.ndarray) -> Plane:
    """(rows, cols) float32 natural logarithm of the brightness, its dark end cut off."""
    weights = np.full(pixels.shape[2], 1 / pixels.shape[2], np.float32)
    return np.log(np.maximum(pixels @ weights, np.float32(LEAST_LIGHT)))


def find_lines(light: Plane, *, at_most: int = 12) -> list[Line]:
    """The most telling paths of a picture, best first.

    Args:
        light: (rows, cols) float32, as ``log_light`` gives it; about 0.4 megapixels or less
    Cost:
        about 1 s for 0.4 megapixels on one core
    """
    return _telling(light, folded, at_most)


def find_seen_lines(odds: Plane, *, at_most: int = 12) -> list[Line]:
    """The same in what a network sees: (rows, cols) float32 log odds that a pixel is folded."""
    import cv2

    def seen(level: Plane) -> np.ndarray:
        return np.clip((level - NO_ODDS) / SPREAD_ODDS, -LIMIT, LIMIT)[None]

    return _telling(np.asarray(cv2.dilate(odds, np.ones((3, 3), np.uint8))), seen, at_most)


def _telling(plane: Plane, evidence: Callable[[Plane], np.ndarray], at_most: int) -> list[Line]:
    """The best paths through (ways, rows, blocks) of evidence that a level strip gives."""
    turned = [_turned(plane, degrees, evidence) for degrees in np.arange(0, 180, DEGREES)]
    ways = len(turned[0][0])
    rows = max(e.shape[1] for e, _ in turned)
    blocks = max(e.shape[2] for e, _ in turned)
    board = np.full((len(turned), ways, rows, blocks), -LIMIT, np.float32)
    for number, (found_here, _) in enumerate(turned):
        board[number, :, : found_here.shape[1], : found_here.shape[2]] = found_here
    found = []
    for path, score, number in _best_paths(board.reshape(-1, rows, blocks)):
        back = turned[number // ways][1]
        block = np.arange(len(path[1])) + path[0]
        x, y = (block + 0.5) * BLOCK_PX - 0.5, path[1].astype(np.float64)
        col = back[0, 0] * x + back[0, 1] * y + back[0, 2]
        row = back[1, 0] * x + back[1, 1] * y + back[1, 2]
        found.append(Line(np.stack([row, col], axis=1), score))
    found.sort(key=lambda line: -line.score)
    kept: list[Line] = []
    for line in found:
        if len(kept) == at_most:
            break
        if not any(same_line(line.points, other.points) for other in kept):
            kept.append(line)
    return kept


def _turned(
    plane: Plane, degrees: float, evidence: Callable[[Plane], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Evidence in the plane turned by as much, none outside it; and the way back."""
    import cv2

    rows, cols = plane.shape
    angle = np.deg2rad(degrees)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    wide = int(np.ceil(abs(cols * c) + abs(rows * s)))
    high = int(np.ceil(abs(cols * s) + abs(rows * c)))
    wide = -(-wide // BLOCK_PX) * BLOCK_PX
    # output (x, y) -> input: turned about both middles
    back = np.array([[c, -s, 0], [s, c, 0]])
    back[:, 2] = np.array([cols - 1, rows - 1]) / 2 - back[:, :2] @ [(wide - 1) / 2, (high - 1) / 2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    level = cv2.warpAffine(plane, back, (wide, high), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones_like(plane), back, (wide, high), flags=flags)
    small = (wide // BLOCK_PX, high)
    within = cv2.resize(inside, small, interpolation=cv2.INTER_AREA) > 0.99
    level = np.asarray(cv2.resize(level, small, interpolation=cv2.INTER_AREA))
    return np.where(within, evidence(level), np.float32(-LIMIT)), back


def folded(plane: Plane) -> np.ndarray:
    """How much each place of a level strip looks like a fold along its rows.

    Args:
        plane: (rows, blocks) float32 logarithm of light, averaged along the line
    Returns:
        (2, rows, blocks) float32 for light from above and from below. A fold is a jump of light
        that is gone some pixels further, unlike that at an edge between two things; and a peak
        above both its sides, where the layer broke
    """
    import cv2

    def mean(first: int, last: int) -> np.ndarray:  # of rows first to last below
        kernel = np.zeros(2 * FAR_PX[1] + 1, np.float32)
        kernel[FAR_PX[1] + first : FAR_PX[1] + last + 1] = 1 / (last - first + 1)
        return np.asarray(cv2.sepFilter2D(plane, cv2.CV_32F, np.ones(1, np.float32), kernel))

    here = mean(-1, 1)
    above, below = mean(-NEAR_PX[1], -NEAR_PX[0]), mean(*NEAR_PX)
    jump = above - below
    step = mean(-FAR_PX[1], -FAR_PX[0]) - mean(*FAR_PX)
    lasting = np.where(np.sign(step) == np.sign(jump), np.abs(step), 0)
    jump = np.sign(jump) * np.maximum(np.abs(jump) - lasting, 0)
    peak = np.minimum(here - above, here - below)
    peaks = np.maximum(_limited(peak), -0.5)
    jumps = _limited(jump)
    return np.asarray([0.8 * peaks + jumps, 0.8 * peaks - jumps], np.float32)


def earned(laid: np.ndarray) -> float:
    """What a path along the middle of a laid-out surround earns as a fold, see ``find_lines``.

    Args:
        laid: (rows, length, channels) float32 logarithm of light, at least a block long
    """
    blocks = laid.shape[1] // BLOCK_PX
    plane = laid[:, : blocks * BLOCK_PX].mean(axis=2).reshape(len(laid), blocks, BLOCK_PX)
    ways = folded(np.ascontiguousarray(plane.mean(axis=2)))
    middle = len(laid) // 2
    return float((ways[:, middle - 1 : middle + 2].max(axis=1) - TOLL).sum(axis=1).max())


def same_line(points: np.ndarray, others: np.ndarray) -> bool:
    """Whether a line of (n, 2) points runs mostly along another."""
    return _overlap(points, others) >= 0.5


def _limited(response: Plane) -> Plane:
    """A response in units of how strong it is round about, limited."""
    import cv2

    rough = cv2.blur(np.abs(response), (ROUGH_BLOCKS, ROUGH_PX)) + np.float32(LEAST_ROUGH)
    return np.asarray(np.clip(response / rough, -LIMIT, LIMIT))


def _best_paths(board: np.ndarray) -> list[tuple[tuple[int, np.ndarray], float, int]]:
    """The best paths of each layer of (layers, rows, blocks): (first block, rows), score, layer."""
    layers, rows, blocks = board.shape
    score = np.zeros((blocks, layers, rows), np.float32)
    came = np.zeros((blocks, layers, rows), np.int8)
    before = np.zeros((layers, rows), np.float32)
    for block in range(blocks):
        choices = np.stack(
            [
                np.pad(before[:, :-1], ((0, 0), (1, 0))) - TURN,
                before,
                np.pad(before[:, 1:], ((0, 0), (0, 1))) - TURN,
            ]
        )
        best = choices.argmax(axis=0)
        top = np.take_along_axis(choices, best[None], axis=0)[0]
        came[block] = np.where(top > 0, best - 1, 2)  # 2: begins here
        before = np.maximum(np.maximum(top, 0) + board[:, :, block] - TOLL, 0)
        score[block] = before
    found = []
    for layer in range(layers):
        for _ in range(PATHS_A_TURN):
            plane = score[:, layer]
            block, row = divmod(int(plane.argmax()), rows)
            value = float(plane[block, row])
            if value <= 0:
                break
            path = []
            while True:
                path.append(row)
                step = int(came[block, layer, row])
                if step == 2 or block == 0:
                    break
                row, block = row + step, block - 1
            path.reverse()
            found.append(((block, np.array(path)), value, layer))
            for n, at in enumerate(path):  # paths beside this one say the same
                score[block + n :, layer, max(0, at - 6) : at + 7] *= n == len(path) + 1
    return found


def best_path(board: np.ndarray) -> np.ndarray:
    """(blocks,) row of the best path from end to end through (layers, rows, blocks), one layer."""
    layers, rows, blocks = board.shape
    before = np.zeros((layers, rows), np.float32)
    came = np.zeros((blocks, layers, rows), np.int64)
    for block in range(blocks):
        low = np.full((layers, 1), -np.inf, np.float32)
        choices = np.stack(
            [
                np.concatenate((low, before[:, :-1] - TURN), axis=1),
                before,
                np.concatenate((before[:, 1:] - TURN, low), axis=1),
            ]
        )
        came[block] = choices.argmax(axis=0) - 1
        before = choices.max(axis=0) + board[:, :, block]
    layer, row = divmod(int(before.argmax()), rows)
    path = np.empty(blocks, np.int64)
    for block in range(blocks - 1, -1, -1):
        path[block] = row
        row += int(came[block, layer, row])
    return path


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Share of ``a``'s points that lie within a block of ``b``."""
    apart = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
    return float((apart.min(axis=1) < BLOCK_PX).mean())
