from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from made_pictures import make_pictures, recipe_text

from unfade.errors import ModelRejected, PromiseBroken
from unfade.train import checkpoint as store
from unfade.train.data import Patches, Pictures
from unfade.train.loop import TOGETHER, Outcome, _average, batches, fit, schedule, turned
from unfade.train.recipe import RunSettings, TrainRecipe, parse_recipe
from unfade.train.tasks import task_of
from unfade.train.verify import verify

SMALL = "widths = [8, 16]\nblocks = [1, 1]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"))


def _recipe(steps: int = 6, more: str = "") -> TrainRecipe:
    return parse_recipe(recipe_text("restore", SMALL, steps=steps) + more, "small", "small.toml")


def _train(folder: Path, out: Path, recipe: TrainRecipe, **how: object) -> Outcome:
    return fit(recipe, Pictures(folder, recipe.data), out, device="cpu", **how)  # type: ignore[arg-type]


def _weights(out: Path) -> dict[str, torch.Tensor]:
    found = store.load(out / store.LATEST)
    return found.averages["restore"] | {f"raw.{k}": v for k, v in found.networks["restore"].items()}


def _assert_equal(one: Path, two: Path) -> None:
    a, b = _weights(one), _weights(two)
    assert a.keys() == b.keys()
    for key in a:
        assert torch.equal(a[key], b[key]), key


def test_a_training_stopped_anywhere_ends_with_the_same_bits(folder: Path, tmp_path: Path) -> None:
    recipe = _recipe(7)
    _train(folder, tmp_path / "whole", recipe)

    class Stopped(Exception):
        pass

    for stop_at in (3, 4, 6):
        out = tmp_path / f"stopped-{stop_at}"

        def stop(step: int, steps: int, numbers: dict[str, float], at: int = stop_at) -> None:
            if step >= at:
                raise Stopped

        with pytest.raises(Stopped):
            # a report comes at every validation, here after steps 3 and 6; 4 rises in the next one
            _train(folder, out, recipe, report=stop)
        outcome = _train(folder, out, recipe)
        assert outcome.ended == "finished" and outcome.step == 7
        _assert_equal(tmp_path / "whole", out)


def test_batches_that_are_used_again_are_turned_and_resumed_in_their_midst(folder: Path) -> None:
    recipe = _recipe(40, "reuse = 2\n")
    task = task_of("restore")(recipe.settings, torch.device("cpu"))
    patches = Patches(Pictures(folder, recipe.data), "train", recipe.data, recipe.seed)
    every = list(batches(task, patches, recipe, 0))
    assert len(every) == 40
    again = TOGETHER
    assert torch.equal(every[again]["clean"], torch.rot90(every[0]["clean"], 1, (2, 3)))
    assert torch.equal(every[again + 3]["damaged"], torch.rot90(every[3]["damaged"], 1, (2, 3)))
    assert not torch.equal(every[2 * again]["clean"], every[0]["clean"])
    for first in (1, again + 5, 2 * again, 39):
        rest = list(batches(task, patches, recipe, first))
        assert len(rest) == 40 - first
        for one, two in zip(rest, every[first:], strict=True):
            assert torch.equal(one["damaged"], two["damaged"])


@pytest.mark.parametrize("setting", ["turns = false", "whole = true"])
def test_batches_are_turned_only_as_the_recipe_lets_patches_be(folder: Path, setting: str) -> None:
    recipe = _recipe(3 * TOGETHER, "reuse = 3\n")
    recipe = parse_recipe(recipe.text.replace("[data]\n", f"[data]\n{setting}\n"), "r", "r")
    task = task_of("restore")(recipe.settings, torch.device("cpu"))
    patches = Patches(Pictures(folder, recipe.data), "train", recipe.data, recipe.seed)
    first, again, third = list(batches(task, patches, recipe, 0))[::TOGETHER]
    mirrored = first["clean"].flip(-1) if "whole" in setting else first["clean"]
    assert torch.equal(again["clean"], mirrored)
    assert torch.equal(third["clean"], first["clean"])


def test_eight_ways_to_turn_are_eight() -> None:
    batch = {"patch": torch.rand(1, 1, 4, 4), "number": torch.rand(1, 3)}
    ways = [turned(batch, way) for way in range(8)]
    assert len({tuple(w["patch"].flatten().tolist()) for w in ways}) == 8
    assert all(torch.equal(w["number"], batch["number"]) for w in ways)


def test_the_same_seed_gives_the_same_bits_and_another_others(folder: Path, tmp_path: Path) -> None:
    _train(folder, tmp_path / "a", _recipe(4))
    _train(folder, tmp_path / "b", _recipe(4))
    _assert_equal(tmp_path / "a", tmp_path / "b")
    other = parse_recipe(_recipe(4).text.replace("seed = 3", "seed = 4"), "other", "other")
    _train(folder, tmp_path / "c", other)
    a, c = _weights(tmp_path / "a"), _weights(tmp_path / "c")
    assert any(not torch.equal(a[k], c[k]) for k in a)


def test_it_learns(folder: Path, tmp_path: Path) -> None:
    text = recipe_text("restore", f"{SMALL}\nlearning_rate = 0.003", steps=120)
    text = text.replace("validate_every = 3", "validate_every = 60") + "average = 0.9\n"
    recipe = parse_recipe(text, "small", "small")
    _train(folder, tmp_path, recipe)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in log] == [60, 120]
    first, last = (row["validation/sigma25_db"] for row in log)
    assert last > max(first, 20.6), "white noise alone has 20.2 dB, 20.6 where it is clipped"
    assert (tmp_path / "samples" / "0000120.png").exists()
    assert list((tmp_path / "tensorboard").iterdir())


def test_time_ends_a_slice_with_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    outcome = _train(folder, tmp_path, _recipe(50), minutes=0.0)
    assert outcome.ended == "time" and outcome.step == 1
    assert store.load(tmp_path / store.LATEST).step == 1


def test_no_gain_ends_early(folder: Path, tmp_path: Path) -> None:
    text = recipe_text("restore", f"{SMALL}\nlearning_rate = 1e-12", steps=200)
    recipe = parse_recipe(text + "patience = 2\n", "small", "small")
    outcome = _train(folder, tmp_path, recipe)
    assert outcome.ended == "patience" and outcome.step < 30


def test_another_recipe_does_not_go_on_here(folder: Path, tmp_path: Path) -> None:
    _train(folder, tmp_path, _recipe(3))
    with pytest.raises(ModelRejected, match="another recipe"):
        _train(folder, tmp_path, _recipe(4))


def test_a_damaged_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    _train(folder, tmp_path, _recipe(3))
    (tmp_path / store.LATEST).write_bytes(b"nothing of the kind")
    with pytest.raises(ModelRejected, match="no checkpoint"):
        _train(folder, tmp_path, _recipe(3))


def test_a_loss_that_is_no_number_stops_it(folder: Path, tmp_path: Path) -> None:
    text = recipe_text("restore", f"{SMALL}\nlearning_rate = 1e30", steps=200)
    with pytest.raises(PromiseBroken, match="The loss `charbonnier` is"):
        _train(folder, tmp_path, parse_recipe(text, "wild", "wild"))


def test_figures_are_measured_again(folder: Path, tmp_path: Path) -> None:
    _train(folder, tmp_path, _recipe(3))
    figures = verify(tmp_path, folder)
    assert {f.name for f in figures} >= {"score", "sigma25_db", "sound_db"}
    assert all(f.same for f in figures)
    found = store.load(tmp_path / store.BEST)
    found.measured["score"] += 1.0
    store.save(found, tmp_path / store.BEST)
    assert [f.name for f in verify(tmp_path, folder) if not f.same] == ["score"]


def test_the_rate_rises_and_falls() -> None:
    run = RunSettings(steps=100, warmup_steps=10, final_share=0.05)
    rates = [schedule(step, run) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0)
    assert rates[100] == pytest.approx(0.05)
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_the_average_follows_the_first_steps_closely_and_later_ones_slowly() -> None:
    averages = [torch.zeros(3)]
    for step in range(50):
        now = torch.full((3,), float(step))
        _average(0.999, averages, [now], step)
    assert 40 < float(averages[0][0]) < 49, "a ninth of fifty steps behind"
    _average(0.999, averages, [torch.zeros(3)], 10**6)
    assert float(averages[0][0]) > 40 * 0.998
