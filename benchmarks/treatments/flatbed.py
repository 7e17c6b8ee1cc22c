"""Flatbed work on made platens: boxes and angles, dust on the glass; film dust by infrared.

Pictures of the evaluation sets are laid on platens of each kind of lid, so truth is known. The
lines' figures: corners in pixels before (the rough outline) and after (the measured sides).
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from treatments.row import Row, sound_pictures
from unfade.condition.infrared import look
from unfade.condition.survey import block_px, overview
from unfade.engines.contract import PlainBench
from unfade.findings import paint
from unfade.flatbed import Photograph, find_photographs, glass_dust
from unfade.flatbed.finding import OVERVIEW_PX
from unfade.flatbed.outlines import rough_outlines
from unfade.flatbed.platen import measure_platen
from unfade.picture import Picture, Window

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "flatbed"))
LIDS = {"white": 0.96, "grey": 0.5, "black": 0.05}
ROWS, COLS = 1400, 1000


def rows(data: Path, number: int) -> Iterator[Row]:
    pictures = list(sound_pictures(data, number))
    for name, lid in LIDS.items():
        yield _platens(name, lid, pictures)
    yield _glass(pictures)
    yield from _film(pictures)


def _platens(name: str, lid: float, pictures: list[np.ndarray]) -> Row:
    from platens import codes, platen

    rough_px, corner_px, angle, found, wanted, extra = [], [], [], 0, 0, 0
    spent, megapixels = 0.0, 0.0
    for k in range(0, len(pictures), 4):
        chance = np.random.default_rng(k)
        prints, shown = _prints(chance, pictures[k : k + 4])
        view = platen(
            prints, ROWS, COLS, lid=lid, noise=float(chance.uniform(0.004, 0.012)),
            shadow=0.0 if lid < 0.1 else float(chance.uniform(0.05, 0.35)),
            shadow_px=float(chance.uniform(4, 9)), seed=k, pictures=shown,
        )  # fmt: skip
        picture = Picture(codes(view))
        start = time.process_time()
        layout = list(find_photographs(picture).photographs)
        spent += time.process_time() - start
        megapixels += ROWS * COLS / 1e6
        coarse = _rough(picture)
        for each in prints:
            truth = Photograph(
                row_px=each.row, col_px=each.col, rows_px=each.rows, cols_px=each.cols,
                angle_degrees=each.angle,
            )  # fmt: skip
            wanted += 1
            rough_px.append(min((_away(c, truth) for c in coarse), default=99.0))
            best = min(layout, key=lambda p: _away(p, truth), default=None)
            if best is None or _away(best, truth) > 30:
                continue
            layout.remove(best)
            corner_px.append(_away(best, truth))
            angle.append(abs(best.angle_degrees - each.angle))
            found += corner_px[-1] <= 2 and angle[-1] <= 0.1
        extra += len(layout)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Row(
        damage=f"prints on a {name} lid", step="split", measure="corner, px (median)",
        before=float(np.median(rough_px)), after=float(np.median(corner_px)),
        precision=found / max(1, len(corner_px) + extra), recall=found / max(1, wanted),
        pictures=wanted, cost=(spent / megapixels, peak / megapixels),
        note=f"worst corner {max(corner_px):.1f} px, angle median {np.median(angle):.3f}, "
        f"worst {max(angle):.3f} degrees; recall: within 2 px and 0.1 degrees",
    )  # fmt: skip


def _prints(chance: np.random.Generator, pictures: list[np.ndarray]):
    from platens import Print

    prints, shown = [], []
    places = ((340, 250), (340, 745), (1040, 250), (1040, 745))
    for (row, col), picture in zip(places, pictures, strict=False):
        height, width = picture.shape[:2]
        scale = min(400 / width, 560 / height)
        view = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        border = int(chance.choice([0, 0, 16]))
        prints.append(
            Print(
                row=float(row + chance.uniform(-12, 12)), col=float(col + chance.uniform(-9, 9)),
                rows=view.shape[0] + 2 * border, cols=view.shape[1] + 2 * border,
                angle=float(chance.uniform(-4, 4)), border=border,
            )
        )  # fmt: skip
        shown.append(view.astype(np.float32) / 255)
    return tuple(prints), shown


def _rough(picture: Picture) -> list[Photograph]:
    k = block_px(picture, OVERVIEW_PX)
    small = overview(picture, PlainBench(), k=k)
    platen = measure_platen(small)
    outlines = rough_outlines(small, platen) if platen else ()
    return [
        Photograph(
            row_px=o.y * k, col_px=o.x * k, rows_px=o.height * k, cols_px=o.width * k,
            angle_degrees=o.angle_degrees,
        )
        for o in outlines
    ]  # fmt: skip


def _away(one: Photograph, two: Photograph) -> float:
    return float(np.abs(one.corners - two.corners).max())


def _fitted(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (640, 480), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _glass(pictures: list[np.ndarray]) -> Row:
    """Sessions of ten scans each under one glass with 30 specks; shuffled ones as controls."""
    hit = truth = false = spots = quiet = sessions = 0
    for first in range(0, len(pictures) - 9, 10):
        chance = np.random.default_rng(first)
        veil = _specks(chance, 30)
        scans = [_veiled(_fitted(p), veil, chance) for p in pictures[first : first + 10]]
        found = glass_dust(Picture(s) for s in scans)
        count, labels = cv2.connectedComponents((veil > 0.5).astype(np.uint8))
        truth += count - 1
        hit += len(np.unique(labels[found.mask & (labels > 0)]))
        near = cv2.dilate((veil > 0.1).astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
        pieces, marks = cv2.connectedComponents(found.mask.astype(np.uint8))
        spots += pieces - 1
        false += pieces - 1 - len(set(np.unique(marks[near])) - {0})
        rolled = [np.roll(s, chance.integers(40, 400, 2), (0, 1)) for s in scans]
        quiet += not glass_dust(Picture(s) for s in rolled).mask.any()
        sessions += 1
    return Row(
        damage="dust on the glass, 10 scans", step="platen", pictures=sessions * 10,
        precision=1 - false / max(1, spots), recall=hit / max(1, truth),
        controls_left=(quiet / max(1, sessions), sessions), note="controls: shuffled scans",
    )  # fmt: skip


def _film(pictures: list[np.ndarray]) -> Iterator[Row]:
    """Dust on dye film by infrared; planes of silver, Kodachrome and another frame refused."""
    leaks = {"dye": (0.02, 0), "silver": (0.0, 0.8), "Kodachrome": (0.45, 0)}
    refused = dict.fromkeys(("silver", "Kodachrome", "another frame"), 0)
    usable, hit, dust_px, wrong, marked = 0, 0, 0, 0, 0
    for k, picture in enumerate(pictures):
        chance = np.random.default_rng(k)
        view = np.clip(_fitted(picture), 0.03, 1)
        veil, other = _specks(chance, 30), _specks(chance, 30)
        dense = -np.log10(view)
        seen = _stored(view * (1 - 0.85 * veil[..., None]), chance)
        for name, (red, all_) in leaks.items():
            plane = 0.75 * 10 ** -(red * dense[..., 0] + all_ * dense.mean(axis=2))
            finding = look(Picture(seen, infrared=_stored(plane * (1 - 0.7 * veil), chance)), PLAIN)
            if name != "dye":
                refused[name] += not finding.items
                continue
            usable += bool(finding.usable)
            mask = paint(finding.items, Window(0, 0, *veil.shape))
            near = cv2.dilate((veil > 0.1).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
            hit += int((mask & (veil > 0.5)).sum())
            dust_px += int((veil > 0.5).sum())
            wrong += int((mask & ~near).sum())
            marked += int(mask.sum())
        plane = 0.75 * 10 ** -(0.02 * dense[..., 0]) * (1 - 0.7 * other)
        refused["another frame"] += not look(
            Picture(seen, infrared=_stored(plane, chance)), PLAIN
        ).items
    number = len(pictures)
    yield Row(
        damage="dust on dye film", step="infrared", pictures=number,
        precision=1 - wrong / max(1, marked), recall=hit / max(1, dust_px),
        note=f"by pixel; plane taken for usable in {usable} of {number}",
    )  # fmt: skip
    for name, count in refused.items():
        yield Row(
            damage=f"infrared plane of {name}", step="infrared", pictures=number,
            controls_left=(count / number, number), note="controls: no mark taken from it",
        )  # fmt: skip


PLAIN = PlainBench()


def _specks(chance: np.random.Generator, number: int) -> np.ndarray:
    veil = np.zeros((480, 640), np.float32)
    for _ in range(number):
        at = tuple(int(v) for v in chance.integers(15, (625, 465)))
        cv2.circle(veil, at, int(chance.integers(1, 5)), 1.0, -1, cv2.LINE_AA)
    return veil


def _veiled(view: np.ndarray, veil: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    under = view * (1 - 0.8 * veil[..., None]) + 0.8 * 0.85 * veil[..., None]
    return np.rint(np.clip(under + chance.normal(0, 0.008, view.shape), 0, 1) * 255).astype(
        np.uint8
    )


def _stored(view: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    noisy = view + chance.normal(0, 0.006, view.shape)
    return np.rint(np.clip(noisy, 0, 1) * 65535).astype(np.uint16)
