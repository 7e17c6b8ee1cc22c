"""Inpaint: fill holes from what lies around them. The step for masks painted by the user.

Five published methods. From quick to close to the truth: Telea's march, Navier-Stokes, the
biharmonic surface and sparse cosine patches (closest to the truth on scratches, hairs and dust of
every width, see ``benchmarks/inpaint.py``); and ``patch``, which puts a wide hole together from
patches of the same picture, so that texture goes on. ``auto`` takes sparse cosines for thin holes
and patches for wide ones. All work on float32 pixels, so 8 bits, 16 bits, float, grey and colour
are one case. A smooth fill lacks the grain of a scan; ``grain`` gives it that of its surround.
None of them can know what lay under a wide loss: a hole wider than ``max_width_px`` is left alone,
is named in the record and stays among the findings.

``unfade`` is a small network that comes along and betters what ``sparse`` makes of a hole; advice
takes it where it repairs by itself. It looks at no more than the surround that `sparse` needs.
Networks that have learned what pictures look like can fill wider holes: ``lama``, ``mat``,
``mi-gan``, any network for ``inpaint`` that was added, and, in this step alone, ``diffusion``,
which can be told in words what to paint. Up to 64 pixels a learned fill counts as estimated like
the others. What it puts into a wider hole the picture does not hold: it is invented (class 4), has
to be asked for by name, and is marked so in the evidence map. What a diffusion model paints is
invented at any width.

``fill_step`` makes the other steps that fill: they differ in what they choose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView, Filler
from unfade.errors import OutOfResources, nearest
from unfade.findings import Findings, Mark, MarkKind, Region
from unfade.picture import Mask, Picture, Pixels, Window
from unfade.pixels.grain import add_grain, measure_grain
from unfade.pixels.masks import dilate, width
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Measure, Proposal, Propose, Step, setting
from unfade.steps.inpaint.bertalmio2001 import fill_navier_stokes
from unfade.steps.inpaint.choice import AUTO, chosen_method, seed_for
from unfade.steps.inpaint.damelin2018 import fill_biharmonic
from unfade.steps.inpaint.guleryuz2006 import fill_sparse
from unfade.steps.inpaint.learned import (
    DIFFUSION,
    NETWORKS,
    Filling,
    made_with,
    mark_made_with,
    measure_fill,
    network_of,
    one_piece,
    surround_px,
)
from unfade.steps.inpaint.telea2004 import fill_telea
from unfade.steps.inpaint.wexler2007 import fill_patches

GULERYUZ = "Guleryuz 2006, doi:10.1109/TIP.2005.863057"
WEXLER = "Wexler et al. 2007, doi:10.1109/TPAMI.2007.60"

# pixels, mask, radius in px, window of the picture, seed
Fill = Callable[[Pixels, Mask, int, Window, tuple[int, ...]], Pixels]

METHODS: dict[str, Fill] = {
    "telea": lambda pixels, mask, radius_px, *_: fill_telea(pixels, mask, radius_px=radius_px),
    "navier-stokes": lambda pixels, mask, *_: fill_navier_stokes(pixels, mask),
    "biharmonic": lambda pixels, mask, *_: fill_biharmonic(pixels, mask),
    "sparse": lambda pixels, mask, radius_px, window, seed: fill_sparse(
        pixels, mask, origin=(window.top, window.left)
    ),
    "patch": lambda pixels, mask, radius_px, window, seed: fill_patches(pixels, mask, seed=seed),
}


@dataclass(frozen=True, kw_only=True)
class FillSettings(contract.RepairSettings):
    """How a hole is filled; shared by all steps that fill holes."""

    method: str = setting(
        "sparse", "published method that fills the holes, or a network",
        choices=(AUTO, *METHODS, *NETWORKS), networks=True,
    )  # fmt: skip
    radius_px: int = setting(
        3, "how far `telea` looks for sound pixels; the others need no radius",
        unit="px", low=2, high=32,
    )  # fmt: skip
    grain: float = setting(
        1.0, "share of the surround's grain that the repair gets; 0 leaves it smooth",
        low=0, high=1,
    )  # fmt: skip
    seed: int = setting(0, "another seed, other grain of the same kind", low=0, high=2**31 - 1)
    max_width_px: float = setting(
        64.0, "wider holes are left alone: what lay there cannot be computed",
        unit="px", low=0, high=20_000, neutral=0.0,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Settings(FillSettings):
    """How the user's own mask is filled."""

    method: str = setting(
        AUTO, "published method that fills the holes, a network, or a diffusion model",
        choices=(AUTO, *METHODS, *NETWORKS, DIFFUSION), networks=True,
    )  # fmt: skip
    prompt: str = setting("", "for `diffusion`: what to paint, in words; empty: as the surround")
    avoid: str = setting("", "for `diffusion`: what not to paint, in words")
    steps: int = setting(30, "for `diffusion`: how often it looks again", low=1, high=200)
    guidance: float = setting(
        7.5, "for `diffusion`: how closely it follows the words", low=0, high=30
    )
    freedom: float = setting(
        1.0, "for `diffusion`: 1 paints anew, less keeps a share of a smooth fill beneath",
        low=0.05, high=1,
    )  # fmt: skip
    grow_px: float = setting(
        0.0, "the mask is widened by this before it is filled", unit="px", low=0, high=16
    )


def fill_holes(
    pixels: Pixels,
    mask: Mask,
    *,
    method: str = "sparse",
    radius_px: int = 3,
    grain: float = 1.0,
    seed: int = 0,
    key: str = "",
    window: Window | None = None,
) -> Pixels:
    """Fill holes with one of ``METHODS`` and give the fill the grain of its surround.

    Args:
        pixels: (rows, cols, 1 or 3) float32; what lies under the mask is not looked at
        mask: (rows, cols) bool, True = fill
        method: a key of ``METHODS``, or "auto" for the one that suits the width of the mask
        radius_px: for ``telea`` alone, 2 or more
        grain: 0 = smooth, 1 = as much as the sound and calm surround has
        seed: of the grain, and of the search of "patch"
        key: the hole's name, from which the search draws its chance too
        window: where the pixels lie in the whole picture; None: they are the whole. Grain and
            patches depend on the place in the picture, not on the window
    Returns:
        float32 like ``pixels``, bit-identical outside the mask
    Raises:
        ValueError: see ``unfade.pixels.masks.check_hole``; or an unknown method
    Cost:
        time ∝ masked pixels for the fill, ∝ pixels for the grain
    """
    if method != AUTO and method not in METHODS:
        raise ValueError(f"There is no method `{method}`. {nearest(method, (AUTO, *METHODS))}")
    window = window or Window(0, 0, mask.shape[0], mask.shape[1])
    method = chosen_method(method, mask)
    filled = METHODS[method](pixels, mask, radius_px, window, seed_for(seed, key))
    if method == "patch":  # its patches bring their grain along
        return filled
    return _with_grain(filled, pixels, mask, grain, seed, window)


def fill_by_network(
    engine: Filler,
    pixels: Pixels,
    mask: Mask,
    *,
    grain: float = 1.0,
    seed: int = 0,
    window: Window | None = None,
) -> Pixels:
    """As ``fill_holes``, by a network, which may begin with a classical fill."""
    window = window or Window(0, 0, mask.shape[0], mask.shape[1])
    begun = pixels
    if method := engine.facts.begins_with:
        begun = fill_holes(pixels, mask, method=method, grain=0.0, window=window)
    return _with_grain(engine.fill(begun, mask), pixels, mask, grain, seed, window)


def _with_grain(
    filled: Pixels, pixels: Pixels, mask: Mask, grain: float, seed: int, window: Window
) -> Pixels:
    if grain <= 0 or not mask.any():
        return filled
    found = measure_grain(pixels, mask)
    return add_grain(filled, mask, found, amount=grain, seed=seed, window=window)


def propose_fill(look: Look, settings: FillSettings) -> Proposal:
    """A look's holes filled as the settings say: what all steps that fill holes propose."""
    mask = np.zeros(look.pixels.shape[:2], bool) if look.mask is None else look.mask
    engine = look.measured.engine if isinstance(look.measured, Filling) else None
    if engine is not None:
        return Proposal(
            fill_by_network(engine, look.pixels, mask, grain=settings.grain, seed=settings.seed,
                            window=look.window)
        )  # fmt: skip
    return Proposal(fill_by(settings, look.pixels, mask, look.window, look.mark))


def fill_step(
    *,
    name: str,
    title: str,
    settings: type[FillSettings],
    regions: Callable[[Findings, Any], Sequence[Mark]],
    looks_at: str,
    propose: Propose = propose_fill,
    measure: Measure = measure_fill,
    mark_made_with: Callable[[Mark, Any], Evidence] = mark_made_with,
    one_piece: Callable[[Mark, Any], bool] = one_piece,
    fills: bool = True,
    paper: str = GULERYUZ,
) -> Step:
    """A local step that fills what its ``regions`` choose, as ``FillSettings`` say.

    What is filled by what, and what that counts as, is the same for all of them. Where the eye
    could not look, the step refuses: nothing to do would be another result.
    """

    def measured(
        picture: Picture, settings: FillSettings, findings: Findings, bench: BenchView
    ) -> Any:
        if hindered := getattr(getattr(findings, looks_at), "hindered", ""):
            raise OutOfResources(
                f"`{name}` cannot tell where: {hindered}",
                "Allow more with `--memory`, or leave the step out.",
            )
        return measure(picture, settings, findings, bench)

    return Step(
        name=name,
        title=title,
        settings=settings,
        kind=Kind.LOCAL,
        evidence=Evidence.ESTIMATED,
        propose=propose,
        regions=regions,
        looks_at=(looks_at,),
        measure=measured,
        halo_px=surround_px,
        network=network_of,
        made_with=made_with,
        mark_made_with=mark_made_with,
        one_piece=one_piece,
        fills=fills,
        paper=paper,
    )


def fill_by(
    settings: FillSettings, pixels: Pixels, mask: Mask, window: Window, mark: Mark | None
) -> Pixels:
    """``fill_holes`` as a step's settings say; which method ``auto`` means goes by the mark."""
    alone = mask if mark is None else mark.region.mask
    return fill_holes(
        pixels,
        mask,
        method=chosen_method(settings.method, alone),
        radius_px=settings.radius_px,
        grain=settings.grain,
        seed=settings.seed,
        key="" if mark is None else mark.key,
        window=window,
    )


def grown_marks(marks: Iterable[Mark], *, grow_px: float, max_width_px: float) -> tuple[Mark, ...]:
    """The marks that are not too wide, their regions grown over their soft borders.

    Args:
        marks: as found; a mark wider than ``max_width_px`` where it is widest is left out
        grow_px: regions are grown by a disc of this radius, cut at the picture's top and left;
            how far the picture goes to the bottom and right is not known here
    """
    chosen = []
    for mark in marks:
        alone = mark.region.mask
        if 0 < width(alone) <= max_width_px:
            region = _grown(mark.region.window, alone, grow_px)
            chosen.append(replace(mark, region=region, origin=mark.key))
    return tuple(chosen)


def left_out(marks: Iterable[Mark], max_width_px: float) -> tuple[dict[str, Any], ...]:
    """Marks that are too wide to be filled, as the record names them."""
    widths = ((mark, width(mark.region.mask)) for mark in marks)
    return tuple(
        {"key": mark.key, "width_px": round(wide, 1)}
        for mark, wide in widths
        if wide > max_width_px
    )


def _grown(window: Window, mask: Mask, grow_px: float) -> Region:
    margin = int(grow_px)
    grown = dilate(np.pad(mask, margin), grow_px)
    top, left = min(margin, window.top), min(margin, window.left)
    wider = Window(
        window.top - top, window.left - left, window.bottom + margin, window.right + margin
    )
    return Region.of(grown[margin - top :, margin - left :], wider)


def _regions(findings: Findings, settings: Settings) -> Sequence[Mark]:
    if findings.marks is None:
        return ()
    return grown_marks(
        findings.marks.of_kind(MarkKind.USER),
        grow_px=settings.grow_px,
        max_width_px=settings.max_width_px,
    )


def _measured(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Filling:
    marks = findings.marks.of_kind(MarkKind.USER) if findings.marks is not None else ()
    engine = measure_fill(picture, settings, findings, bench).engine
    return Filling(engine, left_out(marks, settings.max_width_px))


STEP = fill_step(
    name="inpaint",
    title="Fill the holes of the user's own mask from what lies around them",
    settings=Settings,
    regions=_regions,
    looks_at="marks",
    measure=_measured,
    paper=f"{GULERYUZ}; {WEXLER}; Suvorov et al. 2022 (LaMa), arXiv:2109.07161",
)
