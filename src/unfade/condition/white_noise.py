"""White noise in a textured picture, from the covariance of its weakly textured patches.

Patches of pure noise have the same variance in all directions of patch space; structure adds to
a few directions only. So the smallest eigenvalues of the patches' covariance are the noise, even
where there is structure. Noise whose neighbours are alike (grain, enlarged or JPEG-coded noise)
has small eigenvalues too: ``flat_noise`` is for that.

Source:
    Liu, Tanaka, Okutomi 2013, doi:10.1109/TIP.2013.2283400 (choice of weakly textured patches);
    Chen, Zhu, Heng 2015, doi:10.1109/ICCV.2015.62 (which eigenvalues are noise)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Plane

PATCH_PX = 7
_PATCHES_READ = 8000  # for one covariance of 49 x 49: its eigenvalues scatter by about 1 %
_PATCHES_LEAST = 500
_POSITIONS = 300_000
_CLIP_SIGMAS = 2.2  # nearer than this to an end of the scale, clipping shows in the variance
_CLIP_MARGIN = 0.36  # ... but strong noise must still find mid tones to be measured in


@dataclass(frozen=True, slots=True)
class WhiteNoise:
    """Standard deviation (pixel units) and the share of patches that are nothing but noise."""

    sigma: float
    share: float


def white_noise(planes: list[Plane]) -> WhiteNoise | None:
    """Measure white Gaussian noise in one channel of a textured picture.

    Args:
        planes: windows of one channel, each (rows, cols) float32, stored values 0-1
    Returns:
        its strength, or None when fewer than 500 patches look like noise alone: then what
        noise there is, is weaker than the texture everywhere, or is not white
    Cost:
        about 60 ms for a channel of 3 megapixels
    """
    planes = [plane for plane in planes if min(plane.shape) >= PATCH_PX + 2]
    area = sum(plane.size for plane in planes)
    if not area:
        return None
    stride = max(1, int(np.sqrt(area / _POSITIONS)))
    texture, mean, place = _texture(planes, stride)
    alive = texture > 0  # patches of one value were put there after the picture was taken
    if np.count_nonzero(alive) >= _PATCHES_LEAST:
        texture, mean, place = texture[alive], mean[alive], place[alive]
    if len(texture) < _PATCHES_LEAST:
        return None
    variance = _noise_variance(_covariance(planes, place))
    # of pure noise of variance 1, the texture of one patch in a million is above this
    limit = _texture_of_noise(deviations=4.75)
    share = 0.0
    for _ in range(5):
        sigma = np.sqrt(variance)
        margin = min(_CLIP_SIGMAS * sigma, _CLIP_MARGIN)
        weak = (texture < variance * limit) & (mean > margin) & (mean < 1 - margin)
        chosen = np.flatnonzero(weak)
        if len(chosen) < _PATCHES_LEAST:
            return None
        share = len(chosen) / len(texture)
        before = variance
        variance = _noise_variance(_covariance(planes, place[chosen]))
        if abs(variance - before) < 0.005 * before:
            break
    return WhiteNoise(float(np.sqrt(variance)), share)


def _texture(planes: list[Plane], stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each patch: summed squared gradient, mean, and place (plane, row, col)."""
    import cv2

    size = PATCH_PX
    textures, means, places = [], [], []
    for index, plane in enumerate(planes):
        across = (plane[:, 2:] - plane[:, :-2]) ** 2 / 4
        down = (plane[2:] - plane[:-2]) ** 2 / 4
        rows, cols = plane.shape[0] - size + 1, plane.shape[1] - size + 1
        total = _sums(cv2, across, size - 2, size) + _sums(cv2, down, size, size - 2)
        mean = _sums(cv2, np.ascontiguousarray(plane), size, size) / size**2
        row, col = np.mgrid[0:rows:stride, 0:cols:stride]
        textures.append(total[:rows:stride, :cols:stride].ravel())
        means.append(mean[:rows:stride, :cols:stride].ravel())
        places.append(np.stack([np.full(row.size, index), row.ravel(), col.ravel()], axis=1))
    return np.concatenate(textures), np.concatenate(means), np.concatenate(places)


def _sums(cv2: object, plane: np.ndarray, width: int, height: int) -> np.ndarray:
    """Sums over windows of width x height, at the window's first pixel."""
    box = cv2.boxFilter  # type: ignore[attr-defined]  # the module, handed in: imported late
    summed = box(plane, -1, (width, height), normalize=False, anchor=(0, 0))
    return np.asarray(summed)[: plane.shape[0] - height + 1, : plane.shape[1] - width + 1]


def _covariance(planes: list[Plane], place: np.ndarray) -> np.ndarray:
    """Covariance of at most 8000 of the patches at ``place``, evenly chosen."""
    if len(place) > _PATCHES_READ:
        place = place[np.linspace(0, len(place) - 1, _PATCHES_READ).astype(int)]
    views = np.lib.stride_tricks.sliding_window_view
    patches = [
        views(plane, (PATCH_PX, PATCH_PX))[at[:, 1], at[:, 2]].reshape(-1, PATCH_PX**2)
        for index, plane in enumerate(planes)
        if len(at := place[place[:, 0] == index])
    ]
    every = np.concatenate(patches).astype(np.float64)
    every -= every.mean(axis=0)
    return np.asarray(every.T @ every / len(every))


def _noise_variance(covariance: np.ndarray) -> float:
    """Mean of the eigenvalues that are noise: the most whose mean is their median (Chen)."""
    values = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 1e-12)
    for first in range(len(values)):
        rest = values[first:]
        if rest.mean() <= np.median(rest):
            return float(rest.mean())
    return float(values[-1])


def _texture_of_noise(deviations: float) -> float:
    """Upper end of the texture of a patch of pure noise of variance 1 (Liu et al., eq. 16).

    The texture is about gamma distributed; its far quantile by Wilson and Hilferty.
    """
    shape = PATCH_PX**2 / 2
    expected = PATCH_PX * (PATCH_PX - 2)  # gradients across and down, each of variance 1/2
    cube = 1 - 1 / (9 * shape) + deviations / (3 * np.sqrt(shape))
    return float(expected * cube**3)
