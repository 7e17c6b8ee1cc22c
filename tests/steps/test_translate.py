"""Translate: the networks see what the settings say, and everything they make is class 4."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data

import unfade
from unfade.degrade import degrade
from unfade.engines.bench import Bench
from unfade.engines.contract import BenchView, ModelFacts, PlainBench
from unfade.engines.nets.latent import opening
from unfade.engines.nets.latent.mapping import PlainMapping, ScratchMapping
from unfade.engines.nets.latent.vae import Vae
from unfade.errors import ModelMissing, PolicyError
from unfade.findings import Findings, Mark, MarkKind, Marks, Region
from unfade.picture import Mask, Picture, Pixels, Window
from unfade.steps.translate import OWN, Settings, network_of, scratched
from unfade.treatment import treat


def facts(name: str, shape: Any) -> ModelFacts:
    return ModelFacts(name=name, shape=shape, sha256="0" * 64, licence="MIT", paper="", evidence=4)


class Inverter:
    """A stand-in for the networks: the negative, and white where it was told of scratches."""

    runtime = "fake on cpu"

    def __init__(self, name: str) -> None:
        self.facts = facts(name, "fill")
        self.mask: Mask | None = None

    def translate(
        self, picture: Picture, mask: Mask | None, bench: BenchView
    ) -> Iterator[tuple[Window, Pixels]]:
        self.mask = mask
        yield from self.mend_tiles(picture, bench)

    def mend_tiles(self, picture: Picture, bench: BenchView) -> Iterator[tuple[Window, Pixels]]:
        for top in range(0, picture.rows, 40):
            window = Window(top, 0, min(top + 40, picture.rows), picture.cols)
            yield window, 1 - picture.read(window)


class Finder:
    facts = facts("latent-detector", "find")
    runtime = "fake on cpu"

    def find(self, pixels: Pixels, *, short_sides_px: tuple[int, ...] = ()) -> Mask:
        found = np.zeros(pixels.shape[:2], bool)
        found[:, short_sides_px[0] // 32] = True
        return found


class Fake(PlainBench):
    def __init__(self) -> None:
        self.engines: dict[str, Any] = {}

    def engine(self, name: str) -> Any:
        if not name.startswith(("latent-", OWN)):
            return super().engine(name)
        made = Finder() if name == "latent-detector" else Inverter(name)
        return self.engines.setdefault(name, made)


def picture(channels: int = 3) -> Picture:
    return Picture(np.ascontiguousarray(data.astronaut()[:100, 150:270, :channels]))


def marked(kind: MarkKind) -> Findings:
    region = Region.of(np.ones((30, 3), bool), Window(20, 60, 50, 63))
    mark = Mark(kind=kind, region=region)
    return Findings(marks=Marks(says="", confidence=1.0, items=(mark,)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", ["plain", "scratches", "hr"])
def test_the_networks_result_takes_the_place_of_every_pixel(mode: str, channels: int) -> None:
    bench = Fake()
    before = picture(channels)
    done = treat(before, [Settings(mode=mode)], findings=marked(MarkKind.DUST), bench=bench)
    assert np.array_equal(done.picture.samples, 255 - before.samples)
    assert set(np.unique(done.evidence)) <= {0, 4}
    assert done.steps[0].evidence == 4
    assert done.steps[0].model["name"] == f"latent-{mode}" == network_of(Settings(mode=mode))
    assert (bench.engines[f"latent-{mode}"].mask is None) == (mode == "plain")


@pytest.mark.parametrize("channels", [1, 3])
def test_without_a_folder_the_own_network_is_asked_and_looks_for_no_scratches(
    channels: int,
) -> None:
    bench = Fake()
    before = picture(channels)
    done = treat(before, [Settings()], findings=marked(MarkKind.DUST), bench=bench)
    assert np.array_equal(done.picture.samples, 255 - before.samples)
    assert done.steps[0].model["name"] == OWN == network_of(Settings())
    assert set(bench.engines) == {OWN}


def test_the_own_network_takes_noise_away_and_all_of_it_is_class_4() -> None:
    sound = Picture(np.ascontiguousarray(data.astronaut()[:240, 100:400]))
    worn = degrade(sound.pixels, recipe="gaussian-25", seed=4).pixels
    before = Picture.of(np.clip(worn, 0, 1).astype(np.float32))
    result = unfade.restore(before, only=["translate"])
    assert result.record.steps[0].evidence == 4
    assert result.record.changed_share > 0.9
    apart = [
        float(np.sqrt(np.mean((p.pixels - sound.pixels) ** 2))) for p in (before, result.picture)
    ]
    assert apart[1] < 0.7 * apart[0]


def test_scratches_come_from_the_network_or_from_the_marks() -> None:
    window = np.zeros((100, 120), bool)
    window[18:52, 58:65] = True
    bench = Fake()
    by_marks = Settings(mode="scratches", scratches="marks")
    mask = scratched(picture(), by_marks, marked(MarkKind.SCRATCH), bench)
    assert mask[20:50, 60:63].all()
    assert not mask[~window].any()  # widened by two pixels, no more
    assert bench.engines == {}
    by_network = Settings(mode="scratches", look_px=1024)
    mask = scratched(picture(), by_network, marked(MarkKind.SCRATCH), bench)
    assert mask[:, 32].all()
    assert not mask[:, 50:].any()  # marks do not count beside the network ...
    mask = scratched(picture(), by_network, marked(MarkKind.USER), bench)
    assert mask[20:50, 60:63].all()  # ... but the user's own do


def test_strength_takes_a_share_and_none_takes_nothing() -> None:
    before = picture()
    assert Settings(strength=0).neutral
    half = treat(
        before, [Settings(strength=0.5)], findings=Findings(marks=Marks(says="")), bench=Fake()
    )
    assert np.abs(half.picture.samples.astype(int) - 127.5).max() <= 1


def test_protected_places_stay() -> None:
    before = picture()
    shield = np.zeros((100, 120), bool)
    shield[30:60, 30:60] = True
    done = treat(
        before, [Settings()], findings=Findings(marks=Marks(says="")), bench=Fake(), protect=shield
    )
    assert np.array_equal(done.picture.samples[shield], before.samples[shield])


def test_nobody_gets_it_by_advice_and_archives_not_at_all() -> None:
    assert "translate" not in unfade.restore(picture(), bench=Fake()).advice.recipe.step_names
    with pytest.raises(PolicyError, match="translate"):
        unfade.restore(picture(), only=["translate"], policy="museum", bench=Fake())


def test_without_checkpoints_it_is_said_where_they_come_from() -> None:
    published = {"translate": {"mode": "plain"}}
    with Bench() as bench, pytest.raises(ModelMissing, match="global_checkpoints") as caught:
        unfade.restore(picture(), only=["translate"], settings=published, bench=bench)
    assert "--latent" in caught.value.remedy


def test_the_whole_way_with_networks_from_a_folder(tmp_path: Path) -> None:
    """Small random networks in the published files, through the door that everyone uses."""
    torch.manual_seed(4)
    for name, network in (
        (opening.ENCODER, Vae(8)),
        (opening.DECODERS["scratches"], Vae(8)),
        (opening.MAPPINGS["scratches"], ScratchMapping(8, 16)),
        (opening.DECODERS["plain"], Vae(8)),
        (opening.MAPPINGS["plain"], PlainMapping(8, 16)),
    ):
        path = tmp_path / "checkpoints" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(network.state_dict(), path)
    with Bench(latent=str(tmp_path), threads=1) as bench:
        for mode in ("plain", "scratches"):
            result = unfade.restore(
                picture(), only=["translate"], bench=bench,
                settings={"translate": {"mode": mode, "scratches": "marks"}},
            )  # fmt: skip
            assert result.picture.samples.shape == (100, 120, 3)
            assert result.record.changed_share > 0.9
            assert result.record.steps[0].model["runtime"] == "torch on cpu"
