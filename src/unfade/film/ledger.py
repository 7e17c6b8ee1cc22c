"""The ledger of a long job: what is done is done, whatever happens next.

A folder beside the output holds the finished pieces and one line for each. A line is written
only when its piece is whole and on the disk, so a job that was killed goes on with the piece
that was under way. The folder is named after everything that decides the result: another
source, recipe or output format never meets the pieces of this one.

Workers that share the folder never write to one file: each line of theirs is a file of its own,
put there whole, and the one who delivers takes them in.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unfade.errors import OutputError
from unfade.film.writer import not_written

_LINE = ".line"  # of a file that is one line, written by a worker


def job_key(facts: Mapping[str, Any]) -> str:
    """Name of the job: a hash of everything that decides its frames."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def source_facts(paths: list[Path]) -> list[Any]:
    """What tells one source from another without reading it whole: name, size, time of change."""
    return [[p.name, p.stat().st_size, p.stat().st_mtime_ns] for p in paths]


class Ledger:
    """A job's folder and its lines.

    Args:
        worker: a name that no other worker has, for one of several that share the folder; empty
            for the one who delivers, who tidies up and therefore opens it before the others
    Raises:
        OutputError: the folder cannot be made or written
    """

    def __init__(self, folder: Path, *, worker: str = "") -> None:
        self.folder = folder
        self.worker = worker
        self._path = folder / "ledger.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.refresh()
            if not worker:
                for left in folder.glob("*.partial*"):
                    left.unlink(missing_ok=True)
        except OSError as error:
            raise not_written(folder, error) from error

    def refresh(self) -> None:
        """Learn what workers have finished meanwhile; who delivers takes their lines in."""
        found = {}  # before the ledger: what is taken in meanwhile is then in one or the other
        for path in sorted(self.folder.glob(f"*{_LINE}")):
            try:
                line = json.loads(path.read_bytes())
            except FileNotFoundError:
                continue
            found[path] = line
        self._lines = self._read()
        self._lines |= {line["name"]: line for line in found.values()}
        if self.worker:
            return
        try:
            for path, line in found.items():
                self._append(line)
                path.unlink()
        except OSError as error:
            raise not_written(self.folder, error) from error

    def done(self, name: str) -> dict[str, Any] | None:
        """The line of a piece that is finished and whole, or None."""
        line = self._lines.get(name)
        if line is None:
            return None
        for file, size in line["files"].items():
            path = self.folder / file
            if not path.exists() or path.stat().st_size != size:
                return None
        return line

    def partial(self, name: str) -> Path:
        """Where a file is written until it is whole."""
        mark = f".partial-{self.worker}" if self.worker else ".partial"
        return self.folder / f"{Path(name).stem}{mark}{Path(name).suffix}"

    def finish(self, name: str, files: list[str], **facts: Any) -> dict[str, Any]:
        """Give the files of a piece their names, on the disk, and write its line."""
        try:
            sizes = {}
            for file in files:
                partial, final = self.partial(file), self.folder / file
                with open(partial, "rb") as handle:
                    os.fsync(handle.fileno())
                os.replace(partial, final)
                sizes[file] = final.stat().st_size
            line = {"name": name, "files": sizes, **facts}
            if self.worker:
                self._put_beside(line)
            else:
                self._append(line)
        except OSError as error:
            raise not_written(self.folder, error) from error
        self._lines[name] = line
        return line

    def remove(self, last: str = "") -> None:
        """Take the folder away: the film is delivered.

        Args:
            last: a file that goes last, so that a kill in between can be seen by it
        """
        for path in list(self.folder.glob("*")):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != last:
                with contextlib.suppress(OSError):
                    path.unlink()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _append(self, line: dict[str, Any]) -> None:
        with open(self._path, "a", encoding="utf-8") as ledger:
            ledger.write(json.dumps(line) + "\n")
            ledger.flush()
            os.fsync(ledger.fileno())

    def _put_beside(self, line: dict[str, Any]) -> None:
        partial = self.folder / f"{line['name']}.partial-{self.worker}"
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(line, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, self.folder / f"{line['name']}{_LINE}")

    def _read(self) -> dict[str, dict[str, Any]]:
        if not self._path.exists():
            return {}
        lines: dict[str, dict[str, Any]] = {}
        text = self._path.read_bytes()
        whole, _, torn = text.rpartition(b"\n")
        if torn and not self.worker:  # killed in the middle of a line: the piece is made again
            with open(self._path, "r+b") as ledger:
                ledger.truncate(len(whole) + 1 if whole else 0)
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
                lines[entry["name"]] = entry
            except (ValueError, KeyError) as error:
                raise OutputError(
                    f"`{self._path}` holds a line that is none of unfade's.",
                    f"Remove the folder `{self.folder}` and run the command again.",
                ) from error
        return lines
