"""Non-local means: average each pixel with those whose surroundings look alike.

Buades, Coll, Morel, "A non-local algorithm for image denoising", CVPR 2005. The patch distances
of all pixels for one shift of the search window are one box sum of squared differences, as in
Darbon et al., ISBI 2008. Three differences from the paper: the distance is freed from what noise
alone explains, and weights belong to whole patches (both from Buades, Coll, Morel, IPOL 2011);
and the weight ``exp(-t)`` is ``(1 - t/8)^8``, which ends at a finite distance, needs only
multiplications, and so has the same bits on every processor.

A pixel's result is a fixed sequence of float32 operations on pixels inside its halo; there are
no running sums. Whatever tiles a picture is cut into, the bits are the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.picture import Pixels

PATCH_RADIUS_PX = 1  # 3 x 3 compared; with weights of whole patches a pixel sees 5 x 5
SEARCH_RADIUS_PX = 7
HALO_PX = SEARCH_RADIUS_PX + 2 * PATCH_RADIUS_PX
DECAY = 0.65  # distance at which the weight is 1/e, in noise deviations

_BAND_ROWS = 48  # rows worked on at a time: the dozen planes of a band stay in a core's cache


def denoise_nlm(pixels: Pixels, sigma: Sequence[float]) -> Pixels:
    """Remove white noise by averaging pixels whose surroundings look alike.

    Suits pictures with repeated structure, lines and text; keeps hard edges without ripples, and
    leaves more noise than wavelets in texture that has no likeness nearby.

    Args:
        pixels: (rows, cols, 1 or 3) float32, any encoding
        sigma: standard deviation of the noise of each channel, pixel units, above 0
    Returns:
        (rows, cols, channels) float32
    Cost:
        1.2 s a megapixel of colour on one core; peak memory 3 x the tile
    Source:
        Buades, Coll, Morel 2005 and 2011
    """
    rows = pixels.shape[0]
    margin = (HALO_PX, HALO_PX)
    padded = np.pad(pixels.transpose(2, 0, 1), ((0, 0), margin, margin), mode="symmetric")
    # every channel counts by its own noise: differences are compared in noise deviations
    inverse = [np.float32(1 / s) for s in sigma]
    result = np.empty(pixels.shape, np.float32)
    for top in range(0, rows, _BAND_ROWS):
        bottom = min(rows, top + _BAND_ROWS)
        band = np.ascontiguousarray(padded[:, top : bottom + 2 * HALO_PX])
        scaled = [plane * factor for plane, factor in zip(band, inverse)]
        for channel, mean in enumerate(_weighted_means(band, scaled)):
            result[top:bottom, :, channel] = mean
    return result


def _weighted_means(planes: np.ndarray, scaled: Sequence[np.ndarray]) -> np.ndarray:
    """Means of ``planes`` without their halo, weighted by the likeness of patches.

    The weight of a pixel and its partner at some shift is also that of the partner and the pixel
    at the opposite shift: half of the shifts give all weights.
    """
    halo, patch = HALO_PX, 2 * PATCH_RADIUS_PX
    channels, rows, cols = planes.shape
    rows, cols = rows - 2 * halo, cols - 2 * halo
    # a pixel is wholly like itself, with the weight of all patches that hold it
    itself = np.float32((2 * PATCH_RADIUS_PX + 1) ** 2)
    total = np.full((rows, cols), itself, np.float32)
    sums = planes[:, halo : halo + rows, halo : halo + cols] * itself
    for down, right in _half_of_the_shifts():
        left_of, right_of = max(right, 0), max(-right, 0)
        top, bottom = halo - down - patch, halo + rows + patch
        left, end = halo - left_of - patch, halo + cols + right_of + patch
        weight = _likeness(scaled, slice(top, bottom), slice(left, end), down, right)
        ahead = weight[down:, left_of : left_of + cols]
        behind = weight[:rows, right_of : right_of + cols]
        total += ahead
        total += behind
        for channel in range(channels):
            plane, total_of = planes[channel], sums[channel]
            total_of += ahead * _shifted(plane, down, right)
            total_of += behind * _shifted(plane, -down, -right)
    sums /= total
    return sums


def _half_of_the_shifts() -> list[tuple[int, int]]:
    reach = SEARCH_RADIUS_PX
    below = [(down, right) for down in range(1, reach + 1) for right in range(-reach, reach + 1)]
    return [(0, right) for right in range(1, reach + 1)] + below


def _shifted(plane: np.ndarray, down: int, right: int) -> np.ndarray:
    """What lies at a shift from each pixel inside the halo."""
    rows, cols = plane.shape
    return plane[HALO_PX + down : rows - HALO_PX + down, HALO_PX + right : cols - HALO_PX + right]


def _likeness(
    scaled: Sequence[np.ndarray], rows: slice, cols: slice, down: int, right: int
) -> np.ndarray:
    """Weights between the pixels of a region and their partners at one shift."""
    partner_rows = slice(rows.start + down, rows.stop + down)
    partner_cols = slice(cols.start + right, cols.stop + right)
    distance: np.ndarray | None = None
    for plane in scaled:
        square = plane[rows, cols] - plane[partner_rows, partner_cols]
        square *= square
        distance = square if distance is None else np.add(distance, square, out=distance)
    assert distance is not None
    distance = _box_sum(distance)
    count = (2 * PATCH_RADIUS_PX + 1) ** 2 * len(scaled)
    distance -= np.float32(2 * count)  # two noisy copies of one thing differ by 2 variances
    np.maximum(distance, 0, out=distance)
    distance *= np.float32(-1 / (8 * DECAY**2 * count))
    distance += np.float32(1)
    weight = np.maximum(distance, 0, out=distance)
    for _ in range(3):
        weight *= weight
    return _box_sum(weight)


def _box_sum(plane: np.ndarray) -> np.ndarray:
    """Sum over 3 x 3 pixels, smaller by one at each side, added in the same order everywhere."""
    tall = plane[:-2] + plane[1:-1]
    tall += plane[2:]
    wide: np.ndarray = tall[:, :-2] + tall[:, 1:-1]
    wide += tall[:, 2:]
    return wide
