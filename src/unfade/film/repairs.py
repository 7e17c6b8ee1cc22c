"""The list of repairs: one row each, with the samples that were put in.

The list is what makes a restored film auditable and reversible: original + list gives the same
bits again, on any machine and with any later version, because the samples themselves are in the
list; and a row that is struck out leaves no trace. Parquet holds everything; the JSON lines
beside it hold what a person reads.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unfade.errors import PromiseBroken, UnreadableInput
from unfade.film.layout import Layout, Planes
from unfade.needs import need
from unfade.picture import Mask, Window

_COLUMNS = ("number", "frame", "time_s", "step", "kind", "top", "left", "rows", "cols", "area_px",
            "evidence", "sources", "confidence", "mask", "samples")  # fmt: skip
_READABLE = _COLUMNS[:-2]
_GROUP = 100  # rows that are in memory at a time


@dataclass(slots=True, eq=False)
class Repair:
    """One repair.

    Attributes:
        number: its row in the list, from 1
        frame, time_s: where in the film
        step, kind: what made it, and what was mended ("dirt", "line", "frame")
        window: the box in the frame
        area_px: pixels changed
        evidence: class of ``unfade.record.Evidence``
        sources: frames that samples were borrowed from; empty when made from the frame itself
        confidence: 0-1
        mask: (rows, cols) bool of the box: what is replaced
        samples: for each plane, the codes that are put in, in raster order of its mask
    """

    frame: int
    step: str
    kind: str
    window: Window
    evidence: int
    sources: tuple[int, ...]
    confidence: float
    mask: Mask
    samples: tuple[np.ndarray, ...]
    number: int = 0
    time_s: float = 0.0

    @property
    def area_px(self) -> int:
        return int(np.count_nonzero(self.mask))

    def readable(self) -> dict[str, Any]:
        w = self.window
        return {
            "number": self.number,
            "frame": self.frame,
            "time_s": round(self.time_s, 4),
            "step": self.step,
            "kind": self.kind,
            "top": w.top,
            "left": w.left,
            "rows": w.rows,
            "cols": w.cols,
            "area_px": self.area_px,
            "evidence": self.evidence,
            "sources": list(self.sources),
            "confidence": round(self.confidence, 4),
        }


def plane_mask(mask: Mask, window: Window, layout: Layout, plane: int) -> tuple[Window, Mask]:
    """Where a repair lies in a plane: coarser planes are replaced wherever a pixel of theirs is."""
    across, down = layout.coarse(plane)
    if not across and not down:
        return window, mask
    top, left = window.top >> down, window.left >> across
    bottom, right = -(-window.bottom >> down), -(-window.right >> across)
    coarse = np.zeros((bottom - top, right - left), bool)
    rows, cols = np.nonzero(mask)
    coarse[((rows + window.top) >> down) - top, ((cols + window.left) >> across) - left] = True
    return Window(top, left, bottom, right), coarse


def cut(
    planes: Planes, new: Callable[[int, Window], np.ndarray], mask: Mask, window: Window,
    layout: Layout,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """The samples of a repair: ``new(plane, window of the plane)`` under the mask."""
    samples = []
    for k in range(layout.mended):
        where, here = plane_mask(mask, window, layout, k)
        samples.append(np.ascontiguousarray(new(k, where)[here], planes[k].dtype))
    return tuple(samples)


def apply(planes: Planes, repairs: Sequence[Repair], layout: Layout) -> Planes:
    """The planes with the repairs put in, in the order of the list; fresh where touched."""
    if not repairs:
        return planes
    result = [plane.copy() for plane in planes]
    for repair in repairs:
        for k in range(layout.mended):
            where, here = plane_mask(repair.mask, repair.window, layout, k)
            if len(repair.samples[k]) != np.count_nonzero(here):
                raise UnreadableInput(
                    f"Repair {repair.number} does not fit its mask.",
                    "The list is damaged, or belongs to another film.",
                )
            result[k][where.slices][here] = repair.samples[k]
    return tuple(result)


def check_untouched(
    before: Planes, after: Planes, repairs: Sequence[Repair], layout: Layout, frame: int
) -> None:
    """The guard: outside the listed repairs every sample is what it was.

    Raises:
        PromiseBroken: it is not: a bug, and no result
    """
    for k, (old, new) in enumerate(zip(before, after, strict=True)):
        if new is old:
            continue
        differs = old != new
        for repair in repairs if k < layout.mended else ():
            where, here = plane_mask(repair.mask, repair.window, layout, k)
            differs[where.slices] &= ~here
        if differs.any():
            raise PromiseBroken(
                f"Frame {frame}: samples outside the listed repairs changed.",
                "This is a bug of unfade: nothing was written; please report it.",
            )


# -- the list as files ----------------------------------------------------------------------------


def _schema() -> Any:
    pa = need("pyarrow", extra="film", to="write the list of repairs")
    kinds = {"time_s": pa.float64(), "step": pa.string(), "kind": pa.string(),
             "confidence": pa.float32(), "mask": pa.binary(), "samples": pa.list_(pa.binary()),
             "sources": pa.list_(pa.int32()), "area_px": pa.int64()}  # fmt: skip
    return pa.schema([(name, kinds.get(name, pa.int32())) for name in _COLUMNS])


def write_list(path: Path, repairs: Iterable[Repair], about: dict[str, str] | None = None) -> int:
    """Write a Parquet file; rows go to the disk in groups, so that memory stays bounded."""
    need("pyarrow", extra="film", to="write the list of repairs")
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema().with_metadata(about or {})
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        rows: list[dict[str, Any]] = []
        for repair in repairs:
            rows.append(_row(repair))
            count += 1
            if len(rows) >= _GROUP:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))
                rows = []
        if rows or not count:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
    return count


def read_list(path: Path, dtype: np.dtype | None = None) -> Iterator[Repair]:
    """The repairs of a list, in order.

    Raises:
        UnreadableInput: missing, or not a list of repairs
    """
    need("pyarrow", extra="film", to="read the list of repairs")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if missing := set(_COLUMNS) - set(file.schema_arrow.names):
                raise UnreadableInput(
                    f"`{path}` lacks the column `{sorted(missing)[0]}`.",
                    "Give a list that unfade wrote.",
                )
            bits = int((file.schema_arrow.metadata or {}).get(b"bits", b"8"))
            codes = dtype or np.dtype(np.uint8 if bits == 8 else np.uint16)
            for batch in file.iter_batches(batch_size=_GROUP):
                for row in batch.to_pylist():
                    yield _repair(row, codes)
    except FileNotFoundError as error:
        raise UnreadableInput(f"`{path}` does not exist.", "Keep it beside the film.") from error
    except pa.ArrowInvalid as error:
        raise UnreadableInput(
            f"`{path}` is no list of repairs.", "Give the Parquet file that unfade wrote."
        ) from error


def write_readable(path: Path, repairs: Iterable[Repair]) -> None:
    """The list as JSON lines, without the samples."""
    with path.open("w", encoding="utf-8") as file:
        for repair in repairs:
            file.write(json.dumps(repair.readable()) + "\n")


def _row(repair: Repair) -> dict[str, Any]:
    packed = np.packbits(repair.mask).tobytes()
    return repair.readable() | {
        "mask": zlib.compress(packed),
        "samples": [zlib.compress(s.tobytes(), 6) for s in repair.samples],
        "confidence": repair.confidence,
        "time_s": repair.time_s,
    }


def _repair(row: dict[str, Any], dtype: np.dtype) -> Repair:
    rows, cols = row["rows"], row["cols"]
    bits = np.frombuffer(zlib.decompress(row["mask"]), np.uint8)
    return Repair(
        number=row["number"],
        frame=row["frame"],
        time_s=row["time_s"],
        step=row["step"],
        kind=row["kind"],
        window=Window(row["top"], row["left"], row["top"] + rows, row["left"] + cols),
        evidence=row["evidence"],
        sources=tuple(row["sources"]),
        confidence=row["confidence"],
        mask=np.unpackbits(bits, count=rows * cols).astype(bool).reshape(rows, cols),
        samples=tuple(np.frombuffer(zlib.decompress(s), dtype) for s in row["samples"]),
    )
