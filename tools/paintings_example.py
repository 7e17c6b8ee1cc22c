"""Make the picture of docs/treatments/paintings.md: made cracks, losses and varnish, and views.

    python tools/paintings_example.py

Writes docs/pictures/paintings.jpg, from a photograph that scikit-image ships.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage import data

from unfade import Bench, Picture, restore
from unfade.condition import craquelure
from unfade.degrade import DamageClass, degrade, parse_degradation
from unfade.findings import paint

TARGET = Path(__file__).parents[1] / "docs" / "pictures" / "paintings.jpg"
DAMAGE = """format = 1
name = "example"
reference_px = 0
[[damage]]
use = "cracks"
cover_share = 0.9
island_px = 55
width_px = 1.6
opacity = 0.7
light_chance = 0.0
[[damage]]
use = "losses"
count = 3
radius_share = [0.03, 0.06]
ground = ["chalk"]
[[damage]]
use = "yellowing"
blue_density = 0.3
green_share = 0.4
red_share = 0.08
"""
SEED, SIDE_PX = 12, 420


def main() -> None:
    sound = data.astronaut()[:280, 85:365].astype(np.float32) / 255
    sound = np.clip(cv2.resize(sound, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC), 0, 1)
    made = degrade(sound, parse_degradation(DAMAGE), SEED)
    hurt = np.rint(made.pixels * 255).astype(np.uint8)
    with Bench() as bench:
        found = craquelure.look(Picture(hurt), bench)
        cracks = paint(found.items, Picture(hurt).window)
        losses = (made.classes == DamageClass.LOSS) & (made.opacity > 0.15)
        hatched = restore(hurt, mask=losses, render="tratteggio", bench=bench).picture.samples
        view = restore(
            hatched, only=("fill_craquelure", "correct_varnish"), bench=bench
        ).picture.samples
    grey = np.repeat(cracks[:, :, None], 3, axis=2).astype(np.uint8) * 255
    sheet = np.vstack([np.hstack([hurt, grey]), np.hstack([hatched, view])])
    Image.fromarray(sheet).save(TARGET, quality=90)


if __name__ == "__main__":
    main()
