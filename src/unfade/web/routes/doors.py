"""What routes ask for: the studio, the user, and things that belong to that user."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from unfade.web.problems import NotSignedIn
from unfade.web.rows import JobRow, UploadRow
from unfade.web.studio import Studio

Id = Annotated[str, Path(max_length=64, description="an id that the server gave")]


def studio_of(request: Request) -> Studio:
    """The studio that this application is the face of."""
    studio: Studio = request.app.state.studio
    return studio


TheStudio = Annotated[Studio, Depends(studio_of)]


def user_of(request: Request) -> str:
    """Who asks, as the identity guard has found out.

    Raises:
        NotSignedIn: this server asks for a token, and none or a wrong one was given
    """
    user = request.scope["state"].get("user")
    if user is None:
        raise NotSignedIn(
            "This server asks for a token, and the request has none that it knows.",
            "Send `Authorization: Bearer TOKEN`, or sign in with `POST /v1/session`.",
        )
    return str(user)


TheUser = Annotated[str, Depends(user_of)]


def upload_of(id: Id, studio: TheStudio, user: TheUser) -> UploadRow:
    """One of the user's own uploads.

    Raises:
        NotFound: there is none of this id, or it is someone else's
    """
    return studio.store.upload(id, user)


def job_of(id: Id, studio: TheStudio, user: TheUser) -> JobRow:
    """One of the user's own jobs."""
    return studio.store.job(id, user)


OwnUpload = Annotated[UploadRow, Depends(upload_of)]
OwnJob = Annotated[JobRow, Depends(job_of)]

__all__ = ["Id", "OwnJob", "OwnUpload", "TheStudio", "TheUser"]
