"""What this server allows: who may reach it, how much, how long, and where it keeps things.

Closed by default: the loopback address only, no local paths, no ``s3://``, no other origins.
"""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unfade.errors import SettingsError

MEGA, GIGA = 1_000_000, 1_000_000_000
LOCAL_USER = "local"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
LEAST_TOKEN = 16  # characters: shorter ones can be guessed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Every rule of the server, with its default.

    Attributes:
        data: folder of uploads, results and the database
        host, port: the address that is listened on
        tokens: SHA-256 of each token -> the user it stands for; none are needed on loopback
        host_names: names under which the server may be asked for, besides the loopback ones
        origins: other origins whose pages may use the API; none by default
        allow_paths: folders of the server from which jobs may read by ``path``
        s3_buckets: buckets from which jobs may read by ``s3://``
        database: SQLAlchemy address; empty: SQLite in ``data``
        workers, quick_workers: child processes for jobs, and for looking at files
        upload_bytes, film_bytes: of one picture, of one film
        area_mpx, side_px, pages: of one picture
        job_seconds: of wall clock; job_memory_bytes: of address space, plus 12 bytes a pixel
        look_seconds: of one look at a file (header, thumbnail, tiles)
        queued_jobs, queued_jobs_each: of everyone, and of one user
        idempotency_s: how long an ``Idempotency-Key`` is remembered
        retention_s: an upload or result is deleted this long after it was last worked on
        ephemeral: everything is deleted when the server stops
        writes_per_s, reads_per_s: of one user, on the average; four seconds' worth may come at once
        body_idle_s: longest silence within a request's body; body_rate: least bytes a second
        head_s: time for a request's head
        disk_reserve_bytes: left free on the disk of ``data``
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8000
    tokens: Mapping[str, str] = field(default_factory=dict)
    host_names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    allow_paths: tuple[Path, ...] = ()
    s3_buckets: tuple[str, ...] = ()
    database: str = ""
    workers: int = 0
    quick_workers: int = 2
    upload_bytes: int = 200 * MEGA
    film_bytes: int = 2 * GIGA
    files_per_upload: int = 100
    area_mpx: float = 200.0
    side_px: int = 65_500
    pages: int = 100
    job_seconds: float = 1800.0
    job_memory_bytes: int = 6 * GIGA
    look_seconds: float = 60.0
    queued_jobs: int = 100
    queued_jobs_each: int = 100
    idempotency_s: float = 86_400.0
    retention_s: float = 86_400.0
    ephemeral: bool = False
    writes_per_s: float = 50.0
    reads_per_s: float = 500.0
    body_idle_s: float = 20.0
    body_rate: int = 1_000
    head_s: float = 10.0
    disk_reserve_bytes: int = GIGA

    def __post_init__(self) -> None:
        for name in ("port", "retention_s", "job_seconds", "queued_jobs", "upload_bytes"):
            value = getattr(self, name)
            if value < 0 or (value == 0 and name != "port"):
                raise SettingsError(f"`{name}` is {value}, expected more than 0.")
        if not self.loopback and not self.tokens:
            raise SettingsError(
                f"`{self.host}` can be reached from other machines, and no token is asked for.",
                "Give `--tokens FILE` or set UNFADE_TOKEN, or bind to `127.0.0.1`.",
            )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @property
    def running_jobs(self) -> int:
        return self.workers or available_cores()

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data / 'studio.sqlite3'}"

    def but(self, **changes: object) -> Rules:
        """These rules with some changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def available_cores() -> int:
    """Cores that this process may use; the bench's own count would import NumPy."""
    import os

    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def hashed(token: str) -> str:
    """A token as it is kept: its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_tokens(text: str, place: str) -> dict[str, str]:
    """Lines of ``user:token`` (# begins a comment) as hash -> user.

    Raises:
        SettingsError: a line without a colon, a short token, the same token twice
    """
    tokens: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        user, colon, token = (part.strip() for part in line.partition(":"))
        if not (user and colon and token):
            raise SettingsError(
                f"{place}, line {number} is not of the form `user:token`.",
                "Write one user on each line, like `anna:` followed by 32 random characters.",
            )
        check_token(token, f"{place}, line {number}")
        if tokens.setdefault(hashed(token), user) != user:
            raise SettingsError(
                f"{place}, line {number}: two users have the same token.", "Give each their own."
            )
    return tokens


def check_token(token: str, place: str) -> None:
    """Refuse a token that can be guessed."""
    if len(token) < LEAST_TOKEN:
        raise SettingsError(
            f"{place}: the token has {len(token)} characters, at least {LEAST_TOKEN} are expected.",
            'Make one with: python -c "import secrets; print(secrets.token_urlsafe(24))"',
        )
