"""Putting a result where it belongs: picture, evidence, and its record last.

A picture with a matching record is a finished one, whatever the ledger knows. What lies in the
destination under the result's name is replaced only if it is known to be ours.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from unfade.batch.access import access_copy
from unfade.batch.scratch import SCRATCH, sha256_of, short_name
from unfade.errors import OutputError, UnreadableInput
from unfade.files.places.contract import Place
from unfade.files.sidecar import evidence_path, read_record, record_path, write_record
from unfade.record import Record
from unfade.result import Result, Saved, file_sha256

ACCESS = "unfade-access"


def finished(destination: Place, target: str, sha256: str, job: str) -> Record | None:
    """The record of a result that is already there, made from these bytes by this treatment."""
    there = destination.stat(target)
    if there is None:
        return None
    try:
        if destination.folder is not None:
            record = read_record(destination.folder / target)
        else:
            record = Record.from_json(destination.read(f"{target}.unfade.json").decode())
    except (UnreadableInput, ValueError, KeyError, TypeError):
        return None  # no record, or half of one on a store that allows that: it is made again
    if (record.source.get("sha256"), record.job) != (sha256, job):
        return None
    whole = record.output.get("sha256") == sha256_of(destination, target)
    return record if whole else None


def deliver(
    result: Result,
    destination: Place,
    target: str,
    folder: Path | None,
    *,
    name: str,
    overwrite: bool,
    quality: int | None,
) -> Saved:
    """Put picture, evidence and record into the destination; the record last.

    Args:
        folder: for what has to be made before it is put; None when both places are folders
        name: of the original in its place
    Raises:
        OutputError: a stranger's file lies there, or it cannot be written
    """
    if destination.folder is not None:
        path = destination.folder / target
        _make_folder(path.parent)
        if overwrite:
            evidence_path(path).unlink(missing_ok=True)
        try:
            return result.save(path, overwrite=overwrite, quality=quality)
        except OutputError:
            if overwrite or not path.is_file():
                raise
            return _adopted(result, path, quality)
    assert folder is not None
    (folder / "out").mkdir()
    saved = result.save(folder / "out" / short_name(target), quality=quality)
    record = _addressed(saved.record, target, name)
    write_record(saved.output, record, overwrite=True)
    try:
        destination.put(saved.output, target, overwrite=overwrite)
    except OutputError:
        if sha256_of(destination, target) != record.output["sha256"]:
            raise
    if saved.evidence_file is not None:
        destination.put(saved.evidence_file, f"{target}.evidence.png", overwrite=True)
    elif overwrite:
        destination.delete(f"{target}.evidence.png")
    destination.put(record_path(saved.output), f"{target}.unfade.json", overwrite=True)
    return replace(saved, record=record)


def _adopted(result: Result, path: Path, quality: int | None) -> Saved:
    """A file is there without a fitting record: ours from before a power cut, or a stranger's.

    Raises:
        OutputError: its bytes are not those of this result
    """
    with tempfile.TemporaryDirectory(prefix=SCRATCH) as folder:
        saved = result.save(Path(folder) / path.name, quality=quality)
        if file_sha256(path) != saved.record.output["sha256"]:
            raise OutputError(
                f"`{path}` exists already, and is not of this batch.",
                "Choose another destination, or replace it with `--overwrite`.",
            )
        return result.save(path, overwrite=True, quality=quality)


def _addressed(record: Record, target: str, name: str) -> Record:
    """A record for a store: paths of the scratch folder mean nothing there."""
    source = {key: value for key, value in record.source.items() if key != "path"}
    return replace(
        record,
        source=source | {"name": name.rpartition("/")[2]},
        output=record.output | {"name": target.rpartition("/")[2]},
    )


def put_access_copy(
    output: Path, destination: Place, target: str, folder: Path | None, kind: str
) -> None:
    """Make a copy for looking at, and put it into a folder of its own in the destination."""
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder) as made:
        root = Path(made)
        for path in access_copy(output, root, kind, stem=target.rpartition("/")[2]):
            name = path.relative_to(root).as_posix()
            parent = target.rpartition("/")[0]
            destination.put(path, "/".join(filter(None, (ACCESS, parent, name))), overwrite=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder `{folder}` cannot be made: {error.strerror}.",
            "Choose another destination, or check its permissions.",
        ) from error
