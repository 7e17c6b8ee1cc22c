"""Write what was cut out: a file for each photograph, with all that the scan carried, and a record.

All files of a scan, or none. Nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from unfade import files
from unfade.errors import OutputError, PromiseBroken
from unfade.files.formats.contract import Opened, WriteOptions
from unfade.files.sidecar import record_path, write_record
from unfade.files.source_type import max_source_type, source_type_in, source_type_of
from unfade.files.source_type import with_source_type as stating
from unfade.files.xmp import with_history
from unfade.flatbed.cutting import Cut, cut_out, sample_hash
from unfade.flatbed.photograph import Photograph
from unfade.picture import Mask
from unfade.record import Evidence, Record, StepRecord
from unfade.version import VERSION

LOSSY = ("jpg", "jpeg")
FORMATS = ("tif", "png", "jpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How photographs are cut out and stored; the same for all of a scan.

    Attributes:
        straighten, kernel, margin_px: as for ``cut_out``
        form: tif, png or jpg; None: the scan's own where that is exact, else PNG or TIFF
        turns: number of the photograph -> quarter turns in degrees clockwise
    """

    straighten: bool = True
    kernel: str = "cubic"
    margin_px: float = 0.0
    form: str | None = None
    turns: Mapping[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file as written."""

    output: Path
    record_file: Path
    mask_file: Path | None
    record: Record


def names_of(stem: str, count: int, labels: Mapping[int, str] | None = None) -> list[str]:
    """``scan-01``, ``scan-02`` ... or with the label that a photograph has."""
    digits = len(str(count)) if count > 9 else 1
    return [f"{stem}-{(labels or {}).get(n, f'{n:0{digits}d}')}" for n in range(1, count + 1)]


def write_pieces(
    opened: Opened,
    photographs: tuple[Photograph, ...],
    folder: Path,
    how: How,
    *,
    labels: Mapping[int, str] | None = None,
    dust: Mask | None = None,
    stem: str | None = None,
) -> tuple[Piece, ...]:
    """Cut photographs out of a scan and write each.

    Args:
        folder: made where it is missing
        labels: number of a photograph -> what its file is called after the scan's name
        stem: what files are named after; None: the scan
        dust: (rows, cols) of the glass: cut along with each photograph as NAME-mask.png
    Raises:
        OutputError: one of the files exists already; then none is written
        PromiseBroken: a file does not decode to what was cut out
        WouldLose: the format cannot hold something of the scan
    """
    suffix = _suffix(opened, how.form)
    names = names_of(stem or opened.path.stem, len(photographs), labels)
    targets = [folder / f"{name}{suffix}" for name in names]
    masks = [folder / f"{name}-mask.png" if dust is not None else None for name in names]
    for target in (*targets, *map(record_path, targets), *filter(None, masks)):
        if target.exists() or target.is_symlink():
            raise OutputError(
                f"`{target}` exists already, and nothing is overwritten.",
                "Choose another folder with `-o`, or move what is there.",
            )
    folder.mkdir(parents=True, exist_ok=True)
    source = _source_facts(opened)
    written: list[Path] = []
    pieces = []
    try:
        for n, (photograph, target, mask) in enumerate(
            zip(photographs, targets, masks, strict=True), 1
        ):
            cut = cut_out(
                opened.picture,
                photograph,
                straighten=how.straighten,
                kernel=how.kernel,
                margin_px=how.margin_px,
                turn_degrees=(how.turns or {}).get(n, 0),
            )
            pieces.append(_write_one(opened, cut, target, source, how, n, dust, mask, written))
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return tuple(pieces)


def _write_one(
    opened: Opened,
    cut: Cut,
    target: Path,
    source: Mapping[str, Any],
    how: How,
    number: int,
    dust: Mask | None,
    mask_file: Path | None,
    written: list[Path],
) -> Piece:
    lossy = target.suffix.lower().lstrip(".") in LOSSY
    evidence = max(cut.evidence, Evidence.ESTIMATED) if lossy else cut.evidence
    done = f"photograph {number}, turned {cut.photograph.angle_degrees:.3f} degrees on the scan; "
    done += cut.interpolation or "samples copied"
    xmp = with_history(
        opened.blocks.xmp, action="cropped", parameters=done, software=f"unfade {VERSION}"
    )
    wanted = source_type_of({int(evidence)}, networks=False)
    stated = max_source_type(wanted, source_type_in(opened.blocks.xmp))
    xmp = stating(xmp, stated) if stated is not None else xmp
    files.save_picture(
        target, cut.picture, _carrier(opened, cut, target), options=WriteOptions(xmp=xmp)
    )
    written.append(target)
    verified = sample_hash(files.open_picture(target).picture.samples) == cut.samples_sha256
    if not (verified or lossy):
        raise PromiseBroken(
            f"`{target.name}` does not decode to the samples that were cut out.",
            "Please report this with the kind of scan; nothing was kept.",
        )
    if mask_file is not None and dust is not None:
        files.save_mask(mask_file, cut_mask(dust, cut, how))
        written.append(mask_file)
    picture = cut.picture
    record = Record(
        unfade=VERSION,
        source={**source, "path": os.path.relpath(opened.path, target.parent)},
        output={
            "name": target.name,
            "sha256": _file_sha256(target),
            "bytes": target.stat().st_size,
            "rows": picture.rows,
            "cols": picture.cols,
            "same_bytes_as_source": False,
            "verified": verified,
        },
        policy="archive" if evidence <= Evidence.ADJUSTED else "museum",
        steps=(
            StepRecord(
                step="split",
                settings={"straighten": how.straighten, "kernel": how.kernel,
                          "margin_px": how.margin_px},
                reason="photographs on one scan, each in a file of its own.",
                evidence=int(evidence),
                measured={"number": number, **cut.facts()},
                changed_share=0.0 if evidence is Evidence.UNTOUCHED else 1.0,
            ),
        ),
        warnings=(*opened.notes, *cut.photograph.notes),
        changed_share=0.0 if evidence is Evidence.UNTOUCHED else 1.0,
        untouched_sha256=cut.samples_sha256 if evidence is Evidence.UNTOUCHED else "",
        evidence_shares={evidence.name.lower(): 1.0},
    )  # fmt: skip
    record_file = write_record(target, record, overwrite=False)
    written.append(record_file)
    return Piece(output=target, record_file=record_file, mask_file=mask_file, record=record)


def cut_mask(dust: Mask, cut: Cut, how: How) -> Mask:
    """The part of a mask that lies under a photograph, cut and turned as that was."""
    from unfade.picture import Picture

    plane = Picture(dust.astype(np.float32)[:, :, None])
    same = cut_out(
        plane,
        cut.photograph,
        straighten=how.straighten,
        kernel="cubic",
        margin_px=how.margin_px,
        turn_degrees=cut.turned_degrees,
    )
    # a quarter of a pixel's cover is enough: it is a mask of what to mend
    return np.asarray(same.picture.samples[:, :, 0] > 0.25)


def _suffix(opened: Opened, form: str | None) -> str:
    if form is not None:
        return f".{form}"
    picture = opened.picture
    if opened.header.format in ("tiff", "png"):
        return opened.path.suffix or files.usual_extension(opened)
    whole = picture.samples.dtype != np.float32 and picture.full_scale in (255.0, 65535.0)
    return ".png" if whole and picture.infrared is None else ".tif"


def _carrier(opened: Opened, cut: Cut, target: Path) -> Opened:
    """What the file is written with: the scan's metadata, and none of its layout.

    Chunks of a PNG are kept; a TIFF is written anew, as a copy of the scan would stay as large.
    """
    square = opened.picture.dpi is None or opened.picture.dpi[0] == opened.picture.dpi[1]
    stays = opened.header.format == "png" and target.suffix.lower() == ".png"
    native = opened.native if stays and (square or cut.turned_degrees % 180 == 0) else None
    return replace(opened, native=native, page=0)


def _source_facts(opened: Opened) -> dict[str, Any]:
    header = opened.header
    return {
        "name": opened.path.name,
        "format": header.format,
        "rows": opened.picture.rows,
        "cols": opened.picture.cols,
        "bits": header.bits,
        "colour": header.colour,
        "page": opened.page if header.pages > 1 else None,
        "bytes": opened.path.stat().st_size,
        "sha256": _file_sha256(opened.path),
    }


def _file_sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
