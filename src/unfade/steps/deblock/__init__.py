"""Deblock: take the blocks and ripples of JPEG compression out of a picture.

Two ways: ``shifted`` (the default, no network) repeats the compression on shifted grids and takes
the mean; ``fbcnn`` is a network that estimates how strongly the picture was compressed, or is
told it by ``quality``, and undoes it much better. Both estimate what the compression threw away:
fine texture may go with the blocks. A picture that was never compressed gains nothing.

Papers: Nosratinia 2001 (``shifted``); Jiang, Zhang, Timofte 2021 (``fbcnn``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Window
from unfade.record import Evidence
from unfade.steps import contract, networks
from unfade.steps.contract import Kind, Look, Proposal, Step, setting
from unfade.steps.deblock import nosratinia2001

METHODS = ("shifted",)
NETWORKS = {"fbcnn": "fbcnn-color"}
USUAL_QUALITY = 50


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How blocks are taken out."""

    method: str = setting(
        "shifted",
        "compress again on shifted grids and take the mean, or a network",
        choices=(*METHODS, *NETWORKS),
        networks=True,
    )
    quality: int | None = setting(
        None,
        "JPEG quality that the picture was saved with; left out: 50 for `shifted`, estimated by "
        "`fbcnn`",
        low=1,
        high=100,
    )
    strength: float = setting(1.0, "share of the result", low=0, high=1, neutral=0.0)


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
    quality = USUAL_QUALITY if settings.quality is None else settings.quality
    origin = look.window.top, look.window.left
    clean = nosratinia2001.deblock_shifted(look.pixels, quality=quality, origin=origin)
    share = settings.strength
    return Proposal(clean if share == 1 else look.pixels + share * (clean - look.pixels))


STEP = Step(
    name="deblock",
    title="Take out the blocks of JPEG compression",
    settings=Settings,
    kind=Kind.TEXTURE,
    evidence=Evidence.ESTIMATED,
    propose=_propose,
    stream=stream,
    halo_px=lambda settings: nosratinia2001.HALO_PX,
    network=network_of,
    paper="Nosratinia 2001, doi:10.1023/A:1011117822974; Jiang et al. 2021, arXiv:2109.14573",
)
