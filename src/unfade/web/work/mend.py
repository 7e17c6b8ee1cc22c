"""The jobs: restore, take back, examine, compare; what a person would do with the library.

Results are put into the folder that the server names: the picture, its record, its evidence map,
and what the routes show of them: ``items.json``, ``examination.json``, ``marks.npz``.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade import journey
from unfade.batch.executors.contract import JobView
from unfade.engines.bench import Bench
from unfade.errors import UsageError
from unfade.files import Limits, read_header
from unfade.files.formats import FORMATS, format_named
from unfade.findings import Findings, Mark
from unfade.recipe import Recipe, parse_recipe
from unfade.record import Record
from unfade.result import Result, Saved
from unfade.steps import find_step, settings_from, step_of
from unfade.web.work.catalogue import plain_settings, settings_schema
from unfade.web.work.child import bound_processor_time
from unfade.web.work.marks import write_marks
from unfade.web.work.naming import named, record_as_delivered

# formats that are read and never written, and what a result of them is unless the user says
_INSTEAD = {"raw": "tiff", "heif": "png"}


def restore(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Restore one picture or film.

    Args:
        arguments: source, source_name, folder, names (path -> user's name), request (as of
            ``JobRequest``), masks ({"mask": path, ...}), bench (of ``Bench``), limits, seconds
    Returns:
        a summary, as of ``Summary``, with ``file``: the result's name in the folder
    """
    source = Path(arguments["source"])
    request = arguments["request"]
    bound_processor_time(arguments["seconds"])
    with named(arguments["names"]):
        extension, note = _extension(source, request.get("format"))
        result = journey.restore(
            source,
            recipe=_recipe(request),
            policy=request["policy"],
            only=request["only"],
            skip=request["skip"],
            settings=request["settings"],
            upscale=request["upscale"],
            mask=arguments["masks"].get("mask"),
            protect=arguments["masks"].get("protect"),
            rejected=request["rejected"],
            page=request["page"] - 1 if request["page"] else None,
            bench=_bench(arguments, view),
            limits=Limits(**arguments["limits"]),
            **_asked_by_name(request),
        )
        return _saved(result, extension, arguments, [note] if note else [])


def revert(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Take repairs back.

    Args:
        arguments: as of ``restore``, and output: the result that it begins from, items: numbers
            ([]: all)
    """
    source, output = Path(arguments["source"]), Path(arguments["output"])
    bound_processor_time(arguments["seconds"])
    with named(arguments["names"]):
        result = journey.revert(
            output,
            item=arguments["items"] or None,
            original=source,
            bench=_bench(arguments, view),
            limits=Limits(**arguments["limits"]),
        )
        if isinstance(result, Path):
            return _original_again(result, arguments)
        return _saved(result, output.suffix, arguments, [])


def examine(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Look at one picture; ``examination.json`` in the folder is an ``Examination``."""
    source, folder = Path(arguments["source"]), Path(arguments["folder"])
    request = arguments["request"]
    bound_processor_time(arguments["seconds"])
    with named(arguments["names"]):
        seen = journey.examine(
            source,
            policy=request["policy"],
            page=request["page"] - 1 if request["page"] else None,
            bench=_bench(arguments, view),
            limits=Limits(**arguments["limits"]),
        )
    write_marks(folder / "marks.npz", _marks(seen.findings), seen.picture.rows, seen.picture.cols)
    _write(folder / "examination.json", examination_facts(seen, request["policy"]))
    return {"masks": True}


def compare(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Measure two pictures; ``comparison.json`` in the folder is a ``Measured``."""
    bound_processor_time(arguments["seconds"])
    limits = Limits(**arguments["limits"])
    with named(arguments["names"]):
        view.progress("Comparing", 0.0)
        measured = journey.compare(
            Path(arguments["source"]), Path(arguments["other"]), limits=limits
        )
    _write(Path(arguments["folder"]) / "comparison.json", measured.to_dict())
    return {}


def examination_facts(seen: journey.Examination, policy: str) -> dict[str, Any]:
    """An examination as the page shows it."""
    facts = seen.findings.to_dict()
    marks = facts.get("marks", {}).pop("items", [])
    faces = facts.get("faces", {}).pop("faces", [])
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


# -- what was asked for -------------------------------------------------------------------------


def _recipe(request: Mapping[str, Any]) -> str | Recipe:
    """ "auto", a shipped recipe's name, or a recipe; never a path on the server."""
    if request["steps"] is not None:
        return Recipe(
            name="own",
            steps=tuple(
                settings_from(
                    find_step(each["step"], f"Step {number}: ").settings,
                    each["settings"],
                    f"Step {number} `{each['step']}`",
                )
                for number, each in enumerate(request["steps"], 1)
            ),
        )
    wanted = str(request["recipe"])
    if wanted == "auto":
        return wanted
    if "\n" in wanted or "=" in wanted:
        return parse_recipe(wanted, "recipe")
    from unfade.errors import RecipeError, nearest
    from unfade.recipe import shipped_recipes

    shipped = {recipe.name: recipe for recipe in shipped_recipes()}
    if wanted not in shipped:
        raise RecipeError(f"There is no recipe `{wanted}`.", nearest(wanted, [*shipped, "auto"]))
    return shipped[wanted]


def _asked_by_name(request: Mapping[str, Any]) -> dict[str, Any]:
    """What makes invented pixels, and is done only when it is asked for.

    Raises:
        UsageError: this version of the library does not have it
    """
    known = inspect.signature(journey.restore).parameters
    asked: dict[str, Any] = {}
    for name in ("colorize", "hints", "faces"):
        value = request[name]
        if value is False or value == []:
            continue
        if name not in known:
            raise UsageError(
                f"`{name}` was asked for, which this version of unfade does not have.",
                "`GET /v1/limits` lists under `features` what it has.",
            )
        asked[name] = value
    return asked


def _extension(source: Path, wanted: str | None) -> tuple[str, str]:
    """The result's extension, and what the user has to know about it."""
    if wanted is not None:
        for each in FORMATS:
            if wanted == each.name or f".{wanted}" in each.extensions:
                return each.extensions[0], ""
        raise UsageError(
            f"`{wanted}` is no format that is written here.",
            "`GET /v1/limits` lists `formats_out`.",
        )
    head = next((each for each in FORMATS if source.suffix in each.extensions), None)
    if head is None:  # a film: it stays in its container
        return source.suffix, ""
    own = read_header(source).format
    if own in _INSTEAD:
        instead = format_named(_INSTEAD[own])
        note = f"{own.upper()} is read and never written; the result is a {instead.name.upper()}."
        return instead.extensions[0], note
    return source.suffix, ""


def _bench(arguments: Mapping[str, Any], view: JobView) -> Bench:
    """A bench that stays open in this process, with its networks, for this job's eyes and ears."""
    wanted = arguments["bench"]
    key = json.dumps(wanted, sort_keys=True)
    if view.kept.get("bench-key") != key:
        if "bench" in view.kept:
            view.kept.pop("bench").close()
        wire = _Wire()
        view.kept["wire"] = wire
        view.kept["bench"] = Bench(**wanted, progress=wire.progress, cancelled=wire.cancelled)
        view.kept["bench-key"] = key
    view.kept["wire"].view = view
    bench: Bench = view.kept["bench"]
    return bench


class _Wire:
    """From a bench that stays to the job that is under way."""

    view: JobView

    def progress(self, says: str, done: int, total: int) -> None:
        self.view.progress(says, done / total if total else 1.0)

    def cancelled(self) -> bool:
        return self.view.cancelled()


# -- what comes of it ---------------------------------------------------------------------------


def _saved(
    result: Result, extension: str, arguments: Mapping[str, Any], notes: list[str]
) -> dict[str, Any]:
    folder = Path(arguments["folder"])
    saved: Saved = result.save(
        folder / f"result{extension}", overwrite=True, quality=arguments["request"].get("quality")
    )
    marks = _marks(result.findings)
    if marks:
        before = result.original.picture
        write_marks(folder / "marks.npz", marks, before.rows, before.cols)
    record = saved.record
    if notes:
        record = dataclasses.replace(record, warnings=(*record.warnings, *notes))
    facts = summary_of(record, saved, arguments)
    _write(folder / "items.json", {"items": items_of(record)})
    return facts


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
    _write(folder / "record.json", delivered)
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
        "steps": [
            {
                "step": step.step,
                "reason": step.reason,
                "evidence": step.evidence,
                "changed_share": step.changed_share,
                "items_made": sum(item.made for item in step.items),
                "model": str(step.model["name"]) if step.model else None,
            }
            for step in record.steps
        ],
        "items": sum(item.made for item in record.items),
        "left_alone": list(record.left_alone),
        "warnings": list(record.warnings),
    }


def items_of(record: Record) -> list[dict[str, Any]]:
    """Every repair of every step, numbered as in the record."""
    return [
        {**dataclasses.asdict(item), "box": list(item.box), "step": step.step}
        for step in record.steps
        for item in step.items
    ]


def _original_again(original: Path, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All repairs are taken back: the very bytes of the original."""
    folder = Path(arguments["folder"])
    target = folder / f"result{original.suffix}"
    shutil.copyfile(original, target)
    header = read_header(target)
    _write(folder / "items.json", {"items": []})
    return {
        "file": target.name,
        "name": arguments["source_name"],
        "format": header.format,
        "rows": arguments["rows"],
        "cols": arguments["cols"],
        "bytes": target.stat().st_size,
        "sha256": arguments["sha256"],
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


def _marks(findings: Findings) -> tuple[Mark, ...]:
    return findings.marks.items if findings.marks is not None else ()


def _write(path: Path, facts: Any) -> None:
    path.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
