"""``/v1/session``: a browser signs in with a token and gets a cookie."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from unfade.web.problems import NotSignedIn
from unfade.web.routes.doors import TheStudio
from unfade.web.schemas.catalogue import Session, SignIn
from unfade.web.sessions import COOKIE

router = APIRouter(tags=["session"])


@router.get("/v1/session", response_model=Session)
def get_session(request: Request, studio: TheStudio) -> Session:
    """Who the server takes you for, and whether it asks for a token."""
    return Session(user=request.scope["state"].get("user"), token_needed=bool(studio.rules.tokens))


@router.post("/v1/session", response_model=Session)
def sign_in(given: SignIn, request: Request, response: Response, studio: TheStudio) -> Session:
    """Sign in: the answer sets a cookie that scripts cannot read and other sites cannot send."""
    user = studio.sessions.user_of_token(given.token)
    if user is None:
        raise NotSignedIn("The token is not known.", "Ask whoever runs this server for one.")
    response.set_cookie(
        COOKIE,
        studio.sessions.cookie_for(given.token),
        max_age=studio.sessions.lasts_s,
        httponly=True,
        samesite="strict",
        secure=request.headers.get("origin", str(request.url)).startswith("https:"),
        path="/",
    )
    return Session(user=user, token_needed=True)


@router.delete("/v1/session", response_model=Session)
def sign_out(response: Response, studio: TheStudio) -> Session:
    """Forget the cookie."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return Session(user=None, token_needed=bool(studio.rules.tokens))
