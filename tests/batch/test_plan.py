"""Planning finds what cannot be done before anything is begun."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from unfade.batch.ledger import Chosen, Ledger
from unfade.batch.plan import Filter, Plan, make_plan
from unfade.batch.task import Treatment
from unfade.errors import UnreadableInput, UsageError
from unfade.files.places.contract import Entry
from unfade.files.places.folder import FolderPlace

TREATMENT = Treatment()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content")


def plan(source: Path, ledger: Ledger | None = None, **given: object) -> tuple[Plan, Ledger]:
    ledger = ledger or Ledger(":memory:")
    treatment = given.pop("treatment", TREATMENT)
    assert isinstance(treatment, Treatment)
    facts: dict[str, object] = {
        "job": treatment.hash,
        "target_of": treatment.target_of,
        "filter": Filter(),
        "chosen": Chosen(),
    }
    destination = FolderPlace(Path(str(given.pop("destination", source.parent / "restored"))))
    made = make_plan(ledger, FolderPlace(source), destination, **(facts | given))  # type: ignore[arg-type]
    return made, ledger


def planned(ledger: Ledger, run: int = 1) -> list[str]:
    return [row.name for row in ledger.rows(run=run, states=("planned",))]


def test_pictures_are_planned_and_the_rest_is_counted(source: Path) -> None:
    fill(source, "b/1.tif", "a.JPG", "notes.txt", "Thumbs.db", "b/deep/er/2.png", "no extension")
    made, ledger = plan(source)
    assert planned(ledger) == ["a.JPG", "b/1.tif", "b/deep/er/2.png"]
    assert made.counts["planned"] == 3
    assert made.planned_bytes == 21
    assert dict(made.ignored) == {".txt": 1, ".db": 1, "(none)": 1}


@pytest.mark.parametrize(
    ("filter", "names"),
    [
        (Filter(include=("*.tif",)), ["a.tif", "b/c.tif"]),
        (Filter(include=("b/*",)), ["b/c.tif", "b/notes.txt"]),
        (Filter(exclude=("b/*",)), ["a.tif"]),
        (Filter(include=("*.txt",)), ["b/notes.txt"]),
        (Filter(include=("*.tif",), exclude=("a.*",)), ["b/c.tif"]),
        (Filter(everything=True), ["a.tif", "b/c.tif", "b/notes.txt"]),
    ],
)
def test_include_and_exclude(source: Path, filter: Filter, names: list[str]) -> None:
    fill(source, "a.tif", "b/c.tif", "b/notes.txt")
    assert planned(plan(source, filter=filter)[1]) == names


def test_sidecars_and_own_folders_are_no_items(source: Path) -> None:
    fill(
        source,
        "a.tif",
        "a.tif.evidence.png",
        "a.tif.unfade.json",
        "alone.evidence.png",
        "unfade-report/sheet-01.jpg",
        ".unfade/batch.sqlite",
    )
    made, ledger = plan(source)
    assert planned(ledger) == ["a.tif", "alone.evidence.png"]
    assert made.sidecars == 2


def test_two_items_for_one_target_are_both_refused(source: Path) -> None:
    fill(source, "a.jpg", "a.png", "b.png")
    made, ledger = plan(source, treatment=Treatment(extension=".tif"))
    assert planned(ledger) == ["b.png"]
    assert [name for name, _ in made.refused] == ["a.jpg", "a.png"]
    assert "`a.jpg` and `a.png` would both be written" in made.refused[0][1]
    assert next(ledger.rows(run=1, states=("planned",))).target == "b.tif"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a/../b.tif", r"part `\.\.`"),
        ("../../etc/passwd.tif", r"part `\.\.`"),
        ("a//b.tif", "empty part"),
        ("/a.tif", "empty part"),
        ("tab\t.tif", "control characters"),
        ("bad\udcff.tif", "not valid Unicode"),
        ("x" * 1021 + ".tif", "1025 bytes, stores take 1024"),
        ("y" * 250 + ".tif", "file systems take 255"),
    ],
)
def test_names_that_no_path_can_hold(
    source: Path, name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stores allow what a folder cannot even list."""
    from unfade.files.places.contract import name_problem

    sound = Entry(name="z.tif", size=5, version="1")
    odd = Entry(name=name, size=5, version="1", problem=name_problem(name))
    monkeypatch.setattr(FolderPlace, "entries", lambda self: iter([odd, sound]))
    made, ledger = plan(source)
    assert planned(ledger) == ["z.tif"]
    ((_, why),) = made.refused
    import re

    assert re.search(words, why)


def test_keys_of_1024_bytes_are_taken(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "/".join(["k" * 199] * 5) + "/" + "k" * 20 + ".tif"
    assert len(name.encode()) == 1024
    monkeypatch.setattr(
        FolderPlace, "entries", lambda self: iter([Entry(name=name, size=5, version="1")])
    )
    assert planned(plan(source)[1]) == [name]


def test_empty_files_links_in_circles_and_unreadable_folders(source: Path) -> None:
    fill(source, "sound.tif", "sub/other.tif")
    (source / "empty.tif").touch()
    (source / "sub" / "loop").symlink_to(source)
    (source / "dangling.tif").symlink_to(source / "nowhere.tif")
    (source / "linked.tif").symlink_to(source / "sound.tif")
    made, ledger = plan(source)
    assert planned(ledger) == ["linked.tif", "sound.tif", "sub/other.tif"]
    why = dict(made.refused)
    assert "0 bytes" in why["empty.tif"]
    assert "leads back into itself" in why["sub/loop"]
    assert "cannot be reached" in why["dangling.tif"]


def test_source_and_destination_may_not_lie_in_each_other(source: Path) -> None:
    fill(source, "a.tif")
    for destination in (source, source / "restored", source.parent):
        with pytest.raises(UsageError, match="lies in"):
            plan(source, destination=destination)
    link = source.parent / "link"
    link.symlink_to(source)
    with pytest.raises(UsageError, match="never written to"):
        plan(source, destination=link / "restored")
    assert [path.name for path in source.iterdir()] == ["a.tif"]


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="does not exist"):
        plan(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableInput, match="file where a folder is expected"):
        plan(tmp_path / "file", destination=tmp_path / "elsewhere")


def test_a_ledger_belongs_to_its_places(source: Path, tmp_path: Path) -> None:
    fill(source, "a.tif")
    _, ledger = plan(source)
    with pytest.raises(UsageError, match="a ledger of its own"):
        plan(source, ledger, destination=tmp_path / "other")


def test_another_recipe_does_not_mix_into_the_results(source: Path) -> None:
    fill(source, "a.tif", "b.tif")
    _, ledger = plan(source)
    (row, *_) = ledger.claim(1, Chosen(), run=1)
    from dataclasses import replace

    ledger.settle([replace(row, state="done", job=TREATMENT.hash)])
    other = Treatment(upscale=2)
    with pytest.raises(UsageError, match=r"1 items .* another recipe.*`--overwrite`"):
        plan(source, ledger, treatment=other)
    made, _ = plan(source, ledger, treatment=other, overwrite=True)
    assert made.counts["planned"] == 2


def test_the_hash_is_of_what_is_done_not_of_how_it_is_called() -> None:
    text = 'format = 1\nname = "{}"\n[[step]]\nuse = "denoise"\nstrength = 0.5\n'
    assert (
        Treatment(recipe=text.format("one")).hash
        == Treatment(recipe=text.format("two") + "# a comment\n").hash
    )
    hashes = {
        Treatment().hash,
        Treatment(recipe=text.format("one")).hash,
        Treatment(policy="archive").hash,
        Treatment(upscale=2).hash,
        Treatment(quality=90).hash,
        Treatment(extension=".tif").hash,
        Treatment(only=("denoise",)).hash,
        Treatment(settings={"denoise": {"strength": 0.5}}).hash,
    }
    assert len(hashes) == 8
    assert json.dumps(sorted(hashes))  # plain text
