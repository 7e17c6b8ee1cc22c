"""Deblur: networks that undo the blur of motion and of a soft lens, as far as it can be undone.

Sharpness that was never recorded is estimated here: use it where the picture is blurred and still
legible, and look at the result. ``nafnet`` was trained on film of moving cameras that was blurred
and then compressed, which comes closest to scans of old prints; ``nafnet-motion`` on clean blur.
Lettering and faces that are too far gone become other lettering and other faces.

Never advised: what was not sharp is not made up unasked.

Paper: Chen, Chu, Zhang, Sun 2022, "Simple baselines for image restoration", arXiv:2204.04676.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Window
from unfade.record import Evidence
from unfade.steps import contract, networks
from unfade.steps.contract import Kind, Step, setting

NETWORKS = {"nafnet": "nafnet-reds-w64", "nafnet-motion": "nafnet-gopro-w32"}


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How blur is undone."""

    method: str = setting(
        "nafnet", "network that undoes the blur", choices=tuple(NETWORKS), networks=True
    )
    strength: float = setting(1.0, "share of the network's result", low=0, high=1, neutral=0.0)


def network_of(settings: Settings) -> str | None:
    """The catalogue name of the network that the settings need."""
    return networks.network_name(settings.method, (), NETWORKS)


def stream(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Iterator[tuple[Window, Pixels]]:
    """The picture as the network gives it, on the network's own grid."""
    engine = networks.opened(bench, network_of(settings) or "", step="deblur")
    yield from networks.mended(engine, picture, bench, strength=settings.strength)


STEP = Step(
    name="deblur",
    title="Undo the blur of motion or of a soft lens, with a network",
    settings=Settings,
    kind=Kind.TEXTURE,
    evidence=Evidence.ESTIMATED,
    stream=stream,
    network=network_of,
    paper="Chen et al. 2022, arXiv:2204.04676",
)
