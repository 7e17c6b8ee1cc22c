"""Colorize: colours for a grey picture; its luminance stays as it is, code by code.

A network looks at the whole picture in small and proposes a* and b*; they are brought to the
picture's own size smoothly and laid under its own lightness. ``unfade`` comes with the package and
is small: right about faces more often than not, brownish about most else; ``ddcolor`` is fetched
and knows more. What is known can be said: points of colour (``hints``) spread along the picture and
win over the network. With the method ``hints`` there are only these, which share the whole picture,
and no network.

The colours are made up. They may be plausible and wrong: a grey picture does not hold them. Every
pixel is class 4. Toned pictures (sepia) are taken as grey; colour that is there is replaced.

In a file of whole numbers the luminance code of every pixel (see ``unfade.pixels.luminance``)
is exactly that of the original, in a lossless format on disk too; JPEG and other lossy formats
change it in coding. A grey file becomes one of three channels.

Papers: Kang et al. 2023, DDColor, arXiv:2212.11613; Yatziv, Sapiro 2006,
doi:10.1109/TIP.2005.864231.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, Plane, Window, codes_to_pixels, pixels_to_codes
from unfade.pixels import luminance as light
from unfade.pixels.colour import linear_to_lab, linear_to_srgb, luminance, srgb_to_linear
from unfade.pixels.profile import to_linear
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence
from unfade.steps import contract, networks
from unfade.steps.colorize.yatziv2006 import blend
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

NETWORKS = {
    "unfade": "unfade-colorize",
    "ddcolor": "ddcolor-modelscope",
    "ddcolor-artistic": "ddcolor-artistic",
}
METHODS = ("hints",)  # that need no network
MULTIPLE_OF = 32
REACH_SHARE = 0.12  # of the side: way at which a hint counts as much as the network
_HINT = re.compile(r"(\d+),(\d+),#([0-9a-fA-F]{6})")


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """Whose colours, how strong."""

    method: str = setting(
        "unfade", "network that proposes colours, or `hints`: your own points alone",
        choices=(*NETWORKS, *METHODS), networks=True,
    )  # fmt: skip
    strength: float = setting(1.0, "share of the colour", low=0, high=1, neutral=0.0)
    hints: str = setting("", "colours that you know: ROW,COL,#RRGGBB, with spaces between several")
    size_px: int = setting(
        512, "side at which `ddcolor` looks, a multiple of 32; the colours depend on it",
        unit="px", low=256, high=1024,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_hints(self.hints)
        if self.size_px % MULTIPLE_OF:
            raise SettingsError(
                f"`size_px` is {self.size_px}, expected a multiple of {MULTIPLE_OF}.",
                "512 is what the published results were made with.",
            )
        if self.method == "hints" and not self.hints.split() and self.strength > 0:
            raise SettingsError(
                "The method `hints` was chosen and no hint given.",
                "Give points of colour, e.g. `--hint 120,340,#7a4a30`.",
            )


@dataclass(frozen=True, slots=True)
class Hint:
    """A point of the picture and its colour, sRGB codes 0-255."""

    row: int
    col: int
    rgb: tuple[int, int, int]

    @property
    def ab(self) -> tuple[float, float]:
        """a* and b* of the colour."""
        lab = linear_to_lab(srgb_to_linear(np.array(self.rgb, np.float64) / 255))
        return float(lab[1]), float(lab[2])


@dataclass(frozen=True, slots=True, eq=False)
class Chroma:
    """Colours for a whole picture, at the size at which they were found.

    Attributes:
        ab: (side, side, 2) float32 a*, b*
        keeper: which keeps the picture's luminance
        rows, cols: of the picture
    """

    ab: np.ndarray
    keeper: light.Luminance
    rows: int
    cols: int
    hints: int

    def at(self, window: Window) -> np.ndarray:
        """(rows, cols, 2) float64 of a window at the picture's own size, linear between cells."""
        r0, r1, down = _between(window.top, window.bottom, self.rows, self.ab.shape[0])
        c0, c1, across = _between(window.left, window.right, self.cols, self.ab.shape[1])
        upper = self.ab[r0] + (self.ab[r1] - self.ab[r0]) * down[:, None, None]
        left, right = upper[:, c0], upper[:, c1]
        return np.asarray(left + (right - left) * across[None, :, None], np.float64)

    def to_dict(self) -> dict[str, Any]:
        chroma = np.hypot(self.ab[..., 0], self.ab[..., 1])
        return {
            "side_px": int(self.ab.shape[0]),
            "hints": self.hints,
            "mean_chroma": round(float(chroma.mean()), 2),
            "most_chroma": round(float(chroma.max()), 2),
        }


def parse_hints(text: str) -> tuple[Hint, ...]:
    """Points of colour from text like ``120,340,#7a4a30 12,30,#ffffff``.

    Raises:
        SettingsError: a hint that is not ROW,COL,#RRGGBB
    """
    hints = []
    for word in text.split():
        found = _HINT.fullmatch(word)
        if found is None:
            raise SettingsError(
                f"The hint `{word}` is not of the form ROW,COL,#RRGGBB.",
                "For example `120,340,#7a4a30`: row 120, column 340, a brown.",
            )
        red, green, blue = bytes.fromhex(found[3])
        hints.append(Hint(int(found[1]), int(found[2]), (red, green, blue)))
    return tuple(hints)


def hint_text(hints: Iterable[str | tuple[int, int, tuple[int, int, int]]]) -> str:
    """Points of colour as the text that ``Settings`` has."""
    return " ".join(
        hint if isinstance(hint, str) else f"{hint[0]},{hint[1]},#{bytes(hint[2]).hex()}"
        for hint in hints
    )


def network_of(settings: Settings) -> str | None:
    """The catalogue name of the network that the settings need."""
    return networks.network_name(settings.method, METHODS, NETWORKS)


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Chroma:
    """The colours for the whole picture, before any pixel changes.

    Raises:
        SettingsError: a hint outside the picture, or a network that gives no colours
    """
    side = settings.size_px
    hints = parse_hints(settings.hints)
    for hint in hints:
        if hint.row >= picture.rows or hint.col >= picture.cols:
            raise SettingsError(
                f"The hint at row {hint.row}, column {hint.col} lies outside the picture of "
                f"{picture.rows} x {picture.cols} pixels.",
                "Rows and columns count from 0 at the top left.",
            )
    grey = small_grey(picture, side, bench)
    name = network_of(settings)
    ab = np.zeros((side, side, 2), np.float32)
    if name is not None:
        engine = networks.opened(bench, name, step="colorize", scale=0, shape="colour")
        ab = engine.colours(grey)
    if hints:
        points = [
            ((h.row + 0.5) * side / picture.rows - 0.5, (h.col + 0.5) * side / picture.cols - 0.5)
            for h in hints
        ]
        reach_px = REACH_SHARE * side
        colours = [hint.ab for hint in hints]
        ab = blend(ab, grey, points, colours, reach_px=reach_px, over=name is not None)
    return Chroma(ab, light.Luminance(picture), picture.rows, picture.cols, len(hints))


def small_grey(picture: Picture, side: int, bench: BenchView) -> Plane:
    """(side, side) float32: the luminance as sRGB values; the aspect ratio is not kept."""
    down, across = light.weights(picture.rows, side), light.weights(picture.cols, side).T
    grid = Grid(core_px=max(256, 2**22 // picture.cols))
    bands = [
        Tile(band, band)
        for top in range(0, picture.rows, grid.core_px)
        for band in (Window(top, 0, min(picture.rows, top + grid.core_px), picture.cols),)
    ]

    def look(tile: Tile) -> np.ndarray:
        pixels = to_linear(picture.read(tile.core), picture)
        grey = linear_to_srgb(np.clip(luminance(pixels), 0, 1))
        rows = slice(tile.core.top, tile.core.bottom)
        return np.asarray(down[:, rows] @ (grey @ across))

    total = np.zeros((side, side))
    for part in bench.map(
        look, bands, says="looking at the whole", total=len(bands),
        bytes_each=grid.core_px * picture.cols * 60,
    ):  # fmt: skip
        total += part
    return np.clip(total, 0, 1).astype(np.float32)


def _propose(look: Look, settings: Settings) -> Proposal:
    chroma: Chroma = look.measured
    kind = chroma.keeper.picture
    samples = pixels_to_codes(look.pixels, kind.samples.dtype, kind.full_scale)
    ab = chroma.at(look.window)
    coloured = chroma.keeper.colour(samples, ab, strength=settings.strength)
    return Proposal(codes_to_pixels(coloured, kind.full_scale))


def _between(start: int, stop: int, full: int, side: int) -> tuple[np.ndarray, ...]:
    """For each pixel of a line the cells before and after it, and how far it is between them."""
    at = np.clip((np.arange(start, stop) + 0.5) * side / full - 0.5, 0, side - 1)
    low = np.minimum(at.astype(np.int64), side - 1)
    return low, np.minimum(low + 1, side - 1), at - low


STEP = Step(
    name="colorize",
    title="Give a grey picture colours that it does not hold",
    settings=Settings,
    kind=Kind.CHROMA,
    evidence=Evidence.INVENTED,
    measure=measure,
    propose=_propose,
    network=network_of,
    colours=True,
    paper="Kang et al. 2023, arXiv:2212.11613",
)
