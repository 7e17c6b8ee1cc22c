"""Putting a treatment together in one file."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unfade.errors import UsageError
from unfade.files.places.local import write_atomically
from unfade.files.sidecar import record_path
from unfade.record import Record
from unfade.result import Result, Saved

MOMENT = (1980, 1, 1, 0, 0, 0)  # no date: the same treatment gives the same bytes
README = """This file holds a restoration and everything that it is made of. It was made by unfade,
but nothing in it needs unfade to be opened.

original/        the file that was restored, byte for byte (or only its hash, in record)
result/          the restored file, with its record beside it (JSON)
layers/          repairs.tif: the changed pixels alone, transparent elsewhere, at the full depth
                 evidence.tif: for each pixel what stands behind it: 0 untouched, 1 adjusted,
                 2 estimated from the neighbourhood, 3 borrowed, 4 invented, 5 painted
                 items.tif: for each pixel the number of its repair in the record, 0: none
masks/           the masks that were given by hand
manifest-sha256.txt   check with: sha256sum -c manifest-sha256.txt

Laid over the original, repairs.tif gives the result wherever its size is the original's.
`unfade revert THIS.zip -o FILE` gives the original back; with --item N all but one repair.
"""


def package_path(output: Path) -> Path:
    """``photo.tif`` -> ``photo.tif.unfade.zip``, beside it."""
    return output.with_name(f"{output.name}.unfade.zip")


def write_package(
    result: Result, saved: Saved, *, overwrite: bool = False, with_original: bool = True
) -> Path:
    """Write the package of a saved result beside it.

    Args:
        with_original: False: only its hash goes in; `revert` then needs the file itself
    Raises:
        OutputError: it cannot be written, or exists and ``overwrite`` is False
        UsageError: the result was made from an array, which has no file to put in
    """
    original = result.original.path
    if not original.name:
        raise UsageError(
            "The result was made from an array, and a package needs the original's file.",
            "Restore from a path.",
        )
    target = package_path(saved.output)
    write_atomically(
        target,
        lambda partial: _write(partial, result, saved, original if with_original else None),
        overwrite=overwrite,
    )
    return target


def _write(partial: Path, result: Result, saved: Saved, original: Path | None) -> None:
    masks = {name: facts for name, facts in saved.record.masks.items() if facts.get("path")}
    record = _moved(saved.record, original, masks)
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as package:
        manifest: list[str] = []

        def add(name: str, data: bytes) -> None:
            info = zipfile.ZipInfo(name, MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            package.writestr(info, data)
            manifest.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")

        add("README.txt", README.encode())
        if original is not None:
            add(f"original/{original.name}", original.read_bytes())
        add(f"result/{saved.output.name}", saved.output.read_bytes())
        sidecar = record_path(saved.output).name
        add(f"result/{sidecar}", record.to_json().encode())
        add("record.json", json.dumps(record.to_dict(), indent=1, ensure_ascii=False).encode())
        for name, facts in masks.items():
            path = saved.output.parent / facts["path"]
            add(f"masks/{name}{path.suffix}", path.read_bytes())
        if result.changed:
            for name, data in _layers(result, record):
                add(f"layers/{name}", data)
        info = zipfile.ZipInfo("manifest-sha256.txt", MOMENT)
        info.external_attr = 0o644 << 16
        package.writestr(info, "".join(manifest))


def _moved(record: Record, original: Path | None, masks: dict[str, Any]) -> Record:
    """The record with paths as they are inside the package."""
    source = dict(record.source)
    if original is not None:
        source["path"] = f"../original/{original.name}"
    inside = {
        name: facts | {"path": f"../masks/{name}{Path(facts['path']).suffix}"}
        for name, facts in masks.items()
    }
    return replace(record, source=source, masks=dict(record.masks) | inside)


def _layers(result: Result, record: Record) -> list[tuple[str, bytes]]:
    samples = result.picture.samples
    touched = result.evidence > 0
    full = np.asarray(1.0 if samples.dtype.kind == "f" else np.iinfo(samples.dtype).max)
    alpha = (touched * full).astype(samples.dtype)[:, :, None]
    layer = np.concatenate((samples * touched[:, :, None], alpha), axis=2).astype(samples.dtype)
    return [
        ("repairs.tif", _tiff(layer, alpha=True)),
        ("evidence.tif", _tiff(result.evidence)),
        ("items.tif", _tiff(item_numbers(result, record))),
    ]


def item_numbers(result: Result, record: Record) -> np.ndarray:
    """(rows, cols) uint16 of the original's size: the repair to which a pixel belongs."""
    numbers = np.zeros(result.original.picture.samples.shape[:2], np.uint16)
    by_key = {item.key: item.number for item in record.items if item.made}
    found = (result.findings.marks, result.findings.creases)
    for mark in (mark for finding in found if finding is not None for mark in finding.items):
        number = by_key.get(mark.key)
        if number is not None:
            part = numbers[mark.region.window.slices]
            part[mark.region.mask] = min(number, np.iinfo(np.uint16).max)
    return numbers


def _tiff(array: np.ndarray, *, alpha: bool = False) -> bytes:
    import tifffile

    file = io.BytesIO()
    colour = alpha and array.shape[2] == 4
    tifffile.imwrite(
        file, array, photometric="rgb" if colour else "minisblack", compression="deflate",
        predictor=array.dtype.kind != "f", extrasamples=["unassalpha"] if alpha else None,
        metadata=None, planarconfig="contig" if array.ndim == 3 else None, datetime=False,
        software=False,
    )  # fmt: skip
    return file.getvalue()
