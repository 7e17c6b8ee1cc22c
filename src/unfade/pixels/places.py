"""Places that a user points at: "this was grey", with the density it had where that is known.

As text: ``ROW,COL`` or ``ROW,COL,ROWS,COLS`` in pixels from the upper left corner, with spaces
between several, each with ``=DENSITY`` where the density of the sound original is known:

    410,620,40,40                      one grey card
    10,10,8,300=0.06 410,620,40,40     a white border of known density, and a grey card
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.errors import SettingsError
from unfade.picture import Picture, Window
from unfade.pixels.profile import to_linear

POINT_PX = 4  # a place given as a point reaches this far to each side
_AT_MOST_PX = 1024  # a side of a place; a larger one would be held in memory for nothing
_REMEDY = "Write `ROW,COL` or `ROW,COL,ROWS,COLS`, e.g. `410,620,40,40 10,10,8,300=0.06`."


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle that was neutral, and the density it had, where that is known."""

    window: Window
    density: float | None = None


def places_of(text: str, name: str) -> tuple[Place, ...]:
    """Read places from a setting's text.

    Args:
        name: the setting, for messages
    Raises:
        SettingsError: it is not of the form that this module's docstring shows
    """
    return tuple(_place(part, name) for part in text.split())


def light_of(place: Place, picture: Picture, name: str) -> np.ndarray:
    """Median linear light of a place, (channels,) float64: dust on a card does not count.

    Raises:
        SettingsError: the place lies outside the picture
    """
    inside = place.window.overlap(picture.window)
    if inside is None:
        w = place.window
        raise SettingsError(
            f"`{name}` names the place {w.top},{w.left},{w.rows},{w.cols}, which lies outside the "
            f"picture of {picture.rows} rows and {picture.cols} columns.",
            "Count rows from the top and columns from the left of the picture as it is upright.",
        )
    linear = to_linear(picture.read(inside), picture)
    return np.median(linear.reshape(-1, picture.channels).astype(np.float64), axis=0)


def _place(part: str, name: str) -> Place:
    where, equals, density = part.partition("=")
    try:
        numbers = [int(word) for word in where.split(",")]
        known = float(density) if equals else None
    except ValueError:
        raise SettingsError(f"`{name}` holds `{part}`, which is no place.", _REMEDY) from None
    if len(numbers) == 2:
        row, col = numbers
        numbers = [row - POINT_PX, col - POINT_PX, 2 * POINT_PX + 1, 2 * POINT_PX + 1]
    if len(numbers) != 4 or not all(0 < side <= _AT_MOST_PX for side in numbers[2:]):
        raise SettingsError(
            f"`{name}` holds `{part}`, expected 2 or 4 whole numbers, with rows and columns from "
            f"1 to {_AT_MOST_PX}.",
            _REMEDY,
        )
    if known is not None and not 0 <= known <= 5:
        raise SettingsError(f"`{name}` holds the density {known}, expected 0 to 5.", _REMEDY)
    row, col, rows, cols = numbers
    return Place(Window(row, col, row + rows, col + cols), known)
