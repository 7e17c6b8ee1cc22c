"""Measures the networks: speed beside other runtimes, seams of tiles, memory.

    python benchmarks/engines.py speed  --model realesrgan-x4plus --side 96
    python benchmarks/engines.py halo   --model realesrgan-x4plus --side 448 --halos 16 32 64 80
    python benchmarks/engines.py memory --model realesrgan-x4plus --side 768

``speed`` interleaves all runtimes that can be imported (ncnn bare, ours on ncnn, ONNX Runtime,
OpenVINO, PyTorch channels-last), so that a busy machine slows all of them, and prints the median
and each one's ratio to ours. ``memory`` runs in a process of its own and reads VmHWM.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from unfade.engines.contract import PlainBench
from unfade.engines.onnx_graph import write_onnx
from unfade.engines.opening import open_engine
from unfade.engines.stages import single
from unfade.engines.tiled import TiledMender
from unfade.needs import have
from unfade.picture import Picture
from unfade.zoo import store
from unfade.zoo.ncnn_weights import read_graph, state_dict


def picture(side: int, data: Path | None) -> np.ndarray:
    """A square of a photograph: the first in ``--data``, else one that scikit-image ships."""
    if data is not None:
        import cv2

        files = sorted(p for p in data.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".tif"))
        pixels = cv2.imread(str(files[0]), cv2.IMREAD_COLOR)[:, :, ::-1]
    else:
        from skimage import data as shipped

        pixels = shipped.astronaut()
    reps = -(-side // pixels.shape[0]), -(-side // pixels.shape[1]), 1
    return (np.tile(pixels, reps)[:side, :side] / 255).astype(np.float32)


# -- speed ----------------------------------------------------------------------------------------


def speed(model: str, side: int, threads: int, rounds: int, data: Path | None) -> None:
    pixels = picture(side, data)
    runs = contenders(model, pixels, threads)
    reference = runs["unfade on ncnn"]()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for name, run in runs.items():
        print(f"{name:24} differs by {np.abs(run() - reference).max():.1e} from ours")
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    ours = times["unfade on ncnn"]
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, ours))
        print(
            f"{name:24} median {statistics.median(seconds):7.3f} s, best {min(seconds):7.3f} s, "
            f"{ratio:5.2f} x ours (median of paired ratios, {rounds} rounds)"
        )


def contenders(model: str, pixels: np.ndarray, threads: int) -> dict[str, Callable[[], np.ndarray]]:
    """name -> call that gives (channels, rows, cols); each opened before it is timed."""
    paths = store.files(model)
    engine = open_engine(model, runtime="ncnn", threads=threads)
    chw = np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    whole = single(0, engine.facts.scale)[0]
    bare = open_engine(model, runtime="ncnn", threads=threads)._runtime
    runs: dict[str, Callable[[], np.ndarray]] = {
        "ncnn, bare call": lambda: bare.run(whole, [chw])[0],
        "unfade on ncnn": lambda: np.moveaxis(engine.mend(pixels), 2, 0),
    }
    graph = read_graph(paths["param"], paths["bin"])
    if have("onnxruntime") and have("onnx"):
        other = open_engine(model, runtime="onnx", threads=threads)._runtime
        runs["onnxruntime, bare call"] = lambda: other.run(whole, [chw])[0]
    if have("openvino") and have("onnx"):
        import openvino

        core = openvino.Core()
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 where the processor has it
        }
        compiled = core.compile_model(core.read_model(write_onnx(graph, whole)), "CPU", config)
        runs["openvino"] = lambda: compiled(chw[None])[0][0]
    if have("torch"):
        import torch

        torch.set_num_threads(threads)
        network = in_torch(state_dict(graph))
        batch = torch.from_numpy(chw)[None].to(memory_format=torch.channels_last)
        runs["torch channels_last"] = lambda: network(batch)[0].numpy()
    return runs


def in_torch(weights: dict[str, np.ndarray]) -> Callable[..., object]:
    """RRDBNet (enlarging four times) or SRVGGNetCompact as plain PyTorch calls."""
    import torch
    from torch.nn import functional

    tensors = {
        name: torch.from_numpy(array).contiguous(
            memory_format=torch.channels_last if array.ndim == 4 else torch.contiguous_format
        )
        for name, array in weights.items()
    }

    def conv(x, name):  # type: ignore[no-untyped-def]
        return functional.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], padding=1)

    def leaky(x):  # type: ignore[no-untyped-def]
        return functional.leaky_relu(x, 0.2, inplace=True)

    def dense(x, name):  # type: ignore[no-untyped-def]
        maps = [x]
        for k in range(1, 5):
            maps.append(leaky(conv(torch.cat(maps, 1), f"{name}.conv{k}")))
        return conv(torch.cat(maps, 1), f"{name}.conv5") * 0.2 + x

    def rrdb(x):  # type: ignore[no-untyped-def]
        first = x = conv(x, "conv_first")
        blocks = 1 + max(int(n.split(".")[1]) for n in weights if n.startswith("body."))
        for n in range(blocks):
            start = x
            for m in (1, 2, 3):
                x = dense(x, f"body.{n}.rdb{m}")
            x = x * 0.2 + start
        x = first + conv(x, "conv_body")
        for name in ("conv_up1", "conv_up2"):
            x = leaky(conv(functional.interpolate(x, scale_factor=2, mode="nearest"), name))
        return conv(leaky(conv(x, "conv_hr")), "conv_last")

    def compact(x):  # type: ignore[no-untyped-def]
        start, last = x, max(int(n.split(".")[1]) for n in weights)
        for i in range(0, last + 1, 2):
            x = conv(x, f"body.{i}")
            if i < last:
                x = functional.prelu(x, tensors[f"body.{i + 1}.weight"])
        x = functional.pixel_shuffle(x, 4)
        return x + functional.interpolate(start, scale_factor=4, mode="nearest")

    network = rrdb if "conv_first.weight" in weights else compact

    def run(batch):  # type: ignore[no-untyped-def]
        with torch.inference_mode():
            return network(batch)

    return run


# -- seams ----------------------------------------------------------------------------------------


def halo(
    model: str, side: int, threads: int, halos: list[int], core: int, data: Path | None
) -> None:
    pixels = picture(side, data)
    engine = open_engine(model, threads=threads)
    as_whole = dataclasses.replace(engine.facts, tile_px=max(side, 2 * engine.facts.halo_px + 1))
    whole = TiledMender(as_whole, engine._runtime, engine.stages).mend(pixels)
    for halo_px in halos:
        facts = dataclasses.replace(engine.facts, halo_px=halo_px, tile_px=core + 2 * halo_px)
        tiled = TiledMender(facts, engine._runtime, engine.stages).mend(pixels)
        error = np.abs(tiled - whole) * 255
        print(
            f"{model}, {side} x {side}, core {core}, halo {halo_px:3}: largest difference "
            f"{error.max():7.3f}/255, rms {np.sqrt((error**2).mean()):.4f}/255",
            flush=True,
        )


# -- memory ---------------------------------------------------------------------------------------


def memory(model: str, side: int, threads: int, inside: bool) -> None:
    if not inside:
        command = [sys.executable, __file__, "memory", "--model", model, "--side", str(side)]
        subprocess.run([*command, "--threads", str(threads), "--inside"], check=True)
        return
    engine = open_engine(model, threads=threads)
    engine.mend(np.zeros((16, 16, 3), np.float32))
    print(f"{model}: {resident('VmHWM'):.0f} MB after opening it", flush=True)
    image = Picture(np.zeros((side, side, 3), np.uint8))
    start = time.perf_counter()
    for _ in engine.mend_tiles(image, PlainBench()):
        pass
    seconds = time.perf_counter() - start
    print(
        f"{model}, {side} x {side} in tiles of {engine.facts.tile_px}: peak "
        f"{resident('VmHWM'):.0f} MB, {seconds:.1f} s, {seconds / side**2 * 1e6:.0f} s/megapixel"
    )


def resident(line: str) -> float:
    """Megabytes of this process, from the kernel's own account."""
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(x for x in status if x.startswith(line)).split()[1]) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("speed", "halo", "memory"))
    parser.add_argument("--model", default="realesr-animevideov3-x4")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int, default=96)
    parser.add_argument("--halos", type=int, nargs="+", default=[8, 12, 16, 18])
    parser.add_argument("--data", type=Path, help="folder of pictures to take one from")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.what == "speed":
        speed(given.model, given.side, given.threads, given.rounds, given.data)
    elif given.what == "halo":
        halo(given.model, given.side, given.threads, given.halos, given.core, given.data)
    else:
        memory(given.model, given.side, given.threads, given.inside)


if __name__ == "__main__":
    main()
