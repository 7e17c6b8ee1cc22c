"""Which pictures the network's wear makes out to be worn all over, and how much it sees.

    python benchmarks/wear.py --data ../shared/data [--sets train/photos,eval/kodak24] [--number 50]

Prints for each set the share of the area that `wear` lists (median, nine of ten, most) and how many
pictures `advice.wear` takes for worn all over, with their names. Where the network alone does not
say so, the eyes for marks and creases, whose finds do not count, are not asked. About 0.3 s for a
picture of the training sets on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from unfade import Bench, Findings
from unfade.advice.wear import is_all_over
from unfade.condition import look_at, wear
from unfade.files import open_picture

SETS = "train/photos,train/paintings,train/faces,eval/kodak24,eval/cbsd68,eval/mcmaster,eval/old"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--sets", default=SETS, help="folders under it, with commas between")
    parser.add_argument("--number", type=int, default=0, help="of each; 0: all")
    options = parser.parse_args()
    with Bench(threads=1) as bench:
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
