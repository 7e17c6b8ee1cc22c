"""The state of a training on disk: whole or not at all, and read back with tensors only."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from unfade.errors import ModelRejected

LATEST = "latest.pt"
BEST = "best.pt"


@dataclass(slots=True, kw_only=True)
class Checkpoint:
    """Everything that the next step depends on; patches follow from ``step`` and the recipe."""

    recipe_sha256: str
    step: int
    networks: dict[str, dict[str, Any]]
    averages: dict[str, dict[str, Any]]
    optimisers: dict[str, dict[str, Any]]
    best: float | None = None
    stale: int = 0  # validations without gain
    measured: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write, sync, rename: a kill at any moment leaves the previous file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save({k: getattr(checkpoint, k) for k in Checkpoint.__slots__}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path, recipe_sha256: str | None = None) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        ModelRejected: it is no checkpoint of unfade's, or of another recipe
    """
    try:
        table = torch.load(path, map_location="cpu", weights_only=True)
        checkpoint = Checkpoint(**table)
    except (OSError, RuntimeError, TypeError, EOFError, ValueError, UnpicklingError) as error:
        raise ModelRejected(
            f"`{path}` is no checkpoint of a training that can be read ({type(error).__name__}).",
            "Use a new folder, or take the other checkpoint beside it.",
        ) from error
    if recipe_sha256 is not None and checkpoint.recipe_sha256 != recipe_sha256:
        raise ModelRejected(
            f"`{path}` was made by another recipe.",
            "Give the recipe that lies beside it, or another `--out` folder.",
        )
    return checkpoint
