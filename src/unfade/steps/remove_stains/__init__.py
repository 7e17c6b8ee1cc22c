"""Remove stains: take off what they absorb, so that the picture below them stays.

For stains, tide lines and foxing on prints and papers: something has soaked in and absorbs light.
Its density is estimated (see ``veil``) and divided out of the light, so that texture, grain and
outlines below come back as they are. In a grey or toned picture that was scanned in colour a
brown stain is told by its colour, pixel by pixel; elsewhere by the step at its edge, and then what
it does in its middle is not known and is left.

Small spots that let nothing through (the dots of mould, the core of rust) are filled from their
surround as dust is; wide ones that do are left alone. The haze of a colony of mould stays: it has
no edge by which it could be told. What the user paints with a mask is treated in the same
way, whatever it is: lighter places too.

It cannot bring back what a bleached or an opaque place has lost, nor tell a stain from a shadow:
that is the finder's task, or the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unfade.engines.contract import BenchView
from unfade.findings import Findings, Mark, MarkKind
from unfade.picture import Mask, Picture
from unfade.pixels.marked import damage_of, inside
from unfade.pixels.masks import width
from unfade.pixels.profile import from_linear, to_linear
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting
from unfade.steps.inpaint import fill_holes
from unfade.steps.remove_stains.patch import Patch, look_through
from unfade.steps.remove_stains.veil import Veil, estimate_veil

__all__ = ["STEP", "Settings", "Veil", "Veils", "chosen_stains", "estimate_veil", "measure"]

_SURROUND_PX = 24


@dataclass(frozen=True, kw_only=True)
class Settings(contract.RepairSettings):
    """Which stains are removed, and how."""

    strength: float = setting(
        1.0, "share of a stain's density that is taken off", low=0, high=1, neutral=0.0
    )
    min_confidence: float = setting(
        0.9, "stains that the finder is less sure of are left alone", low=0, high=1
    )
    method: str = setting(
        "auto", "`veil` divides the stain out, `fill` paints it over from its surround; `auto` "
        "fills small spots that let nothing through", choices=("auto", "veil", "fill"),
    )  # fmt: skip
    opaque_density: float = setting(
        1.0, "a spot denser than this lets nothing through", unit="density", low=0.2, high=4
    )
    fill_width_px: float = setting(24.0, "wider spots are never filled", unit="px", low=0, high=256)
    seed: int = setting(0, "of the grain that fills get", low=0, high=2**31 - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Veils:
    """What was measured of each stain.

    Attributes:
        patches: key of a mark -> the density that lies over it
        filled: keys of marks that are filled
        damage: (rows, cols) bool, all damage known, which no fill is made from
        encoding: a picture of one pixel that says how stored values relate to light
    """

    patches: dict[str, Patch]
    filled: frozenset[str]
    damage: Mask
    encoding: Picture

    def to_dict(self) -> dict[str, object]:
        """Plain data for the record: how dense each stain was, and how that was told."""
        return {
            "stains": {
                key: {
                    "density": [round(v, 4) for v in patch.densest],
                    "told_by": "colour" if patch.by_colour else "depth",
                    "filled": key in self.filled,
                }
                for key, patch in self.patches.items()
            }
        }


def chosen_stains(findings: Findings, settings: Settings) -> Sequence[Mark]:
    """The stains among the findings that these settings remove, and the user's own mask."""
    found = () if findings.stains is None else findings.stains.items
    own = () if findings.marks is None else findings.marks.of_kind(MarkKind.USER)
    return (*(mark for mark in found if mark.confidence >= settings.min_confidence), *own)


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Veils:
    """Estimate what lies over each stain, on its own and at most 512 points across.

    Cost:
        time ∝ stained area up to 512 x 512 points for each stain: 0.3 s for such a one
    """
    whole = picture.window
    marks = tuple(inside(chosen_stains(findings, settings), whole))
    known = () if findings.marks is None else findings.marks.items
    stains = () if findings.stains is None else findings.stains.items
    damage = damage_of((*inside(known, whole), *inside(stains, whole), *marks), picture)

    def work(mark: Mark) -> tuple[str, Patch | None, bool]:
        patch = look_through(picture, mark, damage)
        return mark.key, patch, _opaque(mark, patch, settings)

    done = list(
        bench.map(work, marks, says="Measuring stains", total=len(marks), bytes_each=60_000_000)
    )
    return Veils(
        patches={key: patch for key, patch, _ in done if patch is not None},
        filled=frozenset(key for key, _, opaque in done if opaque),
        damage=damage,
        encoding=replace(picture, samples=picture.samples[:1, :1], alpha=None, infrared=None),
    )


def _opaque(mark: Mark, patch: Patch | None, settings: Settings) -> bool:
    """Whether a mark is filled: too dense to look through, and small enough."""
    if settings.method == "veil" or width(mark.region.mask) > settings.fill_width_px:
        return False
    dense = patch is not None and patch.standing_out > settings.opaque_density
    return settings.method == "fill" or mark.kind is MarkKind.MOULD or dense


def _propose(look: Look, settings: Settings) -> Proposal:
    veils, mark = look.measured, look.mark
    if mark is None or not isinstance(veils, Veils):
        return Proposal(look.pixels)
    if mark.key in veils.filled:
        hole = veils.damage[look.window.slices]
        if hole.all():
            return Proposal(look.pixels)
        return Proposal(fill_holes(look.pixels, hole, seed=settings.seed, window=look.window))
    patch = veils.patches.get(mark.key)
    if patch is None:
        return Proposal(look.pixels)
    lift = np.exp(patch.density(look.window) * np.float32(settings.strength * np.log(10)))
    light = to_linear(look.pixels, veils.encoding) * lift
    # where nothing lies the stored value stays to the bit
    lifted = np.where(lift == 1, look.pixels, from_linear(light, veils.encoding))
    taken_off = np.zeros(look.pixels.shape[:2], bool)  # below it is the picture's own
    return Proposal(np.asarray(lifted, np.float32), fill=taken_off)


STEP = Step(
    name="remove_stains",
    title="Take off stains, tide lines, foxing and mould, and leave what is below",
    settings=Settings,
    kind=Kind.LOCAL,
    evidence=Evidence.ESTIMATED,
    propose=_propose,
    regions=chosen_stains,
    looks_at=("stains", "marks"),  # other marks tell nothing about a stain, made or not
    measure=measure,
    halo_px=lambda settings: _SURROUND_PX,
    fills=False,
    paper="Lee 1980, doi:10.1109/TPAMI.1980.4766994 (smoothing); Guleryuz 2006 (fills)",
)
