"""Which pictures the network's wear makes out to be worn all over, and how much it sees.

    python benchmarks/wear.py --data ../shared/data [--sets train/photos,eval/kodak24] [--number 50]
    python benchmarks/wear.py --data ../shared/data --damaged 140

Prints for each set the share of the area that `wear` lists (median, nine of ten, most) and how many
pictures `advice.wear` takes for worn all over, with their names. Where the network alone does not
say so, the eyes for marks and creases, whose finds do not count, are not asked. About 0.3 s for a
picture of the training sets on one core.

``--damaged N`` damages N training pictures that the network has not learnt from as `old-photo`
does, and counts by width how many places that `mend_wear` mends are damage (two fifths of them at
least), how many are not, and how many there are in the same pictures undamaged; the same of places
that are wide nearly everywhere, and of those that run on from others at half the scale.
"""

from __future__ import annotations

import argparse
from bisect import bisect
from itertools import pairwise
from pathlib import Path

import numpy as np
from not_learnt_from import not_learnt_from

from unfade import Bench, Findings, Picture
from unfade.advice.wear import is_all_over
from unfade.condition import look_at, wear
from unfade.degrade import degrade
from unfade.files import open_picture
from unfade.picture import pixels_to_codes
from unfade.steps.mend_wear import Settings

SETS = "train/photos,train/paintings,train/faces,eval/kodak24,eval/cbsd68,eval/mcmaster,eval/old"


WIDTHS_PX = (1, 3, 5, 7, 10, 99)
BY_CHANCE = {
    wear.WIDE_SURE: "wide nearly everywhere",
    wear.RUNS_ON_SURE: "runs on",
    wear.DENIED_SURE: "runs on, denied at full scale",
}


def count_by_width(data: Path, number: int, bench: Bench) -> None:
    pictures, sources = not_learnt_from(data, seed=7)
    names = [f"{a} to {b} px" for a, b in pairwise(WIDTHS_PX)]
    ways = ("right", "wrong", "undamaged")
    counts = {name: dict.fromkeys(ways, 0) for name in (*names, *BY_CHANCE.values())}
    for n, source in enumerate(sources[:number]):
        sound = pictures.pixels(source)[:768, :768].astype(np.float32) / 255
        made = degrade(sound, recipe="old-photo", seed=5000 + n)
        none = np.zeros(made.mask.shape, bool)
        for pixels, damaged in ((made.pixels, made.mask), (sound, none)):
            picture = Picture(pixels_to_codes(pixels, np.dtype(np.uint16), 65535.0))
            for mark in wear.look(picture, bench).items:
                if mark.confidence in BY_CHANCE:
                    name = BY_CHANCE[mark.confidence]
                elif mark.confidence >= Settings().min_confidence:
                    name = names[bisect(WIDTHS_PX, mark.width_px) - 1]
                else:
                    continue
                own = mark.region.window
                right = damaged[own.slices][mark.region.mask].mean() >= 0.4
                way = "undamaged" if damaged is none else "right" if right else "wrong"
                counts[name][way] += 1
    for name, found in counts.items():
        print(f"{name}: {', '.join(f'{way} {count}' for way, count in found.items())}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--sets", default=SETS, help="folders under it, with commas between")
    parser.add_argument("--number", type=int, default=0, help="of each; 0: all")
    parser.add_argument("--damaged", type=int, default=0, help="count right places by width")
    options = parser.parse_args()
    with Bench(threads=1) as bench:
        if options.damaged:
            count_by_width(options.data, options.damaged, bench)
            return
        for name in options.sets.split(","):
            paths = sorted(p for p in (options.data / name).rglob("*.*") if p.suffix != ".csv")
            shares, worn = [], []
            for path in paths[: options.number or None]:
                picture = open_picture(path).picture
                found = wear.look(picture, bench)
                shares.append(found.area_share)
                if is_all_over(Findings(wear=found)) and is_all_over(
                    look_at(picture, bench, only={"marks", "creases", "wear"})
                ):
                    worn.append(path.stem)
            middle, nine, most = np.quantile(shares, (0.5, 0.9, 1.0))
            print(
                f"{name}: {len(shares)} pictures; {middle:.2%} of the area is seen as worn, "
                f"nine of ten below {nine:.2%}, most {most:.2%}; worn all over: {len(worn)} "
                f"{', '.join(worn)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
