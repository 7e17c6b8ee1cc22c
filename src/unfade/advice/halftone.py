"""Rule for printed pictures: the screen of dots."""

from __future__ import annotations

from unfade.advice.contract import SURE_EVERYWHERE, Rule, Wishes, sure
from unfade.findings import Findings


def halftone(findings: Findings, wishes: Wishes) -> None:
    found = findings.halftone
    if found is None or not found.screens:
        return
    if sure(found, SURE_EVERYWHERE):
        wishes.want("descreen", found.says)
    else:
        wishes.leave(f"dots of print: not sure enough to act. {found.says}")


RULES: tuple[Rule, ...] = (halftone,)
