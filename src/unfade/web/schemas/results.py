"""Results: what was seen, measured and made."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

Box = tuple[int, int, int, int]


class FindingView(BaseModel):
    """What one finder saw, in plain language."""

    name: str = Field(description="tone, noise, fade, cast, marks, sharpness, clipping, faces ...")
    says: str
    confidence: float | None = Field(None, description="0-1; null: it abstained")
    facts: dict[str, Any] = Field(default_factory=dict, description="the finder's own numbers")


class MarkView(BaseModel):
    """One item of local damage. To leave it as it is, put its key in a job's `rejected`."""

    key: str
    kind: str = Field(description="dust, hair, scratch ...")
    box: Box = Field(description="top, left, rows, cols in pixels of the upright picture")
    area_px: int
    light: bool = Field(description="lighter than what it covers")
    width_px: float
    length_px: float
    confidence: float


class FaceView(BaseModel):
    """One face, left to right; its place in the list is its number, from 0."""

    box: Box
    confidence: float
    eye_distance_px: float | None = None


class PlanStep(BaseModel):
    """One step of the plan, ready to be changed and sent back as a `StepRequest`."""

    step: str
    title: str
    reason: str
    kind: str = Field(description="local, tonal, texture, chroma or geometry")
    evidence: int = Field(description="class of the pixels that it gives, 0-5")
    settings: dict[str, Any]
    settings_schema: dict[str, Any] = Field(description="JSON schema of `settings`")


class Examination(BaseModel):
    """What is wrong, where, how sure, and what would be done and why."""

    format: str
    rows: int
    cols: int
    bits: int
    policy: str
    findings: list[FindingView]
    marks: list[MarkView]
    faces: list[FaceView]
    plan: list[PlanStep]
    left_alone: list[str]
    notes: list[str]


class Measured(BaseModel):
    """Two pictures in numbers; PSNR is null where they are equal."""

    psnr_db: float | None
    psnr_luma_db: float | None
    ssim: float
    mse: float
    sharpness_a: float
    sharpness_b: float
    changed_share: float
    largest_difference: float


class ItemView(BaseModel):
    """One repair, with the number by which it is taken back."""

    number: int
    step: str
    key: str
    kind: str
    box: Box
    area_px: int
    confidence: float
    made: bool = Field(description="false: found, and left alone")


class Items(BaseModel):
    """The repairs of a result."""

    items: list[ItemView]


class MaskView(BaseModel):
    """One mask: white where there is damage of this kind."""

    kind: str
    marks: int
    url: str


class Masks(BaseModel):
    """The masks of what was found."""

    masks: list[MaskView]


class Gone(BaseModel):
    """What was deleted."""

    deleted: Literal[True] = True
    id: str
