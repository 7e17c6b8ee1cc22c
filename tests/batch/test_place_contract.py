"""One suite for all places: a folder, two S3 servers, and what fsspec reaches."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from stores import Server, credentials, moto, rclone  # noqa: F401  # a fixture among them

from unfade.errors import OutputError, UnreadableInput
from unfade.files.places.contract import Place
from unfade.files.places.opening import StoreOptions, inside, open_place

KINDS = ("folder", "moto", "rclone", "memory")
NAMES = [
    "a.tif",
    "box 3/scan 014.tif",
    "Fotos/Groß ü é.tif",
    "percent%20sign.tif",
    "hash#question?star*.tif",
    "plus+and&equals=.tif",
    "quote'\".tif",
    "写真/祖母.tif",
    "emoji 🎞.tif",
]


@dataclass
class Home:
    """Where the places of one kind can be made."""

    kind: str
    options: StoreOptions
    address: str

    def place(self, below: str = "") -> Place:
        return open_place(f"{self.address}{below}", self.options)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    folder = tmp_path_factory.mktemp("rclone")
    (folder / "archive").mkdir()
    with moto() as one, rclone(folder) as two:
        one.client().create_bucket(Bucket="archive")
        yield {"moto": one, "rclone": two}


@pytest.fixture(params=KINDS)
def home(
    request: pytest.FixtureRequest,
    servers: dict[str, Server],
    credentials: None,  # noqa: F811
    tmp_path: Path,
) -> Home:
    kind = str(request.param)
    fresh = secrets.token_hex(4)
    if kind == "folder":
        return Home(kind, StoreOptions(), f"{tmp_path}/{fresh}/")
    if kind == "memory":
        return Home(kind, StoreOptions(), f"memory://{fresh}/")
    options = StoreOptions(endpoint=servers[kind].url, retries=3, patience_s=20)
    return Home(kind, options, f"s3://archive/{fresh}/")


@pytest.fixture
def place(home: Home, tmp_path: Path) -> Place:
    """A place with one file in it."""
    place = home.place()
    place.put(written(tmp_path, b"first"), "first.tif")
    return place


def written(folder: Path, content: bytes) -> Path:
    path = folder / secrets.token_hex(6)
    path.write_bytes(content)
    return path


def test_it_keeps_the_contract(place: Place) -> None:
    assert isinstance(place, Place)


def test_what_is_put_is_listed_read_and_fetched(place: Place, tmp_path: Path) -> None:
    content = os.urandom(100_000)
    stored = place.put(written(tmp_path, content), "box/scan.tif")
    assert (stored.name, stored.size) == ("box/scan.tif", 100_000)
    listed = {entry.name: entry for entry in place.entries()}
    assert set(listed) == {"first.tif", "box/scan.tif"}
    assert listed["box/scan.tif"].size == 100_000
    assert not listed["box/scan.tif"].problem
    found = place.stat("box/scan.tif")
    assert found is not None
    assert found.version == listed["box/scan.tif"].version
    assert place.read("box/scan.tif") == content
    assert place.read("box/scan.tif", 500, 20) == content[500:520]
    assert place.read("box/scan.tif", 99_990) == content[-10:]
    target = tmp_path / "fetched"
    assert place.fetch("box/scan.tif", target) == hashlib.sha256(content).hexdigest()
    assert target.read_bytes() == content


@pytest.mark.parametrize("name", NAMES)
def test_names_are_kept_exactly(place: Place, name: str, tmp_path: Path) -> None:
    place.put(written(tmp_path, name.encode()), name)
    assert name in {entry.name for entry in place.entries()}
    assert place.read(name) == name.encode()


def test_other_content_is_another_version(place: Place, tmp_path: Path) -> None:
    before = place.stat("first.tif")
    place.put(written(tmp_path, b"other"), "first.tif", overwrite=True)
    after = place.stat("first.tif")
    assert before is not None
    assert after is not None
    if place.uri.startswith("memory"):  # keeps no time of change that fsspec tells
        assert place.read("first.tif") == b"other"
    else:
        assert before.version != after.version


def test_nothing_is_overwritten_unless_asked(place: Place, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"exists already\. Use `--overwrite`"):
        place.put(written(tmp_path, b"second"), "first.tif")
    assert place.read("first.tif") == b"first"
    place.put(written(tmp_path, b"second"), "first.tif", overwrite=True)
    assert place.read("first.tif") == b"second"


def test_what_is_not_there_is_said(place: Place, tmp_path: Path) -> None:
    assert place.stat("none.tif") is None
    with pytest.raises(UnreadableInput, match=r"none\.tif"):
        place.read("none.tif")
    with pytest.raises(UnreadableInput, match=r"none\.tif"):
        place.fetch("none.tif", tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()
    place.delete("none.tif")


def test_what_is_deleted_is_gone(place: Place) -> None:
    place.delete("first.tif")
    assert place.stat("first.tif") is None
    assert list(place.entries()) == []


def test_empty_files_are_kept(place: Place, tmp_path: Path) -> None:
    place.put(written(tmp_path, b""), "empty.tif")
    found = place.stat("empty.tif")
    assert found is not None
    assert found.size == 0
    assert place.read("empty.tif") == b""
    assert place.fetch("empty.tif", tmp_path / "f") == hashlib.sha256(b"").hexdigest()


def test_a_name_that_leads_out_is_refused(home: Home, tmp_path: Path) -> None:
    place = home.place()
    if home.kind != "folder":
        with pytest.raises(OutputError, match=r"`\.\.`"):
            place.put(written(tmp_path, b"x"), "a/../../b.tif")


def test_places_know_what_lies_in_them(home: Home) -> None:
    outer, inner, beside = home.place("raw"), home.place("raw/box"), home.place("raw2")
    assert inside(inner, outer)
    assert inside(outer, outer)
    assert not inside(outer, inner)
    assert not inside(beside, outer)


def test_no_temporary_thing_is_left(place: Place) -> None:
    assert list(place.leftovers()) == []
    assert [entry.name for entry in place.entries()] == ["first.tif"]
