"""Paintings: cracks of age, losses of paint, yellowed varnish, the weave of the canvas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from treatments.row import Row, cost, harm, psnr, sound_pictures
from unfade import Picture, restore
from unfade.condition import canvas, craquelure, losses
from unfade.degrade import degrade, parse_degradation
from unfade.engines.bench import Bench
from unfade.findings import paint
from unfade.pixels.colour import ciede2000, linear_to_lab, srgb_to_linear

BENCH = Bench(threads=1)
SIDE_PX = 1024  # pictures are enlarged to this, as a close scan shows a painting
HEAD = 'format = 1\nname = "benchmark"\nreference_px = 0\n[[damage]]\n'
CRACKS = (
    'use = "cracks"\ncover_share = [0.5, 1.0]\nisland_px = [20, 80]\nwidth_px = [0.6, 2.0]\n'
    "opacity = [0.4, 0.9]\n"
)
LOSSES = (
    'use = "losses"\ncount = [3, 9]\nradius_share = [0.01, 0.05]\n'
    'ground = ["chalk", "canvas", "bole"]\ncrumbled = [0.2, 0.9]\nshadow_density = [0.0, 0.25]\n'
)
VARNISH = 'use = "yellowing"\nblue_density = [0.1, 0.6]\ngreen_share = 0.4\nred_share = 0.08\n'
LINEN = (
    'use = "texture"\nsurface = "linen"\npitch_px = [3.0, 8.0]\ndensity = [0.01, 0.03]\n'
    "uneven = [0.3, 0.8]\n"
)


def enlarged(samples: np.ndarray) -> np.ndarray:
    scale = SIDE_PX / max(samples.shape[:2])
    return np.asarray(cv2.resize(samples, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC))


def paintings(data: Path, number: int) -> Iterator[np.ndarray]:
    """Reproductions of paintings as they are: at their size no crack is resolved."""
    for path in sorted((data / "eval" / "paintings").glob("*.jpg"))[:number]:
        with Image.open(path) as image:
            yield np.asarray(image.convert("RGB"))


def made(sound: np.ndarray, text: str, seed: int):  # type: ignore[no-untyped-def]  # see unfade.degrade
    pixels = sound.astype(np.float32) / np.float32(255)
    return degrade(pixels, parse_degradation(HEAD + text), seed)


def codes(pixels: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def real_cracks(data: Path, sound: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray] | None:
    """A sound picture under a crack map of a real painting, and the map; None: there is none."""
    maps = crack_maps(data)
    if not maps:
        return None
    cracked, mask = under_cracks(sound / 255.0, maps[(number * 37) % len(maps)])
    return codes(cracked), mask


def crack_maps(data: Path) -> list[Path]:
    """Those of Dutch paintings: of the Flemish ones `unfade-cracks` has learnt."""
    return sorted((data / "damage" / "craquelure").glob("dutch_[0-9][0-9][0-9].png"))


def under_cracks(pixels: np.ndarray, crack_map: Path) -> tuple[np.ndarray, np.ndarray]:
    """A picture with a crack map, as often as fills it, laid over it in dark; and the mask."""
    with Image.open(crack_map) as image:
        one = np.asarray(image.convert("L")) > 127
    high, wide = -(-pixels.shape[0] // one.shape[0]), -(-pixels.shape[1] // one.shape[1])
    mask = np.tile(one, (high, wide))[: pixels.shape[0], : pixels.shape[1]]
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)[:, :, None] * 0.75
    return pixels * (1 - soft) + 0.12 * soft, mask


def rows(data: Path, number: int) -> Iterator[Row]:
    """Asked for by name, on enlarged sound pictures; the controls are looked at as they are."""
    sound = [enlarged(s) for s in sound_pictures(data, number)]
    controls = [*paintings(data, 3 * number), *sound_pictures(data, 2 * number)]
    yield from _cracks(data, sound, controls)
    yield _losses(sound, controls)
    yield _varnish(sound)
    yield _canvas(sound, controls)


def _share(looks: list[bool]) -> tuple[float, int]:
    return sum(looks) / max(1, len(looks)), len(looks)


def _cracks(data: Path, sound: list[np.ndarray], controls: list[np.ndarray]) -> Iterator[Row]:
    left = _share([not craquelure.look(Picture(c), BENCH).items for c in controls])
    for name in ("made", "maps of real paintings"):
        before, precise, found, seen = [], [], [], 0
        filled: dict[str, list[tuple[float, float]]] = {"": [], ", all that is mapped": []}
        for k, true in enumerate(sound):
            if name == "made":
                scene = made(true, CRACKS, k)
                hurt, cracks = codes(scene.pixels), scene.opacity > 0.15
            else:
                pair = real_cracks(data, true, k)
                if pair is None:
                    return
                hurt, cracks = pair
            finding = craquelure.look(Picture(hurt), BENCH)
            if not finding.items:
                continue
            seen += 1
            mask = paint(finding.items, Picture(hurt).window)
            near = cv2.dilate(cracks.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            wide = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            precise.append(float((mask & near).sum() / mask.sum()))
            found.append(float(wide[cracks].mean()))
            before.append(psnr(true, hurt))
            for rows, given in zip(filled.values(), ({}, {"min_confidence": 0.5})):
                settings = {"fill_craquelure": given}
                done = restore(hurt, only=("fill_craquelure",), settings=settings)
                mended = done.picture.samples
                rows.append((psnr(true, mended), harm(true, hurt, mended, cracks)))
        for way, rows in filled.items() if seen else ():
            after, harmed = np.mean(rows, axis=0)
            yield Row(
                damage=f"craquelure, {name}{way}", step="fill_craquelure", measure="PSNR, dB",
                before=float(np.mean(before)), after=float(after), harm_share=float(harmed),
                precision=float(np.mean(precise)), recall=float(np.mean(found)),
                controls_left=left, pictures=seen,
                cost=cost("fill_craquelure") if name == "made" and not way else None,
                note=f"map by pixel; it is sure of {seen} of {len(sound)} cracked pictures",
            )  # fmt: skip


def _losses(sound: list[np.ndarray], controls: list[np.ndarray]) -> Row:
    before, after, harmed = [], [], []
    right = total = hit = there = seen = 0
    for k, true in enumerate(sound):
        scene = made(true, LOSSES, k)
        hurt, gone, frayed = codes(scene.pixels), scene.opacity > 0.5, scene.opacity > 0.15
        finding = losses.look(Picture(hurt), BENCH)
        if not finding.items or not gone.any():
            continue
        seen += 1
        for item in finding.items:
            window, mask = item.region.window, item.region.mask
            right += frayed[window.slices][mask].mean() > 0.5
            total += 1
        mask = paint(finding.items, Picture(hurt).window)
        hit, there = hit + int((mask & gone).sum()), there + int(gone.sum())
        mended = restore(hurt, only=("fill_losses",)).picture.samples
        before.append(psnr(true, hurt))
        after.append(psnr(true, mended))
        harmed.append(harm(true, hurt, mended, scene.mask))
    return Row(
        damage="losses of paint", step="fill_losses", measure="PSNR, dB", pictures=seen,
        before=float(np.mean(before)) if seen else None,
        after=float(np.mean(after)) if seen else None,
        harm_share=float(np.mean(harmed)) if seen else None,
        precision=right / total if total else None, recall=hit / there if there else None,
        controls_left=_share([not losses.look(Picture(c), BENCH).items for c in controls]),
        cost=cost("fill_losses"),
        note=f"precision by item; sure of {seen} of {len(sound)}; wider than 64 px stay",
    )  # fmt: skip


def _varnish(sound: list[np.ndarray]) -> Row:
    """With one reference: a patch of white lead that was laid into the sound picture."""
    before, after = [], []
    for k, true in enumerate(sound):
        true = true.copy()
        true[8:40, 8:40] = 230
        hurt = codes(made(true, VARNISH, k).pixels)
        known = {"correct_varnish": {"reference": "10,10,28,28", "white": "#E6E6E6"}}
        mended = restore(hurt, only=("correct_varnish",), settings=known).picture.samples
        lab = [linear_to_lab(srgb_to_linear(p.astype(np.float32) / np.float32(255)))
               for p in (true, hurt, mended)]  # fmt: skip
        before.append(float(ciede2000(lab[0], lab[1]).mean()))
        after.append(float(ciede2000(lab[0], lab[2]).mean()))
    return Row(
        damage="yellowed varnish", step="correct_varnish", measure="CIEDE2000", pictures=len(sound),
        before=float(np.mean(before)), after=float(np.mean(after)), cost=cost("correct_varnish"),
        note="one reference of known white; never advised",
    )  # fmt: skip


def _canvas(sound: list[np.ndarray], controls: list[np.ndarray]) -> Row:
    error, seen = [], 0
    for k, true in enumerate(sound):
        scene = made(true, LINEN, k)
        finding = canvas.look(Picture(codes(scene.pixels)), BENCH)
        if finding.woven:
            seen += 1
            pitch = scene.drawn("texture")[0]["pitch_px"]
            error.append(min(abs(p / pitch - 1) for p in finding.pitch_px))
    return Row(
        damage="weave of the canvas", step="(kept)", pictures=len(sound),
        recall=seen / max(1, len(sound)),
        controls_left=_share([not canvas.look(Picture(c), BENCH).woven for c in controls]),
        note=f"pitch off by {np.median(error):.2%} in the median" if error else "",
    )  # fmt: skip
