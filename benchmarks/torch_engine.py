"""PyTorch against the default runtime, and how it keeps to a small card's memory.

    python benchmarks/torch_engine.py cpu  --side 128 --rounds 5
    python benchmarks/torch_engine.py cuda --side 512              # needs an NVIDIA GPU
    python benchmarks/torch_engine.py card --gigabytes 8           # needs an NVIDIA GPU

``cpu``: the same network and picture in ncnn, the default there, and in PyTorch, turn by turn, so
that a busy machine slows both; the median of the paired ratios is what counts.
``cuda``: seconds and TFLOP/s of float32 and half precision beside the measured ceiling of bfloat16
matrix products, the plain eager loop of the same network, and the bare call for one tile.
``card``: caps CUDA's allocator and runs every network of the catalogue that is here over a
100-megapixel picture; a network whose tile finds no room is cut into pieces and says so.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

from unfade.engines.contract import PlainBench
from unfade.engines.opening import open_engine
from unfade.engines.stages import single
from unfade.engines.torch_door import open_torch
from unfade.errors import ModelMissing, UnfadeError
from unfade.picture import Picture
from unfade.zoo.catalogue import entries

MACS_PER_PIXEL = 17.93e6  # of Real-ESRGAN x4plus, for each pixel of its input


def picture(side: int) -> np.ndarray:
    from skimage import data

    pixels = data.astronaut()
    reps = -(-side // 512), -(-side // 512), 1
    return (np.tile(pixels, reps)[:side, :side] / 255).astype(np.float32)


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def cpu(model: str, side: int, rounds: int, threads: int) -> None:
    pixels = picture(side)
    engines = {
        "ncnn": open_engine(model, runtime="ncnn", device="cpu", threads=threads),
        "torch": open_engine(model, runtime="torch", device="cpu", threads=threads),
    }
    results = {name: engine.mend(pixels) for name, engine in engines.items()}
    difference = np.abs(results["ncnn"] - results["torch"]).max()
    print(f"{model}, {side} x {side}, {threads} threads: largest difference {difference:.1e}")
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            times[name].append(seconds(lambda engine=engine: engine.mend(pixels)))
    for name, each in times.items():
        print(f"{name:6} median {statistics.median(each):7.3f} s, best {min(each):7.3f} s")
    paired = [b / a for a, b in zip(times["ncnn"], times["torch"])]
    best = min(times["torch"]) / min(times["ncnn"])
    print(
        f"torch / ncnn: {statistics.median(paired):.2f} (median of {rounds} paired ratios), "
        f"{best:.2f} (best of each); 1.5 is the most allowed"
    )


def cuda(model: str, side: int, rounds: int) -> None:
    torch = open_torch(to="benchmark")
    ceiling = _ceiling(torch)
    print(f"{torch.cuda.get_device_name(0)}: bfloat16 products {ceiling / 1e12:.0f} TFLOP/s")
    pixels = picture(side)
    work = 2 * MACS_PER_PIXEL * side * side
    chw = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    plain = 0.0
    for precision in ("float32", "half"):
        engine = open_engine(model, runtime="torch", device="cuda", precision=precision)
        bare = engine._runtime
        runs = {
            f"{precision}, ours": lambda engine=engine: engine.mend(pixels),
            f"{precision}, bare call": lambda bare=bare: bare.run(single(0, 4)[0], [chw]),
        }
        for name, run in runs.items():
            run()
            each = [seconds(run) for _ in range(rounds)]
            best = statistics.median(each)
            plain = plain or best
            print(
                f"{name:22} {best:.4f} s, {work / best / 1e12:6.1f} TFLOP/s, "
                f"{work / best / ceiling:.0%} of the ceiling, {plain / best:.2f} x float32"
            )
        engine.close()


def _ceiling(torch) -> float:  # type: ignore[no-untyped-def]
    a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        a @ a
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        a @ a
    torch.cuda.synchronize()
    return 20 * 2 * 8192**3 / (time.perf_counter() - start)


def card(gigabytes: float, megapixels: float) -> None:
    torch = open_torch(to="benchmark")
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(min(1.0, gigabytes * 1e9 / total))
    side = round((megapixels * 1e6) ** 0.5)
    image = Picture(np.zeros((side, side, 3), np.uint8))
    for entry in entries():
        if entry.shape != "mend" or entry.tiling == "whole":
            continue
        try:
            runtime = "torch" if entry.format == "ncnn" else "auto"
            engine = open_engine(entry.name, runtime=runtime, device="cuda")
        except ModelMissing:
            print(f"{entry.name:28} is not here")
            continue
        torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        try:
            for _ in engine.mend_tiles(image, PlainBench()):
                pass
            words = f"{time.perf_counter() - start:7.1f} s"
        except UnfadeError as error:
            words = f"FAILED: {error}"
        peak = torch.cuda.max_memory_allocated() / 1e9
        print(f"{entry.name:28} peak {peak:.2f} GB of {gigabytes:g}, {words} {engine.notes}")
        engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("cpu", "cuda", "card"))
    parser.add_argument("--model", default="realesrgan-x4plus")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--megapixels", type=float, default=100.0)
    given = parser.parse_args()
    if given.what == "cpu":
        cpu(given.model, given.side, given.rounds, given.threads)
    elif given.what == "cuda":
        cuda(given.model, given.side, given.rounds)
    else:
        card(given.gigabytes, given.megapixels)


if __name__ == "__main__":
    main()
