"""Damaged pictures and masks as files, for a peer who restores them elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from unfade.picture import Picture
from unfade.result import file_sha256
from unfade.study.cell import write_png
from unfade.study.damage import damaged, seed_for
from unfade.study.pictures import data_set, read
from unfade.study.run import plan
from unfade.study.spec import Study


def export_inputs(
    study: Study,
    folder: str | Path,
    progress: Callable[[str, int, int], None] | None = None,
) -> int:
    """Write what the methods of a study are given: the very same codes.

    ``FOLDER/DAMAGE/NAME.png``, and ``FOLDER/DAMAGE/masks/NAME.png`` where the mask is known. A peer
    lays the results into ``PEER/DAMAGE/NAME.*`` and is studied as ``folder:PEER``.

    Returns:
        how many pictures were written
    Raises:
        UsageError, RecipeError, InputRefused: the study cannot begin, or a picture cannot be read
    """
    damages, _ = plan(replace(study, methods=()))
    pictures = data_set(study.data, study.limit)
    total, written = len(damages) * len(pictures), 0
    for damage in damages:
        for name, path in pictures.items():
            seed = seed_for(study.seed, file_sha256(path), damage)
            given = damaged(read(path, study.side_px), name, damage, seed, study.side_px)
            place = Path(folder) / damage.label
            write_png(place / f"{name}.png", given.picture)
            if given.mask is not None:
                mask = given.mask[:, :, None].astype(np.uint8) * np.uint8(255)
                write_png(place / "masks" / f"{name}.png", Picture(mask))
            written += 1
            if progress is not None:
                progress("Writing", written, total)
    return written
