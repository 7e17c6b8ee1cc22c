"""The coding agrees with libjpeg's, as Pillow ships it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from degrade_scenes import chw, scene
from PIL import Image

from unfade.degrade import degrade, parse_degradation
from unfade.degrade.whole.jpeg import coded, quality_table


@pytest.mark.parametrize("quality", [20, 50, 75, 95])
@pytest.mark.parametrize("halved", [False, True])
@pytest.mark.parametrize("size", [(120, 160), (117, 91)])
def test_colour_as_pillow_codes_it(quality: int, halved: bool, size: tuple[int, int]) -> None:
    codes = np.rint(scene(*size) * 255).astype(np.uint8)
    mine = coded(chw(codes.astype(np.float32) / 255)[None], [quality], halved=halved)
    buffer = io.BytesIO()
    Image.fromarray(codes).save(buffer, "JPEG", quality=quality, subsampling=2 if halved else 0)
    theirs = np.asarray(Image.open(buffer)).astype(np.float32) / 255
    apart = np.abs(mine[0].transpose(1, 2, 0) - theirs) * 255
    # libjpeg rounds to whole codes three times on the way; a coefficient can fall the other way
    assert apart.mean() < 1.0
    assert np.quantile(apart, 0.99) < 4 + 160 / quality
    # and both have lost the same: the error against the original is alike
    lost = [np.square(x * 255 - codes).mean() for x in (mine[0].transpose(1, 2, 0), theirs)]
    assert lost[0] == pytest.approx(lost[1], rel=0.08, abs=0.4)


def test_grey_as_pillow_codes_it() -> None:
    codes = np.rint(scene(97, 130, 1) * 255).astype(np.uint8)
    mine = coded(chw(codes.astype(np.float32) / 255)[None], [60], halved=True)
    buffer = io.BytesIO()
    Image.fromarray(codes[:, :, 0]).save(buffer, "JPEG", quality=60)
    theirs = np.asarray(Image.open(buffer)).astype(np.float32) / 255
    assert np.abs(mine[0, 0] - theirs).mean() * 255 < 0.5


@pytest.mark.parametrize("quality", [1, 35, 50, 90, 100])
def test_tables_are_those_that_pillow_writes(quality: int) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", quality=quality)
    from unfade.degrade.whole.jpeg import _CHROMA, _LUMA

    written = Image.open(buffer).quantization
    for number, base in ((0, _LUMA), (1, _CHROMA)):
        assert np.array_equal(np.reshape(written[number], (8, 8)), quality_table(base, quality))


def test_what_was_coded_larger_and_reduced_since_is_that() -> None:
    sound = scene(90, 61)
    text = "format = 1\nname = 'small'\n[[damage]]\nuse = 'jpeg'\nquality = [40, 40]\n"
    here = degrade(sound, parse_degradation(text), seed=1)
    made = degrade(sound, parse_degradation(f"{text}enlarged = [3, 3]\n"), seed=1)
    assert "enlarged" not in here.parameters["stages"][0]
    assert made.parameters["stages"][0]["enlarged"] == 3
    large = np.repeat(np.repeat(sound, 3, axis=0), 3, axis=1)
    halved = made.parameters["stages"][0]["chroma_halved"]
    known = coded(chw(large)[None], [40], halved=halved)[0].transpose(1, 2, 0)
    known = known.reshape(90, 3, 61, 3, 3).mean(axis=(1, 3))
    assert np.abs(made.pixels - known).max() < 1e-5
    harm = [np.abs(out.pixels - sound).mean() for out in (here, made)]
    assert harm[1] < harm[0]
