"""A study from end to end: figures, controls, keeping, peers, and what goes wrong on the way."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from albums import SIDE_PX, album, codes_of, dies_on_b, save

from unfade.errors import Cancelled, ModelMissing, RecipeError, UnreadableInput, UsageError
from unfade.files.formats.png_encode import encode
from unfade.study import Study, load_study, run_study
from unfade.study import run as running
from unfade.study.controls import judge
from unfade.study.run import Outcome, export, plan

QUICK = ("ssim",)


def _study(folder: Path, **settings: object) -> Study:
    plain = {"damage": ("gaussian-25",), "methods": (), "metrics": QUICK} | settings
    return Study(data=str(folder), **plain)  # type: ignore[arg-type]


def _run(study: Study, output: Path, **settings: object) -> Outcome:
    return run_study(study, output=output, **({"workers": 1} | settings))  # type: ignore[arg-type]


def _figures(outcome: Outcome, **where: str) -> list[float]:
    return [r["harm"] for r in outcome.rows if all(r[k] == v for k, v in where.items())]


def test_controls_rank_as_they_must(tmp_path: Path) -> None:
    outcome = _run(_study(album(tmp_path / "photos")), tmp_path / "out")
    assert outcome.problems == ()
    assert len(outcome.rows) == outcome.cells == 3 * 2 * 4
    assert set(_figures(outcome, method="identity")) == {0.0}
    assert min(_figures(outcome, method="blur", damage="sound")) > 0.1
    assert outcome.check.passed, outcome.check.faults
    noisy = [r for r in outcome.rows if r["damage"] == "gaussian-25" and r["method"] == "identity"]
    # the noise is what the recipe says, or less where black and white cut it off
    at_least = 20 * math.log10(255 / 25)
    assert all(at_least - 0.2 < r["psnr_db"] < at_least + 3 for r in noisy)


def test_flat_pictures_fail_the_benchmark_itself(tmp_path: Path) -> None:
    """Nothing can be spoiled by a blur: no figure means anything, and it says so."""
    for name in "ab":
        save(np.full((64, 64, 3), 120, np.uint8), tmp_path / "flat" / f"{name}.png")
    outcome = _run(_study(tmp_path / "flat"), tmp_path / "out")
    assert not outcome.check.passed
    assert any("`blur` spoils 0.00%" in fault for fault in outcome.check.faults)


def test_a_harmful_identity_fails_the_benchmark() -> None:
    rows = [
        {"method": "identity", "damage": "sound", "picture": "a", "harm": 0.2, "gain_db": math.nan},
        {"method": "blur", "damage": "sound", "picture": "a", "harm": 0.3, "gain_db": -3.0},
        {"method": "flip", "damage": "sound", "picture": "a", "harm": 0.9, "gain_db": -9.0},
    ]
    assert "Doing nothing ranks as 20.00% harm on `a`" in judge(rows).faults[0]
    rows[0]["harm"] = 0.0
    assert judge(rows).passed
    rows[0]["gain_db"] = 0.5
    assert not judge(rows).passed


def test_methods_of_every_family(tmp_path: Path) -> None:
    folder = album(tmp_path / "photos", 1)
    recipe = tmp_path / "mine.toml"
    recipe.write_text('format = 1\nname = "mine"\n[[step]]\nuse = "sharpen"\namount = 0.5\n')
    damage = tmp_path / "line.toml"
    damage.write_text(
        'format = 1\nname = "line"\n[[damage]]\nuse = "scratches"\ncount = 60\nwidth_px = 3\n'
        "depth = 3\nopacity = 1\nlength_share = 0.5\n"
    )
    study = _study(
        folder,
        damage=(str(damage),),
        methods=(str(recipe), "fill:telea", "mended=fill:sparse", "auto"),
        metrics=("psnr",),
    )
    outcome = _run(study, tmp_path / "out", keep=True)
    assert outcome.problems == ()
    by_method = {r["method"]: r for r in outcome.rows if r["damage"] == "line"}
    assert list(by_method) == [
        "identity", "blur", "stretch", "flip", "mine", "fill:telea", "mended", "auto",
    ]  # fmt: skip
    assert by_method["mended"]["psnr_inside_db"] > by_method["identity"]["psnr_inside_db"] + 3
    assert by_method["mended"]["harm"] == 0  # a fill with the true mask touches nothing else
    assert by_method["mine"]["harm"] > 0
    assert 0 <= by_method["auto"]["found_recall"] <= 1  # it says where it saw damage
    assert math.isnan(by_method["fill:telea"]["found_recall"])
    kept = codes_of(tmp_path / "out" / "results" / "line" / "identity" / "a.png")
    assert kept.shape == (SIDE_PX, SIDE_PX, 3)


def test_a_second_run_computes_nothing_and_a_third_only_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unfade.study import cell

    folder, output = album(tmp_path / "photos", 2), tmp_path / "out"
    first = _run(_study(folder, methods=("fill:telea",)), output)
    calls: list[tuple[str, ...]] = []
    plain = cell.measure

    def counted(case: object, names: list[str]) -> dict[str, float]:
        calls.append(tuple(names))
        return plain(case, names)  # type: ignore[arg-type]

    monkeypatch.setattr(cell, "measure", counted)
    second = _run(_study(folder, methods=("fill:telea",)), output)
    assert calls == []
    assert str(second.rows) == str(first.rows)  # as text: NaN is not equal to itself
    third = _run(_study(folder, methods=("fill:telea",), metrics=("ssim", "mse")), output)
    assert set(calls) == {("mse",)}
    assert all(row["mse"] >= 0 for row in third.rows)
    calls.clear()
    _run(_study(folder, methods=("fill:telea",), seed=1), output)
    assert len(calls) == 2 * 5  # other noise; the sound pictures are as they were
    calls.clear()
    (folder / "a.png").write_bytes(encode(codes_of(folder / "b.png")[::-1].copy(), [], []))
    _run(_study(folder, methods=("fill:telea",)), output)
    assert len(calls) == 2 * 5  # both damages of one picture


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    folder, output = album(tmp_path / "photos", 1), tmp_path / "out"
    first = _run(_study(folder), output)
    for path in (output / "cache").rglob("*.json"):
        path.write_text("{")
    assert [r["ssim"] for r in _run(_study(folder), output).rows] == [r["ssim"] for r in first.rows]


def test_order_and_number_of_pictures_and_processes_change_no_figure(tmp_path: Path) -> None:
    folder = album(tmp_path / "photos", 2)
    alone = _run(_study(folder, limit=1), tmp_path / "one")
    study = _study(folder)
    both = run_study(study, output=tmp_path / "two", workers=2)  # in two processes
    pairs = {(r["picture"], r["damage"], r["method"]): r for r in both.rows}
    assert len(pairs) == 16
    for row in alone.rows:
        other = pairs[row["picture"], row["damage"], row["method"]]
        assert [str(v) for k, v in row.items() if k != "seconds"] == [
            str(v) for k, v in other.items() if k != "seconds"
        ]


def test_a_peer_is_measured_and_what_is_missing_or_surplus_is_named(tmp_path: Path) -> None:
    folder = album(tmp_path / "photos", 3)
    peer = tmp_path / "peer"
    study = _study(folder, methods=(f"folder:{peer}",))
    for name in "ab":
        save(codes_of(folder / f"{name}.png"), peer / "gaussian-25" / f"{name}.png")
        save(codes_of(folder / f"{name}.png"), peer / "sound" / f"{name}.png")
    save(codes_of(folder / "c.png"), peer / "sound" / "c.png")
    save(codes_of(folder / "c.png"), peer / "gaussian-25" / "z.png")
    outcome = _run(study, tmp_path / "out")
    perfect = [r for r in outcome.rows if r["method"] == "peer"]
    assert len(perfect) == 5
    assert [r["ssim"] for r in perfect] == pytest.approx([1] * 5)
    told = {(p.picture, p.damage, p.method): p.message for p in outcome.problems}
    assert set(told) == {("z.png", "gaussian-25", "peer"), ("c", "gaussian-25", "peer")}
    assert "belongs to no picture" in told["z.png", "gaussian-25", "peer"]
    assert "no result for `c`" in told["c", "gaussian-25", "peer"]
    assert len([r for r in outcome.rows if r["method"] == "blur"]) == 6  # the rest went on


def test_results_that_do_not_fit_are_named(tmp_path: Path) -> None:
    folder = album(tmp_path / "photos", 4)
    sound = {name: codes_of(folder / f"{name}.png") for name in "abcd"}
    peer = tmp_path / "peer" / "gaussian-25"
    save(sound["a"][:50], peer / "a.png")
    save(sound["b"][:, :, 0], peer / "b.png")
    peer.joinpath("c.png").write_bytes((folder / "c.png").read_bytes()[:900])
    values = sound["d"].astype(np.float32) / 255
    values[5, 7] = np.nan
    tifffile.imwrite(peer / "d.tif", values, photometric="rgb")
    outcome = _run(_study(folder, methods=(f"folder:{tmp_path / 'peer'}",)), tmp_path / "out")
    told = {
        p.picture: p.message for p in outcome.problems if p.damage == "gaussian-25" and p.picture
    }
    assert "96 x 50 pixels, the reference 96 x 96" in told["a"]
    assert "is grey, the reference is colour" in told["b"]
    assert "c.png" in told["c"]
    assert "row 5, column 7" in told["d"]


def test_grey_pictures_take_results_saved_as_equal_channels(tmp_path: Path) -> None:
    folder = album(tmp_path / "photos", 2)
    for name in "ab":
        grey = codes_of(folder / f"{name}.png")[:, :, 1]
        save(grey, folder / f"{name}.png")
        save(np.stack([grey] * 3, axis=2), tmp_path / "peer" / "gaussian-25" / f"{name}.png")
    coloured = codes_of(folder / "b.png")
    tinted = np.stack([coloured, coloured // 2, coloured], axis=2)
    save(tinted, tmp_path / "peer" / "gaussian-25" / "b.png")
    outcome = _run(_study(folder, methods=(f"folder:{tmp_path / 'peer'}",)), tmp_path / "out")
    rows = [r for r in outcome.rows if r["method"] == "peer"]
    assert [(r["picture"], r["channels"], r["psnr_db"]) for r in rows] == [("a", 1, math.inf)]
    assert any("in colour, the reference is grey" in p.message for p in outcome.problems)


def test_a_corrupt_picture_costs_only_itself(tmp_path: Path) -> None:
    folder = album(tmp_path / "photos", 3)
    (folder / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    (folder / "notes.txt").write_text("not a picture")
    outcome = _run(_study(folder), tmp_path / "out")
    assert {p.picture for p in outcome.problems} == {"b"}
    assert {(p.damage, p.method) for p in outcome.problems} == {("sound", ""), ("gaussian-25", "")}
    assert {r["picture"] for r in outcome.rows} == {"a", "c"}


def test_ready_damage_with_masks(tmp_path: Path) -> None:
    folder, worn = album(tmp_path / "photos", 2), tmp_path / "worn"
    for name in "ab":
        codes = codes_of(folder / f"{name}.png").copy()
        mask = np.zeros(codes.shape[:2], np.uint8)
        mask[40:44] = 255
        codes[mask > 0] = 250
        save(codes, worn / f"{name}.png")
        if name == "a":
            save(mask, worn / "masks" / "a.png")
    save(codes, worn / "other.png")
    study = _study(folder, damage=(f"folder:{worn}",), methods=("fill:biharmonic",))
    outcome = _run(study, tmp_path / "out")
    (filled,) = (
        r for r in outcome.rows if r["method"] == "fill:biharmonic" and r["damage"] == "worn"
    )
    assert filled["picture"] == "a"
    assert filled["gain_db"] > 3
    messages = [p.message for p in outcome.problems]
    assert any("nobody says where the damage lies" in m for m in messages)
    assert any("`other.png` belongs to no picture" in m for m in messages)


def test_what_is_exported_is_what_methods_are_given(tmp_path: Path) -> None:
    folder, output = album(tmp_path / "photos", 1), tmp_path / "out"
    study = _study(folder)
    assert export(study, tmp_path / "inputs") == 2
    _run(study, output, keep=True)
    for damage in ("sound", "gaussian-25"):
        given = codes_of(tmp_path / "inputs" / damage / "a.png")
        assert np.array_equal(given, codes_of(output / "results" / damage / "identity" / "a.png"))
        assert codes_of(tmp_path / "inputs" / damage / "masks" / "a.png").shape == (96, 96)


def test_a_study_that_is_stopped_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unfade.study import cell

    folder, output = album(tmp_path / "photos", 3), tmp_path / "out"
    asked = iter(range(100))
    with pytest.raises(Cancelled, match="goes on where it was"):
        _run(_study(folder), output, cancelled=lambda: next(asked) >= 2)
    calls = []
    plain = cell.measure
    monkeypatch.setattr(cell, "measure", lambda case, names: calls.append(1) or plain(case, names))
    _run(_study(folder), output)
    assert len(calls) == (6 - 2) * 4


def test_a_process_that_dies_costs_the_cell_that_kills_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "carry_out_task", dies_on_b)
    study = _study(album(tmp_path / "photos", 2))
    outcome = run_study(study, output=tmp_path / "out", workers=2)
    (problem,) = outcome.problems
    assert (problem.picture, problem.damage) == ("b", "sound")
    assert "died" in problem.message


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"methods": ("fotograph",)}, UsageError, "photograph"),
        ({"methods": ("fill:telia",)}, UsageError, "telea"),
        ({"methods": ("network:nothing",)}, ModelMissing, "nothing"),
        ({"methods": ("folder:/nowhere",)}, UsageError, "not a folder"),
        ({"methods": ("a=auto", "a=fill:telea")}, UsageError, "Two methods"),
        ({"methods": ("identity=auto",)}, UsageError, "Two methods are called `identity`"),
        ({"methods": ("../x=auto",)}, UsageError, "label"),
        ({"damage": ("old-foto",)}, RecipeError, "old-photo"),
        ({"damage": ("a=old-photo", "a=gaussian-25")}, UsageError, "Two damages"),
        ({"damage": ("sound=old-photo",)}, UsageError, "taken"),
        ({"damage": ("folder:/nowhere",)}, UnreadableInput, "not a folder"),
    ],
)
def test_wrong_specs_are_answered_before_anything_is_done(
    tmp_path: Path, settings: dict[str, tuple[str, ...]], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        plan(_study(tmp_path, **settings))


def test_an_empty_folder_and_twins_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableInput, match="holds no picture"):
        _run(_study(tmp_path / "empty"), tmp_path / "out")
    folder = album(tmp_path / "photos", 1)
    save(codes_of(folder / "a.png"), folder / "a.jpg")
    with pytest.raises(UsageError, match="one name twice"):
        _run(_study(folder), tmp_path / "out")


def test_a_study_file(tmp_path: Path) -> None:
    album(tmp_path / "photos", 1)
    (tmp_path / "peer").mkdir()
    file = tmp_path / "study.toml"
    file.write_text(
        'format = 1\nname = "mine"\ndata = "photos"\ndamage = ["gaussian-15"]\n'
        'methods = ["auto", "they=folder:peer", "recipe:photograph"]\nmetrics = ["ssim"]\n'
        "seed = 3\n"
    )
    study = load_study(file, {"seed": 4, "limit": None})
    assert study.data == str(tmp_path / "photos")
    assert study.methods == ("auto", f"they=folder:{tmp_path / 'peer'}", "recipe:photograph")
    assert study.seed == 4
    assert [m.name for m in study.measures] == ["psnr", "ssim", "harm"]
    assert [m.label for m in plan(study)[1]][4:] == ["auto", "they", "photograph"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data = 'x'\n", "format = 1"),
        ("format = 1\n", "no `data`"),
        ("format = 1\ndata = 'x'\nmethod = ['auto']\n", "unknown key `method`.*`methods`"),
        ("format = 1\ndata = 'x'\nmethods = [1]\n", "holds"),
        ("format = [", "not valid TOML"),
    ],
)
def test_a_wrong_study_file_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=words):
        load_study(file)
    with pytest.raises(UsageError, match="seed"):
        Study(data="x", seed=-1)
    with pytest.raises(UsageError, match="no pictures"):
        Study(data="")
