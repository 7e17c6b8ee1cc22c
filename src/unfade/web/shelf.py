"""Files on the server's disk. Every name is made here; users' names are data and never paths.

data/
  lock, secret, studio.sqlite3
  scratch/                      temporary files of children
  incoming/ID                   uploads under way
  uploads/ID/original.EXT       what was given; seen/ beside it: views and tiles
  jobs/ID/ATTEMPT/              what one attempt made; seen/ beside it
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import shutil
from pathlib import Path

from unfade.errors import OutputError, UsageError
from unfade.web.problems import Busy, Forbidden, NotFound

_ID = re.compile(r"[0-9a-f]{32}")
_EXTENSION = re.compile(r"\.[a-z0-9]{1,5}")


class Shelf:
    """The data folder of one server; taken by a lock, so that no two servers share it."""

    def __init__(self, data: Path, reserve_bytes: int) -> None:
        self.data = data
        self.reserve_bytes = reserve_bytes
        try:
            for folder in ("", "scratch", "incoming", "uploads", "jobs"):
                (data / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = open(data / "lock", "w", encoding="ascii")  # noqa: SIM115  # held open
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"Another server is using the folder `{data}`.",
                "Stop it, or name another folder with `--data`.",
            ) from error
        except OSError as error:
            raise OutputError(
                f"The folder `{data}` cannot be used: {error.strerror}.",
                "Name one that can be written to with `--data`.",
            ) from error

    def close(self) -> None:
        self._lock.close()

    def secret(self) -> bytes:
        """What cookies are signed with; made once."""
        path = self.data / "secret"
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
        return path.read_bytes()

    @property
    def scratch(self) -> Path:
        return self.data / "scratch"

    # -- places -----------------------------------------------------------------------------

    def incoming(self, id: str) -> Path:
        return self.data / "incoming" / _checked(id)

    def upload_folder(self, id: str) -> Path:
        return self.data / "uploads" / _checked(id)

    def original(self, id: str, extension: str) -> Path:
        return self.upload_folder(id) / f"original{_checked_extension(extension)}"

    def job_folder(self, id: str) -> Path:
        return self.data / "jobs" / _checked(id)

    def attempt(self, id: str, number: int) -> Path:
        return self.job_folder(id) / str(int(number))

    def fetched(self, id: str) -> Path:
        """The folder of a source that was fetched from a store for this job."""
        return self.job_folder(id) / "source"

    def fresh_attempt(self, id: str, number: int) -> Path:
        """An empty folder for one attempt at a job; those of earlier attempts are deleted."""
        for old in self.job_folder(id).glob("[0-9]*"):
            shutil.rmtree(old, ignore_errors=True)
        folder = self.attempt(id, number)
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def seen(self, folder: Path) -> Path:
        """The folder of views and tiles beside an upload or a result."""
        place = folder / "seen"
        place.mkdir(mode=0o700, exist_ok=True)
        return place

    # -- in and out -------------------------------------------------------------------------

    def put_upload(self, id: str, extension: str) -> Path:
        """An upload that has wholly arrived gets its place."""
        target = self.original(id, extension)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        os.replace(self.incoming(id), target)
        return target

    def forget_upload(self, id: str) -> None:
        self.incoming(id).unlink(missing_ok=True)
        shutil.rmtree(self.upload_folder(id), ignore_errors=True)

    def forget_job(self, id: str) -> None:
        shutil.rmtree(self.job_folder(id), ignore_errors=True)

    def sweep(self, uploads: set[str], jobs: set[str], arriving: set[str]) -> None:
        """Delete what no row names: left over by a crash."""
        for place, known in (("uploads", uploads), ("jobs", jobs)):
            for folder in (self.data / place).iterdir():
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
        for file in (self.data / "incoming").iterdir():
            if file.name not in arriving:
                file.unlink(missing_ok=True)
        for file in self.scratch.iterdir():
            if file.is_dir():
                shutil.rmtree(file, ignore_errors=True)
            else:
                file.unlink(missing_ok=True)

    def check_room(self, wanted: int) -> None:
        """That so many bytes fit on the disk, with the reserve left free.

        Raises:
            Busy: they do not
        """
        free = shutil.disk_usage(self.data).free
        if free - wanted < self.reserve_bytes:
            raise Busy(
                "The server's disk is nearly full.",
                "Delete uploads and results that you no longer need, or try again later.",
            )


def allowed_path(wanted: str, folders: tuple[Path, ...]) -> Path:
    """A file of the server that a user named, if it lies in one of the allowed folders.

    Links are followed first, so a link out of an allowed folder does not help.

    Raises:
        Forbidden: it lies elsewhere, or no folder is allowed
        NotFound: it is no file
    """
    if not folders:
        raise Forbidden(
            "This server does not read files of its own disk.",
            "Upload the file, or ask whoever runs the server for `--allow-path`.",
        )
    outside = Forbidden(
        "The path does not lie in a folder that this server may read.",
        "Ask whoever runs the server which folders `--allow-path` names.",
    )
    try:
        path = Path(wanted).resolve(strict=False)
    except (OSError, ValueError) as error:
        raise outside from error
    if not any(path.is_relative_to(folder.resolve()) for folder in folders):
        raise outside
    if not path.is_file():
        raise NotFound(f"There is no file `{Path(wanted).name}` there.", "Check the path.")
    return path


def clean_name(name: str) -> str:
    """A user's name for a file as plain text: its last part, without control characters.

    It is shown and sent, and never used as a path.
    """
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in last if c.isprintable()).strip().strip(".") or "unnamed"
    while len(kept.encode()) > 200:
        stem, dot, extension = kept.rpartition(".")
        kept = f"{stem[:-1]}{dot}{extension}" if dot and len(extension) < 12 and stem else kept[:-1]
    return kept


def _checked(id: str) -> str:
    if not _ID.fullmatch(id):
        raise ValueError(f"{id!r} is no id of ours")
    return id


def _checked_extension(extension: str) -> str:
    if not _EXTENSION.fullmatch(extension):
        raise ValueError(f"{extension!r} is no extension of ours")
    return extension
