"""Sources that are fetched: ``s3://`` objects from the buckets that the server's owner named."""

from __future__ import annotations

import re

from unfade.errors import UnreadableInput, UnsupportedInput
from unfade.files.places.opening import open_place
from unfade.web.problems import Forbidden, TooLarge
from unfade.web.rows import JobRow
from unfade.web.rules import Rules
from unfade.web.shelf import Shelf

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")


def fetch_s3(job: JobRow, shelf: Shelf, rules: Rules) -> None:
    """Bring a job's object into its folder, under a name of ours.

    Runs in a thread of the server: bytes are moved, nothing is decoded. Credentials come from
    the standard chain, which the children never see.

    Raises:
        Forbidden: the bucket is not one of ``rules.s3_buckets``
        UnreadableInput, TooLarge: it is not there, or larger than is allowed
        Unreachable: the store does not answer
    """
    bucket, _, key = str(job.request["s3"]).removeprefix("s3://").partition("/")
    if bucket not in rules.s3_buckets:
        raise Forbidden("This server does not read from that bucket.", "Name another.")
    found = _EXTENSION.search(key)
    if found is None:
        raise UnsupportedInput(
            f"`{job.name}` has no extension, such as `.tif`.", "Name an object that has one."
        )
    place = open_place(f"s3://{bucket}")
    entry = place.stat(key)
    if entry is None:
        raise UnreadableInput(f"There is no `{job.name}` in that bucket.", "Check the key.")
    if entry.size > rules.film_bytes:
        raise TooLarge(
            f"`{job.name}` has {entry.size} bytes; {rules.film_bytes} are allowed.",
            "`GET /v1/limits` says what is.",
        )
    shelf.check_room(entry.size)
    folder = shelf.fetched(job.id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.fetch(key, folder / f"original{found[0].lower()}")
