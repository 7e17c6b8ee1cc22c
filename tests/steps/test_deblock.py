"""Deblock: the seven questions, cropped pictures, and the room that rounding leaves."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

import seven
from unfade.condition import jpeg_blocks
from unfade.engines.contract import PlainBench
from unfade.findings import Findings
from unfade.picture import Picture
from unfade.pixels.jpeg_tables import DCT, LUMINANCE, table_of
from unfade.steps.deblock import STEP, Settings
from unfade.steps.deblock.foi2007 import deblock_transform
from unfade.steps.deblock.nosratinia2001 import deblock_shifted

METHODS = ("transform", "shifted")


def coded(quality: int, *, grey: bool = False, subsampling: int = 2) -> tuple[Picture, np.ndarray]:
    """A photograph after JPEG, and before, as 8-bit codes."""
    clean = data.astronaut()[:256, 100:356]
    clean = clean[:, :, 1] if grey else clean
    file = io.BytesIO()
    options = {} if grey else {"subsampling": subsampling}
    Image.fromarray(clean).save(file, "JPEG", quality=quality, **options)
    back = np.asarray(Image.open(file))
    if grey:
        return Picture(back[:, :, None].copy()), clean[:, :, None]
    return Picture(back.copy()), clean


def found_in(picture: Picture) -> Findings:
    return Findings(jpeg_blocks=jpeg_blocks.look(picture, PlainBench()))


@pytest.mark.parametrize("method", METHODS)
def test_neutral(method: str) -> None:
    seven.neutral_changes_nothing(STEP, Settings(method=method, quality=20, strength=0))


@pytest.mark.parametrize("method", METHODS)
def test_halo(method: str) -> None:
    seven.looks_no_further_than_its_halo(STEP, Settings(method=method, quality=20))


@pytest.mark.parametrize("method", METHODS)
def test_shape_and_depth(method: str) -> None:
    seven.keeps_shape_and_depth(STEP, Settings(method=method, quality=15))


@pytest.mark.parametrize("method", METHODS)
def test_range(method: str) -> None:
    seven.stays_finite(STEP, Settings(method=method, quality=30))


@pytest.mark.parametrize("method", METHODS)
def test_tiling(method: str) -> None:
    seven.same_bits_for_any_tiling(STEP, Settings(method=method, quality=20))


@pytest.mark.parametrize("quality", [10, 20, 30, 50])
@pytest.mark.parametrize("grey", [True, False])
def test_better_than_before_with_the_measured_quality(quality: int, grey: bool) -> None:
    picture, clean = coded(quality, grey=grey)
    findings = found_in(picture)
    seven.improves(
        lambda _: seven.drive(STEP, Settings(), picture, findings),
        picture.pixels,
        clean / 255,
        by_db=0.6,
    )


@pytest.mark.parametrize("quality", [10, 30])
def test_better_than_shifted_compressions(quality: int) -> None:
    picture, clean = coded(quality)
    ours = deblock_transform(picture.pixels, quality=quality)
    other = deblock_shifted(picture.pixels, quality=quality)
    assert seven.psnr(ours, clean / 255) > seven.psnr(other, clean / 255) + 0.15


def test_a_cropped_picture_is_treated_on_its_own_grid() -> None:
    # grey: of chroma at half size the pixels do not tell which of two grids it was
    picture, _ = coded(10, grey=True)
    cropped = Picture(np.ascontiguousarray(picture.samples[3:, 5:]))
    result = seven.drive(STEP, Settings(), cropped, found_in(cropped))
    whole = seven.drive(STEP, Settings(), picture, found_in(picture))
    inner = np.s_[60:-60, 60:-60]
    # a coefficient at the very threshold may fall on either side of it
    assert (np.abs(result[inner] - whole[3:, 5:][inner]) > 1e-5).mean() < 0.01


def test_full_chroma_gains_too() -> None:
    picture, clean = coded(20, subsampling=0)
    seven.improves(
        lambda _: seven.drive(STEP, Settings(), picture, found_in(picture)),
        picture.pixels,
        clean / 255,
        by_db=0.5,
    )


def test_nothing_leaves_the_room_that_rounding_left() -> None:
    """Every coefficient stays within a half of the table's entry: the file could have held it."""
    picture, _ = coded(20, grey=True)
    table = table_of(LUMINANCE, 20) / 255

    def coefficients(plane: np.ndarray) -> np.ndarray:
        blocks = plane.reshape(32, 8, 32, 8).transpose(0, 2, 1, 3)
        return np.asarray(DCT @ blocks @ DCT.T)

    before = coefficients(picture.pixels[:, :, 0].astype(np.float64))
    result = deblock_transform(picture.pixels, quality=20)
    after = coefficients(result[:, :, 0].astype(np.float64))
    assert (np.abs(after - before) <= 0.5 * table + 1e-4).all()
    assert np.abs(after - before).max() > 0.1 * table.max()


def test_nothing_is_done_where_the_quality_is_not_known() -> None:
    picture = seven.photo(128, 128)
    result = seven.drive(STEP, Settings(), picture, found_in(picture))
    assert np.array_equal(result, picture.pixels)


@pytest.mark.parametrize("deblock", [deblock_transform, deblock_shifted])
def test_a_quality_out_of_range_is_refused(deblock: object) -> None:
    with pytest.raises(ValueError, match="expected 1 to 100"):
        deblock(seven.photo(16, 16).pixels, quality=0)  # type: ignore[operator]
