"""Correct fading by a network: what it is asked and told, when it is not asked, what it may do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage import data

import seven
from unfade.engines.contract import ModelFacts, PlainBench
from unfade.errors import SettingsError
from unfade.findings import Findings, Tone
from unfade.picture import Picture
from unfade.pixels.colour import linear_to_srgb, srgb_to_linear
from unfade.steps.correct_fading import (
    Fading,
    Settings,
    invert_restore_density,
    measure,
)
from unfade.steps.correct_fading.network import ENDS, ordered, small_view
from unfade.treatment import treat

FADING = "my-fading"  # as `unfade models add` takes in what a training gave
LOSS = Fading((0.4, 0.65, 0.55), (0.06, 0.1, 0.18))
BY_NETWORK = Settings(method=FADING)


class Knower:
    """Tells what was lost, as a network would that knew the sound picture's ends."""

    runtime = "by heart"
    notes = ()

    def __init__(self, sound: Picture, sure: float, tiling: Any = "whole") -> None:
        quantiles = ordered(small_view(sound))
        low, high = (quantiles[at] for at in ENDS)
        self.raw = np.concatenate(((low - 0.05) * 5, 2 * np.log((high - low) / 1.95), [sure]))
        self.facts = ModelFacts(
            name=FADING, shape="find", sha256="0" * 64, licence="CC-BY-4.0", paper="",
            channels_in=4, channels_out=7, tile_px=64, tiling=tiling, evidence=1,
        )  # fmt: skip
        self.asked = 0

    def tell(self, view_chw: np.ndarray) -> np.ndarray:
        assert view_chw.shape == (4, 64, 64) and view_chw.dtype == np.float32
        self.asked += 1
        return self.raw


class Bench(PlainBench):
    def __init__(self, engine: Any) -> None:
        self.opened = engine

    def engine(self, name: str) -> Any:
        return self.opened


def sound(name: str = "astronaut") -> Picture:
    pixels = getattr(data, name)().astype(np.float32) / 255
    light = (srgb_to_linear(pixels) + np.float32(10**-2.1)) / np.float32(1 + 10**-2.1)
    return seven.stored(linear_to_srgb(light), np.uint16)


def faded(picture: Picture) -> Picture:
    light = invert_restore_density(srgb_to_linear(picture.pixels), LOSS)
    return seven.stored(linear_to_srgb(light), np.uint16)


def test_what_it_tells_brings_the_sound_picture_back() -> None:
    print_, engine = sound(), Knower(sound(), sure=9.0)
    done = treat(faded(print_), [BY_NETWORK], findings=Findings(), bench=Bench(engine))
    assert seven.psnr(done.picture.pixels, print_.pixels) > 45
    (record,) = done.steps
    assert record.measured["gains"] == pytest.approx(LOSS.gains, rel=0.02)
    assert record.measured["stains"] == pytest.approx(LOSS.stains, abs=0.01)
    assert record.model is not None and record.model["name"] == FADING
    assert set(np.unique(done.evidence)) <= {0, 1}
    told = Fading(tuple(record.measured["gains"]), tuple(record.measured["stains"]))
    back = invert_restore_density(srgb_to_linear(done.picture.pixels), told)
    assert np.abs(linear_to_srgb(back) - faded(print_).pixels).max() < 2e-3


def test_a_picture_that_it_takes_for_sound_keeps_every_bit() -> None:
    picture = faded(sound())
    engine = Knower(sound(), sure=-0.5)
    done = treat(picture, [BY_NETWORK], findings=Findings(), bench=Bench(engine))
    assert np.array_equal(done.picture.samples, picture.samples)
    assert "sound" in done.steps[0].measured["says"]


def test_strength_max_gain_and_what_is_known_go_over_it() -> None:
    picture, bench = faded(sound()), Bench(Knower(sound(), sure=9.0))

    def found(**settings: Any) -> Fading:
        return measure(picture, Settings(method=FADING, **settings), Findings(), bench)

    assert found(strength=0.5).gains == pytest.approx([g**0.5 for g in found().gains])
    assert min(found(max_gain=2.0).gains) == 0.5
    assert found(cyan_left=0.7).gains == (0.7, *found().gains[1:])
    with pytest.raises(SettingsError, match="dyes"):
        found(dyes="paper")


def test_grey_pictures_are_told_by_their_ends() -> None:
    engine = Knower(sound(), sure=9.0)
    picture = faded(sound())
    one_channel = seven.stored(picture.pixels[:, :, 1:2], np.uint16)
    for given, kind in ((picture, "grey"), (one_channel, "unknown")):
        findings = Findings(tone=Tone(says="", confidence=1.0, kind=kind))
        told = measure(given, BY_NETWORK, findings, Bench(engine))
        ends = measure(given, Settings(), findings, PlainBench())
        assert told.gains == ends.gains and "ends" in told.says
    assert engine.asked == 0


def test_a_toned_picture_keeps_its_hue_under_one_curve_of_the_network() -> None:
    picture, bench = faded(sound()), Bench(Knower(sound(), sure=9.0))
    toned = Findings(tone=Tone(says="", confidence=1.0, kind="toned"))
    layers = measure(picture, BY_NETWORK, Findings(), bench)
    told = measure(picture, BY_NETWORK, toned, bench)
    assert len(told.gains) == 1 and not told.nothing
    assert min(layers.gains) < told.gains[0] < max(layers.gains)
    assert told.stains[0] == pytest.approx(np.mean(layers.stains))
    asked = Settings(method=FADING, keep_tone=False)
    assert measure(picture, asked, toned, bench).gains == layers.gains


def test_a_network_that_finds_places_is_refused() -> None:
    class Mapper:
        facts = Knower(sound(), sure=1, tiling="yes").facts

    with pytest.raises(SettingsError, match="finds places"):
        measure(faded(sound()), BY_NETWORK, Findings(), Bench(Mapper()))
