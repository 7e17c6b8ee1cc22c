"""Denoise: take off noise that a scanner, a sensor or fast film has laid over the picture.

Two published methods: shrinking wavelet coefficients (the default: measured better on the
colour test sets, and it can be told how wide the grain is) and non-local means (no ripples at
hard edges, lines and print). Both assume noise of one strength all over the picture. Neither
can tell fine texture from grain of the same strength: ``keep_grain`` leaves a share of it, as
archives want, and the colour noise goes all the same.

Beside them stand networks: ``scunet`` (blind, for noise of unknown kind), ``drunet`` (told how
strong the noise is, as measured) and ``nafnet`` (phone and camera noise), or any network for
``denoise`` that was added by its name. Blind ones know no strength: of their result a share is
taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Window
from unfade.record import Evidence
from unfade.steps import contract, networks
from unfade.steps.contract import Kind, Look, Proposal, Step, setting
from unfade.steps.denoise import buades2005, chang2000

METHODS = ("wavelet", "nlm")
NETWORKS = {
    "unfade": "unfade-restore",
    "scunet": "scunet-real-psnr",
    "drunet": "drunet-color",
    "nafnet": "nafnet-sidd-w32",
}
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # Rec. 709
_WHITE_BELOW_PX = 0.7
_LEAST_SIGMA = 1e-5  # stands for a channel without noise: a fortieth of an 8-bit rounding error


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How noise is taken off."""

    method: str = setting(
        "wavelet",
        "shrink wavelet coefficients, non-local means, or a network",
        choices=(*METHODS, *NETWORKS),
        networks=True,
    )
    strength: float = setting(
        1.0,
        "noise taken to be this many times as strong as measured; of blind networks the share",
        low=0,
        high=2,
        neutral=0.0,
    )
    sigma: float | None = setting(
        None,
        "standard deviation of the noise; left out: as measured",
        unit="of full scale",
        low=0,
        high=0.5,
    )
    keep_grain: float = setting(
        0.0,
        "share of the brightness noise that stays; colour noise goes all the same",
        low=0,
        high=1,
    )


@dataclass(frozen=True)
class Denoising:
    """The noise to take off and what else every tile needs to know.

    Attributes:
        sigma: noise of each channel, pixel units, strength included; zeros: nothing to do
        correlation_px: 1/e width of the noise's autocorrelation; 0 is white noise
        rows, cols: size of the picture, which tells the picture's edges from those of tiles
    """

    sigma: tuple[float, ...]
    correlation_px: float
    rows: int
    cols: int

    def to_dict(self) -> dict[str, Any]:
        return {"sigma": list(self.sigma), "correlation_px": self.correlation_px}


def remove_noise(
    pixels: Pixels,
    sigma: float | Sequence[float],
    *,
    method: str = "wavelet",
    keep_grain: float = 0.0,
    correlation_px: float = 0.0,
) -> Pixels:
    """Take noise of known strength off a whole picture.

    Args:
        pixels: (rows, cols, 1 or 3) float32, in the encoding in which the noise is even
        sigma: standard deviation of the noise, one number or one for each channel, pixel units
        method: ``wavelet`` or ``nlm``
        keep_grain: share of the brightness noise that stays, 0-1
        correlation_px: 1/e width of the noise's autocorrelation (``wavelet`` only); 0 is white
    Returns:
        (rows, cols, channels) float32; values outside 0-1 can occur
    Cost:
        wavelet 0.8 s, nlm 1.2 s a megapixel of colour on one core
    Source:
        Chang, Yu, Vetterli 2000; Buades, Coll, Morel 2005
    """
    rows, cols, channels = pixels.shape
    sigmas = (float(sigma),) * channels if isinstance(sigma, (int, float)) else tuple(sigma)
    denoising = Denoising(sigmas, correlation_px, rows, cols)
    return _without_noise(pixels, Window(0, 0, rows, cols), method, keep_grain, denoising)


def measure(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Denoising:
    """The noise to take off: as given, or as found.

    Raises:
        SettingsError: the noise is neither given nor found
    """
    blind = network_of(settings)
    if blind is not None and "sigma" not in bench.engine(blind).facts.dials:
        return Denoising((), 0.0, picture.rows, picture.cols)
    sigma = tuple(s * settings.strength for s in _noise_of(picture, settings, findings))
    found = findings.noise.correlation_px if findings.noise is not None else None
    # the finder calls noise below this width white: a pixel's own extent
    correlation_px = found if found is not None and found >= _WHITE_BELOW_PX else 0.0
    return Denoising(sigma, correlation_px, picture.rows, picture.cols)


def _noise_of(picture: Picture, settings: Settings, findings: Findings) -> tuple[float, ...]:
    if settings.strength == 0:
        return (0.0,) * picture.channels
    if settings.sigma is not None:
        return (settings.sigma,) * picture.channels
    noise = findings.noise
    if noise is not None and len(noise.sigma_channels) == picture.channels:
        return noise.sigma_channels
    if noise is not None and noise.sigma is not None:
        return (noise.sigma,) * picture.channels
    why = "nobody looked for noise" if noise is None else f"the noise finder says: {noise.says}"
    raise SettingsError(
        f"`denoise` does not know how strong the noise is: {why.rstrip('.')}, and `sigma` is not "
        "set.",
        "Set `sigma` (of full scale: 0.02 suits light grain, 0.06 strong noise), or leave "
        "`denoise` out.",
    )


def network_of(settings: Settings) -> str | None:
    """The catalogue name of the network that the settings need."""
    return networks.network_name(settings.method, METHODS, NETWORKS)


def stream(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Iterator[tuple[Window, Pixels]]:
    """The picture as a network gives it, on the network's own grid.

    Raises:
        SettingsError: the network does not fit, or a strength above 1 for a blind one
    """
    engine = networks.opened(bench, network_of(settings) or "", step="denoise")
    denoising = measure(picture, settings, findings, bench)
    share = settings.strength
    if denoising.sigma:
        engine = engine.tuned(sigma=float(np.mean(denoising.sigma)))
        share = 1.0
    elif share > 1:
        raise SettingsError(
            f"`strength` is {share}; the network `{engine.facts.name}` finds out for itself how "
            "strong the noise is, so that 1 is all of it.",
            "Use 1 or less, or `drunet`, which can be told.",
        )
    for window, clean in networks.mended(engine, picture, bench, strength=share):
        if settings.keep_grain:
            clean = _with_grain(picture.read(window), clean, settings.keep_grain)
        yield window, clean


def _propose(look: Look, settings: Settings) -> Proposal:
    return Proposal(
        _without_noise(
            look.pixels, look.window, settings.method, settings.keep_grain, look.measured
        )
    )


def _without_noise(
    pixels: Pixels, window: Window, method: str, keep_grain: float, denoising: Denoising
) -> Pixels:
    if not any(denoising.sigma):
        return pixels
    if method == "wavelet":
        edges = _edges(window, denoising.rows, denoising.cols)
        clean = chang2000.denoise_wavelet(
            pixels, denoising.sigma, correlation_px=denoising.correlation_px, edges=edges
        )
    else:
        sigma = [max(s, _LEAST_SIGMA) for s in denoising.sigma]
        clean = buades2005.denoise_nlm(pixels, sigma)
    return _with_grain(pixels, clean, keep_grain) if keep_grain else clean


def _edges(window: Window, rows: int, cols: int) -> chang2000.Edges:
    return window.top == 0, window.bottom == rows, window.left == 0, window.right == cols


def _with_grain(pixels: Pixels, clean: Pixels, share: float) -> Pixels:
    """``clean`` with a share of what was taken off the brightness, the same in all channels."""
    taken = clean - pixels
    if taken.shape[2] == 1:
        brightness = taken[:, :, 0]
    else:
        red, green, blue = (taken[:, :, c] * np.float32(w) for c, w in enumerate(_LUMINANCE))
        brightness = (red + green) + blue
    taken -= (brightness * np.float32(share))[:, :, None]
    result: Pixels = taken + pixels
    return result


STEP = Step(
    name="denoise",
    title="Take off noise and, as far as wished, grain",
    settings=Settings,
    kind=Kind.TEXTURE,
    evidence=Evidence.ESTIMATED,
    looks_at=("noise",),
    measure=measure,
    propose=_propose,
    stream=stream,
    halo_px=lambda s: chang2000.HALO_PX if s.method == "wavelet" else buades2005.HALO_PX,
    network=network_of,
    paper="Chang, Yu, Vetterli 2000; Buades, Coll, Morel 2005; Zhang et al. 2022 (SCUNet)",
)
