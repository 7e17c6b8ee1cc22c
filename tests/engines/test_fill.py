"""Networks that fill holes: the contract around them, and true architectures inside."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_nets import built, entry, saved
from skimage import data

from unfade.engines.contract import ModelFacts
from unfade.engines.filling import WindowFiller
from unfade.engines.onnx_file import MatteFinder, MiganRuntime
from unfade.engines.opening import open_checkpoint
from unfade.engines.torch_door import open_torch
from unfade.errors import ModelRejected, PromiseBroken, UsageError


def photograph(rows: int, cols: int, channels: int = 3) -> np.ndarray:
    pixels = (data.astronaut()[60 : 60 + rows, 160 : 160 + cols] / 255).astype(np.float32)
    return pixels[:, :, :channels].copy()


def hole(rows: int, cols: int) -> np.ndarray:
    mask = np.zeros((rows, cols), bool)
    mask[rows // 3 : rows // 2 + 1, cols // 4 : cols // 2 + 1] = True
    return mask


class Blue:
    """Fills with one colour, and spoils everything else, which must not come through."""

    name, device = "fake", "cpu"

    def __init__(self) -> None:
        self.seen: list[tuple[np.ndarray, np.ndarray]] = []
        self.told: dict[str, Any] = {}

    def fill(self, image_chw: np.ndarray, mask_chw: np.ndarray) -> np.ndarray:
        self.seen.append((image_chw, mask_chw))
        made = np.zeros_like(image_chw)
        made[2] = 0.75
        return made

    def tuned(self, **dials: Any) -> Blue:
        self.told = dials
        return self

    def close(self) -> None:
        pass


def filler(**facts: Any) -> tuple[WindowFiller, Blue]:
    runtime = Blue()
    plain: dict[str, Any] = {
        "name": "blue", "shape": "fill", "sha256": "0" * 64, "licence": "MIT", "paper": "",
        "multiple_of": 8, "minimum_px": 16, "tile_px": 128, "dials": ("seed",),
    }  # fmt: skip
    return WindowFiller(ModelFacts(**plain | facts), runtime), runtime


@pytest.mark.parametrize("rows, cols", [(5, 9), (64, 50), (128, 128), (150, 301), (31, 340)])
@pytest.mark.parametrize("channels", [1, 3])
def test_outside_the_mask_the_bits_stay(rows: int, cols: int, channels: int) -> None:
    engine, runtime = filler()
    pixels, mask = photograph(rows, cols, channels), hole(rows, cols)
    before = pixels.copy()
    result = engine.fill(pixels, mask)
    assert result.dtype == np.float32 and result.shape == pixels.shape
    assert np.array_equal(result[~mask], before[~mask])
    assert np.array_equal(pixels, before)
    expected = [0.25] if channels == 1 else [0, 0, 0.75]
    assert np.abs(result[mask] - expected).max() < 1e-4
    image, seen = runtime.seen[0]
    assert image.shape[0] == 3 and seen.shape == (1, *image.shape[1:])
    assert image.shape[1] % 8 == image.shape[2] % 8 == 0 and max(image.shape[1:]) <= 128


def test_damage_does_not_shine_through() -> None:
    engine, runtime = filler()
    pixels, mask = photograph(64, 64), hole(64, 64)
    engine.fill(pixels, mask)
    spoiled = pixels.copy()
    spoiled[mask] = 1.0
    engine.fill(spoiled, mask)
    assert np.array_equal(runtime.seen[0][0], runtime.seen[1][0])


def test_squares_alone_are_given_where_nothing_else_is_taken() -> None:
    engine, runtime = filler(tiling="whole", multiple_of=64, minimum_px=64)
    engine.fill(photograph(40, 100), hole(40, 100))
    assert runtime.seen[0][0].shape == (3, 128, 128)


def test_an_empty_mask_asks_nobody() -> None:
    engine, runtime = filler()
    pixels = photograph(20, 20)
    assert np.array_equal(engine.fill(pixels, np.zeros((20, 20), bool)), pixels)
    assert runtime.seen == []
    with pytest.raises(ValueError, match="nothing is left to fill from"):
        engine.fill(pixels, np.ones((20, 20), bool))


def test_values_that_are_no_numbers_are_an_error() -> None:
    engine, runtime = filler()
    runtime.fill = lambda image, mask: image * np.nan  # type: ignore[method-assign]
    with pytest.raises(PromiseBroken, match="values that are no numbers for a hole"):
        engine.fill(photograph(40, 40), hole(40, 40))


def test_dials_are_passed_on_and_unknown_ones_refused() -> None:
    engine, runtime = filler()
    engine.tuned(seed=4)
    assert runtime.told == {"seed": 4}
    with pytest.raises(ValueError, match="no dial `prompt`"):
        engine.tuned(prompt="a cat")


# -- ONNX files ---------------------------------------------------------------------------------


def onnx_file(path: Path, nodes: Any, inputs: Any, outputs: Any, constants: Any = ()) -> Path:
    import onnx

    make = onnx.helper
    graph = make.make_graph(
        [make.make_node(op, i, o, **a) for op, i, o, a in nodes],
        "made",
        [make.make_tensor_value_info(*i) for i in inputs],
        [make.make_tensor_value_info(*o) for o in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def migan_like(path: Path) -> Path:
    """The interface of MI-GAN's pipeline: 8 bits, mask 0 = fill; inverts the picture there."""
    uint8, shape = 2, [1, None, None, None]
    return onnx_file(
        path,
        [
            ("Cast", ["image"], ["i"], {"to": 1}),
            ("Cast", ["mask"], ["m"], {"to": 1}),
            ("Div", ["m", "full"], ["keep"], {}),
            ("Sub", ["full", "i"], ["inverse"], {}),
            ("Sub", ["one", "keep"], ["gone"], {}),
            ("Mul", ["i", "keep"], ["a"], {}),
            ("Mul", ["inverse", "gone"], ["b"], {}),
            ("Add", ["a", "b"], ["sum"], {}),
            ("Cast", ["sum"], ["result"], {"to": uint8}),
        ],
        [("image", uint8, shape), ("mask", uint8, shape)],
        [("result", uint8, shape)],
        [("full", np.float32(255)), ("one", np.float32(1))],
    )


def test_migan_is_called_with_its_own_mask(tmp_path: Path) -> None:
    runtime = MiganRuntime(migan_like(tmp_path / "migan.onnx"))
    facts = ModelFacts(
        name="mi-gan", shape="fill", sha256="", licence="MIT", paper="", minimum_px=64, tile_px=512
    )
    engine = WindowFiller(facts, runtime)
    pixels, mask = photograph(70, 90), hole(70, 90)
    result = engine.fill(pixels, mask)
    assert np.array_equal(result[~mask], pixels[~mask])
    assert np.abs(result[mask] - (1 - 0.5)).max() < 2 / 255  # what lies under the mask is grey


def test_a_file_with_other_inputs_is_refused(tmp_path: Path) -> None:
    path = onnx_file(
        tmp_path / "x.onnx", [("Relu", ["x"], ["y"], {})], [("x", 1, [1])], [("y", 1, [1])]
    )
    with pytest.raises(ModelRejected, match="takes x; `image` and `mask` are expected"):
        MiganRuntime(path)
    path.write_bytes(b"no network")
    with pytest.raises(ModelRejected, match="ONNX Runtime cannot read"):
        MiganRuntime(path)
    with pytest.raises(UsageError, match="device `cuda`"):
        MiganRuntime(path, device="cuda")


def test_a_matte_comes_back_at_the_pictures_size(tmp_path: Path) -> None:
    path = onnx_file(
        tmp_path / "u2net.onnx",
        [("ReduceMean", ["input"], ["matte"], {"axes": [1], "keepdims": 1})],
        [("input", 1, [1, 3, 320, 320])],
        [("matte", 1, [1, 1, 320, 320])],
    )
    facts = ModelFacts(name="u2net", shape="find", sha256="", licence="Apache-2.0", paper="")
    pixels = np.zeros((100, 150, 1), np.float32)
    pixels[30:60, 40:100] = 0.8
    matte = MatteFinder(facts, path).find(pixels)
    assert matte.shape == (100, 150) and matte.dtype == np.float32
    assert matte[45, 70] > 0.95 and matte[5, 5] < 0.05


# -- true architectures, full size --------------------------------------------------------------


def test_lama_saved_as_torchscript_and_as_tensors_gives_the_same(tmp_path: Path) -> None:
    torch = open_torch(to="test")
    net = built("LaMa", {"in_nc": 4, "out_nc": 3})
    facts = {"shape": "fill", "multiple_of": 8, "minimum_px": 16}

    class Program(torch.nn.Module):  # type: ignore[misc,name-defined]
        """As the published file has it: the tensors lie under ``generator.model``."""

        def __init__(self) -> None:
            super().__init__()
            self.generator = torch.nn.Module()
            self.generator.model = net.model.model

        def forward(self, x: Any) -> Any:
            return x

    path = tmp_path / "big-lama.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # such files are about all the same
        torch.jit.save(torch.jit.trace(Program().eval(), torch.zeros(1)), path)
    pixels, mask = photograph(60, 70), hole(60, 70)
    results = []
    for file in (path, saved(net, tmp_path / "lama.safetensors")):
        engine = open_checkpoint(entry("LaMa", file, **facts), file)
        results.append(engine.fill(pixels, mask))
        assert np.array_equal(results[-1][~mask], pixels[~mask])
    assert np.array_equal(results[0], results[1])
    assert np.abs(results[0] - pixels)[mask].max() > 0.01


@pytest.mark.slow
def test_mat_draws_the_same_twice_and_another_for_another_seed(tmp_path: Path) -> None:
    net = built("MAT", {}, extra=True)
    path = saved(net, tmp_path / "mat.safetensors")
    facts = {
        "shape": "fill", "multiple_of": 512, "minimum_px": 512, "tiling": "whole",
        "dials": ("seed",),
    }  # fmt: skip
    with pytest.raises(ModelRejected, match="--licence noncommercial"):
        open_checkpoint(entry("MAT", path, **facts), path)
    engine = open_checkpoint(entry("MAT", path, **facts), path, noncommercial=True)
    pixels, mask = photograph(200, 180), hole(200, 180)
    one, same, other = (engine.tuned(seed=s).fill(pixels, mask) for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert np.abs(one - other)[mask].max() > 1e-4
    assert np.array_equal(one[~mask], pixels[~mask])


@pytest.mark.parametrize(
    "name",
    [
        "GFPGAN",
        pytest.param("RestoreFormer", marks=pytest.mark.slow),
        pytest.param("CodeFormer", marks=pytest.mark.slow),
    ],
)
def test_face_networks_draw_the_same_twice(name: str, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {}
    if name == "RestoreFormer":
        arguments = {"n_embed": 64, "embed_dim": 256, "ch": 32, "ch_mult": (1, 2, 2, 4, 4, 8)}
    net = built(name, arguments, extra=name == "CodeFormer")
    path = saved(net, tmp_path / "face.safetensors")
    facts = {"multiple_of": 512, "minimum_px": 512, "tiling": "whole", "halo_px": 0}
    engine = open_checkpoint(entry(name, path, **facts), path, noncommercial=name == "CodeFormer")
    pixels = np.tile(photograph(128, 128), (4, 4, 1))
    one, same = engine.mend(pixels), engine.mend(pixels)
    assert one.shape == (512, 512, 3)
    assert np.array_equal(one, same), "chance is not taken out"
