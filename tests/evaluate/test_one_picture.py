"""Measures of one picture: sharpness, colourfulness, naturalness."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from independent import libraries
from measured_pictures import blurred, noisy, photograph

from unfade.errors import ModelMissing
from unfade.evaluate import brisque, natural, weights
from unfade.evaluate.colourfulness import colourfulness_index
from unfade.evaluate.niqe import model, naturalness_distance
from unfade.evaluate.spectrum import spectral_sharpness


def test_colourfulness_by_its_formula() -> None:
    """Half red, half blue: rg = +-255 and 0, yb = 127.5 and -255 (Hasler, Suesstrunk, eq. 4-7)."""
    pixels = np.zeros((2, 2, 3), np.float32)
    pixels[0, :, 0] = 1
    pixels[1, :, 2] = 1
    spread = np.hypot(127.5, 191.25)
    centre = np.hypot(127.5, -63.75)
    assert colourfulness_index(pixels) == pytest.approx(spread + 0.3 * centre)
    assert colourfulness_index(photograph(channels=1)) == 0
    assert colourfulness_index(np.repeat(photograph(channels=1), 3, axis=2)) == pytest.approx(0)


def test_spectral_sharpness_of_a_known_spectrum() -> None:
    """Noise filtered to amplitude 1/f is level by definition: 0 dB; each blur takes dBs away."""
    rng = np.random.default_rng(3)
    frequency = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.rfftfreq(512)[None, :])
    frequency[0, 0] = np.inf
    plane = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(512, 512))) / frequency)
    pixels = (0.5 + plane / plane.std() * 0.1).astype(np.float32)[:, :, None]
    # the sharpest quarter of windows is a little above the mean of all
    assert spectral_sharpness(pixels) == pytest.approx(0, abs=1.0)
    a = photograph()
    levels = [spectral_sharpness(p) for p in (a, blurred(a), blurred(blurred(a)))]
    assert levels[0] > levels[1] + 3 > levels[2] + 3


def test_spectral_sharpness_does_not_see_contrast() -> None:
    a = photograph()
    flat = (0.3 + a * np.float32(0.2)).astype(np.float32)
    assert spectral_sharpness(flat) == pytest.approx(spectral_sharpness(a), abs=0.05)
    assert spectral_sharpness(np.full((64, 64, 1), 0.5, np.float32)) == -np.inf


def test_scene_features_agree_with_piq() -> None:
    torch, _, _ = libraries()
    theirs = importlib.import_module("piq.brisque")  # `piq.brisque` is the function

    plane = photograph()[:, :, 1].astype(np.float64) * 255
    values, _ = natural.normalized(plane)
    batch = torch.from_numpy(values)[None, None]
    shape, sigma = theirs._ggd_parameters(batch)
    assert natural.fit_gaussian(values) == pytest.approx((float(shape), float(sigma)), abs=2e-3)
    products = values * np.roll(values, (1, 1), axis=(0, 1))
    found = natural.fit_lopsided(products)
    wanted = [float(v) for v in theirs._aggd_parameters(torch.from_numpy(products)[None, None])]
    assert found == pytest.approx(wanted, abs=2e-3)
    # the whole vector; piq pads with zeros, which bends the border
    wanted = theirs._natural_scene_statistics(torch.from_numpy(plane)[None, None])[0].numpy()
    assert natural.scene_features(values) == pytest.approx(wanted, abs=0.02)


def test_brisque_scores_as_piq_does_with_the_same_support_vectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch, _, _ = libraries()
    theirs = importlib.import_module("piq.brisque")  # `piq.brisque` is the function

    rng = np.random.default_rng(5)
    vectors, factors = rng.uniform(-1, 1, (40, 36)), rng.normal(0, 50, 40)
    lines = ["svm_type epsilon_svr", "gamma 0.05", "rho -153.591", "SV"]
    for factor, vector in zip(factors, vectors, strict=True):
        entries = " ".join(f"{i}:{v!r}" for i, v in enumerate(vector.tolist(), 1))
        lines.append(f"{float(factor)!r} {entries}")
    file = tmp_path / "svm.txt"
    file.write_text("\n".join(lines))
    monkeypatch.setattr(brisque, "locate", lambda _: file)
    pair = torch.from_numpy(factors), torch.from_numpy(vectors.T.copy()).t_()
    monkeypatch.setattr(theirs, "load_url", lambda *_, **__: (pair[0], pair[1].clone()))
    features = brisque.brisque_features(photograph())
    wanted = theirs._score_svr(theirs._scale_features(torch.from_numpy(features)[None]))
    assert brisque.brisque_score(photograph()) == pytest.approx(float(wanted), abs=1e-4)


def test_brisque_without_its_vectors_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_file", lambda *_: None)
    with pytest.raises(ModelMissing, match=r"svm\.txt.*pip install --no-deps brisque"):
        brisque.brisque_score(photograph())


def test_a_damaged_file_of_vectors_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "svm.txt"
    file.write_text("rho -1\nSV\n1.0 1:0.5\n2.0 40:0.5\n")
    with pytest.raises(ValueError, match="line 4"):
        brisque.read_support_vectors(str(file))


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_damage_is_less_natural(name: str) -> None:
    a = getattr(skimage.data, name)().astype(np.float32) / 255
    sound = naturalness_distance(a)
    assert sound < 5
    assert naturalness_distance(blurred(a)) > sound
    assert naturalness_distance(noisy(a, 20 / 255)) > sound + 1


def test_the_model_of_sound_photographs_is_a_distribution() -> None:
    mean, covariance = model()
    assert mean.shape == (36,)
    assert np.allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0
    # shapes of the normalized values of sound photographs lie between Laplace and Gauss
    assert 1 < mean[0] < 4


def test_small_pictures_are_refused_with_their_size() -> None:
    with pytest.raises(ValueError, match="100 x 100 px is too small, expected 192"):
        naturalness_distance(photograph(100))
    with pytest.raises(ValueError, match="expected 32"):
        spectral_sharpness(photograph(16))
