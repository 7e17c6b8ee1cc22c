"""The marks of a picture in a small file, from which the mask of each kind is painted on demand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unfade.findings import Mark, MarkKind, Region, paint
from unfade.picture import Mask, Window


def write_marks(path: Path, marks: Sequence[Mark], rows: int, cols: int) -> None:
    """Kinds, windows and packed bits of all marks, one after another."""
    windows = [m.region.window for m in marks]
    np.savez_compressed(
        path,
        size=np.array([rows, cols]),
        kinds=np.array([str(m.kind) for m in marks], dtype="U16"),
        windows=np.array([(w.top, w.left, w.bottom, w.right) for w in windows], dtype=np.int64),
        bits=np.concatenate([m.region.bits.ravel() for m in marks] or [np.zeros(0, np.uint8)]),
    )


def mask_of(path: Path, kind: str) -> Mask:
    """(rows, cols) bool: where marks of this kind lie."""
    with np.load(path, allow_pickle=False) as kept:
        rows, cols = (int(n) for n in kept["size"])
        kinds, windows, bits = kept["kinds"], kept["windows"], kept["bits"]
    marks, place = [], 0
    for name, (top, left, bottom, right) in zip(kinds, windows.tolist(), strict=True):
        window = Window(top, left, bottom, right)
        bytes_a_row = -(-window.cols // 8)
        own = bits[place : place + window.rows * bytes_a_row]
        place += own.size
        if str(name) == kind:
            region = Region(window, own.reshape(window.rows, bytes_a_row))
            marks.append(Mark(kind=MarkKind(kind), region=region))
    return paint(marks, Window(0, 0, rows, cols))


def kinds_of(path: Path) -> dict[str, int]:
    """How many marks there are of each kind."""
    with np.load(path, allow_pickle=False) as kept:
        names, counts = np.unique(kept["kinds"], return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}
