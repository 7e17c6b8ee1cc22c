"""Correct silver mirroring: give the dark parts the density back that a bluish shine hides.

For silver prints and plates scanned in colour, whose shadows have turned light and bluish from
the edges inwards. Which share of the density is hidden at each place is read from the colour of
the dark parts, on a field of at most 24 x 24 points that stands in the record; the density is
divided by what is left. Light parts hold little density and hardly change; texture stays.

It is an estimate from the picture's own colour: a toned picture whose shadows differ in hue from
place to place is not one it can read, and in one channel there is no colour to go by: then nothing
is done. What the shine hides wholly does not come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Plane, Window
from unfade.pixels.mirroring import WEIGHTS, field_of, hidden_share
from unfade.pixels.small import small_light
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Look, Proposal, Step, setting

_AT_MOST_PX = 400_000
_LEAST = 0.02  # hidden share below which a field is noise
_LEAST_LIGHT = 1e-5


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How far the shine is undone."""

    strength: float = setting(1.0, "share of the shine to undo", low=0, high=1, neutral=0.0)
    most: float = setting(
        0.6, "no place is taken to have more than this share of its density hidden",
        low=0.05, high=0.8,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Shine:
    """The hidden share over the whole picture.

    Attributes:
        field: (rows, cols) float32 points, evenly over the picture; None: nothing is done
        rows, cols: of the picture
        says: why
    """

    field: Plane | None
    rows: int
    cols: int
    says: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the record; the field is enough to undo the step."""
        points = [] if self.field is None else np.round(self.field, 4).tolist()
        return {"hidden_share": points, "says": self.says}

    def over(self, window: Window) -> Plane:
        """(rows, cols) float32 hidden share over a window, bilinear between the points."""
        assert self.field is not None
        rows, down = _between(window.top, window.bottom, self.rows, self.field.shape[0])
        cols, right = _between(window.left, window.right, self.cols, self.field.shape[1])
        upper, lower = self.field[rows], self.field[rows + 1]
        above = upper[:, cols] * (1 - right) + upper[:, cols + 1] * right
        below = lower[:, cols] * (1 - right) + lower[:, cols + 1] * right
        return np.asarray(above * (1 - down[:, None]) + below * down[:, None], np.float32)


def _between(first: int, last: int, length: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    at = (np.arange(first, last, dtype=np.float64) + 0.5) * count / length - 0.5
    at = np.clip(at, 0, count - 1)
    before = np.minimum(np.floor(at), count - 2).astype(np.int64)
    return before, (at - before).astype(np.float32)


def lift_shine(linear: Pixels, hidden: Plane) -> Pixels:
    """Divide the density by what the shine has left of it.

    Args:
        linear: (rows, cols, 3) float32 linear light
        hidden: (rows, cols) float32, 0 to less than 0.9
    """
    light = np.maximum(linear, np.float32(_LEAST_LIGHT))
    left = 1 - hidden[:, :, None] * np.asarray(WEIGHTS, np.float32)
    lifted = np.exp(np.log(light) / left)
    # light above white has no density, and where nothing is hidden nothing changes
    return np.where((linear >= 1) | (hidden[:, :, None] <= 0), linear, lifted).astype(np.float32)


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> Shine:
    """Read the hidden share from the picture in small."""
    del findings, bench
    size = picture.rows, picture.cols
    if picture.channels == 1:
        return Shine(None, *size, "One channel shows no colour to go by.")
    block = max(1, int(np.ceil(np.sqrt(size[0] * size[1] / _AT_MOST_PX))))
    light = small_light(picture, picture.window, block)
    density = -np.log10(np.maximum(light, np.float32(1e-3)))
    share, told = hidden_share(np.asarray(density, np.float32))
    field = field_of(share, told)
    if field is None or float(field.max()) < _LEAST:
        return Shine(None, *size, "No dark place tells of a shine.")
    field = np.minimum(field, np.float32(settings.most)) * np.float32(settings.strength)
    return Shine(field, *size, f"Up to {float(field.max()):.0%} of the density is hidden.")


def _propose(look: Look, settings: Settings) -> Proposal:
    if look.measured.field is None:
        return Proposal(look.pixels)
    return Proposal(lift_shine(look.pixels, look.measured.over(look.window)))


STEP = Step(
    name="correct_silvering",
    title="Take the bluish shine of silver mirroring off the dark parts",
    settings=Settings,
    kind=Kind.TONAL,
    evidence=Evidence.ESTIMATED,
    looks_at=("silvering",),
    measure=measure,
    propose=_propose,
    encoding="linear",
    paper="Weyde 1972 (the layer); field read from the dark parts' own colour",
)
