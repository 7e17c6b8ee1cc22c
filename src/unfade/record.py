"""What was done to a picture: plain data that can be filed with it.

The record is what makes a restoration provable and reversible: each step with its settings, the
network's hash, what was measured, the share of pixels changed, each repair as a numbered item,
and a hash over all samples that were *not* touched.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

FORMAT = 1


class Evidence(IntEnum):
    """What stands behind a pixel of the result. The classes of the evidence map."""

    UNTOUCHED = 0  # the sample that was scanned
    ADJUSTED = 1  # a global, parametric, invertible change; its parameters are in the record
    ESTIMATED = 2  # computed from this picture's own neighbourhood
    BORROWED = 3  # taken from another measurement of the same thing
    INVENTED = 4  # content from a learned prior that the picture does not hold
    PAINTED = 5  # the user's own brush


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One repair that can be taken back by its number."""

    number: int
    key: str
    kind: str
    box: tuple[int, int, int, int]  # top, left, rows, cols of the result of the step
    area_px: int
    confidence: float
    made: bool  # False: found, and left alone because it was rejected or protected


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One step as it was carried out."""

    step: str
    settings: dict[str, Any]
    reason: str = ""
    evidence: int = int(Evidence.ESTIMATED)
    measured: dict[str, Any] = dataclasses.field(default_factory=dict)
    model: dict[str, Any] | None = None  # name, sha256, licence, runtime of a network
    changed_share: float = 0.0
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The whole treatment of one picture."""

    format: int = FORMAT
    unfade: str = ""
    source: dict[str, Any] = dataclasses.field(default_factory=dict)
    output: dict[str, Any] = dataclasses.field(default_factory=dict)
    recipe: str = ""  # the recipe's text: the same treatment can be made again from it
    recipe_sha256: str = ""
    policy: str = "family"
    only_classical: bool = False  # no network was used, not even to look
    seed: int = 0
    steps: tuple[StepRecord, ...] = ()
    left_alone: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()  # keys of items that must not be made
    masks: dict[str, Any] = dataclasses.field(default_factory=dict)  # the user's own, by hash
    findings: dict[str, Any] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    changed_share: float = 0.0
    untouched_sha256: str = ""  # over all samples outside the evidence map, row by row
    evidence_shares: dict[str, float] = dataclasses.field(default_factory=dict)
    job: str = ""  # of a batch: hash of all that decides the bytes, beside the source's own

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for step in self.steps for item in step.items)

    def item(self, number: int) -> Item | None:
        return next((item for item in self.items if item.number == number), None)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False, sort_keys=False) + "\n"

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Record:
        """The record in ``data``; fields of later versions of unfade are ignored."""
        steps = tuple(
            StepRecord(
                **_known(StepRecord, step)
                | {
                    "items": tuple(
                        Item(**_known(Item, i) | {"box": tuple(i["box"])})
                        for i in step.get("items", ())
                    )
                }
            )
            for step in data.get("steps", ())
        )
        plain = _known(Record, data) | {"steps": steps}
        for name in ("left_alone", "rejected", "warnings"):
            plain[name] = tuple(plain.get(name, ()))
        return Record(**plain)

    @staticmethod
    def from_json(text: str) -> Record:
        return Record.from_dict(json.loads(text))


def _known(kind: type, data: dict[str, Any]) -> dict[str, Any]:
    names = {f.name for f in dataclasses.fields(kind)}
    return {name: value for name, value in data.items() if name in names}
