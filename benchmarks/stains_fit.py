"""Fit how sure a stain is that ``unfade-stains`` sees, from what is measured of it.

    python benchmarks/stains_fit.py --data DATA [--number 400] [--write]

Pictures are those of ``DATA/train`` that the network was not trained on, in colour, in one channel
and toned in turn; each as it is, with made stains, and with made tide lines; every other one with
blur, noise and coding. Prints how many candidates are told right and wrong at some limits, by
rules of other pictures (five parts); with ``--write`` the rule of all is put into
``condition/stains/rule.py``. About half a second a picture on one core.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from logistic import Candidate, Table, options_of, put_into, show, written
from not_learnt_from import not_learnt_from
from paintings_fit import AFTER

from unfade import Bench, Picture
from unfade.condition.stains import rule, seen
from unfade.condition.survey import overview
from unfade.degrade import degrade, parse_degradation

HEAD = "format = 1\nname = 'fit'\nreference_px = 640\n"
DAMAGE = {
    "stains": "[[damage]]\nuse = 'stains'\ncount = [1, 2]\nradius_share = [0.05, 0.22]\n"
    "blue_density = [0.1, 0.5]\n",
    "tide lines": "[[damage]]\nuse = 'water'\ncount = [1, 1.5]\nradius_share = [0.1, 0.3]\n",
}
TONES = {2: "[[damage]]\nuse = 'toning'\ntone = 'grey'\n",
         3: "[[damage]]\nuse = 'toning'\ntone = 'sepia'\n"}  # fmt: skip
STAINED, CLEARLY, LEAST_PX = 0.03, 0.05, 100  # opacities; pixels of the overview
LIMIT = 4.0  # 426 right, 3 wrong, no sound picture marked


def scenes(data: Path, number: int) -> Iterator[tuple[int, str, np.ndarray, np.ndarray]]:
    """Number, kind of damage or "", pixels, and how much lies over each."""
    pictures, sources = not_learnt_from(data, seed=0)
    for n, source in enumerate(sources[:number]):
        sound = pictures.pixels(source).astype(np.float32) / 255
        for kind, damage in {"": "", **DAMAGE}.items():
            recipe = parse_degradation(HEAD + TONES.get(n % 4, "") + damage + AFTER * (n % 2))
            for attempt in range(10):
                made = degrade(sound, recipe, 100 * n + attempt)
                if not kind or np.count_nonzero(made.opacity > CLEARLY) > LEAST_PX:
                    break
            pixels = np.rint(np.clip(made.pixels, 0, 1) * 255) / 255
            if n % 4 == 1:
                pixels = pixels.mean(axis=2, keepdims=True)
            lies = made.opacity if kind else np.zeros_like(made.opacity)
            yield n, kind, pixels.astype(np.float32), lies[:, :, None].astype(np.float32)


def candidates(data: Path, number: int) -> Table:
    table = Table()
    with Bench(threads=1) as bench:
        network = bench.engine(seen.NETWORK)
        for n, kind, pixels, lies in scenes(data, number):
            small, logits, block = seen.asked(Picture.of(pixels), bench, network)
            there = overview(Picture.of(lies), bench, k=block)[:, :, 0]
            table.area += int((there > CLEARLY).sum())
            for stain in seen.seen_stains(small, logits):
                inside = there[stain.region.window.slices][stain.region.mask]
                right = bool((inside > STAINED).mean() > 0.5)
                area = int((inside > CLEARLY).sum())
                table.rows.append(Candidate(stain.features, right, area, n, not kind))
    return table


def main() -> None:
    options = options_of(__doc__)
    table = candidates(options.data, options.number)
    show("stains", table, LIMIT)
    if options.write:
        put_into(rule, written("RULE", table, LIMIT, seen.SURE))


if __name__ == "__main__":
    main()
