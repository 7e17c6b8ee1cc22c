"""Films through the command line and the library's front door."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_films import Truth, decoded_planes

import unfade
from unfade.cli import main
from unfade.errors import PolicyError, UsageError
from unfade.recipe import load_recipe, parse_recipe


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNFADE_CONFIG", str(tmp_path / "none.toml"))


def test_a_film_is_restored_reported_and_taken_back(
    dirty: tuple[Path, Truth], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "old <film>.mkv"
    source.write_bytes(dirty[0].read_bytes())
    target = tmp_path / "out.mkv"
    code = run("restore", source, "-o", target, "--json", "--film-report", "--side-by-side",
               "--frames", "0-9")  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert told["frames"] == 10
    assert told["repairs"]["remove_dirt"] > 5
    page = Path(told["report"]).read_text(encoding="utf-8")
    assert "old &lt;film&gt;.mkv" in page
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert "data:image/png;base64," in page
    assert len(decoded_planes(Path(told["side_by_side"]))) == 10
    assert run("revert", target, "--item", 1, "-o", tmp_path / "less.mkv", "--json") == 0
    left = json.loads(capsys.readouterr().out)["items_left"]
    assert left == sum(told["repairs"].values()) - 1
    assert run("revert", target, "-o", tmp_path / "back.mkv") == 0
    assert (tmp_path / "back.mkv").read_bytes() == source.read_bytes()


def test_the_front_door_takes_films(clean_film: Path, tmp_path: Path) -> None:
    result = unfade.restore(clean_film, recipe="none")
    saved = result.save(tmp_path / "copy.mkv")  # type: ignore[attr-defined]
    assert saved.record.source["frames"] == 24
    assert not result.changed


def test_a_name_is_found_beside_the_film(clean_film: Path, tmp_path: Path) -> None:
    source = tmp_path / "film.mkv"
    source.write_bytes(clean_film.read_bytes())
    assert run("restore", source, "--recipe", "none", "-q") == 0
    assert (tmp_path / "film-restored.mkv").exists()
    assert run("restore", source, "--recipe", "none", "-q") == 7, "never over an older result"
    assert run("restore", source, "--access", "x264", "--recipe", "none", "-q") == 0
    assert (tmp_path / "film-restored.mp4").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mask", "m.png"], "`--mask` is for pictures"),
        (["--in-place"], "`--in-place` is for pictures"),
        (["--faces"], "`--faces` is for pictures"),
        (["--face", "2"], "`--face` is for pictures"),
        (["--fill", "lama"], "`--fill` is for pictures"),
        (["--prompt", "sky"], "`--prompt` is for pictures"),
        (["--render", "neutral"], "`--render` is for pictures"),
        (["--hint", "9,9,#ff0000"], "`--hint` is for pictures"),
        (["--reference", "p.png"], "`--reference` is for pictures"),
        (["--report"], "`--report` is for pictures"),
        (["--package"], "`--package` is for pictures"),
        (["--frames", "9-2"], "no range"),
        (["--frames", "5-500"], "has frames 0 to 23"),
        (["--preview", "soon"], "no time"),
        (["--fps", "24"], "states its own times"),
        (["--only", "remove_dirrt"], "remove_dirt"),
    ],
)
def test_wrong_requests_are_answered(
    options: list[str], words: str, clean_film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("restore", clean_film, *options) == 2
    assert words in capsys.readouterr().err


def test_the_front_door_passes_over_no_wish(clean_film: Path) -> None:
    for wish in ({"faces": True}, {"hints": ["9,9,#ff0000"]}, {"page": 0}, {"rejected": ["a"]}):
        with pytest.raises(UsageError, match=f"`{next(iter(wish))}` is for pictures"):
            unfade.restore(clean_film, **wish)  # type: ignore[arg-type]


def test_a_dry_run_tells_what_would_be_done(
    clean_film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.mkv"
    words = ["restore", clean_film, "-o", target, "--dry-run"]
    assert run(*words, "--upscale", 2, "--skip", "stabilise") == 0
    told = capsys.readouterr().out
    assert "24 frames" in told and "remove_dirt: recipe `film`" in told
    assert "upscale: asked for: 2 times" in told and "stabilise" not in told
    assert run(*words, "--recipe", "none", "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["event"], planned["frames"], planned["reasons"]) == ("planned", 24, {})
    assert not list(tmp_path.iterdir())


def test_colour_is_given_to_a_film_that_asks_for_it(clean_film: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    words = ["restore", clean_film, "-o", target, "--recipe", "none", "--frames", "0-2", "-q"]
    assert run(*words, "--colorize", "--policy", "museum") == PolicyError("").exit_code
    assert run(*words, "--colorize") == 0  # asking is the permission
    record = json.loads(Path(f"{target}.unfade.json").read_text())
    assert [step["step"] for step in record["steps"]] == ["colorize"]
    assert len(decoded_planes(target)[0]) == 3


def test_a_film_step_on_a_picture_is_refused(tmp_path: Path) -> None:
    import numpy as np

    with pytest.raises(UsageError, match="frames before and after"):
        unfade.restore(np.zeros((20, 20, 3), np.uint8), recipe=load_recipe("film"))


def test_the_recipe_is_text_that_comes_back() -> None:
    recipe = load_recipe("film")
    assert recipe.step_names[:2] == ("mend_frames", "remove_dirt")
    assert parse_recipe(recipe.to_text()) == recipe


def test_the_steps_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("steps", "deflicker") == 0
    assert "evidence class 1" in capsys.readouterr().out
