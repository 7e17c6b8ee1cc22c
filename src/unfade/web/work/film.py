"""The job that restores a film. Its result is a film, its repairs are a list."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade.batch.executors.contract import JobView
from unfade.errors import UsageError
from unfade.files import Limits
from unfade.needs import need
from unfade.web.work.asked import bench_of, recipe_of
from unfade.web.work.child import bound_processor_time
from unfade.web.work.naming import named, record_as_delivered
from unfade.web.work.outcome import original_again, papers, step_facts, write_json

MASTER = ".mkv"
PLAYED = ".mp4"  # access copies go where browsers play them


def film(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Restore one film.

    Args:
        arguments: as of ``mend.restore``; ``request["access"]`` is the codec of an access copy
    Returns:
        a summary, as of ``Summary``, with ``file``: the result's name in the folder
    """
    journey = _part("journey")
    source, folder = Path(arguments["source"]), Path(arguments["folder"])
    request = arguments["request"]
    bound_processor_time(arguments["seconds"])
    recipe = recipe_of(request)
    with named(arguments["names"]):
        target = folder / f"result{PLAYED if request['access'] else MASTER}"
        made = journey.restore_film(
            source,
            output=target,
            recipe=recipe,
            policy="film" if request["policy"] == "family" else request["policy"],
            only=request["only"],
            skip=request["skip"],
            settings=request["settings"],
            upscale=request["upscale"],
            colorize=bool(request["colorize"]),
            only_classical=request["only_classical"],
            options=journey.FilmOptions(access=request["access"], work=folder / "work"),
            bench=bench_of(arguments, view),
            limits=Limits(**arguments["limits"]),
        )
        try:
            saved = made.save(target, overwrite=True)
        finally:
            made.discard()
        return _facts(made, saved, arguments)


def take_back(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Take repairs of a film back.

    Args:
        arguments: as of ``mend.revert``
    """
    rebuild = _part("rebuild")
    source, output = Path(arguments["source"]), Path(arguments["output"])
    bound_processor_time(arguments["seconds"])
    with named(arguments["names"]):
        if not arguments["items"]:
            return original_again(source, arguments)
        target = Path(arguments["folder"]) / output.name
        made = rebuild.rebuild_film(
            output,
            strike=arguments["items"],
            target=target,
            original=source,
            bench=bench_of(arguments, view),
            limits=Limits(**arguments["limits"]),
        )
        try:
            saved = made.save(target, overwrite=True)
        finally:
            made.discard()
        return _facts(made, saved, arguments)


def _part(name: str) -> Any:
    """A module of the library's part for films.

    Raises:
        UsageError: this version has none; MissingPackage: what it needs is not installed
    """
    if importlib.util.find_spec(f"unfade.film.{name}") is None:
        raise UsageError(
            "This version of unfade does not restore films.",
            "`GET /v1/limits` lists under `features` what it does.",
        )
    need("av", extra="film", to="read and write films")
    return importlib.import_module(f"unfade.film.{name}")


def _repairs(readable: Path | None) -> list[dict[str, Any]]:
    """The list of repairs as ``ItemView`` has them."""
    if readable is None:
        return []
    with Path(readable).open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        {
            "number": row["number"],
            "step": row["step"],
            "key": f"{row['kind']}@{row['frame']}:{row['top']}:{row['left']}",
            "kind": row["kind"],
            "box": [row["top"], row["left"], row["rows"], row["cols"]],
            "area_px": row["area_px"],
            "confidence": row["confidence"],
            "made": True,
            "frame": row["frame"],
            "time_s": row["time_s"],
        }
        for row in rows
    ]


def _facts(made: Any, saved: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    folder = Path(arguments["folder"])
    record, output = saved.record, Path(saved.output)
    name = Path(arguments["source_name"]).stem + f"-restored{output.suffix}"
    delivered = record_as_delivered(
        record.to_dict(), source=arguments["source_name"], output=name, masks={}
    )
    write_json(folder / "record.json", delivered)
    items = _repairs(saved.readable_file)
    write_json(folder / "items.json", {"items": items})
    with output.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "file": output.name,
        "name": name,
        "format": "mp4" if output.suffix == PLAYED else "matroska",
        "rows": record.output["rows"],
        "cols": record.output["cols"],
        "bytes": output.stat().st_size,
        "sha256": sha256,
        "same_bytes_as_source": False,
        "verified": bool(record.output.get("lossless")),
        "evidence": False,
        "masks": False,
        "record": True,
        "changed_share": record.changed_share,
        "evidence_shares": record.evidence_shares,
        "steps": step_facts(record),
        "items": len(items),
        "left_alone": list(record.left_alone),
        "warnings": list(record.warnings),
    } | papers(made, saved, arguments["request"])
