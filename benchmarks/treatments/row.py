"""What is measured of one treatment, and the tools to measure it in the same way everywhere."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from unfade import Bench, Picture
from unfade.condition import look_at
from unfade.steps import find_step, settings_from
from unfade.treatment import treat

SOUND = ("kodak24", "cbsd68", "mcmaster", "set14", "urban100", "set5")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; None where a figure has no meaning.

    Attributes:
        damage, step: what was suffered and what mends it
        measure: what ``before`` and ``after`` are, e.g. "PSNR, dB" or "CIEDE2000"
        harm_share: sound pixels that got worse by more than 4 codes, share of all, mean
        precision, recall: of the finder at its shipped threshold, by item or by pixel (``note``)
        controls_left: share of the control pictures that come out with zero changes, and how many
        pictures: how many damaged pictures stand behind the line
        cost: "s and MB a megapixel", as ``cost`` gives them
    """

    damage: str
    step: str
    measure: str = ""
    before: float | None = None
    after: float | None = None
    harm_share: float | None = None
    precision: float | None = None
    recall: float | None = None
    controls_left: tuple[float, int] | None = None
    pictures: int = 0
    cost: tuple[float, float] | None = None
    note: str = ""


def sound_pictures(data: Path, number: int, sets: tuple[str, ...] = SOUND) -> Iterator[np.ndarray]:
    """Sound pictures of the evaluation sets, (rows, cols, 3) uint8, in turn from each set."""
    folders = [sorted((data / "eval" / name).glob("*.png")) for name in sets]
    ordered = [
        f[k] for k in range(max(map(len, folders), default=0)) for f in folders if k < len(f)
    ]
    for path in ordered[:number]:
        with Image.open(path) as image:
            yield np.asarray(image.convert("RGB"))


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR of uint8 pictures in dB; 99 where they are equal."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return 10 * np.log10(255**2 / error) if error else 99.0


def harm(
    sound: np.ndarray, hurt: np.ndarray, after: np.ndarray, damaged: np.ndarray, near_px: int = 2
) -> float:
    """Share of the pixels that were sound, ``near_px`` from damage, and now over 4 codes off."""
    side = 2 * near_px + 1
    near = cv2.dilate(damaged.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    worse = np.abs(after.astype(int) - sound.astype(int)).max(axis=2) > 4
    return float((worse & ~near & (hurt != after).any(axis=2)).mean())


def cost(step: str, side_px: int = 2000, **settings: object) -> tuple[float, float]:
    """Processor seconds and peak megabytes for each megapixel of one step, one thread.

    A process of its own treats a textured picture of ``side_px`` squared; what the interpreter and
    the picture itself take beforehand is not counted. Looking is counted: a step needs its eyes.
    """
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from treatments.row import _cost; _cost(sys.argv[2], int(sys.argv[3]), sys.argv[4])"
    )
    here = str(Path(__file__).resolve().parent.parent)
    words = [sys.executable, "-c", code, here, step, str(side_px), repr(settings)]
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return float(out[0]), float(out[1])


def _cost(name: str, side_px: int, settings_text: str) -> None:
    import ast

    cv2.setNumThreads(1)
    step = find_step(name)
    settings = settings_from(step.settings, ast.literal_eval(settings_text), name)
    chance = np.random.default_rng(0)
    coarse = chance.integers(0, 256, (side_px // 16, side_px // 16, 3), np.uint8)
    samples = cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC)
    samples = cv2.add(samples, chance.integers(0, 12, samples.shape, np.uint8))
    picture = Picture(samples=samples)
    megapixels = side_px * side_px / 1e6
    with Bench(threads=1) as bench:
        base = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1024
        start = time.process_time()
        found = look_at(picture, bench, only=set(step.looks_at))
        treat(picture, (settings,), findings=found, bench=bench)
        spent = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(spent / megapixels, (peak - base) / 1024 / megapixels)
