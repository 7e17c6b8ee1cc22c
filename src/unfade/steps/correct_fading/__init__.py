"""Correct fading: give a print's layers back the density that light and time have taken.

A colour print holds three dye layers, a silver print one. Fading takes a share of each layer's
density and leaves a stain: what was density ``D`` is now ``gain * D + stain`` (Wallace 1989:
loss proportional to what is left; Chatterjee, Trumpy, Ruedel 2023). Six numbers, or two for
grey, describe it; they are measured or given, written in the record, and can be undone exactly.

Where they come from, the later over the earlier: the ends of the picture's own densities
(``ends``) or a network that has seen many pictures faded (``network``), places that the user
knows to have been grey, and numbers that the user gives (``known``). Without the user the loss
common to all dyes is a guess, and a scene that is coloured all over (sunset, under water) can be
taken for faded. A place that is neutral as it stands says that nothing has faded.

Toned and grey pictures keep their hue: one common curve acts on their luminance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, Pixels
from unfade.pixels.places import Place, light_of, places_of
from unfade.pixels.profile import to_linear
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence
from unfade.steps import contract, networks
from unfade.steps.contract import Kind, Look, Proposal, Step, setting
from unfade.steps.correct_fading.ends import BINS, density_counts, fading_of
from unfade.steps.correct_fading.known import already_neutral, meeting_places, with_numbers
from unfade.steps.correct_fading.model import (
    DYES,
    Fading,
    invert_restore_density,
    layers_of,
    luminance_density,
    restore_density,
)
from unfade.steps.correct_fading.network import (
    blob_of,
    fading_told,
    in_one_layer,
    ordered,
    small_view,
)

METHODS = ("ends",)  # that need no network
NETWORKS = {"unfade": "unfade-fading"}


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How far fading is undone, what is known of it, and what a sound print is taken to be."""

    strength: float = setting(1.0, "share of the loss to undo", low=0, high=1, neutral=0.0)
    method: str = setting(
        "ends",
        "how the loss is measured: from the ends of the layers' densities, or in pictures that "
        "are not grey by a network: `unfade`, or your own of the recipe `unfade`",
        choices=(*METHODS, *NETWORKS), networks=True,
    )  # fmt: skip
    reference: str = setting(
        "",
        "places that were grey or white: ROW,COL or ROW,COL,ROWS,COLS in pixels, with spaces "
        "between several, each with =DENSITY where that is known",
    )
    cyan_left: float | None = setting(
        None, "share of the cyan dye that is left; left out: measured", low=0.05, high=1
    )
    magenta_left: float | None = setting(
        None, "share of the magenta dye that is left; left out: measured", low=0.05, high=1
    )
    yellow_left: float | None = setting(
        None, "share of the yellow dye that is left; left out: measured", low=0.05, high=1
    )
    cyan_stain: float | None = setting(
        None, "stain in the cyan layer; left out: measured", unit="density", low=-0.5, high=1
    )
    magenta_stain: float | None = setting(
        None, "stain in the magenta layer; left out: measured", unit="density", low=-0.5, high=1
    )
    yellow_stain: float | None = setting(
        None, "stain in the yellow layer; left out: measured", unit="density", low=-0.5, high=1
    )
    max_gain: float = setting(
        3.0, "density is multiplied by at most this; a flatter picture is left alone", low=1, high=5
    )
    density_low: float = setting(
        0.05, "density of the lightest parts of a sound print", unit="density", low=0, high=0.5
    )
    density_high: float = setting(
        2.0, "density of its darkest parts", unit="density", low=0.8, high=4
    )
    keep_tone: bool | None = setting(
        None, "one curve for all layers, hue kept; left out: for grey and toned pictures"
    )
    dyes: str | None = setting(
        None,
        "which light each dye takes away beside its own; left out: `paper` where numbers or a "
        "reference are given and no network is used, else `independent`",
        choices=tuple(DYES),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        places_of(self.reference, "reference")
        if network_of(self) is not None and self.dyes_used != "independent":
            raise SettingsError(
                f"The network `{self.method}` tells what red, green and blue densities lost, and "
                f"`dyes` is `{self.dyes_used}`.",
                "Use `method` `ends`, or `dyes` `independent`.",
            )

    @property
    def left(self) -> tuple[float | None, ...]:
        return self.cyan_left, self.magenta_left, self.yellow_left

    @property
    def stains(self) -> tuple[float | None, ...]:
        return self.cyan_stain, self.magenta_stain, self.yellow_stain

    @property
    def dyes_used(self) -> str:
        """The key of ``DYES``. Ends of single channels stray less than those of unmixed dyes."""
        if network_of(self) is not None:
            return self.dyes or "independent"
        known = self.reference or any(n is not None for n in (*self.left, *self.stains))
        return self.dyes or ("paper" if known else "independent")


def network_of(settings: Settings) -> str | None:
    """The network that measures, if one does."""
    return networks.network_name(settings.method, METHODS, NETWORKS)


def measure_fading(
    pixels: Pixels, settings: Settings | None = None, *, keep_tone: bool = False
) -> Fading:
    """Estimate what a picture has lost, from the ends of its layers' densities.

    Args:
        pixels: (rows, cols, 1 or 3) float32, linear light
        keep_tone: one layer for all channels
    """
    settings = settings or Settings()
    counts = density_counts(pixels, settings.dyes_used)
    return _of_ends(counts, settings, keep_tone or pixels.shape[2] == 1).scaled(settings.strength)


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Fading:
    """The loss of the whole picture, before the share of it that is undone.

    Raises:
        SettingsError: ``method`` names a network of another kind
        ModelMissing: the network or its runtime is not here
    """
    kind = findings.tone.kind if findings.tone is not None else "unknown"
    keep_tone = settings.keep_tone
    if keep_tone is None:
        keep_tone = kind in ("grey", "toned")
    one_layer = keep_tone or picture.channels == 1
    name = network_of(settings)
    if name is None:
        found = _of_ends(_counted(picture, settings, bench), settings, one_layer)
    elif picture.channels == 1 or (one_layer and kind == "grey"):
        found = _of_ends(_counted(picture, settings, bench), settings, one_layer)
        found = replace(found, says=f"{found.says} Grey pictures are told by their ends.")
    else:
        found = _told(picture, name, settings, bench)
        if one_layer:
            found = in_one_layer(found)
    places = places_of(settings.reference, "reference")
    if places:
        found = _met(found, places, picture, settings)
    return with_numbers(found, settings.left, settings.stains).scaled(settings.strength)


def _counted(picture: Picture, settings: Settings, bench: BenchView) -> np.ndarray:
    """Histograms of the layers' densities, summed window by window."""
    grid = Grid()

    def count(tile: Tile) -> np.ndarray:
        linear = to_linear(picture.read(tile.core), picture)
        return density_counts(linear, settings.dyes_used)

    total = np.zeros((picture.channels + 1, BINS), np.int64)
    for counts in bench.map(
        count,
        grid.tiles(picture.rows, picture.cols),
        says="measuring densities",
        total=grid.count(picture.rows, picture.cols),
        bytes_each=grid.core_px**2 * 80,
    ):
        total += counts
    return total


def _told(picture: Picture, name: str, settings: Settings, bench: BenchView) -> Fading:
    """The loss as a network tells it."""
    engine = networks.opened(bench, name, step=STEP.name, scale=0, shape="find")
    if not hasattr(engine, "tell"):
        raise SettingsError(
            f"`{STEP.name}` cannot use the network `{name}`, which finds places.",
            f"`unfade models list --task {STEP.name}` shows those that fit.",
        )
    densities = small_view(picture)
    order = ordered(densities)
    found = fading_told(engine.tell(blob_of(densities, order)), order)
    return replace(found, gains=tuple(max(g, 1 / settings.max_gain) for g in found.gains))


def _of_ends(counts: np.ndarray, settings: Settings, one_layer: bool) -> Fading:
    return fading_of(
        counts,
        settings.dyes_used,
        one_layer=one_layer,
        density_low=settings.density_low,
        density_high=settings.density_high,
        max_gain=settings.max_gain,
    )


def _met(found: Fading, places: tuple[Place, ...], picture: Picture, settings: Settings) -> Fading:
    layers = len(found.gains)
    lights = [list(light_of(place, picture, "reference")) for place in places]
    if layers == 1:
        densities = np.array([[luminance_density(light)] for light in lights])
    else:
        densities = np.array([layers_of(light, found.dyes) for light in lights])
    targets = [place.density for place in places]
    if already_neutral(densities, targets):
        none = (1.0,) * layers, (0.0,) * layers
        return Fading(*none, found.dyes, 0.0, "The places named are neutral as they stand.")
    return meeting_places(found, densities, targets, max_gain=settings.max_gain)


def _propose(look: Look, settings: Settings) -> Proposal:
    if look.measured.nothing:
        return Proposal(look.pixels)
    return Proposal(restore_density(look.pixels, look.measured))


STEP = Step(
    name="correct_fading",
    title="Give faded layers back their density",
    settings=Settings,
    kind=Kind.TONAL,
    evidence=Evidence.ADJUSTED,
    looks_at=("tone",),
    measure=measure,
    propose=_propose,
    network=network_of,
    encoding="linear",
    paper="Wallace 1989; Chatterjee, Trumpy, Ruedel 2023",
)

__all__ = [
    "DYES",
    "STEP",
    "Fading",
    "Settings",
    "invert_restore_density",
    "measure",
    "measure_fading",
    "restore_density",
]
