"""The table: one row for each item, for pandas and for spreadsheets."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from unfade.batch.ledger import Ledger, Row
from unfade.needs import have, need
from unfade.record import Evidence

_BLOCK = 5000
_WORDS = ("name", "folder", "target", "state", "error_code", "error", "reasons", "steps",
          "warnings", "format", "sha256", "output_sha256", "job")  # fmt: skip
_NUMBERS = ("doubt", "attempts", "took_s", "size", "bytes_out", "rows", "cols", "bits",
            "changed_share", "items", "fetch_s", "restore_s", "put_s",
            *(f"{kind.name.lower()}_share" for kind in Evidence))  # fmt: skip


def write_tables(ledger: Ledger, run: int, folder: Path) -> list[Path]:
    """Write ``items.csv``, and ``items.parquet`` where pyarrow is installed.

    Columns are the same for every row; those of findings and metrics are named
    ``finding.value`` and ``metric.name``.
    """
    extra, words = _columns(ledger.rows(run=run))
    names = [*_WORDS, *_NUMBERS, *extra]
    written = [folder / "items.csv"]
    with written[0].open("w", encoding="utf-8", newline="") as file:
        sheet = csv.writer(file)
        sheet.writerow(names)
        for row in ledger.rows(run=run):
            flat = flattened(row)
            sheet.writerow([_cell(flat.get(name)) for name in names])
    if have("pyarrow"):
        written.append(folder / "items.parquet")
        _parquet(ledger, run, written[1], names, {*_WORDS, *words})
    return written


def flattened(row: Row) -> dict[str, Any]:
    """A row of the ledger with all its facts side by side."""
    facts = row.facts
    flat: dict[str, Any] = {
        "name": row.name,
        "folder": row.name.rpartition("/")[0],
        "target": row.target,
        "state": row.state,
        "error_code": row.error_code,
        "error": row.error,
        "job": row.job,
        "doubt": row.doubt,
        "attempts": row.attempts,
        "took_s": row.took_s,
        "size": row.size,
        "reasons": "; ".join(facts.get("reasons", ())),
        "steps": " ".join(facts.get("steps", ())),
        "warnings": " ".join(facts.get("warnings", ())),
    }
    for name in ("format", "sha256", "output_sha256", "bytes_out", "rows", "cols", "bits",
                 "changed_share", "items"):  # fmt: skip
        flat[name] = facts.get(name)
    shares = facts.get("evidence")
    if shares is not None and row.state == "done":
        for kind in Evidence:
            flat[f"{kind.name.lower()}_share"] = shares.get(kind.name.lower(), 0.0)
    for name, value in facts.get("phases_s", {}).items():
        flat[f"{name}_s"] = value
    for finding, values in facts.get("findings", {}).items():
        flat |= {f"{finding}.{name}": value for name, value in values.items()}
    for name, value in facts.get("metrics", {}).items():
        flat |= {f"metric.{key}": each for key, each in _metric(name, value)}
    return flat


def by_folder(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """For each folder: items, done, failed, mean doubt, share changed, time; by name."""
    sums: dict[str, Counter[str]] = {}
    for row in rows:
        each = sums.setdefault(row.name.rpartition("/")[0], Counter())
        each["items"] += 1
        each[row.state] += 1
        if row.state == "done":
            each["doubt"] += row.doubt  # type: ignore[assignment]  # sums, not counts
            each["changed"] += float(row.facts.get("changed_share") or 0.0)  # type: ignore[assignment]
            each["took"] += row.took_s  # type: ignore[assignment]
    return [
        {
            "folder": folder or ".",
            "items": each["items"],
            "done": each["done"],
            "failed": each["failed"] + each["refused"],
            "doubt": round(each["doubt"] / max(1, each["done"]), 4),
            "changed_share": round(each["changed"] / max(1, each["done"]), 6),
            "took_s": round(each["took"], 3),
        }
        for folder, each in sorted(sums.items())
    ]


def _metric(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield f"{name}.{key}", each
    elif not isinstance(value, (list, tuple)):
        yield name, value


def _columns(rows: Iterable[Row]) -> tuple[list[str], set[str]]:
    """Names of the columns that findings and metrics bring, and which of them hold words."""
    known = {*_WORDS, *_NUMBERS}
    extra: dict[str, None] = {}
    words: set[str] = set()
    for row in rows:
        for name, value in flattened(row).items():
            if name not in known:
                extra[name] = None
                if isinstance(value, str):
                    words.add(name)
    return sorted(extra), words


def _parquet(ledger: Ledger, run: int, path: Path, names: list[str], words: set[str]) -> None:
    arrow: Any = need("pyarrow", extra="batch", to="write Parquet")
    parquet: Any = need("pyarrow.parquet", extra="batch", to="write Parquet")
    schema = arrow.schema(
        [(name, arrow.string() if name in words else arrow.float64()) for name in names]
    )
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        block: list[dict[str, Any]] = []
        for row in ledger.rows(run=run):
            flat = flattened(row)
            block.append({name: _typed(flat.get(name), name in words) for name in names})
            if len(block) == _BLOCK:
                writer.write_table(arrow.Table.from_pylist(block, schema))
                block = []
        writer.write_table(arrow.Table.from_pylist(block, schema))


def _typed(value: Any, word: bool) -> Any:
    if value is None:
        return None
    return str(value) if word else float(value)


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet takes as text, whatever a file is called."""
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
