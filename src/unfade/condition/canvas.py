"""Canvas: the weave that shows through the paint, by its spectrum.

A woven support repeats in two directions that stand nearly upright on one another. In the mean
spectrum of windows from the whole picture it makes sharp peaks; brush strokes, cloth that is
painted or photographed in one place, and grain do not. What is found makes advice leave texture
alone: to denoise or sharpen a canvas is to change the object.

It abstains where no two peaks stand out. Peaks on the axes at multiples of an eighth of a cycle a
pixel are those of JPEG blocks and are not looked at. A halftone screen is a lattice too, but with
dots of full contrast: what is stronger than a weave can be is left to other eyes.

Related: Johnson et al. 2013, Weave analysis of paintings on canvas from radiographs,
doi:10.1016/j.sigpro.2012.05.029
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.survey import luma, windows
from unfade.engines.contract import BenchView
from unfade.findings import Canvas
from unfade.picture import Picture, Plane

SIDE_PX = 256
AT_MOST_WINDOWS = 24
ENOUGH_WINDOWS, LEAST_WINDOWS = 9, 6
PITCH_PX = (2.6, 14.0)
SURE = 1.8  # natural log: the weaker of two peaks over its surround in the mean spectrum
MAY_BE = 1.4
ALIKE = 2.0  # how many times coarser one system of threads may be than the other
MOST_CONTRAST = 0.08  # pixel units: no weave, but a screen
UPRIGHT_DEGREES = 14.0  # how far from a right angle two systems of threads may cross
CM_PER_INCH = 2.54


@dataclass(frozen=True, slots=True)
class Peak:
    """One system of threads."""

    down: float  # cycles a pixel
    right: float
    height: float  # natural log over its surround
    power: float  # variance in the picture, pixel units squared

    @property
    def pitch_px(self) -> float:
        return 1 / float(np.hypot(self.down, self.right))

    @property
    def direction_degrees(self) -> float:
        """In which the threads run: across the wave; 0 level, 90 upright."""
        return float(np.degrees(np.arctan2(self.right, -self.down)) % 180)


def spectrum(plane: Plane) -> np.ndarray:
    """Power of one square window, as (rows, cols // 2 + 1), in variance of the picture."""
    side = plane.shape[0]
    taper = np.hanning(side)[:, None] * np.hanning(side)[None, :]
    flat = (plane - plane.mean()) * taper
    power = np.abs(np.fft.rfft2(flat)) ** 2
    return np.asarray(power / (side * side * (taper**2).sum()))


def mean_of(powers: Sequence[np.ndarray]) -> np.ndarray:
    """Geometric mean: what only some windows show is a thing in the picture, not its support."""
    return np.asarray(np.exp(np.mean(np.log(np.asarray(powers) + 1e-14), axis=0)))


def weave(power: np.ndarray) -> tuple[Peak, Peak] | None:
    """The two strongest peaks of a mean spectrum that cross nearly upright.

    Args:
        power: (side, side // 2 + 1), as ``spectrum`` gives it, mean of several windows
    """
    import cv2

    side = power.shape[0]
    log = np.log(power + 1e-14).astype(np.float32)
    log = np.fft.fftshift(log, axes=0)
    whole = np.concatenate([log[:, :0:-1][_mirror(side)], log], axis=1)  # both halves
    wide = np.ascontiguousarray(whole)
    wide8 = np.clip((wide - wide.min()) * 8, 0, 255).astype(np.uint8)
    around = cv2.medianBlur(wide8, 11).astype(np.float32) / 8 + wide.min()
    smooth = cv2.GaussianBlur(wide, (0, 0), 0.7)
    height = (smooth - around)[:, -power.shape[1] :]
    down = np.fft.fftshift(np.fft.fftfreq(side))[:, None]
    right = (np.arange(power.shape[1]) / side)[None, :]
    radius = np.hypot(down, right)
    seen = (radius > 1 / PITCH_PX[1]) & (radius < 1 / PITCH_PX[0]) & ~_blocks(side, down, right)
    height = np.where(seen, height, -np.inf)
    first = _peak(height, down, right, power, np.ones_like(seen))
    angle = np.arctan2(first.down, first.right)
    across = np.abs(np.cos(np.arctan2(down, right) - angle)) < np.sin(np.radians(UPRIGHT_DEGREES))
    if not (across & seen).any():
        return None
    return first, _peak(height, down, right, power, across)


def _mirror(side: int) -> np.ndarray:
    """Rows of the other half of the spectrum, where frequencies have the other sign."""
    return np.asarray((side - np.arange(side)) % side)


def _blocks(side: int, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Where JPEG blocks and axes have their power."""
    step = 1.5 / side
    eighth_right = np.abs(right * 8 - np.rint(right * 8)) < 8 * step
    eighth_down = np.abs(down * 8 - np.rint(down * 8)) < 8 * step
    blocks = ((np.abs(down) < step) & eighth_right) | ((np.abs(right) < step) & eighth_down)
    return np.asarray(blocks)


def _peak(
    height: np.ndarray, down: np.ndarray, right: np.ndarray, power: np.ndarray, where: np.ndarray
) -> Peak:
    at = int(np.where(where, height, -np.inf).argmax())
    row, col = divmod(at, height.shape[1])
    shifted = np.fft.fftshift(power, axes=0)
    near = (slice(max(0, row - 1), row + 2), slice(max(0, col - 1), col + 2))
    part = shifted[near]
    weight = part / part.sum()
    return Peak(
        down=float((weight.sum(axis=1) * down[near[0], 0]).sum()),
        right=float((weight.sum(axis=0) * right[0, near[1]]).sum()),
        height=float(height[row, col]),
        power=float(2 * part.sum()),
    )


def look(picture: Picture, bench: BenchView) -> Canvas:
    """The weave of a canvas over the whole picture, or why nothing can be told."""
    enough = (picture.rows // SIDE_PX) * (picture.cols // SIDE_PX) >= ENOUGH_WINDOWS
    side = SIDE_PX if enough else SIDE_PX // 2
    chosen = [
        w
        for w in windows(picture, at_most=AT_MOST_WINDOWS, side_px=side)
        if w.rows == w.cols == side
    ]
    if len(chosen) < LEAST_WINDOWS:
        return Canvas(says="Canvas: not looked for, the picture is too small.")
    powers = list(
        bench.map(
            lambda window: spectrum(luma(picture.read(window))),
            chosen,
            says="Looking for canvas",
            total=len(chosen),
            bytes_each=side * side * 40,
        )
    )
    found = weave(mean_of(powers))
    if found is None:
        return Canvas(says="No weave of a canvas is seen.", woven=False, confidence=0.7)
    return _told(picture, *found)


def _told(picture: Picture, first: Peak, second: Peak) -> Canvas:
    weaker = min(first.height, second.height)
    contrast = float(np.sqrt(first.power + second.power))
    ratio = first.pitch_px / second.pitch_px
    if weaker < MAY_BE or not 1 / ALIKE <= ratio <= ALIKE:
        return Canvas(says="No weave of a canvas is seen.", woven=False, confidence=0.7)
    if contrast > MOST_CONTRAST:
        return Canvas(says="Canvas: a lattice, too strong for a weave.")
    if weaker < SURE:
        return Canvas(says="Canvas: not sure; a faint lattice lies over the picture.")
    ordered = sorted((first, second), key=lambda p: abs(p.direction_degrees - 90))
    pitches = tuple(p.pitch_px for p in ordered)
    threads: tuple[float, ...] = ()
    size = " and ".join(f"{p:.1f}" for p in pitches) + " pixels"
    if picture.dpi is not None and min(picture.dpi) > 0:
        threads = tuple(min(picture.dpi) / CM_PER_INCH / p for p in pitches)
        size += f", {threads[0]:.0f} and {threads[1]:.0f} threads a centimetre"
    return Canvas(
        says=f"Canvas: its weave shows, threads {size} apart.",
        confidence=float(min(0.98, 0.8 + 0.1 * (weaker - SURE))),
        woven=True,
        pitch_px=pitches,
        direction_degrees=tuple(p.direction_degrees for p in ordered),
        contrast=contrast,
        threads_per_cm=threads,
    )


FINDER = Finder(name="canvas", title="The weave of the canvas", look=look)
