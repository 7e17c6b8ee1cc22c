"""Sources that are fetched: ``s3://`` objects from the buckets that the server's owner named."""

from __future__ import annotations

import re
from pathlib import Path

from unfade.errors import UnreadableInput, UnsupportedInput
from unfade.needs import need
from unfade.web.problems import Forbidden, TooLarge
from unfade.web.rows import JobRow
from unfade.web.rules import Rules
from unfade.web.shelf import Shelf

_BLOCK = 8 * 1024 * 1024
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")


def fetch_s3(job: JobRow, shelf: Shelf, rules: Rules) -> None:
    """Bring a job's object into its folder, under a name of ours.

    Runs in a thread of the server: bytes are moved, nothing is decoded, and only here is the
    network used. Credentials come from the environment, as the S3 tools have it.

    Raises:
        Forbidden: the bucket is not one of ``rules.s3_buckets``
        UnreadableInput, TooLarge: it is not there, or larger than is allowed
    """
    bucket, _, key = str(job.request["s3"]).removeprefix("s3://").partition("/")
    if bucket not in rules.s3_buckets:
        raise Forbidden("This server does not read from that bucket.", "Name another.")
    folder = shelf.fetched(job.id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = _EXTENSION.search(key)
    if found is None:
        raise UnsupportedInput(
            f"`{job.name}` has no extension, such as `.tif`.", "Name an object that has one."
        )
    target = folder / f"original{found[0].lower()}"
    partial = folder / "partial"
    stores = need("obstore", extra="s3", to="read from s3://")
    need("obstore.store", extra="s3", to="read from s3://")
    try:
        got = stores.get(stores.store.S3Store(bucket), key)
        size = int(got.meta["size"])
        if size > rules.film_bytes:
            raise TooLarge(
                f"`{job.name}` has {size} bytes; {rules.film_bytes} are allowed.",
                "`GET /v1/limits` says what is.",
            )
        _write(partial, got.stream(min_chunk_size=_BLOCK))
    except FileNotFoundError as error:
        raise UnreadableInput(f"There is no `{job.name}` in that bucket.", "Check it.") from error
    partial.replace(target)


def _write(path: Path, chunks: object) -> None:
    with path.open("wb") as file:
        for chunk in chunks:  # type: ignore[attr-defined]
            file.write(chunk)
