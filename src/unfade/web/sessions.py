"""Who is who: tokens of programs, and cookies of browsers that signed in with one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

from unfade.web.rules import LOCAL_USER, hashed

COOKIE = "unfade_session"


class Sessions:
    """Tokens and signed cookies; nothing is kept on the server.

    A cookie holds the user, the hash of the token it was got with, and when it ends; a token
    that is taken away takes its cookies with it.
    """

    lasts_s = 12 * 3600

    def __init__(self, tokens: Mapping[str, str], secret: bytes) -> None:
        self.tokens = tokens
        self._secret = secret

    def user_of_token(self, token: str) -> str | None:
        """The user of a token; looked up by its hash, so timing tells nothing about it."""
        return self.tokens.get(hashed(token))

    def user_of(self, authorization: str | None, cookie: str | None) -> str | None:
        """Who a request comes from; None: nobody whom this server knows."""
        if not self.tokens:
            return LOCAL_USER
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            return self.user_of_token(token.strip()) if scheme.lower() == "bearer" else None
        return self._user_of_cookie(cookie) if cookie else None

    def cookie_for(self, token: str) -> str:
        """A cookie that stands for this token until it ends."""
        body = f"{hashed(token)}.{int(time.time()) + self.lasts_s}"
        return f"{body}.{self._signature(body)}"

    def _user_of_cookie(self, cookie: str) -> str | None:
        body, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            return None
        token_sha256, _, ends = body.partition(".")
        return self.tokens.get(token_sha256) if int(ends) > time.time() else None

    def _signature(self, body: str) -> str:
        digest = hmac.new(self._secret, body.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
