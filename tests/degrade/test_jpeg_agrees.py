"""The coding agrees with libjpeg's, as Pillow ships it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from degrade_scenes import chw, scene
from PIL import Image

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
