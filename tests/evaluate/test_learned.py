"""Learned distances: run in our own code, compared with their authors' networks."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from independent import batch, libraries
from measured_pictures import blurred, noisy, photograph

from unfade.errors import MissingPackage, ModelMissing, ModelRejected
from unfade.evaluate import dists, identity, lpips, stlpips, weights
from unfade.picture import Window


@pytest.mark.parametrize("trunk", stlpips.TRUNKS)
def test_stlpips_agrees_with_its_own_package(trunk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch, _, _ = libraries()
    # the package imports two modules that it does not use and does not declare
    for name, member in (("IPython", "embed"), ("torchsummary", "summary")):
        stand_in = types.ModuleType(name)
        setattr(stand_in, member, None)
        monkeypatch.setitem(sys.modules, name, stand_in)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = importlib.import_module("stlpips_pytorch.stlpips").LPIPS(
            net=trunk, variant="shift_tolerant", verbose=False
        )
    a, b = photograph(96), noisy(photograph(96))
    with torch.no_grad():
        wanted = float(theirs(batch(a).float(), batch(b).float(), normalize=True))
    assert stlpips.perceptual_distance(a, b, trunk=trunk) == pytest.approx(wanted, abs=1e-4)


def test_stlpips_forgives_a_pixel_and_not_a_blur() -> None:
    whole = photograph(128)
    a, moved = whole[:, :-1], whole[:, 1:]
    assert stlpips.perceptual_distance(a, a) == 0
    assert stlpips.perceptual_distance(a, moved) < stlpips.perceptual_distance(a, blurred(a)) / 3


def test_stlpips_takes_grey_as_equal_channels() -> None:
    grey = photograph(64, channels=1)
    pair = grey, blurred(grey)
    wanted = stlpips.perceptual_distance(*(np.repeat(p, 3, axis=2) for p in pair))
    assert stlpips.perceptual_distance(*pair) == pytest.approx(wanted, rel=1e-6)
    assert wanted > 0


def test_without_weights_or_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    stlpips._state.cache_clear()
    monkeypatch.setattr(weights, "find_file", lambda *_: None)
    with pytest.raises(ModelMissing, match=r"alex_shift_tolerant\.pth.*unfade\[study\]"):
        stlpips.perceptual_distance(photograph(64), photograph(64))
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackage, match=r"`torch`.*unfade\[study\]"):
        stlpips.perceptual_distance(photograph(64), photograph(64))


def test_lpips_agrees_with_torchmetrics_on_the_same_trunk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The trunk is drawn by chance (no package brings the real one); the heads are real."""
    torch, _, _ = libraries()
    from torchmetrics.functional.image.lpips import _LPIPS

    torch.manual_seed(0)
    theirs = _LPIPS(net="alex", pnet_rand=True)
    heads = {k: v for k, v in theirs.state_dict().items() if k.startswith("lin")}
    trunk = {}
    for name, value in theirs.net.state_dict().items():  # slice1.0.weight: 0 is the file's number
        _, number, kind = name.split(".")
        trunk[f"features.{number}.{kind}"] = value
    monkeypatch.setattr(lpips, "_states", lambda: (trunk, heads))
    a, b = photograph(96), blurred(photograph(96))
    with torch.no_grad():
        wanted = float(theirs(batch(a).float(), batch(b).float(), normalize=True))
    assert wanted > 0
    assert lpips.lpips_distance(a, b) == pytest.approx(wanted, rel=1e-4)


def test_dists_agrees_with_piq_on_the_same_trunk(monkeypatch: pytest.MonkeyPatch) -> None:
    torch, _, _ = libraries()
    perceptual = importlib.import_module("piq.perceptual")
    torch.manual_seed(0)
    drawn = {"alpha": torch.rand(1, 1475, 1, 1), "beta": torch.rand(1, 1475, 1, 1)}
    total = drawn["alpha"].sum() + drawn["beta"].sum()
    scaled = {name: value / total for name, value in drawn.items()}
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: scaled)
    plain = perceptual.vgg16
    monkeypatch.setattr(perceptual, "vgg16", lambda **_: plain(weights=None), raising=True)
    theirs = perceptual.DISTS()
    trunk = {f"features.{k}": v for k, v in theirs.model.state_dict().items()}
    monkeypatch.setattr(dists, "_states", lambda: (trunk, drawn))
    for side in (96, 300):  # 300 is scaled down first
        a, b = photograph(side), noisy(photograph(side))
        with torch.no_grad():
            wanted = float(theirs(batch(a).float(), batch(b).float()))
        assert dists.dists_distance(a, b) == pytest.approx(wanted, abs=1e-4)
    assert dists.dists_distance(a, a) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("distance", "name"),
    [(lpips.lpips_distance, "alexnet-owt-7be5be79"), (dists.dists_distance, "vgg16-397923af")],
)
def test_missing_trunks_name_file_and_folder(
    distance: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNFADE_CACHE", str(tmp_path))
    with pytest.raises(ModelMissing, match=rf"{name}\.pth.*lay it into `{tmp_path}`"):
        distance(photograph(64), photograph(64))  # type: ignore[operator]


def test_another_file_of_the_same_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNFADE_CACHE", str(tmp_path))
    (tmp_path / "alexnet-owt-7be5be79.pth").write_bytes(b"not the trunk")
    with pytest.raises(ModelRejected, match="expected 7be5be79"):
        weights.locate(weights.ALEXNET)


def test_identity_drift_with_a_small_network_of_the_same_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is drawn by chance; cutting, scaling, the angle and the order are ours."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.1, (16, 3, 8, 8)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["data", "kernel"], ["c"], strides=[8, 8]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["fc1"]),
    ]
    graph = helper.make_graph(
        nodes, "small",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, 16 * 14 * 14])],
        [numpy_helper.from_array(kernel, "kernel")],
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = tmp_path / "small.onnx"
    onnx.save(made, path)
    monkeypatch.setattr(identity, "locate", lambda _: path)
    a = photograph()
    faces = [Window(40, 60, 140, 160), Window(0, 0, 60, 60)]
    assert identity.identity_drift(a, a, faces) == pytest.approx([0, 0], abs=0.01)
    mirrored = a.copy()
    mirrored[40:140, 60:160] = mirrored[40:140, 60:160][:, ::-1]
    drift = identity.identity_drift(a, mirrored, faces)
    soft = identity.identity_drift(a, blurred(a), faces)
    assert drift[0] > 5 * soft[0] > 0
    assert identity.identity_drift(a, a, []) == []


def test_identity_drift_without_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNFADE_CACHE", str(tmp_path))
    with pytest.raises(ModelMissing, match="sface"):
        identity.identity_drift(photograph(), photograph(), [Window(0, 0, 50, 50)])
