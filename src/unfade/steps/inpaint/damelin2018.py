"""Biharmonic fill: the smoothest surface through the sound pixels, its slopes continued.

Suits thin losses in smooth or gently shaded surrounds. Strong grain next to a wide hole is
continued as waves, and texture is not made up: use ``guleryuz2006`` for those. The same solver
gives the harmonic fill (a membrane), which the other methods start from.

Paper: Damelin & Hoang 2018, "On surface completion and image inpainting by biharmonic functions:
numerical aspects", doi:10.1155/2018/3950312.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Pixels
from unfade.pixels.masks import check_hole, components, distance

# Holes are solved in groups of like depth, so that one deep hole does not make thousands of
# thin ones iterate with it. Conjugate gradients need about depth^2 rounds.
DEPTH_CLASSES_PX = (3.0, 10.0, np.inf)
ROUNDS_MOST = 4000


def fill_biharmonic(pixels: Pixels, mask: Mask, *, tolerance: float = 1e-4) -> Pixels:
    """Fill holes with the surface of least squared Laplacian through the sound pixels.

    For thin losses in smooth surrounds. Values are held within the range of the sound pixels.

    Args:
        pixels: (rows, cols, 1 or 3) float32; what lies under the mask is not looked at
        mask: (rows, cols) bool, True = fill
        tolerance: residual of the linear system over its right side at which to stop
    Returns:
        float32 like ``pixels``, bit-identical outside the mask
    Raises:
        ValueError: see ``unfade.pixels.masks.check_hole``
    Cost:
        time ∝ masked pixels x depth of the hole squared; memory ∝ masked pixels
    Source:
        Damelin & Hoang 2018. Solved in its least-squares form (no flux through the picture's
        border) by conjugate gradients without a matrix
    """
    check_hole(pixels, mask)
    return solve_smooth(pixels, mask, order=2, tolerance=tolerance)


def solve_smooth(
    pixels: Pixels, mask: Mask, *, order: int, tolerance: float, start: Pixels | None = None
) -> Pixels:
    """Fill with the harmonic (order 1) or biharmonic (order 2) surface; inputs are checked.

    Args:
        start: a fill to start from, when there is one

    Returns:
        float32 like ``pixels``, a fresh array, bit-identical outside the mask
    """
    filled = pixels.copy()
    if not mask.any():
        return filled
    sound = pixels[~mask]
    low, high = sound.min(axis=0), sound.max(axis=0)
    values = pixels.reshape(-1, pixels.shape[2]).astype(np.float64)
    for group in _by_depth(mask):
        lattice = Lattice.around(group)
        if start is not None:
            values[lattice.holes] = start.reshape(values.shape)[lattice.holes]
        else:
            values[lattice.holes] = sound.mean(axis=0, dtype=np.float64)
        if order == 2 and start is None:  # the membrane is a start that saves most of the rounds
            _descend(values, lattice, order=1, tolerance=1e-2)
        _descend(values, lattice, order=order, tolerance=tolerance)
    holes = np.flatnonzero(mask)
    flat = filled.reshape(-1, pixels.shape[2])
    flat[holes] = np.clip(values[holes].astype(np.float32), low, high)
    return filled


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """The unknown pixels and their neighbours, as indices.

    Attributes:
        holes: flat indices of the unknown pixels
        sites: flat indices of all pixels whose Laplacian an unknown enters
        beside: (4, sites) flat index of each site's neighbours; a site itself stands in for a
            neighbour beyond the picture's border, which makes the difference nought there
        unknown: (sites,) row of each site among the holes, or the number of holes
        unknown_beside: (4, sites) the same for the neighbours
        hole_site: (holes,) row of each hole among the sites
        hole_beside: (4, holes) row among the sites of each hole's neighbours
    """

    holes: np.ndarray
    sites: np.ndarray
    beside: np.ndarray
    unknown: np.ndarray
    unknown_beside: np.ndarray
    hole_site: np.ndarray
    hole_beside: np.ndarray

    @staticmethod
    def around(mask: Mask) -> Lattice:
        rows, cols = mask.shape
        near = mask.copy()
        near[1:] |= mask[:-1]
        near[:-1] |= mask[1:]
        near[:, 1:] |= mask[:, :-1]
        near[:, :-1] |= mask[:, 1:]
        holes, sites = np.flatnonzero(mask), np.flatnonzero(near)
        row, col = np.divmod(sites, cols)
        beside = np.stack(
            [
                np.where(row > 0, sites - cols, sites),
                np.where(row < rows - 1, sites + cols, sites),
                np.where(col > 0, sites - 1, sites),
                np.where(col < cols - 1, sites + 1, sites),
            ]
        )
        index = np.full(rows * cols, holes.size, np.int64)
        index[holes] = np.arange(holes.size)
        place = np.zeros(rows * cols, np.int64)
        place[sites] = np.arange(sites.size)
        hole_site = place[holes]
        return Lattice(
            holes,
            sites,
            beside,
            index[sites],
            index[beside],
            hole_site,
            place[beside[:, hole_site]],
        )

    def laplacian(self, values: np.ndarray) -> np.ndarray:
        """At the sites, of a whole picture (all pixels, channels)."""
        total = 4.0 * values[self.sites]
        for side in self.beside:
            total -= values[side]
        return np.asarray(total)

    def laplacian_of_holes(self, step: np.ndarray) -> np.ndarray:
        """At the sites, of a picture that is ``step`` (holes, channels) there and 0 elsewhere."""
        padded = np.concatenate([step, np.zeros((1, step.shape[1]))])
        total = 4.0 * padded[self.unknown]
        for side in self.unknown_beside:
            total -= padded[side]
        return np.asarray(total)

    def gather(self, at_sites: np.ndarray, order: int) -> np.ndarray:
        """The gradient at the holes of the sum that ``order`` minimises."""
        if order == 1:
            return np.asarray(at_sites[self.hole_site])
        total = 4.0 * at_sites[self.hole_site]
        for side in self.hole_beside:
            total -= at_sites[side]
        return np.asarray(total)


def _descend(values: np.ndarray, lattice: Lattice, *, order: int, tolerance: float) -> None:
    """Conjugate gradients on the holes' values, in place, each channel with its own steps."""
    residual = -lattice.gather(lattice.laplacian(values), order)
    zeroed = values.copy()
    zeroed[lattice.holes] = 0.0
    right = (lattice.gather(lattice.laplacian(zeroed), order) ** 2).sum(axis=0)
    goal = np.maximum(tolerance**2 * right, 1e-24)
    direction = residual.copy()
    power = (residual**2).sum(axis=0)
    for _ in range(ROUNDS_MOST):
        if (power <= goal).all():
            break
        image = lattice.gather(lattice.laplacian_of_holes(direction), order)
        bend = (direction * image).sum(axis=0)
        pace = np.divide(power, bend, out=np.zeros_like(power), where=bend > 0)
        values[lattice.holes] += pace * direction
        residual -= pace * image
        before, power = power, (residual**2).sum(axis=0)
        turn = np.divide(power, before, out=np.zeros_like(power), where=before > 0)
        direction = residual + turn * direction


def _by_depth(mask: Mask) -> list[Mask]:
    """The mask in parts that do not touch one another's equations, shallow holes first."""
    labels, count = components(mask, joined_px=2)
    depth = distance(mask)
    deepest = np.zeros(count + 1, np.float32)
    np.maximum.at(deepest, labels[mask], depth[mask])
    parts, low = [], 0.0
    for high in DEPTH_CLASSES_PX:
        chosen = (deepest > low) & (deepest <= high)
        chosen[0] = False
        part = chosen[labels]
        if part.any():
            parts.append(part)
        low = high
    return parts
