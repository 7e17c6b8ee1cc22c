"""Mending films: treatments that need the frames before and after.

Each module holds one treatment's settings and its array functions, which know frames as
``float32 (rows, cols)`` luminance in codes of 0-255, and nothing of files. ``unfade.film`` reads
the frames, calls these functions in the order of this list, and writes the list of repairs.
"""

from __future__ import annotations

from unfade.steps.contract import Step
from unfade.steps.film import (
    deflicker,
    denoise_frames,
    mend_frames,
    remove_dirt,
    remove_lines,
    stabilise,
)

FILM_STEPS: tuple[Step, ...] = (
    mend_frames.STEP,
    remove_dirt.STEP,
    remove_lines.STEP,
    deflicker.STEP,
    denoise_frames.STEP,
    stabilise.STEP,
)

__all__ = ["FILM_STEPS"]
