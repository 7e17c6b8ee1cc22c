"""Networks: which are known, where their files are, fetched and checked.

Nothing that has no SHA-256 in the catalogue is ever loaded.
"""

from unfade.zoo.catalogue import Entry, ModelFile, entries, find
from unfade.zoo.check import FileCheck, files, verify, where
from unfade.zoo.download import fetch

__all__ = [
    "Entry",
    "FileCheck",
    "ModelFile",
    "entries",
    "fetch",
    "files",
    "find",
    "verify",
    "where",
]
