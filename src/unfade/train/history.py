"""How a network came to be, kept beside its weights: recipe, log, figures.

``NAME.training.json`` is all that ``unfade train verify NAME`` needs beside the weights and the
pictures, so that a published figure can be measured again by anyone.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unfade.errors import ModelRejected, UsageError, nearest
from unfade.needs import need
from unfade.train.checkpoint import Checkpoint
from unfade.train.recipe import TrainRecipe, parse_recipe
from unfade.train.tasks import task_of
from unfade.version import VERSION

ENDING = ".training.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was done to make a network.

    Attributes:
        recipe, recipe_name, recipe_sha256: the recipe's text, seed included
        steps, minutes: how long it was trained
        figures: measured on the validation split, of the weights before rounding to half precision
        log: losses and figures at each validation
        version, revision: of unfade; the git revision is empty where it ran from a package
    """

    recipe_name: str
    recipe: str
    recipe_sha256: str
    steps: int
    minutes: float
    figures: dict[str, float]
    log: tuple[dict[str, Any], ...] = ()
    version: str = VERSION
    revision: str = ""
    format: int = FORMAT

    @property
    def parsed(self) -> TrainRecipe:
        return parse_recipe(self.recipe, self.recipe_name, f"{self.recipe_name}{ENDING}")


def history_of(folder: Path, recipe: TrainRecipe, state: Checkpoint) -> History:
    """The history of a training's folder."""
    log = folder / "log.jsonl"
    lines = log.read_text("utf-8").splitlines() if log.is_file() else []
    return History(
        recipe_name=recipe.name, recipe=recipe.text, recipe_sha256=recipe.sha256,
        steps=state.step, minutes=round(state.seconds / 60, 1), figures=dict(state.measured),
        log=tuple(json.loads(line) for line in lines), revision=_revision(),
    )  # fmt: skip


def write_history(history: History, path: Path) -> None:
    path.write_text(json.dumps(asdict(history), indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_history(path: Path) -> History:
    """What ``write_history`` wrote.

    Raises:
        ModelRejected: it cannot be read, or is of another format
    """
    try:
        table = json.loads(path.read_text("utf-8"))
        history = History(**table | {"log": tuple(table["log"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelRejected(
            f"`{path}` is no history of a training ({type(error).__name__}).",
            "Give a training's folder, or a network that lies beside its `.training.json`.",
        ) from error
    if history.format != FORMAT:
        raise ModelRejected(f"`{path}` has the format {history.format}, expected {FORMAT}.")
    return history


def load_exported(path: Path) -> tuple[History, dict[str, nn.Module]]:
    """The networks of a task with the weights that lie beside ``NAME.training.json``.

    Raises:
        ModelRejected: the weights are not there, or of another network
    """
    need("safetensors", extra="torch", to="read weights")
    from safetensors.torch import load_file

    history = read_history(path)
    recipe = history.parsed
    task = task_of(recipe.task)(recipe.settings, torch.device("cpu"))
    for given in task.exports(task.networks):
        weights = path.parent / f"{given.name}.safetensors"
        try:
            tensors = load_file(str(weights))
            given.module.load_state_dict({k: v.float() for k, v in tensors.items()})
        except (OSError, RuntimeError) as error:
            raise ModelRejected(
                f"`{weights}` does not hold the weights of `{given.name}`.",
                "Keep together what `unfade train export` wrote.",
            ) from error
    for net in task.networks.values():
        net.eval()
    return history, dict(task.networks)


def place_of(name: str) -> Path:
    """Where a training is: a folder or file as it stands, or a network that comes with unfade.

    Raises:
        UsageError: it is neither
    """
    if Path(name).exists():
        return Path(name)
    weights = Path(str(resources.files("unfade.zoo"))) / "weights"
    shipped = weights / f"{name}{ENDING}"
    if shipped.is_file():
        return shipped
    known = sorted(p.name.removesuffix(ENDING) for p in weights.glob(f"*{ENDING}"))
    raise UsageError(
        f"`{name}` is neither a training's folder, nor its `{ENDING}`, nor a network of unfade's.",
        nearest(name, known),
    )


def _revision() -> str:
    """The git revision of unfade's source; empty where it does not run from a checkout."""
    try:
        out = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return out.stdout.strip()
