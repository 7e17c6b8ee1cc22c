"""From what people write to a place: a path, ``s3://bucket/prefix/``, or what fsspec reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from unfade.errors import UsageError
from unfade.files.places.contract import Place
from unfade.files.places.folder import FolderPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """How a store is spoken to. Credentials are never here: they come from the standard chain
    (environment, profile, role of the machine) inside each process.

    Attributes:
        endpoint: address of an S3 server that is not Amazon's (MinIO, Ceph); empty: from the
            AWS settings
        region: empty: from the AWS settings
        sse: server-side encryption of what is written: AES256 or aws:kms; empty: the bucket's own
        kms_key: which key, for aws:kms
        retries: how often a request is tried again
        patience_s: how long one request may take
    """

    endpoint: str = ""
    region: str = ""
    sse: str = ""
    kms_key: str = ""
    retries: int = 5
    patience_s: float = 60.0

    def __post_init__(self) -> None:
        if self.sse not in ("", "AES256", "aws:kms"):
            raise UsageError(f"`--sse {self.sse}` is not known.", "Known: `AES256`, `aws:kms`.")
        if self.endpoint:
            parts = urlsplit(self.endpoint)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise UsageError(
                    f"`--endpoint {self.endpoint}` is no address.",
                    "Write it like `https://minio.example.org:9000`.",
                )
            _no_credentials(self.endpoint)


DEFAULT_OPTIONS = StoreOptions()


def open_place(address: str, options: StoreOptions = DEFAULT_OPTIONS) -> Place:
    """The place at an address; nothing is asked of it yet.

    Raises:
        UsageError: an address that cannot be understood, or one with a password in it
        MissingPackage: the package that speaks to this kind of store is not installed
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return FolderPlace(Path(address))
    if scheme == "file":
        return FolderPlace(Path("/" + rest.lstrip("/")))
    if scheme == "s3":
        from unfade.files.places.s3 import S3Place

        bucket, _, prefix = rest.partition("/")
        if not bucket:
            raise UsageError(
                f"`{address}` names no bucket.", "Write it like `s3://archive/restored/`."
            )
        return S3Place(bucket, prefix, options)
    _no_credentials(address)
    from unfade.files.places.by_fsspec import FsspecPlace

    return FsspecPlace(address)


def inside(inner: Place, outer: Place) -> bool:
    """Whether ``inner`` lies in ``outer``, or is the same place."""
    if inner.folder is not None and outer.folder is not None:
        below, above = inner.folder.resolve(), outer.folder.resolve()
        return below == above or below.is_relative_to(above)
    return _as_prefix(inner).startswith(_as_prefix(outer))


def _as_prefix(place: Place) -> str:
    return place.uri.rstrip("/") + "/"


def _no_credentials(address: str) -> None:
    parts: Any = urlsplit(address)
    if parts.password is not None or "@" in (parts.netloc or "").partition("@")[0]:
        raise UsageError(
            f"The address `{parts.scheme}://{parts.hostname}...` has a password in it.",
            "Give credentials by the environment, a profile or an agent: addresses are logged.",
        )
