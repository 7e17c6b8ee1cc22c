"""The mean log spectrum of a picture, in which the zeros of a blur stand still.

Each window of a picture shows another scene; a blur that lies over all of them is the same in
all. The mean of their log power spectra therefore keeps the blur and evens out the scenes.

Source:
    Stockham, Cannon, Ingebretsen 1975, "Blind deconvolution through digital signal processing",
    doi:10.1109/PROC.1975.9800; Cannon 1976, doi:10.1109/TASSP.1976.1162770
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.engines.contract import BenchView
from unfade.picture import Picture, Plane, Window
from unfade.pixels.profile import to_linear

SIDES_PX = (256, 128)  # of windows: the larger one that fits
ACROSS, DOWN = 8, 6  # windows at most
LOWEST_BIN = 4  # below, the window itself is seen
HIGHEST = 0.48  # cycles a pixel
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709
# power of the coarse structure over that of the finest: less holds nothing but noise
_DETAIL = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Spectra:
    """Attributes:
    side_px: of the windows
    each: (windows, side, side // 2 + 1) log power, of windows with detail
    looked: how many windows there were
    """

    side_px: int
    each: np.ndarray
    looked: int

    @property
    def mean(self) -> np.ndarray:
        return np.asarray(self.each.mean(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class Frequencies:
    """Places of a window's spectrum, cycles a pixel, inside the disc that is looked at."""

    side_px: int
    inside: np.ndarray
    down: np.ndarray
    right: np.ndarray
    length: np.ndarray

    @staticmethod
    def of(side_px: int) -> Frequencies:
        down = np.fft.fftfreq(side_px)[:, None]
        right = np.fft.rfftfreq(side_px)[None, :]
        length = np.hypot(down, right)
        inside = (length >= (LOWEST_BIN - 0.5) / side_px) & (length <= HIGHEST)
        whole = np.broadcast_to(down, length.shape), np.broadcast_to(right, length.shape)
        return Frequencies(side_px, inside, whole[0][inside], whole[1][inside], length[inside])

    @property
    def bins(self) -> np.ndarray:
        """Frequencies of the bins that profiles have, cycles a pixel."""
        return np.arange(LOWEST_BIN, int(HIGHEST * self.side_px) - 1) / self.side_px

    def profile(self, values: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Mean of ``values`` in the bins of ``along``, both (points,)."""
        index = np.rint(along * self.side_px).astype(np.int64)
        count = np.bincount(index, minlength=self.side_px)
        total = np.bincount(index, weights=values, minlength=self.side_px)
        use = slice(LOWEST_BIN, LOWEST_BIN + len(self.bins))
        return np.asarray(total[use] / np.maximum(count[use], 1))


def spectra_of(picture: Picture, bench: BenchView) -> Spectra | None:
    """Log spectra of windows spread over a picture; None when it is smaller than a window."""
    side = next((s for s in SIDES_PX if min(picture.rows, picture.cols) >= s), None)
    if side is None:
        return None
    chosen = [
        Window(top, left, top + side, left + side)
        for top in _places(picture.rows, side, DOWN)
        for left in _places(picture.cols, side, ACROSS)
    ]

    def look(window: Window) -> np.ndarray | None:
        light = to_linear(picture.read(window), picture)
        return log_spectrum(light[:, :, 0] if light.shape[2] == 1 else light @ _LUMINANCE)

    seen = bench.map(
        look, chosen, says="Looking for blur", total=len(chosen), bytes_each=side * side * 80
    )
    each = [one for one in seen if one is not None]
    shape = (0, side, side // 2 + 1)
    return Spectra(side, np.stack(each) if each else np.empty(shape), len(chosen))


def log_spectrum(plane: Plane) -> np.ndarray | None:
    """Logarithm of the power spectrum of one window; None where it holds no detail.

    Args:
        plane: (side, side) float32 linear light
    """
    side = plane.shape[0]
    hann = np.hanning(side + 2)[1:-1]
    taper = np.outer(hann, hann)
    mean = float((plane * taper).sum() / taper.sum())
    power = np.abs(np.fft.rfft2((plane - mean) * taper)) ** 2 / float((taper**2).sum())
    right = np.arange(power.shape[1])
    coarse = power[LOWEST_BIN:12, LOWEST_BIN:12].mean()
    fine = power[:, right > 0.4 * side].mean()
    if coarse < _DETAIL * max(float(fine), 1e-12):
        return None
    return np.asarray(np.log(power + 1e-12))


def straightened(frequency: np.ndarray) -> np.ndarray:
    """The projection that takes from a profile what falls smoothly with the frequency.

    Args:
        frequency: (bins,) cycles a pixel
    Returns:
        (bins, bins): constant, logarithm, line and parabola of the frequency are taken out
    """
    smooth = [np.ones_like(frequency), np.log(frequency), frequency, frequency**2]
    basis, _ = np.linalg.qr(np.stack(smooth, axis=1))
    return np.asarray(np.eye(len(frequency)) - basis @ basis.T)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How a profile is like a model's: correlation and how deep its zeros are beside the model's.

    Attributes:
        correlation: -1 to 1
        depth: 1: as deep as the model's
        spread: standard deviation of the profile that is to be explained, natural logarithms
    """

    correlation: float
    depth: float
    spread: float


def likeness(profile: np.ndarray, models: np.ndarray) -> list[Likeness]:
    """A straightened profile (bins,) beside straightened models (models, bins)."""
    own = float(profile @ profile)
    sizes = (models * models).sum(axis=1)
    both = models @ profile
    return [
        Likeness(
            correlation=float(b / np.sqrt(max(own * s, 1e-12))),
            depth=float(b / max(s, 1e-12)),
            spread=float(np.sqrt(own / len(profile))),
        )
        for b, s in zip(both, sizes)
    ]


def _places(length: int, side: int, most: int) -> list[int]:
    """Starts of windows, evenly spread, overlapping by half at most."""
    if length == side:
        return [0]
    count = min(most, max(2, 2 * length // side - 1))
    return [round((length - side) * k / (count - 1)) for k in range(count)]
