"""The tasks that can be trained: one module each."""

from __future__ import annotations

from importlib import import_module

from unfade.errors import RecipeError, nearest
from unfade.train.contract import Task

# task name -> (module, class)
TASKS = {
    "restore": ("unfade.train.tasks.restore", "Restore"),
    "damage": ("unfade.train.tasks.damage", "Damage"),
    "fill": ("unfade.train.tasks.fill", "Fill"),
    "upscale": ("unfade.train.tasks.upscale", "Upscale"),
    "colorize": ("unfade.train.tasks.colorize", "Colorize"),
    "unfade": ("unfade.train.tasks.unfade", "Unfade"),
    "latent": ("unfade.train.tasks.latent", "Latent"),
    "latent-vae": ("unfade.train.tasks.latent_vae", "LatentVae"),
    "latent-mapping": ("unfade.train.tasks.latent_mapping", "LatentMapping"),
    "latent-detector": ("unfade.train.tasks.latent_detector", "LatentDetector"),
    "latent-face": ("unfade.train.tasks.latent_face", "LatentFace"),
    "tutorial": ("unfade.train.tasks.tutorial", "Tutorial"),
}


def task_of(name: str) -> type[Task]:
    """The task of this name.

    Raises:
        RecipeError: there is none; the nearest known name is told
    """
    if name not in TASKS:
        raise RecipeError(f"There is no task `{name}`.", nearest(name, TASKS))
    module, kind = TASKS[name]
    found: type[Task] = getattr(import_module(module), kind)
    return found
