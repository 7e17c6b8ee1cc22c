"""Published architectures, saved and opened through the true path, measured by the contract."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_nets import SMALL, built, entry, saved
from skimage import data

from unfade.engines.checkpoint import describe, read_tensors
from unfade.engines.opening import open_checkpoint
from unfade.engines.torch_door import open_torch
from unfade.errors import ModelRejected, UnsupportedInput


def photograph(rows: int, cols: int) -> np.ndarray:
    return (data.astronaut()[60 : 60 + rows, 160 : 160 + cols] / 255).astype(np.float32)


@pytest.fixture(scope="module", params=sorted(SMALL))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Name, the authors' network, and the same one opened from its file."""
    arguments, facts = SMALL[request.param]
    net = built(request.param, arguments)
    path = saved(net, tmp_path_factory.mktemp("nets") / "net.safetensors")
    return request.param, net, open_checkpoint(entry(request.param, path, **facts), path)


@pytest.mark.parametrize("rows, cols", [(1, 1), (3, 40), (65, 50)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_is_taken_and_scaled(made: Any, rows: int, cols: int, channels: int) -> None:
    _, _, engine = made
    pixels = photograph(rows, cols)[:, :, :channels]
    before, scale = pixels.copy(), engine.facts.scale
    result = engine.mend(pixels)
    assert result.shape == (rows * scale, cols * scale, channels)
    assert result.dtype == np.float32 and np.isfinite(result).all()
    assert np.array_equal(pixels, before)
    assert np.array_equal(engine.mend(pixels), result), "two runs differ"


def test_it_is_the_authors_network(made: Any) -> None:
    """On a picture that needs no padding, the bare call of the authors' code gives the same."""
    name, net, engine = made
    torch = open_torch(to="test")
    pixels = photograph(64, 128)
    batch = torch.from_numpy(np.moveaxis(pixels, 2, 0)[None].copy())
    with torch.inference_mode():
        if name == "DRUNet":
            batch = torch.cat([batch, torch.full_like(batch[:, :1], 15 / 255)], 1)
        theirs = net(batch)
        theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    ours = np.moveaxis(engine.mend(pixels), 2, 0)
    assert np.abs(ours - theirs[0].numpy()).max() < 1e-5


def test_tiles_agree_with_the_whole(made: Any) -> None:
    _, _, engine = made
    facts = engine.facts
    pixels = photograph(200, 140)
    unit = facts.multiple_of
    core = -(-64 // unit) * unit
    small = dataclasses.replace(facts, tile_px=core + 2 * facts.halo_px)
    tiled = type(engine)(small, engine._runtime, engine.stages).mend(pixels)
    difference = np.abs(tiled - engine.mend(pixels))
    if facts.tiling == "yes":
        assert difference.max() < 1 / 255 / 10
    else:  # blended: near, and without a line where tiles meet
        assert difference.mean() < 0.02
        scale = facts.scale
        jump = np.abs(np.diff(tiled, axis=0) - np.diff(engine.mend(pixels), axis=0)).max((1, 2))
        seams = [core * scale * k - 1 for k in range(1, 200 // core)]
        assert jump[seams].max() <= 2 * np.quantile(jump, 0.95) + 1e-4


def test_a_pickle_gives_the_same_network_and_says_so(made: Any, tmp_path: Path) -> None:
    name, net, engine = made
    path = saved(net, tmp_path / "net.pth", lambda tensors: {"params_ema": tensors})
    other = open_checkpoint(entry(name, path, **SMALL[name][1]), path)
    assert np.array_equal(other.mend(photograph(40, 40)), engine.mend(photograph(40, 40)))
    assert engine.notes == []
    assert other.notes == ["`net.pth` is a pickle; a restricted reader took its tensors alone."]


@pytest.mark.parametrize(
    "name, dial, low, high", [("DRUNet", "sigma", 0.01, 0.2), ("FBCNN", "quality", 10, 90)]
)
def test_dials_are_heard(name: str, dial: str, low: float, high: float, tmp_path: Path) -> None:
    arguments, facts = SMALL[name]
    path = saved(built(name, arguments), tmp_path / "net.safetensors")
    engine = open_checkpoint(entry(name, path, **facts), path)
    pixels = photograph(48, 48)
    one, other = (engine.tuned(**{dial: value}).mend(pixels) for value in (low, high))
    assert np.abs(one - other).max() > 1e-4
    assert np.array_equal(engine.tuned(**{dial: low}).mend(pixels), one)
    with pytest.raises(ValueError, match="has no dial `loudness`"):
        engine.tuned(loudness=3)


def test_a_file_that_is_another_network_is_refused(tmp_path: Path) -> None:
    path = saved(built("NAFNet", SMALL["NAFNet"][0]), tmp_path / "net.safetensors")
    with pytest.raises(ModelRejected, match=r"is NAFNet, 1 times.*was to be SCUNet"):
        open_checkpoint(entry("SCUNet", path, **SMALL["SCUNet"][1]), path)


# -- files that are no checkpoints --------------------------------------------------------------


class Hostile:
    """A pickle that writes a file when it is read."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> Any:
        return (Path.write_text, (self.canary, "ran"))


def test_a_pickle_is_not_read_unasked(tmp_path: Path) -> None:
    path = saved(built("Compact", SMALL["Compact"][0]), tmp_path / "net.pth")
    with pytest.raises(ModelRejected, match=r"is a pickle.*`--pickle`"):
        read_tensors(path)
    assert read_tensors(path, pickled=True)


@pytest.mark.parametrize("suffix", [".pth", ".ckpt", ".pt"])
def test_a_hostile_pickle_is_refused_and_runs_nothing(tmp_path: Path, suffix: str) -> None:
    torch, canary = open_torch(to="test"), tmp_path / "canary"
    path = tmp_path / f"net{suffix}"
    torch.save({"params": {"weight": Hostile(canary)}}, path)
    with pytest.raises(ModelRejected, match="no checkpoint that can be read"):
        read_tensors(path, pickled=True)
    assert not canary.exists()


@pytest.mark.parametrize(
    "content, says",
    [
        (b"", "no safetensors file"),
        (b"\xff" * 7 + b"\x7f" + b"x" * 100, "header claims"),
        (b"\x05\x00\x00\x00\x00\x00\x00\x00notjs", "not JSON"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{}", "no tensors"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00[]", "no safetensors file"),
    ],
)
def test_damaged_safetensors_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelRejected, match=says):
        read_tensors(path)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = saved(built("Compact", SMALL["Compact"][0]), tmp_path / "net.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelRejected, match="no checkpoint that can be read"):
        read_tensors(path)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    net = built("Compact", SMALL["Compact"][0])
    next(iter(net.parameters())).data[0] = float("nan")
    path = saved(net, tmp_path / "net.safetensors")
    with pytest.raises(ModelRejected, match="values that are no numbers, in"):
        read_tensors(path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(b"x")
    with pytest.raises(UnsupportedInput, match=r"ends in `\.h5`"):
        read_tensors(path)


def test_tensors_of_no_known_architecture_are_refused() -> None:
    torch = open_torch(to="test")
    with pytest.raises(ModelRejected, match=r"no architecture that is known.*noncommercial"):
        describe({"layer.weight": torch.zeros(3)}, noncommercial=False)
    tensors = built("Compact", SMALL["Compact"][0]).state_dict()
    tensors["body.0.weight"] = torch.zeros(5, 7, 3, 3)
    with pytest.raises(ModelRejected, match="does not fit the architecture"):
        describe(tensors, noncommercial=False)
