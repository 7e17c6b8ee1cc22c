"""Tools for masks: grow, measure, take apart, and check against the picture.

A mask is ``bool (rows, cols)``, True = mend here. All functions are pure and give the same bits
on any number of threads.
"""

from __future__ import annotations

import numpy as np

from unfade.picture import Mask, Plane


def dilate(mask: Mask, radius_px: float) -> Mask:
    """Grow a mask by a disc: True wherever a True pixel lies within ``radius_px``.

    Args:
        mask: (rows, cols) bool
        radius_px: Euclidean, between pixel centres; below 1 the mask is returned as it is
    Returns:
        (rows, cols) bool, a fresh array; what would grow over the border is cut there
    Cost:
        time and memory ∝ pixels, whatever the radius
    """
    if radius_px < 1 or not mask.any():
        return mask.copy()
    return np.asarray(distance(~mask) <= np.float32(radius_px + 1e-4))


def distance(mask: Mask) -> Plane:
    """Measure how deep each True pixel lies: the distance to the nearest False pixel's centre.

    Args:
        mask: (rows, cols) bool
    Returns:
        (rows, cols) float32, px: exact Euclidean, 0 where False, 1 next to a False pixel. The
        picture's border does not count as False; where nothing is False the depth is infinite.
    """
    import cv2

    if mask.all():
        return np.full(mask.shape, np.inf, np.float32)
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(depth, np.float32)


def width(mask: Mask) -> float:
    """Measure the widest place of a mark that is cut out on its own, in pixels.

    Args:
        mask: (rows, cols) bool, cut to the mark; outside its array everything counts as sound
    Returns:
        twice the greatest depth less one: 1 for a line of single pixels, 0 for an empty mask
    """
    if not mask.any():
        return 0.0
    return 2.0 * float(distance(np.pad(mask, 1)).max()) - 1.0


def components(mask: Mask, joined_px: int = 0) -> tuple[np.ndarray, int]:
    """Take a mask apart into its connected pieces (8 neighbours).

    Args:
        mask: (rows, cols) bool
        joined_px: pieces that come within twice this of one another count as one
    Returns:
        labels (rows, cols) int32, 0 where False, 1 to ``count``; and the count
    """
    import cv2

    grown = dilate(mask, joined_px).astype(np.uint8)
    count, labels = cv2.connectedComponents(grown, connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(labels * mask, np.int32), int(count) - 1


def check_hole(pixels: np.ndarray, mask: np.ndarray) -> None:
    """Refuse pixels and a mask that cannot be filled.

    Raises:
        ValueError: wrong shape or dtype, sizes that differ (both are named), a mask that covers
            everything (nothing to fill from), or sound pixels that are not finite
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or pixels.dtype != np.float32:
        raise ValueError(
            f"pixels are {pixels.dtype} {pixels.shape}, expected float32 (rows, cols, 1 or 3)"
        )
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise ValueError(f"mask is {mask.dtype} {mask.shape}, expected bool (rows, cols)")
    if mask.shape != pixels.shape[:2]:
        raise ValueError(f"mask is {mask.shape}, the pixels {pixels.shape[:2]}: sizes differ")
    if mask.all():
        raise ValueError(f"the mask covers all of {mask.shape}: nothing is left to fill from")
    if not np.isfinite(pixels).all():
        row, col = (int(i) for i in np.argwhere(~np.isfinite(pixels).all(axis=2))[0])
        raise ValueError(f"pixels hold a value that is not finite, first at row {row}, col {col}")
