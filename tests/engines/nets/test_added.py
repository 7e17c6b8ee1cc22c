"""Networks that the user adds go the whole way: for colour, and for faces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

import unfade
from unfade.cli import main
from unfade.condition.faces import FINDER
from unfade.engines.adding import add_network
from unfade.engines.bench import Bench
from unfade.engines.contract import PlainBench
from unfade.engines.nets.ddcolor import opening
from unfade.engines.nets.ddcolor.network import DDColor, Size
from unfade.engines.nets.latent.face import FaceGenerator
from unfade.errors import ModelRejected, UsageError
from unfade.findings import Findings
from unfade.picture import Picture
from unfade.pixels.luminance import Luminance
from unfade.steps.restore_faces import Settings, chosen_faces
from unfade.zoo.catalogue import Entry, find

COMPACT = Size(depths=(1, 1, 1, 1), widths=(8, 16, 32, 64), layers=1)


def test_a_checkpoint_of_ddcolor_is_added_and_colours_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNFADE_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(opening.SIZES, "compact", COMPACT)
    torch.manual_seed(6)
    network = DDColor(COMPACT)
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(2, 3, 32, 32))
        network.refine_net[0][0].bias.copy_(torch.tensor([30.0, -20.0]))  # type: ignore[index]
    torch.save({"params": network.state_dict()}, tmp_path / "ddcolor_own.pth")
    entry = add_network(tmp_path / "ddcolor_own.pth", name="my-colours", pickled=True)
    assert (entry.shape, entry.task, entry.evidence) == ("colour", "colorize", 4)
    grey = np.ascontiguousarray(data.camera()[100:180, 200:300, None])
    with Bench(threads=1, device="cpu") as bench:
        result = unfade.restore(
            grey, only=["colorize"], bench=bench,
            settings={"colorize": {"method": "my-colours", "size_px": 256}},
        )  # fmt: skip
    samples = result.picture.samples
    assert np.array_equal(Luminance(result.picture).codes(samples), grey[:, :, 0])
    assert result.record.steps[0].model["name"] == "my-colours"
    assert result.record.steps[0].model["runtime"] == "torch on cpu"
    red, green = samples[..., 0].astype(int), samples[..., 1].astype(int)
    assert (red - green).mean() > 5


# -- the face generator -------------------------------------------------------------------------

PUBLISHED = {256: "Setting_9_epoch_100", 512: "FaceSR_512"}


def face_file(folder: Path, width: int = 4, inner: int = 8, *, old: bool = False) -> Path:
    """A generator with random weights under the authors' file name, names of tensors and form."""
    torch.manual_seed(8)
    network = FaceGenerator(width, inner).train()
    with torch.no_grad():
        for _ in range(3):  # spectral vectors and statistics that fit the weights
            network(torch.rand(2, 3, 64, 64) * 2 - 1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "latest_net_G.pth"
    torch.save(network.state_dict(), path, _use_new_zipfile_serialization=not old)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNFADE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UNFADE_CONFIG", str(tmp_path / "no-settings.toml"))
    return tmp_path / "home"


def command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    return int(ended.value.code or 0)


def is_for_faces(entry: Entry, side: int) -> bool:
    return (
        entry.name == f"latent-face-{side}"
        and (entry.task, entry.shape, entry.tiling) == ("restore faces", "mend", "whole")
        and (entry.scale, entry.channels_in, entry.channels_out) == (1, 3, 3)
        and entry.multiple_of == entry.minimum_px == entry.tile_px == side
        and (entry.architecture, entry.alignment) == ("SPADE", "latent-face")
        and entry.evidence == 4
        and "2004.09484" in entry.paper
        and entry.bytes_per_pixel > 0
    )


@pytest.mark.parametrize("side, method", [(256, "spade"), (512, "spade-512")])
def test_a_face_generator_is_added_and_draws_inside_the_face_alone(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], side: int, method: str
) -> None:
    path = face_file(tmp_path / PUBLISHED[side], old=side == 512)
    assert command("models", "add", path, "--pickle") == 0
    assert f"generator of {side} x {side} pixels" in capsys.readouterr().out
    assert is_for_faces(find(f"latent-face-{side}"), side)
    photo = tmp_path / "photo.png"
    Image.fromarray(data.astronaut()[:300]).save(photo)
    asked = ("--faces", "--only", "restore_faces", "--set", f"restore_faces.method={method}")
    assert command("restore", photo, *asked, "--device", "cpu", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    record = json.loads(Path(told["record"]).read_text())
    (step,) = record["steps"]
    assert step["model"]["name"] == f"latent-face-{side}"
    assert step["model"]["sha256"] == find(f"latent-face-{side}").sha256
    assert step["measured"]["faces"] == [{"face": 1, "decision": "restored"}]
    assert len(step["items"]) == 1
    before, after = (np.asarray(Image.open(p)) for p in (photo, told["output"]))
    evidence = np.asarray(Image.open(told["evidence"]))
    changed = (before != after).any(axis=2)
    assert set(np.unique(evidence)) == {0, 4} and not changed[evidence == 0].any()
    found = FINDER.look(Picture(before), PlainBench())
    (mark,) = chosen_faces(Findings(faces=found), Settings())
    oval = np.zeros(changed.shape, bool)
    oval[mark.region.window.slices] = mark.region.mask
    assert not changed[~oval].any() and changed[oval].mean() > 0.5


def test_which_generator_it_is_can_be_said(home: Path, tmp_path: Path) -> None:
    path = face_file(tmp_path / "downloads")
    assert is_for_faces(add_network(path, pickled=True), 256)
    assert is_for_faces(add_network(path, pickled=True, side=512), 512)
    own = add_network(path, name="attic-faces-512", pickled=True)
    assert (own.name, own.multiple_of) == ("attic-faces-512", 512)
    with pytest.raises(UsageError, match="no face generator of 300 pixels"):
        add_network(path, pickled=True, side=300)
    with pytest.raises(UsageError, match="cannot `upscale`"):
        add_network(path, pickled=True, task="upscale")
    with pytest.raises(ModelRejected, match="--pickle"):
        add_network(path)
    other = tmp_path / "ddcolor.pth"
    torch.save({"params": DDColor(COMPACT).state_dict()}, other)
    with pytest.raises(UsageError, match=r"`ddcolor\.pth` is not SPADE's face generator"):
        add_network(other, pickled=True, side=256)


def test_an_own_name_is_a_method_of_restore_faces(home: Path, tmp_path: Path) -> None:
    add_network(face_file(tmp_path), name="attic-faces", pickled=True)
    with Bench(threads=1, device="cpu") as bench:
        result = unfade.restore(
            data.astronaut()[:300], faces=True, only=["restore_faces"], bench=bench,
            settings={"restore_faces": {"method": "attic-faces"}},
        )  # fmt: skip
        assert bench.engine("attic-faces").facts.alignment == "latent-face"
    assert result.record.steps[0].model["name"] == "attic-faces"
    assert result.record.evidence_shares["invented"] > 0.01


def test_the_folder_of_checkpoints_serves_as_well(home: Path, tmp_path: Path) -> None:
    face_file(tmp_path / "bopbtl" / "checkpoints" / PUBLISHED[256])
    photo = tmp_path / "photo.png"
    Image.fromarray(data.astronaut()[:300]).save(photo)
    asked = ("--faces", "--only", "restore_faces", "--set", "restore_faces.method=spade")
    assert command("restore", photo, *asked, "--dry-run") != 0
    folder = tmp_path / "bopbtl"
    assert command("restore", photo, *asked, "--latent", folder, "--device", "cpu") == 0
    assert (tmp_path / "photo-restored.png").read_bytes() != photo.read_bytes()


@pytest.mark.slow  # 368 MB written and read three times
def test_the_face_generator_at_its_published_size_is_added(home: Path, tmp_path: Path) -> None:
    path = face_file(tmp_path / PUBLISHED[256], 64, 128)
    entry = add_network(path, pickled=True)
    assert is_for_faces(entry, 256)
    assert abs(entry.files[0].bytes - 368_200_000) < 1_000_000  # as published
    with Bench(threads=1, device="cpu") as bench:
        made = bench.engine("latent-face-256").mend(np.full((256, 256, 3), 0.5, np.float32))
    assert made.shape == (256, 256, 3) and 0 <= made.min() <= made.max() <= 1
