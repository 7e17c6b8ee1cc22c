"""The networks themselves: read, cut into stages, run by both runtimes."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from unfade.engines import opening
from unfade.engines.bench import Bench
from unfade.engines.contract import PlainBench
from unfade.engines.opening import open_engine
from unfade.engines.own import INPUT, OUTPUT, MapFinder
from unfade.engines.stages import Stage, layers_of, plan, plan_by_grid, single
from unfade.engines.tiled import TiledMender
from unfade.errors import ModelMissing, ModelRejected, UsageError
from unfade.findings import Findings
from unfade.picture import Picture
from unfade.steps import upscale
from unfade.zoo import store
from unfade.zoo.ncnn_weights import read_graph, state_dict

COMPACT = [f"realesr-animevideov3-x{scale}" for scale in (2, 3, 4)]
BLOCKS = "realesrgan-x4plus-anime"
UNETS = [f"unfade-{n}" for n in ("restore", "damage", "cracks", "creases", "losses", "stains")]


def own_stage() -> tuple[Stage, ...]:
    return (Stage((INPUT,), (OUTPUT,), 0),)


def photograph(rows: int, cols: int) -> np.ndarray:
    return (data.astronaut()[60 : 60 + rows, 160 : 160 + cols] / 255).astype(np.float32)


@pytest.mark.parametrize("name", [*COMPACT, BLOCKS, "realesrgan-x4plus"])
def test_runtimes_agree(name: str) -> None:
    pixels = photograph(19, 22)
    engines = [open_engine(name, runtime=runtime) for runtime in opening.RUNTIMES]
    results = [engine.mend(pixels) for engine in engines]
    for engine in engines:
        engine.close()
    for other in results[1:]:
        assert np.abs(results[0] - other).max() < 1e-4
    assert results[0].std() > 0.1


@pytest.mark.parametrize("runtime", opening.RUNTIMES)
def test_stages_in_pieces_equal_the_network_in_one_go(runtime: str) -> None:
    pixels = photograph(45, 38)
    engine = open_engine(BLOCKS, runtime=runtime)
    assert len(engine.stages) == 20  # 18 dense blocks, the end of the trunk, the tail
    whole = engine._runtime.run(single(100, 4)[0], [np.moveaxis(pixels, 2, 0)])[0]
    facts = dataclasses.replace(engine.facts, piece_px=24)
    pieces = TiledMender(facts, engine._runtime, engine.stages).mend(pixels)
    engine.close()
    assert np.abs(np.moveaxis(pieces, 2, 0) - whole).max() < 1e-5


@pytest.mark.parametrize("name", UNETS)
def test_a_u_net_in_pieces_equals_the_network_in_one_go(name: str) -> None:
    pixels = photograph(61, 83)
    engine = open_engine(name)
    facts = dataclasses.replace(engine.facts, piece_px=16)
    maps = MapFinder if isinstance(engine, MapFinder) else TiledMender
    at_once = maps(dataclasses.replace(facts, piece_px=0), engine._runtime, own_stage())
    picture = Picture.of(pixels)
    ((_, whole),) = at_once.mend_tiles(picture, PlainBench())
    ((_, pieces),) = maps(facts, engine._runtime, engine.stages).mend_tiles(picture, PlainBench())
    engine.close()
    assert len(engine.stages) == 5  # down to a half, a quarter, an eighth, and up again
    assert whole.std() > 0.1
    assert np.abs(pieces - whole).max() < 1e-5 * np.abs(whole).max()


def test_pieces_are_for_ncnn_on_the_processor() -> None:
    pixels = photograph(45, 61)
    ncnn, onnx = (open_engine("unfade-restore", runtime=name) for name in ("ncnn", "onnx"))
    assert (len(ncnn.stages), len(onnx.stages)) == (5, 1)
    assert ncnn.facts.piece_px > 0 and onnx.facts.piece_px == 0
    assert np.abs(ncnn.mend(pixels) - onnx.mend(pixels)).max() < 1e-4
    for engine in (ncnn, onnx):
        engine.close()


def test_a_u_net_is_cut_where_its_grid_changes() -> None:
    graph = read_graph(store.files("unfade-restore")["param"])
    stages = plan_by_grid(graph)
    assert [s.scale for s in stages] == [Fraction(1, n) for n in (2, 4, 8, 4)] + [1]
    # four convolutions at every grid, one more where it is left upwards, and the last
    assert [s.reach_px for s in stages] == [4 * 2, 4 * 4, 5 * 8, 5 * 4, 5 * 2]
    ours = [layer.name for stage in stages for layer in layers_of(graph, stage)]
    assert ours == [x.name for x in graph.layers if x.kind not in ("Input", "Split")]


@pytest.mark.parametrize("runtime", ["ncnn", "torch"])
@pytest.mark.parametrize("name", [COMPACT[2], BLOCKS])
def test_bits_do_not_depend_on_threads(name: str, runtime: str) -> None:
    pixels = photograph(37, 50)
    results = []
    for threads in (1, 2, 3):
        engine = open_engine(name, threads=threads, runtime=runtime)
        results.append(engine.mend(pixels))
        engine.close()
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_reach_is_computed_from_the_layers() -> None:
    compact = plan(read_graph(store.files(COMPACT[2])["param"]))
    assert [(s.reach_px, s.scale) for s in compact] == [(18, 4)]  # 18 convolutions of 3 x 3
    large = plan(read_graph(store.files("realesrgan-x4plus")["param"]))
    assert len(large) == 71
    assert [s.scale for s in large] == [1] * 70 + [4]
    # conv_first and five of a dense block; five in each other; one; two and a half when enlarged
    assert [s.reach_px for s in large] == [6] + [5] * 68 + [1, 2]


def test_stages_hold_every_layer_once() -> None:
    graph = read_graph(store.files(BLOCKS)["param"])
    ours = [layer.name for stage in plan(graph) for layer in layers_of(graph, stage)]
    assert ours == [x.name for x in graph.layers if x.kind not in ("Input", "Split")]


def test_weights_bear_their_authors_names() -> None:
    paths = store.files(BLOCKS)
    weights = state_dict(read_graph(paths["param"], paths["bin"]))
    assert len(weights) == 2 * (6 * 15 + 6)
    assert weights["body.5.rdb3.conv5.weight"].shape == (64, 192, 3, 3)
    assert weights["conv_last.bias"].shape == (3,)
    assert sum(w.size for w in weights.values()) == 4_467_779  # as published for six blocks


def test_compact_computed_by_hand_from_its_weights_agrees() -> None:
    """SRVGGNetCompact in plain NumPy, from the state dict: an independent implementation."""
    paths = store.files(COMPACT[2])
    weights = state_dict(read_graph(paths["param"], paths["bin"]))
    pixels = np.moveaxis(photograph(6, 7), 2, 0)
    maps = pixels
    for i in range(0, 35, 2):
        padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
        near = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        maps = np.einsum("cyxij,ocij->oyx", near, weights[f"body.{i}.weight"], optimize=True)
        maps += weights[f"body.{i}.bias"][:, None, None]
        if i < 34:
            slope = weights[f"body.{i + 1}.weight"][:, None, None]
            maps = np.where(maps > 0, maps, slope * maps)
    shuffled = maps.reshape(3, 4, 4, 6, 7).transpose(0, 3, 1, 4, 2).reshape(3, 24, 28)
    expected = shuffled + pixels.repeat(4, axis=1).repeat(4, axis=2)
    engine = open_engine(COMPACT[2])
    result = np.moveaxis(engine.mend(np.moveaxis(pixels, 0, 2)), 2, 0)
    assert np.abs(result - expected).max() < 1e-4


# -- what cannot be opened -----------------------------------------------------------------------


def test_a_device_that_is_not_here_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"vulkan:7.*is not here"):
        open_engine(COMPACT[2], device="vulkan:7")
    with pytest.raises(UsageError, match="not one that ncnn knows"):
        open_engine(COMPACT[2], device="tpu")
    with pytest.raises(UsageError, match="not one that ONNX Runtime"):
        open_engine(COMPACT[2], runtime="onnx", device="vulkan:0")


def test_unknown_names_are_answered_with_the_nearest() -> None:
    with pytest.raises(ModelMissing, match="Did you mean `realesrgan-x4plus`"):
        open_engine("realesrgan-x4pls")
    with pytest.raises(UsageError, match="Did you mean `onnx`"):
        open_engine(COMPACT[2], runtime="onx")


def test_weights_that_are_not_here_are_named_with_the_way_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"not on this machine.*models fetch bsrgan-x4"):
        open_engine("bsrgan-x4", cache=str(tmp_path))


def test_auto_takes_the_second_only_when_the_first_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert open_engine(COMPACT[2]).runtime == "ncnn on cpu"
    monkeypatch.setattr(opening, "have", lambda module: module != "ncnn")
    assert open_engine(COMPACT[2]).runtime == "onnx on cpu"


# -- files that are not networks -----------------------------------------------------------------

GOOD = "7767517\n2 2\nInput data 0 1 data\nConvolution c 1 1 data output 0=1 1=1 4=0 5=1 6=3\n"


def written(folder: Path, param: str, numbers: bytes) -> tuple[Path, Path]:
    (folder / "n.param").write_text(param)
    (folder / "n.bin").write_bytes(numbers)
    return folder / "n.param", folder / "n.bin"


def test_float32_weights_are_read(tmp_path: Path) -> None:
    numbers = bytes(4) + np.array([1, 2, 3, 0.5], "<f4").tobytes()
    layer = read_graph(*written(tmp_path, GOOD, numbers)).layers[1]
    assert layer.weights["weight"].ravel().tolist() == [1, 2, 3]
    assert layer.weights["bias"].tolist() == [0.5]


def test_float16_weights_are_read_with_their_padding(tmp_path: Path) -> None:
    tag = (0x01306B47).to_bytes(4, "little")
    numbers = tag + np.array([1, 2, 3, 99], "<f2").tobytes() + np.array([0.5], "<f4").tobytes()
    layer = read_graph(*written(tmp_path, GOOD, numbers)).layers[1]
    assert layer.weights["weight"].ravel().tolist() == [1, 2, 3]
    assert layer.weights["bias"].tolist() == [0.5]


@pytest.mark.parametrize(
    "param, numbers, says",
    [
        (GOOD, bytes(8), "ends at byte 8"),
        (GOOD, bytes(24), "has 24 bytes, its layers use 20"),
        (GOOD, (0x000D4B38).to_bytes(4, "little") + bytes(16), "0x000D4B38"),
        (GOOD.replace("Convolution", "Deconvolution"), bytes(20), "`Deconvolution`"),
        (GOOD.replace("7767517", "7767518"), bytes(20), "begins with `7767518`"),
        (GOOD.replace("2 2", "3 2"), bytes(20), "has 2 layers"),
        (GOOD.replace("c 1 1", "c one 1"), bytes(20), "line 4"),
        (GOOD.replace("1=1", "1=1 3=2"), bytes(20), "strided"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, param: str, numbers: bytes, says: str) -> None:
    with pytest.raises(ModelRejected, match=says):
        read_graph(*written(tmp_path, param, numbers))


# -- as the step `upscale` uses them -------------------------------------------------------------


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("method", ["real-esrgan-fast", "real-esrgan"])
def test_enlarging_with_a_network_gives_the_input_back_when_scaled_down(
    method: str, scale: int
) -> None:
    side = 40 if method == "real-esrgan-fast" else 16
    codes = data.astronaut()[100 : 100 + side, 200 : 200 + side]
    picture = Picture(np.ascontiguousarray(codes))
    result = np.zeros((side * scale, side * scale, 3), np.uint8)
    with Bench(threads=1) as bench:
        settings = upscale.Settings(scale=scale, method=method)
        for window, pixels in upscale.enlarge(picture, settings, Findings(), bench):
            result[window.slices] = np.rint(pixels * 255).clip(0, 255).astype(np.uint8)
    means = result.reshape(side, scale, side, scale, 3).mean((1, 3))
    assert np.abs(means - codes).max() <= 1
