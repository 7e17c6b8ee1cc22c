"""The recipe of a training: TOML in, checked settings out.

    task = "restore"
    seed = 1
    [data]        # which pictures, and how patches are cut from them
    [settings]    # of the task
    [run]         # how long, how many, how fast

Unknown keys are errors with the nearest known name. A recipe says what is learnt from what;
where the pictures lie, device and workers are said on the command line.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from importlib.resources import files as resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from unfade.errors import RecipeError, nearest
from unfade.toml_text import check_keys, parsed, text_of, texts_in


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """Which pictures, and how patches are cut.

    Attributes:
        include: name patterns below the data place, e.g. ``photos/*``; empty: everything
        patch_px: side of a patch
        shrink: patches are cut after scaling by a random factor from here to 1, which hides
            the marks of earlier compression
        enlarge: that factor goes up to here instead of 1: what is seen in close scans
        whole: a patch is a whole picture, reduced to a square whatever its shape; ``shrink`` is
            then the least share of each side that is kept
        turns: whether patches are turned and mirrored at random; whole pictures are mirrored
            alone, for which end is up tells something, unless they are not ``upright``
        upright: whether whole pictures stay as they stand
        collage: share of the training patches that are of two pictures, put together along a
            line, sharply or with one fading into the other: more scenes than there are pictures
        tones: how much the brightness and the colours of training patches vary: a gamma of up to
            two to the power of this for all channels, half as much for each; 0: as they are
        train_share: of the pictures, by hash of their content; the rest is parted equally
            into validation and test
    """

    include: tuple[str, ...] = ()
    patch_px: int = 128
    shrink: float = 0.6
    enlarge: float = 1.0
    whole: bool = False
    turns: bool = True
    upright: bool = True
    collage: float = 0.0
    tones: float = 0.0
    train_share: float = 0.8

    def __post_init__(self) -> None:
        _within("patch_px", self.patch_px, 8, 1024)
        _within("shrink", self.shrink, 0.1, 1.0)
        _within("enlarge", self.enlarge, 1.0, 4.0)
        _within("collage", self.collage, 0.0, 1.0)
        _within("tones", self.tones, 0.0, 2.0)
        _within("train_share", self.train_share, 0.1, 0.98)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How long, how many, how fast.

    Attributes:
        steps: of the optimiser; ``warmup_steps`` of them rise, then a cosine falls to
            ``final_share`` of the learning rate
        reuse: every batch is made once and learnt from this often, turned another way each time
            (Choi et al. 2019, data echoing): for damage that costs more than a step
        average: decay of the moving average of the weights, reached after nine times as many steps
            as it spans; before, it spans a ninth of those that were taken
        checkpoint_every, validate_every: steps
        validation_patches: how many fixed patches are measured
        patience: validations without gain before an early stop; 0: never
    """

    steps: int = 20000
    batch: int = 16
    warmup_steps: int = 200
    final_share: float = 0.01
    reuse: int = 1
    average: float = 0.999
    checkpoint_every: int = 500
    validate_every: int = 1000
    validation_patches: int = 48
    patience: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "checkpoint_every", "validate_every", "validation_patches"):
            _within(name, getattr(self, name), 1, 10**9)
        _within("reuse", self.reuse, 1, 8)
        _within("average", self.average, 0.0, 0.999999)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRecipe:
    """What to train. ``settings`` is the task's own dataclass; ``text`` is the TOML as read."""

    name: str
    task: str
    seed: int
    data: DataSettings
    settings: Any
    run: RunSettings
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_recipe(name_or_path: str | Path) -> TrainRecipe:
    """A shipped recipe by name, or one from a file.

    Raises:
        RecipeError: there is none, it is not TOML, or a key or value is wrong
    """
    text, source = text_of(name_or_path, _shipped(), "training recipe")
    return parse_recipe(text, Path(source).stem, source)


def shipped() -> list[str]:
    """Names of the recipes that come with unfade."""
    return sorted(texts_in(_shipped()))


def _shipped() -> Traversable:
    return resources("unfade.train") / "recipes"


def parse_recipe(text: str, name: str, source: str) -> TrainRecipe:
    """Read a recipe from TOML and check every key.

    Raises:
        RecipeError: what is wrong, with the nearest known name
    """
    from unfade.train.tasks import task_of

    where = f"Training recipe `{source}`"
    table = parsed(text, where, "Mend the line named.")
    check_keys(table, ("task", "seed", "data", "settings", "run"), where)
    if "task" not in table:
        raise RecipeError(f"`{source}` names no `task`.", 'Add a line as `task = "restore"`.')
    task = task_of(str(table["task"]))
    return TrainRecipe(
        name=name,
        task=str(table["task"]),
        seed=int(table.get("seed", 1)),
        data=_filled(DataSettings, table.get("data", {}), f"`{source}`, [data]"),
        settings=_filled(task.Settings, table.get("settings", {}), f"`{source}`, [settings]"),
        run=_filled(RunSettings, table.get("run", {}), f"`{source}`, [run]"),
        text=text,
    )


def _filled(kind: type, table: dict[str, Any], where: str) -> Any:
    known = {f.name: f for f in fields(kind)}
    values = {}
    for key, value in table.items():
        if key not in known:
            raise RecipeError(f"{where} has an unknown key `{key}`.", nearest(key, known))
        values[key] = tuple(value) if isinstance(value, list) else value
        default = known[key].default
        if isinstance(default, float) and isinstance(value, int):
            values[key] = float(value)
        elif isinstance(default, (int, float, str, tuple)) and not isinstance(
            values[key], type(default)
        ):
            raise RecipeError(
                f"{where}: `{key}` is {value!r}, expected {type(default).__name__}.",
                f"The usual value is {default!r}.",
            )
    try:
        return kind(**values)
    except ValueError as error:
        raise RecipeError(f"{where}: {error}", "Change that value.") from error


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"`{name}` is {value}, expected {low} to {high}.")
