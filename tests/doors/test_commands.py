"""The smaller commands, help, settings, and what an import costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unfade.cli import COMMANDS

Run = Callable[..., Any]
ROOT = Path(__file__).parents[2]


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, unfade, unfade.cli, unfade.journey, unfade.steps, unfade.condition\n"
        "heavy = {'torch', 'onnxruntime', 'cv2', 'scipy', 'ncnn', 'skimage', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_command_has_help_and_the_list_matches(unfade: Run) -> None:
    listed = unfade("--help").out
    for name in COMMANDS:
        assert name in listed
        ran = unfade(name, "--help")
        assert ran.code == 0
        assert "Usage" in ran.out


def test_version_and_unknown_command(unfade: Run) -> None:
    assert unfade("--version").out.startswith("unfade ")
    ran = unfade("restor")
    assert ran.code == 2
    assert "Did you mean `restore`" in ran.err


def test_an_unknown_option_is_a_usage_error(unfade: Run, sound: Path) -> None:
    assert unfade("restore", sound, "--strenght", "1").code == 2


def test_examine_says_and_writes_masks(unfade: Run, damaged: Path, tmp_path: Path) -> None:
    ran = unfade("examine", damaged)
    assert ran.code == 0
    assert "Would be done" in ran.out
    assert "Left alone" in ran.out
    ran = unfade("examine", damaged, "--json", "--masks", tmp_path / "masks")
    seen = json.loads(ran.out)
    assert seen["findings"]["marks"]["items"]
    masks = [np.asarray(Image.open(path)) for path in seen["masks"]]
    assert all(mask.shape[:2] == (512, 512) for mask in masks)
    assert any(mask.any() for mask in masks)


def test_compare(unfade: Run, damaged: Path, sound: Path, tmp_path: Path) -> None:
    facts = json.loads(unfade("compare", damaged, sound, "--json").out)
    assert 10 < facts["psnr_db"] < 60
    assert 0 < facts["changed_share"] < 1
    same = json.loads(unfade("compare", sound, sound, "--json").out)
    assert same["psnr_db"] is None
    assert same["ssim"] == pytest.approx(1)
    Image.fromarray(np.zeros((5, 6), np.uint8)).save(tmp_path / "small.png")
    ran = unfade("compare", sound, tmp_path / "small.png")
    assert ran.code == 2
    assert "512 x 512" in ran.err


def test_steps_and_recipes_are_listed(unfade: Run) -> None:
    assert "remove_dust" in unfade("steps").out
    assert "strength" in unfade("steps", "denoise").out
    assert unfade("steps", "denoyse").code == 2
    assert "photograph" in unfade("recipes", "list").out
    assert "[[step]]" in unfade("recipes", "show", "photograph").out


def test_a_recipe_file_is_carried_out(unfade: Run, sound: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('format = 1\n[[step]]\nuse = "sharpen"\namount = 0.5\n')
    ran = unfade("restore", sound, "--recipe", recipe, "--json")
    assert json.loads(ran.out)["steps"] == ["sharpen"]
    recipe.write_text('format = 1\n[[step]]\nuse = "sharpen"\namont = 0.5\n')
    ran = unfade("restore", sound, "--recipe", recipe, "--overwrite")
    assert (ran.code, "line 4" in ran.err, "`amount`" in ran.err) == (2, True, True)


def test_policy_is_kept(unfade: Run, damaged: Path) -> None:
    ran = unfade("restore", damaged, "--policy", "archive", "--only", "remove_dust")
    assert ran.code == 2
    assert "--policy" in ran.err
    ran = unfade("restore", damaged, "--policy", "archive", "--json", "--skip", "correct_fading")
    assert json.loads(ran.out)["same_bytes"] is True


def test_settings_file_and_environment(
    unfade: Run, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('suffix = "-mended"\nmemory = "1GB"\n')
    monkeypatch.setenv("UNFADE_CONFIG", str(file))
    monkeypatch.setenv("UNFADE_THREADS", "1")
    shown = unfade("config", "show").out
    assert str(file) in shown
    assert "environment UNFADE_THREADS" in shown
    assert unfade("restore", sound).code == 0
    assert (tmp_path / "sound-mended.png").exists()
    file.write_text("thread = 1\n")
    assert unfade("restore", sound).code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(unfade: Run, shell: str) -> None:
    assert "_UNFADE_COMPLETE" in unfade("completion", shell).out


def test_models_are_listed_with_licence_and_hash(unfade: Run) -> None:
    ran = unfade("models", "list", "--json")
    entries = [json.loads(line) for line in ran.out.splitlines()]
    assert {"realesrgan-x4plus"} <= {entry["name"] for entry in entries}
    assert all(entry["licence"] for entry in entries)
    assert unfade("models", "show", "realesrgan-x4plos").code == 5


def test_the_demo_mends_its_damage(unfade: Run, tmp_path: Path) -> None:
    facts = json.loads(unfade("demo", "-o", tmp_path / "demo", "--json").out)
    assert facts["psnr_by_itself_db"] > facts["psnr_damaged_db"] + 1
    assert facts["psnr_by_mask_db"] > facts["psnr_damaged_db"] + 6
    assert facts["damage_mended_by_itself"] > 0.25
    assert (tmp_path / "demo" / "before-after.jpg").exists()


@pytest.mark.parametrize(
    "script", ["restore_one.py", "look_first.py", "arrays.py", "independent_check.py"]
)
def test_examples_run(script: str, damaged: Path, unfade: Run) -> None:
    arguments = {
        "restore_one.py": [str(damaged), str(damaged.with_name("out.png"))],
        "look_first.py": [str(damaged)],
        "arrays.py": [],
        "independent_check.py": [str(damaged), str(damaged.with_name("scan-restored.png"))],
    }[script]
    if script == "independent_check.py":
        assert unfade("restore", damaged).code == 0
    ran = subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), *arguments],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout


def test_every_example_is_tested() -> None:
    parametrised = test_examples_run.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {p.name for p in (ROOT / "examples").glob("*.py")} == set(parametrised)
