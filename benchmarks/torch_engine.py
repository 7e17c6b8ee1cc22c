"""PyTorch against the default runtime, and how it keeps to a small card's memory.

    python benchmarks/torch_engine.py cpu  --side 128 --rounds 5
    python benchmarks/torch_engine.py cuda --side 512              # needs an NVIDIA GPU
    python benchmarks/torch_engine.py card --gigabytes 8           # needs an NVIDIA GPU
    python benchmarks/torch_engine.py count                        # anywhere, with [noncommercial]

``cpu``: the same network and picture in ncnn, the default there, and in PyTorch, turn by turn, so
that a busy machine slows both; the median of the paired ratios is what counts.
``cuda``: seconds and TFLOP/s of float32 and half precision beside the measured ceiling of bfloat16
matrix products, the plain eager loop of the same network, and the bare call for one tile.
``card``: caps CUDA's allocator and runs every network of the catalogue that is here over a
100-megapixel picture; a network whose tile finds no room is cut into pieces and says so.
``count``: builds the published networks at their published sizes, without weights, and counts the
bytes of all tensors that are alive at once while one tile of the catalogue's size goes through
whole: no numbers are computed. What a picture needs on the device does not grow with its size; a
card needs its driver's context and the convolutions' work space besides.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
import weakref
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from unfade.engines.contract import PlainBench
from unfade.engines.opening import open_engine
from unfade.engines.stages import single
from unfade.engines.torch_door import open_beside_torch, open_torch
from unfade.errors import ModelMissing, UnfadeError
from unfade.picture import Picture
from unfade.zoo.catalogue import entries, find

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


# catalogue name -> architecture, arguments with which its authors published it
_SWINIR: dict[str, Any] = {"img_size": 64, "window_size": 8, "mlp_ratio": 2.0}
_SWINIR_L = _SWINIR | {"depths": [6] * 9, "embed_dim": 240, "num_heads": [8] * 9, "upscale": 4,
                       "upsampler": "nearest+conv", "resi_connection": "3conv"}  # fmt: skip
_SWINIR_M = _SWINIR | {"depths": [6] * 6, "embed_dim": 180, "num_heads": [6] * 6, "upscale": 4,
                       "upsampler": "pixelshuffle"}  # fmt: skip
_HAT_L = {"img_size": 64, "window_size": 16, "embed_dim": 180, "depths": [6] * 12,
          "num_heads": [6] * 12, "mlp_ratio": 2, "upscale": 4}  # fmt: skip
_DAT_2 = {"img_size": 64, "embed_dim": 180, "split_size": [8, 32], "depth": [6] * 6,
          "num_heads": [6] * 6, "expansion_factor": 2.0, "upscale": 4}  # fmt: skip
_ATD = {"img_size": 96, "embed_dim": 210, "depths": [6] * 6, "num_heads": [6] * 6,
        "window_size": 16, "num_tokens": 128, "reducted_dim": 20, "upscale": 4,
        "upsampler": "pixelshuffle"}  # fmt: skip


def _nafnet(width: int, down: list[int], middle: int, up: list[int]) -> dict[str, Any]:
    return {"width": width, "enc_blk_nums": down, "middle_blk_num": middle, "dec_blk_nums": up}


PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    "realesrgan-x4plus": ("ESRGAN", {}),
    "realesrgan-x4plus-anime": ("ESRGAN", {"num_blocks": 6}),
    "realesrgan-x2plus": ("ESRGAN", {"in_nc": 12, "shuffle_factor": 2}),
    "realesr-general-x4v3": ("Compact", {"num_conv": 32}),
    "bsrgan-x4": ("ESRGAN", {}),
    "bsrgan-x2": ("ESRGAN", {"scale": 2}),
    "nomos-webphoto-esrgan-x4": ("ESRGAN", {}),
    "swinir-l-real-gan-x4": ("SwinIR", _SWINIR_L),
    "swinir-m-classical-x4": ("SwinIR", _SWINIR_M),
    "swinir-m-classical-x2": ("SwinIR", _SWINIR_M | {"upscale": 2}),
    "hat-l-x4": ("HAT", _HAT_L),
    "dat-2-x4": ("DAT", _DAT_2),
    "realwebphoto-dat2-x4": ("DAT", _DAT_2),
    "span-x4": ("SPAN", {"num_in_ch": 3, "num_out_ch": 3}),
    "nomos-webphoto-atd-x4": ("ATD", _ATD),
    "nomos-webphoto-plksr-x4": ("PLKSR", {}),
    "scunet-real-psnr": ("SCUNet", {}),
    "drunet-color": ("DRUNet", {"in_nc": 4, "out_nc": 3}),
    "nafnet-sidd-w32": ("NAFNet", _nafnet(32, [2, 2, 4, 8], 12, [2, 2, 2, 2])),
    "nafnet-sidd-w64": ("NAFNet", _nafnet(64, [2, 2, 4, 8], 12, [2, 2, 2, 2])),
    "nafnet-gopro-w64": ("NAFNet", _nafnet(64, [1, 1, 1, 28], 1, [1, 1, 1, 1])),
    "denoise-realplksr": ("PLKSR", {"upscaling_factor": 1}),
    "fbcnn-color": ("FBCNN", {}),
    "big-lama": ("LaMa", {"in_nc": 4}),
    "restoreformer": ("RestoreFormer", {}),
    "gfpgan-1.4": ("GFPGAN", {}),
    "codeformer": ("CodeFormer", {}),
    "ddcolor-modelscope": ("DDColor", {}),
}


def count() -> None:
    torch = open_torch(to="benchmark")
    fake = import_module("torch._subclasses.fake_tensor")
    warnings.simplefilter("ignore")  # of the authors' code
    for name, (architecture, arguments) in PUBLISHED.items():
        facts = find(name)
        side = facts.tile_px
        net = _published(architecture, arguments).eval()
        weights = sum(p.nbytes for p in (*net.parameters(), *net.buffers())) / 1e9
        shapes = fake.FakeTensorMode(allow_non_fake_inputs=True)
        with shapes, torch.inference_mode(), _alive(torch) as features:
            given = [torch.empty(1, 4 if architecture == "DRUNet" else 3, side, side)]
            if architecture == "LaMa":
                given.append(torch.empty(1, 1, side, side))
            net(*given)
        peak = features.peak / 1e9
        print(
            f"{name:26} tile {side:4} px: weights {weights:.2f}, features {peak:.2f}, "
            f"together {weights + peak:.2f} GB",
            flush=True,
        )


def _published(architecture: str, arguments: dict[str, Any]) -> Any:
    if architecture == "DDColor":
        own = import_module("unfade.engines.nets.ddcolor.network")
        return own.DDColor(own.SIZES["large"])
    package = "spandrel_extra_arches" if architecture == "CodeFormer" else "spandrel"
    open_beside_torch(package, to="benchmark")
    module = import_module(f"{package}.architectures.{architecture}")
    return getattr(module, architecture)(**arguments)


def _alive(torch: Any) -> Any:
    dispatch = import_module("torch.utils._python_dispatch").TorchDispatchMode
    leaves = import_module("torch.utils._pytree").tree_leaves

    class Alive(dispatch):  # type: ignore[misc, valid-type]
        """Counts the bytes of all storages that were made since it was entered and still live."""

        def __init__(self) -> None:
            super().__init__()
            self.now = self.peak = 0
            self._known: set[int] = set()

        def _gone(self, key: int, size: int) -> None:
            self.now -= size
            self._known.discard(key)

        def __torch_dispatch__(
            self, call: Any, types: Any, given: Any = (), named: Any = None
        ) -> Any:
            result = call(*given, **(named or {}))
            for tensor in leaves(result):
                if isinstance(tensor, torch.Tensor):
                    storage = tensor.untyped_storage()
                    key, size = storage._cdata, storage.nbytes()
                    if key not in self._known:
                        self._known.add(key)
                        self.now += size
                        self.peak = max(self.peak, self.now)
                        weakref.finalize(storage, self._gone, key, size)
            return result

    return Alive()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("cpu", "cuda", "card", "count"))
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
    elif given.what == "card":
        card(given.gigabytes, given.megapixels)
    else:
        count()


if __name__ == "__main__":
    main()
