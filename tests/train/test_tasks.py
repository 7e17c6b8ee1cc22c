from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_pictures import make_pictures, recipe_text
from skimage import data

from unfade import Bench, restore
from unfade.engines.own import CHROMA_RANGE
from unfade.errors import ModelMissing, ModelRejected, RecipeError, UsageError
from unfade.pixels.colour import linear_to_lab
from unfade.steps.correct_fading import network
from unfade.train.checkpoint import load
from unfade.train.colour import difference, lab_of, seen_difference
from unfade.train.data import Patches, Pictures
from unfade.train.export import export, measured_halo
from unfade.train.history import load_exported, place_of
from unfade.train.holes import draw_holes
from unfade.train.loop import fit
from unfade.train.recipe import parse_recipe
from unfade.train.start import start_from
from unfade.train.tasks import TASKS, colorize, task_of
from unfade.train.tasks import unfade as fading
from unfade.train.tasks.restore import smoothed
from unfade.train.verify import verify
from unfade.zoo.own import remove as take_out
from unfade.zoo.own import take_export

SMALL = "widths = [8, 16]\nblocks = [1, 1]"
OWN = {
    "restore": f'{SMALL}\ndamage = "old-photo"',
    "damage": SMALL,
    "fill": SMALL,
    "upscale": f"{SMALL}\nadversarial = 0.1\nperceptual = 0.1",
    "colorize": SMALL,
    "unfade": 'width = 8\ndamage = "faded-tones"',
    "tutorial": "width = 8",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.mark.parametrize("name", sorted(OWN))
def test_every_task_learns_measures_and_shows(name: str, folder: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(recipe_text(name, OWN[name], steps=3, patch_px=64), name, name)
    outcome = fit(recipe, Pictures(folder, recipe.data), tmp_path, device="cpu")
    assert outcome.step == 3
    assert np.isfinite(list(outcome.measured.values())).all()
    assert (tmp_path / "samples" / "0000003.png").stat().st_size > 1000


def test_an_adversarial_stage_begins_where_a_faithful_one_ended(
    folder: Path, tmp_path: Path
) -> None:
    text = recipe_text("upscale", SMALL, steps=2, patch_px=64)
    recipe = parse_recipe(text, "faithful", "faithful")
    fit(recipe, Pictures(folder, recipe.data), tmp_path / "one", device="cpu")
    own = f'{SMALL}\nadversarial = 0.1\nlearning_rate = 1e-9\nstart = "{tmp_path}/one/latest.pt"'
    recipe = parse_recipe(recipe_text("upscale", own, steps=1, patch_px=64), "crisp", "crisp")
    fit(recipe, Pictures(folder, recipe.data), tmp_path / "two", device="cpu")
    one, two = (load(tmp_path / name / "latest.pt") for name in ("one", "two"))
    begun = {k.removeprefix("module."): v for k, v in one.averages["upscale"].items()}
    for key, value in two.networks["upscale"].items():
        assert torch.allclose(value, begun[key], atol=1e-6), key
    own = own.replace("/one/", "/none/")
    recipe = parse_recipe(recipe_text("upscale", own, steps=1, patch_px=64), "crisp", "crisp")
    with pytest.raises(UsageError, match="/none/"):
        fit(recipe, Pictures(folder, recipe.data), tmp_path / "three", device="cpu")


def test_a_training_begins_from_a_network_that_comes_with_unfade() -> None:
    recipe = parse_recipe(recipe_text("upscale", 'start = "unfade-upscale-x2"'), "own", "own")
    task = task_of("upscale")(recipe.settings, torch.device("cpu"))
    start_from(recipe.settings.start, task.networks)
    clean = torch.from_numpy(data.astronaut()[None, :128, 128:256] / 255).float()
    batch = task.prepare(clean.permute(0, 3, 1, 2), [1])
    assert task.validate(task.networks, batch)["above_bicubic_db"] > 1


def test_a_trunk_is_taken_from_a_network_of_another_task() -> None:
    """A fill sees a mask beside the picture, and says nothing before it has learnt something."""
    text = recipe_text("fill", 'start = "unfade-restore"', patch_px=64)
    task = task_of("fill")(parse_recipe(text, "fill", "fill").settings, torch.device("cpu"))
    for start in task.starts():
        start_from(start.place, start.networks, relatives=start.relatives)
    restorer = load_exported(place_of("unfade-restore"))[1]["restore"].state_dict()
    own = task.networks["fill"].state_dict()
    assert torch.equal(own["inner.stem.weight"][:, :3], restorer["inner.stem.weight"])
    assert torch.equal(own["inner.down.1.0.first.weight"], restorer["inner.down.1.0.first.weight"])
    x = torch.rand(1, 4, 32, 32)
    assert torch.equal(task.networks["fill"](x), x[:, :3])
    narrow = parse_recipe(recipe_text("fill", SMALL), "fill", "fill").settings
    with pytest.raises(ModelRejected, match="does not fit at"):
        start_from(
            "unfade-restore", task_of("fill")(narrow, torch.device("cpu")).networks,
            relatives={"fill": "restore"},
        )  # fmt: skip


def test_a_finder_of_other_classes_begins_with_the_trunk_of_one(
    folder: Path, tmp_path: Path
) -> None:
    own = 'name = "mine"\nclasses = ["loss", "crack"]\ntrunk = "unfade-damage"'
    recipe = parse_recipe(recipe_text("damage", own, steps=1, patch_px=64), "mine", "mine")
    fit(recipe, Pictures(folder, recipe.data), tmp_path, device="cpu")
    made = load(tmp_path / "latest.pt").networks["damage"]
    begun = load_exported(place_of("unfade-damage"))[1]["damage"].state_dict()
    assert torch.allclose(made["stem.weight"], begun["stem.weight"], atol=1e-3)
    assert made["head.weight"].shape[0] == 3 * 4 and begun["head.weight"].shape[0] == 7 * 4
    with pytest.raises(RecipeError, match="No class of damage is called `losses`"):
        parse_recipe(recipe_text("damage", 'classes = ["losses"]'), "mine", "mine")


def test_the_students_network_learns_from_the_first_steps(folder: Path, tmp_path: Path) -> None:
    """Begun as PyTorch begins, it spends its first hundreds of steps on nothing."""
    gained = []
    for taught in ("false", "true"):
        own = f"width = 8\nas_taught = {taught}"
        recipe = parse_recipe(recipe_text("tutorial", own, steps=30, patch_px=64), taught, taught)
        measured = fit(recipe, Pictures(folder, recipe.data), tmp_path / taught, device="cpu")
        gained.append(measured.measured["score"] - measured.measured["damaged_db"])
    assert gained[0] > gained[1]


def test_no_task_is_without_a_test() -> None:
    assert {n for n, (module, _) in TASKS.items() if "latent" not in module} == set(OWN)


@pytest.mark.parametrize("name", sorted(OWN))
def test_what_a_task_makes_of_a_patch_follows_from_its_seed(name: str, folder: Path) -> None:
    recipe = parse_recipe(recipe_text(name, OWN[name], patch_px=64), name, name)
    task = task_of(name)(recipe.settings, torch.device("cpu"))
    patches = Patches(Pictures(folder, recipe.data), "train", recipe.data, 1)
    clean = patches.batch(range(4)).float() / 255
    one = task.prepare(clean.clone(), [5, 6, 7, 8])
    two = task.prepare(clean.clone(), [5, 6, 7, 8])
    assert one.keys() == two.keys()
    for key in one:
        assert torch.equal(one[key], two[key]), key


def test_sound_patches_are_shown_as_they_are(folder: Path) -> None:
    recipe = parse_recipe(recipe_text("restore", OWN["restore"]), "restore", "restore")
    settings = replace(recipe.settings, sound_share=0.5, noise_share=0.25, grey_share=0.0)
    task = task_of("restore")(settings, torch.device("cpu"))
    clean = torch.rand(8, 3, 32, 32)
    batch = task.prepare(clean, list(range(8)))
    same = [torch.equal(a, b) for a, b in zip(batch["damaged"], batch["clean"], strict=True)]
    assert same == [False] * 4 + [True] * 4


def test_smoothed_noise_keeps_its_strength_and_neighbours_follow_each_other() -> None:
    noise = torch.randn(3, 3, 200, 200, generator=torch.Generator().manual_seed(1))
    made = smoothed(noise, torch.tensor([0.0, 0.7, 1.2]))
    assert torch.allclose(made[0], noise[0], atol=1e-5)
    assert made.std((1, 2, 3)).tolist() == pytest.approx([1, 1, 1], rel=0.03)
    alike = [float((x[:, :, 1:] * x[:, :, :-1]).mean()) for x in made]
    # of a Gaussian of width w, neighbours correlate by exp(-1 / (4 w^2))
    assert alike == pytest.approx([0, 0.6, 0.84], abs=0.03)


def test_holes_are_within_their_bounds() -> None:
    for seed in range(30):
        mask = draw_holes(96, 128, np.random.default_rng(seed), 48)
        assert mask.shape == (96, 128) and set(np.unique(mask)) <= {0.0, 1.0}
        assert 0 < mask.mean() < 0.75


def test_lab_and_back() -> None:
    rgb = torch.rand(2, 3, 8, 8) * 0.8 + 0.1
    lab = colorize.lab_of(rgb)
    back = colorize.rgb_of(lab[:, :1] / 100, lab[:, 1:] / CHROMA_RANGE)
    assert torch.allclose(back, rgb, atol=1e-4)
    from skimage.color import rgb2lab

    wanted = rgb2lab(rgb[0].permute(1, 2, 0).numpy())
    assert np.abs(lab[0].permute(1, 2, 0).numpy() - wanted).max() < 0.02


def test_the_fade_model_undoes_itself() -> None:
    sound = torch.rand(2, 3, 8, 8) * 2
    gain, stain = torch.tensor([[0.5, 0.7, 0.9]] * 2), torch.tensor([[0.1, 0.0, 0.2]] * 2)
    faded = gain[:, :, None, None] * sound + stain[:, :, None, None]
    assert torch.allclose(fading.undone(faded, gain, stain), sound, atol=1e-5)


def test_prints_that_went_through_a_recipe_are_among_those_the_network_for_fading_sees() -> None:
    own = 'damage = "faded-tones"\ndamage_share = 0.5\ndyes_share = 0.0\nfadings = 2'
    recipe = parse_recipe(recipe_text("unfade", own), "own", "own")
    task = task_of("unfade")(recipe.settings, torch.device("cpu"))
    astronaut = torch.from_numpy(data.astronaut()[None, ::4, ::4] / 255).float().permute(0, 3, 1, 2)
    batch = task.prepare(astronaut.repeat(4, 1, 1, 1), [1, 2, 3, 4])
    sound = fading.density_of(batch["sound"])
    apart = (batch["base"] - sound).abs().mean((1, 2, 3))
    assert apart[:2].min() > 0.02
    assert torch.equal(apart[2:], torch.zeros(2))
    # what is faded already is faded little more
    assert batch["gain"][:2].min() >= 1 - 0.65 / 4


def test_the_network_for_fading_is_told_in_training_what_the_step_tells_it() -> None:
    chance = torch.Generator().manual_seed(2)
    sound = torch.rand(1, 3, 96, 96, generator=chance) * 2
    gain, stain = torch.tensor([[0.5, 0.7, 0.9]]), torch.tensor([[0.1, 0.0, 0.2]])
    faded = gain[:, :, None, None] * sound + stain[:, :, None, None]
    order = fading.ordered(faded)
    blob = fading.blob(fading.view_of(faded, order), fading.numbers_of(order))
    # what is left of a layer does not alter what is looked at
    assert torch.allclose(fading.view_of(sound, fading.ordered(sound)), blob[:, :3], atol=1e-4)

    pixels = faded[0].permute(1, 2, 0).numpy()
    quantiles = network.ordered(pixels)
    assert np.allclose(quantiles, order[0], atol=1e-5)
    assert np.allclose(network.blob_of(pixels, quantiles), blob[0], atol=1e-3)

    raw = torch.randn(1, 7, 1, 1, generator=chance) / 3
    raw[:, 6] = 1.5
    gains, stains, sure = fading.told(raw, order)
    found = network.fading_told(raw.numpy().ravel(), quantiles)
    assert found.gains == pytest.approx(gains[0].tolist(), abs=1e-4)
    assert found.stains == pytest.approx(stains[0].tolist(), abs=1e-4)
    assert found.evidence == pytest.approx(float(sure), abs=1e-5)
    raw[:, 6] = -1.5  # surely sound
    assert network.fading_told(raw.numpy().ravel(), quantiles).nothing


def test_colours_of_training_are_those_of_the_measures() -> None:
    light = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    lab = lab_of(light).permute(0, 2, 3, 1).numpy()
    assert np.allclose(lab, linear_to_lab(light.permute(0, 2, 3, 1).numpy()), atol=0.02)
    near = (light * 1.01).clamp(0, 1)
    smooth = difference(lab_of(near), lab_of(light)).mean((1, 2))
    # both call a difference small or large alike
    assert torch.allclose(smooth, seen_difference(near, light), rtol=0.5)


def test_an_export_holds_the_same_network_thrice(folder: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(recipe_text("restore", SMALL, steps=3), "restore", "restore")
    fit(recipe, Pictures(folder, recipe.data), tmp_path / "run", device="cpu")
    (made,) = export(tmp_path / "run", tmp_path / "out")
    assert made.difference < 1e-3
    assert {f.suffix for f in made.files} == {
        ".bin", ".json", ".md", ".onnx", ".param", ".safetensors", ".toml",
    }  # fmt: skip
    entry = (tmp_path / "out" / "unfade-restore.toml").read_text()
    assert f"halo_px = {made.halo_px}" in entry and "sha256" in entry
    for file in made.files:  # nothing of the machine that made them
        assert str(Path(__file__).parents[2]).encode() not in file.read_bytes()
    card = (tmp_path / "out" / "unfade-restore.md").read_text()
    assert "sigma25_db" in card and recipe.sha256[:16] in card
    figures = verify(tmp_path / "out" / "unfade-restore.training.json", folder)
    assert figures and all(f.same for f in figures), figures


def test_an_exported_network_is_used_by_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNFADE_HOME", str(tmp_path / "home"))
    recipe = parse_recipe(recipe_text("restore", SMALL, steps=3), "restore", "restore")
    fit(recipe, Pictures(folder, recipe.data), tmp_path / "run", device="cpu")
    export(tmp_path / "run", tmp_path / "out")
    table = tmp_path / "out" / "unfade-restore.toml"
    with pytest.raises(UsageError, match="taken"):
        take_export(table)
    take_export(table, "my-own")
    noisy = np.random.default_rng(0).integers(90, 160, (40, 52, 3), np.uint8)
    settings = {"denoise": {"method": "my-own", "sigma": 0.05}}
    result = restore(noisy, only=("denoise",), settings=settings)
    assert result.record.to_dict()["steps"][0]["settings"]["method"] == "my-own"
    assert (result.picture.samples != noisy).any()
    shutil.rmtree(tmp_path / "out")
    with Bench(runtime="onnx") as bench:  # every format has come along
        bench.engine("my-own").mend(noisy.astype(np.float32) / 255)
    take_out("my-own")
    assert not [p for p in (tmp_path / "home" / "networks").iterdir() if p.suffix != ".toml"]


def test_a_broken_export_is_not_taken_in(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNFADE_HOME", str(tmp_path / "home"))
    recipe = parse_recipe(recipe_text("restore", SMALL, steps=3), "restore", "restore")
    fit(recipe, Pictures(folder, recipe.data), tmp_path / "run", device="cpu")
    export(tmp_path / "run", tmp_path / "out")
    weights = tmp_path / "out" / "unfade-restore.bin"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ModelRejected, match="SHA-256 differ"):
        take_export(tmp_path / "out" / "unfade-restore.toml", "my-own")
    weights.unlink()
    with pytest.raises(ModelMissing, match="lie beside"):
        take_export(tmp_path / "out" / "unfade-restore.toml", "my-own")
    assert not (tmp_path / "home").exists()


def test_runtimes_that_disagree_are_not_exported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unfade.errors import PromiseBroken
    from unfade.train import export as module

    recipe = parse_recipe(recipe_text("restore", SMALL, steps=3), "restore", "restore")
    fit(recipe, Pictures(folder, recipe.data), tmp_path / "run", device="cpu")
    true = module._run_ncnn
    monkeypatch.setattr(module, "_write_ncnn", lambda *_: None)
    monkeypatch.setattr(module, "_run_ncnn", lambda _, x: x[:3] + 0.01)
    assert true is not module._run_ncnn
    with pytest.raises(PromiseBroken, match="differ by"):
        export(tmp_path / "run", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_the_halo_is_where_a_cut_is_no_longer_felt() -> None:
    from unfade.train.contract import Export

    net = torch.nn.Conv2d(3, 3, 9, padding=4)
    with torch.no_grad():
        net.weight.fill_(0.01)
    given = Export(
        name="n",
        module=net,
        channels_in=3,
        channels_out=3,
        about="",
        task="",
        paper="",
        multiple_of=2,
    )
    assert measured_halo(net, given) == 4


def test_a_fill_that_begins_with_an_unknown_method_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"No fill is called `spars`.*sparse"):
        parse_recipe(recipe_text("fill", 'begin = "spars"', steps=1), "fill", "fill")
