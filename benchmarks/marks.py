"""Measure (and fit) the eyes for dust, hairs and scratches.

    python benchmarks/marks.py measure --data ../shared/data --split eval
    python benchmarks/marks.py fit --data ../shared/data       # prints the weights to ship
    python benchmarks/marks.py second --data ../shared/data    # and those for a second opinion

``measure`` lays known damage over sound pictures and prints how much of it the found marks cover
(share), how many sound pixels they cover (harm: outside the true mask grown by 2 pixels), recall
by kind and width, precision by item, what is found in the same pictures without damage, and the
time for each megapixel. ``fit`` uses ``train`` and ``damage`` only: half of the pictures and of
the shapes for the judge of candidates, the other half for the judge of pictures, which sees the
first judge's marks for pictures that it was not fitted on. ``second`` weighs the eye's odds and
those of the network ``unfade-damage``, on pictures that neither was fitted on.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections import defaultdict
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from marks_damage import KINDS, both, damage, pictures, read, shapes, vary

from unfade import Bench
from unfade.condition.damage_network import NETWORK
from unfade.condition.marks import look, second
from unfade.condition.marks.candidates import Candidates
from unfade.condition.marks.context import describe
from unfade.condition.marks.judge import judge
from unfade.condition.marks.nets import Net
from unfade.condition.marks.planes import LEVELS, level_size, read_planes
from unfade.condition.marks.scan import scan
from unfade.condition.marks.specks import raw_specks
from unfade.condition.marks.weights import PIXEL
from unfade.engines.contract import PlainBench
from unfade.findings import paint
from unfade.picture import Picture, Window
from unfade.train.recipe import DataSettings

Table = dict[str, np.ndarray]
WIDTHS = ((1, 2), (2, 4), (4, 8), (8, 17), (17, 256))  # pixels, the second one excluded


def pixel_rows(paths: list[Path], data: Path, split: str, seed: int) -> Table:
    """A sample of all raw specks: ``measured`` surround, ``damage`` or not, ``picture``."""
    jobs = [(path, data, split, seed + i) for i, path in enumerate(paths)]
    with Pool(2) as pool:
        parts = [part for pair in pool.map(_pixel_rows, jobs, chunksize=4) for part in pair]
    return {
        "measured": np.concatenate([p[0] for p in parts]),
        "damage": np.concatenate([p[1] for p in parts]),
        "picture": np.concatenate([np.full(len(p[1]), i) for i, p in enumerate(parts)]),
    }


def _pixel_rows(job: tuple[Path, Path, str, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    out = []
    for samples, kinds in both(*job):
        picture = Picture(samples)
        rng = np.random.default_rng(job[-1])
        measured, damaged = [], []
        for level in range(LEVELS):
            size = [level_size(n, level) for n in kinds.shape]
            window = Window(0, 0, *size)
            hurt = cv2.resize(
                (kinds > 0).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA
            )
            everything = (slice(0, size[0]), slice(0, size[1]))
            for specks, surround in raw_specks(*read_planes(picture, window, level), everything):
                share = hurt[specks.rows, specks.cols]
                clear = np.flatnonzero((share > 0.5) | (share == 0))
                pick = rng.permutation(clear)[: 700 >> level]
                measured.append(surround[pick])
                damaged.append(share[pick] > 0.5)
        out.append((np.concatenate(measured).astype(np.float32), np.concatenate(damaged)))
    return out


def tables(
    paths: list[Path], data: Path, split: str, seed: int, pixel: Net, net: Net | None
) -> Table:
    """All candidates in the pictures, once sound and once damaged (picture 2n and 2n + 1).

    Args:
        net: the first judge, for the context of each candidate; None: without context
    Returns:
        columns ``measured`` (with context where asked), ``share`` (of the candidate's pixels
        inside damage), ``kind``, ``hit`` and ``harm`` (damaged and sound pixels covered),
        ``picture``
    """
    jobs = [(path, data, split, seed + i, pixel, net) for i, path in enumerate(paths)]
    with Pool(2) as pool:
        parts = pool.map(_table, jobs, chunksize=4)
    rows: dict[str, list[np.ndarray]] = defaultdict(list)
    for number, pair in enumerate(parts):
        for hurt, columns in enumerate(pair):
            for name, values in columns.items():
                rows[name].append(values)
            rows["picture"].append(np.full(len(columns["share"]), 2 * number + hurt))
    return {name: np.concatenate(values) for name, values in rows.items()}


def _table(job: tuple[Path, Path, str, int, Net, Net | None]) -> list[Table]:
    *which, pixel, net = job
    return [_columns(samples, kinds, pixel, net) for samples, kinds in both(*which)]


def _columns(samples: np.ndarray, kinds: np.ndarray, pixel: Net, net: Net | None) -> Table:
    found = scan(Picture(samples), PlainBench(), pixel)
    rows, cols = kinds.shape
    measured = [c.features for c in found]
    if net is not None:
        odds = [net.odds(m) for m in measured]
        context = describe(found, odds, rows, cols)
        measured = [np.hstack(pair) for pair in zip(measured, context, strict=True)]
    near = cv2.dilate((kinds > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    far = cv2.dilate((kinds > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    out: dict[str, list[np.ndarray]] = defaultdict(list)
    for c, m in zip(found, measured, strict=True):
        at = _at(c, rows, cols)
        area = np.maximum(np.bincount(c.owner, minlength=len(c)), 1)
        votes = [np.bincount(c.owner, kinds[at] == k, len(c)) for k in KINDS]
        out["measured"].append(m)
        out["share"].append(np.bincount(c.owner, near[at], len(c)) / area)
        out["kind"].append(1 + np.argmax(votes, axis=0))
        out["hit"].append(sum(votes) * 4**c.level)
        out["harm"].append(np.bincount(c.owner, far[at], len(c)) * 4**c.level)
    return {name: np.concatenate(values) for name, values in out.items()}


def fit_net(
    measured: np.ndarray, is_damage: np.ndarray, *, units: int, seed: int, rounds: int = 24
) -> Net:
    """Fit a small net to tell damage from scene.

    Logistic loss, Adam with a falling step, slight weight decay; seeded.
    """
    rng = np.random.default_rng(seed)
    mean, spread = measured.mean(0), measured.std(0) + 1e-6
    x = np.clip((measured - mean) / spread, -5, 5).astype(np.float32)
    y = is_damage.astype(np.float32)
    inputs = x.shape[1]
    weights = [
        (rng.normal(0, 1, (inputs, units)) / np.sqrt(inputs)).astype(np.float32),
        np.zeros(units, np.float32),
        (rng.normal(0, 1, units) / np.sqrt(units)).astype(np.float32),
        np.full(1, np.log(y.mean() / (1 - y.mean())), np.float32),
    ]
    first = [np.zeros_like(w) for w in weights]
    second = [np.zeros_like(w) for w in weights]
    batch, step = 512, 0
    steps = rounds * (len(x) // batch)
    for _ in range(rounds):
        order = rng.permutation(len(x))
        for start in range(0, len(x) - batch + 1, batch):
            pick = order[start : start + batch]
            inner = np.tanh(x[pick] @ weights[0] + weights[1])
            error = 1 / (1 + np.exp(-(inner @ weights[2] + weights[3]))) - y[pick]
            back = np.outer(error, weights[2]) * (1 - inner**2)
            slopes = [x[pick].T @ back, back.sum(0), inner.T @ error, error.sum(keepdims=True)]
            step += 1
            rate = 4e-3 * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-5
            for i, slope in enumerate(slopes):
                slope = slope / batch + 1e-5 * weights[i]
                first[i] += 0.1 * (slope - first[i])
                second[i] += 0.001 * (slope**2 - second[i])
                size = np.sqrt(second[i] / (1 - 0.999**step)) + 1e-8
                weights[i] -= rate * first[i] / (1 - 0.9**step) / size
    hidden, bias, top, shift = (w.astype(np.float64) for w in weights)
    return Net(mean, spread, hidden, bias, top, float(shift[0]))


def second_opinions(paths: list[Path], data: Path, seed: int) -> Table:
    """Log odds (candidates, 2) of this eye and of the network, and the candidates' ``share``."""
    rows: dict[str, list[np.ndarray]] = defaultdict(list)
    with Bench() as bench:
        for number, path in enumerate(paths):
            for samples, kinds in both(path, data, "hold", seed + number):
                picture = Picture(samples)
                found = scan(picture, bench, PIXEL)
                odds = judge(found, *kinds.shape)
                specks = second.Asked(found, [np.ones(len(o), bool) for o in odds], picture)
                for window, maps in bench.engine(NETWORK).find_tiles(picture, bench):
                    specks.vote(window, maps[:, :, 0])
                pairs = np.stack((np.concatenate(odds), specks.means()), axis=1)
                rows["measured"].append(np.clip(pairs, -second.FARTHEST, second.FARTHEST))
                rows["share"].append(_shares(found, kinds))
    return {name: np.concatenate(values) for name, values in rows.items()}


def _shares(found: list[Candidates], kinds: np.ndarray) -> np.ndarray:
    """Share of each candidate's pixels that lies inside damage."""
    near = cv2.dilate((kinds > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    shares = []
    for c in found:
        area = np.maximum(np.bincount(c.owner, minlength=len(c)), 1)
        shares.append(np.bincount(c.owner, near[_at(c, *kinds.shape)], len(c)) / area)
    return np.concatenate(shares)


def _at(c: Candidates, rows: int, cols: int) -> tuple[np.ndarray, np.ndarray]:
    """Native place of each speck."""
    middle = (1 << c.level) // 2
    return (
        np.minimum((c.specks.rows << c.level) + middle, rows - 1),
        np.minimum((c.specks.cols << c.level) + middle, cols - 1),
    )


def fit_second(data: Path, number: int) -> Net:
    """The mean of three nets as one, from the fifth of the pictures that is new to the network."""
    paths = [p for split in ("hold", "check") for p in pictures(data, split)]
    table = second_opinions([p for p in paths if _is_new(p)][:number], data, 7)
    use = told(table)
    nets = [
        fit_net(table["measured"][use], table["share"][use] > 0.5, units=8, seed=seed, rounds=20)
        for seed in range(3)
    ]
    return Net(
        nets[0].mean,
        nets[0].spread,
        np.hstack([net.hidden for net in nets]),
        np.concatenate([net.bias for net in nets]),
        np.concatenate([net.top for net in nets]) / 3,
        float(np.mean([net.shift for net in nets])),
    )


def _is_new(path: Path) -> bool:
    """Whether training left the picture out: the split by content of ``unfade.train``."""
    share = DataSettings().train_share
    return int(hashlib.sha256(path.read_bytes()).hexdigest()[:8], 16) / 2**32 >= share


def told(table: Table) -> np.ndarray:
    """Candidates that are clearly damage or clearly not: those with a bit of both teach nothing."""
    return (table["share"] > 0.5) | (table["share"] < 0.1)


def measure(data: Path, split: str, number: int, seed: int, alone: bool, new: bool) -> None:
    """Print what is found in sound and in damaged pictures of a split."""
    paths = [p for p in pictures(data, split) if not new or _is_new(p)][:number]
    jobs = [(path, data, split, seed + i, alone) for i, path in enumerate(paths)]
    with Pool(2) as pool:
        results = pool.map(_measured, jobs, chunksize=1)
    false = [r for r in results if r["sound_items"]]
    print(f"sound pictures: {len(results) - len(false)} of {len(results)} without any item")
    for r in false:
        print(f"  {r['name']}: {r['sound_items']} items, surest {r['sound_best']:.2f}")
    sums = ("hit", "true", "harm", "size", "good", "items")
    total = {name: sum(r[name] for r in results) for name in sums}
    harms = np.array([r["harm"] / r["size"] for r in results])
    covers = np.array([r["hit"] / max(1, r["true"]) for r in results])
    print(f"damaged pictures: {total['hit'] / total['true']:.1%} of the damaged area covered")
    print(f"  cover by picture: mean {covers.mean():.1%}, median {np.median(covers):.1%}")
    print(f"  pictures with nothing found: {np.mean(covers == 0):.1%}")
    print(
        f"  sound pixels covered: {total['harm'] / total['size']:.4%} of all; by picture median "
        f"{np.median(harms):.4%}, above 0.1 % in {np.mean(harms > 0.001):.1%}"
    )
    precision = total["good"] / max(1, total["items"])
    recall = total["hit"] / total["true"]
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    print(f"  items that are damage: {precision:.1%}; F1 with area recall {f1:.3f}")
    for kind, name in KINDS.items():
        line = []
        for low, high in WIDTHS:
            hit = sum(r["by"][kind, low][0] for r in results)
            true = sum(r["by"][kind, low][1] for r in results)
            line.append(f"{low}-{high - 1} px " + (f"{hit / true:.0%}" if true > 500 else "-"))
        print(f"  area recall of {name}: " + ", ".join(line))
    for low in (0.7, 0.8, 0.9, 0.95, 0.98):
        high = {0.7: 0.8, 0.8: 0.9, 0.9: 0.95, 0.95: 0.98, 0.98: 1.01}[low]
        inside = [g for r in results for c, g in r["calibration"] if low <= c < high]
        if inside:
            print(f"  confidence {low}-{high}: {np.mean(inside):.1%} of {len(inside)} are damage")
    seconds, pixels = sum(r["seconds"] for r in results), total["size"]
    print(f"time: {seconds / pixels * 1e6:.2f} s a megapixel on one core (processor time)")


def _measured(job: tuple[Path, Path, str, int, bool]) -> dict[str, Any]:
    path, data, split, seed, alone = job
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    sound = read(path) if split == "eval" else vary(read(path), rng)
    hurt = damage(sound, shapes(data, split), rng)
    bench = PlainBench() if alone else Bench(threads=1)
    start = time.process_time()
    false = look(Picture(sound), bench).items
    seconds = time.process_time() - start
    found = look(Picture(hurt.samples), bench).items
    mask = paint(found, Picture(hurt.samples).window)
    true = hurt.kinds > 0
    near = cv2.dilate(true.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    good = [float(near[m.region.window.slices][m.region.mask].mean()) > 0.5 for m in found]
    return {
        "name": path.name,
        "sound_items": len(false),
        "sound_best": max((m.confidence for m in false), default=0.0),
        "hit": int((mask & true).sum()),
        "true": int(true.sum()),
        "harm": int((mask & ~near).sum()),
        "size": true.size,
        "good": sum(good),
        "items": len(found),
        "calibration": [(m.confidence, g) for m, g in zip(found, good, strict=True)],
        "by": {
            (kind, low): _counts(
                mask, (hurt.kinds == kind) & (hurt.width >= low) & (hurt.width < high)
            )
            for kind in KINDS
            for low, high in WIDTHS
        },
        "seconds": seconds,
    }


def _counts(found: np.ndarray, true: np.ndarray) -> tuple[int, int]:
    return int((found & true).sum()), int(true.sum())


def print_weights(nets: dict[str, Net]) -> None:
    """The text of ``condition/marks/weights.py``."""
    print('''"""The nets' numbers, made by ``python benchmarks/marks.py fit``; not written by hand.

Fitted on synthetic damage (shapes of real film dirt, procedural scratches and specks) over sound
photographs, faces, paintings and pictures made to mislead; float32, packed as text.
"""

from __future__ import annotations

from unfade.condition.marks.nets import unpack
''')
    for name, net in nets.items():
        text = net.packed()
        lines = [text[i : i + 92] for i in range(0, len(text), 92)]
        body = "\n".join(f'    r"{line}"' for line in lines)
        print(f"{name} = unpack(\n    {len(net.mean)},\n{body},\n)")


def fit(data: Path, number: int) -> dict[str, Net]:
    """The three nets: pixels and candidates from one fold, candidates among others from another."""
    first = pictures(data, "fit")[:number]
    rows = pixel_rows(first, data, "fit", 1000)
    pixel = fit_net(rows["measured"], rows["damage"], units=48, seed=0, rounds=10)
    del rows
    table = tables(first, data, "fit", 1000, pixel, None)
    use = told(table)
    alone = fit_net(table["measured"][use], table["share"][use] > 0.5, units=16, seed=0)
    table = tables(pictures(data, "hold")[:number], data, "hold", 900_000, pixel, alone)
    use = told(table)
    among = fit_net(table["measured"][use], table["share"][use] > 0.5, units=16, seed=0)
    return {"PIXEL": pixel, "ALONE": alone, "AMONG": among}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["measure", "fit", "second"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--split", choices=["check", "train", "eval"], default="check")
    parser.add_argument("--number", type=int, default=420, help="pictures to use at most")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--alone", action="store_true", help="without the network's opinion")
    parser.add_argument("--new", action="store_true", help="pictures new to the network alone")
    args = parser.parse_args()
    if args.what == "fit":
        print_weights(fit(args.data, args.number))
    elif args.what == "second":
        print_weights({"JOINT": fit_second(args.data, args.number)})
    else:
        measure(args.data, args.split, args.number, args.seed, args.alone, args.new)


if __name__ == "__main__":
    main()
