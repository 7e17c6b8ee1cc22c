"""How much a result deserves a look by a person: 0 to 1, with the reasons.

Each reason is a doubt of its own; they are put together as if independent: one minus the product
of what each leaves. The number orders a list; it is no probability.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from unfade.record import Record

WRONG_REPAIRS = 4.0  # as many expected wrong repairs give a doubt of 0.63
COVERED_SHARE = 0.02  # of the picture under repairs: the same
WARNING = 0.2
ABSTAINED = 0.03
_LEAST = 0.01


def doubt_of(record: Record) -> tuple[float, list[str]]:
    """The doubt about a restored picture, and why, weightiest first."""
    doubts = sorted(_doubts(record), reverse=True)
    left = math.prod(1.0 - min(0.99, doubt) for doubt, _ in doubts)
    return round(1.0 - left, 4), [why for doubt, why in doubts if doubt >= _LEAST]


def _doubts(record: Record) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    made = [item for item in record.items if item.made]
    wrong = sum(1.0 - item.confidence for item in made)
    if made:
        found.append(
            (
                _rising(wrong, WRONG_REPAIRS),
                f"{len(made)} repairs, of which {wrong:.1f} are expected to be wrong",
            )
        )
        area = max(1, int(record.output.get("rows", 1)) * int(record.output.get("cols", 1)))
        covered = sum(item.area_px for item in made) / area
        found.append((_rising(covered, COVERED_SHARE) / 2, f"{covered:.1%} lies under repairs"))
    invented = record.evidence_shares.get("invented", 0.0)
    if invented:
        found.append((0.3 + 0.7 * invented, f"{invented:.1%} is invented by a network"))
    for step in record.steps:
        for name, confidence in _unsure(record.findings, step.reason):
            found.append(((1.0 - confidence) / 2, f"{step.step} rests on {name}, {confidence:.0%}"))
    found += [(WARNING, warning) for warning in record.warnings]
    silent = [
        name
        for name, finding in record.findings.items()
        if isinstance(finding, Mapping) and finding.get("confidence", 1.0) is None
    ]
    if silent:
        found.append((ABSTAINED * len(silent), f"no judgement about {', '.join(silent)}"))
    return found


def _unsure(findings: Mapping[str, Any], reason: str) -> list[tuple[str, float]]:
    """Findings that a step's reason quotes and that are less than nearly certain."""
    return [
        (name, float(finding["confidence"]))
        for name, finding in findings.items()
        if isinstance(finding, Mapping)
        and finding.get("confidence") is not None
        and finding["confidence"] < 0.95
        and str(finding.get("says", "")).rstrip(".") in reason
        and finding.get("says")
    ]


def _rising(value: float, scale: float) -> float:
    return 1.0 - math.exp(-value / scale)
