"""The networks that come with unfade, on pictures that none of them was trained on.

    python benchmarks/networks.py restore --data ../shared/data
    python benchmarks/networks.py noise --data ../shared/data
    python benchmarks/networks.py damage --data ../shared/data
    python benchmarks/networks.py upscale --data ../shared/data
    python benchmarks/networks.py worn --data ../shared/data
    python benchmarks/networks.py colorize --data ../shared/data
    python benchmarks/networks.py fading --data ../shared/data
    python benchmarks/networks.py speed

``restore``: white noise on CBSD68 (values kept in float, as in publications), sound
Kodak pictures, and the grain, blur, noise and coding of `old-photo`, against classical chains.
``noise``: 8-bit pictures with noise of several kinds, of which each way measures the strength.
``damage``: precision, recall and F1 on made damage, by width; share of false alarm on sound
pictures. ``upscale``: pictures reduced with antialiased bicubic interpolation to 8 bits and
enlarged again, without the lock (``--name unfade-upscale-x4``: four times); PSNR of luminance
(BT.601) and RGB, 4 px of the rim left out, as in publications. ``worn``: reduced in the same way,
with noise, grain, blur and coding laid over; ST-LPIPS (AlexNet; the network learnt by features of
VGG). ``fading``: by six numbers, by the spectra of dyes, by the recipe `faded-tones`, and not at
all (``--name unfade-fading``). ``translate``: pictures of at most 512 pixels, aged by the public
recipe of latent-space translation. ``colorize``: distance of a*, b* for pictures made grey.
``speed``: megapixels a second on this machine's threads.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from not_learnt_from import not_learnt_from
from PIL import Image

from unfade import Picture, restore
from unfade.advice import advise
from unfade.condition import look_at
from unfade.condition.stains import seen as stains
from unfade.condition.wear import is_wide
from unfade.degrade import DamageClass, DegradationRecipe, degrade, load_degradation
from unfade.degrade.kinds import damage_of
from unfade.degrade.whole.spectra import MATERIALS, fade_spectra
from unfade.engines.bench import Bench
from unfade.engines.contract import Mender, PlainBench
from unfade.evaluate.psnr import peak_signal_to_noise
from unfade.evaluate.ssim import structural_similarity
from unfade.evaluate.stlpips import perceptual_distance
from unfade.picture import pixels_to_codes
from unfade.pixels.colour import (
    ciede2000,
    density,
    linear_to_lab,
    linear_to_srgb,
    luminance,
    srgb_to_linear,
)
from unfade.pixels.regions import regions_of
from unfade.pixels.resample import enlarge_lanczos
from unfade.steps.denoise.buades2005 import denoise_nlm
from unfade.steps.denoise.chang2000 import denoise_wavelet
from unfade.train.synthetic_age import without_holes

SIGMAS = (1.5, 3, 5, 8, 12, 18)
DENOISABLE = ("blur", "grain", "noise", "jpeg")


def pixels_of(folder: Path, number: int = 0) -> Iterator[tuple[str, np.ndarray]]:
    paths = [p for p in sorted(folder.iterdir()) if p.suffix in (".png", ".jpg", ".webp")]
    for path in paths[: number or None]:
        yield path.name, np.asarray(Image.open(path).convert("RGB"), np.float32) / 255


def denoisable(name: str) -> DegradationRecipe:
    """The recipe of this name with grain, blur, noise and coding alone."""
    recipe = load_degradation(name)
    kept = tuple(s for s in recipe.stages if damage_of(s.settings).name in DENOISABLE)
    return replace(recipe, stages=kept)


def best_classical(hurt: np.ndarray, sound: np.ndarray, bench: Bench) -> np.ndarray:
    """`deblock` where blocks are found, then wavelets as strong as brings it nearest to the truth:
    what a person could reach who knows it."""
    codes = Picture(pixels_to_codes(hurt, np.dtype(np.uint16), 65535.0))
    found = look_at(codes, bench, only={"jpeg_blocks"})
    if "deblock" in advise(found).recipe.step_names:
        codes = restore(codes, only=("deblock",), bench=bench).picture
    made = [codes.pixels]
    made += [np.clip(denoise_wavelet(made[0], (s / 255,) * 3), 0, 1) for s in SIGMAS]
    return max(made, key=lambda m: peak_signal_to_noise(m, sound))


def mean(rows: list[dict[str, float]]) -> None:
    for key in rows[0]:
        print(f"  {key:<34} {np.mean([r[key] for r in rows]):8.3f}")


def restoring(options: argparse.Namespace) -> None:
    with Bench() as bench:
        engine = bench.engine(options.name or "unfade-restore")
        for codes in (5, 10, 25):
            print(f"CBSD68, white noise of sigma {codes} (PSNR, dB):")
            cbsd68 = pixels_of(options.data / "eval" / "cbsd68", options.number)
            mean([_denoised(sound, codes / 255, i, engine) for i, (_, sound) in enumerate(cbsd68)])
        print("Kodak, sound (PSNR, dB; at least 42):")
        rows = [
            {"network": peak_signal_to_noise(np.clip(engine.mend(sound), 0, 1), sound)}
            for _, sound in pixels_of(options.data / "eval" / "kodak24", options.number)
        ]
        mean(rows)
        print("Kodak with old-photo's grain, blur, noise and coding (no marks, no fading):")
        recipe, rows = denoisable("old-photo"), []
        for i, (_, sound) in enumerate(
            pixels_of(options.data / "eval" / "kodak24", options.number)
        ):
            hurt = degrade(sound, recipe=recipe, seed=i).pixels
            if np.array_equal(hurt, sound):
                continue  # some photographs come through whole
            ways = {"damaged": hurt, "best classical": best_classical(hurt, sound, bench)}
            ways["network"] = np.clip(engine.mend(hurt), 0, 1).astype(np.float32)
            rows.append(
                {f"{way}, dB": peak_signal_to_noise(m, sound) for way, m in ways.items()}
                | {f"{way}, SSIM": structural_similarity(m, sound) for way, m in ways.items()}
            )
        mean(rows)


def _denoised(sound: np.ndarray, sigma: float, seed: int, engine: Mender) -> dict[str, float]:
    """PSNR of each way; the classical ones are told the noise."""
    noise = np.random.default_rng(seed).standard_normal(sound.shape)
    noisy = (sound + sigma * noise).astype(np.float32)
    made = {
        "noisy": noisy,
        "nlm": denoise_nlm(noisy, (sigma,) * 3),
        "wavelet": denoise_wavelet(noisy, (sigma,) * 3),
        "network": engine.mend(noisy),
    }
    return {way: peak_signal_to_noise(np.clip(m, 0, 1), sound) for way, m in made.items()}


def noise(options: argparse.Namespace) -> None:
    """Where noise is advised to be taken off: wavelets and the network on 8-bit pictures."""
    kinds = {"white": 0.0, "smoothed by 0.45 px": 0.45, "smoothed by 0.7 px": 0.7, "JPEG 85": 0.0}
    with Bench() as bench:
        for kind, width in kinds.items():
            for codes in (9, 18, 25):
                rows = []
                pictures = pixels_of(options.data / "eval" / "kodak24", options.number)
                for i, (_, sound) in enumerate(pictures):
                    laid = np.random.default_rng(i).standard_normal(sound.shape)
                    if width:
                        laid = cv2.GaussianBlur(laid, (0, 0), width)
                    hurt = np.clip(sound + codes / 255 * laid / laid.std(), 0, 1)
                    stored = pixels_to_codes(hurt.astype(np.float32), np.dtype(np.uint8), 255.0)
                    if kind == "JPEG 85":
                        file = io.BytesIO()
                        Image.fromarray(stored).save(file, "JPEG", quality=85)
                        stored = np.asarray(Image.open(file))
                    picture = Picture(stored)
                    seen = look_at(picture, bench, only={"noise"})
                    if "denoise" not in advise(seen).recipe.step_names:
                        continue
                    row = {"noisy": peak_signal_to_noise(picture.pixels, sound)}
                    for method in ("wavelet", "unfade"):
                        made = restore(
                            picture, only=("denoise",), settings={"denoise": {"method": method}},
                            bench=bench,
                        ).picture.pixels  # fmt: skip
                        row[method] = peak_signal_to_noise(made, sound)
                    rows.append(row)
                print(f"{kind}, sigma {codes} of 255: advised for {len(rows)} (PSNR, dB)")
                if rows:
                    mean(rows)
                    print(f"  network better in {sum(r['unfade'] > r['wavelet'] for r in rows)}")


def without_wide(mask: np.ndarray) -> np.ndarray:
    """A mask without the pieces that `wear` holds for too wide to be wear."""
    kept = np.zeros_like(mask)
    for piece in regions_of(mask):
        if not is_wide(piece.mask):
            kept[piece.window.slices] |= piece.mask
    return kept


def stained(pixels: np.ndarray, engine: Any, least: float) -> np.ndarray:
    """Where `unfade-stains` sees stains in its small overview, at full size."""
    _, logits, _ = stains.asked(Picture.of(pixels), PlainBench(), engine)
    high, wide = pixels.shape[:2]
    odds = np.asarray(cv2.resize(logits[:, :, stains.ANY], (wide, high)))
    return odds > least


def damage(options: argparse.Namespace) -> None:
    """One network of pixels, and the same with the one of stains."""
    bounds = (1, 2, 4, 8, 16, 65)
    counts = {way: np.zeros(3) for way in ("alone", "with unfade-stains")}  # hit, true, found
    by_width = {w: [0, 0] for w in bounds[:-1]}
    by_class = {kind: [0, 0, 0] for kind in DamageClass if 0 < kind <= DamageClass.STAIN}
    false: dict[str, list[float]] = {way: [] for way in counts}
    with Bench() as bench:
        engine = bench.engine(options.name or "unfade-damage")
        other = bench.engine(stains.NETWORK)

        def both(pixels: np.ndarray) -> dict[str, np.ndarray]:
            alone = without_wide(engine.find(pixels)[:, :, 0] > options.odds)
            shown = np.clip(pixels, 0, 1).astype(np.float32)
            return {
                "alone": alone,
                "with unfade-stains": alone | stained(shown, other, options.stain_odds),
            }

        if options.not_learnt:
            taken, sources = not_learnt_from(options.data, seed=11)
            pictures = [
                taken.pixels(source)[:640, :640] / np.float32(255)
                for source in sources[: options.not_learnt]
            ]
        else:
            folders = [options.data / "eval" / n for n in ("kodak24", "cbsd68", "mcmaster")]
            pictures = [pixels for f in folders for _, pixels in pixels_of(f, options.number)]
        for i, sound in enumerate(pictures):
            for way, alarm in both(sound).items():
                false[way].append(float(alarm.mean()))
            for n in range(options.times):
                made = degrade(sound, recipe="old-photo", seed=i + 1000 * n)
                wanted = np.isin(made.classes, list(by_class)) & (made.opacity >= 0.15)
                free = ~made.mask | wanted
                found = both(made.pixels)
                for way, got in found.items():
                    counts[way] += ((got & wanted).sum(), wanted.sum(), (got & free).sum())
                hit = found["with unfade-stains"] & wanted
                for kind, numbers in by_class.items():
                    of_kind = wanted & (made.classes == kind)
                    numbers[0] += int((hit & of_kind).sum())
                    numbers[1] += int(of_kind.sum())
                    numbers[2] += bool(of_kind.any())
                width = 2 * cv2.distanceTransform(wanted.astype(np.uint8), cv2.DIST_L2, 5)
                width = cv2.dilate(width, np.ones((9, 9), np.uint8))
                for low, high in pairwise(bounds):
                    band = wanted & (width >= low) & (width < high)
                    by_width[low][0] += int((hit & band).sum())
                    by_width[low][1] += int(band.sum())
    print(
        f"{len(pictures)} pictures, {options.times} times old-photo, log odds {options.odds:g}, "
        f"{options.stain_odds:g}"
    )
    for way, (hit_px, true_px, found_px) in counts.items():
        precision, recall = hit_px / max(found_px, 1), hit_px / max(true_px, 1)
        f1 = 2 * hit_px / max(true_px + found_px, 1)
        print(
            f"  {way}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f} (0.80); "
            f"false alarm on sound pictures {np.mean(false[way]):.3%} of the area (under 0.05 %)"
        )
    for kind, (got_, all_, having) in by_class.items():
        name = kind.name.lower()
        print(f"  both, {name}: recall {got_ / max(all_, 1):.3f} of {all_} px in {having} pictures")
    for low, (got_, all_) in by_width.items():
        print(f"  both, width from {low:>2} px: recall {got_ / max(all_, 1):.3f} of {all_} px")


def upscale(options: argparse.Namespace) -> None:
    name = options.name or "unfade-upscale-x2"
    weights = np.array([65.481, 128.553, 24.966], np.float32) / 255

    def scores(made: np.ndarray, sound: np.ndarray) -> tuple[float, float]:
        made = np.round(np.clip(made, 0, 1) * 255) / 255
        a, b = made[4:-4, 4:-4].astype(np.float32), sound[4:-4, 4:-4]
        return (
            peak_signal_to_noise((a @ weights)[..., None], (b @ weights)[..., None]),
            peak_signal_to_noise(a, b),
        )

    with Bench() as bench:
        engine = bench.engine(name)
        scale = options.scale or engine.facts.scale
        for folder in ("set5", "set14", "kodak24", "cbsd68", "urban100"):
            rows = []
            for _, pixels in pixels_of(options.data / "eval" / folder, options.number):
                high, wide = (n // scale * scale for n in pixels.shape[:2])
                sound = pixels[:high, :wide]
                whole = Image.fromarray((sound * 255).round().astype(np.uint8))
                small = whole.resize((wide // scale, high // scale), Image.Resampling.BICUBIC)
                low = np.asarray(small, np.float32) / 255
                ways = {
                    "bicubic": np.asarray(
                        small.resize((wide, high), Image.Resampling.BICUBIC), np.float32
                    )
                    / 255,
                    "lanczos": enlarge_lanczos(low, scale=scale),
                }
                if scale == engine.facts.scale:
                    ways["network"] = engine.mend(low)
                wished = {"scale": scale, "method": name}
                codes = Picture(np.asarray(small))
                ways["network, locked"] = restore(
                    codes, only=("upscale",), settings={"upscale": wished}, bench=bench
                ).picture.pixels
                row = {}
                for way, made in ways.items():
                    row[f"{way}, Y"], row[f"{way}, RGB"] = scores(made, sound)
                rows.append(row)
            print(
                f"{folder}, {len(rows)} pictures, {scale} times (PSNR, dB; bicubic + 1.5 on set14):"
            )
            mean(rows)


def compared(made: dict[str, np.ndarray], sound: np.ndarray) -> dict[str, float]:
    """PSNR and ST-LPIPS of each way's result."""
    row = {}
    for way, result in made.items():
        shown = np.clip(result, 0, 1).astype(np.float32)
        row[f"{way}, PSNR"] = peak_signal_to_noise(shown, sound)
        row[f"{way}, ST-LPIPS"] = perceptual_distance(shown, sound)
    return row


def worn(options: argparse.Namespace) -> None:
    """Enlarging pictures that are worn; less ST-LPIPS is better."""
    names = {"faithful": "unfade-upscale-x2"}
    if options.name:
        names = {options.name: options.name}
    with Bench() as bench:
        engines = {way: bench.engine(name) for way, name in names.items()}
        (scale,) = {engine.facts.scale for engine in engines.values()}
        for folder in ("set14", "kodak24", "cbsd68", "faces"):
            rows = []
            for i, (_, pixels) in enumerate(
                pixels_of(options.data / "eval" / folder, options.number)
            ):
                high, wide = (n // 4 * 4 for n in pixels.shape[:2])
                sound = pixels[:high, :wide]
                whole = Image.fromarray((sound * 255).round().astype(np.uint8))
                small = whole.resize((wide // scale, high // scale), Image.Resampling.BICUBIC)
                low = np.asarray(small, np.float32) / 255
                hurt = degrade(low, recipe="grain-blocks-blur", seed=i).pixels.astype(np.float32)
                made = {"lanczos": enlarge_lanczos(hurt, scale=scale)}
                made |= {way: engine.mend(hurt) for way, engine in engines.items()}
                rows.append(compared(made, sound))
            print(
                f"{folder}, {len(rows)} pictures, worn, {scale} times (ST-LPIPS: Lanczos - 30 %):"
            )
            mean(rows)
            far = {way: np.mean([r[f"{way}, ST-LPIPS"] for r in rows]) for way in made}
            less = [f"{way} {1 - far[way] / far['lanczos']:.0%}" for way in engines]
            print(f"  below Lanczos: {', '.join(less)}")


def translate(options: argparse.Namespace) -> None:
    """Old photographs as the authors of latent translation make them; less ST-LPIPS is better."""
    with Bench() as bench:
        engines = {name: bench.engine(name) for name in ("unfade-restore", "unfade-latent")}
        for folder in ("kodak24", "cbsd68", "faces"):
            rows = []
            for i, (_, sound) in enumerate(
                pixels_of(options.data / "eval" / folder, options.number)
            ):
                sound = within(sound, 512)
                hurt = degrade(sound, without_holes("bringing-old-photos-back"), i).pixels
                made = {"damaged": np.clip(hurt, 0, 1).astype(np.float32)}
                made |= {name: engine.mend(made["damaged"]) for name, engine in engines.items()}
                rows.append(compared(made, sound))
            print(f"{folder}, {len(rows)} pictures, aged as Wan et al. do")
            mean(rows)


def colorize(options: argparse.Namespace) -> None:
    """Distance of a*, b* from the truth for pictures made grey."""
    engine = Bench().engine(options.name or "unfade-colorize")
    for folder in (options.data / "eval/kodak24", options.data / "eval/faces"):
        rows = []
        for _, sound in pixels_of(folder, options.number):
            small = cv2.resize(sound, (512, 512), interpolation=cv2.INTER_AREA)
            lab = linear_to_lab(srgb_to_linear(small))
            light = np.repeat((((lab[..., 0] + 16) / 116) ** 3)[..., None], 3, axis=2)
            grey = linear_to_srgb(np.clip(light, 0, 1))[..., 0].astype(np.float32)
            made = engine.colours(grey)
            rows.append(
                {
                    "left grey, distance in a*, b*": float(np.hypot(*lab[..., 1:].T).mean()),
                    "coloured": float(np.hypot(*(made - lab[..., 1:]).T).mean()),
                    "vividness, of the true one": float(
                        np.hypot(*made.T).mean() / np.hypot(*lab[..., 1:].T).mean()
                    ),
                }
            )
        print(f"{folder.name}, {len(rows)} pictures")
        mean(rows)


def fading(options: argparse.Namespace) -> None:
    folders = [options.data / "eval" / n for n in ("kodak24", "cbsd68", "mcmaster")]
    sound = [pixels for f in folders for _, pixels in pixels_of(f, options.number)]
    six, spectra, none, years = [], [], [], []
    for i, pixels in enumerate(sound):
        rng = np.random.default_rng(i)
        light = srgb_to_linear(within(pixels, 384))
        six.append((by_six_numbers(light, rng), light))
        none.append((light, light))
        aged = degrade(within(pixels, 384), recipe="faded-tones", seed=i).pixels
        years.append((srgb_to_linear(aged), light))
        print_ = (srgb_to_linear(within(pixels, 144)) + 10**-2.1) / (1 + 10**-2.1)
        spectra.append((by_spectra(print_, MATERIALS[i % len(MATERIALS)], rng), print_))
    with Bench() as bench:
        kinds = {"six numbers": six, "spectra": spectra, "faded-tones": years, "not faded": none}
        for title, pairs in kinds.items():
            rows, sure = [], []
            for hurt, light in pairs:
                row, advised = corrected(hurt, light, options.name, bench)
                rows.append(row)
                sure.append(advised)
            print(f"{title}, {len(rows)} pictures (CIEDE2000; at most 0.6 of both simple ways):")
            mean(rows)
            acted = [row for row, advised in zip(rows, sure, strict=True) if advised]
            print(f"  of them advised unasked: {len(acted)}")
            if acted:
                mean(acted)


def corrected(
    hurt: np.ndarray, light: np.ndarray, name: str | None, bench: Bench
) -> tuple[dict[str, float], bool]:
    """Mean CIEDE2000 of each way, and whether ``correct_fading`` would be advised."""
    codes = pixels_to_codes(linear_to_srgb(hurt.astype(np.float32)), np.dtype(np.uint8), 255.0)
    picture = Picture(codes)
    seen = srgb_to_linear(picture.pixels)
    means = seen.mean(axis=(0, 1))
    grey = seen / means
    made = {
        "as faded": seen,
        "grey world": grey * (luminance(seen).mean() / luminance(grey).mean()),
        "channels stretched": srgb_to_linear(stretched(picture.pixels)),
    }
    methods = {"correct_fading, ends": "ends"} | ({"correct_fading, network": name} if name else {})
    for way, method in methods.items():
        done = restore(
            picture, only=("correct_fading",), bench=bench,
            settings={"correct_fading": {"method": method}},
        )  # fmt: skip
        made[way] = srgb_to_linear(done.picture.pixels)
    truth = linear_to_lab(light)
    apart = {
        way: float(ciede2000(linear_to_lab(np.clip(m, 0, 1)), truth).mean())
        for way, m in made.items()
    }
    findings = look_at(picture, bench, only={"tone", "fade", "cast", "clipping", "negative"})
    return apart, "correct_fading" in advise(findings).recipe.step_names


def stretched(pixels: np.ndarray) -> np.ndarray:
    """Each channel from black to white, but for half a percent at either end."""
    low, high = np.quantile(pixels, (0.005, 0.995), axis=(0, 1))
    return np.asarray(np.clip((pixels - low) / np.maximum(high - low, 1e-3), 0, 1))


def by_six_numbers(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    loss = np.clip(rng.random() * (1 + 0.5 * rng.uniform(-1, 1, 3)), 0, 1)
    stain = 0.3 * rng.random() * rng.random(3)
    return np.asarray(10 ** -((1 - 0.65 * loss) * density(light) + stain))


def by_spectra(light: np.ndarray, material: str, rng: np.random.Generator) -> np.ndarray:
    left = rng.uniform(0.4, 0.95) * rng.uniform(0.65, 1, 3)
    stain = rng.uniform(0, 0.2) * rng.uniform(0.2, 1, 3) * (0.4, 0.6, 1.0)
    return fade_spectra(light, material, tuple(left), tuple(stain))


def within(pixels: np.ndarray, side: int) -> np.ndarray:
    """Reduced until its longer side is no more than this."""
    by = side / max(pixels.shape[:2])
    if by >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=by, fy=by, interpolation=cv2.INTER_AREA))


def speed(options: argparse.Namespace) -> None:
    pixels = np.random.default_rng(1).random((2048, 3072, 3), np.float32)
    with Bench() as bench:
        for name in ("unfade-restore", "unfade-damage"):
            engine = bench.engine(name)
            call = engine.find if hasattr(engine, "find") else engine.mend
            for part in (pixels[:1024, :1024], pixels):
                call(part)
                times = []
                for _ in range(3):
                    start = time.perf_counter()
                    call(part)
                    times.append(time.perf_counter() - start)
                size = part.shape[0] * part.shape[1] / 1e6
                print(
                    f"{name:<16} picture of {size:.1f} megapixels: {size / min(times):.2f} "
                    f"megapixels/s on {bench.threads} threads"
                )


def main() -> None:
    ways = {
        "restore": restoring, "noise": noise, "damage": damage, "upscale": upscale, "worn": worn,
        "translate": translate, "colorize": colorize, "fading": fading, "speed": speed,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=tuple(ways))
    parser.add_argument("--data", type=Path, help="folder of the picture sets")
    parser.add_argument("--number", type=int, default=0, help="of pictures of a set; 0: all")
    parser.add_argument("--times", type=int, default=1, help="`damage`: each picture is damaged")
    parser.add_argument("--name", help="another network of the catalogue")
    parser.add_argument("--scale", type=int, help="of `upscale`, if not the network's own")
    parser.add_argument(
        "--odds", type=float, default=1.0, help="log odds from which a pixel counts as damage"
    )
    parser.add_argument("--stain-odds", type=float, default=1.5, help="the same of `unfade-stains`")
    parser.add_argument(
        "--not-learnt", type=int, default=0, metavar="N",
        help="`damage`: of N training pictures that are not learnt from, to choose log odds on",
    )  # fmt: skip
    options = parser.parse_args()
    ways[options.what](options)


if __name__ == "__main__":
    main()
