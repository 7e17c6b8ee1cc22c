"""Rules for the sheet itself: creases, tears, lost corners."""

from __future__ import annotations

from unfade.advice.contract import Rule, Wishes, count
from unfade.findings import Findings, MarkKind
from unfade.steps.mend_creases import Settings, chosen_creases, too_wide

NAMES = {MarkKind.CREASE: "crease", MarkKind.TEAR: "tear", MarkKind.CORNER: "lost corner"}


def creases(findings: Findings, wishes: Wishes) -> None:
    found = findings.creases
    if found is None:
        return
    if found.confidence is None:
        wishes.leave(f"creases and tears: {found.says}")
        return
    chosen, wide = chosen_creases(findings, Settings()), too_wide(findings, Settings())
    if chosen:
        kinds = [
            count(number, name)
            for kind, name in NAMES.items()
            if (number := sum(mark.kind is kind for mark in chosen))
        ]
        wishes.want("mend_creases", f"{', '.join(kinds)} found.")
    for kind, name in NAMES.items():
        number = sum(mark.kind is kind for mark in wide)
        if number:
            wishes.leave(
                f"{count(number, name)} wider than {Settings().max_width_px:g} px: what lay there "
                "cannot be computed. Set `mend_creases.max_width_px` to fill it all the same."
            )
    if found.unsure:
        lines = count(len(found.unsure), "line")
        wishes.leave(
            f"{lines} that may be creases or tears: not sure enough. Use "
            "`--only mend_creases --set mend_creases.min_confidence=0.5` to mend them."
        )


RULES: tuple[Rule, ...] = (creases,)
