"""Fills that were learned from many pictures, and where they stop being estimates.

Papers: Suvorov et al. 2022, LaMa, arXiv:2109.07161; Li et al. 2022, MAT, arXiv:2203.15270; Sargsyan
et al. 2023, MI-GAN (ICCV); Rombach et al. 2022, latent diffusion, arXiv:2112.10752.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from unfade.engines.contract import BenchView, Filler
from unfade.findings import Findings, Mark
from unfade.picture import Picture
from unfade.pixels.masks import width
from unfade.record import Evidence
from unfade.steps import networks
from unfade.steps.inpaint.choice import AUTO, chosen_method

CLASSICAL = ("telea", "navier-stokes", "biharmonic", "sparse", "patch")
# what comes along betters a classical fill; wide holes it cannot fill either
OWN_METHOD, OWN = "unfade", "unfade-fill"
# method -> network of the catalogue
NETWORKS = {
    OWN_METHOD: OWN,
    "lama": "big-lama",
    "mat": "mat-places512",
    "mi-gan": "mi-gan-512",
}
DIFFUSION = "diffusion"

# Enough sound surround for two rows of patches, and for a fair sample of the grain.
SURROUND_PX = 32
# A network reads the scene from what lies around the hole; beside a wide hole half its extent.
# unfade's own, which betters a classical fill, looks no further than that.
NETWORK_SURROUND_PX = 128
# Up to here a fill is estimated from what lies beside it; what lies deeper is made up.
SMALL_LOSS_PX = 64.0


class Learned(Protocol):
    """What these functions read of a fill's settings."""

    @property
    def method(self) -> str: ...

    @property
    def max_width_px(self) -> float: ...


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """An opened network that fills holes, or None; and the holes that are too wide to be filled."""

    engine: Filler | None
    too_wide: tuple[dict[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"too_wide": list(self.too_wide)} if self.too_wide else {}


def network_of(settings: Learned) -> str | None:
    """The catalogue name of the network that the settings need."""
    return networks.network_name(settings.method, (AUTO, *CLASSICAL), NETWORKS)


def measure_fill(
    picture: Picture, settings: Learned, findings: Findings, bench: BenchView
) -> Filling:
    """Open the network that fills, with the settings that it can be told.

    Raises:
        SettingsError: the network fills no holes; ModelMissing: it is not here
    """
    name = network_of(settings)
    if name is None:
        return Filling(None)
    engine: Filler = networks.opened(bench, name, step="inpaint", shape="fill", scale=0)
    told = {d: getattr(settings, d) for d in engine.facts.dials if hasattr(settings, d)}
    return Filling(engine.tuned(**told))


def made_with(settings: Learned) -> Evidence:
    """The evidence class of what these settings may make."""
    learned = network_of(settings) is not None
    wide = settings.max_width_px > SMALL_LOSS_PX
    if settings.method == DIFFUSION or (learned and wide):
        return Evidence.INVENTED
    return Evidence.ESTIMATED


def mark_made_with(mark: Mark, settings: Learned) -> Evidence:
    """The evidence class of one fill: a learned fill of a wide hole is made up."""
    learned = network_of(settings) is not None
    if settings.method == DIFFUSION or (learned and one_piece(mark, settings)):
        return Evidence.INVENTED
    return Evidence.ESTIMATED


def one_piece(mark: Mark, settings: Learned) -> bool:
    """Whether the whole hole must be seen at once: a wide one has no fill in parts."""
    if network_of(settings) is None:
        return chosen_method(settings.method, mark.region.mask) == "patch"
    return settings.method == DIFFUSION or width(mark.region.mask) > SMALL_LOSS_PX


def surround_px(settings: Learned) -> int:
    """How much sound surround a hole needs."""
    return SURROUND_PX if network_of(settings) in (None, OWN) else NETWORK_SURROUND_PX
