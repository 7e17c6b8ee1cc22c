"""JPEG blocks: whether the grid of 8 x 8 pixels shows, where it lies, and what quality made it.

A picture that was coded steps at the edges of blocks. How much more than inside them is averaged
for each of the eight places that an edge can have, down and across, so that pictures that were
cropped afterwards are seen, too. Then the blocks are transformed as JPEG does: coefficients that
were once rounded to multiples of a table's entries are still near those multiples, and of the
tables that fit the coarsest is the one that was used.

What was enlarged, turned by a slant or denoised after coding has lost the multiples, and mostly
the grid. High quality leaves no grid to be seen; then nothing is said of quality either.

Looks at up to 24 windows of 256 x 256 pixels, on the brightness that JPEG codes.

Source:
    Fan, de Queiroz 2003, doi:10.1109/TIP.2002.807361 (grid and table from decoded pixels)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.survey import windows
from unfade.engines.contract import BenchView
from unfade.findings import JpegBlocks
from unfade.picture import Picture, Plane, Window
from unfade.pixels.jpeg_tables import DCT, LUMINANCE, YCC, table_of

AT_MOST_WINDOWS = 24
_LEAST_PX = 32
_LARGEST_STEP = 12.0  # codes: a larger step is an edge of the scene
_SURE_SCORE, _NO_SCORE = 12.0, 6.0  # standard errors by which the grid's step is larger
_BLOCKY = 0.12  # blockiness that is seen when looking closely
_FITS = 0.55  # mean cosine of coefficients over their table's entry
_AS_GOOD = 0.12
_FREQUENCIES = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0), (2, 2),
                (1, 3), (3, 1))  # fmt: skip
_LEAST_COEFFICIENTS = 60


@dataclass(frozen=True, slots=True)
class Steps:
    """Sums over one window, for each place of the grid: (2, 8), down and across.

    ``count``, ``excess`` and ``squares`` are of the step's excess over its neighbours, in codes;
    ``step`` of the steps themselves.
    """

    count: np.ndarray
    excess: np.ndarray
    squares: np.ndarray
    step: np.ndarray


def look(picture: Picture, bench: BenchView) -> JpegBlocks:
    """Find JPEG's grid and quality in the pixels."""
    if min(picture.rows, picture.cols) < _LEAST_PX:
        return JpegBlocks(
            says=f"JPEG blocks: not measured, the picture is under {_LEAST_PX} pixels wide."
        )
    chosen = list(windows(picture, at_most=AT_MOST_WINDOWS))
    lumas = list(
        bench.map(
            lambda window: _luma(picture, window),
            chosen,
            says="Looking for JPEG blocks",
            total=len(chosen),
            bytes_each=256 * 256 * 60,
        )
    )
    parts = [steps(plane, window) for plane, window in zip(lumas, chosen)]
    grid, scores, blockiness = _grid(parts)
    if min(scores) < _NO_SCORE:
        return JpegBlocks(
            says="JPEG blocks: none to be seen.", confidence=0.9, blocky=False, blockiness=0.0
        )
    quality = _quality(lumas, chosen, grid)
    if min(scores) < _SURE_SCORE or (quality is None and blockiness < _BLOCKY):
        return JpegBlocks(
            says="JPEG blocks: a trace of a grid of 8 pixels, too faint to be sure of.",
            grid=grid,
            blockiness=blockiness,
            quality=quality,
        )
    blocky = blockiness >= _BLOCKY
    return JpegBlocks(
        says=_words(blocky, grid, blockiness, quality),
        confidence=0.95 if quality is not None else 0.8,
        blocky=blocky,
        grid=grid,
        blockiness=blockiness,
        quality=quality,
    )


def steps(plane: Plane, window: Window) -> Steps:
    """Steps between neighbouring pixels of one window, sorted by their place in the grid.

    Args:
        plane: (rows, cols) codes of 8 bits, float32
        window: where it lies in the picture
    Cost:
        2 ms for 256 x 256
    """
    both = [_along(plane, window.top), _along(plane.T, window.left)]
    return Steps(*(np.stack(each) for each in zip(*both)))


def _along(plane: np.ndarray, start: int) -> tuple[np.ndarray, ...]:
    """Sums for steps from row to row; the edge before absolute row r belongs to r mod 8."""
    sizes = np.minimum(np.abs(np.diff(plane, axis=0)), _LARGEST_STEP)
    excess = sizes[1:-1] - (sizes[:-2] + sizes[2:]) / 2
    place = (np.arange(len(excess)) + start + 2) % 8

    def summed(each: np.ndarray) -> np.ndarray:
        return np.bincount(place, each, 8)

    rows = excess.mean(axis=1, dtype=np.float64)
    ones = np.ones(len(excess))
    return summed(ones), summed(rows), summed(rows**2), summed(sizes[1:-1].mean(axis=1))


def _luma(picture: Picture, window: Window) -> Plane:
    pixels = picture.read(window) * np.float32(255)
    if picture.channels == 1:
        return np.ascontiguousarray(pixels[:, :, 0])
    red, green, blue = (pixels[:, :, c] * np.float32(YCC[0, c]) for c in range(3))
    return np.asarray((red + green) + blue)


def _grid(parts: Sequence[Steps]) -> tuple[tuple[int, int], tuple[float, float], float]:
    """The grid's place, by how many standard errors it stands out each way, and its blockiness."""
    count = np.sum([p.count for p in parts], axis=0)
    excess, squares, step = (
        np.sum([getattr(p, name) for p in parts], axis=0) / np.maximum(count, 1)
        for name in ("excess", "squares", "step")
    )
    place, scores, blockiness = [], [], []
    for way in range(2):
        best = int(np.argmax(excess[way]))
        # the neighbours of a step are lower beside it by half: they are no measure of chance
        rest = [k for k in range(8) if (k - best) % 8 not in (0, 1, 7)]
        error = np.sqrt(
            np.mean(np.maximum(squares[way][rest] - excess[way][rest] ** 2, 0))
            / max(float(np.mean(count[way])), 1)
        )
        gap = excess[way][best] - excess[way][rest].mean()
        scores.append(float(gap / (error + 0.004)))
        others = [k for k in range(8) if k != best]
        inside = float(step[way][others].mean())
        blockiness.append(max(0.0, float(step[way][best]) / (inside + 0.25) - 1))
        place.append(best)
    return (place[0], place[1]), (scores[0], scores[1]), float(np.mean(blockiness))


def _quality(lumas: Sequence[Plane], chosen: Sequence[Window], grid: tuple[int, int]) -> int | None:
    """The coarsest quality whose table the coefficients are multiples of."""
    coefficients = np.concatenate(
        [_coefficients(plane, window, grid) for plane, window in zip(lumas, chosen)]
    )
    if len(coefficients) < _LEAST_COEFFICIENTS:
        return None
    scores = np.full(101, -1.0)
    known: dict[tuple[int, float], tuple[float, int]] = {}
    for quality in range(1, 101):
        table = table_of(LUMINANCE, quality)
        total, count = 0.0, 0
        for number, (down, right) in enumerate(_FREQUENCIES):
            key = number, float(table[down, right])
            if key not in known:
                values = np.abs(coefficients[:, number])
                values = values[values > key[1] / 2]  # what was rounded to zero tells nothing
                known[key] = (float(np.cos(2 * np.pi * values / key[1]).sum()), len(values))
            total, count = total + known[key][0], count + known[key][1]
        if count >= _LEAST_COEFFICIENTS:
            scores[quality] = total / count
    best = float(scores.max())
    if best < _FITS:
        return None
    fitting = np.flatnonzero(scores >= best - _AS_GOOD)
    first = fitting[0]  # coarsest; of its neighbours that fit as well the best
    near = fitting[fitting <= first + 4]
    same = [q for q in near if scores[q] >= scores[near].max() - 1e-9]
    return int(same[len(same) // 2])  # neighbours may have the same table where it was looked at


def _coefficients(plane: Plane, window: Window, grid: tuple[int, int]) -> np.ndarray:
    """(blocks, frequencies) of the blocks that lie inside a window."""
    top, left = (grid[0] - window.top) % 8, (grid[1] - window.left) % 8
    rows, cols = (plane.shape[0] - top) // 8, (plane.shape[1] - left) // 8
    whole = plane[top : top + 8 * rows, left : left + 8 * cols]
    blocks = whole.reshape(rows, 8, cols, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
    basis = DCT.astype(np.float32)
    # blocks that touch either end of the scale were clipped after decoding
    sound = (blocks.min(axis=(1, 2)) > 1) & (blocks.max(axis=(1, 2)) < 254)
    seen = basis @ blocks[sound] @ basis.T
    return np.stack([seen[:, down, right] for down, right in _FREQUENCIES], axis=1)


def _words(blocky: bool, grid: tuple[int, int], blockiness: float, quality: int | None) -> str:
    made = "of unknown quality" if quality is None else f"of quality about {quality}"
    place = "" if grid == (0, 0) else f", its grid moved to row {grid[0]}, column {grid[1]}"
    if not blocky:
        return f"JPEG blocks: hardly seen, coding {made}{place}."
    return f"JPEG blocks: steps {1 + blockiness:.1f} times those inside, coding {made}{place}."


FINDER = Finder(name="jpeg_blocks", title="Blocks of JPEG compression", look=look)
