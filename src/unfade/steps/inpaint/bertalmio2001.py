"""Navier-Stokes fill: carry the picture's vorticity into the hole along its lines of equal light.

The Laplacian plays the part of a fluid's vorticity, the isophotes that of its streamlines, so
that both level and direction arrive at the rim. Suits thin losses across clear edges; edges
bend smoothly, grain and texture do not go on. ``guleryuz2006`` comes closer to the truth.

Paper: Bertalmio, Bertozzi & Sapiro 2001, "Navier-Stokes, fluid dynamics, and image and video
inpainting", CVPR, doi:10.1109/CVPR.2001.990497.
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Mask, Pixels
from unfade.pixels.masks import check_hole
from unfade.steps.inpaint.damelin2018 import Lattice, solve_smooth

TRANSPORTS, DIFFUSIONS = 15, 2  # in one cycle, as in the authors' programme
TRANSPORT_PACE = 0.1  # explicit steps in units of full scale; larger ones ring
DIFFUSION_PACE = 0.2  # stable below 0.25
EDGE = 0.2  # differences between neighbours that are kept rather than smoothed, full scale 1
SETTLED = 1e-4  # largest change in a cycle, full scale 1: a fortieth of an 8-bit code


def fill_navier_stokes(pixels: Pixels, mask: Mask, *, cycles: int = 20) -> Pixels:
    """Fill holes by isophote-driven transport of smoothness, with anisotropic diffusion between.

    Values are held within the range of the sound pixels.

    Args:
        pixels: (rows, cols, 1 or 3) float32; what lies under the mask is not looked at
        mask: (rows, cols) bool, True = fill
        cycles: most cycles of 15 transports and 2 diffusions, 1 or more; it stops when settled
    Returns:
        float32 like ``pixels``, bit-identical outside the mask
    Raises:
        ValueError: see ``unfade.pixels.masks.check_hole``; or no cycles
    Cost:
        time ∝ masked pixels x cycles; memory ∝ masked pixels
    Source:
        Bertalmio, Bertozzi & Sapiro 2001, with the discretisation of Bertalmio, Sapiro, Caselles
        & Ballester 2000 (doi:10.1145/344779.344972) and the diffusion of Perona & Malik 1990
        (doi:10.1109/34.56205). Differs: starts from the harmonic surface instead of from the
        damaged values, so that few cycles suffice
    """
    check_hole(pixels, mask)
    if cycles < 1:
        raise ValueError(f"cycles is {cycles}, expected 1 or more")
    filled = solve_smooth(pixels, mask, order=1, tolerance=1e-3)
    if not mask.any():
        return filled
    lattice = Lattice.around(mask)
    values = filled.reshape(-1, pixels.shape[2])
    sound = pixels[~mask]
    low, high = sound.min(axis=0), sound.max(axis=0)
    for _ in range(cycles):
        before = values[lattice.holes]
        for _ in range(TRANSPORTS):
            moved = values[lattice.holes] + TRANSPORT_PACE * _transport(values, lattice)
            values[lattice.holes] = np.clip(moved, low, high)
        for _ in range(DIFFUSIONS):
            values[lattice.holes] += DIFFUSION_PACE * _diffusion(values, lattice)
        if float(np.abs(values[lattice.holes] - before).max()) < SETTLED:
            break
    values[lattice.holes] = np.clip(values[lattice.holes], low, high)
    return filled


def _transport(values: np.ndarray, lattice: Lattice) -> np.ndarray:
    """Change of the holes: how the Laplacian varies along the isophote, times the slope."""
    laplacian = -lattice.laplacian(values)
    up, down, left, right = lattice.hole_beside
    d_row = laplacian[down] - laplacian[up]
    d_col = laplacian[right] - laplacian[left]
    up, down, left, right = lattice.beside[:, lattice.hole_site]
    here = values[lattice.holes]
    row_after, row_before = values[down] - here, here - values[up]
    col_after, col_before = values[right] - here, here - values[left]
    i_row, i_col = row_after + row_before, col_after + col_before
    length = np.sqrt(i_row * i_row + i_col * i_col) + np.float32(1e-6)
    flow = (d_col * i_row - d_row * i_col) / length
    # Upwind slopes: only differences that look against the flow, or the scheme rings.
    ahead = (
        np.minimum(row_before, 0) ** 2
        + np.maximum(row_after, 0) ** 2
        + np.minimum(col_before, 0) ** 2
        + np.maximum(col_after, 0) ** 2
    )
    behind = (
        np.maximum(row_before, 0) ** 2
        + np.minimum(row_after, 0) ** 2
        + np.maximum(col_before, 0) ** 2
        + np.minimum(col_after, 0) ** 2
    )
    return np.asarray(flow * np.sqrt(np.where(flow > 0, ahead, behind)))


def _diffusion(values: np.ndarray, lattice: Lattice) -> np.ndarray:
    """Change of the holes: towards each neighbour, less where the difference is an edge."""
    here = values[lattice.holes]
    change = np.zeros_like(here)
    for side in lattice.beside[:, lattice.hole_site]:
        rise = values[side] - here
        change += rise / (1.0 + np.square(rise / np.float32(EDGE)))
    return change
