"""Jobs: what is to be done, and how far it is."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from unfade.web.schemas.problem import Problem

Names = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64)]
Numbers = Annotated[list[Annotated[int, Field(ge=1, le=10_000)]], Field(max_length=1000)]
Value = bool | int | float | str | list[float] | None


class Kind(StrEnum):
    """What a job does."""

    RESTORE = "restore"
    EXAMINE = "examine"
    COMPARE = "compare"
    FILM = "film"
    REVERT = "revert"


class State(StrEnum):
    """Where a job is. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Policy(StrEnum):
    """Which evidence an output may hold."""

    ARCHIVE = "archive"
    MUSEUM = "museum"
    FAMILY = "family"
    FILM = "film"
    FREE = "free"


class StepRequest(BaseModel):
    """One step of a recipe of your own, with the settings that differ from the default."""

    model_config = ConfigDict(extra="forbid")

    step: str = Field(max_length=64, description="a name of `GET /v1/steps`")
    settings: dict[str, Value] = Field(default_factory=dict, max_length=64)


class Hint(BaseModel):
    """A colour that the user names for a point of a grey picture."""

    model_config = ConfigDict(extra="forbid")

    row: int = Field(ge=0)
    col: int = Field(ge=0)
    colour: str = Field(pattern=r"^#[0-9a-fA-F]{6}$", description="sRGB, e.g. `#8a5a3c`")


class Treatment(BaseModel):
    """What is to be done with a picture; every field may be left out."""

    model_config = ConfigDict(extra="forbid")

    recipe: str = Field(
        "auto",
        max_length=100_000,
        description="`auto` (by advice), a name of `GET /v1/recipes`, or a recipe as TOML text",
    )
    steps: list[StepRequest] | None = Field(
        None, max_length=64, description="exactly these steps in this order, instead of `recipe`"
    )
    only: Names = Field(default_factory=list, description="exactly these steps")
    skip: Names = Field(default_factory=list, description="without these steps")
    settings: dict[str, dict[str, Value]] = Field(
        default_factory=dict, max_length=64, description="step -> setting -> value, over the advice"
    )
    policy: Policy = Policy.FAMILY
    rejected: list[Annotated[str, Field(max_length=128)]] = Field(
        default_factory=list, max_length=100_000, description="keys of marks to leave as they are"
    )
    mask: str | None = Field(None, max_length=64, description="upload: mend where it is white")
    protect: str | None = Field(None, max_length=64, description="upload: change nothing there")
    upscale: int | None = Field(None, ge=2, le=4, description="times along each side")
    only_classical: bool = Field(False, description="use no network, whatever it measured")
    colorize: bool = Field(False, description="colour for a grey picture: invented, class 4")
    hints: list[Hint] = Field(default_factory=list, max_length=1000)
    reference: str | None = Field(
        None, max_length=64, description="upload: a coloured picture that hints are taken from"
    )
    faces: bool | Numbers = Field(
        False, description="draw faces anew: all, or those with these numbers: invented"
    )
    fill: str | None = Field(
        None, max_length=64, description="how the holes of `mask` are filled; null: as advised"
    )
    prompt: str | None = Field(
        None, max_length=1000, description="for the fill `diffusion`: what to paint"
    )
    render: str | None = Field(
        None,
        max_length=64,
        description="how repairs are shown: `imitative` (null), `neutral` or `tratteggio`",
    )
    access: str | None = Field(
        None,
        pattern=r"^[a-z0-9]{2,10}(:[0-9]{1,3})?$",
        description="films: codec of an access copy, such as `av1`; null: a lossless master",
    )
    report: bool = Field(False, description="make the report as well")
    package: bool = Field(False, description="make the package as well")
    page: int | None = Field(None, ge=1, le=1_000_000, description="of a file of several, from 1")
    format: str | None = Field(
        None, pattern=r"^[a-z0-9]{2,5}$", description="of the result, e.g. `tiff`; null: as before"
    )
    quality: int | None = Field(None, ge=1, le=100, description="when written as lossy anew")


class JobRequest(Treatment):
    """A job to be put in the queue. Exactly one of `upload`, `path` and `s3` names the source."""

    kind: Kind = Kind.RESTORE
    upload: str | None = Field(None, max_length=64, description="id of an upload")
    path: str | None = Field(None, max_length=4096, description="a file on the server, if allowed")
    s3: str | None = Field(None, max_length=2048, description="`s3://bucket/key`, if configured")
    other: str | None = Field(
        None, max_length=64, description="compare: the upload that is measured against `upload`"
    )
    batch: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="a label of yours for several jobs"
    )


class ExamineRequest(BaseModel):
    """A picture to be looked at; nothing is changed."""

    model_config = ConfigDict(extra="forbid")

    upload: str = Field(max_length=64)
    policy: Policy = Policy.FAMILY
    page: int | None = Field(None, ge=1, le=1_000_000)


class CompareRequest(BaseModel):
    """Two pictures of one size to be measured against each other."""

    model_config = ConfigDict(extra="forbid")

    upload: str = Field(max_length=64)
    other: str = Field(max_length=64)


class RevertRequest(BaseModel):
    """Which repairs are taken back; an empty list takes back all."""

    model_config = ConfigDict(extra="forbid")

    items: list[Annotated[int, Field(ge=1, le=2**31)]] = Field(max_length=100_000)


class Progress(BaseModel):
    """How far a running job is."""

    stage: str = Field(description="what is being done, in words")
    stage_number: int = Field(description="the how-manieth stage this is, from 1")
    share: float = Field(description="of this stage, 0-1")
    elapsed_s: float = Field(description="since the job was started")
    left_s: float | None = Field(None, description="guess for this stage, once there is a base")


class StepSummary(BaseModel):
    """What one step did."""

    step: str
    reason: str
    evidence: int
    changed_share: float
    items_made: int
    model: str | None = None


class Summary(BaseModel):
    """The outcome of a job that gave a picture or film."""

    name: str = Field(description="name for the download")
    format: str
    rows: int
    cols: int
    bytes: int
    sha256: str
    same_bytes_as_source: bool = Field(description="nothing was wrong: the very same file")
    verified: bool = Field(description="the written file was decoded and compared")
    changed_share: float
    evidence_shares: dict[str, float]
    steps: list[StepSummary]
    items: int = Field(description="repairs that can be taken back one by one")
    left_alone: list[str]
    warnings: list[str]


class JobLinks(BaseModel):
    """Addresses that belong to a job; null while, or when, there is no such thing."""

    self: str
    events: str
    source: str | None = None
    result: str | None = None
    picture: str | None = None
    view: str | None = None
    tiles: str | None = None
    evidence: str | None = None
    evidence_view: str | None = None
    masks: str | None = None
    items: str | None = None
    record: str | None = None
    report: str | None = None
    package: str | None = None


class Job(BaseModel):
    """One job."""

    id: str
    kind: Kind
    state: State
    name: str = Field(description="the source's name")
    upload: str | None = None
    parent: str | None = Field(None, description="revert: the job whose result it begins from")
    batch: str | None = None
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    expires: datetime | None = Field(None, description="everything of it is deleted then")
    attempts: int = 0
    ahead: int | None = Field(None, description="queued: jobs that will be started before it")
    progress: Progress | None = None
    error: Problem | None = None
    summary: Summary | None = None
    request: dict[str, Any] = Field(description="what was asked for")
    links: JobLinks


class JobList(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[Job]
    next: str | None = Field(None, description="`cursor` of the next page")


class JobEvent(BaseModel):
    """The data of one server-sent event. Its `event:` is the same as `type`."""

    type: Literal["state", "progress"]
    job: str
    state: State
    progress: Progress | None = None
    error: Problem | None = None
