"""The eye for blur: sizes within their tolerance, and abstention where there is nothing to see."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

import unfade
from unfade.advice import advise
from unfade.condition import look_at
from unfade.condition.blur import FINDER, look
from unfade.degrade.contract import Drawn
from unfade.degrade.whole import blur as damage
from unfade.engines.contract import PlainBench
from unfade.findings import Blur, Findings, Noise, Sharpness
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.recipe import Recipe
from unfade.steps import deblur

CALM = Noise(says="", sigma=0.004, confidence=0.9)


def light(channels: int = 1) -> np.ndarray:
    pixels = data.astronaut().astype(np.float32) / 255
    return srgb_to_linear(pixels if channels == 3 else pixels[:, :, 1:2])


def seen(linear: np.ndarray, *, sigma: float = 1 / 255, bits: int = 8) -> Blur:
    """What the eye says about linear light, stored with noise."""
    chance = np.random.default_rng(5)
    stored = linear_to_srgb(np.clip(linear, 0, 1)) + chance.normal(0, sigma, linear.shape)
    full = 2**bits - 1
    kind = np.uint8 if bits == 8 else np.uint16
    codes = np.rint(np.clip(stored, 0, 1) * full).astype(kind)
    found = look(Picture(codes), PlainBench())
    assert isinstance(found, Blur)
    return found


def blurred(linear: np.ndarray, shape: str, width_px: float, angle_deg: float = 0.0) -> np.ndarray:
    """As ``unfade.degrade`` does it, in linear light."""
    parameters = {
        "shape": shape, "width_px": width_px, "angle_deg": angle_deg, "stretch": 1.0,
    }  # fmt: skip
    batch = linear.transpose(2, 0, 1)[None].astype(np.float32)
    return np.asarray(damage.act(batch, [Drawn(parameters=parameters)]))[0].transpose(1, 2, 0)


@pytest.mark.parametrize("radius_px", [2.0, 3.3, 5.0, 9.0])
def test_the_radius_of_a_disc_is_found_within_4_percent(radius_px: float) -> None:
    found = seen(blurred(light(), "defocus", radius_px))
    assert found.kind == "defocus"
    assert found.radius_px == pytest.approx(radius_px, abs=max(0.15, 0.04 * radius_px))
    assert found.confidence is not None and found.confidence >= 0.7


@pytest.mark.parametrize(("length_px", "angle"), [(8.0, 20.0), (14.0, 95.0), (22.0, 150.0)])
def test_a_movement_is_found_within_a_pixel_and_3_degrees(length_px: float, angle: float) -> None:
    found = seen(blurred(light(), "motion", length_px, angle))
    assert found.kind == "motion"
    assert found.length_px == pytest.approx(length_px, abs=1)
    assert found.angle_degrees is not None
    assert abs((found.angle_degrees - angle + 90) % 180 - 90) <= 3
    assert found.confidence is not None and found.confidence >= 0.7


def test_colour_and_16_bit_say_the_same() -> None:
    found = seen(blurred(light(3), "defocus", 4.0), bits=16)
    assert found.kind == "defocus"
    assert found.radius_px == pytest.approx(4.0, abs=0.16)


@pytest.mark.parametrize("sample", ["astronaut", "camera", "coffee", "chelsea", "brick", "gravel"])
def test_a_sharp_picture_shows_no_blur(sample: str) -> None:
    picture = getattr(data, sample)()
    samples = picture[:, :, None] if picture.ndim == 2 else picture
    found = look(Picture(np.ascontiguousarray(samples)), PlainBench())
    assert found.kind is None
    assert found.confidence is None


def test_a_gaussian_blur_is_not_called_a_disc() -> None:
    for sigma in (0.8, 1.5, 3.0):
        assert seen(blurred(light(), "gauss", sigma)).kind is None


def test_a_shallow_depth_of_field_is_left_alone() -> None:
    sharp = light()
    soft = blurred(sharp, "defocus", 5.0)
    assert seen(soft).kind == "defocus"
    soft[:, 180:330] = sharp[:, 180:330]
    assert seen(soft).kind is None


def test_noise_that_covers_the_zeros_is_not_guessed_through() -> None:
    found = seen(blurred(light(), "defocus", 2.0), sigma=12 / 255)
    assert found.kind is None or found.radius_px == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize("case", ["flat", "noise", "small", "ramp", "one pixel", "lines"])
def test_it_abstains_where_there_is_nothing_to_see(case: str) -> None:
    chance = np.random.default_rng(1)
    lines = np.full((300, 300), 255)
    lines[::9, ::1] = 0
    samples = {
        "flat": np.full((400, 400), 120),
        "noise": chance.integers(0, 256, (400, 400)),
        "small": chance.integers(0, 256, (90, 300)),
        "ramp": np.broadcast_to(np.arange(400) // 2, (400, 400)),
        "one pixel": np.array([[7]]),
        "lines": lines,
    }[case]
    found = look(Picture(np.ascontiguousarray(samples, dtype=np.uint8)[:, :, None]), PlainBench())
    assert found.confidence is None
    assert found.says.endswith(".")


def test_advice_undoes_only_what_is_beyond_doubt() -> None:
    sure = Blur(says="Out of focus.", confidence=0.98, kind="defocus", radius_px=3.0)
    unsure = Blur(says="Out of focus.", confidence=0.9, kind="defocus", radius_px=3.0)
    assert advise(Findings(blur=sure, noise=CALM)).recipe.step_names == ("deblur",)
    for findings in (Findings(blur=unsure, noise=CALM), Findings(blur=sure)):
        advice = advise(findings)
        assert advice.recipe.step_names == ()
        assert any(line.startswith("blur:") for line in advice.left_alone)
    soft = Findings(sharpness=Sharpness(says="", blurred=True), blur=Blur(says=""))
    assert any("not made up" in line for line in advise(soft).left_alone)


def test_the_finder_fills_its_field() -> None:
    assert FINDER.name == "blur"
    assert Findings(blur=Blur(says="x")).to_dict()["blur"]["says"] == "x"


def test_a_picture_out_of_focus_is_mended_without_being_asked_and_a_sharp_one_is_not() -> None:
    sharp = light()
    noise = np.random.default_rng(6).normal(0, 1 / 255, sharp.shape)

    def stored(linear: np.ndarray) -> np.ndarray:
        pixels = np.clip(linear_to_srgb(np.clip(linear, 0, 1)) + noise, 0, 1)
        return np.rint(pixels * 255).astype(np.uint8)

    def advised(samples: np.ndarray) -> tuple[str, ...]:
        seen = look_at(Picture(samples), PlainBench(), only={"blur", "noise"})
        return advise(seen).recipe.step_names

    soft = stored(blurred(sharp, "defocus", 4.0))
    assert "deblur" in advised(soft)
    assert "deblur" not in advised(stored(sharp))
    result = unfade.restore(soft, recipe=Recipe(name="x", steps=(deblur.Settings(),)))
    measured = result.record.steps[0].measured
    assert measured["kernel"] == "defocus"
    assert measured["radius_px"] == pytest.approx(4.0, abs=0.16)

    def rms(samples: np.ndarray) -> float:
        return float(np.sqrt(np.mean((samples / 255 - linear_to_srgb(sharp)) ** 2)))

    assert rms(result.picture.samples) < 0.75 * rms(soft)
