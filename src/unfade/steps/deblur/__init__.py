"""Deblur: undo a blur whose shape is known, or let a network try.

Two classical methods undo *one* blur, the same all over the picture: of a lens out of focus
(``kernel=defocus``), of a movement in a straight line (``motion``), or of many small causes
(``gaussian``). Which, and how wide, comes from the finding ``blur`` or from the settings.
``richardson-lucy`` (the default: measured better) iterates and keeps dark areas calm; ``wiener``
is one filter, seven times as quick, and ripples in shadows. Both work in linear light, in which a
lens blurs. A wrong kernel gives a wrong picture: look at the result at full size. What the blur
has wiped out does not come back, and noise limits the rest.

Deconvolution rings beside edges. How far it would is measured and stands in the record; each pixel
is then kept within the range that the blurred picture has under the kernel, and a little more
(``overshoot``).

Networks: ``nafnet`` was trained on film of moving cameras that was blurred and then compressed,
which comes closest to scans of old prints; ``nafnet-motion`` on clean blur. They need no kernel
and make sharpness up: lettering and faces that are too far gone become others.

Papers: Hunt 1973 (``wiener``); Dey et al. 2006 (``richardson-lucy``); Chen, Chu, Zhang, Sun 2022,
arXiv:2204.04676 (networks).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Window
from unfade.pixels import spread
from unfade.pixels.profile import from_linear, to_linear
from unfade.record import Evidence
from unfade.steps import contract, networks
from unfade.steps.contract import Kind, Look, Proposal, Step, setting
from unfade.steps.deblur.blocks import HALO_PX, blocks_in, transformed
from unfade.steps.deblur.dey2006 import unblur_richardson_lucy
from unfade.steps.deblur.hunt1973 import unblur_wiener, wiener_spectrum
from unfade.steps.deblur.ringing import Ringing, held_within_range, ringing_of
from unfade.steps.deblur.sampling import Sampled, sampled

METHODS = ("richardson-lucy", "wiener")
NETWORKS = {"nafnet": "nafnet-reds-w64", "nafnet-motion": "nafnet-gopro-w32"}
FOUND = "found"
LARGEST_GAUSSIAN_PX = 7.0  # of standard deviation: three of them must fit into the margin
# weight of total variation for each 8-bit code of noise: best on synthetic blur with sigma 1 and 3
SMOOTHNESS_OF_NOISE = 0.002 * 255
SMOOTHEST = 0.02


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """Which blur is undone, and how."""

    method: str = setting(
        "richardson-lucy",
        "iterations with total variation, one Wiener filter, or a network",
        choices=(*METHODS, *NETWORKS),
        networks=True,
    )
    kernel: str = setting(
        FOUND,
        "shape of the blur: as found, or `defocus`, `motion`, `gaussian` with their sizes",
        choices=(FOUND, *spread.SHAPES),
    )
    radius_px: float | None = setting(
        None, "radius of `defocus`, standard deviation of `gaussian`", unit="px", low=0.5, high=20
    )
    length_px: float | None = setting(None, "length of `motion`", unit="px", low=1.5, high=40)
    angle_degrees: float | None = setting(
        None,
        "direction of `motion`: 0 along the rows, 90 along the columns, 45 down to the right",
        unit="degrees",
        low=0,
        high=180,
    )
    noise: float | None = setting(
        None,
        "standard deviation of the picture's noise; left out: as measured",
        unit="of full scale",
        low=0,
        high=0.2,
    )
    iterations: int = setting(24, "of `richardson-lucy`: more is sharper and rings more", low=1,
                              high=100)  # fmt: skip
    overshoot: float = setting(
        0.2,
        "how far a pixel may leave the range that the picture has under the kernel",
        unit="of that range",
        low=0,
        high=1,
    )
    strength: float = setting(1.0, "share of the result", low=0, high=1, neutral=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = {
            "defocus": ("radius_px",), "gaussian": ("radius_px",),
            "motion": ("length_px", "angle_degrees"), FOUND: (),
        }[self.kernel]  # fmt: skip
        for name in ("radius_px", "length_px", "angle_degrees"):
            given = getattr(self, name) is not None
            if given and name not in needed:
                raise SettingsError(
                    f"`{name}` is set and the kernel is `{self.kernel}`, which has no such size.",
                    "Set `kernel` to `motion`."
                    if name != "radius_px"
                    else "Set `kernel` to `defocus` or `gaussian`.",
                )
            if not given and name in needed:
                raise SettingsError(
                    f"The kernel `{self.kernel}` needs `{name}`.",
                    f"Set `{name}`, or leave `kernel` out to use the blur that is found.",
                )
        if self.kernel == "gaussian" and (self.radius_px or 0) > LARGEST_GAUSSIAN_PX:
            raise SettingsError(
                f"`radius_px` is {self.radius_px}, expected 0.5 to {LARGEST_GAUSSIAN_PX:g} px for "
                "the kernel `gaussian`."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unblurring:
    """What every block needs to know.

    Attributes:
        shape, sizes: of the blur, as ``spread`` takes them
        noise: standard deviation, stored values
        smoothness: weight of total variation (``richardson-lucy``)
        spectrum: of the kernel, or of the filter, packed
        reach_px: how far the kernel spreads a point
        ringing: what a sample block does without the limit
        rows, cols: of the picture
        kind: a picture of one pixel with the tone curve of the picture; None: linear light
    """

    shape: str
    sizes: tuple[float, ...]
    noise: float
    smoothness: float
    spectrum: np.ndarray
    reach_px: int
    rows: int
    cols: int
    ringing: Ringing | None = None
    kind: Picture | None = None

    def to_dict(self) -> dict[str, Any]:
        names = {"motion": ("length_px", "angle_degrees")}.get(self.shape, ("radius_px",))
        sizes = {name: round(size, 3) for name, size in zip(names, self.sizes)}
        ringing = {} if self.ringing is None else {"ringing": self.ringing.to_dict()}
        noise = {"noise": round(self.noise, 6), "smoothness": round(self.smoothness, 6)}
        return {"kernel": self.shape, **sizes, **noise, **ringing}


def undo_blur(
    pixels: Pixels,
    kernel: np.ndarray,
    *,
    method: str = "richardson-lucy",
    noise: float = 1 / 255,
    iterations: int = 24,
    overshoot: float = 0.2,
) -> Pixels:
    """Undo a blur of known kernel in a whole picture.

    Args:
        pixels: (rows, cols, 1 or 3) float32 of linear light
        kernel: (side, side) float64, side odd and up to 49, sum 1; see ``pixels.spread``
        method: ``richardson-lucy`` or ``wiener``
        noise: standard deviation of the noise, in the units of ``pixels``
        iterations: of ``richardson-lucy``
        overshoot: share of the range under the kernel by which a pixel may leave it
    Returns:
        float32 like ``pixels``
    Cost:
        richardson-lucy 4.5 s a megapixel of colour on one core (24 iterations of four
        transforms of each channel: that is the method), wiener 0.7 s
    Source:
        Dey et al. 2006; Hunt 1973
    """
    rows, cols = pixels.shape[:2]
    seen = sampled((pixels,), kernel, noise**2)
    known = _unblurring("kernel", (), kernel, seen, noise, method, rows, cols)
    return _in_blocks(
        pixels,
        Window(0, 0, rows, cols),
        known,
        method=method,
        iterations=iterations,
        overshoot=overshoot,
    )


def measure(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Unblurring | None:
    """The blur to undo, the noise, and how much it would ring; None for a network.

    Raises:
        SettingsError: the blur, or the noise, is neither given nor found
    """
    if network_of(settings) is not None or settings.neutral:
        return None
    shape, sizes = _blur_of(settings, findings)
    kernel = kernel_of(shape, sizes)
    stored = max(_noise_of(settings, findings), picture.code_step * 12**-0.5)
    seen = Sampled.of(picture, kernel, stored)
    known = _unblurring(
        shape, sizes, kernel, seen, stored, settings.method, picture.rows, picture.cols
    )
    after = _unlimited(seen.busiest, known, settings.method, settings.iterations)
    ringing = ringing_of(seen.busiest, after, known.reach_px, settings.overshoot)
    one = replace(picture, samples=picture.samples[:1, :1], alpha=None, infrared=None)
    return replace(known, ringing=ringing, kind=one)


def kernel_of(shape: str, sizes: tuple[float, ...]) -> np.ndarray:
    """The kernel of a blur: ``defocus`` (radius), ``gaussian`` (sigma), ``motion`` (both)."""
    if shape == "motion":
        return spread.line(*sizes)
    return spread.disc(*sizes) if shape == "defocus" else spread.gauss(*sizes)


def network_of(settings: Settings) -> str | None:
    """The catalogue name of the network that the settings need."""
    return networks.network_name(settings.method, METHODS, NETWORKS)


def stream(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Iterator[tuple[Window, Pixels]]:
    """The picture as the network gives it, on the network's own grid."""
    engine = networks.opened(bench, network_of(settings) or "", step="deblur")
    yield from networks.mended(engine, picture, bench, strength=settings.strength)


def _blur_of(settings: Settings, findings: Findings) -> tuple[str, tuple[float, ...]]:
    if settings.kernel == "motion":
        return "motion", (float(settings.length_px or 0), float(settings.angle_degrees or 0))
    if settings.kernel != FOUND:
        return settings.kernel, (float(settings.radius_px or 0),)
    found = findings.blur
    if found is not None and found.kind == "motion" and found.length_px is not None:
        return "motion", (found.length_px, found.angle_degrees or 0.0)
    if found is not None and found.kind == "defocus" and found.radius_px is not None:
        return "defocus", (found.radius_px,)
    why = "nobody looked for blur" if found is None else f"the finder says: {found.says}"
    raise SettingsError(
        f"`deblur` does not know the blur: {why.rstrip('.')}, and `kernel` is not set.",
        "Set `kernel` and its size, e.g. `--set deblur.kernel=defocus --set deblur.radius_px=3`, "
        "or use a network: `--set deblur.method=nafnet`.",
    )


def _noise_of(settings: Settings, findings: Findings) -> float:
    if settings.noise is not None:
        return settings.noise
    noise = findings.noise
    if noise is not None and noise.sigma is not None:
        return noise.sigma
    why = "nobody looked for noise" if noise is None else f"the noise finder says: {noise.says}"
    raise SettingsError(
        f"`deblur` does not know how strong the noise is: {why.rstrip('.')}, and `noise` is not "
        "set.",
        "Set `noise` (of full scale: 0.004 suits a clean scan, 0.02 light grain).",
    )


def _unblurring(
    shape: str,
    sizes: tuple[float, ...],
    kernel: np.ndarray,
    seen: Sampled,
    noise: float,
    method: str,
    rows: int,
    cols: int,
) -> Unblurring:
    spectrum = (
        wiener_spectrum(kernel, seen.noise_power / seen.slope_power)
        if method == "wiener"
        else transformed(kernel)
    )
    return Unblurring(
        shape=shape,
        sizes=sizes,
        noise=noise,
        smoothness=min(SMOOTHEST, SMOOTHNESS_OF_NOISE * noise),
        spectrum=spectrum,
        reach_px=kernel.shape[0] // 2,
        rows=rows,
        cols=cols,
    )


def _propose(look: Look, settings: Settings) -> Proposal:
    if look.measured is None:
        return Proposal(look.pixels)
    after = _in_blocks(
        look.pixels,
        look.window,
        look.measured,
        method=settings.method,
        iterations=settings.iterations,
        overshoot=settings.overshoot,
    )
    share = np.float32(settings.strength)
    return Proposal(after if share == 1 else look.pixels + share * (after - look.pixels))


def _in_blocks(
    pixels: Pixels,
    window: Window,
    known: Unblurring,
    *,
    method: str,
    iterations: int,
    overshoot: float,
) -> Pixels:
    """The blocks that the window holds whole; around them the pixels as they came."""
    result = pixels.copy()
    for block in blocks_in(window, known.rows, known.cols):
        before = pixels[block.padded.within(window)]
        if known.kind is not None:
            before = to_linear(before, known.kind)
        after = _unlimited(before, known, method, iterations)
        after = held_within_range(after, before, known.reach_px, overshoot)
        inner = after[block.core.within(block.padded)]
        if known.kind is not None:
            inner = from_linear(inner, known.kind)
        result[block.core.within(window)] = inner
    return result


def _unlimited(before: Pixels, known: Unblurring, method: str, iterations: int) -> Pixels:
    if method == "wiener":
        return unblur_wiener(before, known.spectrum)
    return unblur_richardson_lucy(
        before, known.spectrum, iterations=iterations, smoothness=known.smoothness
    )


STEP = Step(
    name="deblur",
    title="Undo the blur of a lens out of focus or of a movement",
    settings=Settings,
    kind=Kind.TEXTURE,
    evidence=Evidence.ESTIMATED,
    propose=_propose,
    stream=stream,
    looks_at=("noise", "blur"),
    measure=measure,
    halo_px=lambda settings: HALO_PX,
    network=network_of,
    paper="Dey et al. 2006, doi:10.1002/jemt.20294; Hunt 1973, doi:10.1109/TC.1973.5009169; "
    "Chen et al. 2022, arXiv:2204.04676",
)
