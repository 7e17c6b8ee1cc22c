"""Inpaint: seven questions for each published method, and for the step around them."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data
from skimage.restoration import inpaint_biharmonic

from unfade.errors import SettingsError
from unfade.findings import Findings, Mark, MarkKind, Marks, Region
from unfade.picture import Window, codes_to_pixels, pixels_to_codes
from unfade.steps.contract import Look
from unfade.steps.inpaint import METHODS, STEP, Settings, fill_holes, grown_marks
from unfade.steps.inpaint.bertalmio2001 import fill_navier_stokes
from unfade.steps.inpaint.damelin2018 import fill_biharmonic
from unfade.steps.inpaint.guleryuz2006 import fill_sparse
from unfade.steps.inpaint.telea2004 import fill_telea

EVERY = pytest.mark.parametrize("method", list(METHODS))
# `patch` puts in values that stand elsewhere: it has tests of its own
SMOOTH = pytest.mark.parametrize("method", [name for name in METHODS if name != "patch"])


def photo(size: int = 160) -> np.ndarray:
    return (data.astronaut()[:size, 130 : 130 + size] / np.float32(255)).astype(np.float32)


def lines(size: int = 160, width_px: int = 3, seed: int = 0) -> np.ndarray:
    """Straight scratches in all directions."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((size, size), np.uint8)
    for _ in range(6):
        ends = [tuple(int(v) for v in rng.integers(0, size, 2)) for _ in range(2)]
        cv2.line(mask, ends[0], ends[1], 1, width_px)
    return mask > 0


def psnr(pixels: np.ndarray, reference: np.ndarray, mask: np.ndarray) -> float:
    error = np.clip(pixels, 0, 1)[mask].astype(np.float64) - reference[mask]
    return float(-10 * np.log10((error**2).mean()))


def by_opencv(pixels: np.ndarray, mask: np.ndarray, flag: int) -> np.ndarray:
    codes = pixels_to_codes(pixels, np.dtype(np.uint8), 255)
    codes[mask] = 255
    return codes_to_pixels(cv2.inpaint(codes, mask.astype(np.uint8), 3, flag), 255)


# -- the same bits outside; what lies under the mask does not matter ----------------------------


@EVERY
def test_sound_pixels_stay_and_lost_ones_are_not_looked_at(method: str) -> None:
    pixels, mask = photo(96), lines(96)
    kept = pixels.copy()
    filled = fill_holes(pixels, mask, method=method)
    assert np.array_equal(pixels, kept)
    assert np.array_equal(filled[~mask], pixels[~mask])
    assert filled.dtype == np.float32
    damaged = pixels.copy()
    damaged[mask] = 7.0
    assert np.array_equal(fill_holes(damaged, mask, method=method), filled)


@EVERY
def test_an_empty_mask_gives_a_copy(method: str) -> None:
    pixels = photo(32)
    filled = fill_holes(pixels, np.zeros((32, 32), bool), method=method)
    assert np.array_equal(filled, pixels)
    assert filled is not pixels


@EVERY
@pytest.mark.parametrize("channels", [1, 3])
def test_flat_stays_flat_and_noise_stays_in_range(method: str, channels: int) -> None:
    flat, mask = np.full((48, 48, channels), 0.25, np.float32), lines(48)
    assert np.allclose(fill_holes(flat, mask, method=method), 0.25, atol=2e-6)
    noise = np.random.default_rng(0).random((48, 48, channels), np.float32)
    filled = fill_holes(noise, mask, method=method, grain=0)
    assert filled.min() >= noise[~mask].min() - 1e-6
    assert filled.max() <= noise[~mask].max() + 1e-6
    assert np.isfinite(fill_holes(noise, mask, method=method)).all()


@EVERY
@pytest.mark.parametrize("shape", [(1, 2), (1, 40), (40, 1), (2, 3), (5, 5), (17, 9)])
def test_small_pictures(method: str, shape: tuple[int, int]) -> None:
    ramp = np.linspace(0.2, 0.8, shape[0] * shape[1], dtype=np.float32).reshape(*shape, 1)
    mask = np.zeros(shape, bool)
    mask[shape[0] // 2, shape[1] // 2] = True
    filled = fill_holes(ramp, mask, method=method, grain=0)
    assert np.array_equal(filled[~mask], ramp[~mask])
    assert 0.2 <= float(filled[mask][0, 0]) <= 0.8


@EVERY
def test_holes_at_the_border_are_filled(method: str) -> None:
    pixels, mask = photo(64), np.zeros((64, 64), bool)
    mask[:4] = mask[:, -5:] = mask[60:, :8] = True
    damaged = pixels.copy()
    damaged[mask] = 1.0
    filled = fill_holes(damaged, mask, method=method, grain=0)
    assert psnr(filled, pixels, mask) > psnr(damaged, pixels, mask) + 6


@pytest.mark.parametrize("fill", [fill_telea, fill_navier_stokes, fill_biharmonic, fill_sparse])
def test_what_cannot_be_filled_is_refused(fill: Any) -> None:
    fill = inspect.unwrap(fill)  # without the tests' own check of annotated arrays
    pixels = photo(32)
    with pytest.raises(ValueError, match=r"\(32, 31\).*\(32, 32\)"):
        fill(pixels, np.zeros((32, 31), bool))
    with pytest.raises(ValueError, match="nothing is left"):
        fill(pixels, np.ones((32, 32), bool))
    with pytest.raises(ValueError, match="nothing is left"):
        fill(pixels[:1, :1], np.ones((1, 1), bool))
    broken = pixels.copy()
    broken[4, 5] = np.nan
    with pytest.raises(ValueError, match="row 4, col 5"):
        fill(broken, lines(32))


def test_limits_of_the_methods_own_keywords() -> None:
    pixels, mask = photo(32), lines(32)
    with pytest.raises(ValueError, match="radius_px is 1"):
        fill_telea(pixels, mask, radius_px=1)
    with pytest.raises(ValueError, match="cycles is 0"):
        fill_navier_stokes(pixels, mask, cycles=0)
    with pytest.raises(ValueError, match="rounds is 3"):
        fill_sparse(pixels, mask, rounds=3)
    with pytest.raises(ValueError, match="Did you mean `telea`"):
        fill_holes(pixels, mask, method="tela")


# -- every depth and channel count alike --------------------------------------------------------


@SMOOTH
def test_sixteen_bits_and_float_agree_with_eight(method: str) -> None:
    codes8 = data.astronaut()[:80, 130:210]
    codes16 = codes8.astype(np.uint16) * 257
    mask = lines(80)
    eight = fill_holes(codes_to_pixels(codes8, 255), mask, method=method)
    sixteen = fill_holes(codes_to_pixels(codes16, 65535), mask, method=method)
    assert np.abs(eight - sixteen).max() < 1e-4
    # 16 bits are used, not widened from 8
    stored = pixels_to_codes(sixteen, np.dtype(np.uint16), 65535)
    assert np.unique(stored[mask] % 257).size > 50


@SMOOTH
def test_grey_is_filled_as_grey_colour_is(method: str) -> None:
    grey, mask = photo(80)[:, :, :1], lines(80)
    one = fill_holes(grey, mask, method=method, grain=0)
    three = fill_holes(np.repeat(grey, 3, axis=2), mask, method=method, grain=0)
    assert one.shape == (80, 80, 1)
    # thresholds of `sparse` meet a grey picture's light sqrt(3) times as large in colour
    assert np.abs(three - one).max() < (0.2 if method == "sparse" else 2e-3)
    assert np.ptp(three, axis=2).max() < 1e-4


# -- the same bits on any number of threads, and nearly the same in any window ------------------


def test_the_same_bits_for_any_number_of_threads() -> None:
    code = (
        "import hashlib, numpy as np\n"
        "from unfade.steps.inpaint import fill_holes, METHODS\n"
        "p = np.random.default_rng(1).random((90, 110, 3), np.float32)\n"
        "m = np.zeros((90, 110), bool); m[20:25] = m[:, 40:47] = True\n"
        "for name in METHODS: print(hashlib.sha256(fill_holes(p, m, method=name)).hexdigest())\n"
    )
    answers = set()
    for threads in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env={
                "OPENBLAS_NUM_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                "PATH": "",
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(ran.stdout)
    assert len(answers) == 1
    assert len(answers.pop().split()) == len(METHODS)


@SMOOTH
def test_a_window_is_filled_as_the_whole_would_be(method: str) -> None:
    pixels, mask = photo(160), np.zeros((160, 160), bool)
    mask[75:80, 70:90] = True
    whole = fill_holes(pixels, mask, method=method, grain=0)
    window = Window(75, 70, 80, 90).grown(STEP.halo_px(Settings()), 160, 160)
    part = fill_holes(
        pixels[window.slices], mask[window.slices], method=method, grain=0, window=window
    )
    hole = Window(75, 70, 80, 90)
    assert np.abs(part[hole.within(window)] - whole[hole.slices]).max() < 2e-3


# -- agreement with independent implementations -------------------------------------------------


@pytest.mark.parametrize("width_px", [1, 3, 6])
def test_telea_agrees_with_opencv(width_px: int) -> None:
    pixels, mask = photo(), lines(width_px=width_px)
    theirs = by_opencv(pixels, mask, cv2.INPAINT_TELEA)
    ours = fill_telea(pixels, mask, radius_px=3)
    assert np.abs(ours - theirs)[mask].mean() < 0.03
    assert psnr(ours, pixels, mask) > psnr(theirs, pixels, mask) - 0.2


@pytest.mark.parametrize("width_px", [1, 3, 6])
def test_navier_stokes_agrees_with_opencv(width_px: int) -> None:
    pixels, mask = photo(), lines(width_px=width_px)
    theirs = by_opencv(pixels, mask, cv2.INPAINT_NS)
    ours = fill_navier_stokes(pixels, mask)
    # OpenCV weighs known pixels along isophotes in one march; it shares the aim, not the scheme
    assert np.abs(ours - theirs)[mask].mean() < 0.05
    assert psnr(ours, pixels, mask) > psnr(theirs, pixels, mask) - 0.2


def test_biharmonic_agrees_with_scikit_image() -> None:
    pixels, mask = photo(96), lines(96)
    mask[:3] = mask[-3:] = mask[:, :3] = mask[:, -3:] = False  # borders are treated otherwise
    theirs = np.clip(inpaint_biharmonic(pixels, mask, channel_axis=-1), 0, 1)
    assert np.abs(fill_biharmonic(pixels, mask, tolerance=1e-6) - theirs).max() < 2e-3


def test_biharmonic_continues_a_cubic() -> None:
    """A surface whose second Laplacian is nought is its own fill."""
    row, col = np.mgrid[-1:1:64j, -1:1:64j]
    surface = (0.5 + 0.2 * row**3 - 0.2 * row * col + 0.1 * col)[:, :, None].astype(np.float32)
    mask = np.zeros((64, 64), bool)
    mask[20:40, 25:45] = True
    assert np.abs(fill_biharmonic(surface, mask, tolerance=1e-7) - surface).max() < 1e-4


# -- better than before, and than the yardstick -------------------------------------------------


@pytest.mark.parametrize("width_px", [1, 2, 4, 8])
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "camera", "brick"])
def test_default_beats_opencv_telea(name: str, width_px: int) -> None:
    codes = getattr(data, name)()[:160, 100:260]
    pixels = codes_to_pixels(codes if codes.ndim == 3 else codes[:, :, None], 255)
    mask = lines(width_px=width_px, seed=width_px)
    theirs = by_opencv(pixels, mask, cv2.INPAINT_TELEA)
    ours = fill_holes(pixels, mask, grain=0)
    assert psnr(ours, pixels, mask) > psnr(theirs.reshape(pixels.shape), pixels, mask)


def test_an_edge_goes_on_through_a_hole() -> None:
    """A slanting edge that a 7 px scratch crosses is as sharp in the repair as beside it."""
    row, col = np.mgrid[:96, :96].astype(np.float32)
    pixels = np.clip((col - 0.5 * row - 20) / 2, 0, 1)[:, :, None] * np.float32(0.6)
    mask = np.zeros((96, 96), bool)
    mask[45:52] = True
    errors = {
        method: float(np.abs(fill_holes(pixels, mask, method=method) - pixels)[mask].max())
        for method in METHODS
    }
    assert errors["sparse"] < 0.15
    assert errors["sparse"] < errors["telea"]


def test_repairs_in_grain_are_as_grainy_as_their_surround() -> None:
    noise = np.random.default_rng(3).normal(0, 0.05, (128, 128, 1)).astype(np.float32)
    pixels, mask = np.float32(0.5) + noise, np.zeros((128, 128), bool)
    mask[60:66, 10:118] = mask[20:110, 40:48] = True
    smooth = fill_holes(pixels, mask, grain=0)
    grainy = fill_holes(pixels, mask, grain=1)
    assert smooth[mask].std() < 0.6 * pixels[~mask].std()
    assert 0.85 < grainy[mask].std() / pixels[~mask].std() < 1.15
    other = fill_holes(pixels, mask, grain=1, seed=1)
    assert not np.array_equal(other, grainy)
    assert np.array_equal(fill_holes(pixels, mask, grain=1), grainy)


# -- the step -----------------------------------------------------------------------------------


def found(kind: MarkKind = MarkKind.USER, rows: int = 4, cols: int = 9) -> Mark:
    return Mark(
        kind=kind, region=Region.of(np.ones((rows, cols), bool), Window(0, 30, rows, 30 + cols))
    )


def findings(*marks: Mark) -> Findings:
    return Findings(marks=Marks(says="", items=marks))


def test_the_step_mends_the_users_marks_alone() -> None:
    assert STEP.regions is not None
    chosen = STEP.regions(findings(found(), found(MarkKind.DUST)), Settings())
    assert [mark.kind for mark in chosen] == [MarkKind.USER]
    assert STEP.regions(Findings(), Settings()) == ()


def test_holes_too_wide_are_left_alone() -> None:
    assert STEP.regions is not None
    wide, thin = found(rows=80, cols=80), found(rows=5, cols=300)
    chosen = STEP.regions(findings(wide, thin), Settings())
    assert [m.region.window.cols for m in chosen] == [300]
    assert Settings(max_width_px=0).neutral
    assert STEP.regions(findings(wide, thin), Settings(max_width_px=0)) == ()


def test_marks_grow_into_the_picture() -> None:
    (grown,) = grown_marks([found()], grow_px=2, max_width_px=64)
    assert grown.region.window == Window(0, 28, 6, 41)
    assert grown.region.mask[0, 0] and not grown.region.mask[5, 0]
    (same,) = grown_marks([found()], grow_px=0, max_width_px=64)
    assert same.region.window == found().region.window
    assert same.key == found().key


def test_the_step_proposes_what_the_function_fills() -> None:
    assert STEP.propose is not None
    pixels, mask, window = photo(64), lines(64), Window(100, 40, 164, 104)
    look = Look(pixels.copy(), window, mask, Findings())
    proposal = STEP.propose(look, Settings(method="biharmonic", seed=5))
    expected = fill_holes(pixels, mask, method="biharmonic", seed=5, window=window)
    assert np.array_equal(proposal.pixels, expected)


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ({"method": "teela"}, {"grain": 1.5}, {"radius_px": 1}, {"seed": -1}):
        with pytest.raises(SettingsError):
            Settings(**wrong)
