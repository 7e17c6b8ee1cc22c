"""Folders of small pictures with enough detail to tell harm from no harm."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from unfade.study.cell import Done, Task

SIDE_PX = 96


def album(folder: Path, number: int = 3) -> Path:
    """Crops of the astronaut, ``a.png``, ``b.png`` ..."""
    folder.mkdir(parents=True, exist_ok=True)
    codes = skimage.data.astronaut()
    for i in range(number):
        top, left = 60 + 90 * i, 150 + 40 * i
        Image.fromarray(codes[top : top + SIDE_PX, left : left + SIDE_PX]).save(
            folder / f"{chr(97 + i)}.png"
        )
    return folder


def codes_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def save(codes: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(codes).save(path)
    return path


def dies_on_b(task: Task) -> Done:
    """A task that takes its process with it, as the system does when memory runs out."""
    if task.name == "b" and task.damage.label == "sound":
        time.sleep(0.2)
        os._exit(9)
    return Done()
