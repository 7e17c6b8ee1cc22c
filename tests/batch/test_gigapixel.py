"""Pictures larger than memory: through files, with the same bits."""

from __future__ import annotations

import gc
import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scans import picture

from unfade import files
from unfade.batch.access import access_copy
from unfade.errors import OutOfResources, UsageError
from unfade.files.formats import png_encode
from unfade.journey import restore
from unfade.pixels.room import copied, on_disk, room_for
from unfade.recipe import parse_recipe

TONAL = 'format = 1\n[[step]]\nuse = "adjust_tone"\ngamma = 1.3\n'
LOCAL = 'format = 1\n[[step]]\nuse = "remove_dust"\n[[step]]\nuse = "remove_scratches"\n'


@pytest.fixture(scope="module")
def giant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiled BigTIFF of 16 bits, three tiles a side."""
    path = tmp_path_factory.mktemp("giant") / "giant.tif"
    samples = np.tile(picture(1, 350).astype(np.uint16) * 257, (2, 2, 1))
    tifffile.imwrite(
        path, samples, bigtiff=True, tile=(256, 256), compression="zlib", photometric="rgb"
    )
    return path


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("recipe", [TONAL, LOCAL], ids=["tonal", "local"])
def test_the_files_are_the_same_as_in_memory(recipe: str, giant: Path, tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    for name, above in (("memory", 10**12), ("disk", 1000)):
        folder = tmp_path / name
        folder.mkdir()
        with on_disk(tmp_path, above_bytes=above, resident_bytes=1):
            result = restore(giant, recipe=parse_recipe(recipe))
            assert result.changed
            held = result.picture.samples.base
            assert isinstance(_root(held), mmap.mmap) is (name == "disk")
            result.save(folder / "giant.tif")
        found.append(outputs(folder))
    assert found[0] == found[1]
    with tifffile.TiffFile(tmp_path / "disk" / "giant.tif") as written:
        assert written.is_bigtiff
        assert written.pages[0].is_tiled


def _root(array: Any) -> Any:
    while isinstance(array, (np.ndarray, memoryview)):
        array = array.obj if isinstance(array, memoryview) else array.base
    return array


def test_nothing_is_left_on_the_disk(tmp_path: Path) -> None:
    with on_disk(tmp_path, above_bytes=10):
        array = room_for((100, 100, 3), np.uint16)
        assert list(tmp_path.iterdir()) == []  # it has no name
        array[:] = 7
        assert array.sum() == 7 * 30_000
    del array
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_small_arrays_and_other_times_stay_in_memory(tmp_path: Path) -> None:
    with on_disk(tmp_path, above_bytes=1000):
        assert _root(room_for((10, 10), np.uint8)) is None
        assert _root(room_for((100, 100), np.uint8)) is not None
    assert _root(room_for((100, 100), np.uint8)) is None


def test_zeros_and_copies_are_what_they_say(tmp_path: Path) -> None:
    with on_disk(tmp_path, above_bytes=10):
        assert not room_for((300, 40), bool, zeros=True).any()
        samples = np.random.default_rng(0).integers(0, 65536, (700, 30, 3)).astype(np.uint16)
        copy = copied(samples)
        assert np.array_equal(copy, samples)
        copy[0] = 0
        assert samples[0].any()


def test_pages_are_let_go_and_come_back(tmp_path: Path) -> None:
    import time

    with on_disk(tmp_path, above_bytes=10, resident_bytes=20_000_000):
        array = room_for((100_000_000,), np.uint8)
        array[:] = 5
        time.sleep(0.5)  # the keeper looks ten times a second
        with open("/proc/self/smaps", encoding="ascii") as maps:
            blocks = maps.read().split("unfade-room-")[1:]
        held = sum(int(block.split("Rss:")[1].split()[0]) for block in blocks) * 1024
        assert held <= 20_000_000
        assert (array[::4096] == 5).all()
        assert os.path.exists("/proc/self/smaps")


def test_a_disk_without_room_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, start: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with (
        on_disk(tmp_path, above_bytes=10),
        pytest.raises(OutOfResources, match=r"0\.3 GB of room in .* `--scratch`"),
    ):
        room_for((300_000_000,), np.uint8)


@pytest.mark.parametrize("orientation", [1, 6])
def test_large_evidence_maps_hold_the_same_classes(
    orientation: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = np.random.default_rng(0).integers(0, 6, (600, 70)).astype(np.uint8)
    files.save_evidence(tmp_path / "small.png", evidence, orientation)
    monkeypatch.setattr(png_encode, "_BANDED_PX", 10)
    files.save_evidence(tmp_path / "large.png", evidence, orientation)
    small = files.open_picture(tmp_path / "small.png").picture.samples
    large = files.open_picture(tmp_path / "large.png").picture.samples
    assert np.array_equal(small, large)
    from PIL import Image

    with Image.open(tmp_path / "large.png") as image:
        assert image.mode == "P"
        assert np.array(image).max() == 5


def test_a_pyramid_has_the_same_samples_and_smaller_levels(giant: Path, tmp_path: Path) -> None:
    (made,) = access_copy(giant, tmp_path / "out", "pyramid", stem="giant.tif")
    assert made.name == "giant.tif.pyramid.tif"
    with tifffile.TiffFile(made) as written, tifffile.TiffFile(giant) as original:
        assert written.is_bigtiff
        levels = written.series[0].levels
        assert np.array_equal(levels[0].asarray(), original.pages[0].asarray())
        assert [level.shape[0] for level in levels] == [700, 350]  # down to what fits a tile


@pytest.mark.parametrize(
    ("kind", "entry"), [("dzi", "giant.tif.dzi"), ("iiif", "giant.tif/info.json")]
)
def test_tiles_for_viewers(kind: str, entry: str, giant: Path, tmp_path: Path) -> None:
    made = access_copy(giant, tmp_path / "out", kind, stem="giant.tif")
    names = {path.relative_to(tmp_path / "out").as_posix() for path in made}
    assert entry in names
    tiles = [path for path in made if path.suffix == ".jpg"]
    assert len(tiles) >= 5
    from PIL import Image

    with Image.open(max(tiles, key=lambda path: path.stat().st_size)) as tile:
        assert tile.mode == "RGB"
        mean = np.asarray(tile).mean()
    with tifffile.TiffFile(giant) as original:
        assert abs(mean - original.pages[0].asarray()[:256, :256].mean() / 257) < 12


def test_an_access_copy_that_is_not_known(giant: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`pyramid`"):
        access_copy(giant, tmp_path, "zoomify", stem="giant")


@pytest.mark.parametrize("reversible", [True, False], ids=["lossless", "lossy"])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_2000_by_tiles_gives_the_samples_of_the_whole(
    channels: int, reversible: bool, tmp_path: Path
) -> None:
    """Also where the last tiles are cut, and the levels of the transform do not fit them."""
    path = tmp_path / "tiled.jp2"
    samples = _tiled_jp2(path, channels, reversible)
    whole = files.open_picture(path).picture.samples
    with on_disk(tmp_path, above_bytes=1000):
        by_tiles = files.open_picture(path).picture.samples
        assert isinstance(_root(by_tiles), mmap.mmap)
        assert np.array_equal(by_tiles, whole)
    assert np.array_equal(whole, samples) is reversible


def _tiled_jp2(path: Path, channels: int, reversible: bool) -> np.ndarray:
    from PIL import Image

    samples = np.tile(picture(3, 350), (1, 2, 1))[:333, :, :channels]
    Image.fromarray(np.ascontiguousarray(np.squeeze(samples))).save(
        path,
        tile_size=(160, 128),
        num_resolutions=4,
        irreversible=not reversible,
        quality_mode="rates",
        quality_layers=[0] if reversible else [10],
    )
    return samples


@pytest.mark.parametrize("share", [0.3, 0.66, 0.97])
def test_a_damaged_tile_is_said(share: float, tmp_path: Path) -> None:
    from unfade.errors import UnreadableInput

    path = tmp_path / "short.jp2"
    _tiled_jp2(path, 3, reversible=True)
    coded = path.read_bytes()
    path.write_bytes(coded[: int(len(coded) * share)])
    with on_disk(tmp_path, above_bytes=1000), pytest.raises(UnreadableInput, match="short"):
        files.open_picture(path)
