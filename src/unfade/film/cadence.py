"""Fields and repeats: is each frame one picture, shown once?

Interlaced frames hold two moments, telecine mixes fields of film frames in a pattern, and film
of 16 or 18 frames a second was often printed or scanned with repeats. Temporal steps would
compare the wrong pictures, so such films are named, with the evidence, and refused until one
says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from unfade.errors import UnsupportedInput
from unfade.film.facts import Film
from unfade.film.look import CHANGE, COMB, Look

_COMBED = 0.006  # share of a frame; progressive pictures with fine detail stay below
_REPEAT = 0.12  # codes of mean difference: grain of a new exposure alone makes more
Kind = Literal["progressive", "interlaced", "telecine", "repeats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """How pictures lie in frames.

    Attributes:
        combed_share: of moving frames
        repeats: frames that repeat the one before
        says: the evidence, in words
    """

    kind: Kind
    combed_share: float
    repeats: np.ndarray
    says: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "combed_share": round(self.combed_share, 4),
            "repeated_frames": len(self.repeats),
            "says": self.says,
        }


def cadence_of(film: Film, look: Look) -> Cadence:
    """Judge from measurements of all frames, or of a sample."""
    change, comb = look.numbers[:, CHANGE], look.numbers[:, COMB]
    moving = change[1:] > max(0.5, 3 * _REPEAT)
    combed = comb[1:][moving] > _COMBED
    share = float(combed.mean()) if moving.any() else 0.0
    repeats = np.flatnonzero(_is_repeat(change)) + look.first
    count = len(look)
    stated = f" The container says: {film.fields}." if film.fields else ""
    if moving.sum() >= 4 and share > 0.6:
        return Cadence(
            kind="interlaced", combed_share=share, repeats=repeats,
            says=f"{share:.0%} of the moving frames show two moments (combing).{stated}",
        )  # fmt: skip
    if moving.sum() >= 10 and 0.2 < share <= 0.6 and _has_period(comb[1:] > _COMBED):
        return Cadence(
            kind="telecine", combed_share=share, repeats=repeats,
            says=f"{share:.0%} of the moving frames are combed, in a pattern of five.{stated}",
        )  # fmt: skip
    if count >= 12 and len(repeats) > 0.1 * count and _regular(repeats):
        return Cadence(
            kind="repeats", combed_share=share, repeats=repeats,
            says=f"{len(repeats)} of {count} frames repeat the one before, at regular places.",
        )  # fmt: skip
    if film.fields in ("top first", "bottom first", "interlaced") and share > 0.02:
        return Cadence(
            kind="interlaced", combed_share=share, repeats=repeats,
            says=f"The container says {film.fields}, and {share:.0%} of the moving frames agree.",
        )  # fmt: skip
    return Cadence(
        kind="progressive", combed_share=share, repeats=repeats,
        says=f"{share:.0%} of the moving frames are combed; {len(repeats)} of {count} frames "
        f"repeat the one before.{stated}",
    )  # fmt: skip


def _is_repeat(change: np.ndarray) -> np.ndarray:
    """Repeats among frames that otherwise move; a still picture repeats nothing."""
    usual = float(np.median(change[1:])) if len(change) > 1 else 0.0
    still = change < min(_REPEAT, 0.1 * usual)
    still[0] = False
    return still


def _regular(repeats: np.ndarray) -> bool:
    steps = np.diff(repeats)
    if not len(steps):
        return False
    return bool(np.mean(np.abs(steps - np.median(steps)) <= 1) > 0.75)


def _has_period(combed: np.ndarray) -> bool:
    """Whether combing comes back every five frames."""
    signal = combed.astype(float) - combed.mean()
    if len(signal) < 15 or not signal.any():
        return False
    power = [float((signal[k:] * signal[:-k]).mean()) for k in range(1, 8)]
    return int(np.argmax(power)) == 4 and power[4] > 0.5 * float((signal**2).mean())


def check_cadence(
    film: Film, cadence: Cadence, *, deinterlace: bool, ivtc: bool, keep: bool
) -> str:
    """What is to be done about fields: FFmpeg's filters, or "".

    Raises:
        UnsupportedInput: the film is not made of single pictures, and nothing was said about it
    """
    if deinterlace:
        return "bwdif=mode=send_frame"
    if ivtc and cadence.kind == "telecine":
        # `decimate` wants to be told the rate
        return f"fps=fps={film.rate},fieldmatch,decimate"
    if ivtc or keep or cadence.kind == "progressive":
        return ""
    remedy = {
        "interlaced": "Use `--deinterlace`: each frame becomes one picture.",
        "telecine": "Use `--ivtc`: the film's own frames are put together again.",
        "repeats": "Use `--ivtc`: repeats are left out and times kept.",
    }[cadence.kind]
    what = "made with repeats" if cadence.kind == "repeats" else cadence.kind
    raise UnsupportedInput(
        f"`{film.path.name}` is {what}: {cadence.says}",
        f"{remedy} Or use `--keep-cadence` to treat the frames as they are.",
    )
