"""The PyTorch runtime: memory that runs out, devices, precision, determinism."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from skimage import data

from unfade.engines import torch_door
from unfade.engines.blended import BlendedMender
from unfade.engines.contract import ModelFacts, PlainBench
from unfade.engines.opening import open_engine
from unfade.engines.stages import Stage, single
from unfade.engines.tiled import TiledMender
from unfade.engines.torch_graph import TorchGraph
from unfade.engines.torch_net import TorchNet
from unfade.engines.torch_run import TorchRuntime, check_half, probe_picture
from unfade.errors import OutOfResources, PromiseBroken, UsageError
from unfade.picture import Picture
from unfade.zoo import store

SMALL = "realesr-animevideov3-x2"


def photograph(rows: int, cols: int) -> np.ndarray:
    return (data.astronaut()[60 : 60 + rows, 160 : 160 + cols] / 255).astype(np.float32)


class Narrow(TorchGraph):
    """A network on a device that holds ``room`` pixels at once."""

    room = 10**9
    calls = refused = 0

    def compute(self, stage: Stage, batches: Sequence[Any]) -> Sequence[Any]:
        if batches[0].shape[2] * batches[0].shape[3] > self.room:
            self.refused += 1
            raise self._torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        self.calls += 1
        return super().compute(stage, batches)


@pytest.mark.parametrize("rows, cols", [(70, 90)])
def test_a_small_memory_gives_the_result_of_a_large_one(rows: int, cols: int) -> None:
    image = np.moveaxis(photograph(rows, cols), 2, 0)
    stage = single(20, 2)[0]
    large, small = Narrow(store.files(SMALL)), Narrow(store.files(SMALL))
    small.room = 68 * 68
    whole, pieces = large.run(stage, [image])[0], small.run(stage, [image])[0]
    assert small.calls > 4
    assert np.abs(whole - pieces).max() < 1e-5
    assert large.notes == []
    (note,) = small.notes
    assert note.startswith("Memory ran out on cpu; computed in pieces of ")
    refused = small.refused
    assert refused > 0
    small.run(stage, [image])
    assert small.refused == refused, "what fits is remembered"


def test_a_memory_too_small_for_any_piece_is_an_error() -> None:
    narrow = Narrow(store.files(SMALL))
    narrow.room = 100
    with pytest.raises(OutOfResources, match="memory of `cpu` is too small"):
        narrow.run(single(20, 2)[0], [np.zeros((3, 64, 64), np.float32)])


def test_a_network_that_cannot_be_cut_is_not_cut() -> None:
    narrow = Narrow(store.files(SMALL))
    narrow.room, narrow._cuttable = 40 * 40, False
    with pytest.raises(OutOfResources, match="cannot be computed in smaller pieces"):
        narrow.run(single(20, 2)[0], [np.zeros((3, 200, 200), np.float32)])


def test_other_errors_are_not_taken_for_memory() -> None:
    class Faulty(TorchGraph):
        def compute(self, stage: Stage, batches: Sequence[Any]) -> Sequence[Any]:
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        Faulty(store.files(SMALL)).run(single(20, 2)[0], [np.zeros((3, 9, 9), np.float32)])


def test_the_processors_allocator_counts_as_memory() -> None:
    runtime = Narrow(store.files(SMALL))
    words = "[enforce fail at alloc_cpu.cpp:132] DefaultCPUAllocator: can't allocate memory"
    assert runtime._is_memory(RuntimeError(words))
    assert runtime._is_memory(MemoryError())
    assert not runtime._is_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_tile_in_stages_and_pieces_equals_the_whole() -> None:
    engine = open_engine("realesrgan-x4plus-anime", runtime="torch")
    pixels = photograph(45, 38)
    staged = engine.mend(pixels)
    whole = engine._runtime.run(single(100, 4)[0], [np.moveaxis(pixels, 2, 0)])[0]
    assert np.abs(np.moveaxis(staged, 2, 0) - whole).max() < 1e-5


def test_products_are_not_rounded_to_ten_bits() -> None:
    torch = torch_door.open_torch(to="test")
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.deterministic


def test_torchvision_imports_beside_a_torch_for_processors() -> None:
    """Without the cure spandrel, which imports torchvision, does not import on such a machine."""
    spandrel = torch_door.open_beside_torch("spandrel", to="test")
    import torchvision

    assert torchvision.__version__
    assert len(spandrel.MAIN_REGISTRY) > 30


@pytest.mark.parametrize(
    "device, says",
    [
        ("cuda:7", "finds 0 CUDA|is not here"),
        ("tpu", "not one that PyTorch"),
        ("cuda:x", "not one"),
    ],
)
def test_a_device_that_is_not_here_is_an_error(device: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        open_engine(SMALL, runtime="torch", device=device)


def test_half_precision_is_for_cuda_alone() -> None:
    with pytest.raises(UsageError, match="Half precision was asked for on `cpu`"):
        open_engine(SMALL, runtime="torch", device="cpu", precision="half")
    with pytest.raises(UsageError, match="`ncnn` does not offer"):
        open_engine(SMALL, runtime="ncnn", precision="half")
    with pytest.raises(UsageError, match="no precision `bf16`"):
        open_engine(SMALL, runtime="torch", device="cpu", precision="bf16")


class Shifted(TorchRuntime):
    """Gives its input and ``by``: stands for the rounding of half precision."""

    by = 0.0

    def compute(self, stage: Stage, batches: Sequence[Any]) -> Sequence[Any]:
        return [batches[0] + self.by]


@pytest.mark.parametrize("by", [0.02, float("nan"), float("inf")])
def test_half_precision_that_strays_is_refused(by: float) -> None:
    half, exact = Shifted(), Shifted()
    half.by = by
    with pytest.raises(UsageError, match="away from float32"):
        check_half(half, exact, single(0)[0], 1)
    half.by = 0.005
    check_half(half, exact, single(0)[0], 1)


def test_the_probe_is_a_picture() -> None:
    picture = probe_picture(64, 3)
    assert picture.shape == (3, 64, 64)
    assert 0 <= picture.min() < 0.2 < 0.8 < picture.max() <= 1
    assert np.array_equal(picture, probe_picture(64, 3))


# -- blended tiles ---------------------------------------------------------------------------


class Pooled:
    """A network with a global statistic: each tile is moved by its own mean."""

    name, device = "fake", "cpu"

    def __init__(self, scale: int = 1, share: float = 0.1) -> None:
        self.scale, self.share = scale, share

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        large = maps[0].repeat(self.scale, axis=1).repeat(self.scale, axis=2)
        return [large - self.share * maps[0].mean(dtype=np.float64).astype(np.float32)]

    def close(self) -> None:
        pass


def facts(**changes: Any) -> ModelFacts:
    plain: dict[str, Any] = {
        "name": "pooled", "shape": "mend", "sha256": "0" * 64, "licence": "MIT", "paper": "",
        "halo_px": 16, "tile_px": 96, "tiling": "blend",
    }  # fmt: skip
    return ModelFacts(**plain | changes)


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("rows, cols", [(200, 230), (64, 64), (65, 300), (129, 70), (1, 200)])
def test_blended_tiles_add_up_to_one(rows: int, cols: int, scale: int) -> None:
    """Without a statistic the blend of equal tiles is the picture itself."""
    pixels = photograph(rows, cols)
    mender = BlendedMender(facts(scale=scale), Pooled(scale, 0.0), single(0, scale))
    result = mender.mend(pixels)
    assert np.abs(result - pixels.repeat(scale, 0).repeat(scale, 1)).max() < 1e-5


def test_blended_tiles_have_no_seam() -> None:
    rows = np.linspace(0, 1, 200, dtype=np.float32)
    pixels = np.repeat(np.repeat(rows[:, None, None], 220, 1), 3, 2)
    step = np.abs(np.diff(pixels, axis=0)).max()
    hard = TiledMender(facts(tiling="yes"), Pooled(), single(0)).mend(pixels)
    soft = BlendedMender(facts(), Pooled(), single(0)).mend(pixels)
    assert np.abs(np.diff(hard, axis=0)).max() > 4 * step
    assert np.abs(np.diff(soft, axis=0)).max() < 1.6 * step


def test_blended_bands_tile_the_output_and_work_is_counted() -> None:
    class Counting(PlainBench):
        total = done = 0

        def map(self, work, tasks, *, says, total, bytes_each=0):  # type: ignore[no-untyped-def]
            self.total = total
            for task in tasks:
                self.done += 1
                yield work(task)

    bench, seen = Counting(), np.zeros((400, 460), int)
    mender = BlendedMender(facts(scale=2), Pooled(2), single(0, 2))
    for window, band in mender.mend_tiles(Picture.of(photograph(200, 230)), bench):
        assert band.shape == (window.rows, window.cols, 3)
        seen[window.slices] += 1
    assert (seen == 1).all()
    assert bench.done == bench.total


def test_a_network_that_explodes_is_stopped() -> None:
    class Exploding(Pooled):
        def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
            return [maps[0] * 36 - 30]

    with pytest.raises(PromiseBroken, match=r"gave values up to .* in the tile at row 0"):
        TiledMender(facts(tiling="yes"), Exploding(), single(0)).mend(photograph(20, 20))


@pytest.mark.parametrize("deep", [False, True], ids=["folds as it lies", "five dimensions"])
def test_networks_that_know_one_layout_alone_are_given_that(deep: bool) -> None:
    torch = torch_door.open_torch(to="test")

    class Folding(torch.nn.Module):  # type: ignore[misc, name-defined]  # torch is typed as Any
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Conv2d(3, 8, 3, padding=1)
            self.weight = torch.nn.Parameter(torch.ones((1,) * (5 if deep else 4)))

        def forward(self, x: Any) -> Any:
            maps = self.first(x)
            return maps.view(1, 4, 2 * x.shape[2], x.shape[3]).mean(1, keepdim=True)

    def call(model: Any, image: Any) -> Any:
        return model(image)

    kind = SimpleNamespace(id="Folding", name="Folding")
    found = SimpleNamespace(
        architecture=kind, model=Folding(), supports_half=False, scale=1, _call_fn=call
    )
    net = TorchNet(found)
    for _ in range(2):
        (made,) = net.run(single(0)[0], [np.ones((3, 8, 8), np.float32)])
        assert made.shape == (1, 16, 8)
