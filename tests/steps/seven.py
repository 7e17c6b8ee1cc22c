"""The seven questions that every step answers, as functions that a step's tests call.

1. neutral settings change nothing        ``neutral_changes_nothing``
2. it looks no further than it says       ``looks_no_further_than_its_halo``
3. it keeps shape and depth               ``keeps_shape_and_depth``
4. it stays in range                      ``stays_finite``
5. the same bits, however it is tiled     ``same_bits_for_any_tiling``
6. it agrees with another implementation  ``psnr`` or a plain comparison, in the step's own tests
7. better than before                     ``improves``

``drive`` walks a picture as the treatment does, with tiles of any size; ``drive_local`` gives a
local step its hole. Both return stored pixels in float, before they become codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from skimage import data

from unfade.engines.contract import PlainBench
from unfade.findings import Findings
from unfade.picture import Picture, Window, pixels_to_codes
from unfade.pixels.profile import from_linear, to_linear
from unfade.pixels.tiles import Grid
from unfade.steps.contract import Look, Settings, Step

DTYPES = (np.uint8, np.uint16, np.float32)
NOTHING_FOUND = Findings()


def photo(
    rows: int = 96,
    cols: int = 120,
    *,
    channels: int = 3,
    dtype: Any = np.float32,
    top: int = 20,
    left: int = 150,
) -> Picture:
    """A part of a photograph with skin, hair, cloth and sky in it."""
    pixels = data.astronaut()[top : top + rows, left : left + cols].astype(np.float32) / 255
    if channels == 1:
        pixels = pixels[:, :, 1:2]
    return stored(pixels, dtype)


def stored(pixels: np.ndarray, dtype: Any) -> Picture:
    """Float pixels as a picture of this sample type."""
    full = 1.0 if np.dtype(dtype) == np.float32 else float(np.iinfo(dtype).max)
    return Picture(pixels_to_codes(pixels.astype(np.float32), np.dtype(dtype), full))


def psnr(pixels: np.ndarray, reference: np.ndarray) -> float:
    """Peak signal to noise ratio in dB, on values as a file would hold them."""
    error = np.clip(pixels, 0, 1).astype(np.float64) - reference
    return float(-10 * np.log10(np.mean(error**2)))


def measured(step: Step, settings: Settings, picture: Picture, findings: Findings) -> Any:
    if step.measure is None:
        return None
    return step.measure(picture, settings, findings, PlainBench())


def drive(
    step: Step,
    settings: Settings,
    picture: Picture,
    findings: Findings = NOTHING_FOUND,
    *,
    core_px: int = 512,
    known: Any = None,
) -> np.ndarray:
    """The step's proposal for a whole picture, tile by tile, as stored pixels in float.

    Args:
        known: what ``measure`` returned for another picture, to be used here; None: measure
    """
    assert step.propose is not None
    known = measured(step, settings, picture, findings) if known is None else known
    result = np.full(picture.samples.shape, np.nan, np.float32)
    grid = Grid(core_px, step.halo_px(settings))
    for tile in grid.tiles(picture.rows, picture.cols):
        pixels = picture.read(tile.padded)
        if step.encoding == "linear":
            pixels = to_linear(pixels, picture)
        before = pixels.copy()
        after = step.propose(Look(pixels, tile.padded, None, findings, known), settings).pixels
        assert after.shape == before.shape
        assert after.dtype == np.float32
        inner, before = after[tile.inner], before[tile.inner]
        if step.encoding == "linear":
            inner = np.where(inner == before, picture.read(tile.core), from_linear(inner, picture))
        result[tile.core.slices] = inner
    return result


def drive_local(
    step: Step,
    settings: Settings,
    picture: Picture,
    mask: np.ndarray,
    findings: Findings = NOTHING_FOUND,
) -> np.ndarray:
    """The picture with a local step's proposal inside ``mask``, as stored pixels in float."""
    assert step.propose is not None
    rows, cols = np.nonzero(mask)
    hole = Window(int(rows.min()), int(cols.min()), int(rows.max()) + 1, int(cols.max()) + 1)
    window = hole.grown(step.halo_px(settings), picture.rows, picture.cols)
    known = measured(step, settings, picture, findings)
    look = Look(picture.read(window), window, mask[window.slices], findings, known)
    proposal = step.propose(look, settings).pixels
    assert proposal.shape == (window.rows, window.cols, picture.channels)
    assert proposal.dtype == np.float32
    result = picture.pixels
    result[window.slices][mask[window.slices]] = proposal[mask[window.slices]]
    return result


def neutral_changes_nothing(
    step: Step, settings: Settings, findings: Findings = NOTHING_FOUND
) -> None:
    """Question 1. ``settings`` must call themselves neutral."""
    assert settings.neutral
    for dtype in DTYPES:
        for channels in (1, 3):
            picture = photo(40, 50, channels=channels, dtype=dtype)
            result = drive(step, settings, picture, findings, core_px=32)
            codes = pixels_to_codes(result, picture.samples.dtype, picture.full_scale)
            assert np.array_equal(codes, picture.samples), f"{dtype.__name__}, {channels} channels"


def looks_no_further_than_its_halo(
    step: Step, settings: Settings, findings: Findings = NOTHING_FOUND
) -> None:
    """Question 2: one pixel is changed, and nothing beyond the halo answers.

    What was measured in the whole picture is kept, as it is within one treatment.
    """
    halo = step.halo_px(settings)
    side = 2 * halo + 24
    row = col = side - 6  # far from the first pixels, whatever the halo
    picture = stored(_texture(side, side, 3), np.float32)
    known = measured(step, settings, picture, findings)
    other = picture.samples.copy()
    other[row, col] = 1 - other[row, col]
    before = drive(step, settings, picture, findings, known=known)
    after = drive(step, settings, picture.with_samples(other), findings, known=known)
    differs = (before != after).any(axis=2)
    assert differs[row, col], "the changed pixel itself shows nothing: the test saw no effect"
    rows, cols = np.nonzero(differs)
    reach = max(np.abs(rows - row).max(), np.abs(cols - col).max())
    assert reach <= halo, f"a pixel {reach} px away answered, the halo is {halo} px"


def keeps_shape_and_depth(
    step: Step, settings: Settings, findings: Findings = NOTHING_FOUND
) -> None:
    """Question 3: any size from one pixel on, any sample type, grey and colour."""
    for rows, cols in ((1, 1), (1, 9), (9, 1), (2, 3), (33, 17)):
        for channels in (1, 3):
            for dtype in DTYPES:
                picture = stored(_texture(rows, cols, channels), dtype)
                result = drive(step, settings, picture, findings)
                assert result.shape == picture.samples.shape
                assert np.isfinite(result).all(), f"{rows}x{cols}, {channels}, {dtype.__name__}"


def stays_finite(
    step: Step,
    settings: Settings,
    findings: Findings = NOTHING_FOUND,
    *,
    low: float = -np.inf,
    high: float = np.inf,
) -> None:
    """Question 4: extreme pictures give finite values, within what the step declares."""
    rng = np.random.default_rng(4)
    extremes = {
        "black": np.zeros((20, 30, 3), np.float32),
        "white": np.ones((20, 30, 3), np.float32),
        "coin flips": rng.integers(0, 2, (20, 30, 3)).astype(np.float32),
        "one bright dot": np.pad(np.ones((1, 1, 3), np.float32), ((9, 9), (9, 9), (0, 0))),
        "ramp": np.linspace(0, 1, 1800, dtype=np.float32).reshape(20, 30, 3),
    }
    for name, pixels in extremes.items():
        result = drive(step, settings, Picture(pixels), findings)
        assert np.isfinite(result).all(), name
        assert low <= result.min() and result.max() <= high, (name, result.min(), result.max())


def same_bits_for_any_tiling(
    step: Step,
    settings: Settings,
    findings: Findings = NOTHING_FOUND,
    *,
    cores_px: Sequence[int] = (64, 37),
    picture: Picture | None = None,
) -> None:
    """Question 5: the whole at once, twice, and in tiles of several sizes: equal to the bit."""
    pictures = [picture] if picture else [photo(107, 131), photo(61, 149, channels=1)]
    for one in pictures:
        samples = one.samples.copy()
        whole = drive(step, settings, one, findings)
        assert not np.array_equal(whole, one.pixels), "nothing was changed: nothing is tested"
        assert np.array_equal(drive(step, settings, one, findings), whole), "second run"
        for core_px in cores_px:
            tiled = drive(step, settings, one, findings, core_px=core_px)
            wrong = int(np.count_nonzero((tiled != whole).any(axis=2)))
            assert wrong == 0, f"{wrong} pixels differ with cores of {core_px} px"
        assert np.array_equal(one.samples, samples), "the input was written to"


def improves(
    mend: Callable[[np.ndarray], np.ndarray],
    damaged: np.ndarray,
    clean: np.ndarray,
    *,
    by_db: float,
) -> None:
    """Question 7: nearer to the clean picture than the damaged one, by a stated margin."""
    before, after = psnr(damaged, clean), psnr(mend(damaged), clean)
    assert after >= before + by_db, f"{before:.2f} dB before, {after:.2f} dB after"


def _texture(rows: int, cols: int, channels: int) -> np.ndarray:
    """A smooth slope with noise on it: no two pixels alike, no end of the scale reached."""
    rng = np.random.default_rng(rows * 1000 + cols)
    slope = np.linspace(0.2, 0.7, rows * cols).reshape(rows, cols, 1)
    return (slope + rng.uniform(-0.15, 0.15, (rows, cols, channels))).astype(np.float32)
