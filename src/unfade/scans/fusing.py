"""Fusing: several scans of one thing become one picture, with its record and evidence map.

Scans of one thing as it lies give less noise: the mean of n has 1/sqrt(n) of it. Scans between
which the thing was turned by 180 degrees (or 90 and 270) on the platen show its paper's texture and
its sheen from other sides, and both vanish. Everything stays measured light: evidence class 3.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.advice import Advice, policy_classes
from unfade.engines.contract import BenchView, PlainBench
from unfade.errors import PolicyError, UsageError, nearest
from unfade.files.formats.contract import Opened
from unfade.files.limits import Limits
from unfade.findings import Findings
from unfade.journey import Source, arrive
from unfade.picture import Picture, Window, pixels_to_codes
from unfade.pixels.profile import from_linear, to_linear
from unfade.pixels.room import room_for
from unfade.pixels.tiles import Grid
from unfade.recipe import Recipe
from unfade.record import Evidence, StepRecord
from unfade.result import Result, file_sha256
from unfade.scans.alignment import align
from unfade.scans.combining import METHODS, combined, spread_of
from unfade.scans.placement import MODELS, Placement
from unfade.scans.warping import read_warped, turned
from unfade.treatment import Treated, check_untouched

AUTO = "auto"
BYTES_A_PIXEL = 60  # peak for each pixel of a tile and each scan
_SAMPLES = 12  # windows for brightness and spread
_SAMPLE_PX = 192
_DARK, _LIGHT = 0.02, 0.95  # light that tells something about brightness


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A scan as it lies on the first: turned, where, and by what to multiply its light."""

    picture: Picture
    placement: Placement
    gains: np.ndarray
    spread: float

    def light(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        pixels, covered = read_warped(self.picture, self.placement.matrix, window)
        return pixels * self.gains, covered


def fuse(
    sources: Sequence[Source],
    *,
    method: str = AUTO,
    model: str = "affine",
    policy: str = "family",
    bench: BenchView | None = None,
    limits: Limits | None = None,
) -> Result:
    """Make one picture of several scans of the same thing; nothing is written until ``save``.

    Args:
        sources: two or more files, arrays or pictures. The first one says how the result lies,
            its size, sample type, profile and metadata
        method: ``mean`` (less noise), ``median``, ``minimum`` (of brightness), ``relief`` (paper
            texture by the mean, sheen by leaving out what shines); ``auto``: ``relief`` where the
            scans are turned against each other by quarters, else ``mean``
        model: ``affine``, or ``homography`` for scans made with a camera
        policy: which evidence the result may hold; ``archive`` has no place for other scans
    Returns:
        the fused picture; its evidence is *borrowed* (3) where it differs from the first scan
    Raises:
        UsageError: one scan, one scan twice, grey and colour, other things, other sizes
        PolicyError: the policy allows no borrowed pixels
        InputRefused, ...: a file cannot be read
    Cost:
        0.5 s a megapixel for each scan after the first; the scans' samples lie in memory, and
        nothing else as large as they are but the result
    """
    _check_words(sources, method, model, policy)
    work = bench if bench is not None else PlainBench()
    opened = [arrive(source, limits or Limits(), None) for source in sources]
    first = opened[0]
    names = [_name(one, k) for k, one in enumerate(opened)]
    _check_scans(opened, names)
    laid = []
    for one, name in zip(opened[1:], names[1:]):
        placement = align(first.picture, one.picture, work, model=model, name=name)
        laid.append(_matched(first.picture, one.picture, placement))
    turns = {0, *(one.placement.quarter_turns for one in laid)}
    used = method if method != AUTO else ("relief" if len(turns) > 1 else "mean")
    picture, evidence = _combine(first.picture, laid, used, work)
    changed = int(np.count_nonzero(evidence))
    step = StepRecord(
        step="fuse",
        settings={"method": used, "model": model},
        reason=f"{len(opened)} scans of one thing, the first one is `{names[0]}`.",
        evidence=int(Evidence.BORROWED),
        measured={"scans": _facts(opened, names, laid)},
        changed_share=changed / evidence.size,
    )
    treated = Treated(
        picture=picture if changed else first.picture,
        evidence=evidence,
        steps=(step,),
        untouched_sha256=check_untouched(first.picture, picture, evidence),
    )
    return Result.of(
        first,
        treated,
        findings=Findings(notes=first.notes),
        advice=Advice(recipe=Recipe(name="fused"), reasons={"fuse": step.reason}),
        policy=policy,
        rejected=(),
        masks={},
    )


# -- doors --------------------------------------------------------------------------------------


def _check_words(sources: Sequence[Source], method: str, model: str, policy: str) -> None:
    if isinstance(sources, (str, bytes)) or len(sources) < 2:
        count = 1 if isinstance(sources, (str, bytes)) else len(sources)
        raise UsageError(
            f"{count} scan was given; two or more of the same thing are needed.",
            "Name them all, the one that says how the result lies first.",
        )
    if method not in (AUTO, *METHODS):
        raise UsageError(f"There is no method `{method}`.", nearest(method, (AUTO, *METHODS)))
    if model not in MODELS:
        raise UsageError(f"There is no model `{model}`.", nearest(model, MODELS))
    if Evidence.BORROWED not in policy_classes(policy):
        raise PolicyError(
            f"Fusing gives borrowed pixels (class 3); the policy `{policy}` allows none.",
            "Use `--policy museum`.",
        )


def _check_scans(opened: Sequence[Opened], names: Sequence[str]) -> None:
    first = opened[0].picture
    for one, name in zip(opened[1:], names[1:]):
        if one.picture.channels != first.channels:
            kinds = {1: "grey", 3: "in colour"}
            raise UsageError(
                f"`{name}` is {kinds[one.picture.channels]}, `{names[0]}` is "
                f"{kinds[first.channels]}.",
                "Scan all in one mode.",
            )
    for (a, name_a), (b, name_b) in itertools.combinations(zip(opened, names), 2):
        turn = _same_samples(a.picture, b.picture)
        if turn is not None:
            how = f", turned by {turn * 90} degrees" if turn else ""
            raise UsageError(
                f"`{name_b}` holds the very same samples as `{name_a}`{how}: a copy measures "
                "nothing anew.",
                "Scan the thing again; for the other side of the light turn the thing, not the "
                "file.",
            )


def _same_samples(a: Picture, b: Picture) -> int | None:
    """Quarter turns by which the samples of ``b`` are those of ``a``, or None."""
    for turn in range(4):
        other = np.rot90(b.samples, turn)
        if other.shape == a.samples.shape and np.array_equal(other, a.samples):
            return turn
    return None


def _name(one: Opened, number: int) -> str:
    return one.path.name or f"scan {number + 1}"


# -- brightness ---------------------------------------------------------------------------------


def _matched(first: Picture, other: Picture, placement: Placement) -> _Laid:
    """The other scan with gains that make it as bright as the first, channel by channel."""
    view = turned(other, placement.quarter_turns)
    mine, theirs = [], []
    for window in _samples(first):
        pixels, covered = read_warped(view, placement.matrix, window)
        mine.append(to_linear(first.read(window), first)[covered])
        theirs.append(pixels[covered])
    a, b = np.concatenate(mine), np.concatenate(theirs)
    gains = np.ones(first.channels, np.float32)
    for c in range(first.channels):
        tells = (a[:, c] > _DARK) & (b[:, c] > _DARK) & (a[:, c] < _LIGHT) & (b[:, c] < _LIGHT)
        if tells.sum() >= 100:
            gains[c] = np.median(a[tells, c] / b[tells, c])
    spread = spread_of(a, b * gains) if len(a) else 0.0
    return _Laid(view, placement, gains, spread)


def _samples(picture: Picture) -> list[Window]:
    across = max(1, min(4, picture.cols // _SAMPLE_PX))
    down = max(1, min(_SAMPLES // across, picture.rows // _SAMPLE_PX))
    return [
        Window(int(top), int(left), int(top) + _SAMPLE_PX, int(left) + _SAMPLE_PX).grown(
            0, picture.rows, picture.cols
        )
        for top in np.linspace(0, max(0, picture.rows - _SAMPLE_PX), down)
        for left in np.linspace(0, max(0, picture.cols - _SAMPLE_PX), across)
    ]


# -- pixels -------------------------------------------------------------------------------------


def _combine(
    first: Picture, laid: Sequence[_Laid], method: str, bench: BenchView
) -> tuple[Picture, np.ndarray]:
    """The fused picture and its evidence, tile by tile."""
    samples = room_for(first.samples.shape, first.samples.dtype)
    evidence = room_for((first.rows, first.cols), np.uint8, zeros=True)
    spread = max(one.spread for one in laid)
    grid = Grid()

    def work(window: Window) -> tuple[Window, np.ndarray]:
        light = [to_linear(first.read(window), first)]
        covers = [np.ones((window.rows, window.cols), bool)]
        for one in laid:
            pixels, covered = one.light(window)
            light.append(pixels)
            covers.append(covered)
        fused = combined(np.stack(light), np.stack(covers), method, spread)
        codes = pixels_to_codes(from_linear(fused, first), first.samples.dtype, first.full_scale)
        several = np.any(covers[1:], axis=0)
        return window, np.where(several[:, :, None], codes, first.samples[window.slices])

    tiles = (tile.core for tile in grid.tiles(first.rows, first.cols))
    for window, codes in bench.map(
        work,
        tiles,
        says="Fusing scans",
        total=grid.count(first.rows, first.cols),
        bytes_each=grid.core_px**2 * BYTES_A_PIXEL * (len(laid) + 1),
    ):
        differs = (codes != first.samples[window.slices]).any(axis=2)
        samples[window.slices] = codes
        evidence[window.slices][differs] = Evidence.BORROWED
    return first.with_samples(samples), evidence


# -- the record ---------------------------------------------------------------------------------


def _facts(
    opened: Sequence[Opened], names: Sequence[str], laid: Sequence[_Laid]
) -> list[dict[str, Any]]:
    """Each scan by name and hash, and how it lies on the first."""
    facts: list[dict[str, Any]] = []
    for k, (one, name) in enumerate(zip(opened, names)):
        entry: dict[str, Any] = {"name": name, "rows": one.picture.rows, "cols": one.picture.cols}
        if one.header.format != "array":
            entry["sha256"] = file_sha256(one.path)
        if k:
            lies = laid[k - 1]
            entry |= lies.placement.to_dict()
            entry["gains"] = [round(float(gain), 5) for gain in lies.gains]
            entry["difference"] = round(lies.spread, 5)
        facts.append(entry)
    return facts
