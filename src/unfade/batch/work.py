"""One item, inside an executor: fetch, restore, check, put, and say what happened.

The result appears under its name only when it is whole; its record comes last, so a picture with
a matching record is a finished one, whatever the ledger knows.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from unfade.batch.delivery import deliver, finished, put_access_copy
from unfade.batch.doubt import doubt_of
from unfade.batch.executors.contract import JobView
from unfade.batch.scratch import SCRATCH, sha256_of, short_name, uri_of
from unfade.batch.task import Treatment
from unfade.batch.thumbs import thumbnail
from unfade.engines.bench import Bench
from unfade.errors import OutputError, UnreadableInput
from unfade.files.limits import Limits
from unfade.files.places.contract import Place, sums_of
from unfade.files.places.opening import StoreOptions, open_place
from unfade.journey import compare, restore
from unfade.pixels.room import on_disk
from unfade.recipe import parse_recipe
from unfade.record import Record
from unfade.result import Result, Saved, file_sha256

_NOT_THE_BENCH = ("limits", "in_memory_bytes")


def restore_one(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Restore one picture from a place into another.

    Args:
        arguments: name, target, source, destination, options, treatment, job, machine, scratch,
            overwrite, reference, thumbs, access; see ``run.Task``
    Returns:
        facts about the result, as plain data
    Raises:
        UnfadeError: see ``unfade.errors``; nothing half-made is left
    """
    source, destination = _places(arguments, view)
    target, job = str(arguments["target"]), str(arguments["job"])
    with _scratch(arguments, source, destination) as folder, _room(arguments, folder):
        began = time.perf_counter()
        original = _at_hand(source, str(arguments["name"]), folder)
        fetched = time.perf_counter()
        sha256 = file_sha256(original)
        earlier = finished(destination, target, sha256, job)
        if earlier is not None:
            facts = _facts(earlier, adopted=True)
            return facts | {"doubt": doubt_of(earlier)[0], "reasons": doubt_of(earlier)[1]}
        result = _restored(original, arguments, view)
        facts_of_source = dict(result.record.source)
        if source.folder is None:  # a folder's files are named by their path from the result
            facts_of_source["uri"] = uri_of(source, str(arguments["name"]))
        result = replace(result, record=replace(result.record, job=job, source=facts_of_source))
        made = time.perf_counter()
        saved = deliver(
            result,
            destination,
            target,
            folder,
            name=str(arguments["name"]),
            overwrite=bool(arguments["overwrite"]),
            quality=Treatment(**arguments["treatment"]).quality,
        )
        doubt, reasons = doubt_of(saved.record)
        facts = _facts(saved.record) | {"doubt": doubt, "reasons": reasons}
        facts["phases_s"] = {
            "fetch": round(fetched - began, 4),
            "restore": round(made - fetched, 4),
            "put": round(time.perf_counter() - made, 4),
        }
        if arguments.get("access"):
            put_access_copy(saved.output, destination, target, folder, str(arguments["access"]))
        if arguments.get("reference"):
            facts["metrics"] = _metrics(arguments, saved, folder, view)
        if arguments.get("thumbs"):
            facts["thumbs"] = (
                thumbnail(result.original.picture),
                thumbnail(result.picture) if result.changed else b"",
            )
        return facts


def copy_one(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Put one file into another place as it is, checked; what is there already stays.

    Raises:
        OutputError: another file has its name there
    """
    source, destination = _places(arguments, view)
    name, target = str(arguments["name"]), str(arguments["target"])
    with _scratch(arguments, source, destination) as folder:
        original = _at_hand(source, name, folder)
        sums = sums_of(original)
        there = destination.stat(target)
        same = there is not None and there.size == sums.size and (
            sums.matches(there.version) or sha256_of(destination, target) == sums.sha256
        )  # fmt: skip
        if not same:
            if there is not None and not arguments["overwrite"]:
                raise OutputError(
                    f"`{uri_of(destination, target)}` exists already, with other content.",
                    "Use `--overwrite` to replace it, or another destination.",
                )
            destination.put(original, target, overwrite=there is not None)
        return {
            "sha256": sums.sha256,
            "output_sha256": sums.sha256,
            "bytes_in": sums.size,
            "bytes_out": 0 if same else sums.size,
            "adopted": same,
        }


def check_treatment(arguments: Mapping[str, Any], view: JobView) -> dict[str, Any]:
    """Carry out the treatment on a small grey field: what it lacks is missed before work begins.

    Raises:
        PolicyError, RecipeError, SettingsError, ModelMissing: as ``restore``
    """
    import numpy as np

    field = np.full((64, 64, 3), 128, np.uint8)
    field[::7, ::5] = 120
    restore(field, bench=_bench(arguments, view), **_asked(arguments))
    return {}


# -- in -----------------------------------------------------------------------------------------


def _places(arguments: Mapping[str, Any], view: JobView) -> tuple[Place, Place]:
    return _place(arguments, "source", view), _place(arguments, "destination", view)


def _place(arguments: Mapping[str, Any], which: str, view: JobView) -> Place:
    """Opened once in each process: connections stay."""
    address, options = str(arguments[which]), dict(arguments["options"])
    key = f"place {address} {sorted(options.items())}"
    if key not in view.kept:
        view.kept[key] = open_place(address, StoreOptions(**options))
    found: Place = view.kept[key]
    return found


@contextlib.contextmanager
def _scratch(
    arguments: Mapping[str, Any], source: Place, destination: Place
) -> Iterator[Path | None]:
    """A folder for what cannot be used where it lies; None when nothing needs one."""
    if source.folder is not None and destination.folder is not None:
        yield None
        return
    with tempfile.TemporaryDirectory(
        prefix=SCRATCH, dir=arguments.get("scratch"), ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _room(arguments: Mapping[str, Any], folder: Path | None) -> Iterator[None]:
    """Arrays larger than the machine allows go to files."""
    above = dict(arguments["machine"]).get("in_memory_bytes")
    if above is None:
        yield
        return
    with on_disk(folder or arguments.get("scratch"), above_bytes=int(above)):
        yield


def _at_hand(place: Place, name: str, folder: Path | None) -> Path:
    """The item as a local file: itself, or fetched."""
    if place.folder is not None:
        path = place.folder / name
        if not path.is_file():
            raise UnreadableInput(
                f"`{path}` does not exist any more.", "It was there when the source was listed."
            )
        return path
    assert folder is not None
    (folder / "in").mkdir()
    path = folder / "in" / short_name(name)
    place.fetch(name, path)
    return path


# -- through ------------------------------------------------------------------------------------


def _restored(original: Path, arguments: Mapping[str, Any], view: JobView) -> Result:
    machine = dict(arguments["machine"])
    return restore(
        original,
        bench=_bench(arguments, view),
        limits=Limits(**machine.get("limits", {})),
        **_asked(arguments),
    )


def _asked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    treatment = Treatment(**arguments["treatment"])
    recipe = treatment.recipe
    return {
        "recipe": recipe if recipe == "auto" else parse_recipe(recipe),
        "policy": treatment.policy,
        "only": treatment.only,
        "skip": treatment.skip,
        "settings": treatment.settings,
        "upscale": treatment.upscale,
        "only_classical": treatment.only_classical,
    }


def _bench(arguments: Mapping[str, Any], view: JobView) -> Bench:
    """One bench for each process: its networks stay loaded."""
    machine = {k: v for k, v in dict(arguments["machine"]).items() if k not in _NOT_THE_BENCH}
    key = f"bench {sorted(machine.items())}"
    if key not in view.kept:
        import cv2

        cv2.setNumThreads(view.threads)  # its own threads heed no variable
        view.kept[key] = Bench(
            threads=view.threads,
            progress=lambda says, done, total: view.progress(says, done / max(1, total)),
            cancelled=view.cancelled,
            **machine,
        )
    found: Bench = view.kept[key]
    return found


def _facts(record: Record, *, adopted: bool = False) -> dict[str, Any]:
    """What the ledger, the table and the report keep of a record."""
    source, output = record.source, record.output
    return {
        "sha256": source.get("sha256"),
        "output_sha256": output.get("sha256"),
        "bytes_in": source.get("bytes", 0),
        "bytes_out": output.get("bytes", 0),
        "adopted": adopted,
        "same_bytes": output.get("same_bytes_as_source", False),
        "format": source.get("format"),
        "rows": source.get("rows"),
        "cols": source.get("cols"),
        "bits": source.get("bits"),
        "changed_share": record.changed_share,
        "evidence": record.evidence_shares,
        "items": sum(item.made for item in record.items),
        "steps": [step.step for step in record.steps],
        "warnings": list(record.warnings),
        "findings": {
            name: _plain(finding)
            for name, finding in record.findings.items()
            if isinstance(finding, Mapping)
        },
    }


def _plain(finding: Mapping[str, Any]) -> dict[str, Any]:
    """A finding's numbers and words; lists of marks and faces as their number."""
    return {
        key: len(value) if key in ("items", "faces") else value
        for key, value in finding.items()
        if key != "says" and (key in ("items", "faces") or not isinstance(value, (list, tuple)))
    }


def _metrics(
    arguments: Mapping[str, Any], saved: Saved, folder: Path | None, view: JobView
) -> dict[str, Any]:
    """The result against the same name in the reference, where there is one."""
    place = _place(arguments, "reference", view)
    name = str(arguments["name"])
    if place.stat(name) is None:
        return {}
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as own:
        reference = Path(own) / short_name(name)
        place.fetch(name, reference)
        return compare(saved.output, reference).to_dict()
