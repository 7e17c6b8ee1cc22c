"""Training pictures that the finders' networks were not trained on, to fit rules on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unfade.train.data import Pictures, Source
from unfade.train.recipe import read_recipe


def not_learnt_from(data: Path, *, seed: int) -> tuple[Pictures, list[Source]]:
    """The validation and test parts of ``DATA/train``, shuffled; parts go by content alone."""
    pictures = Pictures(data / "train", read_recipe("damage").data)
    sources = [*pictures.of("validation"), *pictures.of("test")]
    np.random.default_rng(seed).shuffle(sources)  # type: ignore[arg-type]
    return pictures, sources
