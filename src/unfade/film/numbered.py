"""A film that is a sequence of numbered pictures."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from pathlib import Path

import numpy as np

from unfade.errors import UnreadableInput
from unfade.files.limits import Limits
from unfade.film.facts import Film
from unfade.film.layout import Colour, layout_of
from unfade.film.opening import read_still


def probe_sequence(pattern: Path, limits: Limits, rate: Fraction) -> Film:
    files, notes = _numbered(pattern)
    frame = read_still(files[0])
    layout = layout_of(frame.format.name)
    limits.check(files[0].name, frame.height, frame.width)
    times = np.arange(len(files), dtype=np.int64)
    return Film(
        path=pattern,
        container="sequence",
        codec=pattern.suffix.lower().lstrip("."),
        stream=0,
        rows=frame.height,
        cols=frame.width,
        layout=layout,
        colour=Colour(
            matrix=int(frame.colorspace),
            primaries=int(frame.color_primaries),
            transfer=int(frame.color_trc),
            full_range=True,
        ),
        time_base=1 / rate,
        times=times,
        keys=times,
        rate=rate,
        notes=tuple(notes),
        files=files,
        is_intra=True,
    )


def _numbered(pattern: Path) -> tuple[tuple[Path, ...], list[str]]:
    """The files of a pattern in the order of their numbers.

    Raises:
        UnreadableInput: there is none, or numbers are missing
    """
    before, width, after = re.split(r"%(0\d+)?d", pattern.name, maxsplit=1)
    digits = rf"(\d{{{int(width)},}})" if width else r"(\d+)"
    form = re.compile(re.escape(before) + digits + re.escape(after))
    try:
        names = [(int(m[1]), p) for p in pattern.parent.iterdir() if (m := form.fullmatch(p.name))]
    except OSError as error:
        raise UnreadableInput(f"`{pattern.parent}` cannot be listed.", "Check the path.") from error
    if not names:
        raise UnreadableInput(f"No file fits the pattern `{pattern}`.", "Check its digits.")
    names.sort()
    gaps = [n for (a, _), (b, _) in itertools.pairwise(names) for n in range(a + 1, b)]
    if gaps:
        shown = ", ".join(str(n) for n in gaps[:5])
        raise UnreadableInput(
            f"`{pattern}`: {len(gaps)} numbers are missing between {names[0][0]} and "
            f"{names[-1][0]}, the first: {shown}.",
            "Complete the sequence, or renumber it.",
        )
    return tuple(path for _, path in names), []
