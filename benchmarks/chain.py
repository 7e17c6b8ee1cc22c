"""The automatic chain on known damage: how much of it is mended, and what harm is done.

    python benchmarks/chain.py --data ../shared/data --number 60

Scratches, hairs and dust with known masks are laid over sound pictures of ``eval``; `restore` is
given nothing but the damaged picture. Printed: the share of the damaged area that was mended, the
harm (share of all pixels that were sound, more than 2 pixels from damage, and changed), PSNR of
the whole picture before and after, and inside the damage.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from marks_damage import damage, pictures, read, shapes

from unfade import Bench, restore


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--number", type=int, default=60, help="how many pictures")
    parser.add_argument("--worst", type=int, default=5, help="how many of the worst to name")
    options = parser.parse_args()
    stock = shapes(options.data, "eval")
    rows = []
    with Bench() as bench:
        for number, path in enumerate(pictures(options.data, "eval")[: options.number]):
            sound = read(path)
            hurt = damage(sound, stock, np.random.default_rng(number))
            result = restore(hurt.samples, bench=bench)
            true, changed = hurt.kinds > 0, result.evidence > 0
            near = cv2.dilate(true.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            after = result.picture.samples
            rows.append(
                {
                    "name": path.name,
                    "mended": int((changed & true).sum()),
                    "true": int(true.sum()),
                    "harm": float((changed & ~near).mean()),
                    "before": psnr(sound, hurt.samples),
                    "after": psnr(sound, after),
                    "inside_before": psnr(sound[true], hurt.samples[true]),
                    "inside_after": psnr(sound[true], after[true]),
                }
            )
    mended = sum(r["mended"] for r in rows) / sum(r["true"] for r in rows)
    print(f"{len(rows)} pictures; damaged area mended {mended:.1%} (at least 50 %)")
    print(f"harm: mean {np.mean([r['harm'] for r in rows]):.4%} of the pixels (under 0.1 %)")
    for name in ("before", "after", "inside_before", "inside_after"):
        print(f"PSNR {name:<14} {np.mean([r[name] for r in rows]):6.2f} dB")
    worse = sum(r["after"] < r["before"] for r in rows)
    print(f"worse than before: {worse} of {len(rows)} pictures")
    for r in sorted(rows, key=lambda r: -r["harm"])[: options.worst]:
        print(f"  {r['name']}: harm {r['harm']:.3%}, {r['before']:.2f} -> {r['after']:.2f} dB")


if __name__ == "__main__":
    main()
