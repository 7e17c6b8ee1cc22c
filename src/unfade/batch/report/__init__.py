"""The report of a batch: a page that says where to look first, tables, contact sheets."""

from unfade.batch.report.writing import write_report

__all__ = ["write_report"]
