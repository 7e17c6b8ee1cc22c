"""The jobs: restore, take back, examine, compare; what a person would do with the library.

Results are put into the folder that the server names: the picture, its record, its evidence map,
and what the routes show of them: ``items.json``, ``examination.json``, ``marks.npz``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade import journey
from unfade.batch.executors.contract import JobView
from unfade.files import Limits
from unfade.web.work.asked import asked_by_name, bench_of, extension_of, recipe_of
from unfade.web.work.child import bound_processor_time
from unfade.web.work.marks import write_marks
from unfade.web.work.naming import named
from unfade.web.work.outcome import (
    examination_facts,
    marks_of,
    original_again,
    saved_facts,
    write_json,
)


def restore(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Restore one picture or film.

    Args:
        arguments: source, source_name, folder, names (path -> user's name), request (as of
            ``JobRequest``), masks ({"mask": path, ...}), other (where there is a reference for
            colours), bench (of ``Bench``), limits, seconds
    Returns:
        a summary, as of ``Summary``, with ``file``: the result's name in the folder
    """
    source = Path(arguments["source"])
    request = arguments["request"]
    bound_processor_time(arguments["seconds"])
    with named(arguments["names"]):
        extension, note = extension_of(source, request["format"])
        result = journey.restore(
            source,
            recipe=recipe_of(request),
            policy=request["policy"],
            only=request["only"],
            skip=request["skip"],
            settings=request["settings"],
            upscale=request["upscale"],
            only_classical=request["only_classical"],
            mask=arguments["masks"].get("mask"),
            protect=arguments["masks"].get("protect"),
            rejected=request["rejected"],
            page=request["page"] - 1 if request["page"] else None,
            bench=bench_of(arguments, view),
            limits=Limits(**arguments["limits"]),
            reference=arguments.get("other"),
            **asked_by_name(request, journey.restore),
        )
        return saved_facts(result, extension, arguments, [note] if note else [])


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
            bench=bench_of(arguments, view),
            limits=Limits(**arguments["limits"]),
        )
        if isinstance(result, Path):
            return original_again(result, arguments)
        return saved_facts(result, output.suffix, arguments, [])


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
            bench=bench_of(arguments, view),
            limits=Limits(**arguments["limits"]),
        )
    write_marks(folder / "marks.npz", marks_of(seen.findings), seen.picture.rows, seen.picture.cols)
    write_json(folder / "examination.json", examination_facts(seen, request["policy"]))
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
    write_json(Path(arguments["folder"]) / "comparison.json", measured.to_dict())
    return {}
