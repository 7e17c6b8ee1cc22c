"""The library's errors as ``application/problem+json``, with the very same two sentences."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from unfade.errors import Cancelled, InputRefused, UnfadeError, UsageError
from unfade.web.schemas.problem import FieldError, Problem

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5
_UNEXPECTED = (
    "Something unexpected happened on the server.",
    "Name `request_id` when you report it.",
)
log = logging.getLogger("unfade.web")


class NotFound(UsageError):
    """There is no such thing, or it belongs to someone else: the answer is the same."""

    http_status = 404


class NotYet(UsageError):
    """The thing exists, but is not in the state that this needs."""

    http_status = 409


class Conflict(UsageError):
    http_status = 409


class KeyReused(UsageError):
    """An idempotency key came again with another request."""

    http_status = 422


class NotSignedIn(UsageError):
    http_status = 401


class Forbidden(UsageError):
    http_status = 403


class TooLarge(InputRefused):
    http_status = 413


class TooSlow(InputRefused):
    http_status = 408


class TooMany(UsageError):
    """This user asks for too much at once."""

    http_status = 429
    retry_after_s = RETRY_S


class Busy(UnfadeError):
    """The server as a whole has too much to do."""

    http_status = 503
    retry_after_s = RETRY_S


def problem_of(error: UnfadeError, *, instance: str = "", request_id: str = "") -> Problem:
    """An error of the library as a problem."""
    status = error.http_status
    return Problem(
        title=error.code.replace("-", " ").capitalize(),
        status=status,
        detail=str(error),
        code=error.code,
        found=error.found,
        remedy=error.remedy,
        instance=instance,
        request_id=request_id,
    )


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as an answer."""
    return JSONResponse(
        problem.model_dump(),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store"} | dict(headers or {}),
    )


def on_unfade_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, UnfadeError)
    headers = {}
    if isinstance(error, (TooMany, Busy)):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="unfade"'
    if isinstance(error, TooSlow):
        headers["Connection"] = "close"
    return problem_response(
        problem_of(error, instance=request.url.path, request_id=request_id_of(request)), headers
    )


def on_wrong_request(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's own validation, in one voice with the rest."""
    assert isinstance(error, RequestValidationError)
    wrong = [_field_error(each) for each in error.errors()]
    found = f"`{wrong[0].field}`: {wrong[0].detail}." if wrong else "The request is not readable."
    more = f" ({len(wrong) - 1} more in `errors`.)" if len(wrong) > 1 else ""
    usage = UsageError(found + more, "`/v1/openapi.json` says what is expected.")
    usage_problem = problem_of(
        usage, instance=request.url.path, request_id=request_id_of(request)
    ).model_copy(update={"status": 422, "errors": wrong})
    return problem_response(usage_problem)


def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: no such path, no such method."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    problem = Problem(
        title=phrase,
        status=error.status_code,
        detail=f"{request.method} on this address: {str(error.detail).lower()}. "
        "`/v1/openapi.json` lists the addresses.",
        code=phrase.lower().replace(" ", "-"),
        found=f"{request.method} on this address: {str(error.detail).lower()}.",
        remedy="`/v1/openapi.json` lists the addresses.",
        instance=request.url.path,
        request_id=request_id_of(request),
    )
    return problem_response(problem, error.headers)


def on_unexpected(request: Request, error: Exception) -> JSONResponse:
    """A bug of ours: nothing about the inside is told."""
    return problem_response(
        Problem(
            title="Unexpected",
            status=500,
            detail=" ".join(_UNEXPECTED),
            code="unexpected",
            found=_UNEXPECTED[0],
            remedy=_UNEXPECTED[1],
            instance=request.url.path,
            request_id=request_id_of(request),
        )
    )


def request_id_of(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


class Reported(UnfadeError):
    """An error that a child process raised, with its code and status."""

    def __init__(self, code: str, status: int, found: str, remedy: str) -> None:
        super().__init__(found, remedy)
        self._code = code
        self.http_status = status

    @property
    def code(self) -> str:
        return self._code


def reported(facts: Mapping[str, Any]) -> UnfadeError:
    """The error that an executor told of; of an unexpected one, nothing about the inside."""
    code = str(facts.get("code", "unexpected"))
    if code == "unexpected":
        log.error("a child failed: %s\n%s", facts.get("message"), facts.get("trace", ""))
        return Reported(code, 500, *_UNEXPECTED)
    if code == "worker-lost":
        return Reported(
            code,
            422,
            "The process that looked at the file died.",
            "The file is damaged in a way that no decoder survives; copy it again from its source.",
        )
    status = int(facts.get("http_status", 500))
    return Reported(code, status, str(facts.get("found", "")), str(facts.get("remedy", "")))


def problem_from(facts: Mapping[str, Any]) -> Problem:
    """The problem of a job, from what an executor told of it."""
    return problem_of(reported(facts))


def cancelled_problem() -> Problem:
    return problem_of(Cancelled("Stopped by the user.", "Nothing was written."))


def _field_error(error: Mapping[str, Any]) -> FieldError:
    place = ".".join(str(part) for part in error.get("loc", ()))[:200]
    said = str(error.get("msg", "wrong"))
    given = error.get("input")
    shown = f" (it is {given!r})"[:80] if isinstance(given, (str, int, float, bool)) else ""
    return FieldError(field=place, detail=(said[:1].lower() + said[1:])[:300] + shown)


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "The request was not taken",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
    "5XX": {
        "description": "The server could not do it",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
}
