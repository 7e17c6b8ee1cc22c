"""Putting a report together, and putting it where the results are."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from unfade.batch.ledger import Ledger
from unfade.batch.plan import Plan
from unfade.batch.report.page import LOOKED_AT, page
from unfade.batch.report.sheets import write_sheets
from unfade.batch.report.table import by_folder, write_tables
from unfade.batch.run import Outcome
from unfade.files.places.contract import Place
from unfade.files.places.folder import FolderPlace

FOLDER = "unfade-report"


def write_report(
    ledger: Ledger,
    plan: Plan,
    outcome: Outcome,
    *,
    source: Place,
    destination: Place,
    folder: str | None = None,
) -> str:
    """Write ``index.html``, ``items.parquet``, ``items.csv``, ``summary.json`` and contact sheets.

    Args:
        folder: where on this machine; None: ``unfade-report`` in the destination
    Returns:
        path or address of the page
    Raises:
        OutputError, Unreachable: it cannot be written
        MissingPackage: the package that writes Parquet is not installed
    Cost:
        two passes over the ledger; memory does not grow with the number of items
    """
    place: Place = FolderPlace(Path(folder)) if folder is not None else destination
    prefix = "" if folder is not None else f"{FOLDER}/"
    with tempfile.TemporaryDirectory(prefix="unfade-batch-report-") as made:
        here = Path(made)
        write_tables(ledger, plan.run, here)
        failed = list(ledger.rows(run=plan.run, states=("failed", "refused"), most=LOOKED_AT))
        doubtful = list(ledger.rows(run=plan.run, states=("done",), by_doubt=True, most=LOOKED_AT))
        thumbs = ledger.thumbs(row.name for row in doubtful)
        sheets = write_sheets(doubtful, thumbs, here)
        folders = by_folder(ledger.rows(run=plan.run))
        text = page(
            outcome,
            failed,
            doubtful,
            thumbs,
            folders,
            source=source.uri,
            destination=destination.uri,
            sheets=[sheet.name for sheet in sheets],
        )
        (here / "index.html").write_text(text, encoding="utf-8")
        summary: dict[str, Any] = {
            "source": source.uri,
            "destination": destination.uri,
            "outcome": outcome.to_dict(),
            "ignored": dict(plan.ignored),
            "folders": folders,
        }
        (here / "summary.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
        for path in sorted(here.iterdir()):
            place.put(path, f"{prefix}{path.name}", overwrite=True)
    return f"{place.uri.rstrip('/')}/{prefix}index.html"
