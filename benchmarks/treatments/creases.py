"""Folds, tears and lost corners: found at the shipped threshold, mended by advice alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from treatments.row import Row, cost, harm, sound_pictures
from unfade import Bench, Picture
from unfade.condition import look_at
from unfade.degrade import degrade, parse_degradation
from unfade.findings import MarkKind, paint
from unfade.steps import find_step
from unfade.treatment import treat

KINDS = {
    "folds": ("creases", "count = 1.2", (MarkKind.CREASE,)),
    "tears and lost corners": (
        "tears", "count = 1.0\ncorner_chance = 0.15", (MarkKind.TEAR, MarkKind.CORNER)
    ),
}  # fmt: skip
# How near to damage an item's pixel has to be: a fold's band holds its flanks, however faint they
# are; a tear has a soft border.
NEAR_PX = {"folds": 8, "tears and lost corners": 2}
SEEN = 0.02  # damage weaker than this is not counted


def rows(data: Path, number: int) -> Iterator[Row]:
    """PSNR of the damaged places that were found; precision and recall by area."""
    step = find_step("mend_creases")
    for name, (use, options, kinds) in KINDS.items():
        recipe = parse_degradation(
            f"format = 1\nname = '{use}'\nreference_px = 640\n"
            f"[[damage]]\nuse = '{use}'\n{options}\n",
            use,
        )
        before, after, harmed, hits = [], [], [], np.zeros(4)
        with Bench(threads=1) as bench:
            for k, sound in enumerate(sound_pictures(data, number)):
                made = next(
                    m for s in range(100)
                    if (m := degrade(sound.astype(np.float32) / 255, recipe, 100 * k + s)).items
                )  # fmt: skip
                hurt = np.rint(made.pixels * 255).astype(np.uint8)
                picture = Picture(hurt)
                found = look_at(picture, bench, only={"creases"})
                assert found.creases is not None
                marks = [m for m in found.creases.items if m.kind in kinds]
                mask, truth = paint(marks, picture.window), made.opacity > SEEN
                side = NEAR_PX[name] * 2 + 1
                wide = cv2.dilate(truth.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
                right = np.count_nonzero(mask & wide)
                hits += (right, mask.sum(), truth.sum(), np.count_nonzero(mask & truth))
                treated = treat(picture, (step.settings(),), findings=found, bench=bench)
                done = treated.picture.samples
                harmed.append(harm(sound, hurt, done, truth))
                where = treated.evidence > 0
                if where.any():
                    before.append(np.mean((hurt[where].astype(float) - sound[where]) ** 2))
                    after.append(np.mean((done[where].astype(float) - sound[where]) ** 2))
        yield Row(
            damage=name, step=step.name, measure="PSNR of what was changed, dB",
            before=_db(before), after=_db(after), harm_share=float(np.mean(harmed)),
            precision=float(hits[0] / max(hits[1], 1)), recall=float(hits[3] / max(hits[2], 1)),
            controls_left=_controls(data) if name == "folds" else None, pictures=number,
            cost=cost("mend_creases") if name == "folds" else None,
            note=f"by area, within {NEAR_PX[name]} px of damage; {len(before)} pictures with items",
        )  # fmt: skip


def _controls(data: Path) -> tuple[float, int]:
    """Sound photographs and paintings in which nothing is found."""
    paths = sorted((data / "eval" / "paintings").glob("*.*"))
    pictures = [*sound_pictures(data, 60)]
    for path in [p for p in paths if p.suffix in (".jpg", ".png", ".webp")][:20]:
        with Image.open(path) as image:
            pictures.append(np.asarray(image.convert("RGB")))
    with Bench(threads=1) as bench:
        left = [
            not look_at(Picture(samples), bench, only={"creases"}).creases.items  # type: ignore[union-attr]
            for samples in pictures
        ]
    return float(np.mean(left)), len(left)


def _db(errors: list[float]) -> float | None:
    return float(10 * np.log10(255**2 / np.mean(errors))) if errors else None
