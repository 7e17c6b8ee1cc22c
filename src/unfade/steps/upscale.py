"""Enlarge by 2, 3 or 4, locked to the input: scaling the result down gives the input back.

For scans that are too small to print or to see. Lanczos adds nothing; the networks of
Real-ESRGAN accent edges and make up fine texture, which suits web pictures and drawings better
than faces and grain. The consistency lock (back-projection) bounds all of them: averaging each
box of the result gives the input's pixel within one code value, so tone and colour cannot drift
and nothing is invented at the input's own scale. What lies below a pixel remains a guess.

Papers: Duchon 1979 (Lanczos); Wang, Xie, Dong, Shan 2021 (Real-ESRGAN); Irani, Peleg 1991
(back-projection).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import SettingsError
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Window
from unfade.pixels.resample import (
    REACH_PX,
    box_mean,
    enlarge_lanczos,
    four_to_three,
    repeat_boxes,
)
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence
from unfade.steps import contract, networks
from unfade.steps.contract import Kind, Step, setting

SMOOTH_PASSES = 2
LOCK_REACH_PX = SMOOTH_PASSES * (REACH_PX + 1)  # input pixels that the lock looks around
TOLERANCE = 1e-6  # a fifteenth of a 16-bit code
_MOST_FIXES = 40
BYTES_A_PIXEL = 100  # of the output


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """How far to enlarge, and with what."""

    scale: int = setting(2, "times along each side", low=1, high=4, neutral=1)
    method: str = setting(
        "lanczos",
        "a kernel, or a network: strong and slow, or compact and fast",
        choices=("lanczos", "real-esrgan", "real-esrgan-fast"),
        networks=True,
    )
    lock: bool = setting(True, "scaling the result down gives the input back")


def network_of(settings: Settings) -> str | None:
    """The catalogue name of the network that the settings need."""
    if settings.method == "real-esrgan":
        return "realesrgan-x4plus"
    if settings.method == "real-esrgan-fast":
        return f"realesr-animevideov3-x{settings.scale}"
    return networks.network_name(settings.method, ("lanczos",), {})


def enlarge(
    picture: Picture, settings: Settings, findings: Findings, bench: BenchView
) -> Iterator[tuple[Window, Pixels]]:
    """The enlarged picture in windows that tile it exactly."""
    name = network_of(settings)
    if name is None:
        yield from _by_kernel(picture, settings, bench)
        return
    engine = networks.opened(bench, name, step="upscale", scale=0)
    have = engine.facts.scale
    if have % settings.scale and (have, settings.scale) != (4, 3):
        raise SettingsError(
            f"The network `{name}` enlarges {have} times, from which {settings.scale} times "
            "cannot be made.",
            f"Use `scale={have}`, or another network.",
        )
    windows = networks.mended(engine, picture, bench)
    if engine.facts.scale != settings.scale:
        windows = _scaled_down(windows, engine.facts.scale, settings.scale)
    if settings.lock:
        windows = _locked(windows, picture, settings.scale)
    yield from windows


def lock_to(
    enlarged: Pixels, small: Pixels, *, scale: int, low: float = 0.0, high: float = 1.0
) -> Pixels:
    """Move an enlarged picture as little as needed for its box means to be the small picture.

    Two smooth passes carry the difference back with the Lanczos kernel, so that no pattern of
    boxes shows; then each box is set right on its own, inside the range.

    Args:
        enlarged: (rows * scale, cols * scale, channels) float32
        small: (rows, cols, channels) float32
        low, high: range of the result; infinite for float pictures
    Returns:
        float32 as ``enlarged``; the mean of each box is within 1e-6 of ``small``, where that
        itself lies in the range
    Raises:
        ValueError: the sizes do not belong together (both are named)
    Source:
        Irani, Peleg 1991, doi:10.1016/1049-9652(91)90045-L
    """
    if enlarged.shape[:2] != (small.shape[0] * scale, small.shape[1] * scale):
        raise ValueError(f"{enlarged.shape} is not {scale} times {small.shape}")
    result: Pixels = np.clip(enlarged, low, high)
    for _ in range(SMOOTH_PASSES):
        missing = small - box_mean(result, scale=scale)
        result = np.clip(result + enlarge_lanczos(missing, scale=scale), low, high)
    for _ in range(_MOST_FIXES):
        missing = small - box_mean(result, scale=scale)
        # boxes that are right stay as they are: a box does not depend on the others of a window
        missing[np.abs(missing) <= TOLERANCE] = 0
        if not missing.any():
            break
        wanted = repeat_boxes(missing, scale=scale)
        free = np.where(wanted > 0, result < high, result > low).astype(np.float32)
        share = np.maximum(box_mean(free, scale=scale), np.float32(1 / scale**2))
        result = np.clip(result + repeat_boxes(missing / share, scale=scale) * free, low, high)
    return result


def _by_kernel(
    picture: Picture, settings: Settings, bench: BenchView
) -> Iterator[tuple[Window, Pixels]]:
    scale = settings.scale
    grid = Grid(core_px=256, halo_px=REACH_PX + LOCK_REACH_PX + 1)

    def work(tile: Tile) -> tuple[Window, Pixels]:
        small = picture.read(tile.padded)
        result = enlarge_lanczos(small, scale=scale)
        if settings.lock:
            low, high = _range(picture)
            result = lock_to(result, small, scale=scale, low=low, high=high)
        inner = tile.core.scaled(scale).within(tile.padded.scaled(scale))
        return tile.core.scaled(scale), np.ascontiguousarray(result[inner])

    side = (grid.core_px + 2 * grid.halo_px) * scale
    yield from bench.map(
        work,
        grid.tiles(picture.rows, picture.cols),
        says=STEP.title,
        total=grid.count(picture.rows, picture.cols),
        bytes_each=side * side * BYTES_A_PIXEL,
    )


def _range(picture: Picture) -> tuple[float, float]:
    """What the samples can hold: 0-1 for integers, anything for floats."""
    if picture.samples.dtype == np.float32:
        return -np.inf, np.inf
    top = float(np.iinfo(picture.samples.dtype).max) / picture.full_scale
    return 0.0, top


def _scaled_down(
    windows: Iterator[tuple[Window, Pixels]], have: int, want: int
) -> Iterator[tuple[Window, Pixels]]:
    """From a network's own factor to a smaller one, window by window."""
    for window, pixels in windows:
        small = Window(
            window.top // have, window.left // have, window.bottom // have, window.right // have
        )
        if have == 4 and want == 3:
            yield small.scaled(3), four_to_three(pixels)
        else:
            yield small.scaled(want), box_mean(pixels, scale=have // want)


def _locked(
    windows: Iterator[tuple[Window, Pixels]], picture: Picture, scale: int
) -> Iterator[tuple[Window, Pixels]]:
    """Lock what a network gives, in bands of full width.

    The lock looks over a band's edge, so a band waits for the next one; two are held at most.
    """
    low, high = _range(picture)
    reach = LOCK_REACH_PX * scale
    above = np.empty((0, picture.cols * scale, picture.channels), np.float32)
    waiting: tuple[Window, Pixels] | None = None

    def lock(window: Window, band: Pixels, below: Pixels) -> tuple[Window, Pixels]:
        stack = np.concatenate([above, band, below])
        top = (window.top - above.shape[0]) // scale
        small = picture.read(Window(top, 0, top + stack.shape[0] // scale, picture.cols))
        locked = lock_to(stack, small, scale=scale, low=low, high=high)
        return window, locked[above.shape[0] : above.shape[0] + band.shape[0]]

    for window, band in _bands(windows, picture.cols * scale):
        if waiting is not None:
            yield lock(*waiting, band[:reach])
            above = np.concatenate([above, waiting[1]])[-reach:]
        waiting = window, band
    if waiting is not None:
        yield lock(*waiting, above[:0])


def _bands(windows: Iterator[tuple[Window, Pixels]], cols: int) -> Iterator[tuple[Window, Pixels]]:
    """Windows in raster order, joined to bands of full width."""
    row: list[tuple[Window, Pixels]] = []
    for window, pixels in windows:
        row.append((window, pixels))
        if window.right == cols:
            whole = Window(row[0][0].top, 0, row[0][0].bottom, cols)
            yield whole, np.concatenate([piece for _, piece in row], axis=1)
            row = []


STEP = Step(
    name="upscale",
    title="Enlarge, locked to the input",
    settings=Settings,
    kind=Kind.GEOMETRY,
    evidence=Evidence.ESTIMATED,
    stream=enlarge,
    scale=lambda settings: settings.scale,
    network=network_of,
    paper="Wang et al. 2021, arXiv:2107.10833; Irani, Peleg 1991",
)
