"""Figures of film restoration, on films made here with known damage.

    python benchmarks/film.py                  # all sections
    python benchmarks/film.py dirt weave       # some of them
    python benchmarks/film.py overhead speed   # times: run them on a quiet machine

Times are processor seconds beside seconds on the clock; ratios compare runs made one after the
other, each the least of several.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "film"))
from made_films import CONTROLS, Damage, Truth, damaged, scene, write_film

from unfade.engines.bench import Bench
from unfade.film.journey import FilmOptions, open_job, restore_film
from unfade.film.light import luma_of
from unfade.film.probe import probe
from unfade.steps.film import remove_lines

KEEP = FilmOptions(keep_cadence=True)
ROWS, COLS = 480, 640


def made(folder: Path, kind: str, frames: int, damage: Damage, *, rows: int = ROWS,
         cols: int = COLS, seed: int = 0) -> tuple[Path, Truth]:  # fmt: skip
    truth = Truth()
    path = folder / f"{kind}-{seed}.mkv"
    write_film(path, damaged(scene(kind, frames, rows, cols, seed), damage, seed, truth))
    return path, truth


def dirt(folder: Path) -> None:
    """Spots of at least 6 visible pixels; a spot counts as found when half of it is replaced."""
    print("\n## Dirt (10 spots a frame, flicker 5 %, weave 0.8 px, grain 4 codes; 30 frames)")
    print("scene      F1 spots  precision  recall  F1 pixels  clean pixels replaced")
    for kind in ("pan", "walkers", "still", "fade"):
        path, truth = made(folder, kind, 30, Damage(dirt=10, flicker=0.05, weave_px=0.8, grain=4))
        result = restore_film(path, only=["remove_dirt"], options=KEEP)
        hit = missed = wrong = harm = both = only_true = only_mine = 0
        repairs = list(result.repairs)
        for n, spots in enumerate(truth.spots):
            mine = np.zeros(spots.shape, bool)
            near = _grown(truth.dirt[n], 4)
            for repair in (r for r in repairs if r.frame == n):
                mine[repair.window.slices] |= repair.mask
                if not (truth.dirt[n][repair.window.slices] & repair.mask).any():
                    wrong += 1
                    harm += repair.area_px
            for label in np.unique(spots)[1:]:
                spot = spots == label
                if np.count_nonzero(spot) >= 6:
                    found = np.count_nonzero(spot & mine) >= 0.5 * np.count_nonzero(spot)
                    hit, missed = hit + found, missed + (not found)
            both += np.count_nonzero(truth.dirt[n] & mine)
            only_true += np.count_nonzero(truth.dirt[n] & ~mine)
            only_mine += np.count_nonzero(mine & ~near)
        result.discard()
        pixels = len(truth.spots) * ROWS * COLS
        print(f"{kind:10s} {_f1(hit, wrong, missed):8.3f} {hit / max(1, hit + wrong):10.3f} "
              f"{hit / max(1, hit + missed):7.3f} {_f1(both, only_mine, only_true):10.3f} "
              f"{harm / pixels:12.4%}", flush=True)  # fmt: skip


def controls(folder: Path) -> None:
    """Films without damage: whatever is replaced is harm."""
    print("\n## Controls (no damage but grain; 20 frames): share of pixels replaced")
    for kind in CONTROLS:
        path, _ = made(folder, kind, 20, Damage(grain=4, weave_px=0.3))
        result = restore_film(path, only=["remove_dirt", "remove_lines"], options=KEEP)
        area: dict[str, int] = {"dirt": 0, "line": 0}
        for repair in result.repairs:
            area[repair.kind] += repair.area_px
        result.discard()
        pixels = 20 * ROWS * COLS
        print(f"{kind:10s} dirt {area['dirt'] / pixels:.4%}  lines {area['line'] / pixels:.4%}",
              flush=True)  # fmt: skip


def flicker(folder: Path) -> None:
    """Energy of the frame-to-frame changes of the level, before and after."""
    print("\n## Flicker (standard deviation 6 %; 60 frames)")
    for kind in ("still", "pan", "walkers", "fade"):
        path, truth = made(folder, kind, 60, Damage(flicker=0.06, grain=4, dirt=5))
        job = _job(path, "deflicker")
        gains = np.array([c.gain for c in job.plan.curves])
        before, after = _fast(np.log(truth.gains)), _fast(np.log(truth.gains) + np.log(gains))
        print(f"{kind:10s} energy left {(after**2).sum() / (before**2).sum():.2%}", flush=True)
    for kind in ("still", "fade", "walkers"):
        path, _ = made(folder, kind, 60, Damage(grain=4), seed=1)
        gains = np.array([c.gain for c in _job(path, "deflicker").plan.curves])
        print(f"control {kind:10s} largest change {np.abs(gains - 1).max():.3%}", flush=True)


def weave(folder: Path) -> None:
    print("\n## Gate weave (standard deviation 1 px; 60 frames): error of the shifts found, px")
    for kind, degree in (("still", 0), ("walkers", 0), ("fade", 0), ("pan", 2)):
        damage = Damage(weave_px=1.0, grain=4, flicker=0.03, dirt=5)
        path, truth = made(folder, kind, 60, damage)
        off = np.asarray(_job(path, "stabilise").plan.shifts) - np.array(truth.weave)
        n = np.linspace(-1, 1, len(off))
        off = np.array([c - np.polyval(np.polyfit(n, c, degree), n) for c in off.T])
        print(f"{kind:10s} rms {np.sqrt((off**2).mean()):.3f}  largest {np.abs(off).max():.3f}",
              flush=True)  # fmt: skip
    for kind in ("still", "pan", "walkers", "poles"):
        path, _ = made(folder, kind, 60, Damage(grain=4), seed=1)
        shifts = np.asarray(_job(path, "stabilise").plan.shifts)
        print(f"control {kind:10s} largest shift {np.abs(shifts).max():.3f} px", flush=True)


def lines(folder: Path) -> None:
    print("\n## Line scratches of 1 to 9 px (60 frames, grain 4, weave 0.5 px): columns, F1")
    for kind in ("pan", "walkers", "still"):
        placed = [(60 + 90 * k, width, 5 * (k % 3), 60 - 4 * (k % 2), 28.0 if k % 2 else -24.0)
                  for k, width in enumerate((1, 2, 3, 5, 7, 9))]  # fmt: skip
        path, truth = made(folder, kind, 60, Damage(lines=placed, grain=4, weave_px=0.5))
        job = _job(path, "remove_lines")
        hit = wrong = missed = 0
        for frame in job.work.frames(0, 60):
            mine = np.zeros(COLS, bool)
            luma = luma_of(frame.planes, job.film.layout)
            for line in job.plan.lines.get(frame.index, ()):
                left, right = remove_lines.exact_columns(luma, line)
                mine[left:right] = True
            true = truth.lines[frame.index][0]
            hit += np.count_nonzero(true & mine)
            missed += np.count_nonzero(true & ~mine)
            wrong += np.count_nonzero(mine & ~(np.convolve(true, np.ones(5), "same") > 0))
        print(f"{kind:10s} F1 {_f1(hit, wrong, missed):.3f}", flush=True)


def overhead(folder: Path) -> None:
    """A lossless copy by unfade beside the same codec settings in a plain PyAV loop.

    Looking at the first frames for fields and repeats costs a third of a second whatever the
    length, so two lengths are measured.
    """
    for count in (100, 400):
        print(f"\n## A lossless copy over a plain PyAV transcode (720p, {count} frames)")
        path = folder / f"wide-{count}.mkv"
        made_here = damaged(scene("pan", count, 720, 1280), Damage(grain=3))
        write_film(path, made_here, codec="libx264", options={"crf": "16", "preset": "veryfast"})

        def ours(path: Path = path) -> None:
            target = folder / "copy.mkv"
            result = restore_film(path, output=target, recipe="none")
            result.save(target, overwrite=True)
            result.discard()

        def theirs(path: Path = path) -> None:
            _plain(path, folder / "p.mkv")

        _beside("unfade, recipe none", ours, "plain PyAV", theirs, 3)


def _plain(source: Path, target: Path) -> None:
    import av

    from unfade.film.writer import CODECS

    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        stream = given.streams.video[0]
        stream.thread_type = "AUTO"
        own = out.add_stream("ffv1", rate=24, options=CODECS["ffv1"]["options"])
        own.width, own.height, own.pix_fmt = 1280, 720, "yuv420p"
        own.codec_context.gop_size = 1
        own.codec_context.thread_type, own.codec_context.thread_count = "SLICE", 2
        for frame in given.decode(stream):
            for packet in own.encode(frame):
                out.mux(packet)
        for packet in own.encode():
            out.mux(packet)


def speed(folder: Path) -> None:
    print("\n## Frames a second at 720p: dirt + deflicker + stabilise (40 frames)")
    damage = Damage(dirt=12, flicker=0.04, weave_px=0.8, grain=4)
    path = folder / "hd.mkv"
    write_film(path, damaged(scene("walkers", 40, 720, 1280), damage))
    clock, used = time.perf_counter(), time.process_time()
    target = folder / "hd-out.mkv"
    result = restore_film(path, output=target, only=["remove_dirt", "deflicker", "stabilise"],
                          options=KEEP)  # fmt: skip
    result.save(target)
    result.discard()
    clock, used = time.perf_counter() - clock, time.process_time() - used
    print(f"{40 / clock:.2f} frames/s on the clock; {used / 40:.3f} processor seconds a frame, "
          f"so {2 * 40 / used:.1f} frames/s on two idle cores", flush=True)  # fmt: skip


def memory(folder: Path) -> None:
    print("\n## Peak memory by length (240 x 320, whole recipe, segments of 50 frames)")
    peaks = {}
    for frames in (100, 1000, 10_000):
        path = folder / f"long-{frames}.mkv"
        kept = list(damaged(scene("walkers", 100, 240, 320), Damage(dirt=3, grain=3)))
        write_film(path, (kept[n % 100 if n // 100 % 2 == 0 else 99 - n % 100]
                          for n in range(frames)))  # fmt: skip
        ran = subprocess.run(
            [sys.executable, __file__, "--one", str(path)], capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        peaks[frames] = float(ran.stdout.split()[-1])
        print(f"{frames:6d} frames: {peaks[frames]:.0f} MiB ({peaks[frames] / peaks[100]:.2f} x)",
              flush=True)  # fmt: skip


def one(path: Path) -> None:
    """One run in a process of its own; prints its peak memory in MiB."""
    target = path.with_suffix(".out.mkv")
    options = FilmOptions(keep_cadence=True, segment_s=2)
    result = restore_film(path, output=target, options=options)
    result.save(target)
    result.discard()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def upscale(folder: Path) -> None:
    """The compact network on a film: against the bare engine, and its warping error."""
    for rows, cols, count in ((240, 426, 16), (720, 1280, 8)):
        print(f"\n## Compact network, 2 x, on a film ({rows} x {cols}, {count} frames)")
        path, _ = made(folder, "pan", count, Damage(grain=3), rows=rows, cols=cols)
        _upscaled(folder, path)


def colorize(folder: Path) -> None:
    """A grey film in colours, by the network that comes with unfade: its warping error.

    Its grain is its own and stays; so it is measured with and without, and on the colours alone.
    """
    for kind in ("pan", "walkers", "photograph"):
        for grain in (0, 3):
            if kind == "photograph":
                path = folder / "photograph.mkv"
                write_film(path, damaged(_photograph(24), Damage(grain=grain)))
            else:
                path, _ = made(folder, kind, 24, Damage(grain=grain))
            target = folder / "coloured.mkv"
            result = restore_film(path, output=target, recipe="none", options=KEEP,
                                  settings={"colorize": {"method": "unfade"}})  # fmt: skip
            result.save(target, overwrite=True)
            print(
                f"\n## Colours made up for a grey film ({kind}, 24 frames, grain of {grain} codes)"
            )
            found = result.warping()
            _print_warping(found)
            _print_warping({"frame_by_frame": found["colours_frame_by_frame"],
                            "steady": found["colours_steady"]}, "of the colours")  # fmt: skip
            result.discard()


def _photograph(frames: int) -> Iterator[np.ndarray]:
    """A pan over a portrait without its colours, (400, 400) float32."""
    from skimage import data

    grey = data.astronaut().mean(axis=2).astype(np.float32)
    return (grey[:400, 20 + 3 * n : 420 + 3 * n] for n in range(frames))


def _upscaled(folder: Path, path: Path) -> None:
    settings: dict[str, Any] = {"upscale": {"scale": 2, "method": "real-esrgan-fast",
                                            "lock": False}}  # fmt: skip
    from unfade.film.rgb import to_pixels
    from unfade.picture import Picture

    with Bench() as bench:
        film = probe(path)
        engine = bench.engine("realesr-animevideov3-x2")
        from unfade.film.reader import read_frames

        pictures = [Picture(to_pixels(f.planes, film.layout, film.colour))
                    for f in read_frames(film)]  # fmt: skip

        def bare() -> None:
            for picture in pictures:
                for _ in engine.mend_tiles(picture, bench):
                    pass

        results = []

        def ours() -> None:
            target = folder / "x2.mkv"
            result = restore_film(path, output=target, recipe="none", settings=settings,
                                  options=KEEP, bench=bench)  # fmt: skip
            result.save(target, overwrite=True)
            results.append(result.warping())
            result.discard()

        _beside("unfade", ours, "bare engine", bare, 2)
    _print_warping(results[-1])


def _print_warping(found: dict[str, float], of: str = "of the picture") -> None:
    steady, plain = found["steady"], found["frame_by_frame"]
    print(f"warping error {of} {steady:.3f}, frame by frame {plain:.3f}: "
          f"{1 - steady / plain:.0%} less", flush=True)  # fmt: skip


def _beside(name: str, ours: Callable[[], None], other: str, theirs: Callable[[], None],
            rounds: int) -> None:  # fmt: skip
    best: dict[str, tuple[float, float]] = {}
    for _ in range(rounds):
        for label, work in ((name, ours), (other, theirs)):
            clock, used = time.perf_counter(), time.process_time()
            work()
            now = (time.process_time() - used, time.perf_counter() - clock)
            best[label] = min(best.get(label, now), now)
    for label, (used, clock) in best.items():
        print(f"{label:22s} {used:7.2f} s processor, {clock:7.2f} s clock")
    print(f"ratio {best[name][0] / best[other][0]:.3f} processor, "
          f"{best[name][1] / best[other][1]:.3f} clock", flush=True)  # fmt: skip


def _job(path: Path, *steps: str) -> Any:
    return open_job(path, output=None, only=steps, options=KEEP, bench=Bench())


def _f1(hit: int, wrong: int, missed: int) -> float:
    return 2 * hit / max(1, 2 * hit + wrong + missed)


def _fast(values: np.ndarray) -> np.ndarray:
    weights = np.hanning(17) / np.hanning(17).sum()
    mean = np.convolve(np.pad(values, 8, mode="reflect"), weights, "valid")
    return np.asarray(values - mean)[4:-4]


def _grown(mask: np.ndarray, by: int) -> np.ndarray:
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * by + 1,) * 2, np.uint8)) > 0


SECTIONS: dict[str, Callable[[Path], None]] = {
    f.__name__: f
    for f in (dirt, controls, flicker, weave, lines, overhead, speed, memory, upscale, colorize)
}


def _chosen(names: list[str]) -> Iterator[Callable[[Path], None]]:
    for name in names or SECTIONS:
        yield SECTIONS[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []])
    parser.add_argument("--one", type=Path)
    given = parser.parse_args()
    if given.one is not None:
        one(given.one)
        return
    with tempfile.TemporaryDirectory(prefix="unfade-film-") as folder:
        for section in _chosen(given.sections):
            section(Path(folder))


if __name__ == "__main__":
    main()
