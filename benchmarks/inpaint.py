"""Measures hole filling on sound pictures that are damaged by scratches, dust and given masks.

    python benchmarks/inpaint.py --data DIR [--sets kodak24 cbsd68] [--crop 320] [--pictures 6]
    python benchmarks/inpaint.py --wide --data DIR [--photos FOLDER] [--pictures 12]
    python benchmarks/inpaint.py --speed
    ... --network NAME   # beside the classical fills, a network of the catalogue

``DIR`` holds ``eval/<set>/*.png``, ``eval/masks/*.png`` (white = hole) and
``damage/film_shapes/*.png`` (opacity of dirt, hairs and scratches). Prints PSNR and SSIM inside
the mask for each method and kind of mask and the lead over OpenCV's Telea picture by picture;
with ``--wide`` PSNR inside holes of 8 to 100 px and tears, beside the perceptual distance
ST-LPIPS of 160 px around them (0: equal), and seconds a hole; with ``--speed`` the time for 12
megapixels with 1 % damage, mark by mark as the treatment works.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from unfade.degrade import degrade, parse_degradation
from unfade.engines.bench import Bench
from unfade.evaluate.stlpips import perceptual_distance
from unfade.picture import Window, codes_to_pixels, pixels_to_codes
from unfade.pixels.masks import dilate
from unfade.steps.inpaint import METHODS, fill_by_network, fill_holes
from unfade.steps.inpaint.learned import SURROUND_PX

Filler = Callable[[np.ndarray, np.ndarray], np.ndarray]
SCRATCH_WIDTHS_PX = (1, 2, 3, 4, 6, 8, 12)
SHARE = 0.02  # of the picture under the mask
YARDSTICK = "OpenCV telea"


def opencv(flag: int) -> Filler:
    def fill(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
        codes = pixels_to_codes(pixels, np.dtype(np.uint8), 255)
        return codes_to_pixels(cv2.inpaint(codes, mask.astype(np.uint8), 3, flag), 255)

    return fill


def ours(method: str, grain: float) -> Filler:
    return lambda pixels, mask: fill_holes(pixels, mask, method=method, grain=grain)


def learned(name: str, bench: Bench, grain: float) -> Filler:
    engine = bench.engine(name)
    return lambda pixels, mask: fill_by_network(engine, pixels, mask, grain=grain)


FILLERS: dict[str, Filler] = {
    YARDSTICK: opencv(cv2.INPAINT_TELEA),
    "OpenCV NS": opencv(cv2.INPAINT_NS),
    **{method: ours(method, 0.0) for method in METHODS},
    "sparse + grain": ours("sparse", 1.0),
}


def scratches(shape: tuple[int, int], width_px: int, rng: np.random.Generator) -> np.ndarray:
    """Wandering lines of one width until ``SHARE`` is covered."""
    mask = np.zeros(shape, np.uint8)
    while (mask > 0).mean() < SHARE:
        angle, places = rng.uniform(0, 2 * np.pi), [rng.uniform(0, 1, 2) * shape[::-1]]
        for _ in range(40):
            angle += rng.normal(0, 0.06)
            places.append(places[-1] + 6 * np.array([np.cos(angle), np.sin(angle)]))
        line = np.round(np.array(places) * 16).astype(np.int32)
        cv2.polylines(mask, [line], False, 255, width_px, cv2.LINE_8, 4)
    return mask > 0


def film_dirt(
    shape: tuple[int, int], shapes: Sequence[Path], rng: np.random.Generator
) -> np.ndarray:
    """Real dust, hairs and scratches of 5 to 120 px, thrown at random, with a soft border's px."""
    mask = np.zeros(shape, bool)
    while mask.mean() < SHARE:
        opacity = np.asarray(Image.open(shapes[rng.integers(len(shapes))]).convert("L"))
        length_px = np.exp(rng.uniform(np.log(5), np.log(120)))
        scale = min(1.0, length_px / max(opacity.shape))
        size = [max(1, round(side * scale)) for side in opacity.shape[::-1]]
        piece = cv2.resize(opacity, size, interpolation=cv2.INTER_AREA) > 50
        row, col = (int(rng.integers(-(s // 2), side)) for s, side in zip(piece.shape, shape))
        place = Window(row, col, row + piece.shape[0], col + piece.shape[1])
        seen = place.overlap(Window(0, 0, *shape))
        if seen is not None:
            mask[seen.slices] |= piece[seen.within(place)]
    return dilate(mask, 1)


def masks(
    shape: tuple[int, int], number: int, shapes: Sequence[Path], given: Sequence[Path]
) -> Iterator[tuple[str, np.ndarray]]:
    for width_px in SCRATCH_WIDTHS_PX:
        rng = np.random.default_rng([number, width_px])
        yield f"scratch {width_px}", scratches(shape, width_px, rng)
    yield "film dirt", film_dirt(shape, shapes, np.random.default_rng([number, 99]))
    grey = Image.open(given[number % len(given)]).convert("L").resize(shape[::-1], Image.NEAREST)
    yield "given mask", np.asarray(grey) > 127


def psnr(pixels: np.ndarray, reference: np.ndarray, mask: np.ndarray) -> float:
    error = np.clip(pixels, 0, 1)[mask].astype(np.float64) - reference[mask]
    return float(-10 * np.log10(max((error**2).mean(), 1e-12)))


def ssim(pixels: np.ndarray, reference: np.ndarray, mask: np.ndarray) -> float:
    """Mean over the mask of the SSIM map."""
    _, full = structural_similarity(
        np.clip(pixels, 0, 1), reference, data_range=1.0, channel_axis=-1, full=True
    )
    return float(full[mask].mean())


def blob(shape: tuple[int, int], width_px: int, rng: np.random.Generator) -> np.ndarray:
    """A roundish hole of this width in the middle, its rim uneven."""
    down, right = np.mgrid[: shape[0], : shape[1]]
    angle = np.arctan2(down - shape[0] / 2, right - shape[1] / 2)
    wave = sum(rng.normal(0, 0.08 / k) * np.cos(k * angle + rng.uniform(0, 7)) for k in (2, 3, 5))
    return np.hypot(down - shape[0] / 2, right - shape[1] / 2) < width_px / 2 * (1 + wave)


def tear(shape: tuple[int, int], number: int) -> np.ndarray:
    """A rip as the synthesiser tears it, with a soft border's pixel."""
    recipe = parse_degradation(
        "format = 1\nname = 'tear'\n[[damage]]\nuse = 'tears'\ncount = 1.5\n"
        "corner_chance = 0\nlength_share = [0.3, 0.6]\nwidth_px = [5, 14]",
        "tear",
    )
    for seed in range(1000):
        torn = degrade(np.full((*shape, 1), 0.5, np.float32), recipe, 1000 * number + seed)
        if torn.mask.mean() > 0.005:
            return dilate(torn.opacity > 0.02, 1)
    raise RuntimeError("no tear was drawn")


def measure_wide(options: argparse.Namespace, bench: Bench) -> None:
    """Holes of growing width in the middle of parts of 256 px, and tears."""
    folder = options.photos or options.data / "eval" / "kodak24"
    every = sorted(p for p in folder.iterdir() if p.suffix in (".png", ".webp", ".jpg"))
    step = max(1, len(every) // options.pictures)
    others = (YARDSTICK, "OpenCV NS")
    names = (*others, "biharmonic", "sparse", "patch", *options.network)
    fillers = {name: FILLERS[name] for name in others} | {
        name: learned(name, bench, 1.0) for name in options.network
    }
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    for number, path in enumerate(every[::step][: options.pictures]):
        codes = np.asarray(Image.open(path).convert("RGB"))
        top, left = (max(0, (side - 256) // 2) for side in codes.shape[:2])
        sound = np.ascontiguousarray(
            codes_to_pixels(codes[top : top + 256, left : left + 256], 255)
        )
        shape = sound.shape[:2]
        kinds = [
            (f"{w} px", blob(shape, w, np.random.default_rng([number, w])))
            for w in (8, 12, 16, 24, 32, 64, 100)
        ]
        for kind, mask in (*kinds, ("tear", tear(shape, number))):
            damaged = sound.copy()
            damaged[mask] = 1.0
            for name in names:
                start = time.process_time()
                fill = fillers.get(name)
                filled = fill(damaged, mask) if fill else fill_holes(damaged, mask, method=name)
                spent = time.process_time() - start
                rows, cols = np.nonzero(mask)
                cut = tuple(
                    slice(max(0, int(np.clip(v.mean(), 80, s - 80)) - 80),
                          int(np.clip(v.mean(), 80, s - 80)) + 80)
                    for v, s in zip((rows, cols), shape)
                )  # fmt: skip
                seen = perceptual_distance(
                    np.clip(filled[cut], 0, 1), np.ascontiguousarray(sound[cut])
                )
                found[kind, name].append((psnr(filled, sound, mask), seen, spent))
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    print(
        "PSNR dB inside / ST-LPIPS around / seconds; share of holes where patch is seen as nearer"
    )
    print(f"{'':12s}" + "".join(f"{kind:>20s}" for kind in kinds))
    for name in names:
        means = [np.mean(found[kind, name], axis=0) for kind in kinds]
        print(f"{name:12s}" + "".join(f"{p:9.2f}/{d:.4f}/{t:4.2f}" for p, d, t in means))
    won = [
        np.mean([a[1] < b[1] for a, b in zip(found[k, "patch"], found[k, "sparse"])]) for k in kinds
    ]
    print(f"{'patch wins':12s}" + "".join(f"{w:20.0%}" for w in won))


def measure(options: argparse.Namespace, bench: Bench) -> None:
    fillers = FILLERS | {name: learned(name, bench, 0.0) for name in options.network}
    shapes = sorted((options.data / "damage" / "film_shapes").glob("*.png"))
    given = sorted((options.data / "eval" / "masks").glob("*.png"))
    pictures = [
        path
        for name in options.sets
        for path in sorted((options.data / "eval" / name).glob("*.png"))[: options.pictures]
    ]
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    seconds: dict[str, float] = defaultdict(float)
    for number, path in enumerate(pictures):
        codes = np.asarray(Image.open(path).convert("RGB"))[: options.crop, : options.crop]
        sound = codes_to_pixels(codes, 255)
        for kind, mask in masks(sound.shape[:2], number, shapes, given):
            if mask.mean() > 0.4 or not mask.any():
                continue
            damaged = sound.copy()
            damaged[mask] = 1.0
            for name, fill in fillers.items():
                start = time.perf_counter()
                filled = fill(damaged, mask)
                seconds[name] += time.perf_counter() - start
                found[kind, name].append((psnr(filled, sound, mask), ssim(filled, sound, mask)))
    kinds = list(dict.fromkeys(kind for kind, _ in found))
    print(f"{len(pictures)} pictures; PSNR dB / SSIM inside the mask")
    print(f"{'':16s}" + "".join(f"{kind:>14s}" for kind in kinds) + f"{'time s':>9s}")
    for name in fillers:
        means = [np.mean(found[kind, name], axis=0) for kind in kinds]
        cells = "".join(f"{p:8.2f}/{s:.3f}" for p, s in means)
        print(f"{name:16s}{cells}{seconds[name]:9.1f}")
    print("Lead of `sparse` over OpenCV's Telea, dB: mean, least, share of pictures won")
    for kind in kinds:
        lead = np.array(found[kind, "sparse"])[:, 0] - np.array(found[kind, YARDSTICK])[:, 0]
        print(f"{kind:16s}{lead.mean():8.2f}{lead.min():8.2f}{(lead > 0).mean():8.0%}")


def speed() -> None:
    """12 megapixels, 1 % in dust of 4-16 px and scratches of 100-400 px, each mended alone."""
    rng = np.random.default_rng(0)
    shape = (3000, 4000)
    mask = np.zeros(shape, np.uint8)
    while (mask > 0).mean() < 0.01:
        col, row = (int(rng.integers(side)) for side in shape[::-1])
        for _ in range(20):
            place = (int(rng.integers(shape[1])), int(rng.integers(shape[0])))
            cv2.circle(mask, place, int(rng.integers(2, 9)), 1, -1)
        length, angle = rng.uniform(100, 400), rng.uniform(0, np.pi)
        end = (round(col + length * np.cos(angle)), round(row + length * np.sin(angle)))
        cv2.line(mask, (col, row), end, 1, int(rng.integers(1, 5)))
    hole = mask > 0
    pixels = rng.normal(0.5, 0.05, (*shape, 3)).astype(np.float32)
    boxes = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:]
    for method in METHODS:
        for grain in (0.0, 1.0):
            start = time.process_time()  # one core's time, whatever else the machine does
            for left, top, cols, rows, _ in boxes:
                core = Window(int(top), int(left), int(top + rows), int(left + cols))
                window = core.grown(SURROUND_PX, *shape)
                fill_holes(
                    pixels[window.slices], hole[window.slices],
                    method=method, grain=grain, window=window,
                )  # fmt: skip
            spent = time.process_time() - start
            print(f"{method:16s}grain {grain:.0f}: {spent:6.1f} s for {len(boxes)} marks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["kodak24", "cbsd68"])
    parser.add_argument("--crop", type=int, default=320, help="side of the part that is used, px")
    parser.add_argument("--pictures", type=int, default=6, help="of each set")
    parser.add_argument("--wide", action="store_true", help="wide holes and tears")
    parser.add_argument("--network", nargs="+", default=[], help="names of the catalogue")
    parser.add_argument("--photos", type=Path, help="for --wide: a folder of photographs")
    parser.add_argument("--speed", action="store_true", help="time instead of quality")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.speed:
        speed()
        return
    if options.data is None and not (options.wide and options.photos):
        parser.error("--data is needed to measure quality")
    with Bench() as bench:
        (measure_wide if options.wide else measure)(options, bench)


if __name__ == "__main__":
    main()
