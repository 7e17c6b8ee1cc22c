"""A small collection of pictures to train on, from those that scikit-image brings."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from skimage import data

NAMES = ("astronaut", "coffee", "chelsea", "rocket", "camera")


def make_pictures(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        picture = Image.fromarray(getattr(data, name)()).convert("RGB")
        picture.thumbnail((200, 200))
        picture.save(folder / f"{name}.png")
    return folder


def recipe_text(task: str, settings: str = "", *, steps: int = 6, patch_px: int = 32) -> str:
    return f"""task = "{task}"
seed = 3
[data]
patch_px = {patch_px}
[settings]
{settings}
[run]
steps = {steps}
batch = 4
warmup_steps = 2
checkpoint_every = 2
validate_every = 3
validation_patches = 4
"""
