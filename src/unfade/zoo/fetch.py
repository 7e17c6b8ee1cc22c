"""Getting weights: resumed, checked, and put in their place in one move."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unfade.errors import ModelMissing, ModelRejected, OutputError
from unfade.version import VERSION
from unfade.zoo.catalogue import FileEntry, find, refuse_licence
from unfade.zoo.store import decide, locate, missing, size_and_hash, where

TIMEOUT_S = 30
PIECE_BYTES = 1 << 18
TRIES = 3
MOST_REDIRECTS = 5
SPARE_BYTES = 64 << 20  # left free on the disk

ProgressCall = Callable[[str, int, int], None]


def fetch(
    name: str,
    *,
    cache: str = "",
    mirror: str = "",
    offline: bool = False,
    licence: str = "usual",
    progress: ProgressCall | None = None,
) -> list[Path]:
    """Get the files of a network that are not here, or not right; the others are left.

    Args:
        cache: folder for weights; empty means the usual one
        mirror: address put in place of the published server and path: MIRROR/FILE-NAME
        offline: never use the network; say what is missing instead
        licence: which licences are let in: see ``unfade.zoo.catalogue.LICENCES``
    Returns:
        paths of all files of the network
    Raises:
        ModelMissing: offline, no address answers, or a package brings the file
        ModelRejected: what came is not what the catalogue says; nothing is kept
        OutputError: the disk is full or the folder cannot be written
    """
    entry, folder = find(name), where(cache)
    refuse_licence(entry, licence)
    paths = []
    for file in entry.files:
        have = locate(file, folder)
        todo = decide(size_and_hash(have) if have else None, file)
        if todo != "have":
            if file.package or file.own or offline:
                raise missing(entry, file, folder)
            have = _fetch_file(file, folder, mirror, progress)
        assert have is not None
        paths.append(have)
    return paths


def _fetch_file(file: FileEntry, folder: Path, mirror: str, progress: ProgressCall | None) -> Path:
    target = folder / file.name
    # the name holds the process: two of them never write into one another's file
    partial = folder / f".{file.sha256[:16]}-{os.getpid()}.part"
    urls = [f"{mirror.rstrip('/')}/{file.name}"] if mirror else list(file.urls)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _take_over(partial, folder, file)
        free = shutil.disk_usage(folder).free
        if free < file.bytes + SPARE_BYTES:
            raise OutputError(
                f"`{folder}` has {free / 1e6:.0f} MB free; `{file.name}` needs "
                f"{file.bytes / 1e6:.0f} MB.",
                "Free some space, or set `cache` to another folder.",
            )
        _from_any(urls, partial, file, progress)
        _check(partial, file, urls)
        os.replace(partial, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise OutputError(
            f"`{target}` cannot be written: {error.strerror or error}.",
            "Check space and permissions, or set `cache` to another folder.",
        ) from error
    return target


def _take_over(partial: Path, folder: Path, file: FileEntry) -> None:
    """Go on with what a run that has ended left of the same file."""
    for left in folder.glob(f".{file.sha256[:16]}-*.part"):
        owner = left.stem.rpartition("-")[2]
        if owner.isdigit() and not _is_running(int(owner)):
            with contextlib.suppress(OSError):
                os.replace(left, partial)
                return


def _is_running(process: int) -> bool:
    if os.name == "nt":
        return True  # there signal 0 is Ctrl-C: asking would stop the process
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _from_any(
    urls: list[str], partial: Path, file: FileEntry, progress: ProgressCall | None
) -> None:
    """Download from the first address that works, resuming after interruptions."""
    reasons = []
    for url in urls:
        for _ in range(TRIES):
            try:
                _download(url, partial, file, progress)
                return
            except (
                urllib.error.URLError,
                http.client.HTTPException,
                TimeoutError,
                ConnectionError,
            ) as error:
                reason = getattr(error, "reason", None) or error
                reasons.append(f"{_host(url)}: {reason}")
                if isinstance(error, urllib.error.HTTPError) and error.code < 500:
                    partial.unlink(missing_ok=True)
                    break  # asking again will not change its answer
    raise ModelMissing(
        f"`{file.name}` could not be fetched ({'; '.join(dict.fromkeys(reasons))}).",
        "Try again later (it goes on where it stopped), set `mirror`, or put the file, SHA-256 "
        f"{file.sha256}, into `{partial.parent}`.",
    )


def _download(url: str, partial: Path, file: FileEntry, progress: ProgressCall | None) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    if have > file.bytes:
        partial.unlink()
        have = 0
    if have == file.bytes:
        return
    request = urllib.request.Request(url, headers={"User-Agent": f"unfade/{VERSION}"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    # the opener goes through the proxies of the environment (https_proxy, no_proxy)
    with urllib.request.build_opener(_Redirects).open(request, timeout=TIMEOUT_S) as answer:
        resumed = answer.status == http.client.PARTIAL_CONTENT
        done = have if resumed else 0
        with open(partial, "ab" if resumed else "wb") as out:
            while piece := answer.read(PIECE_BYTES):
                done += len(piece)
                if done > file.bytes:
                    break  # longer than it may be: the check refuses it
                out.write(piece)
                if progress is not None:
                    progress(f"Fetching {file.name}", done, file.bytes)
        cut = bool(answer.length)  # less came than the answer announced
    if cut and done < file.bytes:
        raise ConnectionError(f"the connection ended after {done} of {file.bytes} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, over http and https alone, and never from https down to http."""

    max_redirections = MOST_REDIRECTS
    max_repeats = 2

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme not in ("http", "https") or (req.type == "https" and scheme != "https"):
            raise urllib.error.HTTPError(
                req.full_url,
                code,
                f"it redirects to `{scheme}`, which is not followed",
                headers,
                fp,
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check(partial: Path, file: FileEntry, urls: list[str]) -> None:
    size = partial.stat().st_size
    with open(partial, "rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if (size, sha256) == (file.bytes, file.sha256):
        return
    partial.unlink()
    raise ModelRejected(
        f"What {_host(urls[0])} gave as `{file.name}` is not what the catalogue names: {size} "
        f"bytes, SHA-256 {sha256[:16]}..., expected {file.bytes} bytes, {file.sha256[:16]}...",
        "Nothing was kept. Try another `mirror`, or report the address.",
    )


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc or url
