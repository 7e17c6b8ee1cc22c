"""Cut a photograph out: as a copy of its samples, or straightened by interpolation.

A photograph that lies straight is copied: each sample of the result is a sample of the scan, also
when it is turned by a quarter. One that lies askew has to be interpolated, and its pixels are
*estimated* (class 2).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unfade.flatbed.photograph import Photograph
from unfade.picture import Picture, Window, codes_to_pixels, pixels_to_codes
from unfade.pixels.turned import PUBLISHED, REACH_PX, sample_at
from unfade.record import Evidence

STRAIGHT_PX = 1.0  # less slant than this from end to end is straight
BAND_ROWS = 256
TURNS = (0, 90, 180, 270)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cut:
    """A photograph on its own.

    Attributes:
        picture: upright as asked for
        window: of the scan: the samples that were copied, or those that surround what was read
        evidence: untouched for copies, estimated for interpolated pixels
        interpolation: in words, or None for copies
        turned_degrees: quarter turns clockwise, on top of straightening
        outside_share: of the picture that lies outside the scan and is black
        samples_sha256: of the picture's samples, see ``sample_hash``
    """

    picture: Picture
    photograph: Photograph
    window: Window
    evidence: Evidence
    interpolation: str | None
    turned_degrees: int
    outside_share: float
    samples_sha256: str

    def facts(self) -> dict[str, Any]:
        """What the record says of it."""
        window = self.window
        return {
            **self.photograph.to_dict(),
            "box": [window.top, window.left, window.rows, window.cols],
            "copied": self.interpolation is None,
            "interpolation": self.interpolation,
            "turned_degrees": self.turned_degrees,
            "outside_scan_share": round(self.outside_share, 6),
            "samples_sha256": self.samples_sha256,
        }


def is_straight(photograph: Photograph) -> bool:
    """Whether its sides follow rows and columns of the scan to within a pixel."""
    longer = max(photograph.rows_px, photograph.cols_px)
    return longer * abs(math.tan(math.radians(photograph.angle_degrees))) < STRAIGHT_PX


def cut_out(
    picture: Picture,
    photograph: Photograph,
    *,
    straighten: bool = True,
    kernel: str = "cubic",
    margin_px: float = 0.0,
    turn_degrees: int = 0,
) -> Cut:
    """Cut one photograph out of a scan.

    Args:
        straighten: False: copy the upright box around it, whatever its angle
        kernel: how pixels of a photograph that lies askew are interpolated, in stored values
        margin_px: kept of the lid all around; negative: cut off the photograph's edge
        turn_degrees: 0, 90, 180 or 270 clockwise afterwards; a permutation of samples
    Returns:
        the photograph with the scan's depth, encoding, profile, resolution and further planes
    Cost:
        copies: none to speak of; askew: about 0.6 s a megapixel
    """
    grown = replace(
        photograph,
        rows_px=max(1.0, photograph.rows_px + 2 * margin_px),
        cols_px=max(1.0, photograph.cols_px + 2 * margin_px),
    )
    if is_straight(grown) or not straighten:
        window = _window_of(grown, picture, around=not straighten)
        picked = _copied(picture, window)
        words, evidence, outside = None, Evidence.UNTOUCHED, 0.0
    else:
        picked, window, outside = _straightened(picture, grown, kernel)
        words, evidence = PUBLISHED[kernel], Evidence.ESTIMATED
    picked = _turned(picked, turn_degrees)
    return Cut(
        picture=picked,
        photograph=photograph,
        window=window,
        evidence=evidence,
        interpolation=words,
        turned_degrees=turn_degrees,
        outside_share=outside,
        samples_sha256=sample_hash(picked.samples),
    )


def deskew_crop(picture: Picture, **how: Any) -> Cut:
    """Straighten a scan of one photograph and cut the lid around it away.

    Args:
        how: as for ``cut_out``
    Raises:
        UsageError: no photograph, or several
    """
    from unfade.errors import UsageError
    from unfade.flatbed.finding import find_photographs

    layout = find_photographs(picture)
    if len(layout.photographs) != 1:
        raise UsageError(
            f"One photograph is expected on the scan. {layout.says}",
            "Take several apart with `find_photographs` and `cut_out`, or `unfade split`.",
        )
    return cut_out(picture, layout.photographs[0], **how)


def sample_hash(samples: np.ndarray) -> str:
    """SHA-256 over samples row by row, little-endian: the same for a region and its copy."""
    plain = np.ascontiguousarray(samples)
    plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(plain.tobytes()).hexdigest()


def _window_of(photograph: Photograph, picture: Picture, *, around: bool) -> Window:
    """Whole pixels of the scan: all that the rectangle touches, or those nearest to it."""
    corners = photograph.corners
    low, high = corners.min(axis=0), corners.max(axis=0)
    if not around:
        low = np.array([photograph.row_px, photograph.col_px])
        high = low.copy()
        half = np.array([photograph.rows_px, photograph.cols_px]) / 2
        low, high = np.rint(low - half), np.rint(high + half)
    top, left = (int(max(0, math.floor(v))) for v in low)
    bottom = min(picture.rows, math.ceil(high[0]))
    right = min(picture.cols, math.ceil(high[1]))
    top, left = min(top, picture.rows - 1), min(left, picture.cols - 1)
    return Window(top, left, max(top + 1, bottom), max(left + 1, right))


def _copied(picture: Picture, window: Window) -> Picture:
    rows, cols = window.slices
    return replace(
        picture,
        samples=picture.samples[rows, cols].copy(),
        alpha=None if picture.alpha is None else picture.alpha[rows, cols].copy(),
        infrared=None if picture.infrared is None else picture.infrared[rows, cols].copy(),
    )


def _turned(picture: Picture, degrees: int) -> Picture:
    if degrees % 360 == 0:
        return picture

    def turn(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else np.ascontiguousarray(np.rot90(array, -degrees // 90))

    samples = turn(picture.samples)
    assert samples is not None
    dpi = picture.dpi
    return replace(
        picture,
        samples=samples,
        alpha=turn(picture.alpha),
        infrared=turn(picture.infrared),
        dpi=(dpi[1], dpi[0]) if dpi and degrees % 180 else dpi,
    )


def _straightened(
    picture: Picture, photograph: Photograph, kernel: str
) -> tuple[Picture, Window, float]:
    """The photograph read along its own rows, band by band."""
    rows, cols = max(1, round(photograph.rows_px)), max(1, round(photograph.cols_px))
    down, right = photograph.axes
    # both in pixel centres: the photograph's first pixel is half a pixel from its corner
    origin = np.array([photograph.row_px - 0.5, photograph.col_px - 0.5])
    origin = origin - down * (rows - 1) / 2 - right * (cols - 1) / 2
    samples = np.empty((rows, cols, picture.channels), picture.samples.dtype)
    planes = {
        name: np.empty((rows, cols), plane.dtype)
        for name, plane in (("alpha", picture.alpha), ("infrared", picture.infrared))
        if plane is not None
    }
    outside = 0
    across = np.arange(cols, dtype=np.float64)
    for top in range(0, rows, BAND_ROWS):
        bottom = min(rows, top + BAND_ROWS)
        along = np.arange(top, bottom, dtype=np.float64)
        at_r = origin[0] + along[:, None] * down[0] + across * right[0]
        at_c = origin[1] + along[:, None] * down[1] + across * right[1]
        beyond = (at_r < -0.5) | (at_c < -0.5)
        beyond |= (at_r > picture.rows - 0.5) | (at_c > picture.cols - 0.5)
        outside += int(beyond.sum())
        window = _around(at_r, at_c, picture)
        near_r, near_c = at_r - window.top, at_c - window.left
        values = sample_at(picture.read(window), near_r, near_c, kernel=kernel)
        values[beyond] = 0
        samples[top:bottom] = pixels_to_codes(values, samples.dtype, picture.full_scale)
        for name, into in planes.items():
            plane = getattr(picture, name)[window.slices][..., None]
            read = codes_to_pixels(plane, picture.full_scale)
            values = sample_at(read, near_r, near_c, kernel=kernel)[..., 0]
            values[beyond] = 0
            into[top:bottom] = pixels_to_codes(values, into.dtype, picture.full_scale)
    corners = photograph.corners - 0.5
    window = _around(corners[:, 0], corners[:, 1], picture)
    straight = replace(
        picture, samples=samples, alpha=planes.get("alpha"), infrared=planes.get("infrared")
    )
    return straight, window, outside / (rows * cols)


def _around(at_r: np.ndarray, at_c: np.ndarray, picture: Picture) -> Window:
    """The window of the scan that reading at these places needs."""
    top = int(np.clip(math.floor(at_r.min()) - REACH_PX, 0, picture.rows - 1))
    left = int(np.clip(math.floor(at_c.min()) - REACH_PX, 0, picture.cols - 1))
    bottom = int(np.clip(math.ceil(at_r.max()) + REACH_PX + 1, top + 1, picture.rows))
    right = int(np.clip(math.ceil(at_c.max()) + REACH_PX + 1, left + 1, picture.cols))
    return Window(top, left, bottom, right)
