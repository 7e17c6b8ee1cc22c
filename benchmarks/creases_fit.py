"""Fit how the network's opinion of folds and tears is weighed with the eye's own.

    python benchmarks/creases_fit.py --data DATA [--number 160] [--write]

Pictures are those of ``DATA/train`` that ``unfade-damage`` was not trained on, each as it is, with
made folds, and with made tears. Prints how many are told right and wrong by the eye alone and by
both, judged by weights of other pictures (five parts); with ``--write`` the weights are put into
``condition/creases/judge.py``. About three seconds a picture on one core.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from not_learnt_from import not_learnt_from

from unfade import Bench
from unfade.condition.creases import judge, lines_of, rips_of, said_of_line
from unfade.condition.damage_network import NETWORK
from unfade.degrade import degrade, parse_degradation
from unfade.findings import MarkKind

DAMAGE = {
    "creases": "count = 1.2",
    "tears": "count = 1.0\ncorner_chance = 0.15",
}
KINDS = {"creases": MarkKind.CREASE, "tears": MarkKind.TEAR}
# How near to damage a candidate has to be: a fold's band holds its flanks, however faint they are,
# and its line is looked at 3 pixels aside.
NEAR_PX = {"creases": 5, "tears": 2}
SEEN, LEAST = 0.02, 0.01  # opacity that counts as damaged; chance of a candidate that counts
Row = tuple[float, float, bool, int]  # own log odds, the network's, right or not, number


def scenes(data: Path, number: int) -> Iterator[tuple[int, str, np.ndarray, np.ndarray]]:
    """Number, kind of damage or "", stored pixels and what is damaged."""
    pictures, sources = not_learnt_from(data, seed=0)
    for n, source in enumerate(sources[:number]):
        sound = pictures.pixels(source).astype(np.float32) / 255
        yield n, "", sound, np.zeros(sound.shape[:2], bool)
        for kind, options in DAMAGE.items():
            recipe = parse_degradation(
                f"format = 1\nname = '{kind}'\nreference_px = 640\n"
                f"[[damage]]\nuse = '{kind}'\n{options}\n",
                kind,
            )
            tries = (degrade(sound, recipe, 100 * n + s) for s in range(40))
            made = next((m for m in tries if m.items), None)
            if made is not None:
                stored = np.rint(np.clip(made.pixels, 0, 1) * 255) / 255
                yield n, kind, stored.astype(np.float32), made.opacity > SEEN


def candidates(data: Path, number: int) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {kind: [] for kind in DAMAGE}
    with Bench(threads=1) as bench:
        engine = bench.engine(NETWORK)
        for n, damaged, pixels, truth in scenes(data, number):
            odds = np.ascontiguousarray(engine.find(pixels)[:, :, 0])
            near = {
                kind: cv2.dilate(truth.astype(np.uint8), np.ones((2 * px + 1,) * 2, np.uint8)) > 0
                for kind, px in NEAR_PX.items()
            }
            if damaged != "tears":
                for line in lines_of(pixels, LEAST):
                    hit = said_of_line(near["creases"].astype(np.float32), line.points) > 0.5
                    said = said_of_line(odds, line.points)
                    rows["creases"].append((_log_odds(line.sure), said, hit, n))
            if damaged != "creases":
                for rip, sure in rips_of(pixels, LEAST):
                    mask = np.zeros(truth.shape, bool)
                    mask[rip.window.slices] = rip.mask
                    hit = bool(near["tears"][mask].mean() > 0.5)
                    rows["tears"].append((_log_odds(sure), float(odds[mask].mean()), hit, n))
    return rows


def _log_odds(chance: float) -> float:
    far = judge.FARTHEST
    return float(np.clip(np.log(chance / max(1 - chance, 1e-9)), -far, far))


def fitted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two weights and the bias of a logistic rule with a little ridge."""
    mean, spread = x.mean(axis=0), x.std(axis=0)
    a = np.column_stack([(x - mean) / spread, np.ones(len(x))])
    w, ridge = np.zeros(3), np.diag([1.0, 1.0, 0.0])
    for _ in range(40):
        p = 1 / (1 + np.exp(-np.clip(a @ w, -30, 30)))
        slope = a.T @ (p - y) + ridge @ w
        w -= np.linalg.solve((a * (p * (1 - p) + 1e-6)[:, None]).T @ a + ridge, slope)
    return np.append(w[:2] / spread, w[2] - (w[:2] * mean / spread).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--number", type=int, default=160, help="of pictures")
    parser.add_argument("--write", action="store_true", help="put the weights into the package")
    options = parser.parse_args()
    least = {"creases": judge.MARK_CREASE, "tears": judge.MARK_RIP}
    rules = []
    for kind, rows in candidates(options.data, options.number).items():
        x = np.array([row[:2] for row in rows])
        y = np.array([row[2] for row in rows])
        part = np.array([row[3] for row in rows]) % 5
        both = np.zeros(len(y))
        for k in range(5):
            w = fitted(x[part != k], y[part != k])
            both[part == k] = x[part == k] @ w[:2] + w[2]
        print(f"{kind}: {y.sum()} candidates of damage, {(~y).sum()} of the picture")
        for way, odds in (("alone", x[:, 0]), ("with the network", both)):
            sure = odds >= _log_odds(least[kind])
            print(f"  {way}: {sure[y].sum()} right, {sure[~y].sum()} wrong")
        own, other, bias = fitted(x, y)
        rules.append(f"MarkKind.{KINDS[kind].name}: ({own:.3f}, {other:.3f}, {bias:.3f})")
    print(", ".join(rules))
    if options.write:
        target = Path(judge.__file__)
        text = target.read_text(encoding="utf-8")
        line = f"WITH_NETWORK = {{{', '.join(rules)}}}"
        target.write_text(re.sub(r"WITH_NETWORK = .*", line, text), encoding="utf-8")


if __name__ == "__main__":
    main()
