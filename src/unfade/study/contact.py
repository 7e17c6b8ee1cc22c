"""Contact sheets: the same place at 100 % before, after by every method, and as it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unfade.evaluate.display import image_bytes
from unfade.evaluate.layout import Panel, laid_out
from unfade.study.cache import Cache
from unfade.study.cell import Row, Task, crop_keys
from unfade.study.damage import Damage
from unfade.study.methods import print_of_file

ROWS = 6  # pictures on a sheet


def contact_sheet(
    outcome_rows: Sequence[Row],
    damage: Damage,
    pictures: Sequence[tuple[str, Path]],
    cache: Cache,
    side_px: int,
) -> bytes:
    """One sheet for a damage as PNG: a row for each picture, a column for each method.

    Args:
        pictures: name and file of those to show
    Returns:
        empty when no crop is kept
    """
    lines: list[list[Panel]] = []
    for name, path in pictures:
        rows = [r for r in outcome_rows if r["picture"] == name and r["damage"] == damage.label]
        if not rows:
            continue
        task = Task(
            name=name, path=path, damage=damage, methods=(), metrics=(), seed=0, side_px=side_px,
            peers={}, cache=cache.folder,
        )  # fmt: skip
        ends = crop_keys(task, print_of_file(path), int(rows[0]["seed"]))
        entries = [(f"{name}: sound", ends[0])]
        if damage.kind != "sound":
            entries.append(("damaged", ends[1]))
        entries += [(_caption(row), row["key"]) for row in rows if row["method"] != "identity"]
        panels = [(title, _read(cache.crop(key))) for title, key in entries]
        lines.append([(title, codes) for title, codes in panels if codes is not None])
    if not any(lines):
        return b""
    return image_bytes(laid_out(lines), "png")


def worst_first(rows: Sequence[Row], damage: str, number: int = ROWS) -> list[str]:
    """The pictures to show: those first that any method but the controls harmed most."""
    worst: dict[str, float] = {}
    for row in rows:
        if row["damage"] == damage:
            harm = 0.0 if row["family"] == "control" or math.isnan(row["harm"]) else row["harm"]
            worst[row["picture"]] = max(worst.get(row["picture"], 0.0), harm)
    return sorted(worst, key=lambda name: (-worst[name], name))[:number]


def _caption(row: Row) -> str:
    harm = "" if math.isnan(row["harm"]) else f", harm {row['harm']:.1%}"
    near = f"{row['psnr_db']:.1f} dB" if math.isfinite(row["psnr_db"]) else "equal"
    return f"{row['method']} {near}{harm}"


def _read(path: Path) -> np.ndarray | None:
    from PIL import Image

    if not path.is_file():
        return None
    with Image.open(path, formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))
