"""A folder of this machine as a place."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from unfade.errors import OutputError, UnreadableInput
from unfade.files.places.contract import Entry, Leftover, name_problem, sums_of
from unfade.files.places.local import fresh_file, reason

# as ``places.local.fresh_file`` names them: the process that wrote it, and a random part
_TEMPORARY = re.compile(r"\.unfade-(\d+)-[0-9a-f]{12}(\..{0,15})?")


class FolderPlace:
    """A folder.

    Links to files are followed, and links to folders unless they lead back into themselves.

    Args:
        path: it need not exist yet when it is written to
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder: Path | None = path
        self.uri = str(path)

    def entries(self) -> Iterator[Entry]:
        if not self.path.exists():
            raise UnreadableInput(f"`{self.path}` does not exist.", "Check the path.")
        if not self.path.is_dir():
            raise UnreadableInput(
                f"`{self.path}` is a file where a folder is expected.",
                "Treat a single file with `unfade restore`.",
            )
        try:
            facts = self.path.stat()
            os.listdir(self.path)
        except OSError as error:
            raise UnreadableInput(
                f"`{self.path}` cannot be read: {reason(error)}.", "Check its permissions."
            ) from error
        yield from self._below(self.path, "", ((facts.st_dev, facts.st_ino),))

    def stat(self, name: str) -> Entry | None:
        try:
            facts = (self.path / name).stat()
        except (OSError, ValueError):
            return None
        if not os.path.isfile(self.path / name):
            return None
        return _entry(name, facts)

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        try:
            with (self.path / name).open("rb") as file:
                file.seek(start)
                return file.read(-1 if length is None else length)
        except (OSError, ValueError) as error:
            raise self._unreadable(name, error) from error

    def fetch(self, name: str, target: Path) -> str:
        try:
            shutil.copyfile(self.path / name, target)
        except OSError as error:
            target.unlink(missing_ok=True)
            raise self._unreadable(name, error) from error
        return sums_of(target).sha256

    def put(self, source: Path, name: str, *, overwrite: bool = False) -> Entry:
        target = self.path / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The folder `{target.parent}` cannot be made: {reason(error)}.",
                "Choose another destination, or check its permissions.",
            ) from error
        with fresh_file(target, overwrite=overwrite, source=source) as temporary:
            shutil.copyfile(source, temporary)
        return _entry(name, target.stat())

    def delete(self, name: str) -> None:
        try:
            (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(
                f"`{self.path / name}` cannot be removed: {reason(error)}.",
                "Check its permissions.",
            ) from error

    def leftovers(self) -> Iterator[Leftover]:
        if not self.path.is_dir():
            return
        for folder, _, names in os.walk(self.path):
            for name in sorted(names):
                found = _TEMPORARY.fullmatch(name)
                path = Path(folder) / name
                if found is None or _alive(int(found[1])):
                    continue
                facts = path.stat()
                yield Leftover(
                    name=path.relative_to(self.path).as_posix(),
                    what="temporary file",
                    size=facts.st_size,
                    age_s=max(0.0, time.time() - facts.st_mtime),
                )

    def remove(self, leftover: Leftover) -> None:
        self.delete(leftover.name)

    # -- inside -------------------------------------------------------------------------------

    def _below(
        self, folder: Path, prefix: str, above: tuple[tuple[int, int], ...]
    ) -> Iterator[Entry]:
        """Entries of one folder, name by name; ``above`` are the folders that lead here."""
        try:
            with os.scandir(folder) as found:
                inside = sorted(found, key=lambda each: each.name)
        except OSError as error:
            yield Entry(name=prefix.rstrip("/"), problem=f"the folder cannot be read: {_of(error)}")
            return
        for each in inside:
            name = prefix + each.name
            try:
                if each.is_dir():
                    facts = each.stat()
                    place = (facts.st_dev, facts.st_ino)
                    if place in above:
                        yield Entry(name=name, problem="a link that leads back into itself")
                    else:
                        yield from self._below(folder / each.name, f"{name}/", (*above, place))
                elif _TEMPORARY.fullmatch(each.name) is None:
                    yield _listed(name, each)
            except OSError as error:
                yield Entry(name=name, problem=f"it cannot be reached: {_of(error)}")

    def _unreadable(self, name: str, error: BaseException) -> UnreadableInput:
        return UnreadableInput(
            f"`{self.path / name}` cannot be read: {reason(error)}.", "Check the path."
        )


def _listed(name: str, each: os.DirEntry[str]) -> Entry:
    facts = each.stat()
    if not each.is_file():
        return Entry(name=name, problem="not a regular file")
    return _entry(name, facts)


def _entry(name: str, facts: os.stat_result) -> Entry:
    return Entry(
        name=name,
        size=facts.st_size,
        version=f"{facts.st_size}-{facts.st_mtime_ns}",
        problem=name_problem(name),
    )


def _of(error: OSError) -> str:
    return reason(error)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's
    return True
