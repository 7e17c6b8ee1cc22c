"""Halftone: the picture was printed in dots of ink, one screen or four.

A screen is a lattice of cells; in each, ink covers the share that the tone asks for. The dot is
a diamond that grows from the middle of its cell and meets its neighbours at half coverage, whose
share has a closed form, so that tones are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unfade.degrade import contract
from unfade.degrade.arrays import Array, column, like, namespace, pointwise
from unfade.degrade.contract import Damage, Drawn, Scene, Span, draw_from, setting

_ANGLES = {"black": (45.0,), "process": (15.0, 75.0, 0.0, 45.0)}  # cyan, magenta, yellow, black


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """Which inks, how fine a screen, how clean a dot."""

    inks: str = setting("black", "one screen or four", choices=("black", "process"))
    pitch_px: Span = setting((3.0, 8.0), "distance of dots, px", low=2, high=64)
    relative: bool = setting(False, "the pitch grows with the picture")
    turn_deg: Span = setting((-3.0, 3.0), "added to the usual angles", low=-90, high=90)
    soft: Span = setting((0.6, 1.6), "width of a dot's edge, px", low=0.2, high=8)
    ink_light: Span = setting((0.04, 0.18), "code of full ink", low=0, high=0.6)
    contrast: Span = setting(
        (1.6, 2.2), "2.2 keeps the light of each tone; less opens the shadows", low=0.5, high=4
    )
    gain: Span = setting(
        (0.0, 0.12), "dots grow by this share of coverage at half", low=0, high=0.5
    )


def draw(settings: Settings, scene: Scene, rng: np.random.Generator) -> Drawn | None:
    inks = settings.inks if scene.channels == 3 else "black"
    pitch = draw_from(settings.pitch_px, rng) * (scene.unit_px if settings.relative else 1)
    turn = draw_from(settings.turn_deg, rng)
    screens = len(_ANGLES[inks])
    parameters = {
        "inks": inks,
        "pitch_px": max(pitch, 2.0),
        "angles_deg": [a + turn for a in _ANGLES[inks]],
        "phases": [[float(v) for v in rng.uniform(0, 1, 2)] for _ in range(screens)],
        "soft_px": draw_from(settings.soft, rng),
        "ink": draw_from(settings.ink_light, rng),
        "gain": draw_from(settings.gain, rng),
        "contrast": draw_from(settings.contrast, rng),
    }
    return Drawn(parameters=parameters)


def act(x: Array, drawn: Sequence[Drawn]) -> Array:
    xp, each = namespace(x), [d.parameters for d in drawn]
    screens = len(each[0]["angles_deg"])
    rows, cols = x.shape[2:]
    down = like(np.arange(rows), x).reshape(1, 1, rows, 1)
    right = like(np.arange(cols), x).reshape(1, 1, 1, cols)
    sharp = column([p["pitch_px"] / (2 * p["soft_px"]) for p in each], x)
    ink = column([p["ink"] for p in each], x)
    gain = column([4 * p["gain"] for p in each], x)
    contrast = column([p["contrast"] for p in each], x)
    turns = np.deg2rad([p["angles_deg"] for p in each])
    pitch = np.array([p["pitch_px"] for p in each])[:, None]
    phases = np.array([p["phases"] for p in each])
    cos, sin = np.cos(turns) / pitch, np.sin(turns) / pitch

    def screened(share: Array, k: int, at: slice) -> Array:
        """Ink 0-1 of a screen where the tone asks for ``share`` of coverage."""
        share = xp.clip(share, 0, 1)
        share = share + gain * share * (1 - share)
        c, s = column(cos[:, k], x), column(sin[:, k], x)
        u = right * c + down[:, :, at] * s + column(phases[:, k, 0], x)
        v = down[:, :, at] * c - right * s + column(phases[:, k, 1], x)
        # 0 in the middle of a dot, 1 in the middle of the paper between
        away = xp.abs(u - xp.round(u)) + xp.abs(v - xp.round(v))
        # how far a diamond of this coverage reaches
        low = xp.sqrt(xp.clip(share, 0, 0.5) * 0.5)
        high = 1 - xp.sqrt(xp.clip(1 - share, 0, 0.5) * 0.5)
        reach = xp.where(share < 0.5, low, high)
        edge = xp.clip((reach - away) * sharp * 1.4142 + 0.5, 0, 1)
        edge = xp.where(share <= 0.002, xp.zeros_like(edge), edge)
        return xp.where(share >= 0.998, xp.ones_like(edge), edge)

    def change(part: Array, at: slice) -> Array:
        if screens == 1:
            grey = (
                part
                if part.shape[1] == 1
                else (part[:, 0:1] * 0.299 + part[:, 1:2] * 0.587 + part[:, 2:3] * 0.114)
            )
            # ink covers so much of the cell that light, averaged over it, is the tone's
            dots = screened(1 - xp.clip(grey, 0, None) ** contrast, 0, at)
            return part * 0 + (1 - dots * (1 - ink))
        wanted = [1 - xp.clip(part[:, k : k + 1], 0, None) ** contrast for k in range(3)]
        black = xp.clip(xp.minimum(xp.minimum(wanted[0], wanted[1]), wanted[2]) * 2 - 1, 0, 1)
        black_dots = 1 - screened(black, 3, at) * (1 - ink)
        rest = xp.clip(1 - black, 0.02, 1)
        out = [
            (1 - screened(1 - (1 - wanted[k]) / rest, k, at) * (1 - ink)) * black_dots
            for k in range(3)
        ]
        return xp.concatenate(out, 1)

    return pointwise(x, change)


DAMAGE = Damage(
    name="halftone",
    title="Printed in dots of ink",
    settings=Settings,
    draw=draw,
    act=act,
    alike=lambda drawn: len(drawn.parameters["angles_deg"]),
)
