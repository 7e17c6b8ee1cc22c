"""Whatever fsspec reads as a place: Google's and Azure's stores, SFTP, FTP, WebDAV.

Credentials come from each protocol's own chain. Where the store itself puts a whole file or none,
files are put directly; elsewhere under a temporary name that becomes the file's at the end.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import posixpath
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unfade.errors import OutputError, Unreachable, UnreadableInput, UsageError
from unfade.files.places.contract import Entry, Leftover, name_problem, sums_of
from unfade.files.places.trying import tried
from unfade.needs import need

_WHOLE_OR_NOT = {"gs", "gcs", "az", "abfs", "abfss", "adl"}
_TEMPORARY = re.compile(r"\.unfade-\d+-[0-9a-f]{12}")
TRIES = 4


class FsspecPlace:
    """A folder in a file system of fsspec.

    Args:
        address: ``gs://bucket/prefix``, ``sftp://host/folder``, ``memory://folder`` ...
    """

    folder: Path | None = None

    def __init__(self, address: str) -> None:
        fsspec: Any = need("fsspec", extra="batch", to=f"reach {address.partition('://')[0]}://")
        self.scheme = address.partition("://")[0]
        self.uri = address.rstrip("/") + "/"
        try:
            self._system, root = fsspec.core.url_to_fs(address)
        except (ValueError, ImportError) as error:
            raise UsageError(
                f"`{address}` cannot be reached: {error}.",
                "Known are folders, s3:// and what fsspec has a package for.",
            ) from error
        except OSError as error:
            raise Unreachable(
                f"`{self.uri}` does not answer: {error}.", "Check the address."
            ) from error
        self._root = str(root).rstrip("/")

    def entries(self) -> Iterator[Entry]:
        found = self._tried(lambda: self._system.isdir(self._root or "/"), self.uri)
        if not found:
            raise UnreadableInput(f"`{self.uri}` does not exist.", "Check the address.")
        yield from self._below(self._root or "/", "")

    def stat(self, name: str) -> Entry | None:
        try:
            facts = self._tried(lambda: self._system.info(self._path(name)), self._at(name))
        except UnreadableInput:
            return None
        return _entry(name, facts) if facts["type"] == "file" else None

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        end = None if length is None else start + length
        data: bytes = self._tried(
            lambda: self._system.cat_file(self._path(name), start=start, end=end), self._at(name)
        )
        return data

    def fetch(self, name: str, target: Path) -> str:
        def once() -> str:
            stated = int(self._system.info(self._path(name))["size"])
            self._system.get_file(self._path(name), str(target))
            sums = sums_of(target)
            if sums.size != stated:
                raise ConnectionError(f"{sums.size} of {stated} bytes came")
            return sums.sha256

        try:
            return str(self._tried(once, self._at(name)))
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def put(self, source: Path, name: str, *, overwrite: bool = False) -> Entry:
        problem = name_problem(name)
        if problem:
            raise OutputError(f"`{self._at(name)}` cannot be written: {problem}.", "Rename it.")
        if not overwrite and self.stat(name) is not None:
            raise OutputError(
                f"`{self._at(name)}` exists already.", "Use `--overwrite` to replace it."
            )
        size = source.stat().st_size

        def once() -> Entry:
            self._put_whole(source, self._path(name))
            facts = self._system.info(self._path(name))
            if int(facts["size"]) != size:
                raise ConnectionError(f"{facts['size']} of {size} bytes were stored")
            return _entry(name, facts)

        try:
            return self._tried(once, self._at(name))
        except UnreadableInput as error:
            raise OutputError(error.found, "Check its permissions.") from error

    def delete(self, name: str) -> None:
        def once() -> None:
            with contextlib.suppress(FileNotFoundError):
                self._system.rm_file(self._path(name))

        self._tried(once, self._at(name))

    def leftovers(self) -> Iterator[Leftover]:
        if not self._system.isdir(self._root or "/"):
            return
        for folder, _, files in self._system.walk(self._root or "/", detail=True):
            for name, facts in sorted(files.items()):
                if _TEMPORARY.match(name):
                    path = posixpath.join(folder, name)
                    yield Leftover(
                        name=path[len(self._root) :].lstrip("/"),
                        what="temporary file",
                        size=int(facts.get("size") or 0),
                    )

    def remove(self, leftover: Leftover) -> None:
        self.delete(leftover.name)

    # -- inside -------------------------------------------------------------------------------

    def _below(self, folder: str, prefix: str) -> Iterator[Entry]:
        inside = self._tried(lambda: self._system.ls(folder, detail=True), self.uri + prefix)
        for facts in sorted(inside, key=lambda each: str(each["name"])):
            last = posixpath.basename(str(facts["name"]).rstrip("/"))
            if facts["type"] == "directory":
                yield from self._below(facts["name"], f"{prefix}{last}/")
            elif not _TEMPORARY.match(last):
                yield _entry(prefix + last, facts)

    def _put_whole(self, source: Path, path: str) -> None:
        self._system.makedirs(posixpath.dirname(path), exist_ok=True)
        if self.scheme in _WHOLE_OR_NOT:
            self._system.put_file(str(source), path)
            return
        name = f".unfade-{os.getpid()}-{secrets.token_hex(6)}"
        temporary = posixpath.join(posixpath.dirname(path), name)
        try:
            self._system.put_file(str(source), temporary)
            if self._system.exists(path):
                self._system.rm_file(path)  # many servers do not rename over a file
            self._system.mv(temporary, path)
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                self._system.rm_file(temporary)
            raise

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _at(self, name: str) -> str:
        return self.uri + name

    def _tried(self, once: Any, what: str) -> Any:
        try:
            return tried(once, tries=TRIES, worth=_worth)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise UnreadableInput(f"`{what}` does not exist.", "Check the name.") from error
        except PermissionError as error:
            raise UnreadableInput(
                f"`{what}` may not be accessed.", "Check the credentials and their permissions."
            ) from error
        except (OSError, EOFError) as error:
            raise Unreachable(
                f"`{what}` does not answer: {str(error)[:120]}.",
                "Run the same command again later; what is done stays done.",
            ) from error


def _worth(error: BaseException) -> bool:
    final = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
    return isinstance(error, (OSError, EOFError)) and not isinstance(error, final)


def _entry(name: str, facts: dict[str, Any]) -> Entry:
    size = int(facts.get("size") or 0)
    marks = (facts.get(key) for key in ("ETag", "etag", "md5Hash", "mtime", "modify", "created"))
    mark = next((mark for mark in marks if mark), "")
    version = mark.timestamp() if isinstance(mark, datetime.datetime) else mark
    return Entry(name=name, size=size, version=f"{size}-{version}", problem=name_problem(name))
