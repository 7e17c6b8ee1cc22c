"""Rules for negatives: turned round when surely one; what was judged of their tones is void."""

from __future__ import annotations

from unfade.advice.contract import SURE_EVERYWHERE, Rule, Wishes, sure
from unfade.findings import Findings

# what these would mend was judged on the picture before it is turned round
_JUDGED_TOO_EARLY = (
    "correct_silvering",
    "correct_fading",
    "correct_varnish",
    "correct_cast",
    "correct_yellowing",
    "adjust_tone",
)


def negative(findings: Findings, wishes: Wishes) -> None:
    found = findings.negative
    if found is None or found.kind not in ("colour", "grey"):
        return
    if not sure(found, SURE_EVERYWHERE):
        wishes.leave(f"negative: not sure enough to turn it round. {found.says}")
        return
    wishes.want("invert_negative", found.says)
    for name in _JUDGED_TOO_EARLY:
        if wishes.steps.pop(name, None) is not None:
            wishes.leave(f"{name}: look again once the negative is turned round.")


RULES: tuple[Rule, ...] = (negative,)
