"""What can be asked of a film, and what only of a picture."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sized
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypedDict

from unfade.errors import UsageError
from unfade.files.limits import Limits
from unfade.recipe import Recipe

POLICY = "film"  # samples of other frames are let in, invented content is not
SEGMENT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOptions:
    """How a film is read, cut into work and written; never part of a recipe.

    Attributes:
        access: "av1", "x264:20", "x265", "prores" for an access copy; None: a lossless master
        deinterlace, ivtc, keep_cadence: what to do about fields and repeats
        frames: (first, end) of the frames to make; the others are only read
        preview_s: make this many seconds from the middle of the film
        strict: damage is an error
        allow_loss: streams that the output cannot hold are listed and left out
        segment_s: seconds of film that a kill may cost
        rate: frames a second, for sequences of pictures
        work: folder for pieces; None: beside the output, or a temporary one
    """

    access: str | None = None
    deinterlace: bool = False
    ivtc: bool = False
    keep_cadence: bool = False
    frames: tuple[int, int] | None = None
    preview_s: float | None = None
    strict: bool = False
    allow_loss: bool = False
    segment_s: float = SEGMENT_S
    rate: Fraction | None = None
    work: Path | None = None


class FilmWishes(TypedDict, total=False):
    """Keywords that all doors for films share; ``journey.restore_film`` tells what they mean."""

    recipe: str | os.PathLike[str] | Recipe
    policy: str
    only: Collection[str]
    skip: Collection[str]
    settings: Mapping[str, Mapping[str, Any]] | None
    upscale: int | None
    colorize: bool
    only_classical: bool
    options: FilmOptions | None
    limits: Limits | None


def refuse_for_films(name: str, wishes: Mapping[str, object]) -> None:
    """Refuse what only a picture can have: nothing that was asked for is passed over in silence.

    Args:
        name: of the film
        wishes: as the user spells them -> what was given; None, False and empty: nothing was
    Raises:
        UsageError
    """
    for wish, given in wishes.items():
        if given is None or given is False or (isinstance(given, Sized) and not len(given)):
            continue
        raise UsageError(f"`{wish}` is for pictures; `{name}` is a film.", "Leave it out.")
