"""What comes of a job: files in its folder, and a summary for the database."""

from __future__ import annotations

import dataclasses
import importlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade import journey
from unfade.errors import UsageError
from unfade.files import Limits, read_header
from unfade.findings import Findings, Mark
from unfade.record import Record
from unfade.result import Result, Saved, file_sha256
from unfade.steps import step_of
from unfade.web.work.catalogue import plain_settings, settings_schema
from unfade.web.work.look import facts_of
from unfade.web.work.marks import write_marks
from unfade.web.work.naming import record_as_delivered

# findings whose items the page outlines and the user can leave alone one by one
OUTLINED = ("marks", "creases", "stains", "losses", "wear")


def examination_facts(seen: journey.Examination, policy: str) -> dict[str, Any]:
    """An examination as the page shows it."""
    facts = seen.findings.to_dict()
    marks = [mark for name in _outlined(seen.findings) for mark in facts[name].get("items", [])]
    for name in OUTLINED:
        facts.get(name, {}).pop("items", None)
    for name in ("creases", "craquelure"):  # maps, too many items for a list
        for key in ("items", "unsure"):
            facts.get(name, {}).pop(key, None)
    faces = [
        {"number": number} | face
        for number, face in enumerate(facts.get("faces", {}).pop("faces", []), 1)
    ]
    findings = [
        {
            "name": name,
            "says": finding.says,
            "confidence": finding.confidence,
            "facts": {k: v for k, v in facts[name].items() if k not in ("says", "confidence")},
        }
        for name, finding in seen.findings.each()
    ]
    plan = []
    for settings in seen.advice.recipe.steps:
        step = step_of(settings)
        plan.append(
            {
                "step": step.name,
                "title": step.title,
                "reason": seen.advice.reasons.get(step.name, ""),
                "kind": str(step.kind),
                "evidence": int(step.evidence),
                "settings": plain_settings(settings),
                "settings_schema": settings_schema(step),
            }
        )
    return {
        "format": seen.header.format,
        "rows": seen.picture.rows,
        "cols": seen.picture.cols,
        "bits": seen.header.bits,
        "policy": policy,
        "findings": findings,
        "marks": marks,
        "faces": faces,
        "plan": plan,
        "left_alone": list(seen.advice.left_alone),
        "notes": list(seen.findings.notes),
    }


def saved_facts(
    result: Result, extension: str, arguments: Mapping[str, Any], notes: list[str]
) -> dict[str, Any]:
    folder = Path(arguments["folder"])
    saved: Saved = result.save(
        folder / f"result{extension}", overwrite=True, quality=arguments["request"].get("quality")
    )
    marks = marks_of(result.findings)
    if marks:
        before = result.original.picture
        write_marks(folder / "marks.npz", marks, before.rows, before.cols)
    record = saved.record
    if notes:
        record = dataclasses.replace(record, warnings=(*record.warnings, *notes))
    facts = summary_of(record, saved, arguments) | papers(result, saved, arguments["request"])
    write_json(folder / "items.json", {"items": items_of(record)})
    return facts


def papers(result: Any, saved: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """The report and the package, where they were asked for: their names in the folder.

    Raises:
        UsageError: this version of the library does not make them
    """
    made = {}
    for name in ("report", "package"):
        if not request.get(name):
            continue
        try:
            module = importlib.import_module(f"unfade.{name}")
        except ModuleNotFoundError as error:
            raise UsageError(
                f"`{name}` was asked for, which this version of unfade does not have.",
                "`GET /v1/limits` lists under `features` what it has.",
            ) from error
        write = getattr(module, f"write_{name}")
        made[name] = Path(write(result, saved, overwrite=True)).name
    return made


def summary_of(record: Record, saved: Saved, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the server keeps of a result in its database; and the record as it is delivered."""
    folder = Path(arguments["folder"])
    name = Path(arguments["source_name"]).stem + f"-restored{saved.output.suffix}"
    delivered = record_as_delivered(
        record.to_dict(),
        source=arguments["source_name"],
        output=name,
        masks=arguments["mask_names"],
    )
    write_json(folder / "record.json", delivered)
    return {
        "file": saved.output.name,
        "name": name,
        "format": read_header(saved.output).format,
        "rows": record.output["rows"],
        "cols": record.output["cols"],
        "bytes": record.output["bytes"],
        "sha256": record.output["sha256"],
        "same_bytes_as_source": saved.same_bytes,
        "verified": bool(record.output.get("verified")),
        "evidence": saved.evidence_file is not None,
        "masks": (folder / "marks.npz").exists(),
        "record": True,
        "changed_share": record.changed_share,
        "evidence_shares": record.evidence_shares,
        "steps": step_facts(record),
        "items": sum(item.made for item in record.items),
        "left_alone": list(record.left_alone),
        "warnings": list(record.warnings),
    }


def step_facts(record: Record) -> list[dict[str, Any]]:
    """The steps as ``StepSummary`` has them."""
    return [
        {
            "step": step.step,
            "reason": step.reason,
            "evidence": step.evidence,
            "changed_share": step.changed_share,
            "items_made": sum(item.made for item in step.items),
            "model": str(step.model["name"]) if step.model else None,
        }
        for step in record.steps
    ]


def items_of(record: Record) -> list[dict[str, Any]]:
    """Every repair of every step, numbered as in the record."""
    return [
        {**dataclasses.asdict(item), "box": list(item.box), "step": step.step}
        for step in record.steps
        for item in step.items
    ]


def original_again(original: Path, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All repairs are taken back: the very bytes of the original."""
    folder = Path(arguments["folder"])
    target = folder / f"result{original.suffix}"
    shutil.copyfile(original, target)
    facts = facts_of(target, Limits(**arguments["limits"]))
    write_json(folder / "items.json", {"items": []})
    return {
        "file": target.name,
        "name": arguments["source_name"],
        "format": facts["format"],
        "rows": facts["rows"],
        "cols": facts["cols"],
        "bytes": target.stat().st_size,
        "sha256": file_sha256(target),
        "same_bytes_as_source": True,
        "verified": True,
        "evidence": False,
        "masks": False,
        "changed_share": 0.0,
        "evidence_shares": {"untouched": 1.0},
        "steps": [],
        "items": 0,
        "left_alone": [],
        "warnings": [],
    }


def marks_of(findings: Findings) -> tuple[Mark, ...]:
    """All items of damage that the page outlines; what belongs to the object is not among them."""
    return tuple(mark for name in _outlined(findings) for mark in getattr(findings, name).items)


def _outlined(findings: Findings) -> list[str]:
    """Names of the findings whose items are shown: those whose eye did not abstain."""
    seen = ((name, getattr(findings, name)) for name in OUTLINED)
    return [name for name, found in seen if found is not None and found.confidence is not None]


def write_json(path: Path, facts: Any) -> None:
    path.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
