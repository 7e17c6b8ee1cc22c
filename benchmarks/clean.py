"""Does `restore` leave sound photographs alone? Counts byte-identical results.

python benchmarks/clean.py --data ../shared/data/eval/kodak24 ../shared/data/eval/cbsd68 ...
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from unfade import Bench, restore
from unfade.journey import compare

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", required=True, help="folders of sound photographs")
    parser.add_argument("--most", type=int, default=10_000, help="stop after this many")
    options = parser.parse_args()
    paths = sorted(
        path
        for folder in options.data
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in PICTURES
    )[: options.most]
    same, worst = 0, float("inf")
    with tempfile.TemporaryDirectory() as folder, Bench() as bench:
        for path in paths:
            target = Path(folder) / path.name
            saved = restore(path, bench=bench).save(target, overwrite=True)
            if saved.same_bytes and target.read_bytes() == path.read_bytes():
                same += 1
                continue
            psnr = compare(path, target).psnr_db or float("inf")
            worst = min(worst, psnr)
            steps = ", ".join(step.step for step in saved.record.steps)
            print(f"{path.name}: {psnr:.1f} dB, {saved.record.changed_share:.3%}, {steps}")
    print(f"{same} of {len(paths)} byte-identical (of 60, at least 57); worst {worst:.1f} dB")


if __name__ == "__main__":
    main()
