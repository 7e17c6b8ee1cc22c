"""Which way of cutting a face out for a network of 256 pixels, and of laying back, loses least?

    python benchmarks/face_cuts.py [FOLDER OF PICTURES WITH FACES]

The network is a stand-in that knows the sound face: it gives the sound picture's own square. What
then still lies between the result and the sound picture, inside the oval, was lost on the way.
Faces: the astronaut of scikit-image at five sizes, and the first face of every picture of the
folder. Damages: blur, noise, scratches. Printed: mean PSNR in dB for each damage and way.

* `direct`: cut at 256 pixels, in one resampling (what `restore_faces` does);
* `halved`: cut at 512, halved by area for the network, its change doubled by cubic interpolation;
* `512`: a network of 512 pixels and FFHQ's template.

`linear` and `cubic` say how the change is brought back.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from unfade import files
from unfade.condition.faces import FINDER
from unfade.engines.contract import PlainBench
from unfade.picture import Picture, Pixels, Window
from unfade.steps.restore_faces import aligned
from unfade.steps.restore_faces.aligned import Alignment

POINTS = np.array([(201.0, 101.0), (246.0, 101.5), (222.0, 128.0), (206.0, 150.0), (240.0, 150.0)])
TIGHT = aligned.ALIGNMENTS["latent-face"]
LONGEST_PX = 1400
Face = tuple[Pixels, np.ndarray]  # a sound picture, and points of the face in it


def main() -> None:
    rng, found = np.random.default_rng(0), defaultdict(list)
    faces = [*astronauts(), *(pictured(Path(sys.argv[1])) if len(sys.argv) > 1 else ())]
    for sound, points in faces:
        for damage, damaged in damages(sound, points, rng).items():
            for way, result in ways(sound, damaged, points).items():
                found[damage, way].append(psnr(result, sound, points))
    eyes = [np.hypot(*(p[1] - p[0])) for _, p in faces]
    print(f"{len(faces)} faces with eyes {min(eyes):.0f} to {max(eyes):.0f} px apart")
    for (damage, way), values in found.items():
        print(f"{damage:10} {way:16} {np.mean(values):6.2f} dB")


def ways(sound: Pixels, damaged: Pixels, points: np.ndarray) -> dict[str, Pixels]:
    window = Window(0, 0, *sound.shape[:2])
    results = {}
    for name, side, alignment, halved in (
        ("direct", 256, TIGHT, False),
        ("halved", 512, TIGHT, True),
        ("512", 512, aligned.FFHQ, False),
    ):
        shape = alignment.sized(side)
        to_cut = aligned.fit(points, shape.template)
        before, after = (
            aligned.cut_out(p, window, to_cut, side).clip(0, 1) for p in (damaged, sound)
        )
        if halved:
            small = cv2.resize(after - before, (side // 2, side // 2), interpolation=cv2.INTER_AREA)
            after = before + cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
        for how in ("linear", "cubic"):
            results[f"{name}, {how}"] = laid(damaged, window, before, after, to_cut, shape, how)
    return results


def laid(
    damaged: Pixels, window: Window, before: Pixels, after: Pixels, to_cut: np.ndarray,
    shape: Alignment, how: str,
) -> Pixels:  # fmt: skip
    usual = cv2.INTER_CUBIC
    try:
        cv2.INTER_CUBIC = usual if how == "cubic" else cv2.INTER_LINEAR
        return aligned.laid_back(damaged, window, before, after, to_cut, 1.0, shape)
    finally:
        cv2.INTER_CUBIC = usual


def psnr(result: Pixels, sound: Pixels, points: np.ndarray) -> float:
    """Where all of the change is taken, under every way."""
    weight = np.ones(sound.shape[:2], np.float32)
    for shape in (TIGHT, aligned.FFHQ):
        back = aligned.fit(points, shape.template)
        full = (aligned.oval_weight(shape) >= 1).astype(np.float32)
        weight *= cv2.warpAffine(full, back, weight.shape[::-1], flags=cv2.WARP_INVERSE_MAP)
    error = (result - sound)[weight > 0.99]
    return float(-10 * np.log10(np.mean(error.astype(float) ** 2) + 1e-8))


def damages(sound: Pixels, points: np.ndarray, rng: np.random.Generator) -> dict[str, Pixels]:
    eyes = float(np.hypot(*(points[1] - points[0])))
    scratched = sound.copy()
    for _ in range(6):
        x, y = points.mean(0) + rng.uniform(-0.6, 0.6, 2) * eyes
        ends = [(round(x + k * eyes * 0.1), round(y + k * eyes)) for k in (-1, 1)]
        cv2.line(scratched, *ends, (0.95,) * 3, max(1, round(eyes / 40)))
    noisy = sound + rng.normal(0, 0.06, sound.shape).astype(np.float32)
    return {
        "blur": cv2.GaussianBlur(sound, (0, 0), eyes / 30),
        "noise": noisy.clip(0, 1),
        "scratches": scratched,
    }


def astronauts() -> Iterator[Face]:
    codes = (data.astronaut()[:300] / 255).astype(np.float32)
    for eyes_px in (32, 45, 90, 180, 360):
        k = eyes_px / 45
        how = cv2.INTER_AREA if k < 1 else cv2.INTER_CUBIC
        yield cv2.resize(codes, None, fx=k, fy=k, interpolation=how).clip(0, 1), POINTS * k


def pictured(folder: Path) -> Iterator[Face]:
    for path in sorted(folder.iterdir()):
        pixels = files.open_picture(path).picture.pixels
        k = min(1.0, LONGEST_PX / max(pixels.shape))
        pixels = cv2.resize(pixels, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
        if pixels.ndim != 3:
            continue
        seen = FINDER.look(Picture.of(pixels), PlainBench()).faces
        if seen and len(seen[0].landmarks) >= 2 and (seen[0].eye_distance_px or 0) >= 32:
            yield pixels, np.array(seen[0].landmarks)


if __name__ == "__main__":
    main()
