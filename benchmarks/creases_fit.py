"""Fit how sure a fold or tear is that ``unfade-creases`` sees, from what is measured of it.

    python benchmarks/creases_fit.py --data DATA [--number 400] [--write]

Pictures are those of ``DATA/train`` that the network was not trained on, each as it is, with made
folds, with made tears, and scratched but not folded; every other one with blur, noise and coding.
Prints how many candidates are told right and wrong at some limits by weights of other pictures
(five parts). With ``--write`` the weights of all go into ``condition/creases/seen_weights.py``,
so that ``judge.SURE`` is met at the log odds ``LIMITS``. About one second a picture on one core.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from logistic import Candidate, Table, options_of, put_into, show, written
from not_learnt_from import not_learnt_from
from paintings_fit import AFTER

from unfade import Bench
from unfade.condition.creases import judge, seen, seen_weights, strip
from unfade.degrade import degrade, parse_degradation
from unfade.pixels.masks import dilate

HEAD = "format = 1\nname = 'fit'\nreference_px = {}\n"
REFERENCES_PX = (640, 400, 300)  # fine and coarse damage in turn
DAMAGE = {
    "creases": "[[damage]]\nuse = 'creases'\ncount = 1.2\n",
    "tears": "[[damage]]\nuse = 'tears'\ncount = 1.0\ncorner_chance = 0.15\n",
}
SCRATCHES = "[[damage]]\nuse = 'scratches'\ncount = [1.0, 8.0]\n"  # long lines that are no folds
# How near to damage a candidate has to be: a fold's band holds its flanks, however faint they are.
NEAR_PX = {"creases": 5, "tears": 2}
BAND_NEAR_PX = 8  # a band's pixel this near to a fold is right, as in `treatments_table.py`
SEEN = 0.02  # opacity that counts as damaged
NAMES = {"creases": "LINE", "tears": "PIECE"}
LIMITS = {"creases": 3.0, "tears": 3.0}  # the lowest at which none is wrong


def scenes(data: Path, number: int) -> Iterator[tuple[int, str, np.ndarray, np.ndarray]]:
    """Number, kind of damage or "", stored pixels and what is folded or torn."""
    pictures, sources = not_learnt_from(data, seed=0)
    for n, source in enumerate(sources[:number]):
        sound = pictures.pixels(source).astype(np.float32) / 255
        after = AFTER if n % 2 else ""
        head = HEAD.format(REFERENCES_PX[n % 3])
        none = np.zeros(sound.shape[:2], bool)
        whole = degrade(sound, parse_degradation(head + after), 100 * n).pixels if after else sound
        yield n, "", stored(whole), none
        marked = degrade(sound, parse_degradation(head + SCRATCHES + after), 100 * n)
        yield n, "scratches", stored(marked.pixels), none
        for kind, damage in DAMAGE.items():
            recipe = parse_degradation(head + damage + after)
            tries = (degrade(sound, recipe, 100 * n + s) for s in range(40))
            made = next((m for m in tries if m.items), None)
            if made is not None:
                yield n, kind, stored(made.pixels), made.opacity > SEEN


def stored(pixels: np.ndarray) -> np.ndarray:
    return (np.rint(np.clip(pixels, 0, 1) * 255) / 255).astype(np.float32)


def candidates(data: Path, number: int) -> dict[str, Table]:
    tables = {kind: Table() for kind in DAMAGE}
    bands: list[tuple[int, int]] = []  # of folds that the shipped rule is sure of: right, all
    with Bench(threads=1) as bench:
        network = bench.engine(seen.NETWORK)
        for n, damaged, pixels, truth in scenes(data, number):
            logits = network.find(pixels)
            near = {
                kind: cv2.dilate(truth.astype(np.uint8), np.ones((2 * px + 1,) * 2, np.uint8)) > 0
                for kind, px in NEAR_PX.items()
            }
            if damaged != "tears":
                tables["creases"].area += int(truth.sum())
                high, wide = (side - 1 for side in truth.shape)
                lines = seen.line_candidates(pixels, logits, 1)
                measured = seen.line_features(pixels, lines, logits, 1)
                for points, features in zip(lines, measured, strict=True):
                    half_px = strip.reach_px(strip.straightened(pixels, points))
                    band = np.zeros(truth.shape, np.uint8)
                    places = np.rint(points[:, ::-1]).astype(np.int32)
                    cv2.polylines(band, [places], False, 1, 2 * half_px + 1)
                    place, _ = strip.along(points)
                    rows, cols = np.rint(place).astype(int).clip(0, (high, wide)).T
                    right = bool(near["creases"][rows, cols].mean() > 0.5)
                    covered = int((truth & (band > 0)).sum())
                    row = Candidate(features, right, covered, n, not damaged)
                    tables["creases"].rows.append(row)
                    if right and judge.sure_of_seen_line(features) >= judge.SURE:
                        beside = dilate(truth, BAND_NEAR_PX)
                        bands.append((int((beside & (band > 0)).sum()), int((band > 0).sum())))
            if damaged != "creases":
                tables["tears"].area += int(truth.sum())
                for piece in seen.seen_pieces(pixels, logits):
                    window, inside = piece.region.window.slices, piece.region.mask
                    right = bool(near["tears"][window][inside].mean() > 0.5)
                    covered = int(truth[window][inside].sum())
                    row = Candidate(piece.features, right, covered, n, not damaged)
                    tables["tears"].rows.append(row)
    right_px, all_px = np.sum(bands, axis=0)
    print(f"bands of {len(bands)} told folds: {right_px / all_px:.3f} of their area is right")
    return tables


def main() -> None:
    options = options_of(__doc__)
    texts = []
    for kind, table in candidates(options.data, options.number).items():
        show(kind, table, LIMITS[kind])
        texts.append(written(NAMES[kind], table, LIMITS[kind], judge.SURE))
    if options.write:
        put_into(seen_weights, "".join(texts))


if __name__ == "__main__":
    main()
