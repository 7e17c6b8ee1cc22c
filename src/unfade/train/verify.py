"""Measure a training's weights again, on the validation patches that its recipe fixes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from unfade.train import checkpoint as store
from unfade.train.data import Patches, Pictures
from unfade.train.export import averaged
from unfade.train.history import load_exported
from unfade.train.loop import VALIDATION_SEED, validate
from unfade.train.tasks import task_of

TOLERANCE = 0.005  # of the written value: rounding and other processors


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure as it was written, and as it is now."""

    name: str
    written: float
    now: float

    @property
    def same(self) -> bool:
        return math.isclose(self.written, self.now, rel_tol=TOLERANCE, abs_tol=1e-4)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"same": self.same}


def verify(
    place: Path, data: str | Path, *, which: str = store.BEST, overlays: str | None = None
) -> list[Figure]:
    """Compare the figures beside the weights with new ones.

    Args:
        place: folder of a training, or the ``NAME.training.json`` of an exported network
        data, overlays: what it was trained with
        which: of a training's folder: ``best.pt`` or ``latest.pt``
    Raises:
        ModelRejected: there is no training, or no weights
        UsageError: ``data`` holds no pictures
    Cost: one validation, seconds to minutes
    """
    if place.is_file():
        history, networks = load_exported(place)
        recipe, written = history.parsed, history.figures
    else:
        recipe, state, networks = averaged(place, which)
        written = state.measured
    task = task_of(recipe.task)(recipe.settings, torch.device("cpu"))
    task.networks = networks
    task.overlays = overlays
    patches = Patches(Pictures(data, recipe.data), "validation", recipe.data, VALIDATION_SEED)
    now = validate(task, {}, patches, recipe)
    return [Figure(name, value, now[name]) for name, value in written.items()]
