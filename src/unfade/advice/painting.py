"""Rules for paintings: cracks of age and the weave are kept; losses that are sure are filled."""

from __future__ import annotations

from unfade.advice.contract import Rule, Wishes, count, sure
from unfade.findings import Findings


def craquelure(findings: Findings, wishes: Wishes) -> None:
    """Cracks of age stay; and what removes lines would remove them too."""
    found = findings.craquelure
    if found is None or not found.cracked or not sure(found):
        return
    wishes.leave(
        f"craquelure: part of the object; it tells age and support. {found.says} "
        "Use `--only fill_craquelure` for a virtual view without it."
    )
    taken = [name for name in ("remove_scratches", "remove_dust") if name in wishes.steps]
    for name in taken:
        _, reason = wishes.steps.pop(name)
        wishes.leave(
            f"{name}: {reason} On a cracked surface they may be cracks. Use `--only {name}`."
        )


def losses(findings: Findings, wishes: Wishes) -> None:
    found = findings.losses
    if found is None or not found.items:
        return
    if sure(found, SURE_LOSS):
        wishes.want("fill_losses", f"{count(len(found.items), 'loss', 'losses')} of paint found.")
    else:
        wishes.leave(f"losses: not sure enough to act. {found.says}")


def canvas(findings: Findings, wishes: Wishes) -> None:
    """A weave is no noise and no lack of sharpness: texture is left alone."""
    found = findings.canvas
    if found is None or not found.woven or not sure(found):
        return
    wishes.leave(f"canvas: its weave is part of the object. {found.says}")
    for name in ("denoise", "sharpen"):
        if name in wishes.steps:
            del wishes.steps[name]
            wishes.leave(f"{name}: it would change the weave. Use `--only {name}`.")


SURE_LOSS = 0.9

RULES: tuple[Rule, ...] = (craquelure, losses, canvas)
