"""How fast damage is made, and what each kind costs.

    python benchmarks/degrade.py                        # NumPy, one core
    python benchmarks/degrade.py --device cuda          # batches of tensors on a device
    python benchmarks/degrade.py --sheet out.png --data DIR

``mixes`` gives megapixels a second of the whole call on a colour picture of four megapixels, by
processor time (of one core) and by the clock; ``kinds`` the milliseconds a megapixel of each kind
when it happens; ``patches`` draws of plans, and patches of 256 x 256 a second. ``--sheet`` lays
every kind over pictures of a folder, at 100 %.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from unfade.degrade import (
    DegradationRecipe,
    carry_out,
    degradations,
    degrade,
    draw_plan,
    load_degradation,
)
from unfade.degrade.kinds import DAMAGES
from unfade.degrade.recipe import Stage

MANY = {
    "scratches": {"count": 12}, "dust": {"count": 150}, "hairs": {"count": 6},
    "creases": {"count": 3}, "stains": {"count": 3}, "tears": {"count": 3, "corner_chance": 0.5},
    "water": {"count": 2}, "foxing": {"count": 80}, "losses": {"count": 3}, "dirt": {"count": 30},
    "lines": {"count": 4}, "wrinkles": {"count": 9},
}  # fmt: skip


def picture(rows: int = 1700, cols: int = 2400) -> np.ndarray:
    """Slopes, edges and texture; nothing of it is read from a file."""
    rng = np.random.default_rng(3)
    rough = rng.random((rows // 16 + 1, cols // 16 + 1, 3)).astype(np.float32)
    smooth = cv2.resize(rough, (cols, rows), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth * 0.8 + 0.1 + rng.normal(0, 0.01, smooth.shape), 0, 1).astype(np.float32)


def timed(work: Callable[[int], object], seeds: Sequence[int]) -> tuple[float, float]:
    """Seconds a call of processor time and of the clock, after one call to warm up."""
    work(seeds[0])
    cpu, clock = time.process_time(), time.perf_counter()
    for seed in seeds:
        work(seed)
    count = len(seeds)
    return (time.process_time() - cpu) / count, (time.perf_counter() - clock) / count


def mixes(seeds: int) -> None:
    pixels = picture()
    area = pixels.shape[0] * pixels.shape[1] / 1e6
    print(f"mixes, {area:.1f} megapixels of colour, {seeds} seeds: megapixels a second")
    for name in degradations():
        recipe = load_degradation(name)
        cpu, clock = timed(lambda s, recipe=recipe: degrade(pixels, recipe, s), range(seeds))
        print(f"  {name:26s} {area / cpu:6.2f} by processor time, {area / clock:6.2f} by the clock")


def kinds(seeds: int) -> None:
    pixels = picture()
    area = pixels.shape[0] * pixels.shape[1] / 1e6
    print("kinds: milliseconds a megapixel, when it happens (the bare call is taken off)")
    bare, _ = timed(lambda s: degrade(pixels, DegradationRecipe(), s), range(2))
    for damage in DAMAGES:
        stage = Stage(settings=damage.settings(**MANY.get(damage.name, {})))
        recipe = DegradationRecipe(stages=(stage,))
        cpu, _ = timed(lambda s, recipe=recipe: degrade(pixels, recipe, s), range(seeds))
        print(f"  {damage.name:12s} {1e3 * (cpu - bare) / area:7.1f}")


def patches(device: str, size: int, count: int) -> None:
    recipe = load_degradation("old-photo")
    cpu, _ = timed(lambda s: draw_plan(recipe, s, size, size), range(200))
    print(f"plans of {size} x {size}: {1 / cpu:.0f} a second and core")
    plans = [draw_plan(recipe, s, size, size) for s in range(count)]
    host = np.stack([picture(size, size).transpose(2, 0, 1)] * count)
    if device == "numpy":
        _, clock = timed(lambda s: carry_out(host.copy(), plans), range(3))
        print(f"patches, NumPy: {count / clock:.0f} a second (plans drawn beforehand)")
        return
    import torch

    batch = torch.from_numpy(host).to(device)

    def once(_: int) -> None:
        carry_out(batch.clone(), plans)
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    _, clock = timed(once, range(10))
    print(f"patches, torch on {device}: {count / clock:.0f} a second (plans drawn beforehand)")


def sheet(target: Path, data: Path, seed: int) -> None:
    """Every kind over four pictures of a folder, at 100 %."""
    found = sorted(p for p in data.rglob("*") if p.suffix in (".png", ".jpg", ".webp"))
    chosen = [found[i] for i in np.random.default_rng(seed).integers(0, len(found), 4)]
    side, rows = 400, []
    for damage in DAMAGES:
        stage = Stage(settings=damage.settings(**MANY.get(damage.name, {})))
        row = []
        for n, path in enumerate(chosen):
            from unfade import files

            pixels = files.open_picture(path).picture.pixels
            factor = side / min(pixels.shape[:2])
            pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            pixels = np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1)[:side, :side])
            out = degrade(pixels, DegradationRecipe(stages=(stage,)), seed + n).pixels
            shown = np.zeros((side, side, 3), np.uint8)
            shown[: out.shape[0], : out.shape[1]] = np.rint(out * 255)
            row.append(shown)
        cv2.putText(row[0], damage.name, (6, 16), 0, 0.5, (255, 255, 0), 1, cv2.LINE_AA)
        rows.append(np.hstack(row))
    cv2.imwrite(str(target), np.vstack(rows)[:, :, ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="numpy", help="numpy, cpu, cuda, mps: for patches")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--only", default="mixes,kinds,patches")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--data", type=Path, help="folder of pictures for the sheet")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.sheet:
        sheet(given.sheet, given.data, 1)
        return
    wanted = given.only.split(",")
    if "mixes" in wanted:
        mixes(given.seeds)
    if "kinds" in wanted:
        kinds(2)
    if "patches" in wanted:
        patches(given.device, 256, 64)


if __name__ == "__main__":
    main()
