"""What a TIFF had, it has afterwards: samples, arrangement and tags, over the cross product."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import tifffile
from tiff_files import all_tags, make, noise, open_tiff, touched, write

from unfade.picture import Picture
from unfade.pixels.orient import upright

PLACES = {273, 279, 324, 325}
PRIVATE = (65000, 2, None, b"something private", True)


def _cases() -> list[tuple]:
    """Every value of every property with every kind of samples, not every product of all."""
    kinds = itertools.product(["u1", "u2", "f2", "f4"], [(37, 45), (37, 45, 3), (37, 45, 4)])
    ways = list(
        itertools.product(
            "<>",
            [False, True],
            [1, 2],
            [None, "lzw", "zlib", "packbits", "zstd", "lzma"],
            [False, True],
            [None, (16, 32)],
        )
    )
    rng = np.random.default_rng(11)
    cases = []
    for dtype, shape in kinds:
        usable = [
            way
            for way in ways
            if not (way[2] == 2 and len(shape) == 2)
            and not (way[4] and way[3] in (None, "packbits"))
        ]
        chosen = rng.permutation(len(usable))[:24]
        cases += [(dtype, shape, *usable[index], int(rng.integers(1, 9))) for index in chosen]
    return cases


@pytest.mark.parametrize(
    ("dtype", "shape", "order", "big", "planar", "compression", "predictor", "tile", "turned"),
    _cases(),
)
def test_round_trip(
    tmp_path: Path, dtype, shape, order, big, planar, compression, predictor, tile, turned
) -> None:
    array = noise(shape, dtype)
    keywords = {"planarconfig": planar} if len(shape) == 3 else {}
    if shape[2:] == (4,):
        keywords["extrasamples"] = [turned % 3]
    keywords |= {"tile": tile} if tile else {"rowsperstrip": 10}
    path = make(
        tmp_path / "in.tif",
        np.moveaxis(array, -1, 0) if planar == 2 else array,
        photometric="rgb" if len(shape) == 3 else "minisblack",
        byteorder=order,
        bigtiff=big,
        compression=compression,
        predictor=predictor,
        resolution=((300, 7), (600, 11)),
        resolutionunit=3,
        extratags=[PRIVATE, (274, 3, 1, turned, True)],
        **keywords,
    )
    opened = open_tiff(path)
    stored = np.atleast_3d(array)
    assert (opened.picture.samples == upright(stored[..., :3], turned)).all()

    assert write(tmp_path / "same.tif", opened).read_bytes() == path.read_bytes()

    mended = touched(opened)
    out = write(tmp_path / "out.tif", opened, mended, xmp=b"<x:xmpmeta/>")
    expected = mended.samples.astype(dtype).astype(mended.samples.dtype)
    assert (open_tiff(out).picture.samples == expected).all()
    with tifffile.TiffFile(out) as file:
        assert (file.byteorder, file.is_bigtiff) == (order, big)
        seen = file.pages[0].asarray()
    seen = np.atleast_3d(np.moveaxis(seen, 0, -1) if planar == 2 else seen)
    assert (upright(seen[..., :3], turned) == expected.astype(dtype)).all()
    assert (seen[..., 3:] == stored[..., 3:]).all()
    before, after = all_tags(path), all_tags(out)
    assert after.pop(700)[2] == b"<x:xmpmeta/>"
    assert {c: v for c, v in after.items() if c not in PLACES} == {
        c: v for c, v in before.items() if c not in PLACES
    }


def test_untouched_strips_keep_their_very_bytes(tmp_path: Path) -> None:
    path = make(tmp_path / "in.tif", noise((64, 50, 3), "u2"), compression="lzw", rowsperstrip=8)
    opened = open_tiff(path)
    samples = opened.picture.samples.copy()
    samples[20, 20] = 0
    out = write(tmp_path / "out.tif", opened, opened.picture.with_samples(samples))
    with tifffile.TiffFile(path) as one, tifffile.TiffFile(out) as other:
        places = zip(
            one.pages[0].dataoffsets,
            one.pages[0].databytecounts,
            other.pages[0].dataoffsets,
            other.pages[0].databytecounts,
            strict=True,
        )
        same = [
            path.read_bytes()[at : at + size] == out.read_bytes()[at2 : at2 + size2]
            for at, size, at2, size2 in places
        ]
    assert same == [True, True, False, True, True, True, True, True]


def test_what_was_mended_leaves_no_trace_in_gaps(tmp_path: Path) -> None:
    secret = noise((16, 64), "u1", seed=5)
    path = make(tmp_path / "in.tif", secret, compression="lzw", rowsperstrip=4)
    opened = open_tiff(path)
    plain = opened.picture.with_samples(np.full_like(opened.picture.samples, 90))
    out = write(tmp_path / "out.tif", opened, plain)
    with tifffile.TiffFile(path) as file:
        at, size = file.pages[0].dataoffsets[1], file.pages[0].databytecounts[1]
    old = path.read_bytes()[at + size // 4 : at + size]
    assert old not in out.read_bytes()
    assert out.stat().st_size < path.stat().st_size


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_another_size_keeps_the_arrangement(tmp_path: Path, order: str, tile) -> None:
    keywords = {"tile": tile} if tile else {"rowsperstrip": 5}
    path = make(
        tmp_path / "in.tif",
        noise((21, 30, 4), "u2"),
        byteorder=order,
        compression="zlib",
        predictor=True,
        extrasamples=["unassalpha"],
        software="scanner",
        extratags=[PRIVATE],
        **keywords,
    )
    opened = open_tiff(path)
    large = Picture(
        opened.picture.samples.repeat(2, 0).repeat(2, 1),
        alpha=opened.picture.alpha.repeat(2, 0).repeat(2, 1),
        dpi=(600.0, 600.0),
    )
    out = write(tmp_path / "out.tif", opened, large)
    seen = tifffile.imread(out)
    assert (seen[..., :3] == large.samples).all()
    assert (seen[..., 3] == large.alpha).all()
    tags, before = all_tags(out), all_tags(path)
    assert (339 in tags) == (339 in before)
    for code in (258, 259, 262, 284, 317, 338, 305, 65000, *((322, 323) if tile else (278,))):
        assert tags[code][2] == before[code][2], code
    assert tags[282][2] == (600, 1)


def test_a_colour_result_of_a_grey_original(tmp_path: Path) -> None:
    path = make(tmp_path / "in.tif", noise((20, 30), "u2"), compression="lzw", rowsperstrip=6)
    opened = open_tiff(path)
    colour = Picture(noise((20, 30, 3), "u2", seed=3))
    out = write(tmp_path / "out.tif", opened, colour)
    assert (tifffile.imread(out) == colour.samples).all()
    assert all_tags(out)[259] == all_tags(path)[259]
    assert open_tiff(out).header.colour == "rgb"
