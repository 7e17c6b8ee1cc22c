"""How often one user, or one address that is not signed in, may ask."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from unfade.web.problems import TooMany, on_unfade_error
from unfade.web.rules import Rules

BURST_S = 4.0  # seconds' worth that may come at once
MOST_KNOWN = 10_000  # users and addresses that are remembered
STRANGER_PER_S = 5.0  # not signed in: enough to sign in, too little to guess a token
_UNLIMITED = ("/healthz", "/readyz")


class RatesGuard:
    """A bucket of tokens for each user and kind of request; it fills at the allowed rate."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNLIMITED:
            await self.app(scope, receive, send)
            return
        wait_s = self.take(*self._whose(scope))
        if wait_s > 0:
            error = TooMany("You ask more often than is allowed.", "Wait, as `Retry-After` says.")
            error.retry_after_s = math.ceil(wait_s)
            await on_unfade_error(Request(scope), error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def take(self, who: str, kind: str, rate: float) -> float:
        """Take one token; seconds until there is one, if there is none now."""
        now = time.monotonic()
        most = rate * BURST_S
        left, since = self._buckets.pop((who, kind), (most, now))
        left = min(most, left + (now - since) * rate)
        wait_s = 0.0 if left >= 1 else (1 - left) / rate
        self._buckets[who, kind] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > MOST_KNOWN:
            self._buckets.popitem(last=False)
        return wait_s

    def _whose(self, scope: Scope) -> tuple[str, str, float]:
        user = scope["state"].get("user")
        if user is None and scope["path"].startswith("/v1/"):
            client = scope.get("client")
            return f"address {client[0] if client else ''}", "any", STRANGER_PER_S
        if scope["method"] in ("GET", "HEAD"):
            return str(user), "read", self.rules.reads_per_s
        return str(user), "write", self.rules.writes_per_s
