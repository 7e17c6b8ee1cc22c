"""Fill craquelure, fill losses: what is chosen, and that the picture gets better, nothing else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from skimage import data

from unfade import restore
from unfade.advice import advise
from unfade.cli.examine import command as examine_command
from unfade.degrade import Degraded, degrade, parse_degradation
from unfade.engines.bench import Bench
from unfade.findings import (
    Canvas,
    Craquelure,
    Findings,
    Losses,
    Mark,
    MarkKind,
    Marks,
    Noise,
    Region,
)
from unfade.picture import Picture, Window, pixels_to_codes
from unfade.recipe import load_recipe
from unfade.record import Evidence
from unfade.steps import STEPS, Settings, fill_craquelure, fill_losses
from unfade.treatment import treat

HEAD = 'format = 1\nname = "test"\nreference_px = 0\n[[damage]]\n'
KINDS = {
    "cracks": 'use = "cracks"\ncover_share = 1.0\nisland_px = 40\nwidth_px = 1.2\nopacity = 0.8\n'
    "light_chance = 0.0\n",
    "losses": 'use = "losses"\ncount = 6\nradius_share = [0.03, 0.06]\nground = ["chalk"]\n'
    "shadow_density = 0.0\n",
}


def sound(rows: int = 220, cols: int = 240, channels: int = 3) -> np.ndarray:
    pixels = data.astronaut()[:rows, 100 : 100 + cols].astype(np.float32) / 255
    smooth = cv2.GaussianBlur(pixels, (0, 0), 1.0)
    return smooth if channels == 3 else np.ascontiguousarray(smooth[:, :, :1])


def hurt(kind: str, channels: int = 3) -> Degraded:
    return degrade(sound(channels=channels), parse_degradation(HEAD + KINDS[kind]), seed=2)


def mark(mask: np.ndarray, kind: MarkKind, confidence: float = 0.95) -> Mark:
    whole = Window(0, 0, *mask.shape)
    return Mark(kind=kind, region=Region.of(mask, whole), confidence=confidence)


def known(kind: str, mask: np.ndarray, confidence: float = 0.95) -> Findings:
    """Findings that say the truth."""
    if kind == "cracks":
        item = mark(mask, MarkKind.CRACK, confidence)
        return Findings(craquelure=Craquelure(says="", confidence=1, cracked=True, items=(item,)))
    return Findings(
        losses=Losses(says="", confidence=1, items=(mark(mask, MarkKind.LOSS, confidence),))
    )


def stored(pixels: np.ndarray, dtype: type) -> Picture:
    full = 1.0 if dtype is np.float32 else float(np.iinfo(dtype).max)
    return Picture(pixels_to_codes(pixels.astype(np.float32), np.dtype(dtype), full))


SETTINGS: dict[str, Settings] = {
    "cracks": fill_craquelure.Settings(),
    "losses": fill_losses.Settings(grow_px=1.0),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("kind", ["cracks", "losses"])
def test_better_inside_and_untouched_outside(kind: str, dtype: type, channels: int) -> None:
    scene = hurt(kind, channels)
    picture = stored(scene.pixels, dtype)
    found = known(kind, scene.opacity > 0.05)
    with Bench() as bench:
        done = treat(picture, [SETTINGS[kind]], findings=found, bench=bench)
    untouched = done.evidence == Evidence.UNTOUCHED
    assert np.array_equal(done.picture.samples[untouched], picture.samples[untouched])
    assert untouched[scene.opacity > 0.5].mean() < 0.05  # a fill may hit the very code
    assert (done.evidence[~untouched] == Evidence.ESTIMATED).all()
    truth = sound(channels=channels)
    before = np.square(picture.pixels - truth)[scene.mask].mean()
    after = np.square(done.picture.pixels - truth)[scene.mask].mean()
    assert after < before / 4


@pytest.mark.parametrize("kind", ["cracks", "losses"])
def test_which_are_chosen(kind: str) -> None:
    scene = hurt(kind)
    step = {"cracks": fill_craquelure.STEP, "losses": fill_losses.STEP}[kind]
    assert step.regions is not None
    assert step.looks_at == ({"cracks": "craquelure"}.get(kind, kind),)
    assert len(step.regions(known(kind, scene.mask), step.settings(max_width_px=1000.0))) == 1
    assert step.regions(known(kind, scene.mask, 0.2), step.settings(max_width_px=1000.0)) == ()
    wide = np.zeros((120, 120), bool)
    wide[20:100, 20:100] = True
    assert step.regions(known(kind, wide), step.settings()) == ()  # it stays among the findings
    assert step.settings(max_width_px=0.0).neutral
    assert step.regions(Findings(), step.settings()) == ()


def test_their_place_among_the_steps() -> None:
    names = [step.name for step in STEPS]
    order = ["remove_scratches", "fill_losses", "fill_craquelure", "inpaint", "denoise"]
    assert [n for n in names if n in order] == order
    assert names.index("correct_fading") < names.index("correct_varnish")


# -- advice ---------------------------------------------------------------------------------------

CRACKED = Craquelure(says="Cracks.", confidence=0.95, cracked=True)
WOVEN = Canvas(says="Weave.", confidence=0.9, woven=True)
LOST = Losses(says="Losses.", confidence=0.97, items=(mark(np.ones((3, 3), bool), MarkKind.LOSS),))


def test_cracks_of_age_are_left_alone_with_the_reason() -> None:
    advice = advise(Findings(craquelure=CRACKED))
    assert advice.recipe.steps == ()
    assert any(
        "part of the object" in line and "fill_craquelure" in line for line in advice.left_alone
    )


def test_what_removes_lines_is_not_let_loose_on_cracks() -> None:
    item = mark(np.ones((3, 3), bool), MarkKind.SCRATCH)
    marks = Marks(says="", confidence=0.9, items=(item,))
    assert advise(Findings(marks=marks)).recipe.step_names == ("remove_scratches",)
    kept = advise(Findings(marks=marks, craquelure=CRACKED))
    assert kept.recipe.step_names == ()
    assert any("may be cracks" in line for line in kept.left_alone)
    unsure = Craquelure(says="", cracked=None)
    assert advise(Findings(marks=marks, craquelure=unsure)).recipe.step_names == (
        "remove_scratches",
    )


def test_losses_are_filled_only_where_the_picture_is_surely_a_painting() -> None:
    assert advise(Findings(losses=LOST)).recipe.step_names == ()
    assert any("losses" in line for line in advise(Findings(losses=LOST)).left_alone)
    for sign in (Findings(losses=LOST, craquelure=CRACKED), Findings(losses=LOST, canvas=WOVEN)):
        assert advise(sign).recipe.step_names == ("fill_losses",)


def test_a_weave_is_neither_denoised_nor_sharpened() -> None:
    noise = Noise(says="loud.", confidence=0.95, sigma=0.04, grain=False)
    assert advise(Findings(noise=noise)).recipe.step_names == ("denoise",)
    kept = advise(Findings(noise=noise, canvas=WOVEN))
    assert kept.recipe.step_names == ()
    assert any("would change the weave" in line for line in kept.left_alone)


def test_asked_for_by_name_it_is_done() -> None:
    found = Findings(craquelure=CRACKED, canvas=WOVEN)
    assert advise(found, only=["fill_craquelure", "denoise"]).recipe.step_names == (
        "fill_craquelure",
        "denoise",
    )


# -- the whole way --------------------------------------------------------------------------------


def test_recipes_for_paintings() -> None:
    kept, virtual = load_recipe("painting"), load_recipe("painting-virtual")
    assert kept.step_names == ("fill_losses",)
    assert virtual.step_names == (
        "fill_losses",
        "fill_craquelure",
        "correct_varnish",
    )
    assert kept.steps[0].to_dict()["render"] == "tratteggio"


def test_a_virtual_view_of_a_cracked_painting() -> None:
    truth = cv2.resize(sound(200, 220), None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC)
    scene = degrade(np.clip(truth, 0, 1), parse_degradation(HEAD + KINDS["cracks"]), seed=4)
    picture = stored(scene.pixels, np.uint8)
    default = restore(picture)
    assert default.picture is picture
    view = restore(picture, only=["fill_craquelure"])
    before = np.square(picture.pixels - truth).mean()
    assert np.square(view.picture.pixels - truth).mean() < before / 2


def test_examine_writes_a_mask_for_each_kind(tmp_path: Path) -> None:
    large = cv2.resize(sound(200, 220), None, fx=2.5, fy=2.5, interpolation=cv2.INTER_CUBIC)
    scene = degrade(np.clip(large, 0, 1), parse_degradation(HEAD + KINDS["cracks"]), seed=4)
    source = tmp_path / "panel.png"
    cv2.imwrite(str(source), np.rint(scene.pixels[:, :, ::-1] * 255).astype(np.uint8))
    done = CliRunner().invoke(examine_command, [str(source), "--masks", str(tmp_path / "m")])
    assert done.exit_code == 0, done.output
    names = sorted(p.name for p in (tmp_path / "m").iterdir())
    kinds = ("crack", "dust", "hair", "loss", "scratch", "wear")
    assert names == [f"panel.{kind}.png" for kind in kinds]
    mask = cv2.imread(str(tmp_path / "m" / "panel.crack.png"), cv2.IMREAD_UNCHANGED) > 0
    near = cv2.dilate((scene.opacity > 0.2).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert mask.any()
    assert (mask & near).sum() > 0.9 * mask.sum()
