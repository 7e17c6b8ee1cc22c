"""Deblock: take the blocks and ripples of JPEG compression out of a picture.

Three ways: ``transform`` (the default, no network) shrinks cosine coefficients by as much as the
picture's own table may have moved them; ``shifted`` repeats the compression on shifted grids and
takes the mean; ``fbcnn`` is a network that estimates how strongly the picture was compressed, or
is told it by ``quality``, and undoes it much better. All estimate what the compression threw away:
fine texture may go with the blocks. A picture that was never compressed gains nothing, so without
a network nothing is done where neither the finder nor the user knows the quality.

Papers: Foi, Katkovnik, Egiazarian 2007 (``transform``); Nosratinia 2001 (``shifted``); Jiang,
Zhang, Timofte 2021 (``fbcnn``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Window
from unfade.record import Evidence
from unfade.steps import contract, networks
from unfade.steps.contract import Kind, Look, Proposal, Step, setting
from unfade.steps.deblock import foi2007, nosratinia2001

METHODS = ("transform", "shifted")
NETWORKS = {"fbcnn": "fbcnn-color"}


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How blocks are taken out."""

    method: str = setting(
        "transform",
        "shrink cosine coefficients, compress again on shifted grids and take the mean, or a "
        "network",
        choices=(*METHODS, *NETWORKS),
        networks=True,
    )
    quality: int | None = setting(
        None,
        "JPEG quality that the picture was saved with; left out: as measured, and nothing is done "
        "where that is not known; `fbcnn` estimates it for itself",
        low=1,
        high=100,
    )
    strength: float = setting(1.0, "share of the result", low=0, high=1, neutral=0.0)


@dataclass(frozen=True)
class Coding:
    """How the picture was coded; ``quality`` None: nobody knows, and nothing is done."""

    quality: int | None
    grid: tuple[int, int] = (0, 0)

    def to_dict(self) -> dict[str, Any]:
        return {"quality": self.quality, "grid": list(self.grid)}


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Coding:
    """Quality and grid: as given, or as found."""
    found = findings.jpeg_blocks
    grid = found.grid if found is not None and found.grid is not None else (0, 0)
    measured = found.quality if found is not None else None
    return Coding(measured if settings.quality is None else settings.quality, grid)


def network_of(settings: Settings) -> str | None:
    """The catalogue name of the network that the settings need."""
    return networks.network_name(settings.method, METHODS, NETWORKS)


def stream(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Iterator[tuple[Window, Pixels]]:
    """The picture as a network gives it, on the network's own grid."""
    engine = networks.opened(bench, network_of(settings) or "", step="deblock")
    if settings.quality is not None and "quality" in engine.facts.dials:
        engine = engine.tuned(quality=settings.quality)
    yield from networks.mended(engine, picture, bench, strength=settings.strength)


def _propose(look: Look, settings: Settings) -> Proposal:
    coding: Coding = look.measured
    if coding.quality is None:
        return Proposal(look.pixels)
    origin = look.window.top, look.window.left
    if settings.method == "shifted":
        clean = nosratinia2001.deblock_shifted(look.pixels, quality=coding.quality, origin=origin)
    else:
        clean = foi2007.deblock_transform(
            look.pixels, quality=coding.quality, grid=coding.grid, origin=origin
        )
    share = settings.strength
    return Proposal(clean if share == 1 else look.pixels + share * (clean - look.pixels))


STEP = Step(
    name="deblock",
    title="Take out the blocks of JPEG compression",
    settings=Settings,
    kind=Kind.TEXTURE,
    evidence=Evidence.ESTIMATED,
    looks_at=("jpeg_blocks",),
    measure=measure,
    propose=_propose,
    stream=stream,
    halo_px=lambda s: nosratinia2001.HALO_PX if s.method == "shifted" else foi2007.HALO_PX,
    network=network_of,
    paper="Foi et al. 2007, doi:10.1109/TIP.2007.891788; Nosratinia 2001; Jiang et al. 2021",
)
