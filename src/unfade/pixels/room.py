"""Room for arrays as large as a picture: memory, or a file when memory is short.

Everything that walks a picture in tiles gives the same bits whichever it is. A file has no name,
so nothing of it is left however the process ends; it is reserved as a whole before use, so a full
disk is an error and not a crash. Pages of it that lie in memory are let go when they become many:
what a process holds stays bounded whatever the picture's size.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unfade.errors import OutOfResources
from unfade.picture import Samples

BAND_ROWS = 256
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Disk:
    folder: str | None
    above_bytes: int
    maps: weakref.WeakSet[mmap.mmap]


_disk: _Disk | None = None


@contextlib.contextmanager
def on_disk(
    folder: str | Path | None = None,
    *,
    above_bytes: int = 1_000_000_000,
    resident_bytes: int = 500_000_000,
) -> Iterator[None]:
    """While this is open, arrays that would take more than ``above_bytes`` go to files.

    Args:
        folder: on a disk with room for about two and a half times the picture; None: the
            system's folder for temporary files
        resident_bytes: how much of the files may lie in this process's memory
    """
    global _disk
    before = _disk
    kept = None if folder is None else str(folder)
    _disk = _Disk(folder=kept, above_bytes=above_bytes, maps=weakref.WeakSet())
    done = threading.Event()
    keeper = threading.Thread(
        target=_keep_small, args=(_disk, resident_bytes, done), daemon=True, name="room"
    )
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()
        _disk = before


def has_no_room(shape: tuple[int, ...], dtype: Any) -> bool:
    """Whether an array of this shape would go to a file."""
    disk = _disk
    return disk is not None and _bytes_of(shape, dtype) > disk.above_bytes


def room_for(shape: tuple[int, ...], dtype: Any, *, zeros: bool = False) -> np.ndarray:
    """An array of this shape, in memory or in a file.

    Args:
        zeros: whether it must hold zeros; else what it holds is not defined
    Raises:
        OutOfResources: there is no room on the disk
    """
    dtype = np.dtype(dtype)
    size = _bytes_of(shape, dtype)
    disk = _disk
    if disk is None or size <= disk.above_bytes:
        return np.zeros(shape, dtype) if zeros else np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="unfade-room-", dir=disk.folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            mapped = mmap.mmap(file.fileno(), size)
    except OSError as error:
        raise OutOfResources(
            f"A picture needs {size / 1e9:.1f} GB of room in "
            f"`{disk.folder or tempfile.gettempdir()}`: {error.strerror}.",
            "Name a folder on a larger disk with `--scratch`.",
        ) from error
    disk.maps.add(mapped)
    return np.frombuffer(mapped, dtype).reshape(shape)


def copied(samples: Samples) -> np.ndarray:
    """A copy that may be written to, made band by band."""
    target = room_for(samples.shape, samples.dtype)
    for top in range(0, samples.shape[0], BAND_ROWS):
        target[top : top + BAND_ROWS] = samples[top : top + BAND_ROWS]
    return target


def _bytes_of(shape: tuple[int, ...], dtype: Any) -> int:
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize


def _keep_small(disk: _Disk, resident_bytes: int, done: threading.Event) -> None:
    """Let pages go when too many are in memory; the system keeps or writes what they hold."""
    if not (sys.platform.startswith("linux") and hasattr(mmap, "MADV_DONTNEED")):
        return
    while not done.wait(LOOK_EVERY_S):
        with open("/proc/self/statm", encoding="ascii") as facts:
            mapped = int(facts.read().split()[2]) * mmap.PAGESIZE
        if mapped > resident_bytes:
            for each in list(disk.maps):
                with contextlib.suppress(ValueError, OSError):  # closed meanwhile
                    each.madvise(mmap.MADV_DONTNEED)
