"""What a rule of advice is, and how sure a finding must be for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from unfade.findings import Finding, Findings

SURE = 0.7  # a finding less sure than this advises nothing
SURE_EVERYWHERE = 0.9  # for a change of every pixel; on 120 sound photographs 1 passes, truly noisy


@dataclass(slots=True)
class Wishes:
    """What the rules ask for, one after another, and what they leave alone."""

    steps: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    left_alone: list[str] = field(default_factory=list)

    def want(self, step: str, reason: str, **settings: Any) -> None:
        """Advise a step, with settings over its defaults; ``reason`` is one sentence."""
        self.steps[step] = (settings, reason)

    def leave(self, what: str) -> None:
        """Say what was seen and is left alone on purpose, and why."""
        self.left_alone.append(what)


Rule = Callable[[Findings, Wishes], None]


def sure(finding: Finding | None, least: float = SURE) -> bool:
    """Whether somebody looked, did not abstain, and is sure enough to act upon."""
    return finding is not None and finding.confidence is not None and finding.confidence >= least


def count(number: int, one: str, many: str = "") -> str:
    """``1 spot``, ``2 spots``."""
    return f"{number} {one if number == 1 else many or one + 's'}"
