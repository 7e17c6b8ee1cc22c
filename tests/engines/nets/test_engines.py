"""The opened engines: sizes, channels, tiles, masks; with small random networks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from skimage import data
from torch import nn

from unfade.engines.contract import ModelFacts, PlainBench
from unfade.engines.nets.latent.detector import ScratchDetector
from unfade.engines.nets.latent.lockstep import Moments, Piece, passes, run
from unfade.engines.nets.latent.mapping import PlainMapping, ScratchMapping
from unfade.engines.nets.latent.patch_attention import PatchMapping
from unfade.engines.nets.latent.scratches import ScratchFinder, looked_at
from unfade.engines.nets.latent.translator import Networks, Translator
from unfade.engines.nets.latent.vae import Vae
from unfade.errors import PromiseBroken
from unfade.picture import Picture

FACTS = ModelFacts(
    name="small", shape="fill", sha256="0" * 64, licence="MIT", paper="", evidence=4,
    tile_px=768, halo_px=128, bytes_per_pixel=100,
)  # fmt: skip


def photograph(rows: int, cols: int, channels: int = 3) -> np.ndarray:
    return (data.astronaut()[:rows, :cols, :channels] / 255).astype(np.float32)


def translator(mode: str, **facts: int) -> Translator:
    torch.manual_seed(11)
    mapping: nn.Module = {
        "plain": PlainMapping, "scratches": ScratchMapping, "hr": PatchMapping
    }[mode](8, 16)  # fmt: skip
    networks = Networks(encoder=Vae(8).encoder, mapping=mapping, decoder=Vae(8).decoder)
    for part in networks.all:
        part.eval().requires_grad_(False)
    changed = dataclasses.replace(FACTS, **facts)  # type: ignore[arg-type]
    return Translator(networks, mode=mode, device="cpu", facts=changed)


@pytest.mark.parametrize("mode", ["plain", "scratches", "hr"])
@pytest.mark.parametrize("rows, cols, channels", [(1, 1, 3), (3, 9, 1), (33, 50, 3), (64, 32, 1)])
def test_any_size_and_channels_come_back_as_they_were(
    mode: str, rows: int, cols: int, channels: int
) -> None:
    pixels = photograph(rows, cols, channels)
    before = pixels.copy()
    mask = np.zeros((rows, cols), bool)
    mask[rows // 2, :] = True
    result = translator(mode).fill(pixels, mask)
    assert result.shape == pixels.shape
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1
    assert np.array_equal(pixels, before)


@pytest.mark.parametrize("mode", ["scratches", "hr"])
def test_what_lies_under_the_mask_is_not_looked_at(mode: str) -> None:
    engine = translator(mode)
    pixels, other = photograph(64, 96), photograph(64, 96)
    mask = np.zeros((64, 96), bool)
    mask[20:24, 10:90] = True
    other[mask] = 0.123
    assert np.array_equal(engine.fill(pixels, mask), engine.fill(other, mask))
    assert not np.array_equal(engine.mend(pixels), engine.mend(other))


def test_hr_widens_the_mask_three_times() -> None:
    engine = translator("hr")
    pixels, other = photograph(64, 96), photograph(64, 96)
    mask = np.zeros((64, 96), bool)
    mask[32, 10:90] = True
    other[29:36, 10:90] = 0.4  # within three pixels of the mask
    assert np.array_equal(engine.fill(pixels, mask), engine.fill(other, mask))
    other[28, 40] = 0.9
    assert not np.array_equal(engine.fill(pixels, mask), engine.fill(other, mask))


def test_the_plain_mode_looks_at_no_mask() -> None:
    engine = translator("plain")
    mask = np.ones((40, 48), bool)
    pixels = photograph(40, 48)
    assert np.array_equal(engine.fill(pixels, mask), engine.mend(pixels))


@pytest.mark.parametrize("mode", ["plain", "scratches", "hr"])
def test_tiles_meet_in_tone_and_agree_with_the_whole(mode: str) -> None:
    """Each layer's statistics are the whole picture's; only what lies beyond the halo differs."""
    pixels = photograph(374, 445)
    whole = translator(mode).mend(pixels)
    engine = translator(mode, tile_px=320, halo_px=96)
    assert len(list(engine._tiles(374, 445))) == 12
    tiled = engine.mend(pixels)
    assert np.abs(tiled - whole).max() <= (3 if mode == "hr" else 1) / 255
    assert np.abs(tiled - whole).mean() <= 0.05 / 255
    # a tile with statistics of its own would be far from it
    alone = translator(mode).mend(pixels[:224, :224])[:128, :128]
    assert np.abs(alone - whole[:128, :128]).mean() > 5 / 255


def test_tiles_that_are_kept_on_disk_give_the_same_bits() -> None:
    pixels = photograph(150, 200)
    mask = np.zeros((150, 200), bool)
    mask[20:24, 30:160] = True
    engine = translator("scratches", tile_px=96, halo_px=16)
    held = engine.fill(pixels, mask)
    for memory_bytes in (0, 150_000):  # nothing, and a part of it
        engine.memory_bytes = memory_bytes
        assert np.array_equal(engine.fill(pixels, mask), held)


@pytest.mark.parametrize("mode", ["plain", "scratches", "hr"])
def test_a_row_of_steps_computes_what_the_network_computes(mode: str) -> None:
    networks = translator(mode)._networks
    assert networks is not None
    picture = torch.rand(1, 3, 64, 96) * 2 - 1
    mask = (torch.rand(1, 1, 64, 96) > 0.97).float()
    whole = slice(0, 64), slice(0, 96)
    states = list(run(networks.all, [Piece(lambda: (picture, mask), whole)], memory_bytes=10**9))
    assert all(state is None for state in states[:-1])
    assert len(states) == passes(networks.all)
    assert float((states[-1] - networks(picture, mask)).abs().max()) <= 1e-4


def test_merged_moments_are_those_of_the_whole() -> None:
    x = torch.randn(1, 4, 12, 20) * 3 + 100
    moments = Moments()
    for part in (x[:, :, :8], x[:, :, 8:]):
        moments.add(part, (slice(0, part.shape[2]), slice(0, 20)), part.shape[2])
    wanted = torch.nn.functional.instance_norm(x)
    assert float((moments.applied(x) - wanted).abs().max()) <= 1e-4


def test_windows_of_a_large_picture_tile_it_exactly_in_raster_order() -> None:
    engine = translator("scratches", tile_px=96, halo_px=16)
    picture = Picture.of(photograph(150, 200))
    mask = np.zeros((150, 200), bool)
    covered = np.zeros((150, 200), int)
    order = []
    for window, part in engine.translate(picture, mask, PlainBench()):
        assert part.shape == (window.rows, window.cols, 3)
        covered[window.slices] += 1
        order.append((window.top, window.left))
    assert (covered == 1).all()
    assert order == sorted(order)
    assert len(order) == 12


def test_a_run_leaves_nothing_behind_in_the_networks() -> None:
    engine = translator("plain", tile_px=96, halo_px=16)
    small = photograph(64, 64)
    before = engine.mend(small)
    engine.mend(photograph(150, 200))
    assert np.array_equal(engine.mend(small), before)


def test_values_that_are_no_numbers_are_refused() -> None:
    engine = translator("plain")
    with torch.no_grad():
        engine._networks.decoder[11].bias.fill_(torch.nan)  # type: ignore[index]
    with pytest.raises(PromiseBroken, match="row 0, column 0"):
        engine.mend(photograph(16, 16))
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        engine.mend(photograph(16, 16))


# -- detector -----------------------------------------------------------------------------------


def test_the_finder_looks_at_its_size_and_answers_at_the_pictures() -> None:
    torch.manual_seed(12)
    network = ScratchDetector(4).eval()
    finder = ScratchFinder(network, device="cpu", facts=FACTS)
    grey = photograph(256, 320, 1)
    with torch.no_grad():
        batch = torch.from_numpy(grey * 2 - 1).permute(2, 0, 1)[None]
        wanted = torch.sigmoid(network(batch))[0, 0].numpy()
    assert np.abs(finder.probability(grey) - wanted).max() <= 1e-5
    assert np.array_equal(finder.find(grey), finder.probability(grey) >= 0.4)
    larger = finder.probability(grey, short_sides_px=(64,))
    both = finder.probability(grey, short_sides_px=(64, 256))
    assert np.allclose(both, np.maximum(larger, finder.probability(grey)))


@pytest.mark.parametrize("rows, cols, wanted", [
    (256, 256, (256, 256)), (1000, 2000, (256, 512)), (3000, 2000, (384, 256)),
])  # fmt: skip
def test_the_size_that_is_looked_at(rows: int, cols: int, wanted: tuple[int, int]) -> None:
    assert looked_at(rows, cols, 256) == wanted
