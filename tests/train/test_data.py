from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_pictures import NAMES, make_pictures
from PIL import Image

from unfade.errors import UnreadableInput, UsageError
from unfade.train.data import Patches, Pictures, pack
from unfade.train.recipe import DataSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_pictures(tmp_path_factory.mktemp("pictures"))


def test_the_split_follows_content_and_not_names(folder: Path, tmp_path: Path) -> None:
    before = {s.sha256: s.split for s in Pictures(folder, DataSettings()).sources}
    for i, name in enumerate(NAMES):
        (tmp_path / f"other{i}.png").write_bytes((folder / f"{name}.png").read_bytes())
    after = {s.sha256: s.split for s in Pictures(tmp_path, DataSettings()).sources}
    assert before == after and len(before) == len(NAMES)


def test_the_share_of_the_split_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for i in range(300):
        pixel = rng.integers(0, 255, (2, 2, 3), np.uint8)
        Image.fromarray(pixel).save(tmp_path / f"{i}.png")
    pictures = Pictures(tmp_path, DataSettings(train_share=0.8))
    counts = [len(pictures.of(s)) for s in ("train", "validation", "test")]
    assert sum(counts) == 300
    assert 215 <= counts[0] <= 265 and min(counts[1:]) > 10
    parts = [{s.sha256 for s in pictures.of(p)} for p in ("train", "validation", "test")]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


def test_a_patch_is_known_by_its_number(folder: Path) -> None:
    settings = DataSettings(patch_px=48)
    one = Patches(Pictures(folder, settings), "train", settings, 5)
    two = Patches(Pictures(folder, settings), "train", settings, 5)
    two.patch(3)
    assert np.array_equal(one.patch(9), two.patch(9))
    assert not np.array_equal(one.patch(9), one.patch(10))
    assert one.patch(9).shape == (48, 48, 3)


def test_a_whole_picture_keeps_its_ends_and_its_up(tmp_path: Path) -> None:
    slope = np.zeros((200, 300, 3), np.uint8)
    slope[..., 0] = np.linspace(0, 250, 200)[:, None]
    slope[..., 1] = np.linspace(0, 250, 300)[None]
    Image.fromarray(slope).save(tmp_path / "slope.png")
    settings = DataSettings(patch_px=20, whole=True, shrink=1.0)
    patches = Patches(Pictures(tmp_path, settings), "train", settings, 1)
    seen = [patches.patch(n).astype(int) for n in range(8)]
    for patch in seen:
        assert patch.shape == (20, 20, 3)
        assert patch[0, 0, 0] < 10 and patch[-1, 0, 0] > 240  # never turned upside down
        assert abs(patch[0, -1, 1] - patch[0, 0, 1]) > 230  # nor cut
    assert {patch[0, 0, 1] < 125 for patch in seen} == {True, False}  # but mirrored
    half = DataSettings(patch_px=20, whole=True, shrink=0.5, turns=False)
    cut = [Patches(Pictures(tmp_path, half), "train", half, 1).patch(n).astype(int) for n in (1, 2)]
    for patch in cut:
        assert 115 <= patch[-1, 0, 0] - patch[0, 0, 0] < 250
    assert not np.array_equal(*cut)


def test_patches_are_scaled_between_two_factors(tmp_path: Path) -> None:
    slope = np.repeat(np.arange(250, dtype=np.uint8)[None], 250, axis=0)
    Image.fromarray(np.dstack([slope] * 3)).save(tmp_path / "slope.png")
    settings = DataSettings(patch_px=50, shrink=0.5, enlarge=2.0, turns=False)
    patches = Patches(Pictures(tmp_path, settings), "train", settings, 1)
    spans = [np.ptp(patches.patch(n)[25, :, 0]) for n in range(40)]
    assert 22 <= min(spans) < 35  # enlarged by up to two: half as much is seen
    assert 60 < max(spans) <= 100


def test_training_patches_are_seen_under_many_lights_and_measured_ones_as_they_are(
    tmp_path: Path,
) -> None:
    slope = np.repeat(np.linspace(0, 255, 64).round().astype(np.uint8)[None], 64, axis=0)
    Image.fromarray(np.dstack([slope] * 3)).save(tmp_path / "slope.png")
    plain = DataSettings(patch_px=64, shrink=1.0, turns=False)
    toned = replace(plain, tones=1.0)
    pictures = Pictures(tmp_path, toned)
    middles = []
    for number in range(12):
        patch = Patches(pictures, "train", toned, 1).patch(number).astype(int)
        assert (np.diff(patch[0], axis=0) >= 0).all()  # the order of tones is kept,
        assert np.array_equal(patch[0, [0, -1]], [[0] * 3, [255] * 3])  # so are black and white
        middles.append(patch[0, 32])
    assert np.ptp([m.mean() for m in middles]) > 60
    assert max(np.ptp(m) for m in middles) > 20  # and no longer grey
    measured = Patches(pictures, "validation", toned, 1).patch(3)
    assert np.array_equal(measured, Patches(pictures, "validation", plain, 1).patch(3))


def test_training_patches_may_be_put_together_of_two_pictures(tmp_path: Path) -> None:
    for value in (40, 200):
        plain = np.full((32, 32, 3), value, np.uint8)
        Image.fromarray(plain).save(tmp_path / f"{value}.png")
    alone = DataSettings(patch_px=32, shrink=1.0, train_share=0.1)  # too few to be parted
    joined = replace(alone, collage=0.5)
    pictures = Pictures(tmp_path, joined)
    patches = [Patches(pictures, "train", joined, 1).patch(n) for n in range(60)]
    mixed = [patch for patch in patches if np.ptp(patch)]
    assert 6 <= len(mixed) <= 25  # half of them, and half of those of one picture twice
    for patch in mixed:
        assert patch.min() >= 40 and patch.max() <= 200
        assert (
            abs(patch[:16].mean() - patch[16:].mean())
            + abs(patch[:, :16].mean() - patch[:, 16:].mean())
            > 4
        )  # one on either side
    spread = [np.count_nonzero((patch > 45) & (patch < 195)) / patch.size for patch in mixed]
    assert min(spread) < 0.1 < 0.5 < max(spread)  # from one edge to a slow fading
    measured = Patches(pictures, "validation", joined, 1)
    assert not any(np.ptp(measured.patch(n)) for n in range(20))


def test_whole_pictures_are_turned_only_where_they_need_not_stand_upright(tmp_path: Path) -> None:
    slope = np.repeat(np.linspace(0, 255, 48).round().astype(np.uint8)[:, None], 48, axis=1)
    Image.fromarray(np.dstack([slope] * 3)).save(tmp_path / "slope.png")
    for upright, ways in ((True, 1), (False, 4)):
        settings = DataSettings(patch_px=48, shrink=1.0, whole=True, upright=upright)
        patches = Patches(Pictures(tmp_path, settings), "train", settings, 1)
        assert len({patches.patch(n).tobytes() for n in range(24)}) == ways


def test_a_stream_can_begin_anywhere(folder: Path) -> None:
    settings = DataSettings(patch_px=16)
    patches = Patches(Pictures(folder, settings), "train", settings, 5)
    whole = [(n, b.numpy()) for b, n in patches.stream(0, 6, 2)]
    rest = [(n, b.numpy()) for b, n in patches.stream(4, 6, 2)]
    assert len(whole) == 6
    for (numbers, batch), (again, same) in zip(whole[4:], rest, strict=True):
        assert numbers == again
        assert np.array_equal(batch, same)
    others = [n for _, n in patches.stream(1, 6, 2, stride=2)]
    assert others == [[2, 3], [6, 7], [10, 11]]


def test_small_pictures_are_enlarged_just_enough(tmp_path: Path) -> None:
    Image.new("RGB", (5, 9), (10, 20, 30)).save(tmp_path / "tiny.png")
    settings = DataSettings(patch_px=32)
    patch = Patches(Pictures(tmp_path, settings), "train", settings, 1).patch(0)
    assert patch.shape == (32, 32, 3)
    assert np.array_equal(np.unique(patch.reshape(-1, 3), axis=0), [[10, 20, 30]])


def test_packed_pictures_are_a_place_like_a_folder(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "data.zip"
    count = pack(Pictures(folder, DataSettings()), target, megabytes=1)
    packed = Pictures(target, DataSettings())
    assert count == len(packed.sources) == len(NAMES)
    name = packed.sources[0].name
    original = np.asarray(Image.open(folder / Path(name).with_suffix(".png")).convert("RGB"))
    away = np.abs(packed.pixels(packed.sources[0]).astype(int) - original).mean()
    assert away < 5


def test_packing_keeps_to_its_bound(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "data.zip"
    count = pack(Pictures(folder, DataSettings()), target, megabytes=0.02)
    assert count < len(NAMES)
    assert target.stat().st_size <= 0.02e6


def test_a_corrupt_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    settings = DataSettings(patch_px=16)
    with pytest.raises(UnreadableInput, match=r"broken\.jpg"):
        Patches(Pictures(tmp_path, settings), "train", settings, 1).patch(0)


def test_a_place_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "notes.txt"):
        with pytest.raises(UsageError):
            Pictures(place, DataSettings())


def test_include_chooses_by_name(folder: Path) -> None:
    found = Pictures(folder, DataSettings(include=("c*.png",))).sources
    assert sorted(s.name for s in found) == ["camera.png", "chelsea.png", "coffee.png"]


def test_pictures_of_a_store_are_those_of_a_folder_and_fetched_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    monkeypatch.setenv("UNFADE_HOME", str(tmp_path / "home"))
    memory = fsspec.filesystem("memory")
    for path in folder.iterdir():
        memory.pipe(f"/scans/box/{path.name}", path.read_bytes())
    settings = DataSettings(patch_px=32)
    here, there = Pictures(folder, settings), Pictures("memory://scans/box", settings)
    assert there.sources == here.sources
    assert np.array_equal(
        Patches(there, "train", settings, 5).patch(3), Patches(here, "train", settings, 5).patch(3)
    )
    kept = sorted((tmp_path / "home").rglob("*"))
    memory.pipe("/scans/box/new.png", next(folder.iterdir()).read_bytes())
    again = Pictures("memory://scans/box", settings)
    assert len(again.sources) == len(here.sources) + 1
    assert len(sorted((tmp_path / "home").rglob("*"))) == len(kept) + 1
    with pytest.raises((UsageError, UnreadableInput)):
        Pictures("memory://nobody/box", settings)
