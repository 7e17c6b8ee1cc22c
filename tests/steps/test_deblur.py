"""Deblur: the seven questions for both classical methods, and ringing."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data, restoration

import seven
from unfade.degrade.contract import Drawn
from unfade.degrade.whole import blur as damage
from unfade.errors import SettingsError
from unfade.findings import Blur, Findings, Noise
from unfade.picture import Picture, Window
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.pixels.spread import disc, gauss, line
from unfade.steps.deblur import STEP, Settings, kernel_of, undo_blur
from unfade.steps.deblur.blocks import BLOCK_PX, HALO_PX, MARGIN_PX, blocks_in, transformed
from unfade.steps.deblur.dey2006 import unblur_richardson_lucy

NOISE = 1 / 255
WIENER = Settings(method="wiener", kernel="defocus", radius_px=3, noise=NOISE)
LUCY = Settings(kernel="motion", length_px=9, angle_degrees=30, noise=NOISE, iterations=2)
BOTH = pytest.mark.parametrize("settings", [WIENER, LUCY], ids=["wiener", "richardson-lucy"])
BLURS = [
    {"shape": "defocus", "width_px": 3.0, "angle_deg": 0.0},
    {"shape": "motion", "width_px": 11.0, "angle_deg": 30.0},
    {"shape": "gauss", "width_px": 1.5, "stretch": 1.0, "angle_deg": 0.0},
]


def blurred(light: np.ndarray, parameters: dict[str, object]) -> np.ndarray:
    """Linear light (rows, cols, channels) blurred as ``unfade.degrade`` does it."""
    batch = light.transpose(2, 0, 1)[None].astype(np.float32)
    out = damage.act(batch, [Drawn(parameters=parameters)])
    return np.asarray(out)[0].transpose(1, 2, 0)


def scanned(light: np.ndarray, sigma: float = NOISE, seed: int = 1) -> np.ndarray:
    """Stored pixels of linear light: noise of this strength, in 8 bits."""
    noise = np.random.default_rng(seed).normal(0, sigma, light.shape)
    stored = linear_to_srgb(np.clip(light, 0, 1)) + noise
    return (np.rint(np.clip(stored, 0, 1) * 255) / 255).astype(np.float32)


def settings_for(parameters: dict[str, object], method: str = "richardson-lucy") -> Settings:
    width = float(parameters["width_px"])  # type: ignore[arg-type]
    if parameters["shape"] == "motion":
        angle = float(parameters["angle_deg"])  # type: ignore[arg-type]
        return Settings(
            method=method, kernel="motion", length_px=width, angle_degrees=angle, noise=NOISE
        )
    name = {"gauss": "gaussian"}.get(str(parameters["shape"]), "defocus")
    return Settings(method=method, kernel=name, radius_px=width, noise=NOISE)


@BOTH
def test_neutral(settings: Settings) -> None:
    seven.neutral_changes_nothing(STEP, Settings(**settings.to_dict() | {"strength": 0.0}))


@BOTH
def test_halo(settings: Settings) -> None:
    seven.looks_no_further_than_its_halo(STEP, settings)


@BOTH
def test_shape_and_depth(settings: Settings) -> None:
    seven.keeps_shape_and_depth(STEP, settings)


@BOTH
def test_range(settings: Settings) -> None:
    free = Settings(**settings.to_dict() | {"overshoot": 1.0})
    seven.stays_finite(STEP, free, low=0, high=1.5)


@BOTH
def test_tiling(settings: Settings) -> None:
    photo = seven.photo(290, 270)
    seven.same_bits_for_any_tiling(STEP, settings, cores_px=(256, 200), picture=photo)


@pytest.mark.parametrize("parameters", BLURS, ids=lambda p: p["shape"])
@pytest.mark.parametrize("method", ["richardson-lucy", "wiener"])
def test_better_than_before_on_the_blur_of_degrade(parameters, method) -> None:  # type: ignore[no-untyped-def]
    clean = seven.photo(200, 240, channels=1).pixels
    soft = scanned(blurred(srgb_to_linear(clean), parameters))
    settings = settings_for(parameters, method)
    seven.improves(
        lambda pixels: seven.drive(STEP, settings, Picture(pixels)),
        soft,
        clean,
        by_db=0.7 if method == "wiener" else 2.0,
    )


def test_as_good_as_scikit_images_and_better() -> None:
    """Both of its methods with the same kernel and the parameter that suits them best."""
    light = srgb_to_linear(seven.photo(200, 240, channels=1).pixels)
    soft = srgb_to_linear(scanned(blurred(light, BLURS[0])))
    kernel = disc(3)
    truth = linear_to_srgb(light)[20:-20, 20:-20]

    def score(result: np.ndarray) -> float:
        stored = linear_to_srgb(np.clip(result, 0, 1).astype(np.float32))
        return seven.psnr(stored[20:-20, 20:-20], truth)

    plane = soft[:, :, 0].astype(np.float64)
    theirs_wiener = max(
        score(restoration.wiener(plane, kernel, balance, clip=False)[:, :, None])
        for balance in (0.001, 0.003, 0.01, 0.03)
    )
    theirs_lucy = max(
        score(restoration.richardson_lucy(plane, kernel, num_iter=n, clip=False)[:, :, None])
        for n in (10, 20, 40, 80)
    )
    assert score(undo_blur(soft, kernel, method="wiener")) >= theirs_wiener - 0.2
    # eighty of their iterations, picked by the truth, against ours as shipped
    assert score(undo_blur(soft, kernel, noise=0.5 / 255)) >= theirs_lucy


def test_one_plain_iteration_is_scikit_images() -> None:
    light = srgb_to_linear(seven.photo(120, 130, channels=1).pixels)
    soft = blurred(light, BLURS[0])
    ours = unblur_richardson_lucy(soft, transformed(disc(3)), iterations=1, smoothness=0)
    start = soft[:, :, 0].astype(np.float64)
    from scipy.signal import fftconvolve

    again = fftconvolve(start, disc(3), mode="same")
    theirs = start * fftconvolve(start / again, disc(3), mode="same")
    inner = (slice(12, -12), slice(12, -12))
    assert np.abs(ours[:, :, 0][inner] - theirs[inner]).max() < 1e-4


def test_blocks_show_no_seams() -> None:
    """A block with its margin agrees with the picture treated around another grid."""
    light = srgb_to_linear(data.camera()[:, :, None].astype(np.float32) / 255)
    soft = srgb_to_linear(scanned(blurred(light, BLURS[0])))
    whole = linear_to_srgb(undo_blur(soft, disc(3)))
    # from another origin the seams lie elsewhere: what differs is what they do
    moved = linear_to_srgb(undo_blur(soft[100:, 100:], disc(3)))
    inner = (slice(40, -40), slice(40, -40))
    difference = np.abs(whole[100:, 100:][inner] - moved[inner])
    assert difference.max() < 1.5 / 255
    assert difference.mean() < 0.05 / 255


@pytest.mark.parametrize("method", ["richardson-lucy", "wiener"])
def test_an_edge_does_not_ring_beyond_the_limit(method: str) -> None:
    step = np.full((200, 200, 1), 0.1, np.float32)
    step[:, 100:] = 0.7
    soft = blurred(step, BLURS[0])
    free = undo_blur(soft, disc(3), method=method, overshoot=1.0)
    held = undo_blur(soft, disc(3), method=method, overshoot=0.01)
    assert free.max() > 0.7 + 0.018 * 0.6, "nothing rings: nothing is tested"
    assert held.max() <= 0.7 + 0.01 * 0.6 + 1e-4
    assert held.min() >= 0.1 - 0.01 * 0.6 - 1e-4
    assert np.abs(np.diff(held[100, :, 0])).max() > 2 * np.abs(np.diff(soft[100, :, 0])).max()


def test_ringing_is_in_the_record() -> None:
    findings = Findings(noise=Noise(says="", sigma=NOISE, confidence=0.9))
    settings = Settings(kernel="defocus", radius_px=3)
    known = seven.measured(STEP, settings, seven.photo(256, 256), findings)
    facts = known.to_dict()
    assert facts["kernel"] == "defocus"
    assert facts["radius_px"] == 3
    assert facts["noise"] == pytest.approx(NOISE, abs=1e-6)
    assert facts["ringing"]["limit"] == 0.2
    # sharpening a sharp picture must ring
    assert facts["ringing"]["worst"] > 0.2


def test_the_picture_s_own_edges_do_not_ring() -> None:
    ramp = np.linspace(0.1, 0.8, 300, dtype=np.float32)
    light = np.broadcast_to(ramp[None, :, None], (100, 300, 1)).copy()
    for method in ("richardson-lucy", "wiener"):
        result = undo_blur(light, disc(4), method=method)
        assert np.abs(result - light).max() < 0.02, method


def test_kernels_are_those_of_degrade() -> None:
    for parameters in BLURS:
        theirs = damage.kernel_of(parameters).astype(np.float64)
        shape = {"gauss": "gaussian"}.get(parameters["shape"], parameters["shape"])
        sizes = (parameters["width_px"],)
        if shape == "motion":
            sizes = (*sizes, parameters["angle_deg"])
        ours = kernel_of(shape, sizes)
        side = max(len(theirs), len(ours))
        grown = [np.pad(k, (side - len(k)) // 2) for k in (ours, theirs)]
        assert np.abs(grown[0] - grown[1]).sum() < 0.06, shape


@pytest.mark.parametrize("kernel", [disc(2.5), line(12, 77), gauss(2)])
def test_kernels_are_symmetric_and_sum_to_one(kernel: np.ndarray) -> None:
    assert kernel.sum() == pytest.approx(1)
    assert np.allclose(kernel, kernel[::-1, ::-1])
    assert kernel.shape[0] % 2 == 1


def test_the_found_blur_is_used() -> None:
    noise = Noise(says="", sigma=NOISE, confidence=0.9)
    found = Blur(says="", confidence=0.9, kind="motion", length_px=9, angle_degrees=30)
    photo = seven.photo(100, 100)
    by_finding = seven.drive(STEP, Settings(), photo, Findings(noise=noise, blur=found))
    by_name = seven.drive(
        STEP, Settings(kernel="motion", length_px=9, angle_degrees=30), photo, Findings(noise=noise)
    )
    assert np.array_equal(by_finding, by_name)


def test_unknown_blur_or_noise_is_an_error() -> None:
    noise = Noise(says="", sigma=NOISE, confidence=0.9)
    with pytest.raises(SettingsError, match="does not know the blur: the finder says: none"):
        seven.drive(
            STEP, Settings(), seven.photo(), Findings(noise=noise, blur=Blur(says="none made out."))
        )
    with pytest.raises(SettingsError, match="how strong the noise is"):
        seven.drive(STEP, Settings(kernel="defocus", radius_px=2), seven.photo())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"kernel": "defocus"}, "needs `radius_px`"),
        ({"kernel": "motion", "length_px": 5}, "needs `angle_degrees`"),
        ({"radius_px": 3}, "the kernel is `found`"),
        ({"kernel": "motion", "length_px": 5, "angle_degrees": 0, "radius_px": 2}, "no such size"),
        ({"kernel": "gaussian", "radius_px": 12}, "expected 0.5 to 7 px"),
    ],
)
def test_contradicting_settings_are_refused(values: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Settings(**values)


def test_every_core_is_covered_by_whole_blocks() -> None:
    rows, cols = 700, 530
    for top, left, side in ((0, 0, 512), (37, 100, 64), (512, 512, 512), (250, 5, 300)):
        core = Window(top, left, min(rows, top + side), min(cols, left + side))
        seen = np.zeros((rows, cols), bool)
        for block in blocks_in(core.grown(HALO_PX, rows, cols), rows, cols):
            assert block.core.rows <= BLOCK_PX
            assert block.padded == block.core.grown(MARGIN_PX, rows, cols)
            seen[block.core.slices] = True
        assert seen[core.slices].all()
