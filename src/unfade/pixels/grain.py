"""Grain: measure it around a hole, and make more of it that nobody can tell from the rest.

A fill is smoother than the scan around it, and the eye finds a smooth patch in grain at once.
Grain is taken apart into strength (which varies over the picture: film grain depends on the
tone) and shape (its autocorrelation: clumps of one to four pixels). New grain comes from a hash
of the seed and each pixel's place in the whole picture, so that it is the same whatever window
or tile it is made in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from unfade.picture import Mask, Pixels, Window
from unfade.pixels.masks import check_hole

REACH_PX = 6  # grain clumps of up to about 4 px keep their shape
SMOOTH_PX = 4.0  # what varies more slowly than this (standard deviation) is picture, not grain
COARSEST_PX = 1.5  # standard deviation of the largest clumps that are told from texture
NEAR_PX = 16.0  # the strength is a mean over about this distance
CALM_SHARE = 0.4  # of the sound pixels, the calmest: edges and texture are not grain
FEWEST_CALM = 64  # below this many nothing can be said, and no grain is made


@dataclass(frozen=True, slots=True, eq=False)
class Grain:
    """Grain of one window, in the channels of ``light and colours`` (see ``parts``).

    Attributes:
        sigma: (rows, cols, channels) float32, standard deviation at each pixel, full scale 1
        kernels: (channels, 2 reach + 1, 2 reach + 1) float32: white noise of variance 1 that is
            filtered with one has the measured autocorrelation and variance 1
    """

    sigma: np.ndarray
    kernels: np.ndarray


def measure_grain(pixels: Pixels, mask: Mask) -> Grain:
    """Measure strength and shape of the grain, from sound and calm pixels only.

    Assumes that some of the surround is calm: in grass or cloth throughout, the texture is
    measured as grain. Flat pictures have none.

    Args:
        pixels: (rows, cols, 1 or 3) float32; what lies under the mask is not looked at
        mask: (rows, cols) bool, True = not to be measured
    Raises:
        ValueError: see ``unfade.pixels.masks.check_hole``
    Cost:
        time and memory ∝ pixels: about 0.3 s a megapixel of three channels
    """
    check_hole(pixels, mask)
    sound = (~mask).astype(np.float32)
    planes = parts(np.where(mask[:, :, None], np.float32(0), pixels))
    residual, calm = _residual(planes, sound)
    channels = pixels.shape[2]
    side = 2 * REACH_PX + 1
    if np.count_nonzero(calm) < FEWEST_CALM:
        return Grain(np.zeros_like(pixels), np.zeros((channels, side, side), np.float32))
    weight = calm.astype(np.float32)
    energy = _blurred(weight[:, :, None] * residual**2, NEAR_PX).reshape(pixels.shape)
    overall = np.square(residual[calm], dtype=np.float64).mean(axis=0).astype(np.float32)
    # Where nothing calm is near, the window's mean stands in, softly.
    few = np.float32(0.02)
    sigma = np.sqrt((energy + few * overall) / (_blurred(weight, NEAR_PX)[:, :, None] + few))
    kernels = np.empty((channels, side, side), np.float32)
    for k, lags in enumerate(_autocorrelations(residual, calm)):
        whole, kept = _unsmoothed(lags)
        kernels[k] = _kernel(whole)
        sigma[:, :, k] /= np.sqrt(kept)
    return Grain(sigma, kernels)


def add_grain(
    filled: Pixels, mask: Mask, grain: Grain, *, amount: float, seed: int, window: Window
) -> Pixels:
    """Add grain under the mask, as much as is missing there.

    Args:
        filled: (rows, cols, 1 or 3) float32 with smooth repairs under the mask
        mask: (rows, cols) bool, True = repaired
        grain: as measured in the same window, with the same mask
        amount: 1 = the repair gets as much grain as its surround has, 0 = none
        seed: another seed, other grain of the same kind
        window: where the pixels lie in the picture
    Returns:
        float32 like ``filled``, bit-identical outside the mask
    Cost:
        time and memory ∝ pixels
    """
    result = filled.copy()
    if amount <= 0 or not mask.any() or not grain.sigma.any():
        return result
    # Only the box around the repairs is worked on; grain there does not depend on the box.
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = Window(int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1)
    hole = mask[box.slices]
    place = Window(
        window.top + box.top,
        window.left + box.left,
        window.top + box.bottom,
        window.left + box.right,
    )
    residual, _ = _residual(parts(filled), np.ones(mask.shape, np.float32))
    has = _blurred(np.where(mask[:, :, None], residual**2, np.float32(0)), NEAR_PX / 2)
    share = np.maximum(_blurred(mask.astype(np.float32), NEAR_PX / 2), np.float32(1e-6))
    has = has.reshape(filled.shape)[box.slices][hole] / share[box.slices][hole][:, None]
    lacks = np.sqrt(np.maximum(grain.sigma[box.slices][hole] ** 2 - has, 0))
    for k in range(filled.shape[2]):
        lacks[:, k] *= _synthesised(grain.kernels[k], place, seed, k)[hole]
    result[mask] += np.float32(amount) * np.einsum("nk,kc->nc", lacks, _basis(filled.shape[2]))
    return result


def white_noise(window: Window, seed: int, channel: int = 0) -> np.ndarray:
    """Make Gaussian white noise that is a function of the place in the picture alone.

    Args:
        window: its rows and columns may be negative
        seed, channel: another of either gives independent noise
    Returns:
        (rows, cols) float32 of mean 0 and variance 1; the same pixel is the same in any window
    Source:
        splitmix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195) as a hash; Box-Muller
    """
    rows = np.arange(window.top, window.bottom, dtype=np.int64).astype(np.uint64)[:, None]
    cols = np.arange(window.left, window.right, dtype=np.int64).astype(np.uint64)[None, :]
    key = _mixed(np.array([[seed * 4 + channel]], np.int64).astype(np.uint64))
    bits = _mixed(_mixed(rows ^ key) ^ cols)
    radius = ((bits >> np.uint64(40)).astype(np.float64) + 0.5) / 2.0**24
    angle = ((bits >> np.uint64(8)) & np.uint64(0xFFFFFF)).astype(np.float64) / 2.0**24
    gauss = np.sqrt(-2.0 * np.log(radius)) * np.cos(2.0 * np.pi * angle)
    return np.asarray(gauss, np.float32)


def parts(pixels: Pixels) -> Pixels:
    """Light and two colours from RGB, by an orthonormal turn; grey stays as it is."""
    return np.asarray(np.einsum("ijc,kc->ijk", pixels, _basis(pixels.shape[2])), np.float32)


def _basis(channels: int) -> np.ndarray:
    if channels == 1:
        return np.ones((1, 1), np.float32)
    rows = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float64)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _residual(planes: np.ndarray, sound: np.ndarray) -> tuple[np.ndarray, Mask]:
    """What is left of each plane above a local plane fit, and where the picture is calm."""
    share = np.maximum(_blurred(sound, SMOOTH_PX), np.float32(1e-6))
    smooth = _blurred(planes * sound[:, :, None], SMOOTH_PX).reshape(planes.shape)
    smooth /= share[:, :, None]
    residual = planes - smooth
    slope = np.hypot(*_slopes(smooth[:, :, 0]))
    # Next to a hole the smooth part leans to one side; such pixels are not calm.
    usable = (sound > 0) & (share > 0.9)
    # Mean slope around, so that the crest of a thin line does not pass for calm.
    unrest = _blurred(slope, SMOOTH_PX)
    if not usable.any():
        return residual, usable
    return residual, usable & (unrest <= np.quantile(unrest[usable], CALM_SHARE))


def _slopes(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Central differences down and across; 0 along a side of one pixel."""
    down, across = np.zeros_like(plane), np.zeros_like(plane)
    if plane.shape[0] > 1:
        down = np.gradient(plane, axis=0)
    if plane.shape[1] > 1:
        across = np.gradient(plane, axis=1)
    return down, across


def _autocorrelations(residual: np.ndarray, calm: Mask) -> np.ndarray:
    """(channels, 2 reach + 1, 2 reach + 1) of pairs of calm pixels, 1 in the middle."""
    # Padded so that what leaves on one side does not come back on the other.
    shape = [-(-(side + REACH_PX) // 16) * 16 for side in calm.shape]
    kept = np.where(calm[:, :, None], residual, np.float32(0)).astype(np.float64)
    near = np.arange(-REACH_PX, REACH_PX + 1)

    def lags(plane: np.ndarray) -> np.ndarray:
        power = np.abs(np.fft.rfft2(plane, shape)) ** 2
        return np.asarray(np.fft.irfft2(power, shape)[near[:, None], near[None, :]])

    pairs = np.maximum(np.rint(lags(calm.astype(np.float64))), 1)
    found = np.stack([lags(kept[:, :, k]) / pairs for k in range(kept.shape[2])])
    middle = found[:, REACH_PX, REACH_PX][:, None, None]
    return np.asarray(np.divide(found, middle, out=np.zeros_like(found), where=middle > 1e-18))


def _unsmoothed(lags: np.ndarray) -> tuple[np.ndarray, float]:
    """The autocorrelation before the smooth part was taken off, and the share that was kept.

    Coarse grain loses strength with the smooth part. How much follows in closed form for clumps
    of Gaussian profile; the size of the clumps is told by the agreement of direct neighbours.
    """
    middle = lags.shape[0] // 2
    beside = (lags[middle, middle + 1] + lags[middle + 1, middle]) / 2
    near = np.arange(-middle, middle + 1)
    squared = (near[:, None] ** 2 + near[None, :] ** 2).astype(np.float64)
    clumps, agree = _clump_table()
    clump = float(clumps[np.argmin(np.abs(agree - beside))])
    model, rest = np.exp(-squared / (4 * clump * clump)), _clump_left(clump, squared)
    kept = float(rest[middle, middle])
    return lags * kept + model - rest, kept


@cache
def _clump_table() -> tuple[np.ndarray, np.ndarray]:
    """Sizes of clumps, and how far direct neighbours agree once the smooth part is off."""
    clumps = np.linspace(0.3, COARSEST_PX, 40)
    left = [_clump_left(float(clump), np.array([0.0, 1.0])) for clump in clumps]
    return clumps, np.array([pair[1] / pair[0] for pair in left])


def _clump_left(clump_px: float, squared: np.ndarray) -> np.ndarray:
    """Autocovariance, at these squared lags, of unit grain with its smooth part taken off."""
    own, smooth = 2 * clump_px**2, SMOOTH_PX**2
    total = np.exp(-squared / (2 * own))
    total -= 2 * own / (own + smooth) * np.exp(-squared / (2 * (own + smooth)))
    total += own / (own + 2 * smooth) * np.exp(-squared / (2 * (own + 2 * smooth)))
    return np.asarray(total)


def _kernel(lags: np.ndarray) -> np.ndarray:
    """The symmetric filter whose own autocorrelation is nearest to ``lags``; energy 1."""
    # Far lags are mostly chance: they fade out, the near ones stay as they are.
    far = np.abs(np.arange(lags.shape[0]) - lags.shape[0] // 2) - REACH_PX / 2
    taper = np.cos(np.pi / 2 * np.clip(far / (REACH_PX / 2 + 1), 0, 1)) ** 2
    power = np.fft.fft2(np.fft.ifftshift(lags * np.outer(taper, taper))).real
    kernel = np.fft.fftshift(np.fft.ifft2(np.sqrt(np.maximum(power, 0))).real)
    energy = np.sqrt((kernel**2).sum())
    return np.asarray(kernel / energy if energy > 0 else kernel, np.float32)


def _synthesised(kernel: np.ndarray, window: Window, seed: int, channel: int) -> np.ndarray:
    """Grain of variance 1 with the kernel's shape over ``window``."""
    import cv2

    reach = kernel.shape[0] // 2
    wider = Window(
        window.top - reach, window.left - reach, window.bottom + reach, window.right + reach
    )
    white = white_noise(wider, seed, channel)
    shaped = cv2.filter2D(white, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(shaped[reach:-reach, reach:-reach])


def _blurred(plane: np.ndarray, sigma_px: float) -> np.ndarray:
    import cv2

    size = 2 * round(3 * sigma_px) + 1
    blurred = cv2.GaussianBlur(plane, (size, size), sigma_px, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


def _mixed(bits: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser: each input bit flips half of the output bits."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(bits ^ (bits >> np.uint64(31)))
