from __future__ import annotations

import numpy as np
import pytest
from eye_scenes import (
    BENCH,
    LUMA,
    ODD_PICTURES,
    ThreadedBench,
    cyanotype,
    faded,
    noisy,
    photo,
    sepia,
    stored,
)
from skimage import color, data

from unfade.condition import tone
from unfade.picture import Picture


def kind(pixels: np.ndarray, bits: int = 8) -> str:
    return tone.look(stored(pixels, bits), BENCH).kind


def as_jpeg(picture: Picture, quality: int) -> Picture:
    import cv2

    bgr = np.ascontiguousarray(picture.samples[:, :, ::-1])
    _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return Picture(np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[:, :, ::-1]))


def grey_in_three() -> np.ndarray:
    return np.repeat((photo() @ LUMA)[:, :, None], 3, axis=2)


def test_one_channel_is_grey() -> None:
    found = tone.look(stored(photo() @ LUMA), BENCH)
    assert (found.kind, found.confidence) == ("grey", 1.0)


def test_equal_channels_are_grey() -> None:
    assert kind(grey_in_three()) == "grey"


def test_grey_with_noise_in_each_channel_is_grey() -> None:
    assert kind(noisy(grey_in_three(), 4)) == "grey"


def test_grey_with_a_few_coloured_marks_is_grey() -> None:
    pixels = grey_in_three()
    pixels[20:80, 400:490] = [0.7, 0.1, 0.1]  # a stamp
    pixels[300:310, 50:300] = [0.1, 0.1, 0.6]  # ink
    assert kind(pixels) == "grey"


@pytest.mark.parametrize("toning", [sepia, cyanotype])
def test_toned_pictures(toning: object) -> None:
    found = tone.look(stored(toning(photo())), BENCH)  # type: ignore[operator]
    assert found.kind == "toned" and found.confidence is not None and found.confidence > 0.7
    assert found.chroma_spread < 2


def test_the_hue_of_a_tone_is_named() -> None:
    brown, blue = (tone.look(stored(make(photo())), BENCH) for make in (sepia, cyanotype))
    assert brown.hue_degrees == pytest.approx(75, abs=6) and "sepia" in brown.says
    assert blue.hue_degrees is not None and 230 < blue.hue_degrees < 290
    assert "blue" in blue.says


def test_jpeg_does_not_make_a_toned_picture_colour() -> None:
    assert tone.look(as_jpeg(stored(sepia(photo())), 80), BENCH).kind == "toned"
    assert tone.look(as_jpeg(stored(sepia(photo())), 40), BENCH).kind != "colour"


@pytest.mark.parametrize("picture", [photo(), data.coffee() / 255, data.chelsea() / 255])
def test_photographs_are_not_toned(picture: np.ndarray) -> None:
    assert kind(picture) in ("colour", "unknown")


def test_a_colour_photograph_is_colour() -> None:
    assert kind(photo()) == "colour"


@pytest.mark.parametrize("picture", [photo(), data.coffee() / 255])
def test_a_faded_colour_print_is_not_toned(picture: np.ndarray) -> None:
    assert kind(faded(picture)) != "toned"


def test_pale_colour_is_not_toned() -> None:
    grey = grey_in_three()
    assert kind(grey + 0.4 * (photo() - grey)) != "toned"


def test_the_curve_of_one_tone_has_no_spread() -> None:
    light = np.random.default_rng(0).uniform(10, 95, (80, 80))
    lab = np.stack([light, 0.1 * light, 20 - 0.1 * light], axis=-1).astype(np.float32)
    curve = tone.tone_curve(lab)
    assert curve is not None and curve.spread < 0.5
    # the upper quartile over tones: this tone is strongest in the shadows
    assert curve.chroma == pytest.approx(
        np.quantile(np.hypot(lab[..., 1], lab[..., 2]), 0.75), rel=0.02
    )


def test_linear_encoding_is_read_as_light() -> None:
    pixels = sepia(photo())
    linear = np.where(pixels > 0.04045, ((pixels + 0.055) / 1.055) ** 2.4, pixels / 12.92)
    as_light = Picture(linear.astype(np.float32), encoding="linear")
    one, other = tone.look(as_light, BENCH), tone.look(stored(pixels, bits=32), BENCH)
    assert one.kind == other.kind == "toned"
    # the means of blocks differ a little between light and codes
    assert one.chroma == pytest.approx(other.chroma, abs=1.5)


def test_eight_and_sixteen_bits_agree() -> None:
    one, other = (tone.look(stored(sepia(photo()), bits), BENCH) for bits in (8, 16))
    assert one.kind == other.kind
    assert one.chroma == pytest.approx(other.chroma, abs=0.2)


def test_lab_of_the_eyes_is_that_of_skimage() -> None:
    found = tone.look(stored(sepia(photo())), BENCH)
    lab = color.rgb2lab(sepia(photo()))
    assert found.chroma == pytest.approx(np.median(np.hypot(lab[..., 1], lab[..., 2])), abs=1.0)


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_pictures_and_threads(name: str) -> None:
    found = tone.look(ODD_PICTURES[name], BENCH)
    assert found == tone.look(ODD_PICTURES[name], ThreadedBench())
    assert (found.confidence is None) == (found.kind == "unknown")
