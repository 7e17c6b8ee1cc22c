"""Checkpoints in the authors' formats: wrapped, prefixed, with further things; and refused ones."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from unfade.engines.nets.checkpoint import fill, read_tensors
from unfade.engines.nets.ddcolor.network import TINY, DDColor
from unfade.engines.nets.ddcolor.opening import open_ddcolor
from unfade.engines.nets.latent import opening
from unfade.engines.nets.latent.detector import ScratchDetector
from unfade.engines.nets.latent.face import FaceGenerator
from unfade.engines.nets.latent.mapping import PlainMapping
from unfade.engines.nets.latent.vae import Vae
from unfade.engines.opening import open_engine
from unfade.errors import ModelMissing, ModelRejected, UsageError


def equal(tensors: dict[str, torch.Tensor], network: nn.Module) -> bool:
    wanted = network.state_dict()
    return set(tensors) == set(wanted) and all(
        torch.equal(tensors[key], wanted[key]) for key in wanted
    )


@pytest.mark.parametrize("wrapper", ["", "params", "params_ema", "state_dict", "model_state"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_wrapped_and_prefixed_checkpoints_come_back_equal(
    tmp_path: Path, wrapper: str, prefix: str
) -> None:
    network = Vae(8)
    tensors = {prefix + key: value for key, value in network.state_dict().items()}
    optimiser = torch.optim.Adam(network.parameters())
    further = {wrapper: tensors, "epoch": 7, "optimizer_state": optimiser.state_dict()}
    torch.save(further if wrapper else tensors, tmp_path / "net.pth")
    assert equal(read_tensors(tmp_path / "net.pth"), network)


def test_the_older_file_format_is_read_too(tmp_path: Path) -> None:
    network = Vae(8)
    torch.save(network.state_dict(), tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    assert equal(read_tensors(tmp_path / "net.pth"), network)


def test_safetensors_are_read(tmp_path: Path) -> None:
    network = Vae(8)
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    assert equal(read_tensors(tmp_path / "net.safetensors"), network)


class Hostile:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)


def test_a_file_that_would_run_code_is_refused_and_does_not_run_it(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    torch.save({"params": Hostile(mark)}, tmp_path / "new.pth")
    with open(tmp_path / "old.pth", "wb") as file:
        pickle.dump(Hostile(mark), file)
    for name in ("new.pth", "old.pth"):
        with pytest.raises(ModelRejected, match=name):
            read_tensors(tmp_path / name)
    assert not mark.exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_or_foreign_file_is_refused_by_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save(Vae(8).state_dict(), path)
    else:
        save_file(Vae(8).state_dict(), path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>404 not found</html>"):
        path.write_bytes(content)
        with pytest.raises(ModelRejected, match=path.name):
            read_tensors(path)


def test_a_checkpoint_without_tensors_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "net.pth")
    with pytest.raises(ModelRejected, match="no tensors"):
        read_tensors(tmp_path / "net.pth")


def test_what_does_not_fit_is_named() -> None:
    network = Vae(8)
    tensors = network.state_dict()
    less = {key: value for key, value in tensors.items() if key != "encoder.4.bias"}
    with pytest.raises(ModelRejected, match=r"lacks `encoder\.4\.bias`"):
        fill(Vae(8), less, name="a.pth")
    with pytest.raises(ModelRejected, match="has `surplus`"):
        fill(Vae(8), tensors | {"surplus": torch.zeros(1)}, name="a.pth")
    with pytest.raises(
        ModelRejected, match=r"`encoder\.1\.weight` is \(8, 3, 7, 7\), expected \(16"
    ):
        fill(Vae(16), tensors, name="a.pth")
    broken = tensors | {"encoder.1.bias": torch.full((8,), torch.nan)}
    with pytest.raises(ModelRejected, match="no numbers"):
        fill(Vae(8), broken, name="a.pth")


def test_ddcolor_opens_from_the_authors_format_at_full_size(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = settled(DDColor(TINY), torch.rand(2, 3, 32, 32)).eval()
    tensors = network.state_dict()
    classifier = {"encoder.arch.head_cls.weight": torch.zeros(10, 768)}
    torch.save({"params": tensors | classifier}, tmp_path / "ddcolor_paper_tiny.pth")
    engine = open_ddcolor(tmp_path / "ddcolor_paper_tiny.pth")
    grey = np.random.default_rng(0).random((64, 96), np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(grey).expand(1, 3, 64, 96))[0].permute(1, 2, 0)
    assert np.abs(engine.colours(grey) - wanted.numpy()).max() <= 1e-5
    assert np.abs(wanted.numpy()).max() > 0.01
    assert engine.facts.name == "ddcolor_paper_tiny"
    with pytest.raises(ValueError, match="multiples of 32"):
        engine.colours(grey[:60])


def test_another_network_is_not_taken_for_ddcolor(tmp_path: Path) -> None:
    torch.save(Vae(8).state_dict(), tmp_path / "vae.pth")
    with pytest.raises(ModelRejected, match="not a checkpoint of DDColor"):
        open_ddcolor(tmp_path / "vae.pth")


@pytest.mark.parametrize("inside", ["", "checkpoints", "Global/checkpoints"])
def test_an_unpacked_archive_is_found_at_its_usual_places(tmp_path: Path, inside: str) -> None:
    path = tmp_path / inside / opening.ENCODER
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert opening.locate(tmp_path, opening.ENCODER) == path


def test_the_authors_folder_opens_and_computes_decoder_b_of_mapping_of_encoder_a(
    tmp_path: Path,
) -> None:
    torch.manual_seed(2)
    old, clean, mapping = Vae(), Vae(), PlainMapping()
    for name, network in (
        (opening.ENCODER, old),
        (opening.DECODERS["plain"], clean),
        (opening.MAPPINGS["plain"], mapping),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        torch.save(network.state_dict(), path)
    engine = opening.open_latent(tmp_path, "plain")
    pixels = np.random.default_rng(3).random((32, 40, 3), np.float32)
    with torch.no_grad():
        batch = torch.from_numpy(pixels * 2 - 1).permute(2, 0, 1)[None]
        wanted = clean.decoder(mapping(old.encoder(batch)))[0].permute(1, 2, 0).numpy()
    assert np.abs(engine.mend(pixels) - (wanted + 1) / 2).max() <= 1e-6
    with pytest.raises(ModelMissing, match="VAE_B_scratch"):
        opening.open_latent(tmp_path, "scratches")
    with pytest.raises(UsageError, match="scratches"):
        opening.open_latent(tmp_path, "scratch")


def test_the_detector_opens_from_its_file(tmp_path: Path) -> None:
    torch.manual_seed(3)
    detector = ScratchDetector()
    (tmp_path / "detection").mkdir()
    torch.save(
        {"model_state": detector.state_dict(), "optimizer_state": {}, "epoch": 1},
        tmp_path / opening.DETECTOR,
    )
    finder = opening.open_detector(tmp_path)
    assert finder.probability(np.zeros((40, 50, 1), np.float32)).shape == (40, 50)


@pytest.mark.parametrize("side", [256, 512])
def test_a_face_generator_opens_from_the_authors_folder_and_works_on_minus_1_to_1(
    tmp_path: Path, side: int
) -> None:
    torch.manual_seed(4)
    network = settled(FaceGenerator(4, 8), torch.rand(2, 3, 64, 64) * 2 - 1).eval()
    file = tmp_path / "checkpoints" / opening.FACES[side]
    file.parent.mkdir(parents=True)
    torch.save(network.state_dict(), file)
    engine = open_engine(f"latent-face-{side}", latent=str(tmp_path), device="cpu")
    pixels = np.random.default_rng(3).random((side, side, 3), np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(pixels * 2 - 1).permute(2, 0, 1)[None])[0]
    made = engine.mend(pixels)
    assert np.abs(made - (wanted.permute(1, 2, 0).numpy() + 1) / 2).max() <= 1e-5
    assert 0 <= made.min() < made.max() <= 1
    grey = engine.mend(pixels[:, :, :1])
    assert grey.shape == (side, side, 1)
    facts = engine.facts
    assert (facts.multiple_of, facts.tiling, facts.evidence) == (side, "whole", 4)
    assert facts.alignment == "latent-face" and facts.licence == "MIT"
    other = 768 - side
    with pytest.raises(ModelMissing, match=opening.FACES[other]):
        open_engine(f"latent-face-{other}", latent=str(tmp_path), device="cpu")
    with pytest.raises(UsageError, match="256 or 512"):
        open_engine("latent-face-300", latent=str(tmp_path), device="cpu")
    with pytest.raises(ModelMissing, match=r"not added here.*face_checkpoints\.zip.*models add"):
        open_engine(f"latent-face-{side}")


def test_another_spade_is_not_taken_for_the_face_generator(tmp_path: Path) -> None:
    """Nvidia's first layer takes a map of labels."""
    tensors = FaceGenerator(4, 8).state_dict()
    tensors["fc.weight"] = torch.zeros(64, 35, 3, 3)
    torch.save(tensors, tmp_path / "net.pth")
    with pytest.raises(ModelRejected, match=r"`net\.pth`: `fc\.weight` is \(64, 35, 3, 3\)"):
        opening.open_faces(tmp_path / "net.pth")


def settled(network: nn.Module, batch: torch.Tensor) -> nn.Module:
    """Random weights whose spectral vectors fit them, as those of every trained network do."""
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(batch)
    return network
