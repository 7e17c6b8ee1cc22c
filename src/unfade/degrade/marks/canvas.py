"""Drawing marks on the host: strokes along paths, specks, and soft cloudy shapes.

Everything is antialiased by the distance to the shape's edge, so that positions and widths are
true to a fraction of a pixel; there is no picture here, only how much each place is covered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Plane, Window

_STEP = 0.7  # a turned lattice this fine has a point in every pixel
LEAST = 1.5 / 255  # fainter than this is no mark: it is left out of picture and mask alike


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Pixels along a path: flat index, signed distance across, position along (0-1)."""

    index: np.ndarray
    across_px: np.ndarray
    along: np.ndarray


class Canvas:
    """How much each pixel is covered, and by which of the items laid on it."""

    def __init__(self, rows: int, cols: int) -> None:
        self.rows, self.cols = rows, cols
        self.amount = np.zeros(rows * cols, np.float32)
        self.owner = np.zeros(rows * cols, np.int32)
        self.touched: list[np.ndarray] = []

    def lay(self, index: np.ndarray, amount: np.ndarray, owner: int | np.ndarray) -> Window | None:
        """Cover pixels; where items meet the stronger one shows. Returns the box, if any.

        Args:
            owner: number of the item, or one for each pixel
        """
        strong = amount > LEAST
        index, amount = index[strong], amount[strong].astype(np.float32)
        if index.size == 0:
            return None
        np.maximum.at(self.amount, index, amount)
        top = self.amount[index] == amount
        each = owner[strong][top] if isinstance(owner, np.ndarray) else owner
        self.owner[index[top]] = each
        self.touched.append(index)
        return box_of(index, self.cols)

    def lay_plane(self, plane: Plane, window: Window, owner: int) -> Window | None:
        """Cover a window by a plane that may reach over the picture's edge."""
        inside = window.overlap(Window(0, 0, self.rows, self.cols))
        if inside is None:
            return None
        part = plane[inside.within(window)]
        down, right = np.nonzero(part > LEAST)
        index = (down + inside.top) * self.cols + right + inside.left
        return self.lay(index, part[down, right], owner)

    @property
    def index(self) -> np.ndarray:
        """Flat indices of covered pixels, ascending, each once."""
        return indices_of(self)


def indices_of(*canvases: Canvas) -> np.ndarray:
    """Flat indices of the pixels that any of these canvases covers, ascending, each once."""
    touched = np.zeros(canvases[0].amount.size, bool)
    for canvas in canvases:
        for index in canvas.touched:
            touched[index] = True
    return np.flatnonzero(touched)


def box_of(index: np.ndarray, cols: int) -> Window:
    rows, columns = index // cols, index % cols
    return Window(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)


def trace(path: np.ndarray, reach_px: float, rows: int, cols: int) -> Trace:
    """All pixels within ``reach_px`` of a path, with their place along and across it.

    Args:
        path: (points, 2) float rows and columns; gentle in its turns
    """
    steps = np.hypot(*np.diff(path, axis=0).T)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, int(np.ceil(length[-1] / _STEP)) + 1)
    at = np.linspace(0, length[-1], count)
    centre = np.stack([np.interp(at, length, path[:, k]) for k in (0, 1)], axis=1)
    tangent = np.gradient(centre, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    offsets = np.arange(-np.ceil(reach_px / _STEP) - 1, np.ceil(reach_px / _STEP) + 2) * _STEP
    points = centre[:, None, :] + offsets[None, :, None] * normal[:, None, :]
    pixels = np.rint(points).astype(np.int64)
    away = pixels - centre[:, None, :]
    across = np.einsum("ijk,ik->ij", away, normal)
    # a pixel that lies ahead or behind is another sample's, or beyond the end
    lengthwise = np.einsum("ijk,ik->ij", away, tangent)
    over = np.abs(lengthwise) > 1
    down, right = pixels[:, :, 0], pixels[:, :, 1]
    inside = (down >= 0) & (down < rows) & (right >= 0) & (right < cols) & ~over
    along = np.broadcast_to((at / max(length[-1], 1e-9))[:, None], across.shape)
    return Trace((down * cols + right)[inside], across[inside], along[inside])


def covered(across_px: np.ndarray, half_px: np.ndarray | float, soft_px: float = 1.0) -> np.ndarray:
    """Share of a pixel that a stroke covers; thinner than a pixel it is never more than that."""
    half = np.asarray(half_px)
    share = (half - np.abs(across_px)) / soft_px + 0.5
    return np.clip(share, 0, np.minimum(1, 2 * half))


def wobbly(
    start: np.ndarray, end: np.ndarray, bend_px: float, wobble_px: float, rng: np.random.Generator
) -> np.ndarray:
    """A path between two points: an arc that a hand or a grain of sand would draw.

    Args:
        bend_px: how far the middle lies beside the straight line
        wobble_px: how far smaller waves go
    """
    count = 33
    t = np.linspace(0, 1, count)
    along = end - start
    length = max(float(np.hypot(*along)), 1e-6)
    across = np.array([along[1], -along[0]]) / length
    side = bend_px * 4 * t * (1 - t)
    for k in range(2, 7):
        side = side + rng.normal(0, wobble_px / k) * np.sin(np.pi * k * t + rng.uniform(0, 6.3))
    return np.asarray(start + t[:, None] * along + side[:, None] * across)


def profile(at: np.ndarray, knots: int, low: float, rng: np.random.Generator) -> np.ndarray:
    """A value between ``low`` and 1 that drifts along 0-1."""
    values = rng.uniform(low, 1.0, max(2, knots))
    return np.interp(at, np.linspace(0, 1, values.size), values)


def cloud(rows: int, cols: int, coarse_px: float, octaves: int, rng: np.random.Generator) -> Plane:
    """Smooth noise of mean 0 and about unit variance, each octave half as large and strong."""
    import cv2

    out = np.zeros((rows, cols), np.float32)
    total = 0.0
    for octave in range(octaves):
        size = max(coarse_px / 2**octave, 1.0)
        high, wide = (int(np.ceil(n / size)) + 3 for n in (rows, cols))
        coarse = rng.standard_normal((high, wide), np.float32)
        # a free phase, so that the lattice does not sit on the window's corner
        down, right = rng.uniform(0, 1, 2)
        turn = np.array([[1 / size, 0, 1 + right], [0, 1 / size, 1 + down]], np.float32)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        fine = cv2.warpAffine(
            coarse, turn, (cols, rows), flags=flags, borderMode=cv2.BORDER_REFLECT_101
        )
        weight = 0.55**octave
        out += np.float32(weight) * fine
        total += (0.7 * weight) ** 2
    return np.asarray(out / np.float32(np.sqrt(total)))


def specks(
    canvas: Canvas,
    centres: np.ndarray,
    radii_px: np.ndarray,
    amounts: np.ndarray,
    rough: float,
    rng: np.random.Generator,
    soft: float = 0.0,
) -> list[Window | None]:
    """Lay compact irregular spots, many at once; spot ``n`` is owner ``n``.

    Args:
        centres: (count, 2) rows and columns; radii_px, amounts: (count,)
        rough: 0 is an ellipse, 1 a splinter
        soft: 0 has an edge, 1 fades from its middle
    Returns:
        the box of each spot, None where it lies outside
    """
    boxes: list[Window | None] = [None] * len(radii_px)
    stretch = np.exp(rng.normal(0, 0.12 + 0.5 * rough, len(radii_px)))
    turn = np.exp(1j * rng.uniform(0, np.pi, len(radii_px)))
    # a wavy outline: the real part of a polynomial in the direction, from its square upward
    waves = rng.normal(0, 1, (len(radii_px), 5)) * rough / np.arange(2, 7)
    waves = waves * np.exp(1j * rng.uniform(0, 2 * np.pi, (len(radii_px), 5)))
    reach = np.ceil(radii_px * np.maximum(stretch, 1 / stretch) * (1.2 + rough) + 1.5)
    reach = np.minimum(reach, 8 * np.ceil(radii_px) + 2).astype(int)
    # spots of about one size together: a size and a half of it, doubled and doubled again
    fine = 2 ** np.floor(np.log2(reach))
    sizes = np.where(reach <= fine, fine, np.where(reach <= 1.5 * fine, 1.5 * fine, 2 * fine))
    for size in np.unique(sizes):
        _lay_spots(
            canvas, np.flatnonzero(sizes == size), int(np.ceil(size)), boxes,
            centres, radii_px, amounts, stretch, turn, waves, soft,
        )  # fmt: skip
    return boxes


def _lay_spots(
    canvas: Canvas,
    chosen: np.ndarray,
    reach: int,
    boxes: list[Window | None],
    centres: np.ndarray,
    radii_px: np.ndarray,
    amounts: np.ndarray,
    stretch: np.ndarray,
    turn: np.ndarray,
    waves: np.ndarray,
    soft: float,
) -> None:
    """Lay the chosen spots, each in a square of ``reach`` pixels about its middle."""
    middle = np.rint(centres[chosen]).astype(np.int64)
    offset = np.arange(-reach, reach + 1)
    down = offset[None, :, None] - (centres[chosen, 0] - middle[:, 0])[:, None, None]
    right = offset[None, None, :] - (centres[chosen, 1] - middle[:, 1])[:, None, None]
    place = ((right + 1j * down) * np.conj(turn[chosen])[:, None, None]).astype(np.complex64)
    wide = stretch[chosen].astype(np.float32)[:, None, None]
    place = place.real / wide + np.complex64(1j) * (place.imag * wide)
    away = np.abs(place)
    way = place / np.maximum(away, np.float32(1e-6))
    wave = waves[chosen].astype(np.complex64)[:, :, None, None]
    outline = wave[:, 4]
    for k in (3, 2, 1, 0):
        outline = outline * way + wave[:, k]
    radius = radii_px[chosen].astype(np.float32)[:, None, None]
    size = radius * np.maximum(1 + (outline * way * way).real, np.float32(0.15))
    share = (size - away) / np.maximum(1, np.float32(soft) * size) + np.float32(0.5 * (1 - soft))
    share = np.minimum(np.clip(share, 0, 1), np.float32(np.pi) * radius**2)
    share = share * amounts[chosen].astype(np.float32)[:, None, None]
    rows = (middle[:, 0, None] + offset)[:, :, None]
    cols = (middle[:, 1, None] + offset)[:, None, :]
    seen = (rows >= 0) & (rows < canvas.rows) & (cols >= 0) & (cols < canvas.cols)
    seen &= share > LEAST
    owner = np.broadcast_to(chosen[:, None, None], seen.shape)[seen]
    canvas.lay((rows * canvas.cols + cols)[seen], share[seen], owner)
    for n, spot, high, broad in zip(chosen, middle, seen.any(axis=2), seen.any(axis=1)):
        if high.any():
            down_at, right_at = np.flatnonzero(high), np.flatnonzero(broad)
            boxes[n] = Window(
                int(spot[0] - reach + down_at[0]),
                int(spot[1] - reach + right_at[0]),
                int(spot[0] - reach + down_at[-1]) + 1,
                int(spot[1] - reach + right_at[-1]) + 1,
            )


def somewhere(scene_rows: int, scene_cols: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 2) places spread over the picture."""
    return rng.uniform(0, 1, (count, 2)) * (scene_rows, scene_cols) - 0.5
