"""Rules for what time has laid over a print: stains, silver mirroring, yellowed paper."""

from __future__ import annotations

from unfade.advice.contract import Rule, Wishes, count, sure
from unfade.findings import Findings, MarkKind
from unfade.steps.remove_stains import Settings as StainSettings

_SURE_MIRRORED = 0.8
_YELLOW = 0.06  # density to blue light above red: less is how paper is made


def stains(findings: Findings, wishes: Wishes) -> None:
    found = findings.stains
    if found is None or not found.items:
        return
    least = StainSettings().min_confidence
    sure = [mark for mark in found.items if mark.confidence >= least]
    if sure:
        mould = sum(mark.kind is MarkKind.MOULD for mark in sure)
        brown = len(sure) - mould
        kinds = [count(brown, "brown stain or spot", "brown stains or spots")] if brown else []
        kinds += [count(mould, "colony of mould", "colonies of mould")] if mould else []
        wishes.want("remove_stains", f"{' and '.join(kinds)} found.")
    if len(sure) < len(found.items):
        number = count(len(found.items) - len(sure), "place")
        wishes.leave(f"stains: {number} that may be brown for another reason.")


def silvering(findings: Findings, wishes: Wishes) -> None:
    found = findings.silvering
    if found is None or not found.mirrored:
        return
    if sure(found, _SURE_MIRRORED):
        wishes.want("correct_silvering", found.says)
    else:
        wishes.leave(f"silver mirroring: not sure enough to act. {found.says}")


def paper(findings: Findings, wishes: Wishes) -> None:
    found = findings.paper
    if found is not None and sure(found) and (found.yellow or 0.0) >= _YELLOW:
        wishes.leave(
            f"yellowed paper: it is part of the object. {found.says} "
            "Use `--only correct_yellowing` to bring it back to white."
        )


RULES: tuple[Rule, ...] = (stains, silvering, paper)
