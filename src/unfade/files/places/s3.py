"""A bucket, or a prefix in one, as a place: Amazon's S3 and what speaks its protocol.

Data goes through obstore; listings and what lies unfinished through boto3, because only it gives
keys exactly as they are: keys that no path may hold must be named, not end the listing.
"""

from __future__ import annotations

import datetime
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unfade.errors import OutputError, UnfadeError, Unreachable, UnreadableInput, UsageError
from unfade.files.places.contract import (
    PART_BYTES,
    Entry,
    Leftover,
    Sums,
    name_problem,
    sums_of,
)
from unfade.files.places.opening import DEFAULT_OPTIONS, StoreOptions
from unfade.files.places.s3_errors import (
    Denied,
    Missing,
    Taken,
    Told,
    translated,
)
from unfade.files.places.trying import tried
from unfade.needs import need

_TO = "read and write s3:// places"
SHA_ATTRIBUTE = "sha256"  # user metadata that every object written here carries
CREATE_ONLY_BYTES = 64 << 20  # larger ones go in parts, which servers cannot make conditional


class S3Place:
    """A prefix in a bucket.

    Args:
        bucket, prefix: as in ``s3://bucket/prefix/``; a prefix is always taken as a folder
        options: endpoint, region, encryption; never credentials
    """

    folder: Path | None = None

    def __init__(
        self, bucket: str, prefix: str = "", options: StoreOptions = DEFAULT_OPTIONS
    ) -> None:
        need("obstore", extra="s3", to=_TO)
        need("boto3", extra="s3", to=_TO)
        self.bucket = bucket
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self.uri = f"s3://{bucket}/{self.prefix}"
        self.options = options
        self._lock = threading.Lock()
        self._opened: tuple[Any, Any] | None = None

    # -- reading ------------------------------------------------------------------------------

    def entries(self) -> Iterator[Entry]:
        after = ""
        while True:
            # a page at a time, so that a failure in the middle repeats only its page
            page = self._tried(lambda after=after: self._page(after), self.uri)
            for each in page.get("Contents", []):
                key = each["Key"]
                after = key
                name = key[len(self.prefix) :]
                if not name or (name.endswith("/") and each["Size"] == 0):
                    continue  # what consoles put in place of folders
                yield Entry(
                    name=name,
                    size=int(each["Size"]),
                    version=each["ETag"].strip('"'),
                    problem=name_problem(name),
                )
            if not page.get("IsTruncated"):
                return

    def stat(self, name: str) -> Entry | None:
        try:
            facts = self._tried(lambda: self._store.head(self._key(name)), self._at(name))
        except _NotThere:
            return None
        return Entry(name=name, size=int(facts["size"]), version=_tag(facts["e_tag"]))

    def read(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        import obstore

        facts = self.stat(name)
        if facts is None:
            raise self._missing(name)
        end = facts.size if length is None else min(facts.size, start + length)
        if end <= start:
            return b""

        def ranged() -> bytes:
            if (start, end) == (0, facts.size):
                data = bytes(obstore.get(self._store, self._key(name)).bytes())
            else:  # by boto3: obstore refuses the range of a server that forgets to say 206
                data = self._client.get_object(
                    Bucket=self.bucket, Key=self._key(name), Range=f"bytes={start}-{end - 1}"
                )["Body"].read()
                data = data[start:end] if len(data) == facts.size else data
            if len(data) != end - start:
                raise Told(f"{len(data)} bytes came where {end - start} were due", retry=True)
            return data

        return bytes(self._read(ranged, name))

    def fetch(self, name: str, target: Path) -> str:
        seen: set[str] = set()

        def once() -> str:
            import obstore

            got = obstore.get(self._store, self._key(name))
            digest, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
            with target.open("wb") as file:
                for block in got.stream(min_chunk_size=1 << 20):
                    data = memoryview(block)
                    file.write(data)
                    digest.update(data)
                    md5.update(data)
                    size += len(data)
            sha256 = digest.hexdigest()
            if size != got.meta["size"]:
                raise Told(f"{size} of {got.meta['size']} bytes came", retry=True)
            stated = got.attributes.get(SHA_ATTRIBUTE)
            if stated is not None and stated != sha256:
                raise Told("its bytes do not have the SHA-256 that was stored with it", retry=True)
            sums = Sums(sha256=sha256, md5=md5.hexdigest(), parts_md5="-", size=size)
            # under a key of the store's own an ETag is no MD5: two equal readings are believed
            if stated is None and sums.matches(_tag(got.meta["e_tag"])) is False:
                again = sha256 in seen
                seen.add(sha256)
                if not again:
                    raise Told("its bytes do not have the MD5 that its ETag states", retry=True)
            return sha256

        try:
            return str(self._read(once, name))
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    # -- writing ------------------------------------------------------------------------------

    def put(self, source: Path, name: str, *, overwrite: bool = False) -> Entry:
        problem = name_problem(self.prefix + name)
        if problem:
            raise OutputError(f"`{self._at(name)}` cannot be written: {problem}.", "Rename it.")
        sums = sums_of(source, PART_BYTES)

        def once() -> Entry:
            try:
                answer = self._send(source, name, sums, overwrite)
            except Exception as error:
                # an earlier try may have arrived although its answer did not
                if not (isinstance(translated(error), Taken) and self._holds(name, sums)):
                    raise
                answer = {"e_tag": None}
            self._check_stored(name, sums, _tag(answer["e_tag"]))
            return Entry(name=name, size=sums.size, version=_tag(answer["e_tag"]) or sums.md5)

        try:
            if not overwrite and self.stat(name) is not None:
                raise self._exists(name)
            return self._tried(once, self._at(name))  # type: ignore[no-any-return]
        except _AlreadyThere as error:
            raise self._exists(name) from error
        except UnreadableInput as error:
            raise OutputError(
                f"`{self._at(name)}` cannot be written: {_reason(error)}.",
                "Check the bucket's name, the credentials and their permissions.",
            ) from error

    def delete(self, name: str) -> None:
        def once() -> None:
            self._client.delete_object(Bucket=self.bucket, Key=self._key(name))

        self._tried(once, self._at(name))

    def leftovers(self) -> Iterator[Leftover]:
        """Unfinished uploads under this prefix; whose they are the caller has to know."""
        marks: dict[str, str] = {}
        while True:
            try:
                page = self._tried(lambda marks=marks: self._uploads(marks), self.uri)
            except _NotThere:
                return  # how some servers say that there are none
            for each in page.get("Uploads", []):
                began = each.get("Initiated")
                now = datetime.datetime.now(datetime.UTC)
                yield Leftover(
                    name=each["Key"][len(self.prefix) :],
                    what="incomplete upload",
                    age_s=max(0.0, (now - began).total_seconds()) if began else 0.0,
                    handle=each["UploadId"],
                )
            if not page.get("IsTruncated"):
                return
            marks = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }

    def remove(self, leftover: Leftover) -> None:
        def once() -> None:
            self._client.abort_multipart_upload(
                Bucket=self.bucket, Key=self._key(leftover.name), UploadId=leftover.handle
            )

        self._tried(once, self._at(leftover.name))

    # -- inside -------------------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        return self._connected()[0]

    @property
    def _store(self) -> Any:
        return self._connected()[1]

    def _connected(self) -> tuple[Any, Any]:
        with self._lock:
            if self._opened is None:
                self._opened = _connect(self.bucket, self.options)
            return self._opened

    def _key(self, name: str) -> str:
        return self.prefix + name

    def _at(self, name: str) -> str:
        return self.uri + name

    def _page(self, after: str) -> dict[str, Any]:
        start = {"StartAfter": after} if after else {}
        page: dict[str, Any] = self._client.list_objects_v2(
            Bucket=self.bucket, Prefix=self.prefix, **start
        )
        return page

    def _uploads(self, marks: dict[str, str]) -> dict[str, Any]:
        page: dict[str, Any] = self._client.list_multipart_uploads(
            Bucket=self.bucket, Prefix=self.prefix, **marks
        )
        return page

    def _send(self, source: Path, name: str, sums: Sums, overwrite: bool) -> dict[str, Any]:
        import obstore

        parts = sums.size > (PART_BYTES if overwrite else CREATE_ONLY_BYTES)
        answer: dict[str, Any] = obstore.put(  # type: ignore[assignment]
            self._store,
            self._key(name),
            source,
            attributes={SHA_ATTRIBUTE: sums.sha256},
            mode="overwrite" if overwrite or parts else "create",
            use_multipart=parts,
            chunk_size=PART_BYTES,
            max_concurrency=4,
        )
        return answer

    def _holds(self, name: str, sums: Sums) -> bool:
        """Whether these very bytes lie there already."""
        there = self.stat(name)
        return there is not None and there.size == sums.size and self._same(name, sums)

    def _check_stored(self, name: str, sums: Sums, etag: str) -> None:
        if sums.matches(etag) is False and not self._same(name, sums):
            raise Told("the stored bytes are not those that were sent", retry=True)

    def _same(self, name: str, sums: Sums) -> bool:
        import obstore

        def once() -> str:
            digest = hashlib.sha256()
            for block in obstore.get(self._store, self._key(name)).stream(min_chunk_size=1 << 20):
                digest.update(memoryview(block))
            return digest.hexdigest()

        return str(self._read(once, name)) == sums.sha256

    def _read(self, once: Any, name: str) -> Any:
        try:
            return self._tried(once, self._at(name))
        except _NotThere as error:
            raise self._missing(name) from error

    def _tried(self, once: Any, what: str) -> Any:
        """Call, again when that may help, and let only errors of this project out."""

        def judged() -> Any:
            try:
                return once()
            except (Told, UnfadeError):
                raise
            except Exception as error:
                raise translated(error) from error

        try:
            return tried(judged, tries=self.options.retries, worth=_worth)
        except Missing as error:
            if error.bucket:
                raise UnreadableInput(
                    f"The bucket `{self.bucket}` does not exist.",
                    "Check its name, and `--endpoint` if it is not Amazon's.",
                ) from error
            raise _NotThere(f"`{what}` does not exist.", "Check the name.") from error
        except Taken as error:
            raise _AlreadyThere(f"`{what}` exists already.", "") from error
        except Denied as error:
            raise UnreadableInput(
                f"`{what}` may not be accessed: {error}.",
                "Check the credentials (environment, profile or role) and their permissions.",
            ) from error
        except Told as error:
            raise Unreachable(
                f"`{what}`: {error}, {self.options.retries} times in a row.",
                "Run the same command again later; what is done stays done.",
            ) from error

    def _missing(self, name: str) -> UnreadableInput:
        return UnreadableInput(
            f"`{self._at(name)}` does not exist.", "It may have been removed meanwhile."
        )

    def _exists(self, name: str) -> OutputError:
        return OutputError(
            f"`{self._at(name)}` exists already.", "Use `--overwrite` to replace it."
        )


class _NotThere(UnreadableInput):
    pass


class _AlreadyThere(OutputError):
    pass


def _worth(error: BaseException) -> bool:
    return isinstance(error, Told) and error.retry


def _reason(error: UnreadableInput) -> str:
    return error.found.rstrip(".")


def _tag(etag: str | None) -> str:
    return (etag or "").strip('"')


def _connect(bucket: str, options: StoreOptions) -> tuple[Any, Any]:
    """A boto3 client for the standard chain of settings, and an obstore store that follows it."""
    import boto3
    from botocore.config import Config
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import S3Store

    session = boto3.Session(region_name=options.region or None)
    custom = bool(options.endpoint)
    client = session.client(
        "s3",
        endpoint_url=options.endpoint or None,
        region_name=session.region_name or "us-east-1",
        config=Config(
            retries={"max_attempts": 1, "mode": "standard"},  # we try again ourselves
            connect_timeout=min(10.0, options.patience_s),
            read_timeout=options.patience_s,
            response_checksum_validation="when_required",  # ranges have none of their own
            s3={"addressing_style": "path"} if custom else None,
        ),
    )
    address = client.meta.endpoint_url
    if session.get_credentials() is None:
        raise UsageError(
            "There are no credentials for S3.",
            "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the "
            "machine a role.",
        )
    settings: dict[str, Any] = {
        "region": client.meta.region_name,
        "credential_provider": Boto3CredentialProvider(session),
        "checksum_algorithm": "SHA256",
        "client_options": {
            "timeout": f"{options.patience_s:g}s",
            "allow_http": address.startswith("http://"),
        },
        "retry_config": {
            "max_retries": 2,  # of one request: a part of many need not send the others again
            "retry_timeout": datetime.timedelta(seconds=options.patience_s),
        },
    }
    if not address.endswith(".amazonaws.com"):
        settings["endpoint"] = address
    if options.sse:
        settings["aws_server_side_encryption"] = options.sse
        if options.kms_key:
            settings["aws_sse_kms_key_id"] = options.kms_key
    return client, S3Store(bucket, **settings)
