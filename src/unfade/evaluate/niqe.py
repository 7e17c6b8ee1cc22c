"""NIQE: how far a picture's statistics are from those of sound photographs, with no reference.

The model that is shipped was fitted by ``tools/fit_niqe.py`` on photographs that are free to pass
on, not taken from the authors' release (which is for research use). Scores therefore have the
scale and the order of the published ones, and not the same decimals: compare them with each
other, never with a table in a paper.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files as resources

import numpy as np

from unfade.evaluate.natural import block_features, halved, normalized
from unfade.evaluate.psnr import luma
from unfade.picture import Pixels

BLOCK_PX = 96
SHARP_SHARE = 0.75  # when fitting: blocks at least this sharp, of the sharpest of their picture
SMALLEST_PX = 2 * BLOCK_PX


def naturalness_distance(pixels: Pixels) -> float:
    """NIQE of a picture, lower is more natural: about 3 for a good photograph, 6 and up for poor.

    Args:
        pixels: (rows, cols, channels) float32, sRGB, each side 192 px or more
    Raises:
        ValueError: a side is shorter than two blocks
    Cost:
        about 1 s a megapixel on one core
    Source:
        Mittal, Soundararajan, Bovik 2013, doi:10.1109/LSP.2012.2227726; own fit of the model
    """
    if min(pixels.shape[:2]) < SMALLEST_PX:
        raise ValueError(
            f"a picture of {pixels.shape[1]} x {pixels.shape[0]} px is too small, expected "
            f"{SMALLEST_PX} px or more a side"
        )
    features, _ = niqe_features(pixels)
    mean, covariance = model()
    ours = features.mean(axis=0)
    spread = np.cov(features, rowvar=False) if len(features) > 1 else np.zeros_like(covariance)
    apart = ours - mean
    return float(np.sqrt(apart @ np.linalg.pinv((covariance + spread) / 2) @ apart))


def niqe_features(pixels: Pixels) -> tuple[np.ndarray, np.ndarray]:
    """The 36 numbers of each block, and each block's sharpness.

    Returns:
        (blocks, 36) and (blocks,) float64, blocks in raster order
    """
    plane = luma(pixels)[:, :, 0].astype(np.float64) * 255
    rows, cols = plane.shape[0] // BLOCK_PX * BLOCK_PX, plane.shape[1] // BLOCK_PX * BLOCK_PX
    plane = plane[:rows, :cols]
    values, contrast = normalized(plane)
    fine = block_features(values, BLOCK_PX)
    coarse = block_features(normalized(halved(plane))[0], BLOCK_PX // 2)
    blocks = contrast.reshape(rows // BLOCK_PX, BLOCK_PX, cols // BLOCK_PX, BLOCK_PX)
    return np.concatenate([fine, coarse], axis=1), blocks.mean(axis=(1, 3)).ravel()


@cache
def model() -> tuple[np.ndarray, np.ndarray]:
    """Mean (36,) and covariance (36, 36) of the blocks of sound photographs."""
    with (resources("unfade.evaluate") / "niqe_model.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return stored["mean"].astype(np.float64), stored["covariance"].astype(np.float64)
