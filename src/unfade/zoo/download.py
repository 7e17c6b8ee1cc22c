"""Fetches the files of a network: decide first, then act.

``decide`` is pure. Acting is guarded at each stage: free space, a partial file of this process
alone, size and hash before the file gets its name, and one atomic move. What an interrupted
fetch has got is kept and continued.

A partial file in use is `NAME.<random>.part`. When a fetch stops it is renamed `NAME.part`, and
whoever comes next takes it over by renaming it in turn: a rename has one winner, so that two
processes never write to one file. A partial file that a killed process left is taken over when
it has not grown for longer than any connection may stall.

Environment: ``UNFADE_OFFLINE=1`` forbids the network, ``UNFADE_MIRROR`` names a folder on a web
server, holding `<network>/<file>`, that is asked instead of the catalogue's addresses; proxies
are taken from the usual variables.
"""

from __future__ import annotations

import errno
import http.client
import os
import secrets
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from unfade.errors import ModelMissing, ModelRejected, OutputError
from unfade.zoo.catalogue import Entry, ModelFile, find
from unfade.zoo.check import check, files, path_of, put_by_hand, sha256_of, where

Action = Literal["have", "fetch", "replace"]
Progress = Callable[[str, int, int], None]

STALL_S = 30.0  # a connection that is silent for longer is given up
ATTEMPTS = 3  # for each address; each continues where the last one stopped
BLOCK = 1 << 18
RESERVE = 64 << 20  # bytes of free space to leave on the disk


@dataclass(frozen=True, slots=True)
class Found:
    """What lies where a file should be."""

    size: int
    sha256: str


def decide(file: ModelFile, found: Found | None) -> Action:
    """What is to be done about one file."""
    if found is None:
        return "fetch"
    right = found.size == file.size and found.sha256 == file.sha256
    return "have" if right else "replace"


def fetch(name: str, progress: Progress | None = None) -> dict[str, Path]:
    """Bring all files of a network to this machine, and check them.

    Args:
        progress: called with the file's name, bytes so far and bytes in all
    Returns:
        role -> path, verified
    Raises:
        ModelMissing: a file cannot be had (offline, no address answers, its package is absent)
        ModelRejected: what came is not what the catalogue describes
        OutputError: the disk is full or may not be written
    """
    entry = find(name)
    for file in entry.files:
        path = path_of(entry, file)
        found = Found(path.stat().st_size, sha256_of(path)) if path.is_file() else None
        action = decide(file, found)
        if action != "have" and file.urls:
            fetch_file(entry, file, where() / entry.name / file.name, progress)
    return files(name)


def fetch_file(
    entry: Entry, file: ModelFile, target: Path, progress: Progress | None = None
) -> None:
    """Fetch one file to ``target``, which appears complete and checked, or not at all."""
    if os.environ.get("UNFADE_OFFLINE", "") not in ("", "0"):
        raise ModelMissing(
            f"`{file.name}` of `{entry.name}` is not on this machine, and UNFADE_OFFLINE is set.",
            put_by_hand(entry, file),
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = _take_over(target)
        try:
            _fill(entry, file, partial, progress)
            if check(file, partial).state != "right":
                partial.unlink()
                raise ModelRejected(
                    f"`{file.name}` came with another SHA-256 than {file.sha256}.",
                    "It was thrown away. The publisher may have replaced it: do not use it "
                    "without asking them.",
                )
            os.replace(partial, target)
        finally:
            if partial.exists():
                os.replace(partial, target.with_name(f"{target.name}.part"))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise OutputError(
            f"`{target}` cannot be written: {'the disk is full' if full else error.strerror}.",
            "Free some space or choose another folder with the variable UNFADE_HOME.",
        ) from error


def _take_over(target: Path) -> Path:
    """A partial file of our own: one that was left behind, or a new one."""
    own = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    left = [target.with_name(f"{target.name}.part")]
    for other in target.parent.glob(f"{target.name}.*.part"):
        try:
            silent_s = time.time() - other.stat().st_mtime
        except FileNotFoundError:
            continue
        if silent_s > 4 * STALL_S:
            left.append(other)
    for candidate in left:
        try:
            os.rename(candidate, own)
        except FileNotFoundError:
            continue
        os.utime(own)
        return own
    own.touch()
    return own


def _fill(entry: Entry, file: ModelFile, partial: Path, progress: Progress | None) -> None:
    """Bring ``partial`` to the file's size, from any of its addresses."""
    missing = file.size - partial.stat().st_size
    free = shutil.disk_usage(partial.parent).free
    if free < missing + RESERVE:
        raise OutputError(
            f"`{partial.parent}` has {free / 1e6:.0f} MB left; `{file.name}` needs "
            f"{missing / 1e6:.0f} MB and a reserve of {RESERVE / 1e6:.0f} MB.",
            "Free some space or choose another folder with the variable UNFADE_HOME.",
        )
    mirror = os.environ.get("UNFADE_MIRROR", "").rstrip("/")
    urls = (f"{mirror}/{entry.name}/{file.name}",) if mirror else file.urls
    reasons = []
    for url in urls:
        if not url.startswith(("https://", "http://")):
            raise ModelMissing(f"`{url}` is neither an http nor an https address.", "Correct it.")
        for attempt in range(ATTEMPTS):
            try:
                _continue(url, file, partial, progress)
                return
            except urllib.error.HTTPError as error:
                reasons.append(f"{url}: {error.code} {str(error.reason).splitlines()[0]}")
                error.close()
                if error.code < 500:
                    break  # asking again changes nothing
            except (urllib.error.URLError, http.client.HTTPException) as error:
                reasons.append(f"{url}: {getattr(error, 'reason', error)}")
            except (TimeoutError, ConnectionError) as error:
                reasons.append(f"{url}: {error}")
            time.sleep(0.2 * 4**attempt if attempt < ATTEMPTS - 1 else 0)
    raise ModelMissing(
        f"`{file.name}` of `{entry.name}` cannot be fetched ({'; '.join(dict.fromkeys(reasons))}).",
        f"Try again: what has come is kept. {put_by_hand(entry, file)}",
    )


def _continue(url: str, file: ModelFile, partial: Path, progress: Progress | None) -> None:
    """One request, continuing where ``partial`` ends."""
    start = partial.stat().st_size
    if start > file.size:
        start = 0
    if start == file.size:
        return  # complete; the hash will tell whether it is right
    request = urllib.request.Request(url, headers={"User-Agent": "unfade"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    with urllib.request.urlopen(request, timeout=STALL_S) as answer:
        continued = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {start}-"
        )
        got = start if continued else 0
        with partial.open("r+b") as stream:
            stream.truncate(got)
            stream.seek(got)
            while block := answer.read(BLOCK):
                got += len(block)
                if got > file.size:
                    stream.truncate(0)
                    raise ModelRejected(
                        f"{url} sends more than the {file.size} bytes that `{file.name}` has.",
                        "It is another file: do not use it without asking its publisher.",
                    )
                stream.write(block)
                if progress:
                    progress(file.name, got, file.size)
    if got < file.size:
        length = answer.headers.get("Content-Length")
        if length is not None and got - (start if continued else 0) == int(length):
            partial.write_bytes(b"")
            raise ModelRejected(
                f"{url} holds {got} bytes, `{file.name}` has {file.size}.",
                "It is another file: do not use it without asking its publisher.",
            )
        raise http.client.IncompleteRead(b"", file.size - got)
