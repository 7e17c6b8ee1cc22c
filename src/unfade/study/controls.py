"""Whether a benchmark can tell harm from no harm: judged by its negative controls.

Doing nothing must come out as harmless on every single row. On pictures that nothing is wrong
with, a 5 x 5 blur must come out as harmful, and so must a flip. Where they do not, the pictures
are so smooth, or the measures so blind, that no other figure of the table means anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from unfade.study.damage import SOUND

HARMFUL = 0.01  # mean share of the pixels of sound pictures that get worse


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The verdict on the benchmark itself.

    Attributes:
        faults: what is wrong with it, as sentences; none: it may be believed
        harm: control -> mean harm rate on sound pictures
    """

    faults: tuple[str, ...]
    harm: dict[str, float]

    @property
    def passed(self) -> bool:
        return not self.faults


def judge(rows: Iterable[Mapping[str, Any]]) -> Check:
    """Judge a study's rows by its controls."""
    table = list(rows)
    faults = []
    for row in table:
        moved = math.isfinite(row["gain_db"]) and row["gain_db"] != 0
        if row["method"] == "identity" and (row["harm"] > 0 or moved):
            faults.append(
                f"Doing nothing ranks as {row['harm']:.2%} harm on `{row['picture']}` under "
                f"`{row['damage']}`."
            )
    harm = {
        name: _mean([r["harm"] for r in table if r["method"] == name and r["damage"] == SOUND])
        for name in ("identity", "blur", "stretch", "flip")
    }
    for name in ("blur", "flip"):
        if not harm[name] >= HARMFUL:
            faults.append(
                f"`{name}` spoils {harm[name]:.2%} of the pixels of sound pictures; at least "
                f"{HARMFUL:.0%} was expected. These pictures cannot tell harm from no harm."
            )
    return Check(faults=tuple(faults), harm=harm)


def _mean(values: list[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan
