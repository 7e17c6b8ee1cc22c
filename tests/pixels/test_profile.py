from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from unfade.picture import Picture
from unfade.pixels.colour import srgb_to_linear
from unfade.pixels.profile import from_linear, to_linear, tone_curves

X = np.linspace(0, 1, 4097)


def curv(*codes: int) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(f">I{len(codes)}H", len(codes), *codes)


def para(kind: int, *values: float) -> bytes:
    fixed = [round(v * 65536) for v in values]
    return b"para\0\0\0\0" + struct.pack(f">HH{len(fixed)}i", kind, 0, *fixed)


def profile(tags: dict[bytes, bytes], space: bytes = b"RGB ") -> bytes:
    """An ICC profile of these tags, with nothing else."""
    table, body = b"", b""
    start = 132 + 12 * len(tags)
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(tag))
        body += tag + b"\0" * (-len(tag) % 4)
    header = bytearray(128)
    header[16:20], header[36:40] = space, b"acsp"
    return bytes(header) + struct.pack(">I", len(tags)) + table + body


def rgb(tag: bytes, green: bytes | None = None) -> Picture:
    icc = profile({b"rTRC": tag, b"gTRC": green or tag, b"bTRC": tag})
    return Picture(np.zeros((2, 2, 3), np.uint8), encoding="icc", icc=icc)


def grey(icc: bytes | None) -> Picture:
    return Picture(np.zeros((2, 2, 1), np.uint8), encoding="icc", icc=icc)


def in_three(x: np.ndarray) -> np.ndarray:
    return np.repeat(x[:, None], 3, axis=1)


GAMMA_TABLE = [round(65535 * (i / 1023) ** 2.2) for i in range(1024)]  # begins with zeros
KNOWN = {
    "identity": (curv(), lambda x: x),
    "one gamma": (curv(round(2.2 * 256)), lambda x: x ** (round(2.2 * 256) / 256)),
    "table": (curv(0, 20000, 65535), lambda x: np.interp(x, [0, 0.5, 1], [0, 20000 / 65535, 1])),
    "long table": (curv(*GAMMA_TABLE), lambda x: x**2.2),
    "para 0": (para(0, 1.8), lambda x: x**1.8),
    "para 1": (para(1, 2.2, 0.9, 0.1), lambda x: (0.9 * x + 0.1) ** 2.2),
    "para 2": (para(2, 2.0, 0.9, 0.05, 0.01), lambda x: (0.9 * x + 0.05) ** 2 + 0.01),
    "para 3": (para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045), srgb_to_linear),
    "para 4": (
        para(4, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0.0, 0.0),
        srgb_to_linear,
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_curves(name: str) -> None:
    tag, expected = KNOWN[name]
    picture = rgb(tag)
    assert tone_curves(picture).stated
    assert np.abs(to_linear(in_three(X), picture)[:, 1] - expected(X)).max() < 4e-5


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_and_back(name: str, dtype: type) -> None:
    picture = rgb(KNOWN[name][0])
    values = in_three(X).astype(dtype)
    before = values.copy()
    back = from_linear(to_linear(values, picture), picture)
    assert back.dtype == dtype and back.shape == values.shape
    assert np.abs(back - values).max() <= 1e-6
    assert np.array_equal(values, before)


@pytest.mark.parametrize("name", KNOWN)
def test_values_outside_the_scale_come_back(name: str) -> None:
    picture = rgb(KNOWN[name][0])
    values = in_three(np.linspace(-0.05, 1.2, 501))
    light = to_linear(values, picture)
    assert np.all(np.diff(light[:, 0]) > 0)
    assert np.abs(from_linear(light, picture) - values).max() <= 1e-6


@pytest.mark.parametrize("encoding", ["srgb", "linear"])
@pytest.mark.parametrize("channels", [1, 3])
def test_named_encodings(encoding: str, channels: int) -> None:
    picture = Picture(np.zeros((2, 2, channels), np.uint8), encoding=encoding)  # type: ignore[arg-type]
    values = np.repeat(X[:, None], channels, axis=1).astype(np.float32)
    light = to_linear(values, picture)
    assert np.abs(light - (srgb_to_linear(values) if encoding == "srgb" else values)).max() == 0
    assert light is not values
    assert np.abs(from_linear(light, picture) - values).max() <= 1e-6
    assert tone_curves(picture).stated


def test_the_sRGB_profile_of_little_cms() -> None:  # noqa: N802
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Picture(np.zeros((2, 2, 3), np.uint8), encoding="icc", icc=icc)
    assert tone_curves(picture).stated
    assert np.abs(to_linear(in_three(X), picture) - srgb_to_linear(in_three(X))).max() < 2e-4


def test_a_curve_agrees_with_little_cms() -> None:
    """What the colour engine makes of the profile's curve, by way of a linear twin of it."""
    built = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    count = struct.unpack_from(">I", built, 128)[0]
    entries = [struct.unpack_from(">4sII", built, 132 + 12 * i) for i in range(count)]
    tags = {name: built[start : start + length] for name, start, length in entries}

    def with_curve(tag: bytes) -> bytes:
        made = bytearray(profile(tags | {b"rTRC": tag, b"gTRC": tag, b"bTRC": tag}))
        made[:128] = built[:128]
        made[:4] = struct.pack(">I", len(made))
        made[84:100] = bytes(16)  # the identifier is a hash of the old contents
        return bytes(made)

    source, target = (
        ImageCms.ImageCmsProfile(io.BytesIO(with_curve(tag)))
        for tag in (curv(*GAMMA_TABLE), curv(256))
    )
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    expected = np.asarray(
        ImageCms.profileToProfile(
            Image.fromarray(ramp),
            source,
            target,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
    )
    picture = Picture(ramp, encoding="icc", icc=source.tobytes())
    ours = to_linear(picture.pixels, picture) * 255
    assert np.abs(ours - expected).max() <= 1.01


def test_each_channel_has_its_own_curve() -> None:
    picture = rgb(curv(256), green=curv(512))
    light = to_linear(np.full((1, 1, 3), 0.5), picture)
    assert light.ravel() == pytest.approx([0.5, 0.25, 0.5])


def test_a_grey_profile() -> None:
    picture = grey(profile({b"kTRC": curv(512)}, b"GRAY"))
    assert to_linear(np.array([[0.5]]), picture) == pytest.approx(0.25)


WITHOUT = {
    "missing": (None, "missing or damaged"),
    "not a profile": (b"nonsense" * 40, "missing or damaged"),
    "cut short": (profile({b"kTRC": curv(512)}, b"GRAY")[:135], "cut short"),
    "for RGB": (profile({b"rTRC": curv()}), "is for RGB and the picture has 1 channel"),
    "tables": (profile({b"A2B0": b"mft2"}, b"GRAY"), "states no tone curve"),
    "falling": (profile({b"kTRC": curv(65535, 0)}, b"GRAY"), "falls"),
    "flat": (profile({b"kTRC": curv(9, 9)}, b"GRAY"), "falls"),
    "table cut short": (profile({b"kTRC": curv(0, 9)[:14]}, b"GRAY"), "cut short"),
    "formula cut short": (profile({b"kTRC": para(3, 2.4)}, b"GRAY"), "cut short"),
    "unknown formula": (profile({b"kTRC": para(7, 2.4)}, b"GRAY"), "unknown formula 7"),
    "unknown kind": (profile({b"kTRC": b"what" + bytes(20)}, b"GRAY"), "unknown kind"),
    "gamma 0": (profile({b"kTRC": curv(0)}, b"GRAY"), "cannot be undone"),
    "flat toe": (profile({b"kTRC": para(3, 2.2, 1, 0, 0, 0.2)}, b"GRAY"), "cannot be undone"),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_profiles_without_a_usable_curve_fall_back_and_say_so(name: str) -> None:
    icc, reason = WITHOUT[name]
    curves = tone_curves(grey(icc))
    assert not curves.stated
    assert reason in curves.says and "sRGB" in curves.says
    values = X[:, None]
    assert np.array_equal(to_linear(values, grey(icc)), srgb_to_linear(values))


def test_a_wrong_number_of_channels_is_an_error() -> None:
    with pytest.raises(ValueError, match="1 channels, the picture 3"):
        to_linear(np.zeros((2, 2, 1)), rgb(curv(256), green=curv(512)))
