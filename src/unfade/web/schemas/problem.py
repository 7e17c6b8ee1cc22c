"""An error, as RFC 9457 has it."""

from __future__ import annotations

from pydantic import BaseModel, Field


class FieldError(BaseModel):
    """One thing that is wrong with a request."""

    field: str = Field(description="where, e.g. `body.steps.0.step`")
    detail: str = Field(description="what was found against what was expected")


class Problem(BaseModel):
    """`application/problem+json`. `detail` is the library's own two-sentence message."""

    type: str = Field(
        default="about:blank", description="an address that names the kind, or about:blank"
    )
    title: str = Field(description="the kind of error in a few words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what was found; then what can be done")
    code: str = Field(description="stable name for programs, e.g. `unreadable-input`")
    found: str = Field(default="", description="the first sentence of `detail`")
    remedy: str = Field(default="", description="the second sentence of `detail`")
    instance: str = Field(default="", description="the path that was asked for")
    request_id: str = Field(default="", description="to be named when asking for help")
    errors: list[FieldError] = Field(default_factory=list, description="each wrong field")
