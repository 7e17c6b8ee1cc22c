"""What time lays over a print: stains, foxing, tide lines, silver mirroring, yellowed paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from treatments.row import SOUND, Row, cost, harm, psnr, sound_pictures
from unfade import Bench, Picture, restore
from unfade.condition import look_at
from unfade.condition.mould import find_mould
from unfade.degrade import Degraded, degrade, parse_degradation
from unfade.findings import MarkKind, paint
from unfade.pixels.colour import ciede2000, linear_to_lab, srgb_to_linear
from unfade.steps.remove_stains import Settings

FOXING = 'use="foxing"\ncount=[5,60]\n'
STAINS = 'use="stains"\ncount=[1,2]\nradius_share=[0.06,0.2]\nblue_density=[0.1,0.5]\n'
TIDE = 'use="water"\ncount=[1,1.5]\nradius_share=[0.1,0.3]\n'
SHINE = 'use="silvering"\n'
MOULD = 'use="mould"\ncount=[1.5,4]\ndot_px=[0.8,3.5]\n'
TONES = ("grey", "sepia", "brown")
CONTROLS = (*SOUND, "faces", "paintings")


def _recipe(*tables: str) -> object:
    text = 'format=1\nname="benchmark"\n' + "".join(f"[[damage]]\n{t}" for t in tables)
    return parse_degradation(text)


def _codes(pixels: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)


def _toned(sound: np.ndarray, k: int) -> np.ndarray:
    """A silver print of a photograph, scanned in colour: grey, sepia and brown in turn."""
    made = degrade(sound, _recipe(f'use="toning"\ntone="{TONES[k % 3]}"\n'), seed=k)
    return _codes(made.pixels)


def _near(mask: np.ndarray, px: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * px + 1,) * 2, np.uint8)) > 0


def _detail(samples: np.ndarray) -> np.ndarray:
    plane = samples.astype(np.float32).mean(axis=2)
    return np.asarray(plane - cv2.GaussianBlur(plane, (0, 0), 2))


def rows(data: Path, number: int) -> Iterator[Row]:
    yield from _found_and_mended(data, number)
    yield _mould(data, number)
    for name, kind in (("grey or toned", 3), ("colour", 0), ("one channel", 1)):
        for damage, tables in (("stains", STAINS), ("foxing", FOXING), ("tide lines", TIDE)):
            yield _painted(data, number, f"{damage}, {name}", kind, tables)
    yield _mirrored(data, number)
    yield _yellowed(data, number)


def _found_and_mended(data: Path, number: int) -> Iterator[Row]:
    """By advice alone: what the eye is sure of is mended, and nothing else."""
    for damage, tables in (("foxing", FOXING), ("stains", STAINS), ("tide lines", TIDE)):
        before, after, hurts = [], [], []
        right = wrong = seen = items = 0
        for k, photo in enumerate(sound_pictures(data, number)):
            sound = _toned(photo, k)
            out = degrade(sound, _recipe(tables), seed=k)
            hurt = _codes(out.pixels)
            if not out.mask.any():
                continue
            result = restore(hurt, only=("remove_stains",))
            mended = result.picture.samples
            least = Settings().min_confidence
            stains = result.findings.stains
            sure = [m for m in stains.items if m.confidence >= least] if stains else []
            near = _near(out.mask, 2)
            good = [near[m.region.window.slices][m.region.mask].mean() >= 0.5 for m in sure]
            right, wrong = right + sum(good), wrong + len(good) - sum(good)
            covered = paint(sure, Picture(hurt).window)
            items += len(out.items)
            seen += sum(bool(covered[item.box.slices].any()) for item in out.items)
            before.append(psnr(sound[out.mask], hurt[out.mask]))
            after.append(psnr(sound[out.mask], mended[out.mask]))
            hurts.append(harm(sound, hurt, mended, out.mask, near_px=4))
        yield Row(
            damage=f"{damage}, found by itself", step="remove_stains",
            measure="PSNR in the damage, dB", pictures=len(before),
            before=float(np.mean(before)), after=float(np.mean(after)),
            harm_share=float(np.mean(hurts)), precision=right / max(right + wrong, 1),
            recall=seen / max(items, 1),
            controls_left=_controls(data) if damage == "foxing" else None,
            cost=cost("remove_stains") if damage == "foxing" else None,
            note="by item, faint ones too; cost: the eye on a picture without stains",
        )  # fmt: skip


def _controls(data: Path) -> tuple[float, int]:
    """Sound photographs, faces and paintings that no eye of this family would have changed."""
    left = total = 0
    with Bench(threads=1) as bench:
        for picture in _control_pictures(data):
            found = look_at(picture, bench, only={"stains", "silvering"})
            stains, shine = found.stains, found.silvering
            sure = stains is not None and any(m.confidence >= 0.9 for m in stains.items)
            shining = shine is not None and shine.mirrored and (shine.confidence or 0) >= 0.8
            left, total = left + (not sure and not shining), total + 1
    return left / max(total, 1), total


def _control_pictures(data: Path) -> Iterator[Picture]:
    for name in CONTROLS:
        for path in sorted((data / "eval" / name).iterdir()):
            if path.suffix.lower() in (".png", ".jpg"):
                with Image.open(path) as image:
                    yield Picture(np.asarray(image.convert("RGB")))


def _mould(data: Path, number: int) -> Row:
    """Colour and one channel in turn; by advice alone, dust and stains looked for together."""
    before, after, hurts, dotted = [], [], [], []
    right = wrong = seen = items = 0
    for k, photo in enumerate(sound_pictures(data, number)):
        sound = np.ascontiguousarray(photo[:, :, 1:2]) if k % 2 else photo
        out = degrade(sound, _recipe(MOULD), seed=k)
        hurt = _codes(out.pixels)
        if not out.mask.any():
            continue
        result = restore(hurt, only=("remove_stains",))
        stains = result.findings.stains
        found = stains.of_kind(MarkKind.MOULD) if stains else ()
        near, dots = _near(out.mask, 2), out.opacity > 0.35  # haze hides no more than 0.3
        shares = [near[m.region.window.slices][m.region.mask].mean() for m in found]
        right += sum(share >= 0.5 for share in shares)
        wrong += sum(share < 0.5 for share in shares)
        covered = paint(found, Picture(hurt).window)
        items += len(out.items)
        seen += sum(bool((covered & dots)[item.box.slices].any()) for item in out.items)
        mended = result.picture.samples
        hurts.append(harm(sound, hurt, mended, out.mask, near_px=4))
        if (covered & dots).any():
            here = dots & covered
            before.append(psnr(sound[here], hurt[here]))
            after.append(psnr(sound[here], mended[here]))
            dotted.append(_near(dots, 2)[covered].mean())
    with Bench(threads=1) as bench:
        free = [not find_mould(picture, bench) for picture in _control_pictures(data)]
    return Row(
        damage="mould, found by itself", step="remove_stains",
        measure="PSNR in the dots found, dB", pictures=len(hurts), before=float(np.mean(before)),
        after=float(np.mean(after)), harm_share=float(np.mean(hurts)),
        precision=right / max(right + wrong, 1), recall=seen / max(items, 1),
        controls_left=(float(np.mean(free)), len(free)),
        note=f"by colony, faint ones too; of the pixels mended {np.mean(dotted):.2f} are dots",
    )  # fmt: skip


def _painted(data: Path, number: int, damage: str, kind: int, tables: str) -> Row:
    """With a mask as a user paints it: a few pixels wider than the damage."""
    before, after, alike, hurts = [], [], [], []
    for k, photo in enumerate(sound_pictures(data, number)):
        sound = _toned(photo, k) if kind == 3 else photo
        sound = sound if kind != 1 else np.ascontiguousarray(sound[:, :, 1:2])
        out: Degraded = degrade(sound, _recipe(tables), seed=k)
        if not out.mask.any():
            continue
        hurt = _codes(out.pixels)
        mask = _near(out.mask, 4)
        mended = restore(hurt, only=("remove_stains",), mask=mask).picture.samples
        before.append(psnr(sound[mask], hurt[mask]))
        after.append(psnr(sound[mask], mended[mask]))
        alike.append(np.corrcoef(_detail(mended)[mask], _detail(sound)[mask])[0, 1])
        hurts.append(harm(sound, hurt, mended, mask))
    return Row(
        damage=f"{damage}, painted by hand", step="remove_stains",
        measure="PSNR in the mask, dB", pictures=len(before), before=float(np.mean(before)),
        after=float(np.mean(after)), harm_share=float(np.mean(hurts)),
        note=f"detail below alike: {np.mean(alike):.3f}",
    )  # fmt: skip


def _mirrored(data: Path, number: int) -> Row:
    before, after, found = [], [], []
    with Bench(threads=1) as bench:
        for k, photo in enumerate(sound_pictures(data, number)):
            sound = _toned(photo, k)
            hurt = _codes(degrade(sound, _recipe(SHINE), seed=k).pixels)
            shine = look_at(Picture(hurt), bench, only={"silvering"}).silvering
            found.append(bool(shine and shine.mirrored and (shine.confidence or 0) >= 0.8))
            mended = restore(hurt, only=("correct_silvering",)).picture.samples
            before.append(psnr(sound, hurt))
            after.append(psnr(sound, mended))
    return Row(
        damage="silver mirroring", step="correct_silvering", measure="PSNR, dB",
        before=float(np.mean(before)), after=float(np.mean(after)), pictures=len(before),
        recall=float(np.mean(found)), cost=cost("correct_silvering"),
        note="recall: sure enough for advice",
    )  # fmt: skip


def _yellowed(data: Path, number: int) -> Row:
    """Prints with a white margin of a twentieth, yellowed all over."""
    before, after, seen = [], [], []
    for k, photo in enumerate(sound_pictures(data, number)):
        image = _toned(photo, k)
        side = max(12, min(image.shape[:2]) // 20)
        sound = np.pad(image, ((side, side), (side, side), (0, 0)), constant_values=243)
        out = degrade(sound, _recipe('use="yellowing"\nblue_density=[0.1,0.35]\n'), seed=k)
        hurt = _codes(out.pixels)
        result = restore(hurt, only=("correct_yellowing",))
        lab = [
            linear_to_lab(srgb_to_linear(p.astype(np.float32) / 255))
            for p in (sound, hurt, result.picture.samples)
        ]
        before.append(float(ciede2000(lab[1], lab[0]).mean()))
        after.append(float(ciede2000(lab[2], lab[0]).mean()))
        seen.append(result.changed)
    return Row(
        damage="yellowed paper, with a margin", step="correct_yellowing", measure="CIEDE2000",
        before=float(np.mean(before)), after=float(np.mean(after)), pictures=len(before),
        recall=float(np.mean(seen)), cost=cost("correct_yellowing", white="0.1,0.15,0.3"),
        note="recall: paper seen; image tones grey, sepia, brown",
    )  # fmt: skip
