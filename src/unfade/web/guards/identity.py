"""Which host was asked for, by a page of which origin, for which user.

The host is checked on the loopback address as well: a page elsewhere can make its own name
resolve to 127.0.0.1 (DNS rebinding), but cannot make the browser send our name.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unfade.web.problems import Forbidden, on_unfade_error
from unfade.web.rules import LOOPBACK_NAMES, Rules
from unfade.web.sessions import COOKIE, Sessions

_SAFE = ("GET", "HEAD", "OPTIONS")
_ALLOWED = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "authorization, content-type, idempotency-key, prefer, "
    "upload-offset, last-event-id",
    "Access-Control-Expose-Headers": "location, upload-offset, retry-after, x-request-id",
    "Access-Control-Max-Age": "600",
}


class IdentityGuard:
    """Refuses foreign hosts and origins, and finds out who asks."""

    def __init__(self, app: ASGIApp, rules: Rules, sessions: Sessions) -> None:
        self.app = app
        self.rules = rules
        self.sessions = sessions
        self.names = {*LOOPBACK_NAMES, *(name.lower() for name in rules.host_names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["state"]["user"] = self.sessions.user_of(
            headers.get("authorization"),
            cookie_parser(headers.get("cookie", "")).get(COOKIE),
        )
        refused = self._refused(scope, headers)
        if refused is not None:
            await on_unfade_error(Request(scope), refused)(scope, receive, send)
            return
        origin = headers.get("origin", "")
        if origin not in self.rules.origins:
            await self.app(scope, receive, send)
            return
        await self._for_origin(origin, scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> Forbidden | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _name_of(hosts[0]) not in self.names:
            return Forbidden(
                "The request asks for a host name that is not this server's.",
                "Use the address that the server printed, or start it with `--host-name`.",
            )
        origin = headers.get("origin")
        if origin is None or scope["method"] in _SAFE or origin in self.rules.origins:
            return None
        if origin not in (f"http://{hosts[0]}", f"https://{hosts[0]}"):
            return Forbidden(
                "The request comes from a page of another origin.",
                "Start the server with `--origin` if that page may use it.",
            )
        return None

    async def _for_origin(self, origin: str, scope: Scope, receive: Receive, send: Send) -> None:
        """CORS, for the origins that the server's owner named; never with cookies."""
        allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"} | _ALLOWED
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=allowed)(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(allowed)
                headers["Cross-Origin-Resource-Policy"] = "cross-origin"
            await send(message)

        await self.app(scope, receive, answer)


def _name_of(host: str) -> str:
    """The name in a ``Host`` header, without the port."""
    try:
        parts = urlsplit(f"//{host}")
        name = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return ""
    return f"[{name}]" if ":" in name else name
