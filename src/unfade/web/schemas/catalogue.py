"""What the server knows: networks, recipes, steps, limits, health, who you are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A network of the catalogue."""

    name: str
    about: str
    task: str
    licence: str
    paper: str
    scale: int
    evidence: str
    bytes: int
    sha256: str
    state: Literal["here", "missing"]


class Models(BaseModel):
    models: list[Model]


class RecipeStep(BaseModel):
    step: str
    settings: dict[str, Any]


class RecipeView(BaseModel):
    """A shipped recipe."""

    name: str
    about: str
    sha256: str
    steps: list[RecipeStep]
    text: str = Field(description="the recipe as TOML")


class Recipes(BaseModel):
    recipes: list[RecipeView]


class StepView(BaseModel):
    """A treatment and the settings it takes."""

    step: str
    title: str
    kind: str
    evidence: int
    paper: str
    settings_schema: dict[str, Any] = Field(
        description="JSON schema; `x-unit` is the unit, `x-neutral` the value that changes nothing"
    )


class Steps(BaseModel):
    """All treatments, in the order in which advice puts them."""

    steps: list[StepView]
    policies: dict[str, list[int]] = Field(description="policy -> evidence classes it allows")


class Limits(BaseModel):
    """What this server allows."""

    upload_bytes: int = Field(description="of one picture")
    film_bytes: int = Field(description="of one film")
    files_per_upload: int
    area_mpx: float
    side_px: int
    pages: int
    job_seconds: float
    job_memory_bytes: int
    queued_jobs: int = Field(description="of everyone")
    queued_jobs_each: int = Field(description="of one user")
    running_jobs: int
    retention_s: float = Field(description="nothing is kept longer after it was last worked on")
    ephemeral: bool = Field(description="everything is deleted when the server stops")
    formats_in: list[str]
    formats_out: list[str]
    sources: list[Literal["upload", "path", "s3"]]
    features: list[str] = Field(description="e.g. restore, examine, compare, film, colorize, faces")


class Session(BaseModel):
    """Who the server takes you for."""

    user: str | None = Field(None, description="null: not signed in")
    token_needed: bool = Field(description="whether this server asks for a token")


class SignIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    token: str = Field(min_length=1, max_length=512)


class Health(BaseModel):
    status: Literal["ok", "not ready"]
    version: str
    checks: dict[str, str] = Field(default_factory=dict)
