"""Fit and measure the eye for colonies of mould.

    python benchmarks/mould.py fit --data DATA [--number 420]     # writes the weights
    python benchmarks/mould.py measure --data DATA --split check

``fit`` uses training pictures only: one part for the judge of dots, another for the judge of
colonies. ``measure`` lays mould over pictures of a split and prints precision, recall, and in how
many of the same pictures without mould a colony is seen.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from marks import fit_net
from marks_damage import damage, made, pictures, read, shapes, vary, worn

from unfade.condition import mould
from unfade.condition.marks.nets import Net
from unfade.condition.mould.colonies import MEASURED as COLONY_MEASURED
from unfade.condition.mould.colonies import find_colonies, ground_of
from unfade.condition.mould.dots import Dots, find_dots
from unfade.degrade import degrade, parse_degradation
from unfade.engines.contract import PlainBench
from unfade.findings import Mark, paint
from unfade.picture import Picture, Window

RECIPE = """format = 1
name = "mould"
reference_px = 0
[[damage]]
use = "mould"
count = [1.5, 4.0]
radius_share = [{low:.3f}, {high:.3f}]
dot_px = [{least:.2f}, {most:.2f}]
"""
DUST = """format = 1
name = "dust"
reference_px = 0
[[damage]]
use = "dust"
count = {count:.0f}
radius_px = [0.5, {most:.2f}]
"""
MOSTLY, HARDLY = 0.5, 0.25  # share of a cloud's dots that are mould
COLONY_FIT: dict[str, Any] = {"units": 12, "seed": 0, "rounds": 60}
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def mouldy(
    samples: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[Window]]:
    """Pixels 0-1 of a picture with mould, where it is, and the boxes of its colonies."""
    scale = float(np.exp(rng.uniform(0, np.log(1.8))))
    text = RECIPE.format(
        low=rng.choice([0.02, 0.03, 0.05]), high=rng.choice([0.14, 0.2]),
        least=0.5 * scale, most=2.6 * scale,
    )  # fmt: skip
    out = degrade(samples, parse_degradation(text), seed=int(rng.integers(1 << 30)))
    return out.pixels, out.mask, [item.box for item in out.items]


def codes(pixels: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)


def freckled(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soft spots that absorb, in a swarm: freckles, speckled eggs, leaves."""
    rows, cols = samples.shape[:2]
    plane = np.zeros((rows, cols), np.float32)
    centre, spread = (
        rng.uniform(0.2, 0.8, 2) * (rows, cols),
        rng.uniform(0.04, 0.2) * max(rows, cols),
    )
    for at in centre + rng.normal(0, spread, (int(rng.integers(20, 200)), 2)):
        size, place = rng.uniform(0.8, 3.5), (int(at[1] * 8), int(at[0] * 8))
        cv2.circle(plane, place, int(size * 8), rng.uniform(0.3, 1), -1, cv2.LINE_AA, 3)
    plane = cv2.GaussianBlur(plane, (0, 0), rng.uniform(0.5, 1.6))[:, :, None]
    density = plane * np.array([0.3, 0.62, 1.0]) * rng.uniform(0.1, 0.4)
    light = (samples.astype(np.float32) / 255) ** 2.2 * 10 ** -density[:, :, : samples.shape[2]]
    return codes(light ** (1 / 2.2))


def strewn(rng: np.random.Generator) -> np.ndarray:
    """Sound pictures full of dots: a cluster of stars, gravel, snow, sand, lace, a screen."""
    rows, cols = (int(n) for n in rng.integers(260, 620, 2))
    kind = rng.choice(["stars", "gravel", "snow", "grain", "lace", "screen"])
    canvas = np.full((rows, cols), rng.uniform(60, 200), np.float32)
    if kind in ("stars", "snow"):
        canvas[:] = rng.uniform(0, 40) if kind == "stars" else rng.uniform(60, 170)
        centre, spread = rng.uniform(0, 1, 2) * (rows, cols), rng.uniform(0.05, 0.3) * cols
        swarm = centre + rng.normal(0, spread, (int(rng.integers(0, 250)), 2))
        rest = rng.uniform(0, 1, (int(rng.integers(50, 900)), 2)) * (rows, cols)
        for at in np.concatenate([swarm, rest]):
            bright = min(
                255.0, rng.exponential(80) + 40 if kind == "stars" else rng.uniform(170, 255)
            )
            size = rng.uniform(0.4, 1.5) if kind == "stars" else rng.uniform(0.6, 4)
            cv2.circle(canvas, (int(at[1] * 8), int(at[0] * 8)), int(size * 8), bright, -1, 16, 3)
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 1.2))
    elif kind in ("gravel", "grain"):
        size = rng.uniform(0.6, 3.5) if kind == "gravel" else rng.uniform(0.5, 1.2)
        fine = cv2.GaussianBlur(rng.normal(0, 1, (rows, cols)).astype(np.float32), (0, 0), size)
        fine = fine / fine.std() * rng.uniform(8, 50)
        if rng.random() < 0.6:  # a patch of it
            field = cv2.GaussianBlur(rng.normal(0, 1, (rows, cols)).astype(np.float32), (0, 0), 50)
            fine *= np.clip(field / field.std() * 4, 0, 1)
        canvas += np.where(fine > 0, fine, fine * rng.uniform(0.2, 1))
    else:
        pitch, turn = rng.uniform(4, 14), rng.uniform(0, np.pi / 2)
        down, right = np.mgrid[:rows, :cols]
        u = (right * np.cos(turn) + down * np.sin(turn)) * 2 * np.pi / pitch
        v = (down * np.cos(turn) - right * np.sin(turn)) * 2 * np.pi / pitch
        wave = np.clip((np.cos(u) * np.cos(v) - rng.uniform(0.1, 0.7)) * 4, 0, 1).astype(np.float32)
        field = cv2.GaussianBlur(rng.normal(0, 1, (rows, cols)).astype(np.float32), (0, 0), 40)
        wave *= np.clip(field / field.std() * 3 + rng.uniform(-1, 3), 0, 1)
        canvas += wave * rng.uniform(-120, 120)
    tint = 1 + rng.normal(0, 0.06, 3) * (rng.random() < 0.6)
    noise = rng.normal(0, rng.uniform(0, 4), (rows, cols, 3))
    return np.clip(canvas[:, :, None] * tint + noise, 0, 255).astype(np.uint8)


def sound_one(path: Path, rng: np.random.Generator) -> np.ndarray:
    chance = rng.random()
    if chance < 0.07:
        return made(rng)
    if chance < 0.16:
        return strewn(rng)
    samples = vary(read(path), rng)
    return freckled(samples, rng) if rng.random() < 0.06 else samples


def pair(
    job: tuple[Path, Path, int], *, dusty: bool = True
) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """A picture as it is and with mould: samples, and what mould changed (codes).

    Args:
        dusty: some of them lie under dust, hairs and scratches, with mould and without
    """
    path, data, seed = job
    rng = np.random.default_rng(seed)
    sound = sound_one(path, rng)
    chance = rng.random()
    if dusty and chance < 0.12:
        sound = damage(sound, shapes(data, "fit"), rng).samples
    elif dusty and chance < 0.24:
        count, most = rng.uniform(30, 500), rng.uniform(1.2, 3.5)
        text = DUST.format(count=count, most=most)
        sound = codes(degrade(sound, parse_degradation(text), seed=seed).pixels)
    hurt, _, _ = mouldy(sound, rng)
    change = hurt * 255 - sound
    plain, spoilt = sound, codes(hurt)
    if rng.random() < 0.3:  # scanned more finely than it is sharp
        factor = rng.uniform(1.3, 2.4)
        plain, spoilt, change = (enlarged(p, factor) for p in (plain, spoilt, change))
    state = rng.bit_generator.state
    plain = worn(plain, rng)
    rng.bit_generator.state = state
    return [(plain, None), (worn(spoilt, rng), change)]


def enlarged(values: np.ndarray, factor: float) -> np.ndarray:
    """(rows, cols, channels) made larger; of large ones 760 x 760."""
    large = cv2.resize(values, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    large = large.reshape(*large.shape[:2], -1)
    top, left = (max(0, (n - 760) // 2) for n in large.shape[:2])
    return np.ascontiguousarray(large[top : top + 760, left : left + 760])


def seen(samples: np.ndarray) -> list[tuple[np.ndarray, Dots]]:
    light, dark = mould.planes_of(samples.astype(np.float32) / 255)
    return [(light, find_dots(light, dark)), (dark, find_dots(dark, light))]


def truth(dots: Dots, light: bool, change: np.ndarray | None) -> np.ndarray:
    """How much of each dot's contrast is mould's."""
    if change is None:
        return np.zeros(len(dots), np.float32)
    plane = change.min(axis=2) if light else -change.max(axis=2)
    plane = plane.astype(np.float32)
    share = np.zeros(len(dots), np.float32)
    for sigma in np.unique(dots.sigma_px):
        at = dots.sigma_px == sigma
        rise = cv2.GaussianBlur(plane, (0, 0), float(sigma))
        rise -= cv2.GaussianBlur(plane, (0, 0), 2.2 * float(sigma))
        share[at] = rise[dots.rows[at], dots.cols[at]] / 0.33
    return share / np.maximum(dots.contrast, 1)


def dot_rows(job: tuple[Path, Path, int]) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(job[2])
    measured, true = [], []
    for samples, change in pair(job, dusty=False):
        for light, (_, dots) in zip((True, False), seen(samples)):
            share = truth(dots, light, change)
            rest = rng.permutation(np.flatnonzero(share < 0.2))[:300]
            pick = np.concatenate([np.flatnonzero(share > 0.6), rest])
            measured.append(dots.measured[pick])
            true.append(share[pick] > 0.6)
    return np.concatenate(measured), np.concatenate(true)


def colony_rows(job: tuple[Path, Path, int, Net]) -> tuple[np.ndarray, np.ndarray]:
    """What is measured of each cloud of dots in a pair, and the share of its dots that is mould."""
    *which, net = job
    measured, share = [], []
    for samples, change in pair(tuple(which)):
        planes = seen(samples)
        odds = [net.odds(dots.measured) for _, dots in planes]
        for k, light in ((0, True), (1, False)):
            plane, dots = planes[k]
            other = planes[1 - k][1]
            ground = ground_of(plane, dots, odds[k])
            true = truth(dots, light, change) > 0.5
            for colony in find_colonies(light, dots, odds[k], other, odds[1 - k], ground):
                own = true[colony.members_above(odds[k], 1.0)]
                measured.append(colony.measured)
                share.append(own.mean() if len(own) else 0.0)
    return np.array(measured).reshape(-1, len(COLONY_MEASURED)), np.array(share)


def rows_of(work: Callable[..., tuple[np.ndarray, np.ndarray]], jobs: list[Any]) -> Rows:
    """Measurements, truth and number of the picture of all jobs."""
    with Pool(2) as pool:
        parts = pool.map(work, jobs, chunksize=4)
    measured, true = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    return measured, true, np.concatenate([np.full(len(p[1]), i) for i, p in enumerate(parts)])


def fit(data: Path, number: int) -> None:
    """Fit both judges and write them; prints how the second does on pictures it has not seen."""
    paths = pictures(data, "fit") * 2
    jobs: list[Any] = [(path, data, 1000 + i) for i, path in enumerate(paths[:number])]
    measured, true, _ = rows_of(dot_rows, jobs)
    dot = fit_net(measured, true, units=32, seed=0, rounds=8)
    print(f"dots: {len(true)}, of mould {true.mean():.1%}", flush=True)
    paths = pictures(data, "hold") * 2
    jobs = [(path, data, 50_000 + i, dot) for i, path in enumerate(paths[: 2 * number])]
    measured, share, picture = rows_of(colony_rows, jobs)
    told = (share > MOSTLY) | (share < HARDLY)
    measured, true, picture = measured[told], share[told] > MOSTLY, picture[told]
    print(f"clouds of dots: {len(true)}, of mould {true.mean():.1%}")
    odds = np.zeros(len(true))
    for part in range(5):
        out = picture % 5 == part
        odds[out] = fit_net(measured[~out], true[~out], **COLONY_FIT).odds(measured[out])
    for least in np.arange(0, 5, 0.5):
        above = odds > least
        print(f"  odds {least}: found {above[true].mean():.1%}, right {true[above].mean():.2%}")
    write({"DOT": dot, "COLONY": fit_net(measured, true, **COLONY_FIT)})


def write(nets: dict[str, Net]) -> None:
    text = '''"""The nets' numbers, made by ``python benchmarks/mould.py fit``; not written by hand.

Fitted on synthetic mould over photographs, faces, paintings and pictures made to mislead; float32,
packed as text.
"""

from __future__ import annotations

from unfade.condition.marks.nets import unpack

'''
    for name, net in nets.items():
        packed = net.packed()
        lines = "\n".join(f'    r"{packed[i : i + 92]}"' for i in range(0, len(packed), 92))
        text += f"{name} = unpack(\n    {len(net.mean)},\n{lines},\n)\n"
    Path(mould.__file__).with_name("weights.py").write_text(text, encoding="utf-8")


def measured_one(job: tuple[Path, int, bool]) -> dict[str, Any]:
    """One picture with mould and without it, by the eye as it is shipped."""
    path, seed, varied = job
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    sound = vary(read(path), rng) if varied else read(path)
    hurt, mask, boxes = mouldy(sound, rng)
    change = np.abs(hurt * 255 - sound).max(axis=2)
    dots = change - cv2.GaussianBlur(change, (0, 0), 6) > 3
    start = time.process_time()
    false = mould.find_mould(Picture(sound), PlainBench(), least_odds=0)
    seconds = time.process_time() - start
    found = mould.find_mould(Picture(worn(codes(hurt), rng)), PlainBench(), least_odds=0)
    near, close = (cv2.dilate(m.astype(np.uint8), np.ones((5, 5))) > 0 for m in (mask, dots))

    def share(mark: Mark, where: np.ndarray) -> float:
        return float(where[mark.region.window.slices][mark.region.mask].mean())

    return {
        "name": path.name,
        "false": [m.confidence for m in false],
        "found": [(m.confidence, share(m, near), share(m, close)) for m in found],
        "items": [
            max((m.confidence for m in found if paint((m,), box).mean() > 0.005), default=0.0)
            for box in boxes
        ],
        "strong": [bool(np.count_nonzero(dots[box.slices]) > 100) for box in boxes],
        "seconds": seconds / mask.size * 1e6,
    }


def measure(data: Path, split: str, number: int) -> None:
    jobs = [(p, 7 + i, split != "eval") for i, p in enumerate(pictures(data, split)[:number])]
    with Pool(2) as pool:
        results = pool.map(measured_one, jobs, chunksize=1)
    items = np.array([c for r in results for c in r["items"]])
    strong = np.array([c for r in results for c in r["strong"]])
    found = np.array([f for r in results for f in r["found"]]).reshape(-1, 3)
    for odds in (0, 1, 1.5, 2, 2.5, 3, 3.5, 4):
        least = 1 / (1 + np.exp(-odds))
        sure = found[found[:, 0] >= least]
        false = [r["name"] for r in results if any(c >= least for c in r["false"])]
        print(
            f"odds {odds}: precision {(sure[:, 1] > 0.5).mean():.3f} of {len(sure)}, "
            f"pixels of dots {sure[:, 2].mean():.3f}; "
            f"recall {(items >= least).mean():.3f} of {len(items)}, of those that show "
            f"{(items[strong] >= least).mean():.3f} of {strong.sum()}; "
            f"sound pictures without any {1 - len(false) / len(results):.3f} {false[:12]}"
        )
    print(f"{np.mean([r['seconds'] for r in results]):.2f} s a megapixel")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["measure", "fit"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--split", choices=["check", "eval"], default="check")
    parser.add_argument("--number", type=int, default=500, help="pictures to use at most")
    given = parser.parse_args()
    if given.what == "fit":
        fit(given.data, given.number)
    else:
        measure(given.data, given.split, given.number)


if __name__ == "__main__":
    main()
