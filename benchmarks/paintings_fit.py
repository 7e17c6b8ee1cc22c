"""Fit the rules of the eyes for craquelure and losses on made damage over training pictures.

    python benchmarks/paintings_fit.py --data DATA [--write]

Prints how well each rule does on pictures that it was not fitted on (five parts); with ``--write``
its numbers are put into ``condition/craquelure/rule.py`` and ``condition/losses/rule.py``. How the
network's opinion of cracks is weighed is fitted on pictures that it was not trained on, made cracks
and crack maps of real paintings (``DATA/damage/craquelure``) laid over them. ``--only cracked``
shows which of further such pictures the eye calls cracked, and how right its maps are, ``--only
pieces`` what passes the limits on what ``unfade-losses`` says. About half an hour on one core;
``--only`` does one of them.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from not_learnt_from import not_learnt_from
from PIL import Image
from treatments.paintings import crack_maps, under_cracks
from treatments.row import harm

from unfade import Bench, Picture, restore
from unfade.condition import craquelure, losses
from unfade.condition.craquelure import rule
from unfade.condition.craquelure.net import FEATURES as NET_FEATURES
from unfade.condition.craquelure.net import net_of
from unfade.condition.craquelure.ridges import lines
from unfade.condition.losses import rule as losses_rule
from unfade.condition.losses import tones
from unfade.condition.survey import luma, windows
from unfade.degrade import degrade, parse_degradation
from unfade.findings import Region, paint
from unfade.pixels.masks import dilate

HEAD = 'format = 1\nname = "fit"\nreference_px = 0\n'
CRACKS = """[[damage]]
use = "cracks"
cover_share = [0.4, 1.0]
island_px = [14, 80]
width_px = [0.6, 2.0]
opacity = [0.3, 0.9]
light_chance = 0.2
"""
LOSSES = """[[damage]]
use = "losses"
count = [3.0, 9.0]
radius_share = [0.006, 0.06]
ground = ["chalk", "canvas", "wood", "bole", "paper"]
crumbled = [0.2, 0.9]
shadow_density = [0.0, 0.25]
"""
AFTER = """[[damage]]
use = "blur"
chance = 0.5
width_px = [0.3, 0.8]
[[damage]]
use = "noise"
chance = 0.5
law = "photon"
sigma = [0.004, 0.02]
[[damage]]
use = "jpeg"
chance = 0.6
quality = [70, 97]
"""
FIELD_PX, LEAST_PX = 256, 128
FITTED = 110  # pictures on which the network's opinion is weighed; others are looked at whole
VISIBLE = 0.05  # change of brightness that makes a crack one
Rows = list[tuple[np.ndarray, bool, int]]  # features, damaged, number of the picture


def sound(data: Path, every: int) -> Iterator[tuple[int, np.ndarray]]:
    """Training paintings and some photographs, some enlarged as a close scan would show them."""
    paintings = sorted((data / "train/paintings").glob("*"))
    photos = sorted((data / "train/photos").glob("*"))[3::every]
    for number, path in enumerate(paintings + photos):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB")).astype(np.float32) / 255
        yield number, close(pixels, number)


def close(pixels: np.ndarray, number: int) -> np.ndarray:
    """As a close scan would show it: a part, enlarged by 1, 1.5, 2 or 3 as the number says."""
    scale = (1, 1.5, 2, 3)[number % 4]
    if scale > 1:
        rng, side = np.random.default_rng(number), int(512 / scale)
        top = rng.integers(0, max(1, pixels.shape[0] - side + 1))
        left = rng.integers(0, max(1, pixels.shape[1] - side + 1))
        part = pixels[top : top + side, left : left + side]
        pixels = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.clip(pixels, 0, 1)


def fields(plane: np.ndarray) -> Iterator[np.ndarray]:
    for top in range(0, max(1, plane.shape[0] - LEAST_PX + 1), FIELD_PX):
        for left in range(0, max(1, plane.shape[1] - LEAST_PX + 1), FIELD_PX):
            part = plane[top : top + FIELD_PX, left : left + FIELD_PX]
            if min(part.shape) >= LEAST_PX:
                yield np.ascontiguousarray(part)


def nets(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    dark, light = lines(plane)
    return net_of(plane, dark, light).features, net_of(plane, light, dark).features


def craquelure_rows(data: Path) -> Rows:
    rows: Rows = []
    whole, none, bare = (parse_degradation(HEAD + t) for t in (CRACKS + AFTER, AFTER, CRACKS))
    for number, pixels in sound(data, 8):
        for part in fields(luma(degrade(pixels, none, number).pixels)):
            rows += [(features, False, number) for features in nets(part)]
        if number % 3:
            continue
        hurt = degrade(pixels, whole, number)
        for drawn in hurt.drawn("cracks"):
            change = np.abs(luma(degrade(pixels, bare, number).pixels) - luma(pixels))
            for part, seen in zip(fields(luma(hurt.pixels)), fields(change)):
                if (seen > VISIBLE).mean() > 0.015:
                    rows.append((nets(part)[int(drawn["light"])], True, number))
    return rows


def new_to_networks(data: Path, paintings: int, others: int) -> Iterator[tuple[int, np.ndarray]]:
    """Pictures that neither ``unfade-damage`` nor ``unfade-losses`` was trained on, numbered."""
    pictures, sources = not_learnt_from(data, seed=3)
    old = [s for s in sources if s.name.startswith("paintings/")][:paintings]
    new = [s for s in sources if not s.name.startswith("paintings/")][:others]
    for number, source in enumerate(old + new):
        yield number, close(pictures.pixels(source).astype(np.float32) / 255, number)


def joint_rows(data: Path) -> Rows:
    """Own log odds and ``rule.shares`` of what the network sees, cracked or not, number."""
    whole, none = (parse_degradation(HEAD + t) for t in (CRACKS + AFTER, AFTER))
    maps = crack_maps(data)
    rows: Rows = []
    with Bench(threads=1) as bench:
        network = bench.engine(craquelure.NETWORK)
        for number, pixels in new_to_networks(data, 40, FITTED - 40):
            made = degrade(pixels, whole, number)
            light = any(drawn["light"] for drawn in made.drawn("cracks"))
            cracked, real = under_cracks(pixels, maps[number * 31 % len(maps)])
            scenes = (
                (degrade(pixels, none, number).pixels, None, (False, True)),
                (made.pixels, made.opacity > 0.15, (light,)),
                (cracked, real, (False,)),
            )
            for hurt, cracks, polarities in scenes:
                shown = np.clip(hurt, 0, 1).astype(np.float32)
                picture = Picture.of(np.ascontiguousarray(shown))
                for window in windows(picture, at_most=9, side_px=FIELD_PX):
                    if min(window.rows, window.cols) < LEAST_PX:
                        continue
                    if cracks is not None and cracks[window.slices].mean() < 0.025:
                        continue
                    for polarity in polarities:
                        field = craquelure.judged(picture, window, polarity)
                        seen = craquelure.seen_of(picture, network, field, 1)
                        told = np.array([field.odds, *rule.shares(seen)])
                        rows.append((told, cracks is not None, number))
    return rows


def fit_joint(rows: Rows, target: Path, write: bool) -> None:
    x, y, picture = (np.array([r[k] for r in rows]) for k in range(3))
    held_out = np.zeros(len(y))
    for part in range(5):
        mean, weights, bias = fitted(x[picture % 5 != part], y[picture % 5 != part])
        held_out[picture % 5 == part] = (x[picture % 5 == part] - mean) @ weights + bias
    print(f"craquelure with the network: {y.sum()} fields cracked, {(~y).sum()} sound")
    for way, odds in (("rule alone", x[:, 0]), ("both", held_out)):
        for least in (1, 2, 3):
            above = odds > least
            print(
                f"  {way}, odds {least}: found {above[y].mean():.1%}, false {above[~y].mean():.2%}"
            )
    if write:
        mean, weights, bias = fitted(x, y)
        numbers = ", ".join(f"{v:.3f}" for v in (*weights, bias - mean @ weights))
        text = re.sub(
            r"WITH_NETWORK = .*", f"WITH_NETWORK = ({numbers})", target.read_text("utf-8")
        )
        target.write_text(text, encoding="utf-8")


def show_cracked(data: Path) -> None:
    """Whole pictures through the eye for craquelure: which it calls cracked, its maps, the fill."""
    whole, none = (parse_degradation(HEAD + t) for t in (CRACKS + AFTER, AFTER))
    maps = crack_maps(data)
    told: dict[str, list[tuple[float, ...] | None]] = {"sound": [], "made": [], "real maps": []}
    with Bench(threads=1) as bench:
        for number, pixels in new_to_networks(data, 40, 400):
            if number < FITTED:
                continue
            scenes = [("sound", degrade(pixels, none, number).pixels, None)]
            if number < 2 * FITTED:
                made = degrade(pixels, whole, number)
                scenes.append(("made", made.pixels, made.opacity > 0.15))
                scenes.append(("real maps", *under_cracks(pixels, maps[number * 31 % len(maps)])))
            for kind, shown, cracks in scenes:
                picture = Picture(np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8))
                found = craquelure.look(picture, bench)
                if not found.items or cracks is None:
                    told[kind].append((0.0,) if found.items else None)
                    continue
                mask, near = paint(found.items, picture.window), dilate(cracks, 2)
                filled = restore(picture, only=("fill_craquelure",), bench=bench).picture.samples
                changed = (filled != picture.samples).any(axis=2)
                told[kind].append(
                    (
                        float((mask & near).sum() / mask.sum()),
                        float(dilate(mask, 1)[cracks].mean()),
                        float(changed[cracks].mean()),
                        harm(picture.samples, picture.samples, filled, cracks),
                    )
                )
    for kind, rows in told.items():
        sure = [row for row in rows if row is not None]
        print(f"craquelure, {kind}: {len(sure)} of {len(rows)} pictures called cracked")
        if sure and kind != "sound":
            precision, recall, filled, harmed = np.mean(sure, axis=0)
            print(f"  by pixel, mean of pictures: precision {precision:.3f}, recall {recall:.3f};")
            print(f"  filled {filled:.3f} of the cracks at {harmed:.3%} harm")


def loss_rows(data: Path) -> Rows:
    rows: Rows = []
    whole, none = (parse_degradation(HEAD + t) for t in (LOSSES + AFTER, AFTER))
    for number, pixels in sound(data, 9):
        hurt = degrade(pixels, none if number % 2 else whole, number)
        truth = np.zeros(hurt.mask.shape, bool) if number % 2 else hurt.opacity > 0.5
        lab = losses.lab_of(hurt.pixels)
        for tone in tones.tones_of(lab):
            area = np.array([r.area_px for r in tone.pieces])
            hit = np.array([truth[r.window.slices][r.mask].sum() for r in tone.pieces])
            share = hit.sum() / area.sum()
            if not 0.1 < share < 0.6:
                rows.append((tone.features, bool(share >= 0.6), number))
    return rows


def show_pieces(data: Path) -> None:
    """What passes limits on the mean log odds of a piece, with made losses and without."""
    whole, none = (parse_degradation(HEAD + t) for t in (LOSSES + AFTER, AFTER))
    scenes: list[tuple[bool, np.ndarray, np.ndarray, list[tuple[Region, float]]]] = []
    with Bench(threads=1) as bench:
        network = bench.engine(losses.NETWORK)
        for number, pixels in new_to_networks(data, 40, 180):
            for hurt in (False, True):
                made = degrade(pixels, whole if hurt else none, number)
                truth = made.opacity > 0.15 if hurt else np.zeros(pixels.shape[:2], bool)
                small = np.clip(made.pixels, 0, 1)
                pieces = losses.pieces_of(network.find(small)[:, :, 0])
                scenes.append((hurt, truth, small, pieces))
    gone = sum(int(truth.sum()) for _, truth, _, _ in scenes)
    print(f"losses by the network: {len(scenes) // 2} pictures, with made losses and without")
    shipped = losses.PIECE_ODDS, losses.ANOTHER_ODDS
    for sure, another in ((3.5, 3.0), (4.0, 3.0), shipped, (4.5, 3.0), (shipped[0], 2.0)):
        marked = seen = right = pieces_ = area = 0
        for hurt, truth, small, pieces in scenes:
            chosen = [piece.region for piece in losses.sure_of(small, pieces, sure, another)]
            hits = [r.area_px for r in chosen if truth[r.window.slices][r.mask].mean() > 0.5]
            if hurt:
                pieces_, right, area = pieces_ + len(chosen), right + len(hits), area + sum(hits)
                seen += bool(hits)
            else:
                marked += bool(chosen)
        print(
            f"  odds {sure}, others of its ground {another}: {marked} sound pictures marked, "
            f"precision {right / max(1, pieces_):.3f}, seen in {seen} pictures, "
            f"{area / gone:.1%} covered"
        )


def fitted(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean, weights and bias of a logistic rule with a ridge, both classes weighing the same."""
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    a = np.column_stack([(x - mean) / spread, np.ones(len(x))])
    w, ridge = np.zeros(a.shape[1]), np.eye(a.shape[1]) / 0.3
    ridge[-1, -1] = 0
    balance = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    for _ in range(40):
        p = 1 / (1 + np.exp(-np.clip(a @ w, -30, 30)))
        slope = a.T @ (balance * (p - y)) + ridge @ w
        w -= np.linalg.solve((a * (balance * p * (1 - p) + 1e-6)[:, None]).T @ a + ridge, slope)
    return mean, w[:-1] / spread, float(w[-1])


def fit(name: str, names: tuple[str, ...], rows: Rows, target: Path, write: bool) -> None:
    x = np.nan_to_num(np.array([r[0] for r in rows]))
    y = np.array([r[1] for r in rows])
    picture = np.array([r[2] for r in rows])
    held_out = np.zeros(len(y))
    for part in range(5):
        out = picture % 5 == part
        mean, weights, bias = fitted(x[~out], y[~out])
        held_out[out] = (x[out] - mean) @ weights + bias
    print(f"{name}: {y.sum()} damaged, {(~y).sum()} sound")
    for odds in range(9):
        above = held_out > odds
        print(f"  odds {odds}: found {above[y].mean():.1%}, false {above[~y].mean():.2%}")
    if write:
        mean, weights, bias = fitted(x, y)
        text = target.read_text(encoding="utf-8")
        for word, values in (("MEAN", mean), ("WEIGHTS", weights)):
            lines_ = "".join(f"    {v:.4f},  # {n}\n" for v, n in zip(values, names))
            text = re.sub(rf"{word} = \(\n.*?\n?\)", f"{word} = (\n{lines_})", text, flags=re.S)
        text = re.sub(r"BIAS = .*", f"BIAS = {bias:.4f}", text)
        target.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--write", action="store_true", help="put the numbers into the package")
    parser.add_argument("--only", choices=("craquelure", "network", "cracked", "losses", "pieces"))
    options = parser.parse_args()
    if options.only in (None, "craquelure"):
        rows = craquelure_rows(options.data)
        fit("craquelure", NET_FEATURES, rows, Path(rule.__file__), options.write)
    if options.only in (None, "network"):
        fit_joint(joint_rows(options.data), Path(rule.__file__), options.write)
    if options.only in (None, "cracked"):
        show_cracked(options.data)
    if options.only in (None, "losses"):
        rows = loss_rows(options.data)
        fit("losses", tones.FEATURES, rows, Path(losses_rule.__file__), options.write)
    if options.only in (None, "pieces"):
        show_pieces(options.data)


if __name__ == "__main__":
    main()
