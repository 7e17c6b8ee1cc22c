"""Colour that keeps every pixel's luminance code, in every sample type and encoding."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageCms
from skimage import color, data

from unfade.picture import Picture
from unfade.pixels.colour import LUMINANCE, linear_to_lab, linear_to_srgb, srgb_to_linear
from unfade.pixels.grey_to_rgb import in_colour
from unfade.pixels.luminance import Luminance, weights
from unfade.pixels.profile import to_linear, tone_curves


def grey(values: np.ndarray, **facts: object) -> Picture:
    return in_colour(Picture(values[:, :, None], **facts))  # type: ignore[arg-type]


def luminance_as_stored(samples: np.ndarray, picture: Picture) -> np.ndarray:
    """The grey version of a colour picture, rounded to its integer type; written out here."""
    light = to_linear(samples.astype(np.float64) / picture.full_scale, picture) @ LUMINANCE
    curve = tone_curves(picture).curves[0]
    return np.rint(curve.encode(light) * picture.full_scale).astype(np.int64)


@pytest.mark.parametrize("encoding", ["srgb", "linear"])
def test_every_grey_code_keeps_its_luminance_under_every_colour(encoding: str) -> None:
    """All 256 codes under 600 chromas, up to far outside the gamut: exact, not one code off."""
    rng = np.random.default_rng(0)
    picture = grey(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 600, 1), encoding=encoding)
    ab = np.broadcast_to(rng.uniform(-120, 120, (1, 600, 2)), (256, 600, 2))
    result = Luminance(picture).colour(picture.samples, ab)
    assert result.dtype == np.uint8
    assert np.array_equal(luminance_as_stored(result, picture), picture.samples[:, :, 0])
    assert (np.ptp(result.astype(int), axis=2) > 20).mean() > 0.5  # and it is in colour


@pytest.mark.parametrize("full_scale", [65535.0, 4095.0])
def test_16_bit_codes_keep_their_luminance(full_scale: float) -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, int(full_scale) + 1, (128, 150)).astype(np.uint16)
    picture = grey(codes, full_scale=full_scale)
    result = Luminance(picture).colour(picture.samples, rng.uniform(-90, 90, (128, 150, 2)))
    assert np.array_equal(luminance_as_stored(result, picture), codes)


@given(
    st.tuples(*[st.integers(0, 255)] * 3),
    st.floats(-128, 128),
    st.floats(-128, 128),
    st.floats(0, 1),
)
@settings(max_examples=200, deadline=None)
def test_a_pixel_in_colour_keeps_its_luminance_too(
    rgb: tuple[int, int, int], a: float, b: float, strength: float
) -> None:
    picture = Picture(np.array([[rgb]], np.uint8))
    keeper = Luminance(picture)
    result = keeper.colour(picture.samples, np.array([[[a, b]]]), strength=strength)
    assert np.array_equal(keeper.codes(result), keeper.codes(picture.samples))
    assert np.array_equal(
        luminance_as_stored(result, picture), luminance_as_stored(picture.samples, picture)
    )


def test_inside_the_gamut_the_colour_is_the_one_that_was_asked_for() -> None:
    """Lightness and chroma of a photograph go apart and come together again within rounding."""
    photo = data.astronaut()[100:200, 100:220]
    lab = color.rgb2lab(photo)
    light = srgb_to_linear(photo / 255.0) @ LUMINANCE
    plane = np.rint(linear_to_srgb(light) * 65535).astype(np.uint16)
    picture = grey(plane)
    result = Luminance(picture).colour(picture.samples, lab[..., 1:])
    assert np.abs(result / 257.0 - photo).max() < 0.6


def test_floats_keep_their_luminance_within_rounding() -> None:
    rng = np.random.default_rng(2)
    picture = grey(rng.random((40, 50), np.float32))
    result = Luminance(picture).colour(picture.samples, rng.uniform(-60, 60, (40, 50, 2)))
    assert result.dtype == np.float32
    light = srgb_to_linear(result.astype(np.float64)) @ LUMINANCE
    wanted = srgb_to_linear(picture.samples[:, :, 0].astype(np.float64))
    assert np.abs(light - wanted).max() < 1e-6


def test_strength_moves_the_chroma_in_proportion() -> None:
    picture = grey(np.full((4, 4), 32000, np.uint16))
    ab = np.broadcast_to(np.array([20.0, -15.0]), (4, 4, 2))
    for strength in (0.0, 0.25, 1.0):
        result = Luminance(picture).colour(picture.samples, ab, strength=strength)
        lab = linear_to_lab(srgb_to_linear(result.astype(np.float64) / 65535))
        assert np.abs(lab[..., 1:] - strength * ab).max() < 0.02


def test_a_grey_profile_becomes_one_for_colour_with_the_same_curve() -> None:
    icc = grey_profile(gamma=1.8)
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    before = Picture(codes[:, :, None], encoding="icc", icc=icc)
    after = in_colour(before)
    assert after.encoding == "icc"
    assert (
        np.abs(to_linear(after.pixels, after)[..., :1] - to_linear(before.pixels, before)).max()
        == 0
    )
    # LittleCMS reads it, and takes equal codes for neutral
    profile = ImageCms.ImageCmsProfile(io.BytesIO(after.icc or b""))
    assert profile.profile.xcolor_space.strip() == "RGB"
    from PIL import Image

    moved = ImageCms.profileToProfile(
        Image.fromarray(after.samples), profile, ImageCms.createProfile("sRGB")
    )
    shown = np.asarray(moved).astype(int)
    assert np.ptp(shown, axis=2).max() <= 1
    expected = np.rint(
        linear_to_srgb(codes / 255.0) * 0 + linear_to_srgb((codes / 255.0) ** 1.8) * 255
    )
    assert np.abs(shown[..., 1] - expected).max() <= 1


def grey_profile(gamma: float) -> bytes:
    """The smallest grey profile of version 2: a gamma and a white."""
    import struct

    tags = {
        b"kTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061),
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + b"\0" * 78,
    }
    start = 132 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        tag += b"\0" * (-len(tag) % 4)
        table += struct.pack(">4sII", name, start + len(content), len(tag))
        content += tag
    head = struct.pack(
        ">I4sI4s4s4s", start + len(content), b"", 0x02100000, b"mntr", b"GRAY", b"XYZ "
    )
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + content


def test_shrinking_weights_add_up_and_are_means_of_what_is_covered() -> None:
    for old, new in ((1000, 512), (512, 512), (100, 512), (7, 3)):
        w = weights(old, new)
        assert w.shape == (new, old)
        assert np.allclose(w.sum(axis=1), 1)
        ramp = w @ np.linspace(0, 1, old)
        assert (np.diff(ramp) >= -1e-12).all()
    assert np.array_equal(weights(512, 512), np.eye(512))
