"""Descreen: take the dots of print out of a picture, keep its edges as far as they can be told.

For scans of newspapers, books and postcards whose screens are found by ``condition/halftone`` or
stated. Works in linear light, in which ink and paper mean to the tone that the eye sees from afar:
the mean of stored codes is darker by a third of the scale in the middle tones.

Each frequency that a screen of the channel can stand at - its lattice, sums and multiples, and
where two screens overlap their sums and differences - is notched out in the Fourier domain. What
remains is taken apart into bands, from a mean over several dots to a fifth of a dot. Each finer
band holds edges, and what the notches leave of dots beside them; it is kept in proportion to its
local energy over that expected of the dots (an empirical Wiener gain). So even areas become even,
and edges stay steeper than any blur that hides the dots. Where no dots stand the picture is left
as it is.

It cannot bring back what the screen never printed, nor tell detail that is finer than the dots
from the dots themselves. Mean colour stays as printed; the rosette of several screens at low
frequency stays, faintly.

Papers: Sur, Grediac 2015, doi:10.1117/1.JEI.24.1.013003 (notches where the spectra of windows
tell a periodic part); Aizenberg, Butakoff 2008, "A windowed Gaussian notch filter for
quasi-periodic noise removal", Image and Vision Computing 26 (Gaussian notches).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Plane, Window
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

MOST_PITCH_PX = 24.0
_CORE_PX = 128  # blocks of this size, laid from the picture's origin, are filtered one by one
_MARGIN_PITCHES = 4.0  # what a block is read with around it: the filters have faded there
HALO_PX = _CORE_PX + int(_MARGIN_PITCHES * MOST_PITCH_PX) + 8
_ORDERS = range(-6, 7)
_RESOLVED = 1e-9  # energy that is nothing, in linear light
# all in pitches, or cycles a pitch: found best on training photographs at pitches of 3 to 8 px
_BLURS = (1.0, 0.65, 0.45, 0.26)
_NOTCH, _NOTCH_OF_TWO, _CARRIER, _STEADY = 0.2, 0.08, 0.1, 0.04
_LOCAL, _WIDE = 0.6, 3.0  # how far energies are averaged
# amplitude of dots that is still in each finer band, of theirs before: one screen, several
_LEFT = ((0.02, 0.05, 0.2), (0.09, 0.18, 0.3))
_SHADOW = 0.05  # light at which what is left of dots is held down twice as much
_PRESENT = (0.015, 0.05)  # amplitude of dots over light, from which they are taken out
_IN_STEP = (0.17, 0.24)  # share of the carrier's energy in the narrower band; letters less
_OF_STRONGEST = 0.1  # a screen weaker than this in a channel is not looked for in it


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How dots are taken out."""

    strength: float = setting(1.0, "share of the result", low=0, high=1, neutral=0.0)
    detail: float = setting(
        1.0,
        "how much of what is finer than a dot is kept: 0 is smoothest, above 1 keeps more of "
        "edges and of dots",
        low=0,
        high=4,
    )
    pitch_px: float | None = setting(
        None,
        "distance of neighbouring dots; left out: as found, and nothing is done where none are",
        unit="px",
        low=2.2,
        high=MOST_PITCH_PX,
    )
    angle_degrees: float | None = setting(
        None,
        "angle of the lattice to the rows, clockwise; goes with `pitch_px`",
        unit="degrees",
        low=0,
        high=90,
    )


@dataclass(frozen=True, eq=False)
class Filters:
    """Responses of one channel, each (side, side // 2 + 1) float32.

    Attributes:
        bands: without dots, from the smoothest; each next one adds what is finer
        carrier: the fundamentals of the dots alone; ``steady``: in a narrower band
        local, wide: means over less than a dot and over several
        left: see ``_LEFT``
    """

    bands: tuple[np.ndarray, ...]
    carrier: np.ndarray
    steady: np.ndarray
    local: np.ndarray
    wide: np.ndarray
    left: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Descreening:
    """What every tile needs to know.

    Attributes:
        rows, cols: size of the picture
        lattices: for each channel the frequencies (down, right) of its screens, cycles a pixel
        margin_px: what is read around a block
        filters: one for each channel, None where it has no screen
    """

    rows: int
    cols: int
    lattices: tuple[tuple[tuple[float, float], ...], ...]
    margin_px: int = 0
    filters: tuple[Filters | None, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        return {"lattices": [[list(f) for f in channel] for channel in self.lattices]}


def descreen(
    pixels: Pixels,
    lattices: Sequence[Sequence[tuple[float, float]]],
    *,
    detail: float = 1.0,
) -> Pixels:
    """Take the dots of known screens out of a whole picture.

    Args:
        pixels: (rows, cols, 1 or 3) float32 in linear light
        lattices: for each channel the frequencies (down, right) of its screens, cycles a pixel;
            one of the two directions of each, the other stands at a right angle
        detail: see ``Settings``
    Returns:
        float32 like ``pixels``
    Cost:
        0.6 s a megapixel and channel on one core at a pitch of 5 px; 1.5 s at 20 px
    Source:
        see the module
    """
    rows, cols, _ = pixels.shape
    plan = planned(rows, cols, lattices)
    return _without_dots(pixels, Window(0, 0, rows, cols), plan, detail)


def planned(rows: int, cols: int, lattices: Sequence[Sequence[tuple[float, float]]]) -> Descreening:
    """Filters for the screens of each channel."""
    known = tuple(tuple((float(a), float(b)) for a, b in channel) for channel in lattices)
    pitches = [float(1 / np.hypot(*f)) for channel in known for f in channel]
    if not pitches:
        return Descreening(rows, cols, known, filters=(None,) * len(known))
    margin = int(_MARGIN_PITCHES * max(pitches)) + 8
    filters = tuple(
        _filters(channel, _CORE_PX + 2 * margin) if channel else None for channel in known
    )
    return Descreening(rows, cols, known, margin, filters)


def measure(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Descreening:
    """The screens to take out: as given, or as found.

    Raises:
        SettingsError: one of ``pitch_px`` and ``angle_degrees`` without the other
    """
    if (settings.pitch_px is None) != (settings.angle_degrees is None):
        missing = "pitch_px" if settings.pitch_px is None else "angle_degrees"
        raise SettingsError(
            f"`descreen` knows one half of the screen: `{missing}` is not set.",
            "Set both `pitch_px` and `angle_degrees`, or none of them.",
        )
    each: list[list[tuple[float, float]]] = [[] for _ in range(picture.channels)]
    if settings.pitch_px is not None and settings.angle_degrees is not None:
        turn = np.deg2rad(settings.angle_degrees)
        given = (float(np.sin(turn) / settings.pitch_px), float(np.cos(turn) / settings.pitch_px))
        each = [[given] for _ in each]
    elif findings.halftone is not None:
        for channel, mine in enumerate(each):
            screens = [
                (s.strengths[channel if channel < len(s.strengths) else 0], s.frequency)
                for s in findings.halftone.screens
            ]
            strongest = max((strength for strength, _ in screens), default=0.0)
            mine += [f for strength, f in screens if strength >= _OF_STRONGEST * strongest]
    return planned(picture.rows, picture.cols, each)


def _propose(look: Look, settings: Settings) -> Proposal:
    plan: Descreening = look.measured
    clean = _without_dots(look.pixels, look.window, plan, settings.detail)
    share = np.float32(settings.strength)
    return Proposal(clean if share == 1 else look.pixels + share * (clean - look.pixels))


def _without_dots(pixels: Pixels, window: Window, plan: Descreening, detail: float) -> Pixels:
    result = pixels.copy()
    if not any(plan.filters):
        return result
    for block in _blocks(window, plan):
        inner = block.within(window)
        for channel, filters in enumerate(plan.filters):
            if filters is not None:
                seen = _around(pixels[:, :, channel], window, block, plan)
                result[*inner, channel] = _block(seen, filters, block, plan.margin_px, detail)
    return result


def _blocks(window: Window, plan: Descreening) -> Iterator[Window]:
    """Blocks of the fixed grid that a tile with its halo can and has to fill."""
    top = window.top + HALO_PX if window.top else 0
    left = window.left + HALO_PX if window.left else 0
    bottom = window.bottom - HALO_PX if window.bottom < plan.rows else plan.rows
    right = window.right - HALO_PX if window.right < plan.cols else plan.cols
    for row in range(top // _CORE_PX * _CORE_PX, bottom, _CORE_PX):
        for col in range(left // _CORE_PX * _CORE_PX, right, _CORE_PX):
            yield Window(row, col, min(row + _CORE_PX, plan.rows), min(col + _CORE_PX, plan.cols))


def _around(plane: Plane, window: Window, block: Window, plan: Descreening) -> np.ndarray:
    """A block with its margin, mirrored beyond the picture's edge; always of one size."""
    side = _CORE_PX + 2 * plan.margin_px
    rows = _mirrored(block.top - plan.margin_px, side, plan.rows) - window.top
    cols = _mirrored(block.left - plan.margin_px, side, plan.cols) - window.left
    return np.asarray(plane[rows[:, None], cols])


def _mirrored(start: int, count: int, length: int) -> np.ndarray:
    at = np.arange(start, start + count) % (2 * length)
    return np.where(at < length, at, 2 * length - 1 - at)


def _block(
    seen: np.ndarray, filters: Filters, block: Window, margin: int, detail: float
) -> np.ndarray:
    """One block without its margin. Each transform stands alone, so bits do not depend on tiles."""
    size = seen.shape
    spectrum = np.fft.rfft2(seen)
    dots = np.fft.irfft2(spectrum * filters.carrier, size)
    power = _mean(dots * dots, filters.local)
    clean = smoothest = np.fft.irfft2(spectrum * filters.bands[0], size)
    light = np.maximum(smoothest, 0.0) + 0.01
    # in shadows the eye, and the codes of a file, see a smaller difference of light
    power_seen = power * (1 + _SHADOW / light)
    for response, left in zip(filters.bands[1:], filters.left):
        finer = np.fft.irfft2(spectrum * response, size)
        edges = detail * _mean(finer * finer, filters.local)
        clean = clean + edges / (edges + left**2 * power_seen + _RESOLVED) * finer
    low, high = _PRESENT
    there = np.clip((np.sqrt(2 * power) / light - low) / (high - low), 0, 1)
    # dots keep step over many of their kind, which letters and edges do not
    steady = np.fft.irfft2(spectrum * filters.steady, size)
    low, high = _IN_STEP
    around = _mean(dots * dots, filters.wide) + _RESOLVED
    in_step = _mean(steady * steady, filters.wide) / around
    there *= np.clip((in_step - low) / (high - low), 0, 1)
    clean = seen + there * (clean - seen)
    inner = slice(margin, margin + block.rows), slice(margin, margin + block.cols)
    return np.asarray(clean[inner], np.float32)


def _mean(energy: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Local mean; rounding may leave a trace below zero, which is cut."""
    spectrum = np.fft.rfft2(energy) * response
    return np.asarray(np.maximum(np.fft.irfft2(spectrum, energy.shape), 0))


def _filters(lattices: Sequence[tuple[float, float]], side: int) -> Filters:
    down, right = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    pitch = max(1 / np.hypot(*f) for f in lattices)
    radius2 = (down**2 + right**2) * pitch**2
    notched, carrier, steady = np.ones_like(radius2), np.zeros_like(radius2), np.zeros_like(radius2)
    for lattice in lattices:
        own = 1 / np.hypot(*lattice)
        for order, (y, x) in _harmonics(lattice):
            away2 = ((down - y) ** 2 + (right - x) ** 2) * own**2
            notched *= 1 - np.exp(-away2 / (2 * _NOTCH**2))
            if order == 1:
                carrier += np.exp(-away2 / (2 * _CARRIER**2))
                steady += np.exp(-away2 / (2 * _STEADY**2))
    for y, x in _products(lattices):
        away2 = ((down - y) ** 2 + (right - x) ** 2) * pitch**2
        notched *= 1 - np.exp(-away2 / (2 * _NOTCH_OF_TWO**2))

    def blurred(width: float) -> np.ndarray:
        return np.exp(-2 * np.pi**2 * width**2 * radius2)

    levels = [notched * blurred(width) for width in _BLURS]
    bands = [levels[0], *(fine - coarse for coarse, fine in itertools.pairwise(levels))]
    return Filters(
        tuple(np.asarray(band, np.float32) for band in bands),
        np.asarray(np.minimum(carrier, 1), np.float32),
        np.asarray(np.minimum(steady, 1), np.float32),
        np.asarray(blurred(_LOCAL), np.float32),
        np.asarray(blurred(_WIDE), np.float32),
        _LEFT[len(lattices) > 1],
    )


def _harmonics(lattice: tuple[float, float]) -> Iterator[tuple[int, tuple[float, float]]]:
    """Order and frequency of all sums and multiples that a picture can hold, both signs."""
    a, b = lattice
    for m in _ORDERS:
        for n in _ORDERS:
            y, x = m * a + n * b, m * b - n * a
            if (m or n) and max(abs(y), abs(x)) < 0.62:
                yield abs(m) + abs(n), (y, x)


def _products(lattices: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Sums and differences of the fundamentals of different screens: where inks overlap."""
    for k, (a, b) in enumerate(lattices):
        for c, d in lattices[:k]:
            for y, x in ((a, b), (b, -a), (-a, -b), (-b, a)):
                for v, u in ((c, d), (d, -c), (-c, -d), (-d, c)):
                    yield y + v, x + u


STEP = Step(
    name="descreen",
    title="Take out the dots of print",
    settings=Settings,
    kind=Kind.TEXTURE,
    evidence=Evidence.ESTIMATED,
    looks_at=("halftone",),
    measure=measure,
    propose=_propose,
    halo_px=lambda settings: HALO_PX,
    encoding="linear",
    paper="Sur, Grediac 2015, doi:10.1117/1.JEI.24.1.013003; Aizenberg, Butakoff 2008",
)
