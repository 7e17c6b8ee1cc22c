"""Rules for what time has laid over a print: stains."""

from __future__ import annotations

from unfade.advice.contract import Rule, Wishes, count
from unfade.findings import Findings
from unfade.steps.remove_stains import Settings as StainSettings


def stains(findings: Findings, wishes: Wishes) -> None:
    found = findings.stains
    if found is None or not found.items:
        return
    least = StainSettings().min_confidence
    sure = [mark for mark in found.items if mark.confidence >= least]
    if sure:
        wishes.want(
            "remove_stains",
            f"{count(len(sure), 'brown stain or spot', 'brown stains or spots')} found.",
        )
    if len(sure) < len(found.items):
        number = count(len(found.items) - len(sure), "place")
        wishes.leave(f"stains: {number} that may be brown for another reason.")


RULES: tuple[Rule, ...] = (stains,)
