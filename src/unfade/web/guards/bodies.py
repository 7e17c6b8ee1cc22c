"""How much a request may hold, and how slowly it may come."""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unfade.errors import UnfadeError, UsageError
from unfade.web.problems import TooLarge, TooSlow, on_unfade_error
from unfade.web.rules import Rules

JSON_BYTES = 16_000_000  # a job that leaves 100,000 marks alone has 4 MB
FORM_BYTES = 100_000  # what a multipart body may have besides each file's bytes
_SLACK_S = 10.0  # before the least rate is asked for


class BodiesGuard:
    """Counts a body while it comes, whatever its head stated; and looks at the clock."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        most = self.most(scope)
        try:
            self._check_head(Headers(scope=scope), most)
        except UnfadeError as error:
            await on_unfade_error(request, error)(scope, receive, send)
            return
        body = _Body(receive, most, self.rules)
        scope["state"]["body"] = body
        answered = False

        async def answer(message: Message) -> None:
            nonlocal answered
            if body.error is not None and not answered:
                # a framework between us may have made another error of ours: this is the true one
                if message["type"] == "http.response.start":
                    answered = True
                    await on_unfade_error(request, body.error)(scope, receive, send)
                return
            if not answered:
                await send(message)

        await self.app(scope, body.receive, answer)

    def most(self, scope: Scope) -> int:
        """The most bytes that a request to this address may hold."""
        if scope["path"].startswith("/v1/uploads") and scope["path"] != "/v1/uploads/resumable":
            files = 1 if scope["method"] == "PATCH" else self.rules.files_per_upload
            return self.rules.film_bytes + FORM_BYTES + files * 4096
        return JSON_BYTES

    def _check_head(self, headers: Headers, most: int) -> None:
        lengths = set(headers.getlist("content-length"))
        if len(lengths) > 1 or (lengths and "transfer-encoding" in headers):
            raise UsageError(
                "The request states the length of its body in two ways.", "State it in one."
            )
        for length in lengths:
            if not (length.isascii() and length.isdigit()):
                raise UsageError("`Content-Length` is no number.", "Send the number of bytes.")
            if int(length) > most:
                raise _too_large(int(length), most)


class _Body:
    """A request's body, counted and timed."""

    def __init__(self, receive: Receive, most: int, rules: Rules) -> None:
        self._receive = receive
        self.most = most
        self.rules = rules
        self.bytes = 0
        self.ended = False
        self.error: UnfadeError | None = None
        self.began = time.monotonic()

    async def receive(self) -> Message:
        if self.ended:
            return await self._receive()  # only the end of the connection can still come
        try:
            async with asyncio.timeout(self.rules.body_idle_s):
                message = await self._receive()
        except TimeoutError:
            raise self._refused(self._too_slow()) from None
        if message["type"] == "http.request":
            self.bytes += len(message.get("body", b""))
            self.ended = not message.get("more_body", False)
            if self.bytes > self.most:
                raise self._refused(_too_large(self.bytes, self.most))
            spent = time.monotonic() - self.began - _SLACK_S
            if not self.ended and self.bytes < spent * self.rules.body_rate:
                raise self._refused(self._too_slow())
        return message

    def _refused(self, error: UnfadeError) -> UnfadeError:
        self.error = error
        return error

    def _too_slow(self) -> TooSlow:
        return TooSlow(
            f"The request's body came too slowly: {self.bytes} bytes in "
            f"{time.monotonic() - self.began:.0f} s.",
            "Send large files in chunks with `POST /v1/uploads/resumable`.",
        )


def _too_large(given: int, most: int) -> TooLarge:
    return TooLarge(
        f"The request's body has {given} bytes or more; {most} are allowed here.",
        "`GET /v1/limits` says what is; large files go by `POST /v1/uploads/resumable`.",
    )
