"""Parameters found again in the output, by estimators that share no code with what made them."""

from __future__ import annotations

import numpy as np
import pytest
from degrade_scenes import chw, one, scene

from unfade.degrade import degrade
from unfade.pixels.colour import density, srgb_to_linear


def flat(code: float, rows: int = 400, cols: int = 500, channels: int = 3) -> np.ndarray:
    return np.full((rows, cols, channels), code, np.float32)


@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.098])
@pytest.mark.parametrize("grey", [0.0, 1.0])
def test_noise_sigma_within_five_percent(sigma: float, grey: float) -> None:
    out = degrade(scene(300, 400, seed=2), one("noise", sigma=sigma, grey_chance=grey), 4)
    clean = degrade(scene(300, 400, seed=2), one("noise", sigma=0.0), 4)
    residual = out.pixels - clean.pixels
    inside = (clean.pixels > 4 * sigma) & (clean.pixels < 1 - 4 * sigma)
    assert residual[inside].std() == pytest.approx(sigma, rel=0.05)
    # Immerkaer 1996: blind, from the picture alone
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    plane = degrade(flat(0.5), one("noise", sigma=sigma), 4).pixels[:, :, 1]
    windows = np.lib.stride_tricks.sliding_window_view(plane, (3, 3))
    blind = np.sqrt(np.pi / 2) / 6 * np.abs((windows * mask).sum(axis=(2, 3))).mean()
    assert blind == pytest.approx(sigma, rel=0.05)


def test_photon_noise_grows_with_the_root_of_the_code() -> None:
    found = [
        degrade(flat(code), one("noise", law="photon", sigma=0.04), 3).pixels.std()
        for code in (0.25, 0.5)
    ]
    assert found[0] == pytest.approx(0.04 * np.sqrt(0.25), rel=0.05)
    assert found[1] == pytest.approx(0.04 * np.sqrt(0.5), rel=0.05)


def test_salt_and_pepper_hit_their_share() -> None:
    recipe = one("noise", law="salt-pepper", share=0.02, salt=0.25, grey_chance=1.0)
    pixels = degrade(flat(0.5, 700, 700), recipe, 3).pixels
    assert (pixels == 1).all(axis=2).mean() == pytest.approx(0.005, rel=0.1)
    assert (pixels == 0).all(axis=2).mean() == pytest.approx(0.015, rel=0.1)


@pytest.mark.parametrize("clump", [0.5, 1.2])
def test_grain_has_its_density_deviation_and_its_clumps(clump: float) -> None:
    grey = 10**-0.7  # linear light of density 0.7, where the setting holds
    code = 1.055 * grey ** (1 / 2.4) - 0.055
    recipe = one("grain", density_sigma=0.03, clump_px=clump, grey_chance=1.0)
    pixels = degrade(flat(code, 500, 500), recipe, 3).pixels
    field = density(srgb_to_linear(pixels[:, :, 1].astype(np.float64)))
    assert field.std() == pytest.approx(0.03, rel=0.05)
    field -= field.mean()
    beside = (field[:, 1:] * field[:, :-1]).mean() / field.var()
    # white noise under a Gaussian of sigma s, taken over a pixel: variance s^2 + 1/12
    assert beside == pytest.approx(np.exp(-1 / (4 * (clump**2 + 1 / 12))), abs=0.06)


@pytest.mark.parametrize("dyes", ["independent", "chromogenic"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fade_curve_within_two_hundredths_of_density(dyes: str, seed: int) -> None:
    wedge = np.linspace(0.12, 0.98, 200, dtype=np.float32)
    pixels = np.repeat(np.repeat(wedge[None, :, None], 8, axis=0), 3, axis=2)
    out = degrade(pixels, one("fading", dyes=dyes), seed)
    drawn = out.drawn("fading")[0]
    before = density(srgb_to_linear(pixels[4].astype(np.float64)))[:, 0]
    after = density(srgb_to_linear(out.pixels[4].astype(np.float64)))
    # a neutral wedge holds equal amounts of the three dyes: each light's curve is a line, whose
    # slope is the dyes' gains weighted by how much each absorbs of it
    sides = [[0.92, 0.07, 0.01], [0.19, 0.75, 0.06], [0.08, 0.21, 0.71]]
    absorbs = np.eye(3) if dyes == "independent" else np.array(sides)
    unclipped = (after > 0.01).all(axis=1)
    lines = np.polyfit(before[unclipped], after[unclipped], 1)
    assert np.linalg.solve(absorbs, lines[0]) == pytest.approx(drawn["gains"], abs=0.01)
    curve = np.outer(before, absorbs @ np.array(drawn["gains"])) + absorbs @ drawn["stains"]
    assert np.abs(after - curve)[unclipped].max() < 0.02


def test_yellowing_adds_its_density_to_each_light() -> None:
    pixels = flat(0.8, 20, 20)
    out = degrade(pixels, one("yellowing"), 5)
    stains = out.drawn("yellowing")[0]["stains"]
    shift = density(srgb_to_linear(out.pixels)) - density(srgb_to_linear(pixels))
    assert shift.mean(axis=(0, 1)) == pytest.approx(stains, abs=1e-3)
    assert stains[2] > stains[1] > stains[0]


@pytest.mark.parametrize("inks", ["black", "process"])
@pytest.mark.parametrize("pitch", [3.7, 6.3])
def test_halftone_pitch_within_half_a_percent(inks: str, pitch: float) -> None:
    recipe = one("halftone", inks=inks, pitch_px=pitch, turn_deg=2.0, gain=0.0)
    out = degrade(flat(0.6, 512, 512), recipe, 2)
    drawn = out.drawn("halftone")[0]
    for channel, angle in enumerate(drawn["angles_deg"][:3]):
        plane = out.pixels[:, :, channel].astype(np.float64)
        found = _lattice(plane, pitch)
        assert 1 / found[0] == pytest.approx(pitch, rel=0.005)
        assert (found[1] - angle + 45) % 90 - 45 == pytest.approx(0, abs=0.4)


def _lattice(plane: np.ndarray, near_px: float) -> tuple[float, float]:
    """Frequency (1/px) and angle of the strongest wave near a pitch, between FFT bins."""
    window = np.outer(np.hanning(512), np.hanning(512))
    size = 2048
    power = np.abs(np.fft.rfft2((plane - plane.mean()) * window, (size, size)))
    down, right = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    radius = np.hypot(down, right)
    power[(radius < 0.85 / near_px) | (radius > 1.15 / near_px)] = 0
    row, col = np.unravel_index(np.argmax(power), power.shape)
    around = slice(row - 2, row + 3), slice(max(col - 2, 0), col + 3)
    weight = power[around] ** 2
    v = (weight * np.broadcast_to(down[around[0]], weight.shape)).sum() / weight.sum()
    u = (weight * np.broadcast_to(right[:, around[1]], weight.shape)).sum() / weight.sum()
    return float(np.hypot(u, v)), float(np.degrees(np.arctan2(v, u)))


@pytest.mark.parametrize("shape", ["gauss", "defocus", "motion"])
def test_width_of_blur_by_the_variance_of_a_point(shape: str) -> None:
    point = np.zeros((61, 61, 1), np.float32)
    point[30, 30] = 1.0
    recipe = one("blur", shape=shape, width_px=4.0, relative=False)
    out = degrade(point, recipe, 3)
    spot = out.pixels[:, :, 0].astype(np.float64)
    assert spot.sum() == pytest.approx(1, abs=1e-4)
    down, right = np.mgrid[:61, :61] - 30
    variance = (spot * (down**2 + right**2)).sum()
    wanted = {"gauss": 2 * 4.0**2, "defocus": 4.0**2 / 2, "motion": (4.0**2 + 1) / 12}[shape]
    assert variance == pytest.approx(wanted + 1 / 6, rel=0.06)


@pytest.mark.parametrize("quality", [40, 75, 92])
def test_jpeg_leaves_multiples_of_its_table(quality: int) -> None:
    out = degrade(scene(64, 64, 1) * 0.6 + 0.2, one("jpeg", quality=quality), 0)
    level = out.pixels[:, :, 0].astype(np.float64) * 255 - 128
    k = np.arange(8)
    cosines = np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / 16) / 2
    cosines[0] /= np.sqrt(2)
    blocks = level.reshape(8, 8, 8, 8).transpose(0, 2, 1, 3)
    coefficients = cosines @ blocks @ cosines.T
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    for place, base in (((0, 0), 16), ((0, 1), 11), ((2, 0), 14)):
        step = max(1, (base * scale + 50) // 100)
        ratio = coefficients[:, :, *place] / step
        assert np.abs(ratio - np.rint(ratio)).max() < 0.01


def test_vignette_darkens_the_corner_by_its_density() -> None:
    pixels = flat(0.7, 301, 401)
    out = degrade(pixels, one("vignette", corner_density=0.3, power=2.0, off_centre=0.0), 1)
    shift = density(srgb_to_linear(out.pixels)) - density(srgb_to_linear(pixels))
    assert shift[150, 200, 1] == pytest.approx(0, abs=1e-3)
    assert shift[0, 0, 1] == pytest.approx(0.3, abs=0.01)


def test_toning_makes_a_grey_of_what_the_emulsion_saw() -> None:
    red = np.zeros((4, 4, 3), np.float32)
    red[:, :, 0] = 0.8
    seen = {
        name: degrade(red, one("toning", tone="grey", sensitivity=name), 1).pixels
        for name in ("panchromatic", "orthochromatic")
    }
    assert np.ptp(seen["panchromatic"], axis=2).max() < 1e-5
    assert seen["panchromatic"].mean() > 2 * seen["orthochromatic"].mean()
    sepia = degrade(scene(40, 40), one("toning", tone="sepia", strength=1.0), 1).pixels
    assert (sepia[:, :, 0] >= sepia[:, :, 2]).all()


def test_resizing_keeps_the_mean_and_its_own_size() -> None:
    pixels = scene(96, 128)
    half = degrade(pixels, one("resize", factor=0.5, ways=["area"]), 1).pixels
    boxes = pixels.reshape(48, 2, 64, 2, 3).mean(axis=(1, 3))
    assert half == pytest.approx(boxes, abs=1e-5)
    back = degrade(pixels, one("resize", factor=0.5, back=True, antialias=True), 1)
    assert back.pixels.shape == pixels.shape
    assert back.pixels.mean() == pytest.approx(pixels.mean(), abs=2e-3)
    assert chw(back.pixels).std() < chw(pixels).std()
