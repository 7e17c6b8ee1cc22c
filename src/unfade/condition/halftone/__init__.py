"""Halftone: the screen of dots that a picture was printed with, each ink's for itself.

Newspapers, books and postcards print tones as dots of ink on a square lattice, one lattice for
each ink and each at an angle of its own. Windows spread over the picture are looked at in the
Fourier domain; what stands at the same frequency in many of them, twice at a right angle, and with
a phase that advances alike everywhere, is a screen. Weaves, brick walls, facades and fences have
one direction, or two that are not alike, or hang together only near by; JPEG's own grid of eight
pixels is left out.

A single lattice that lies along the rows is what facades, tiles and the pixels of a display look
like, and no printer's choice: it is measured, and not sure.

Looks at up to 24 windows of 256 x 256 pixels, on stored values; 0.4 s for a large colour picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unfade.condition.contract import Finder
from unfade.condition.halftone.lattice import (
    Lattice,
    is_on_top,
    lattices,
    refined,
    strongest_alone,
)
from unfade.condition.halftone.spectrum import amplitude, places, whitened
from unfade.engines.contract import BenchView
from unfade.findings import Halftone
from unfade.findings.halftone import Screen
from unfade.picture import Picture, Plane, Window

AT_MOST_WINDOWS = 24
_MOST_SCREENS = 4
# chosen on photographs, paintings and faces for training, see docs/treatments/halftone.md
_PROMINENT, _RIGID, _SQUARE = 2.0, 0.9, 0.02
_SURE_PROMINENT, _SURE_SQUARE = 3.0, 0.012
_ALONE = 1.5  # power of lines that have no partner, over that of the dots
_PRESENT = 1.5  # log of power over its surroundings, in one window
_ALONG_DEGREES = 6.0  # a single screen nearer than this to the rows is not sure
_FAINT = 0.004  # amplitude below which nobody sees it
_EVEN = 0.5  # an ink whose weakest channel has this share of its strongest is black
_INKS = ("cyan", "magenta", "yellow")  # what darkens red, green and blue


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One window: its planes and their spectra, (channels, side, side)."""

    window: Window
    planes: list[Plane]
    logs: np.ndarray
    power: np.ndarray


def look(picture: Picture, bench: BenchView) -> Halftone:
    """Find the screens of a printed picture, and where they stand."""
    chosen = places(picture, at_most=AT_MOST_WINDOWS)
    if not chosen:
        return Halftone(says="Halftone: not measured, the picture is under 64 pixels wide.")
    parts = list(
        bench.map(
            lambda window: _seen(picture, window),
            chosen,
            says="Looking for dots of print",
            total=len(chosen),
            bytes_each=chosen[0].rows ** 2 * picture.channels * 40,
        )
    )
    doubtful = False
    for group in _groups(parts):
        logs, power = _common(group)
        most = _MOST_SCREENS if len(parts[0].planes) > 1 else 1
        found = [refined(x, [p.planes for p in group]) for x in lattices(logs, power, most=most)]
        rigid = [one for one in found if _is_screen(one) and is_on_top(one, power)]
        if rigid and strongest_alone(logs, power, rigid, prominent=_SURE_PROMINENT) < _ALONE:
            return _halftone(rigid, group, parts)
        doubtful |= any(one.prominence >= _SURE_PROMINENT for one in found)
    if doubtful:
        return Halftone(
            says="Halftone: something repeats as dots of print do, but not as evenly: a weave, a "
            "wall or a facade may."
        )
    return Halftone(says="Halftone: no dots of print.", confidence=0.9)


def _seen(picture: Picture, window: Window) -> _Part:
    pixels = picture.read(window)
    planes = [np.ascontiguousarray(pixels[:, :, c]) for c in range(pixels.shape[2])]
    if len(planes) == 3 and np.array_equal(planes[0], planes[1]):
        planes = planes[:1] if np.array_equal(planes[0], planes[2]) else planes
    logs, powers = zip(*(whitened(plane) for plane in planes))
    return _Part(window, planes, np.stack(logs), np.stack(powers))


def _groups(parts: Sequence[_Part]) -> Iterator[Sequence[_Part]]:
    """All windows; then, for a print that fills a part of a page, those of each quarter."""
    yield parts
    if len(parts) < 8:
        return
    rows = sorted({p.window.top for p in parts})
    cols = sorted({p.window.left for p in parts})
    middle_row, middle_col = rows[len(rows) // 2], cols[len(cols) // 2]
    for low in (False, True):
        for right in (False, True):
            quarter = [
                p
                for p in parts
                if (p.window.top >= middle_row) is low and (p.window.left >= middle_col) is right
            ]
            if quarter:
                yield quarter


def _common(parts: Sequence[_Part]) -> tuple[np.ndarray, np.ndarray]:
    """Prominence and power that the windows share, of the channel in which they are largest."""
    most = max(len(p.logs) for p in parts)
    logs = np.mean([np.broadcast_to(p.logs, (most, *p.logs.shape[1:])) for p in parts], axis=0)
    power = np.mean([np.broadcast_to(p.power, logs.shape) for p in parts], axis=0)
    return logs.max(axis=0), power.max(axis=0)


def _is_screen(lattice: Lattice) -> bool:
    return (
        lattice.prominence >= _PROMINENT and lattice.coherence >= _RIGID and lattice.skew <= _SQUARE
    )


def _halftone(found: list[Lattice], group: Sequence[_Part], parts: Sequence[_Part]) -> Halftone:
    # a frequency of one quarter may stand in a window of another
    here = [p for p in parts if any(_stands(one, p) for one in found)] or list(group)
    screens = _named([(one, _strengths(one, here)) for one in found])
    best = found[0]
    sure = best.prominence >= _SURE_PROMINENT and best.skew <= _SURE_SQUARE
    confidence = 0.95 if sure else 0.75
    if len(screens) == 1 and _along(best.angle_degrees):
        confidence = min(confidence, 0.6)
    if max(screen.strength for screen in screens) < _FAINT:
        confidence = min(confidence, 0.6)
    windows = [p.window for p in here]
    return Halftone(
        says=_words(screens, confidence),
        confidence=confidence,
        screens=screens,
        area_share=len(here) / len(parts),
        where=Window(
            min(w.top for w in windows),
            min(w.left for w in windows),
            max(w.bottom for w in windows),
            max(w.right for w in windows),
        ),
    )


def _stands(lattice: Lattice, part: _Part) -> bool:
    side = part.logs.shape[1]
    seen = []
    for frequency in (lattice.first, lattice.second):
        row, col = (round(f * side) + side // 2 for f in frequency)
        seen.append(float(part.logs[:, row % side, col % side].max()))
    return min(seen) > _PRESENT


def _strengths(lattice: Lattice, parts: Sequence[_Part]) -> list[float]:
    """Amplitude of the fundamental in each channel, median over windows."""
    channels = max(len(p.planes) for p in parts)
    each = [
        [
            np.mean([abs(amplitude(plane, f)) for f in (lattice.first, lattice.second)])
            for plane in (p.planes * channels)[:channels]
        ]
        for p in parts
    ]
    return [float(v) for v in np.median(each, axis=0)]


def _named(measured: list[tuple[Lattice, list[float]]]) -> tuple[Screen, ...]:
    """Screens with their inks: one that darkens all channels alike is black."""
    inks: list[str] = []
    for _, strengths in measured:
        if len(strengths) == 1 or min(strengths) >= _EVEN * max(strengths):
            ink = "black"
        else:
            ink = _INKS[int(np.argmax(strengths))]
        inks.append(ink if ink not in inks else "unknown")
    return tuple(
        Screen(
            ink=ink,
            pitch_px=lattice.pitch_px,
            angle_degrees=lattice.angle_degrees,
            frequency=(float(lattice.mean[0]), float(lattice.mean[1])),
            strengths=tuple(strengths),
            coherence=float(lattice.coherence),
        )
        for ink, (lattice, strengths) in zip(inks, measured)
    )


def _along(angle_degrees: float) -> bool:
    return min(angle_degrees, 90 - angle_degrees) < _ALONG_DEGREES


def _words(screens: Sequence[Screen], confidence: float) -> str:
    each = "; ".join(
        f"{s.ink} {s.pitch_px:.2f} px at {s.angle_degrees:.1f} degrees" for s in screens
    )
    alone = "" if confidence >= 0.7 else "; a pattern of the scene or of a display may look so, too"
    return f"Halftone: {'a screen' if len(screens) == 1 else 'screens'} of dots, {each}{alone}."


FINDER = Finder(name="halftone", title="Dots of print", look=look)
