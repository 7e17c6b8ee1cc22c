"""How a repair is shown: as like its surround as can be, hatched, or as one neutral tone.

A conservator's retouching may be *imitative* (not to be told from the original) or recognisable.
Two recognisable ways are offered for any repair, whatever method proposed its colours:

* *tratteggio*: fine vertical lines, lighter and darker, warmer and cooler in turn. At reading
  distance the lines show what is not original; from afar they merge to the colour that the fill
  proposed. Merging is a mixture of light, so the lines deviate from the fill by amounts that add
  up to nothing over each four of them *in linear light*, as far as black and white allow.
* *neutral*: the mean colour of the sound surround, one tone for each repair.

Lines are strokes of finite length, as a brush makes them; where one ends the next takes another
of the four turns, so that a repair as thin as one line has the right mean along its course. Which
turn a stroke takes follows from its place in the picture alone: the bits are the same for any
tiling, and neighbouring repairs have one rhythm.

Visibility: lines of 0.25 mm have a period of 0.5 mm, 10 cycles a degree at 30 cm, where contrast
is seen best, and 70 at 2 m, beyond what the eye resolves.

Sources:
    Brandi 1963, Teoria del restauro (retouching that is invisible from afar and recognisable from
    near); Mora, Mora, Philippot 1984, Conservation of Wall Paintings, ch. 11 (tratteggio, neutral)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.findings import Mark, paint
from unfade.picture import Mask, Picture, Pixels, Window
from unfade.pixels.marked import work_windows
from unfade.pixels.masks import dilate
from unfade.pixels.profile import from_linear, to_linear

IMITATIVE, NEUTRAL, TRATTEGGIO = "imitative", "neutral", "tratteggio"
RENDERS = (IMITATIVE, NEUTRAL, TRATTEGGIO)
LINE_MM = 0.25  # see the module's text
LEAST_LINE_PX = 2  # thinner lines do not survive a screen
STROKE_LINES = 24  # a stroke is this many times longer than wide
RING_PX = 8  # how far around a repair its neutral tone is taken
MM_PER_INCH = 25.4

_LIGHTER = np.array([1, -1, 1, -1], np.float32)  # each row of four adds up to nothing
_WARMER = np.array([1, 1, -1, -1], np.float32)
_WARM_SHARE = 0.5  # of the contrast, for red and against blue
_LEAST_LIGHT = np.float32(0.03)  # in the dark lines need more than their share to be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A way of showing repairs, other than imitative.

    Attributes:
        kind: ``neutral`` or ``tratteggio``
        line_px: width of one line
        contrast: how far lines deviate, share of the light of the fill
    """

    kind: str
    line_px: int
    contrast: float

    def tone(self, picture: Picture, mark: Mark, damage: Mask) -> np.ndarray | None:
        """Mean linear light of what lies sound around a mark; None where nothing does."""
        if self.kind != NEUTRAL:
            return None
        total, count = np.zeros(picture.channels), 0
        for core in work_windows(mark):
            wide = core.grown(RING_PX, picture.rows, picture.cols)
            whole = wide.grown(RING_PX, picture.rows, picture.cols)
            ring = dilate(paint((mark,), whole), RING_PX)[wide.within(whole)]
            if core != mark.region.window:  # cells of a long mark: no ring is counted twice
                ring = ring[core.within(wide)]
                wide = core
            ring = ring & ~damage[wide.slices]
            light = to_linear(picture.read(wide), picture)[ring]
            total += light.sum(axis=0, dtype=np.float64)
            count += len(light)
        return (total / count).astype(np.float32) if count else None

    def shown(
        self, fill: Pixels, core: Window, picture: Picture, linear: bool, tone: np.ndarray | None
    ) -> Pixels:
        """A repair as it is shown.

        Args:
            fill: (rows, cols, channels) of ``core``, stored pixels or (``linear``) light
            tone: what ``tone`` gave for its mark
        Returns:
            float32 of the same shape and encoding
        """
        light = fill if linear else to_linear(fill, picture)
        if self.kind == NEUTRAL:
            light = light.copy()
            # a hole with nothing sound around it: its own mean is the nearest that there is
            light[:] = light.mean(axis=(0, 1)) if tone is None else tone
        else:
            light = hatched(light, core, line_px=self.line_px, contrast=self.contrast)
        return light if linear else from_linear(light, picture)

    def to_dict(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"kind": self.kind}
        if self.kind == TRATTEGGIO:
            facts |= {"line_px": self.line_px, "contrast": self.contrast}
        return facts


def hatched(light: Pixels, window: Window, *, line_px: int, contrast: float) -> Pixels:
    """Vertical lines around the given colours.

    Args:
        light: (rows, cols, 1 or 3) float32 linear light
        window: where it lies in the picture: lines belong to the picture's columns
        line_px: width of a line, 1 or more
        contrast: 0 changes nothing; 0.3 puts lines about 6 L* above and below a mid grey
    Returns:
        float32 of the same shape; over four lines of one colour the mean is that colour. Values
        within 0-1 stay within 0-1; nearer to an end there is less room, and lines fade out
    """
    line = _turns(window, line_px)
    turn = np.repeat((_LIGHTER[line] * np.float32(contrast))[:, :, None], light.shape[2], axis=2)
    if light.shape[2] == 3:
        warm = _WARMER[line] * np.float32(contrast * _WARM_SHARE)
        turn[:, :, 0] += warm
        turn[:, :, 2] -= warm
    # the widest line of the four decides for all, or a cut-off line would shift the mean
    reach = np.float32(contrast * (1 + (_WARM_SHARE if light.shape[2] == 3 else 0)))
    inside = np.clip(light, 0, 1)
    room = np.minimum(inside, 1 - inside)
    share = np.maximum(inside, _LEAST_LIGHT)
    share = np.minimum(share, room / reach) if reach > 0 else share
    lines: Pixels = light + turn * share
    return lines


def _turns(window: Window, line_px: int) -> np.ndarray:
    """(rows, cols) which of the four turns each pixel's stroke takes: four lines have all four."""
    line = np.arange(window.left, window.right) // line_px
    group = line // 4
    length = STROKE_LINES * line_px
    rows = np.arange(window.top, window.bottom)[:, None]
    stroke = (rows + _mixed(group) % length) // length
    return np.asarray((line + _mixed(group * 7919 + stroke)) % 4)


def _mixed(number: np.ndarray) -> np.ndarray:
    """Whole numbers without a pattern: a function of the place, not of chance."""
    value = number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    value ^= value >> np.uint64(29)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray((value >> np.uint64(40)).astype(np.int64))


def rendering_of(settings: Any, picture: Picture) -> Rendering | None:
    """How these settings of a local step show its repairs; None: as proposed.

    Lines are as wide as ``line_px`` says; left out, ``LINE_MM`` where the picture states its
    resolution, and never below ``LEAST_LINE_PX``.
    """
    kind = getattr(settings, "render", IMITATIVE)
    if kind == IMITATIVE:
        return None
    line_px = settings.line_px
    if line_px is None:
        dots = picture.dpi[0] if picture.dpi is not None else 0.0
        line_px = max(LEAST_LINE_PX, round(LINE_MM / MM_PER_INCH * dots))
    return Rendering(kind=kind, line_px=int(line_px), contrast=float(settings.contrast))
