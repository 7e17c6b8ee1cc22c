"""Colorize: the luminance stays, hints hold, a file of one channel becomes one of three."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage import color, data

import unfade
from seven import same_bits_for_any_tiling, stays_finite
from unfade.cli import main
from unfade.engines.contract import ModelFacts, PlainBench
from unfade.errors import PolicyError, SettingsError, UsageError
from unfade.findings import Findings
from unfade.picture import Picture, Window
from unfade.pixels.colour import linear_to_lab, srgb_to_linear
from unfade.pixels.grey_to_rgb import in_colour
from unfade.pixels.luminance import Luminance
from unfade.record import Evidence
from unfade.steps.colorize import (
    STEP,
    Chroma,
    Hint,
    Settings,
    hint_text,
    measure,
    network_of,
    parse_hints,
    small_grey,
)
from unfade.steps.colorize.reference import reference_hints
from unfade.steps.colorize.yatziv2006 import blend, distance
from unfade.treatment import treat

BROWN = "10,12,#7a4a30"


class Painter:
    """A stand-in for a colour network: a* by row, b* by grey value."""

    facts = ModelFacts(
        name="painter", shape="colour", sha256="0" * 64, licence="CC0-1.0", paper="",
        tiling="whole", evidence=4,
    )  # fmt: skip
    runtime = "fake on cpu"

    def colours(self, grey: np.ndarray) -> np.ndarray:
        assert grey.dtype == np.float32
        assert grey.shape[0] == grey.shape[1]
        down = np.linspace(-40, 40, len(grey), dtype=np.float32)[:, None]
        return np.stack([np.broadcast_to(down, grey.shape), 60 * grey - 30], axis=-1)


class WithPainter(PlainBench):
    def engine(self, name: str) -> Any:
        return Painter()


def old(rows: int = 90, cols: int = 130, dtype: Any = np.uint8) -> Picture:
    plane = data.camera()[100 : 100 + rows, 150 : 150 + cols, None]
    return Picture(plane.astype(dtype) * dtype(np.iinfo(dtype).max // 255))


def treated(picture: Picture, settings: Settings, **given: Any) -> Any:
    return treat(picture, [settings], findings=Findings(), bench=WithPainter(), **given)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_grey_picture_gets_colour_and_keeps_every_luminance_code(dtype: Any) -> None:
    picture = old(dtype=dtype)
    done = treated(picture, Settings())
    result = done.picture
    assert result.samples.shape == (90, 130, 3)
    assert result.samples.dtype == dtype
    assert np.array_equal(Luminance(result).codes(result.samples), picture.samples[:, :, 0])
    lab = linear_to_lab(srgb_to_linear(result.pixels))
    assert lab[5, :, 1].mean() < -10
    assert lab[-5, :, 1].mean() > 10
    touched = done.evidence[(result.samples != picture.samples).any(axis=2)]
    assert set(np.unique(touched)) == {int(Evidence.INVENTED)}
    assert done.steps[0].model["name"] == "painter"
    assert done.steps[0].measured["mean_chroma"] > 5


def test_outside_the_mask_the_picture_stays_grey_in_its_own_codes() -> None:
    picture = old()
    mask = np.zeros((90, 130), bool)
    mask[20:60, 30:100] = True
    done = treated(picture, Settings(), mask=mask)
    outside = ~mask
    assert (done.picture.samples[outside] == picture.samples[outside]).all()
    assert (done.evidence[outside] == 0).all()
    assert (np.ptp(done.picture.samples[mask].astype(int), axis=1) > 0).mean() > 0.9


def test_no_colour_at_all_leaves_the_very_same_picture() -> None:
    picture = old()
    assert Settings(strength=0).neutral
    assert treated(picture, Settings(strength=0)).picture is picture


def test_the_step_answers_the_questions_of_all_steps() -> None:
    settings = Settings(method="hints", hints="0,0,#7a4a30")
    three = in_colour(old())
    same_bits_for_any_tiling(STEP, settings, picture=three, cores_px=(64, 37))
    stays_finite(STEP, settings, low=-1e-6, high=1 + 1e-6)
    for channels in (3,):
        picture = Picture(np.zeros((1, 1, channels), np.uint8))
        assert measure(picture, settings, Findings(), PlainBench()).hints == 1


def test_hints_alone_need_no_network_and_have_their_colour() -> None:
    settings = Settings(method="hints", hints=f"{BROWN} 70,110,#203a80")
    assert network_of(settings) is None
    chroma = measure(in_colour(old()), settings, Findings(), PlainBench())
    for hint in parse_hints(settings.hints):
        assert np.abs(chroma_at(chroma, hint) - hint.ab).max() < 3
    done = treat(old(), [settings], findings=Findings(), bench=PlainBench())
    assert done.steps[0].measured["hints"] == 2
    assert done.steps[0].model is None


def test_a_hint_wins_over_the_network_where_it_is_and_not_far_away() -> None:
    hint = Hint(80, 20, (0x20, 0x80, 0x40))
    picture = in_colour(old())
    plain = measure(picture, Settings(), Findings(), WithPainter())
    hinted = measure(picture, Settings(hints="80,20,#208040"), Findings(), WithPainter())
    assert np.abs(chroma_at(hinted, hint) - hint.ab).max() < 3
    assert np.abs(chroma_at(plain, hint) - hint.ab).max() > 30
    far = np.abs(hinted.at(Window(5, 100, 15, 125)) - plain.at(Window(5, 100, 15, 125)))
    assert far.mean() < 2


def chroma_at(chroma: Chroma, hint: Hint) -> np.ndarray:
    return chroma.at(Window(hint.row, hint.col, hint.row + 1, hint.col + 1))[0, 0]


@pytest.mark.parametrize("text", ["1,2", "1,2,red", "1,2,#12345", "-1,2,#123456", "1.5,2,#123456"])
def test_a_hint_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(SettingsError, match="ROW,COL,#RRGGBB") as caught:
        Settings(hints=text)
    assert "#7a4a30" in caught.value.remedy


def test_hints_can_be_given_as_numbers() -> None:
    assert hint_text([(10, 12, (0x7A, 0x4A, 0x30)), "1,2,#ABCDEF"]) == f"{BROWN} 1,2,#ABCDEF"
    assert parse_hints(BROWN) == (Hint(10, 12, (0x7A, 0x4A, 0x30)),)


def test_wrong_settings_are_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="multiple of 32"):
        Settings(size_px=500)
    with pytest.raises(SettingsError, match="no hint"):
        Settings(method="hints")
    with pytest.raises(SettingsError, match="row 90, column 3 lies outside"):
        treated(old(), Settings(hints="90,3,#112233"))


def test_the_network_sees_the_whole_picture_without_its_aspect_ratio() -> None:
    picture = in_colour(old(90, 130))
    grey = small_grey(picture, 256, PlainBench())
    assert grey.shape == (256, 256)
    rows, cols = np.arange(256) * 90 // 256, np.arange(256) * 130 // 256
    assert np.corrcoef(grey.ravel(), picture.pixels[rows][:, cols, 0].ravel())[0, 1] > 0.98
    flat = small_grey(in_colour(Picture(np.full((50, 999, 1), 77, np.uint8))), 256, PlainBench())
    assert np.abs(flat - 77 / 255).max() < 1e-6


def test_chroma_between_cells_is_linear_and_the_same_for_any_window() -> None:
    chroma = measure(in_colour(old()), Settings(), Findings(), WithPainter())
    whole = chroma.at(Window(0, 0, 90, 130))
    assert np.array_equal(chroma.at(Window(33, 41, 77, 90)), whole[33:77, 41:90])
    a = whole[10:80, :, 0]  # the painter's is linear down the picture
    assert np.abs(np.diff(a, axis=0) - 80 / 90 * 512 / 511).max() < 1e-3


# -- spreading ----------------------------------------------------------------------------------


def test_on_a_flat_picture_the_way_is_the_distance() -> None:
    way = distance(np.full((40, 60), 0.5, np.float32), (10, 20))
    rows, cols = np.mgrid[:40, :60]
    straight = np.hypot(rows - 10, cols - 20)
    assert (way >= straight - 1e-9).all()
    assert (way <= straight * 1.09 + 1e-9).all()  # eight directions


def test_colour_goes_round_an_edge_and_not_through_it() -> None:
    wall = np.zeros((40, 60), np.float32)
    wall[:30, 30] = 1.0
    way = distance(wall, (5, 25))
    assert way[5, 35] > 40  # straight it would be 10; there is a way round, below the wall
    assert way[5, 15] < 11


def test_a_point_has_its_own_colour_and_the_reach_is_where_both_count_alike() -> None:
    flat = np.full((64, 64), 0.5, np.float32)
    ab = blend(np.zeros((64, 64, 2)), flat, [(32, 32)], [(40.0, -20.0)], reach_px=10)
    assert np.abs(ab[32, 32] - (40, -20)).max() < 1e-3
    assert np.abs(ab[32, 42] - (20, -10)).max() < 1e-3
    assert np.abs(ab[0, 0]).max() < 1
    alone = blend(np.zeros((64, 64, 2)), flat, [(32, 32)], [(40.0, -20.0)], reach_px=10, over=False)
    assert np.abs(alone - (40, -20)).max() < 1e-3


def test_a_reference_of_like_things_gives_points_of_its_colours() -> None:
    scene = data.astronaut()[:256, 100:400]
    grey = Picture(np.ascontiguousarray(color.rgb2gray(scene)[:, :, None].astype(np.float32)))
    hints = reference_hints(grey, Picture(np.ascontiguousarray(scene[:, ::-1])))
    assert 8 <= len(hints) <= 16
    truth = linear_to_lab(srgb_to_linear(scene / 255))
    apart, plain = [], []
    for row, col, rgb in hints:
        given = linear_to_lab(srgb_to_linear(np.array(rgb) / 255))
        apart.append(np.hypot(*(given - truth[row, col])[1:]))
        plain.append(np.hypot(*truth[row, col, 1:]))
    assert np.mean(apart) < 0.7 * np.mean(plain)


def test_a_reference_without_colours_is_refused() -> None:
    grey = data.camera()[:64, :64]
    for other in (grey, np.repeat(grey[:, :, None], 3, axis=2)):
        assert reference_hints(Picture(grey[:, :, None]), Picture.of(other / 255)) == ()
    with pytest.raises(UsageError, match="no colours that fit"):
        unfade.restore(grey, reference=grey, colorize=True)


def test_a_references_hints_stand_in_the_record() -> None:
    scene = data.astronaut()[:128, 150:350]
    grey = np.ascontiguousarray(color.rgb2gray(scene).astype(np.float32))
    result = unfade.restore(
        grey, reference=scene, settings={"colorize": {"method": "hints"}}, only=["colorize"]
    )
    assert result.record.steps[-1].settings["hints"].count("#") >= 4
    assert np.ptp(result.picture.samples, axis=2).max() > 0.05


def test_the_network_that_comes_along_keeps_luminance_and_gives_colours() -> None:
    scene = data.astronaut()[:200, 130:330]
    grey = np.rint(255 * color.rgb2gray(scene)).astype(np.uint8)
    with unfade.Bench(threads=1) as bench:
        result = unfade.restore(grey, only=["colorize"], bench=bench)
        again = unfade.restore(grey, only=["colorize"], bench=bench)
    samples = result.picture.samples
    assert np.array_equal(Luminance(result.picture).codes(samples), grey)
    assert np.array_equal(samples, again.picture.samples)
    ab = linear_to_lab(srgb_to_linear(samples / 255))[..., 1:]
    assert 3 < np.hypot(ab[..., 0], ab[..., 1]).mean() < 40
    assert result.record.steps[-1].settings["method"] == "unfade"


# -- doors --------------------------------------------------------------------------------------


def test_the_command_line_colours_a_grey_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNFADE_CONFIG", str(tmp_path / "no-settings.toml"))
    path = tmp_path / "old.png"
    Image.fromarray(old().samples[:, :, 0]).save(path)
    words = ["restore", path, "--only", "colorize", "--set", "colorize.method=hints"]
    with pytest.raises(SystemExit) as ended:
        main([str(w) for w in (*words, "--hint", BROWN, "--hint", "70,110,#203a80")])
    assert ended.value.code == 0
    result = np.asarray(Image.open(tmp_path / "old-restored.png"))
    assert result.shape == (90, 130, 3)
    kept = Luminance(Picture(result)).codes(result)
    assert np.array_equal(kept, old().samples[:, :, 0])
    evidence = np.asarray(Image.open(tmp_path / "old-restored.png.evidence.png"))
    assert (evidence == 4).mean() > 0.8  # in black there is no room for colour
    taken_back = unfade.revert(tmp_path / "old-restored.png")
    assert Path(str(taken_back)) == path


def test_a_16_bit_tiff_keeps_its_luminance_codes_on_disk(tmp_path: Path) -> None:
    codes = old(dtype=np.uint16).samples[:, :, 0]
    tifffile.imwrite(tmp_path / "old.tif", codes)
    result = unfade.restore(
        tmp_path / "old.tif", only=["colorize"], hints=[BROWN],
        settings={"colorize": {"method": "hints"}},
    )  # fmt: skip
    result.save(tmp_path / "new.tif")
    stored = tifffile.imread(tmp_path / "new.tif")
    assert stored.dtype == np.uint16
    assert np.array_equal(Luminance(Picture(stored)).codes(stored), codes)


def test_asking_by_name_is_permission_but_not_under_archive_or_museum() -> None:
    given = {"hints": [BROWN], "settings": {"colorize": {"method": "hints"}}}
    result = unfade.restore(old(), **given)
    assert result.record.steps[-1].evidence == 4
    for policy in ("archive", "museum"):
        with pytest.raises(PolicyError, match="colorize"):
            unfade.restore(old(), policy=policy, **given)
    assert "colorize" not in [step.step for step in unfade.restore(old()).record.steps]


def test_float_and_grey_pictures_of_any_size() -> None:
    settings = Settings(method="hints", hints="0,0,#7a4a30")
    for shape in ((1, 1, 1), (1, 9, 1), (9, 1, 3), (33, 17, 1)):
        for dtype in (np.uint8, np.uint16, np.float32):
            samples = np.random.default_rng(1).random(shape) * (1 if dtype == np.float32 else 255)
            picture = Picture(samples.astype(dtype))
            done = treat(picture, [settings], findings=Findings(), bench=PlainBench())
            assert done.picture.samples.shape == (*shape[:2], 3)
            assert done.picture.samples.dtype == dtype
