"""What S3 clients complain of, as four kinds: it is missing, taken, denied, or worth a retry."""

from __future__ import annotations

import re


class Told(Exception):
    """Anything else that was said; ``retry`` when trying again may help."""

    def __init__(self, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.retry = retry


class Missing(Told):
    """No such key, or (``bucket``) no such bucket."""

    def __init__(self, message: str, *, bucket: bool) -> None:
        super().__init__(message, retry=False)
        self.bucket = bucket


class Taken(Told):
    """Something lies there already."""


class Denied(Told):
    """No credentials, wrong ones, or not enough."""


_DENIED = {
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "401",
    "403",
}


def translated(error: BaseException) -> Told:
    """An exception of obstore or botocore as one of this module's."""
    if isinstance(error, Told):
        return error
    text = _plain(str(error))
    if _is(error, "botocore", "NoCredentialsError", "CredentialRetrievalError", "ProfileNotFound"):
        return Denied(text, retry=False)
    status = _status(str(error))
    code = _code(error)
    if code == "NoSuchBucket" or "NoSuchBucket" in str(error):
        return Missing(text, bucket=True)
    if isinstance(error, FileNotFoundError) or code in ("NoSuchKey", "404", "NoSuchUpload"):
        return Missing(text, bucket=False)
    if _is(error, "obstore", "AlreadyExistsError", "PreconditionError") or status == 412:
        return Taken(text, retry=False)
    if (
        _is(error, "obstore", "PermissionDeniedError", "UnauthenticatedError")
        or isinstance(error, PermissionError)
        or code in _DENIED
        or status in (401, 403)
    ):
        return Denied(code or f"the server says {status or 'no'}", retry=False)
    if _is(error, "obstore", "InvalidPathError", "NotSupportedError") or isinstance(
        error, ValueError
    ):
        return Told(text, retry=False)
    # 5xx, throttling, time-outs, cut connections; 4xx that are no throttling cannot get better
    final = status is not None and 400 <= status < 500 and status not in (408, 429)
    return Told(_short(text, status), retry=not final)


def _is(error: BaseException, package: str, *names: str) -> bool:
    kinds = type(error).__mro__
    return any(kind.__module__.startswith(package) and kind.__name__ in names for kind in kinds)


def _code(error: BaseException) -> str:
    """The S3 error code of a botocore ``ClientError``."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    found = re.search(r"<Code>(\w+)</Code>", str(error))
    return found[1] if found else ""


def _status(text: str) -> int | None:
    found = re.search(r"(?:non-2xx status code: |status: )(\d{3})", text)
    return int(found[1]) if found else None


def _plain(text: str) -> str:
    """One line without addresses' queries, which can hold signatures."""
    line = text.strip().split("\n", 1)[0]
    return re.sub(r"\?\S+", "", line)[:200]


def _short(text: str, status: int | None) -> str:
    if status is not None:
        return f"the server answers {status}"
    return f"the server does not answer ({text[:120]})"
