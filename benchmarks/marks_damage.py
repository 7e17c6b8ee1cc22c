"""Lay known damage over sound pictures: what ``marks.py`` measures and fits with."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

MADE_SHARE = 0.1  # of the pictures to learn from are made to mislead
DUST, HAIR, SCRATCH = 1, 2, 3
KINDS = {DUST: "dust", HAIR: "hair", SCRATCH: "scratch"}
SHAPES = {"dots": DUST, "smut": DUST, "hair": HAIR, "hair-short": HAIR, "lint": HAIR}
CLEAN_EVAL = ("kodak24", "cbsd68", "mcmaster", "set14", "urban100", "faces/ffhq")


@dataclass(frozen=True)
class Damaged:
    """A picture with known damage: samples, class map (0 sound) and widths of the items."""

    samples: np.ndarray
    kinds: np.ndarray
    width: np.ndarray


def pictures(data: Path, split: str) -> list[Path]:
    """Sound pictures of a split, in a fixed order that mixes the sources."""
    if split == "eval":
        found = [p for name in CLEAN_EVAL for p in sorted((data / "eval").glob(f"{name}*"))]
        return [
            q
            for p in found
            for q in (sorted(p.iterdir()) if p.is_dir() else [p])
            if q.suffix in (".png", ".jpg", ".webp")
        ]
    folder = data / "train"
    names = ("photos", "faces", "paintings")
    found = [p for name in names for p in sorted((folder / name).glob("*.*"))]
    order = np.random.default_rng(5).permutation(len(found))
    folds = {"train": (0, 1, 2, 3, 4), "fit": (0, 1), "hold": (2, 3), "check": (4,)}
    return [found[i] for n, i in enumerate(order) if n % 5 in folds[split]]


def read(path: Path) -> np.ndarray:
    samples = np.asarray(Image.open(path).convert("RGB"))
    grey = (samples == samples[:, :, :1]).all()
    return np.ascontiguousarray(samples[:, :, :1] if grey else samples)


def made(rng: np.random.Generator) -> np.ndarray:
    """A sound picture that is easily taken for a damaged one: text, stars, wires, rain ..."""
    rows, cols = (int(n) for n in rng.integers(260, 520, 2))
    kind = rng.choice(["text", "drawing", "stars", "wires", "rain", "noise", "weave", "lights"])
    ramp = np.linspace(0, 1, rows)[:, None] * rng.uniform(-60, 60) + np.zeros((1, cols))
    base = {"text": 245, "drawing": 240, "stars": 12, "lights": 20}.get(kind, rng.uniform(70, 190))
    canvas = np.clip(ramp * (kind not in ("text", "stars")) + base, 0, 255)
    canvas = np.repeat(canvas[:, :, None], 3, axis=2).astype(np.uint8)

    def point() -> tuple[int, int]:
        return int(rng.integers(-20, cols + 20)), int(rng.integers(-20, rows + 20))

    ink = tuple(int(v) for v in np.clip(rng.uniform(0, 60) + rng.normal(0, 20, 3), 0, 255))
    if kind == "text":
        size = rng.uniform(0.3, 0.9)
        for row in range(12, rows, max(10, int(26 * size))):
            words = "".join(chr(c) if c < 123 else " " for c in rng.integers(97, 129, 70))
            cv2.putText(canvas, words, (10, row), rng.choice([0, 2, 3]), size, ink, 1, cv2.LINE_AA)
    elif kind == "drawing":
        for _ in range(rng.integers(5, 40)):
            path = np.cumsum(rng.normal(0, 15, (rng.integers(2, 20), 2)), axis=0) + point()
            cv2.polylines(canvas, [path.astype(np.int32)], False, ink, int(rng.integers(1, 4)), 16)
    elif kind in ("stars", "lights"):
        for _ in range(rng.integers(20, 400)):
            bright = np.clip(rng.exponential(90) + 30 + rng.normal(0, 25, 3), 0, 255)
            radius = 1 if kind == "stars" else int(rng.integers(1, 6))
            cv2.circle(canvas, point(), radius, bright.tolist(), -1, cv2.LINE_AA)
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.6, 1.4))
    elif kind == "wires":
        for _ in range(rng.integers(2, 9)):
            (x0, y0), (x1, y1) = point(), point()
            t = np.linspace(0, 1, 40)
            sag = rng.uniform(0, 60) * 4 * t * (1 - t)
            path = np.stack([x0 + 2 * (x1 - x0) * t, y0 + 2 * (y1 - y0) * t + sag], axis=1)
            cv2.polylines(canvas, [path.astype(np.int32)], False, ink, int(rng.integers(1, 4)), 16)
    elif kind == "rain":
        slant, length = rng.normal(0, 6), rng.uniform(8, 30)
        for _ in range(rng.integers(100, 600)):
            x, y = point()
            end = (int(x + slant), int(y + length))
            cv2.line(canvas, (x, y), end, [int(rng.uniform(120, 230))] * 3, 1, cv2.LINE_AA)
    elif kind == "weave":
        down, right = np.mgrid[:rows, :cols] * rng.uniform(0.3, 1.5, 2)[:, None, None]
        wave = np.sin(down) * np.sin(right) * rng.uniform(10, 60)
        canvas = np.clip(canvas + wave[:, :, None], 0, 255).astype(np.uint8)
    strength = rng.uniform(8, 40) if kind == "noise" else rng.uniform(0, 3)
    noise = rng.normal(0, strength, canvas.shape)
    return np.clip(canvas + noise, 0, 255).astype(np.uint8)


def shapes(data: Path, split: str) -> dict[int, list[Path]]:
    """Opacity maps by kind; even ones for ``fit``, odd ones for ``hold`` and ``eval``."""
    found: dict[int, list[Path]] = defaultdict(list)
    for name, kind in SHAPES.items():
        pattern = "hair_[0-9]*.png" if name == "hair" else f"{name}_*.png"
        paths = sorted((data / "damage" / "film_shapes").glob(pattern))
        found[kind] += paths[0::2] if split == "fit" else paths[1::2]
    return found


def vary(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Size and tone as scans have them: some enlarged, some grey, some toned or faded."""
    if rng.random() < 0.4:
        factor = rng.uniform(1.3, 3.0)
        samples = cv2.resize(samples, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        samples = samples if samples.ndim == 3 else samples[:, :, None]
        top, left = (int(rng.integers(0, max(1, n - 639))) for n in samples.shape[:2])
        samples = samples[top : top + 640, left : left + 640]
    kind = rng.choice(["as is", "grey", "toned"], p=[0.5, 0.25, 0.25])
    pixels = samples.astype(np.float32)
    if kind != "as is":
        pixels = pixels.mean(axis=2, keepdims=True)
    if kind == "toned":
        low, high = rng.uniform(0, 60), rng.uniform(190, 255)
        tint = np.array([1, rng.uniform(0.85, 1), rng.uniform(0.65, 0.95)], np.float32)
        pixels = (low + pixels * (high - low) / 255) * tint
    return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)


def worn(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What happens after the damage: noise of the scanner, coding as JPEG."""
    pixels = samples.astype(np.float32)
    if rng.random() < 0.4:
        pixels += rng.normal(0, rng.uniform(0.5, 6), samples.shape)
    samples = np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = int(rng.integers(75, 98))
        _, code = cv2.imencode(".jpg", samples[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        flag = cv2.IMREAD_COLOR if samples.shape[2] == 3 else cv2.IMREAD_GRAYSCALE
        decoded = cv2.imdecode(code, flag)
        samples = decoded[:, :, ::-1] if decoded.ndim == 3 else decoded[:, :, None]
    return np.ascontiguousarray(samples)


def damage(samples: np.ndarray, stock: dict[int, list[Path]], rng: np.random.Generator) -> Damaged:
    """Lay scratches, hairs and dust over a sound picture."""
    rows, cols = samples.shape[:2]
    pixels = samples.astype(np.float32)
    kinds = np.zeros((rows, cols), np.uint8)
    widths = np.zeros((rows, cols), np.uint8)
    light_share = rng.choice([0.0, 0.1, 0.9, 1.0])
    scale = max(rows, cols) / 512
    plan = [
        (SCRATCH, rng.poisson(rng.choice([0, 1, 2, 6]))),
        (HAIR, rng.poisson(rng.choice([0, 0, 1, 3]))),
        (DUST, rng.poisson(rng.choice([0, 3, 10, 40]))),
    ]
    if sum(n for _, n in plan) == 0:
        plan = [(SCRATCH, 1), (DUST, 6)]
    for kind, number in plan:
        for _ in range(number):
            if kind == SCRATCH:
                opacity, width = scratch(rows, cols, rng, scale)
            elif kind == DUST and rng.random() < 0.6:
                opacity, width = speck(rows, cols, rng, scale)
            else:
                opacity, width = shape(rows, cols, stock[kind], kind, rng, scale)
            opacity *= rng.uniform(0.5, 1.0)
            light = rng.random() < light_share
            ink = rng.uniform(205, 255) if light else rng.uniform(0, 45)
            tint = ink + rng.normal(0, 5, samples.shape[2])
            pixels += opacity[:, :, None] * (tint.astype(np.float32) - pixels)
            hit = opacity > 0.1
            kinds[hit], widths[hit] = kind, int(np.clip(round(width), 1, 255))
    return Damaged(np.clip(pixels + 0.5, 0, 255).astype(np.uint8), kinds, widths)


def scratch(
    rows: int, cols: int, rng: np.random.Generator, scale: float
) -> tuple[np.ndarray, float]:
    """A long, nearly straight, wobbling line of varying opacity, 1 to 6 pixels wide."""
    width = float(rng.choice([1, 1, 1.5, 2, 2, 3, 4, 6])) * max(1, scale * rng.uniform(0.5, 1))
    length = max(rows, cols) * rng.uniform(0.12, 1.2)
    angle = rng.normal(np.pi / 2, 0.15) if rng.random() < 0.5 else rng.uniform(0, np.pi)
    t = np.linspace(-0.5, 0.5, 60)
    wobble = np.cumsum(np.cumsum(rng.normal(0, 1, 60)))
    wobble = (wobble - np.polyval(np.polyfit(t, wobble, 1), t)) * rng.uniform(0, 0.06)
    centre = rng.uniform(0, 1, 2) * (rows, cols)
    along = np.array([np.sin(angle), np.cos(angle)])
    across = np.array([np.cos(angle), -np.sin(angle)])
    path = centre + t[:, None] * length * along + wobble[:, None] * across
    canvas = draw(path, width, rows, cols)
    fade = np.interp(
        np.arange(rows if abs(along[0]) > 0.7 else cols),
        np.sort(rng.uniform(0, max(rows, cols), 8)),
        rng.uniform(0.45, 1, 8),
    ).astype(np.float32)
    canvas *= fade[:, None] if len(fade) == rows and abs(along[0]) > 0.7 else fade[None, :]
    return canvas, width


def speck(rows: int, cols: int, rng: np.random.Generator, scale: float) -> tuple[np.ndarray, float]:
    """A compact irregular spot, 2 to 12 pixels across."""
    size = float(np.exp(rng.uniform(np.log(1.8), np.log(10)))) * max(1, scale * rng.uniform(0.5, 1))
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    radius = size / 2 * rng.uniform(0.65, 1.35, 12)
    stretch = rng.uniform(0.6, 1)
    path = np.stack([np.sin(angles) * radius, np.cos(angles) * radius * stretch], axis=1)
    turn = rng.uniform(0, np.pi)
    path = path @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    path += rng.uniform(0, 1, 2) * (rows, cols)
    canvas = np.zeros((rows, cols), np.uint8)
    cv2.fillPoly(canvas, [np.round(path[:, ::-1] * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    opacity = canvas.astype(np.float32) / 255
    return cv2.GaussianBlur(opacity, (0, 0), rng.uniform(0.3, 0.7)), size


def draw(path: np.ndarray, width: float, rows: int, cols: int) -> np.ndarray:
    """An antialiased stroke of any width as opacity (rows, cols) float32."""
    canvas = np.zeros((rows, cols), np.uint8)
    points = np.round(path[:, ::-1] * 16).astype(np.int32)
    cv2.polylines(canvas, [points], False, 255, max(1, round(width)), cv2.LINE_AA, 4)
    return cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), 0.45)


def shape(
    rows: int,
    cols: int,
    stock: list[Path],
    kind: int,
    rng: np.random.Generator,
    scale: float,
) -> tuple[np.ndarray, float]:
    """A shape from the stock, turned, scaled and put somewhere."""
    opacity = np.asarray(Image.open(stock[rng.integers(len(stock))]).convert("L"))
    opacity = opacity.astype(np.float32) / 255
    size = rng.uniform(3, 14) if kind == DUST else rng.uniform(25, 160)
    factor = size * max(1, scale * rng.uniform(0.5, 1)) / max(opacity.shape)
    opacity = cv2.resize(opacity, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    if kind == HAIR:  # thin lines lose opacity when made smaller; hairs do not
        opacity = np.clip(opacity / max(opacity.max(), 0.05), 0, 1)
    high, wide = opacity.shape
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), rng.uniform(0, 360), 1)
    turn[:, 2] += rng.uniform(0, 1, 2) * (cols, rows) - (wide / 2, high / 2)
    opacity = cv2.warpAffine(opacity, turn, (cols, rows), flags=cv2.INTER_LINEAR)
    inside = int((opacity > 0.3).sum())
    width = size if kind == DUST else max(1.0, inside / max(1.0, 1.3 * max(high, wide)))
    return opacity, width


def both(path: Path, data: Path, split: str, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """A picture sound and damaged, both worn alike, each with its class map."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    sound = made(rng) if rng.random() < MADE_SHARE else vary(read(path), rng)
    hurt = damage(sound, shapes(data, split), rng)
    nothing = np.zeros(sound.shape[:2], np.uint8)
    return [
        (worn(samples, np.random.default_rng(seed)), kinds)
        for samples, kinds in ((sound, nothing), (hurt.samples, hurt.kinds))
    ]
