"""The plan of a film: what was decided once, for all its frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from unfade.film.facts import Film
from unfade.film.layout import Frame, Layout
from unfade.film.light import black_of
from unfade.film.look import ACROSS, ACROSS_2, DOWN, DOWN_2, TRACKED, TRACKED_2, Look
from unfade.film.repairs import Repair
from unfade.steps import Settings, step_of
from unfade.steps.film import FILM_STEPS, deflicker, remove_lines, stabilise
from unfade.steps.film.deflicker import Curve, Curves, flicker_curves
from unfade.steps.film.remove_lines import Line

S = TypeVar("S", bound=Settings)
_FILM_NAMES = frozenset(step.name for step in FILM_STEPS)


@dataclass(slots=True, kw_only=True, eq=False)
class Plan:
    """Everything that a frame's treatment needs beside the frames around it.

    Attributes:
        film: the film, its times and layout
        steps: name -> settings of the temporal steps
        pictures: settings of the steps for pictures, in order
        shots: (first, end) of each
        pairs: curve from the frame before to each frame; empty when nothing needs them
        curves, shifts: of each frame, or None when the step is not part of the recipe
        lines: frame -> line scratches
        repeats: frames that show the same as the one before
        rebuilt: frame -> rows of an older list, which are put in instead of new repairs
    """

    film: Film
    steps: dict[str, Settings]
    pictures: tuple[Settings, ...] = ()
    shots: Sequence[tuple[int, int]] = ()
    pairs: Sequence[Curve] = ()
    curves: Sequence[Curve] | None = None
    shifts: np.ndarray | None = None
    lines: dict[int, list[Line]] = field(default_factory=dict)
    repeats: frozenset[int] = frozenset()
    rebuilt: Callable[[int], Sequence[Repair]] | None = None
    _ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ends = [end for _, end in self.shots]

    @property
    def layout(self) -> Layout:
        return self.film.layout

    @property
    def black(self) -> float:
        return black_of(self.film.layout, self.film.colour)

    def has(self, name: str) -> bool:
        return name in self.steps

    def settings(self, name: str, kind: type[S]) -> S:
        found = self.steps[name]
        assert isinstance(found, kind)
        return found

    def shot_of(self, index: int) -> tuple[int, int]:
        if not self._ends:
            return 0, self.film.frames
        return self.shots[min(bisect_right(self._ends, index), len(self.shots) - 1)]

    def neighbour(self, frames: Sequence[Frame], index: int) -> Frame | None:
        """The nearest frame that shows another picture than ``index``; never a lost one."""
        for frame in frames:
            low, high = sorted((frame.index, index))
            if all(n in self.repeats for n in range(low + 1, high + 1)):
                continue
            if frame.trouble == "missing":
                continue
            return frame
        return None

    def level(self, source: int, target: int) -> Curve:
        """The curve that brings a frame to the level of another nearby."""
        if not len(self.pairs) or source == target:
            return Curve()
        curve = Curve()
        if source < target:
            for n in range(source + 1, target + 1):
                curve = curve.then(self.pairs[n])
        else:
            for n in range(source, target, -1):
                curve = curve.then(self.pairs[n].inverse)
        return curve

    @property
    def is_identity(self) -> bool:
        return not self.steps and not self.pictures and self.rebuilt is None


def split_steps(steps: Sequence[Settings]) -> tuple[dict[str, Settings], tuple[Settings, ...]]:
    """A recipe's temporal steps by name, and its steps for pictures; neutral ones are left out."""
    temporal: dict[str, Settings] = {}
    pictures: list[Settings] = []
    for settings in steps:
        if settings.neutral:
            continue
        name = step_of(settings).name
        if name in _FILM_NAMES:
            temporal[name] = settings
        else:
            pictures.append(settings)
    return temporal, tuple(pictures)


def make_plan(
    film: Film,
    steps: Sequence[Settings],
    look: Look | None,
    shots: Sequence[tuple[int, int]],
    repeats: frozenset[int] = frozenset(),
) -> Plan:
    """Decide for the whole film what its measurements ask for."""
    temporal, pictures = split_steps(steps)
    plan = Plan(film=film, steps=temporal, pictures=pictures, shots=shots, repeats=repeats)
    if look is None:
        return plan
    plan.pairs = look.pairs
    if "deflicker" in temporal:
        curves = flicker_curves(plan.pairs, shots, plan.settings("deflicker", deflicker.Settings))
        # as the record holds them: what is in the record gives the same bits again
        plan.curves = Curves(
            [round(c.gain, 6) for c in curves], [round(c.offset, 6) for c in curves]
        )
    shifts = look.numbers[:, (ACROSS, DOWN, TRACKED)]
    if "stabilise" in temporal:
        off = stabilise.weave(
            shifts,
            look.numbers[:, (ACROSS_2, DOWN_2, TRACKED_2)],
            shots,
            film.cols,
            plan.settings("stabilise", stabilise.Settings),
        )
        plan.shifts = np.array([[round(float(v), 4) for v in row] for row in off]).reshape(-1, 2)
    if "remove_lines" in temporal:
        settings = plan.settings("remove_lines", remove_lines.Settings)
        for first, end in shots:
            across = np.where(shifts[first:end, 2] > 0.25, shifts[first:end, 0], 0.0)
            found = remove_lines.find_lines(look.peaks[first:end], across, settings)
            plan.lines |= {first + n: lines for n, lines in enumerate(found) if lines}
    return plan


def to_record(plan: Plan, name: str) -> dict[str, Any]:
    """What a step decided for each frame, for the record."""
    if name == "deflicker" and plan.curves is not None:
        return {
            "curve": "light' = gain * light + offset; black is 0, full scale 1",
            "gains": [c.gain for c in plan.curves],
            "offsets": [c.offset for c in plan.curves],
        }
    if name == "stabilise" and plan.shifts is not None:
        return {
            "shift": "pixels across and down that each frame was off its path, and was moved back",
            "across": [float(v) for v in plan.shifts[:, 0]],
            "down": [float(v) for v in plan.shifts[:, 1]],
        }
    return {}
