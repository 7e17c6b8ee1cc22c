"""Writing a degraded picture beside its ground truth: OUT, mask, classes, parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from unfade import files
from unfade.degrade.contract import DamageClass
from unfade.degrade.synthesis import Degraded
from unfade.errors import UsageError
from unfade.files.formats.contract import Blocks, Header, Opened, WriteOptions
from unfade.files.places.local import check_target, write_atomically
from unfade.files.xmp import with_history
from unfade.picture import Picture
from unfade.pixels.colour import srgb_to_linear
from unfade.version import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where everything lies."""

    output: Path
    mask: Path
    classes: Path
    parameters: Path


def as_picture(out: Degraded, like: Picture) -> Picture:
    """The damaged pixels stored as ``like`` is: depth, full scale, encoding, profile, alpha.

    Raises:
        UsageError: the recipe scaled down, and ``like`` has planes that would not fit any more
    """
    pixels = srgb_to_linear(out.pixels) if like.encoding == "linear" else out.pixels
    rows, cols = pixels.shape[:2]
    if (rows, cols) == (like.rows, like.cols):
        return Picture.of(pixels, like)
    if like.alpha is not None or like.infrared is not None:
        raise UsageError(
            f"The recipe scales {like.cols} x {like.rows} down to {cols} x {rows} pixels, and the "
            "picture has a transparent or infrared plane.",
            "Take the plane off first, or use a recipe that keeps the size.",
        )
    dpi = None
    if like.dpi is not None:
        dpi = like.dpi[0] * cols / like.cols, like.dpi[1] * rows / like.rows
    return Picture.of(pixels, replace(like, dpi=dpi))


def save_degraded(
    out: Degraded,
    opened: Opened,
    target: str | PathLike[str],
    *,
    masks: str | PathLike[str] | None = None,
    overwrite: bool = False,
    quality: int | None = None,
) -> Written:
    """Write the damaged picture as its original was stored, and its ground truth as PNG and JSON.

    Args:
        target: its extension chooses the format; a lossy one adds its own coding
        masks: folder for ``STEM.mask.png`` (white: damaged), ``STEM.classes.png`` (values are
            numbers of ``DamageClass``) and ``STEM.degrade.json``; None: beside the target
    Raises:
        OutputError: an existing target, a missing folder, a full disk
        WouldLose: the format cannot keep what the original has
    """
    target = Path(target)
    folder = target.parent if masks is None else Path(masks)
    if masks is not None:
        folder.mkdir(parents=True, exist_ok=True)
    written = Written(
        output=target,
        mask=folder / f"{target.stem}.mask.png",
        classes=folder / f"{target.stem}.classes.png",
        parameters=folder / f"{target.stem}.degrade.json",
    )
    for path in (written.mask, written.classes, written.parameters):
        check_target(path, overwrite)
    drawn = f"recipe {out.parameters['recipe']}, seed {out.parameters['seed']}"
    xmp = with_history(
        opened.blocks.xmp,
        action="degraded",
        parameters=f"synthetic damage; {drawn}",
        software=f"unfade {VERSION}",
    )
    picture = as_picture(out, opened.picture)
    options = WriteOptions(xmp=xmp, quality=quality)
    existed = target.exists()
    try:
        files.save_picture(target, picture, opened, options=options, overwrite=overwrite)
        files.save_mask(written.mask, out.mask, overwrite=overwrite)
        _save_classes(written.classes, out.classes, overwrite)
        text = json.dumps(facts(out), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
        write_atomically(
            written.parameters,
            lambda partial: partial.write_text(text, encoding="utf-8"),
            overwrite=overwrite,
        )
    except BaseException:
        if not existed:  # a damaged picture without its ground truth is of no use
            target.unlink(missing_ok=True)
        raise
    return written


def facts(out: Degraded) -> dict[str, Any]:
    """Parameters, items and shares by class, ready for JSON."""
    counts = np.bincount(out.classes.ravel(), minlength=len(DamageClass))
    shares = {
        kind.name.lower(): float(counts[kind]) / out.classes.size
        for kind in DamageClass
        if kind and counts[kind]
    }
    return {
        **out.parameters,
        "rows": int(out.mask.shape[0]),
        "cols": int(out.mask.shape[1]),
        "damaged_share": float(out.mask.mean()),
        "shares": shares,
        "items": [item.to_dict() for item in out.items],
    }


def _save_classes(target: Path, classes: np.ndarray, overwrite: bool) -> None:
    picture = Picture(np.ascontiguousarray(classes)[:, :, None])
    header = Header(format="png", rows=picture.rows, cols=picture.cols, channels=1, bits=8)
    opened = Opened(picture=picture, header=header, blocks=Blocks(), path=Path())
    files.save_picture(target, picture, opened, overwrite=overwrite)
