"""Correct varnish: take a yellowed varnish's colour off, by what is known to be white.

Light goes through a varnish twice, down to the paint and back. By the law of Beer and Lambert each
pass takes a share of each colour, so the density of what is seen is that of the paint plus twice
the density of the varnish: three numbers, measured, written in the record, and undone exactly by
their inverse. Old natural resins take blue most, green less, red hardly.

The numbers need a reference. The best is white lead, or anything whose colour is known (a cleaned
window, a colour chart of another time), named by the user as ``reference`` boxes with the ``white``
that it should be. Without one, the lightest parts of the painting are taken to be a neutral white;
where those do not look like white behind a resin (blue taken most, then green, then red), nothing
is done. A painting without white paint deceives that rule, so the step is done only when it is
asked for by name.

It assumes a varnish of even thickness, without bloom (haze that adds light). Uneven varnish is
corrected on its average. Light that the varnish has taken wholly does not come back.

Related: Elias and Simonot 2006, Bi-directional reflectance of a varnished painting; Palomero and
Soriano 2011, Digital cleaning and "dirt" layer visualization of an oil painting,
doi:10.1364/OE.19.021011 (linear model between cleaned and uncleaned windows).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Window
from unfade.pixels.colour import LUMINANCE, srgb_to_linear
from unfade.pixels.profile import to_linear
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

LIGHTEST_SHARE = 0.005  # of the pixels: taken to be white where no reference is given
CLIPPED = 0.995  # light that the scanner may have cut off tells no colour
MOST_DENSITY = 0.75  # of one pass: a sixth of the light passes once, a thirtieth is seen
SLIGHTEST = 0.01  # a difference of blue and red densities below this is no yellowing
UNEVEN = 0.1  # density between references
_LEAST_LIGHT = 1e-6
_BINS = 2048
_HIGHEST = 4.0  # density
_BOX = r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*"


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How much of the varnish's colour goes, and what is known to be white."""

    strength: float = setting(
        1.0, "share of the varnish's density that is taken off", low=0, high=1, neutral=0.0
    )
    reference: str = setting(
        "", "places of known white as `ROW,COL,ROWS,COLS`, several with `;`; left out: the "
        "lightest parts of the picture"
    )  # fmt: skip
    white: str = setting(
        "", "colour of those places without varnish, as `#RRGGBB`; left out: neutral, as light "
        "as they are in the channel that is taken least"
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_boxes(self.reference)
        parse_white(self.white)


@dataclass(frozen=True)
class Varnish:
    """What was measured: ``light seen = light of the paint x 10 ** (-2 x density)``.

    Attributes:
        densities: of one pass, for each channel; all 0: nothing is done
        spread: largest difference of the references' densities, of two passes
        source: "reference" or "lightest parts"
        clipped_share: of the pixels, which would be lighter than full scale in some channel
        says: why, in words
    """

    densities: tuple[float, ...]
    spread: float = 0.0
    source: str = ""
    clipped_share: float = 0.0
    says: str = ""

    @property
    def nothing(self) -> bool:
        return not any(self.densities)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"densities": [round(d, 6) for d in self.densities]}


def take_off_varnish(pixels: Pixels, densities: Sequence[float], strength: float = 1.0) -> Pixels:
    """What a painting looks like without a varnish of these densities.

    Args:
        pixels: (rows, cols, channels) float32, linear light
        densities: of one pass, one for each channel
        strength: share of them that is taken off; -1 puts the varnish on: the exact inverse
    Returns:
        (rows, cols, channels) float32, linear light
    """
    gains = 10.0 ** (2 * strength * np.asarray(densities, np.float64))
    light: Pixels = pixels * gains.astype(np.float32)
    return light


def parse_boxes(text: str) -> tuple[Window, ...]:
    """Boxes of the setting ``reference``.

    Raises:
        SettingsError: one that is not ``ROW,COL,ROWS,COLS``, or is empty
    """
    boxes = []
    for part in filter(str.strip, text.split(";")):
        match = re.fullmatch(_BOX, part)
        top, left, rows, cols = (int(g) for g in match.groups()) if match else (0, 0, 0, 0)
        if rows < 1 or cols < 1:
            raise SettingsError(
                f"`reference` holds `{part.strip()}`, expected `ROW,COL,ROWS,COLS` in pixels.",
                "For example `correct_varnish.reference=120,340,20,20`; several with `;`.",
            )
        boxes.append(Window(top, left, top + rows, left + cols))
    return tuple(boxes)


def parse_white(text: str) -> np.ndarray | None:
    """Linear light of the setting ``white``, or None when it is left out.

    Raises:
        SettingsError: not ``#RRGGBB``, or black
    """
    if not text:
        return None
    match = re.fullmatch(r"#?([0-9a-fA-F]{6})", text.strip())
    codes = bytes.fromhex(match.group(1)) if match else b"\0"
    if min(codes) < 1:
        raise SettingsError(
            f"`white` is `{text}`, expected a light colour like `#F2EFE8`.",
            "Write it as `#RRGGBB`, two hexadecimal digits for each of red, green and blue.",
        )
    full = np.float32(255)  # of a colour as the web writes it, whatever the picture's depth
    return srgb_to_linear(np.frombuffer(codes, np.uint8).astype(np.float32) / full)


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Varnish:
    """The varnish's densities, from the reference or from the lightest parts.

    Raises:
        SettingsError: a reference outside the picture
    """
    boxes = parse_boxes(settings.reference)
    white = parse_white(settings.white)
    if white is not None and picture.channels == 1:
        white = np.array([float(white @ LUMINANCE.astype(np.float32))], np.float32)
    counted = _count(picture, bench)
    if boxes:
        seen = np.stack([_density_of(picture, box) for box in boxes])
        return _finished(_of_reference(seen, white), counted, settings)
    return _finished(_of_lightest(counted, white), counted, settings)


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """Sums over the picture: by luminance the densities, by channel how many of each density."""

    pixels: np.ndarray  # (bins,)
    densities: np.ndarray  # (bins, channels)
    each: np.ndarray  # (channels, bins)


def _count(picture: Picture, bench: BenchView) -> _Counted:
    grid = Grid()

    def count(tile: Tile) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        light = to_linear(picture.read(tile.core), picture).reshape(-1, picture.channels)
        density = -np.log10(np.maximum(light, np.float32(_LEAST_LIGHT)))
        weights = LUMINANCE.astype(np.float32) if picture.channels == 3 else np.ones(1, np.float32)
        luminance = light @ weights
        whole = (light < CLIPPED).all(axis=1)
        at = _bins(-np.log10(np.maximum(luminance[whole], np.float32(_LEAST_LIGHT))))
        sums = [np.bincount(at, d[whole], _BINS) for d in density.T]
        each = [np.bincount(_bins(d), minlength=_BINS) for d in density.T]
        return np.bincount(at, minlength=_BINS), np.stack(sums, axis=1), np.stack(each)

    total = _Counted(
        np.zeros(_BINS, np.int64),
        np.zeros((_BINS, picture.channels)),
        np.zeros((picture.channels, _BINS), np.int64),
    )
    for number, sums, each in bench.map(
        count,
        grid.tiles(picture.rows, picture.cols),
        says="measuring the varnish",
        total=grid.count(picture.rows, picture.cols),
        bytes_each=grid.core_px**2 * 100,
    ):
        total.pixels[:] += number
        total.densities[:] += sums
        total.each[:] += each
    return total


def _bins(density: np.ndarray) -> np.ndarray:
    return np.clip(density * (_BINS / _HIGHEST), 0, _BINS - 1).astype(np.int64)


def _density_of(picture: Picture, box: Window) -> np.ndarray:
    """Median density of a reference, for each channel."""
    if box.overlap(picture.window) != box:
        raise SettingsError(
            f"The reference at row {box.top}, column {box.left} of {box.rows} x {box.cols} pixels "
            f"reaches outside the picture of {picture.rows} x {picture.cols} pixels.",
            "Boxes are `ROW,COL,ROWS,COLS`, counted from 0 at the upper left.",
        )
    light = to_linear(picture.read(box), picture)
    median = np.median(light.reshape(-1, picture.channels), axis=0)
    return np.asarray(-np.log10(np.maximum(median, _LEAST_LIGHT)), np.float64)


def _of_reference(seen: np.ndarray, white: np.ndarray | None) -> Varnish:
    true = seen.min(axis=1, keepdims=True) if white is None else -np.log10(white)[None, :]
    twice = seen - true
    spread = float(np.ptp(twice, axis=0).max()) if len(seen) > 1 else 0.0
    densities = np.clip(np.median(twice, axis=0) / 2, 0, MOST_DENSITY)
    count = "1 reference" if len(seen) == 1 else f"{len(seen)} references"
    uneven = f" They differ by {spread:.2f} in density: the varnish is uneven."
    return Varnish(
        densities=tuple(float(d) for d in densities),
        spread=spread,
        source="reference",
        says=f"By {count} of known white." + (uneven if spread > UNEVEN else ""),
    )


def _of_lightest(counted: _Counted, white: np.ndarray | None) -> Varnish:
    """Densities of the lightest parts that are not clipped, if they look like white in resin."""
    channels = counted.densities.shape[1]
    none = (0.0,) * channels
    source = "lightest parts"
    if channels == 1 and white is None:
        return Varnish(none, source=source, says="A grey picture shows no yellowing by itself.")
    wanted = max(1, round(LIGHTEST_SHARE * int(counted.pixels.sum())))
    last = int(np.searchsorted(np.cumsum(counted.pixels), wanted)) + 1
    number = int(counted.pixels[:last].sum())
    if number == 0:
        return Varnish(none, source=source, says="Everything is clipped: no white can be measured.")
    seen = counted.densities[:last].sum(axis=0) / number
    true = np.full(channels, seen.min()) if white is None else -np.log10(white)
    twice = np.maximum(seen - true, 0)
    if channels == 3:
        red, green, blue = twice
        if blue - red < 2 * SLIGHTEST:
            return Varnish(none, source=source, says="The lightest parts are not yellow.")
        if not red - 2 * SLIGHTEST <= green <= 0.8 * blue + 0.2 * red:
            return Varnish(
                none, source=source,
                says="The lightest parts are not the colour of white behind a yellowed resin: "
                "no white is known. Name one with `correct_varnish.reference`.",
            )  # fmt: skip
    densities = np.clip(twice / 2, 0, MOST_DENSITY)
    return Varnish(
        tuple(float(d) for d in densities),
        source=source,
        says="The lightest parts are taken to be neutral white; a reference would be surer.",
    )


def _finished(varnish: Varnish, counted: _Counted, settings: Settings) -> Varnish:
    """With the share of pixels that the correction takes over full scale."""
    over = 0.0
    for density, each in zip(varnish.densities, counted.each):
        limit = 2 * density * settings.strength
        bins = int(limit * _BINS / _HIGHEST)
        over = max(over, float(each[:bins].sum()) / max(1, int(each.sum())))
    return Varnish(**(asdict(varnish) | {"clipped_share": over}))


def _propose(look: Look, settings: Settings) -> Proposal:
    if look.measured.nothing:
        return Proposal(look.pixels)
    return Proposal(take_off_varnish(look.pixels, look.measured.densities, settings.strength))


STEP = Step(
    name="correct_varnish",
    title="Take a yellowed varnish's colour off",
    settings=Settings,
    kind=Kind.TONAL,
    evidence=Evidence.ADJUSTED,
    measure=measure,
    propose=_propose,
    encoding="linear",
    paper="Beer-Lambert, two passes; Palomero and Soriano 2011, doi:10.1364/OE.19.021011",
)
