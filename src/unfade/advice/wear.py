"""Rule for what a network alone takes for wear: it is said, and done only when asked for."""

from __future__ import annotations

from unfade.advice.contract import Rule, Wishes, count
from unfade.findings import Findings
from unfade.steps.mend_wear import Settings, chosen_wear


def wear(findings: Findings, wishes: Wishes) -> None:
    """On sound pictures of fine texture it is wrong too often to be acted upon unasked."""
    found, chosen = findings.wear, chosen_wear(findings, Settings())
    if found is None or found.confidence is None or not chosen:
        return
    wishes.leave(
        f"wear: {count(len(chosen), 'place')} that a network takes for cracks, scratches or spots; "
        "some will be part of the picture. Use `--recipe worn-print` or `--only mend_wear`, and "
        "take single ones back."
    )


RULES: tuple[Rule, ...] = (wear,)
