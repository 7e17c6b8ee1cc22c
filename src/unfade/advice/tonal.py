"""Rules for the whole picture's tones: casts by a white border."""

from __future__ import annotations

from unfade.advice.contract import Rule, Wishes, sure
from unfade.findings import Findings

TINTED = 6.0  # CIELAB units of a border that is no longer white
AGREE = 5.0  # the border and the guesses within it lie no further apart


def cast(findings: Findings, wishes: Wishes) -> None:
    """A cast is taken off unasked only where a white border shows it and the picture agrees.

    A yellow border is old paper: its tone belongs to the object and is left.
    """
    found, tone = findings.cast, findings.tone
    if found is None or found.border is None or "correct_fading" in wishes.steps:
        return
    a, b = found.border
    strength = (a * a + b * b) ** 0.5
    if strength < TINTED:
        return
    if b > abs(a):
        wishes.leave(f"yellowed border: {strength:.0f} CIELAB units; the age of the paper is kept.")
        return
    agrees = (
        sure(found, 0.5)
        and found.a is not None
        and found.b is not None
        and ((found.a - a) ** 2 + (found.b - b) ** 2) ** 0.5 < AGREE
    )
    if agrees and sure(tone) and tone is not None and tone.kind == "colour":
        wishes.want(
            "correct_cast",
            f"The white border is {strength:.0f} CIELAB units off, and so is the picture.",
            by="border",
        )
    else:
        wishes.leave(
            f"tinted border: {strength:.0f} CIELAB units; the picture itself does not show it. "
            "Use `--only correct_cast --set correct_cast.by=border`."
        )


RULES: tuple[Rule, ...] = (cast,)
