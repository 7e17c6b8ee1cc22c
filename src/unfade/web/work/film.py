"""The job that restores a film. Its result is a film, its repairs are a list."""

from __future__ import annotations

import importlib
import importlib.util
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
from unfade.web.work.outcome import items_of, papers, step_facts, write_json

MASTER = ".mkv"
PLAYED = ".mp4"  # access copies go where browsers play them


def film(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Restore one film.

    Args:
        arguments: as of ``mend.restore``; ``request["access"]`` is the codec of an access copy
    Returns:
        a summary, as of ``Summary``, with ``file``: the result's name in the folder
    """
    if importlib.util.find_spec("unfade.film.journey") is None:
        raise UsageError(
            "This version of unfade does not restore films.",
            "`GET /v1/limits` lists under `features` what it does.",
        )
    need("av", extra="film", to="read and write films")
    journey = importlib.import_module("unfade.film.journey")
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
            options=journey.FilmOptions(access=request["access"], work=folder / "work"),
            bench=bench_of(arguments, view),
            limits=Limits(**arguments["limits"]),
        )
        try:
            saved = made.save(target, overwrite=True)
        finally:
            made.discard()
        return _facts(made, saved, arguments)


def _facts(made: Any, saved: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    folder = Path(arguments["folder"])
    record, output = saved.record, Path(saved.output)
    name = Path(arguments["source_name"]).stem + f"-restored{output.suffix}"
    delivered = record_as_delivered(
        record.to_dict(), source=arguments["source_name"], output=name, masks={}
    )
    write_json(folder / "record.json", delivered)
    write_json(folder / "items.json", {"items": items_of(record)})
    with output.open("rb") as file:
        import hashlib

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
        "items": sum(item.made for item in record.items),
        "left_alone": list(record.left_alone),
        "warnings": list(record.warnings),
    } | papers(made, saved, arguments["request"])
