"""Rules for photographs: dust and scratches, noise and grain, tone, fading, faces."""

from __future__ import annotations

from unfade.advice.contract import SURE_EVERYWHERE, Rule, Wishes, count, sure
from unfade.findings import Findings, MarkKind

NOISY = 6.0 / 255  # noise below this is hardly seen in a print or on a screen


def marks(findings: Findings, wishes: Wishes) -> None:
    found = findings.marks
    if found is not None and found.items:
        dust = found.of_kind(MarkKind.DUST, MarkKind.HAIR)
        scratches = found.of_kind(MarkKind.SCRATCH)
        if dust:
            wishes.want("remove_dust", f"{count(len(dust), 'spot')} of dust or hair found.")
        if scratches:
            number = count(len(scratches), "scratch", "scratches")
            wishes.want("remove_scratches", f"{number} found.")
    elif found is not None and found.confidence is None:
        wishes.leave(f"dust and scratches: {found.says}")


def noise(findings: Findings, wishes: Wishes) -> None:
    found = findings.noise
    if found is None or found.sigma is None:
        return
    if found.grain:
        wishes.leave("grain: it belongs to the photograph. Use `--only denoise` to reduce it.")
    elif sure(found, SURE_EVERYWHERE) and found.sigma >= NOISY:
        wishes.want("denoise", found.says)
    elif found.sigma >= NOISY:
        wishes.leave(f"noise: not sure enough to change every pixel. {found.says}")
    elif found.sigma >= NOISY / 3:
        wishes.leave(f"noise: too little to be worth a change of every pixel. {found.says}")


def tone(findings: Findings, wishes: Wishes) -> None:
    if findings.tone is not None and sure(findings.tone) and findings.tone.kind == "toned":
        wishes.leave("tone: the toning is kept as part of the photograph.")


def fading(findings: Findings, wishes: Wishes) -> None:
    fade, cast = findings.fade, findings.cast
    if fade is not None and fade.faded and sure(fade):
        wishes.want("correct_fading", fade.says)
    elif fade is not None and fade.faded:
        wishes.leave(f"fading: not sure enough to act. {fade.says}")
    if cast is not None and sure(cast) and "correct_fading" not in wishes.steps:
        a, b = cast.a or 0.0, cast.b or 0.0
        if (a * a + b * b) ** 0.5 > 6:
            wishes.leave(f"colour cast: it may be the light of the scene. {cast.says}")


def faces(findings: Findings, wishes: Wishes) -> None:
    if findings.faces is not None and findings.faces.faces:
        wishes.leave(f"faces: {count(len(findings.faces.faces), 'face')} seen, none is altered.")


RULES: tuple[Rule, ...] = (marks, noise, tone, fading, faces)
