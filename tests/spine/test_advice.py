"""Advice: evidence before action, policies, and what the user asks for by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from skimage import data

from unfade import restore
from unfade.advice import POLICIES, advise, check_policy, overlay
from unfade.advice.networks import by_networks
from unfade.advice.photograph import NOISY
from unfade.errors import PolicyError, RecipeError, UsageError
from unfade.findings import Fade, Findings, Mark, MarkKind, Marks, Noise, Region, Tone
from unfade.picture import Window
from unfade.recipe import Recipe
from unfade.record import Evidence
from unfade.steps import find_step, step_of

LOUD = Noise(says="loud.", confidence=0.9, sigma=NOISY * 1.5, grain=False)


def marks(*kinds: MarkKind) -> Marks:
    region = Region.of(np.ones((2, 2), bool), Window(0, 0, 2, 2))
    return Marks(says="", confidence=0.9, items=tuple(Mark(kind=k, region=region) for k in kinds))


def test_no_findings_no_steps() -> None:
    advice = advise(Findings())
    assert advice.recipe.steps == ()


def test_each_kind_of_mark_has_its_step_and_reason() -> None:
    advice = advise(Findings(marks=marks(MarkKind.DUST, MarkKind.SCRATCH)))
    assert advice.recipe.step_names == ("remove_dust", "remove_scratches")
    assert advice.reasons["remove_scratches"] == "1 scratch found."


def test_noise_needs_to_be_sure_seen_and_no_grain() -> None:
    assert advise(Findings(noise=LOUD)).recipe.step_names == ("denoise",)
    for quiet in (
        dataclasses.replace(LOUD, confidence=None, sigma=None),
        dataclasses.replace(LOUD, confidence=0.8),
        dataclasses.replace(LOUD, sigma=NOISY * 0.5),
        dataclasses.replace(LOUD, grain=True),
    ):
        assert advise(Findings(noise=quiet)).recipe.step_names == ()


def test_what_is_left_alone_is_said() -> None:
    grain = Noise(says="grain.", confidence=0.9, sigma=NOISY * 2, grain=True)
    sepia = Tone(says="sepia", confidence=0.95, kind="toned")
    text = " ".join(advise(Findings(noise=grain, tone=sepia)).left_alone)
    assert "grain" in text
    assert "toning" in text
    assert "signatures" in text


def test_policies_bound_what_is_advised_and_refuse_what_is_asked() -> None:
    findings = Findings(marks=marks(MarkKind.DUST), fade=Fade(says="f.", confidence=1, faded=True))
    archive = advise(findings, policy="archive")
    assert archive.recipe.step_names == ("correct_fading",)
    assert any("policy `archive`" in line for line in archive.left_alone)
    with pytest.raises(PolicyError, match="allows classes 0, 1"):
        advise(findings, policy="archive", only=["remove_dust"])
    with pytest.raises(UsageError, match="Did you mean `museum`"):
        advise(findings, policy="musuem")


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_lets_a_recipe_exceed_it(policy: str) -> None:
    recipe = Recipe(steps=(find_step("remove_dust").settings(),))
    if Evidence.ESTIMATED in POLICIES[policy]:
        check_policy(recipe, policy)
    else:
        with pytest.raises(PolicyError):
            check_policy(recipe, policy)


def test_only_means_exactly_these_and_skip_means_without() -> None:
    findings = Findings(marks=marks(MarkKind.DUST, MarkKind.SCRATCH))
    assert advise(findings, only=["sharpen"]).recipe.step_names == ("sharpen",)
    assert advise(findings, skip=["remove_dust"]).recipe.step_names == ("remove_scratches",)
    with pytest.raises(UsageError, match="both"):
        advise(findings, only=["sharpen"], skip=["sharpen"])
    with pytest.raises(RecipeError, match="Did you mean `sharpen`"):
        advise(findings, only=["sharpn"])


def test_settings_lie_over_a_recipe() -> None:
    recipe = Recipe(steps=(find_step("sharpen").settings(),))
    changed = overlay(recipe, {"sharpen": {"amount": 0.25}})
    assert changed.steps[0].to_dict()["amount"] == 0.25
    with pytest.raises(RecipeError, match="has no step `denoise` to set"):
        overlay(recipe, {"denoise": {"strength": 1.0}})


def test_only_classical_refuses_a_network_that_was_named() -> None:
    pixels = np.full((40, 40, 3), 120, np.uint8)
    settings = {"denoise": {"method": "unfade-restore", "sigma": 0.05}}
    with pytest.raises(UsageError, match=r"`denoise` is set to use the network `unfade-restore`"):
        restore(pixels, only=("denoise",), settings=settings, only_classical=True)
    result = restore(pixels, upscale=2, only_classical=True)
    assert result.record.to_dict()["steps"][0]["settings"]["method"] == "lanczos"
    learned = restore(pixels, upscale=2).record.to_dict()["steps"][0]
    assert learned["settings"]["method"] == "unfade-upscale-x2"
    assert "measured" in learned["reason"]


def test_advised_noise_is_taken_off_by_the_network_and_named_noise_as_it_was_named() -> None:
    sound = np.asarray(data.camera()[:256, :256], np.float32)
    noise = np.random.default_rng(3).normal(0, 15, sound.shape)
    hurt = np.clip(np.rint(sound + noise), 0, 255).astype(np.uint8)

    def step(**how: Any) -> dict[str, Any]:
        (done,) = restore(hurt, **how).record.to_dict()["steps"]
        return dict(done)

    advised = step()
    assert advised["settings"]["method"] == "unfade"
    assert "By the network, which measured better" in advised["reason"]
    assert step(only_classical=True)["settings"]["method"] == "wavelet"
    assert step(only=("denoise",))["settings"]["method"] == "wavelet"
    assert step(settings={"denoise": {"keep_grain": 0.3}})["settings"]["method"] == "wavelet"
    (seen,) = by_networks(advise(Findings(noise=LOUD)), ()).recipe.steps
    assert seen.to_dict()["method"] == "unfade"


def test_repairs_that_are_advised_are_filled_by_the_network() -> None:
    found = advise(Findings(marks=marks(MarkKind.DUST, MarkKind.SCRATCH)))
    assert [s.to_dict()["method"] for s in found.recipe.steps] == ["sparse", "sparse"]
    better = by_networks(found, ("remove_dust",))
    methods = {step_of(s).name: s.to_dict()["method"] for s in better.recipe.steps}
    assert methods == {"remove_dust": "sparse", "remove_scratches": "unfade"}
    assert "Filled by the network" in better.reasons["remove_scratches"]
    assert "network" not in better.reasons["remove_dust"]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_an_enlargement_goes_through_the_network_of_its_scale(scale: int) -> None:
    pixels = np.ascontiguousarray(data.astronaut()[:24, :30])
    result = restore(pixels, upscale=scale)
    assert result.picture.samples.shape == (24 * scale, 30 * scale, 3)
    (done,) = result.record.to_dict()["steps"]
    assert done["settings"]["method"] == (
        "unfade-upscale-x2" if scale == 2 else "unfade-upscale-x4"
    )
