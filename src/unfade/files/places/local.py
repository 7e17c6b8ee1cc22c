"""Files on this machine: originals are only read, results appear whole or not at all.

A result is written under a temporary name in the folder where it shall lie, brought to the disk,
and then given its name in one step. Whatever fails, no half file is left, and what was there
before is still there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from unfade.errors import OutputError, UnreadableInput

_CHECK = "Check the path."
_HEAD_BYTES = 64
Result = TypeVar("Result")


def check_source(path: Path) -> None:
    """That ``path`` is a file with something in it, which may be read.

    Raises:
        UnreadableInput: missing, a folder, a device, empty, or not permitted
    """
    try:
        facts = path.stat()
    except FileNotFoundError as error:
        raise UnreadableInput(f"`{path}` does not exist.", _CHECK) from error
    except (OSError, ValueError) as error:
        raise UnreadableInput(f"`{path}` cannot be reached: {reason(error)}.", _CHECK) from error
    if stat.S_ISDIR(facts.st_mode):
        raise UnreadableInput(
            f"`{path}` is a folder where a picture file is expected.",
            "Name a file in it, or treat the whole folder with `unfade batch`.",
        )
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableInput(f"`{path}` is not a regular file.", "Copy it into a file first.")
    if facts.st_size == 0:
        raise UnreadableInput(f"`{path}` is empty, 0 bytes.", "Copy it again from its source.")


def read_head(path: Path) -> bytes:
    """The first 64 bytes, by which formats are told apart.

    Raises:
        UnreadableInput: as ``check_source``, or the file cannot be opened
    """
    check_source(path)
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise UnreadableInput(
            f"`{path}` cannot be opened: {reason(error)}.", "Check its permissions."
        ) from error


def check_target(target: Path, overwrite: bool, source: Path | None = None) -> None:
    """That a result may be put at ``target``.

    Raises:
        OutputError: its folder is missing, it is a folder, it exists and ``overwrite`` is not
            set, or it is the original itself
    """
    try:
        exists = target.exists() or target.is_symlink()
        same = source is not None and exists and source.exists() and target.samefile(source)
        in_folder = target.parent.is_dir()
        is_folder = target.is_dir()
    except (OSError, ValueError) as error:
        raise _not_written(target, error) from error
    if same:
        raise OutputError(
            f"`{target}` is the original itself, which is never written to.",
            "Choose another name with `--output`, or use `--in-place`, which keeps a copy.",
        )
    if is_folder:
        raise OutputError(f"`{target}` is a folder.", "Name a file in it with `--output`.")
    if exists and not overwrite:
        raise OutputError(f"`{target}` exists already.", "Use `--overwrite` to replace it.")
    if not in_folder:
        raise OutputError(
            f"The folder `{target.parent}` does not exist.", "Create it, or choose another."
        )


@contextlib.contextmanager
def fresh_file(
    target: Path, *, overwrite: bool = False, source: Path | None = None
) -> Iterator[Path]:
    """A temporary name in the target's folder; on a clean exit the file there becomes the target.

    The content is flushed to the disk before the name changes, and the folder after it.

    Args:
        overwrite: whether an existing target may be replaced
        source: the original, which the target must not be
    Raises:
        OutputError: see ``check_target``, and any failure of the file system while writing
    """
    check_target(target, overwrite, source)
    # short, so that a target name of the longest length still works
    temporary = target.parent / f".unfade-{os.getpid()}-{secrets.token_hex(6)}{target.suffix[:16]}"
    try:
        yield temporary
        _to_disk(temporary)
        if overwrite:
            os.replace(temporary, target)
        else:
            _name_unless_taken(temporary, target)
        _to_disk(target.parent)
    except OSError as error:
        raise _not_written(target, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_atomically(
    target: Path,
    write: Callable[[Path], Result],
    *,
    overwrite: bool = False,
    source: Path | None = None,
) -> Result:
    """Call ``write`` with a temporary path and give its file the name ``target``."""
    with fresh_file(target, overwrite=overwrite, source=source) as temporary:
        return write(temporary)


def copy_file(source: Path, target: Path, *, overwrite: bool = False) -> None:
    """The very same bytes under another name, whole or not at all."""
    check_source(source)
    with fresh_file(target, overwrite=overwrite, source=source) as temporary:
        shutil.copyfile(source, temporary)


def back_up(original: Path) -> Path:
    """Copy a file beside itself under a name that is free.

    The copy is named ``NAME.bak``, or ``NAME.2.bak`` and so on when older copies are there, which
    are never overwritten.

    Returns:
        path of the copy
    """
    backup = _free_backup_name(original)
    copy_file(original, backup)
    return backup


def reason(error: BaseException) -> str:
    """A file system's complaint in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


def _free_backup_name(original: Path) -> Path:
    for number in range(1, 10_000):
        middle = "" if number == 1 else f".{number}"
        backup = original.with_name(f"{original.name}{middle}.bak")
        if not backup.exists():
            return backup
    raise OutputError(
        f"`{original}` has 9999 backup copies already.", "Move the older ones elsewhere."
    )


def _name_unless_taken(temporary: Path, target: Path) -> None:
    """Rename, but never over a file that has appeared meanwhile."""
    try:
        os.link(temporary, target)  # atomic, and fails when the name is taken
    except FileExistsError as error:
        raise OutputError(
            f"`{target}` has appeared while the result was made.",
            "Use `--overwrite` to replace it, or choose another name.",
        ) from error
    except OSError:
        if target.exists():
            raise
        os.replace(temporary, target)  # a file system without hard links


def _to_disk(path: Path) -> None:
    """Flush a file or a folder; some systems cannot open folders, which is no failure."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)


def _not_written(target: Path, error: BaseException) -> OutputError:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "Free some space or choose another disk." if full else (
        "Choose another folder with `--output`, or check its permissions."
    )  # fmt: skip
    return OutputError(f"`{target}` cannot be written: {reason(error)}.", remedy)
