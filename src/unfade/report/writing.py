"""Where a report lies, and writing it."""

from __future__ import annotations

from pathlib import Path

from unfade.files.places.local import write_atomically
from unfade.report.page import report_page
from unfade.result import Result, Saved


def report_path(output: Path) -> Path:
    """``photo.tif`` -> ``photo.tif.report.html``, beside it."""
    return output.with_name(f"{output.name}.report.html")


def write_report(result: Result, saved: Saved, *, overwrite: bool = False) -> Path:
    """Write the report of a saved result beside it.

    Raises:
        OutputError: it cannot be written, or exists and ``overwrite`` is False
    """
    page = report_page(result, saved.record)
    target = report_path(saved.output)
    write_atomically(target, lambda partial: partial.write_text(page, "utf-8"), overwrite=overwrite)
    return target
