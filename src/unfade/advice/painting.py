"""Rules for paintings: cracks and weave are kept; losses are filled where it is surely one."""

from __future__ import annotations

from unfade.advice.contract import Rule, Wishes, count, sure
from unfade.findings import Findings

SURE_LOSS = 0.9


def craquelure(findings: Findings, wishes: Wishes) -> None:
    """Cracks of age stay; and what removes lines would remove them too."""
    found = findings.craquelure
    if found is None or not found.cracked or not sure(found):
        return
    wishes.leave(
        f"craquelure: part of the object; it tells age and support. {found.says} "
        "Use `--only fill_craquelure` for a virtual view without it."
    )
    lines = ("remove_scratches", "remove_dust", "mend_wear")
    taken = [name for name in lines if name in wishes.steps]
    for name in taken:
        _, reason = wishes.steps.pop(name)
        wishes.leave(
            f"{name}: {reason} On a cracked surface they may be cracks. Use `--only {name}`."
        )


def losses(findings: Findings, wishes: Wishes) -> None:
    """White boats and letters look like losses: they are filled on what is surely a painting."""
    found = findings.losses
    if found is None or not found.items:
        return
    if sure(found, SURE_LOSS) and _painting(findings):
        wishes.want("fill_losses", f"{count(len(found.items), 'loss', 'losses')} of paint found.")
        return
    wishes.leave(
        f"losses: {found.says} Nothing else shows that this is a painting. "
        "Use `--recipe painting` or `--only fill_losses` if it is one."
    )


def _painting(findings: Findings) -> bool:
    cracked = findings.craquelure is not None and findings.craquelure.cracked
    woven = findings.canvas is not None and findings.canvas.woven
    return bool(cracked and sure(findings.craquelure)) or bool(woven and sure(findings.canvas))


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


RULES: tuple[Rule, ...] = (craquelure, losses, canvas)
