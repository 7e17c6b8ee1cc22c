"""The treatment report: one page that says what was found, what was done, and what was not.

A page needs no other file and no network, has no date of its own (the same treatment gives the
same bytes) and holds the record as data, so that a program can read what a person sees.
"""

from unfade.report.page import report_page
from unfade.report.writing import report_path, write_report

__all__ = ["report_page", "report_path", "write_report"]
