"""All stages of latent-space translation, small: auto-encoders, mappings, detector, faces."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from made_pictures import make_pictures

from unfade.engines.nets.latent.opening import open_detector, open_faces, open_latent
from unfade.errors import ModelMissing, ModelRejected, RecipeError
from unfade.train.checkpoint import load
from unfade.train.data import Patches, Pictures
from unfade.train.export import averaged, export
from unfade.train.judges import Judges, judge_loss, matching_loss, verdict_loss
from unfade.train.latent_folder import write_latent_folder
from unfade.train.loop import fit
from unfade.train.recipe import parse_recipe, read_recipe
from unfade.train.recipe import shipped as shipped_recipes
from unfade.train.synthetic_age import without_holes
from unfade.train.tasks import task_of
from unfade.train.verify import verify

COMPACT = (
    "perceptual = 0.0\njudge_width = 4\n"  # a quarter of the published widths, and judges less
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"))


def trained(task: str, settings: str, folder: Path, out: Path, *, steps: int = 2) -> Path:
    text = f"""task = "{task}"
seed = 3
[data]
patch_px = 64
[settings]
{settings}
[run]
steps = {steps}
batch = 4
warmup_steps = 1
checkpoint_every = {steps}
validate_every = {steps}
validation_patches = 2
"""
    recipe = parse_recipe(text, task, task)
    outcome = fit(recipe, Pictures(folder, recipe.data), out, device="cpu")
    assert outcome.step == steps
    assert np.isfinite(list(outcome.measured.values())).all()
    return out / "best.pt"


@pytest.fixture(scope="module")
def encoders(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    out = tmp_path_factory.mktemp("encoders")
    small = f"{COMPACT}width = 16\n"
    real = f'domain = "old"\nreal = "{folder}"\n'
    old = trained("latent-vae", small + real, folder, out / "old")
    clean = trained("latent-vae", small, folder, out / "clean")
    return old, clean


@pytest.mark.parametrize("mode", ["plain", "scratches", "hr"])
def test_all_three_stages_run_and_what_they_learn_translates_a_picture(
    mode: str, encoders: tuple[Path, Path], folder: Path, tmp_path: Path
) -> None:
    old, clean = encoders
    settings = (
        f'{COMPACT}mode = "{mode}"\nlatent = 16\nwidth = 128\nold = "{old}"\nclean = "{clean}"'
    )
    mapping = trained("latent-mapping", settings, folder, tmp_path / "run", steps=2)
    files = write_latent_folder(tmp_path / "out", old=old, clean=clean, mappings={mode: mapping})
    assert len(files) == 4
    engine = open_latent(tmp_path / "out", mode)
    pixels = np.random.default_rng(1).random((40, 50, 3), np.float32)
    result = engine.mend(pixels)
    assert result.shape == pixels.shape
    assert np.ptp(result) > 0.01
    with pytest.raises(ModelMissing):
        open_latent(tmp_path / "out", "hr" if mode == "plain" else "plain")


def test_the_compact_translation_is_learnt_in_three_stages_and_exported_as_one(
    folder: Path, tmp_path: Path
) -> None:
    small = f"{COMPACT}width = 16\nblocks = 1\ncompact = true\npixels = 10.0\n"
    old = trained("latent-vae", f'{small}domain = "old"\n', folder, tmp_path / "old")
    clean = trained("latent-vae", small, folder, tmp_path / "clean")
    settings = (
        f"latent = 16\nvae_blocks = 1\nwidth = 16\nblocks = 1\njudge_width = 4\n"
        f'old = "{old}"\nclean = "{clean}"\n'
    )
    trained("latent", settings, folder, tmp_path / "run", steps=4)
    _, _, networks = averaged(tmp_path / "run")
    given = {side: load(path).averages["vae"] for side, path in (("old", old), ("clean", clean))}
    net = networks["latent"].state_dict()
    for side, part in (("old", "encoder"), ("clean", "decoder")):
        ends = [k for k in given[side] if k.startswith(f"module.{part}.")]
        assert ends
        for key in ends:  # the auto-encoders stay as they were learnt
            assert torch.equal(net[key.removeprefix("module.")], given[side][key]), key
    (made,) = export(tmp_path / "run", tmp_path / "zoo")
    assert made.difference < 1e-3
    for training in (tmp_path / "old", tmp_path / "clean"):  # verified without the first stages
        shutil.rmtree(training)
    figures = verify(tmp_path / "zoo" / "unfade-latent.training.json", folder)
    assert {f.name for f in figures} == {"score", "above_damaged_db", "sound_db"}
    assert all(f.now == pytest.approx(f.written, rel=0.02) for f in figures)


def test_the_mapping_alone_learns(folder: Path, tmp_path: Path) -> None:
    kind = task_of("latent")
    small = {"latent": 16, "vae_blocks": 1, "width": 16, "blocks": 1, "judge_width": 4}
    task = kind(kind.Settings(**small), torch.device("cpu"))
    with pytest.raises(ModelRejected, match="`clean` names no checkpoint"):
        task.step(task.prepare(torch.rand(4, 3, 64, 64), [1, 2, 3, 4]))
    text = f"{COMPACT}width = 16\nblocks = 1\ncompact = true\n"
    clean = trained("latent-vae", text, folder, tmp_path / "clean")
    settings = kind.Settings(**small, clean=str(clean))
    task = kind(settings, torch.device("cpu"))
    net = task.networks["latent"]
    before = {k: v.clone() for k, v in net.state_dict().items()}
    task.step(task.prepare(torch.rand(4, 3, 64, 64), [1, 2, 3, 4]))
    moved = {k.split(".")[0] for k, v in net.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {"mapping"}


def test_detector_and_faces_learn_and_open(folder: Path, tmp_path: Path) -> None:
    detector = trained("latent-detector", "width = 4", folder, tmp_path / "detector")
    face = trained("latent-face", f"{COMPACT}width = 4\ninner = 8", folder, tmp_path / "face")
    write_latent_folder(tmp_path / "out", detector=detector, faces={256: face})
    finder = open_detector(tmp_path / "out" / "checkpoints")
    assert finder.probability(np.zeros((30, 40, 1), np.float32)).shape == (30, 40)
    made = open_faces(tmp_path / "out", 256).mend(np.zeros((256, 256, 3), np.float32))
    assert made.shape == (256, 256, 3)
    with pytest.raises(ModelRejected, match="no network `vae`"):
        write_latent_folder(tmp_path / "no", old=detector)


def test_real_photographs_are_every_second_one_and_the_latents_are_judged(folder: Path) -> None:
    settings = task_of("latent-vae").Settings(
        domain="old", real=str(folder), width=16, judge_width=4, perceptual=0.0
    )
    task = task_of("latent-vae")(settings, torch.device("cpu"))
    clean = torch.rand(4, 3, 64, 64)
    batch = task.prepare(clean, [1, 2, 3, 4])
    assert batch["real"].tolist() == [False, True, False, True]
    other = task.prepare(torch.rand(4, 3, 64, 64), [1, 2, 3, 4])
    assert torch.equal(batch["picture"][1::2], other["picture"][1::2])
    losses = task.step(batch)
    assert {"alignment", "latent_judge", "divergence", "matching"} <= set(losses)
    alone = dataclasses.replace(settings, real="")
    task = task_of("latent-vae")(alone, torch.device("cpu"))
    assert "alignment" not in task.step(task.prepare(clean, [1, 2, 3, 4]))


def test_the_encoder_learns_to_make_the_judge_of_latents_fail(folder: Path) -> None:
    """The alignment reaches the encoder, and through nothing but the real photographs."""
    settings = task_of("latent-vae").Settings(
        domain="old", real=str(folder), width=16, judge_width=4, perceptual=0.0
    )
    task = task_of("latent-vae")(settings, torch.device("cpu"))
    batch = task.prepare(torch.rand(4, 3, 64, 64), [1, 2, 3, 4])
    vae, judge = task.networks["vae"], task.networks["latent_judge"]
    picture = batch["picture"].requires_grad_(True)
    _, mean = vae(picture, batch["noise"])
    verdict_loss(judge(mean[batch["real"]]), real=True).backward()
    assert vae.encoder[1].weight.grad.abs().max() > 0
    assert picture.grad[0::2].abs().max() == 0
    assert picture.grad[1::2].abs().max() > 0


def test_holes_are_painted_white_and_told_and_half_of_the_patches_have_none() -> None:
    settings = task_of("latent-mapping").Settings(
        mode="scratches", latent=16, width=32, judge_width=4, perceptual=0.0
    )
    with pytest.raises(ModelRejected, match="`old` names no checkpoint"):
        task_of("latent-mapping")(settings, torch.device("cpu"))
    kind = task_of("latent-mapping")
    task = kind.__new__(kind)
    task.settings = settings
    batch = task.prepare(torch.rand(40, 3, 64, 64) * 0.5, list(range(40)))
    holes = batch["mask"].flatten(1).amax(1)
    assert 8 < int(holes.sum()) < 32
    where = batch["mask"].expand_as(batch["damaged"]) > 0
    assert (batch["damaged"][where] == 1).all()
    plain = dataclasses.replace(settings, mode="plain")
    task.settings = plain
    assert task.prepare(torch.rand(8, 3, 64, 64), list(range(8)))["mask"].max() == 0


def test_the_latent_tasks_draw_their_own_holes() -> None:
    from unfade.degrade import load_degradation

    assert "brush" in load_degradation("bringing-old-photos-back").kinds
    assert "brush" not in without_holes("bringing-old-photos-back").kinds


def test_judges_see_two_scales_and_the_losses_are_the_written_ones() -> None:
    torch.manual_seed(1)
    judges = Judges(3, 4)
    x, y = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    seen, other = judges(x), judges(y)
    assert [len(maps) for maps in seen] == [5, 5]
    assert seen[0][0].shape[2] > seen[1][0].shape[2]
    sides = [maps[-1].shape for maps in seen]
    assert sides == [(2, 1, 11, 11), (2, 1, 7, 7)]
    assert float(verdict_loss([[torch.ones(1, 1, 3, 3)]], real=True)) == 0
    assert float(verdict_loss([[torch.ones(1, 1, 3, 3)]] * 2, real=False)) == 2
    assert float(matching_loss(seen, seen).detach()) == 0
    wanted = sum(
        float((a - b).abs().mean().detach())
        for i in range(2)
        for a, b in zip(seen[i][:4], other[i][:4], strict=True)
    )
    assert abs(float(matching_loss(seen, other).detach()) - wanted / 2) < 1e-5
    both = (verdict_loss(seen, real=False) + verdict_loss(other, real=True)) / 2
    assert torch.equal(judge_loss(seen, other), both)


def test_every_shipped_recipe_reads_and_names_a_damage_that_is_there() -> None:
    names = [name for name in shipped_recipes() if name.startswith("latent")]
    assert len(names) == 10
    for name in names:
        recipe = read_recipe(name)
        if hasattr(recipe.settings, "damage"):
            assert without_holes(recipe.settings.damage).stages


def test_wrong_words_are_refused() -> None:
    for task, key in (("latent-vae", "domain"), ("latent-mapping", "mode")):
        with pytest.raises(RecipeError, match=key):
            parse_recipe(f'task = "{task}"\n[settings]\n{key} = "new"\n', "x", "x")


def test_the_same_seed_gives_the_same_noise_and_damage(folder: Path) -> None:
    settings = task_of("latent-vae").Settings(width=16, judge_width=4, perceptual=0.0)
    task = task_of("latent-vae")(settings, torch.device("cpu"))
    data = parse_recipe('task = "latent-vae"\n[data]\npatch_px = 64\n', "x", "x").data
    clean = Patches(Pictures(folder, data), "train", data, 1).batch([0, 1]).float() / 255
    one, two = task.prepare(clean, [5, 6]), task.prepare(clean, [5, 6])
    assert all(torch.equal(one[key], two[key]) for key in one)
