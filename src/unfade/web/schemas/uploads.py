"""Uploads: pictures and films that were given to the server."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from unfade.web.schemas.problem import Problem


class Upload(BaseModel):
    """A file that was given to the server. Facts come from its header, read in a child process."""

    id: str
    name: str = Field(description="the name it was given by the user; data, never a path")
    state: Literal["receiving", "ready"]
    kind: Literal["picture", "film"] | None = Field(None, description="null while receiving")
    format: str = Field("", description="told by content, e.g. `tiff`")
    rows: int = Field(0, description="upright")
    cols: int = Field(0, description="upright")
    bits: int = Field(0, description="of one stored sample")
    colour: str = ""
    pages: int = 1
    frames: int | None = Field(None, description="of a film, when its header says")
    duration_s: float | None = None
    bytes: int = Field(description="stated size while receiving, then the file's")
    offset: int = Field(description="bytes that have arrived")
    sha256: str = ""
    notes: list[str] = Field(default_factory=list)
    created: datetime
    expires: datetime = Field(description="it is deleted then, at the latest")
    url: str
    thumbnail: str | None = Field(None, description="address of a small picture")
    picture: str | None = Field(None, description="address of a picture that browsers show")
    tiles: str | None = Field(None, description="address of the deep zoom descriptor (.dzi)")


class Refused(BaseModel):
    """One of several files that was not taken, and why."""

    name: str
    problem: Problem


class Uploads(BaseModel):
    """What became of the files of one request: one bad file costs only itself."""

    uploads: list[Upload]
    refused: list[Refused] = Field(default_factory=list)


class UploadList(BaseModel):
    """A page of uploads, newest first."""

    uploads: list[Upload]
    next: str | None = Field(None, description="`cursor` of the next page")


class ResumableRequest(BaseModel):
    """The announcement of a file that will arrive in chunks."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=1024)
    bytes: int = Field(gt=0, le=2**53, description="size of the whole file")
    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="checked when the last chunk has arrived"
    )
