"""The one hand that composes: bits outside the map, items, promises, tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from unfade import treatment
from unfade.engines.bench import Bench
from unfade.engines.contract import PlainBench
from unfade.errors import PromiseBroken
from unfade.findings import Findings, Mark, MarkKind, Marks, Region
from unfade.picture import Picture, Window
from unfade.record import Evidence
from unfade.steps.contract import Kind, Look, Proposal, Settings, Step, setting
from unfade.treatment import check_untouched, treat


@dataclass(frozen=True, kw_only=True)
class FakeSettings(Settings):
    amount: float = setting(1.0, "how much", low=0, high=2, neutral=0.0)


def fake(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> FakeSettings:
    """Settings of a step made up for one test."""
    step = Step(
        **{
            "name": "fake",
            "title": "Fake",
            "settings": FakeSettings,
            "kind": Kind.LOCAL,
            "evidence": Evidence.ESTIMATED,
            "halo_px": lambda settings: 8,
        }
        | changes
    )
    monkeypatch.setattr(treatment, "step_of", lambda settings: step)
    return FakeSettings()


def spot(top: int, left: int, size: int = 3) -> Mark:
    window = Window(top, left, top + size, left + size)
    return Mark(kind=MarkKind.DUST, region=Region.of(np.ones((size, size), bool), window))


def found(*marks: Mark) -> Findings:
    return Findings(marks=Marks(says="", confidence=1.0, items=marks))


def noise(rows: int = 60, cols: int = 70, channels: int = 3, dtype: type = np.uint8) -> Picture:
    rng = np.random.default_rng(0)
    if dtype is np.float32:
        return Picture(rng.random((rows, cols, channels), np.float32))
    return Picture(rng.integers(0, np.iinfo(dtype).max, (rows, cols, channels), dtype))


def half_grey(look: Look, settings: FakeSettings) -> Proposal:
    return Proposal(np.full_like(look.pixels, 0.5))


def regions(findings: Findings, settings: FakeSettings) -> tuple[Mark, ...]:
    assert findings.marks is not None
    return findings.marks.items


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_local_step_changes_its_marks_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, dtype: type, channels: int
) -> None:
    settings = fake(monkeypatch, propose=half_grey, regions=regions)
    picture = noise(channels=channels, dtype=dtype)
    before = picture.samples.copy()
    done = treat(picture, [settings], findings=found(spot(4, 5)), bench=PlainBench())
    inside = np.zeros((60, 70), bool)
    inside[4:7, 5:8] = True
    assert np.array_equal(done.picture.samples[~inside], before[~inside])
    assert np.allclose(done.picture.pixels[inside], 0.5, atol=0.51 / 255)
    assert np.array_equal(done.evidence > 0, inside)
    assert np.array_equal(picture.samples, before), "the original's array is never written"


def test_nothing_found_means_the_very_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = fake(monkeypatch, propose=half_grey, regions=regions)
    picture = noise()
    done = treat(picture, [settings], findings=found(), bench=PlainBench())
    assert done.picture is picture
    assert not done.changed


def test_neutral_settings_are_not_even_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, propose=half_grey, regions=regions)
    neutral = FakeSettings(amount=0.0)
    done = treat(noise(), [neutral], findings=found(spot(4, 5)), bench=PlainBench())
    assert done.steps == ()
    assert not done.changed


def test_a_rejected_item_is_numbered_but_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = fake(monkeypatch, propose=half_grey, regions=regions)
    marks = [spot(4, 5), spot(20, 30), spot(40, 50)]
    picture = noise()
    whole = treat(picture, [settings], findings=found(*marks), bench=PlainBench())
    less = treat(
        picture,
        [settings],
        findings=found(*marks),
        bench=PlainBench(),
        rejected=[marks[1].key],
    )
    assert [i.made for i in less.steps[0].items] == [True, False, True]
    assert [i.number for i in less.steps[0].items] == [1, 2, 3]
    differs = (whole.picture.samples != less.picture.samples).any(axis=2)
    assert differs[20:23, 30:33].any()
    differs[20:23, 30:33] = False
    assert not differs.any(), "taking one item back moves no other"
    assert np.array_equal(less.picture.samples[20:23, 30:33], picture.samples[20:23, 30:33])


def test_all_known_damage_is_in_the_mask_that_a_step_sees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def propose(look: Look, settings: FakeSettings) -> Proposal:
        assert look.mask is not None
        seen.append(int(look.mask.sum()))
        return half_grey(look, settings)

    settings = fake(monkeypatch, propose=propose, regions=regions, halo_px=lambda s: 30)
    marks = [spot(4, 5), spot(10, 12)]
    treat(noise(), [settings], findings=found(*marks), bench=PlainBench(), rejected=[marks[1].key])
    assert seen == [18], "the rejected neighbour is still no source for the other"


def test_mask_and_protect_bound_every_kind_of_step(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = noise()
    mask, protect = np.zeros((60, 70), bool), np.zeros((60, 70), bool)
    mask[:30], protect[:, :10] = True, True
    for kind in (Kind.LOCAL, Kind.TONAL, Kind.TEXTURE):
        settings = fake(monkeypatch, kind=kind, propose=half_grey, regions=regions)
        big = Mark(
            kind=MarkKind.DUST,
            region=Region.of(np.ones((40, 40), bool), Window(0, 0, 40, 40)),
        )
        done = treat(
            picture,
            [settings],
            findings=found(big),
            bench=PlainBench(),
            mask=mask,
            protect=protect,
        )
        assert done.changed
        assert not done.evidence[~mask].any()
        assert not done.evidence[protect].any()


def box_blur(pixels: np.ndarray, radius: int) -> np.ndarray:
    padded = np.pad(pixels, ((radius, radius), (radius, radius), (0, 0)), mode="edge")
    total = np.zeros_like(pixels)
    rows, cols = pixels.shape[:2]
    for down in range(2 * radius + 1):
        for right in range(2 * radius + 1):
            total += padded[down : down + rows, right : right + cols]
    return total / np.float32((2 * radius + 1) ** 2)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("memory_bytes", [300_000_000, 3_000_000_000])
def test_tiles_of_a_texture_step_see_the_picture_as_it_was(
    monkeypatch: pytest.MonkeyPatch, threads: int, memory_bytes: int
) -> None:
    """A tile is written while its neighbours still have to read: no order may show."""
    radius = 3

    def propose(look: Look, settings: FakeSettings) -> Proposal:
        return Proposal(box_blur(look.pixels, radius))

    settings = fake(monkeypatch, kind=Kind.TEXTURE, propose=propose, halo_px=lambda s: radius)
    picture = noise(1100, 1300, 1, np.uint16)
    with Bench(threads=threads, memory_bytes=memory_bytes) as bench:
        done = treat(picture, [settings], findings=Findings(), bench=bench)
        twice = treat(picture, [settings, settings], findings=Findings(), bench=bench)
    once = Picture.of(box_blur(picture.pixels, radius), like=picture)
    assert np.array_equal(done.picture.samples, once.samples)
    again = Picture.of(box_blur(once.pixels, radius), like=picture)
    assert np.array_equal(twice.picture.samples, again.samples)


def test_a_long_mark_goes_by_cells_that_meet_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = []

    def propose(look: Look, settings: FakeSettings) -> Proposal:
        windows.append(look.window)
        return half_grey(look, settings)

    settings = fake(monkeypatch, propose=propose, regions=regions)
    line = Region.of(np.ones((700, 1), bool), Window(10, 40, 710, 41))
    picture = noise(720, 60)
    done = treat(
        picture,
        [settings],
        findings=found(Mark(kind=MarkKind.SCRATCH, region=line)),
        bench=PlainBench(),
    )
    assert len(windows) == 3
    assert (done.evidence[10:710, 40] > 0).all()
    assert len(done.steps[0].items) == 1


def test_a_mark_may_reach_over_the_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = fake(monkeypatch, propose=half_grey, regions=regions)
    corner = Mark(kind=MarkKind.DUST, region=Region.of(np.ones((6, 6), bool), Window(-2, -3, 4, 3)))
    done = treat(noise(), [settings], findings=found(corner), bench=PlainBench())
    assert (done.evidence[:4, :3] > 0).all()
    assert (done.evidence > 0).sum() == 12


def enlarge(
    picture: Picture, settings: FakeSettings, findings: Findings, bench: Any
) -> Iterator[tuple[Window, np.ndarray]]:
    pixels = picture.pixels.repeat(2, axis=0).repeat(2, axis=1)
    half = Window(0, 0, picture.rows, picture.cols * 2)
    yield half, pixels[: picture.rows]
    yield Window(half.rows, 0, picture.rows * 2, picture.cols * 2), pixels[picture.rows :]


def test_geometry_takes_planes_resolution_and_evidence_along(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = fake(monkeypatch, kind=Kind.GEOMETRY, stream=enlarge, scale=lambda s: 2)
    plain = noise()
    alpha = np.arange(60 * 70, dtype=np.uint8).reshape(60, 70)
    picture = Picture(plain.samples, alpha=alpha, dpi=(300.0, 300.0))
    done = treat(picture, [settings], findings=Findings(), bench=PlainBench())
    assert done.picture.samples.shape == (120, 140, 3)
    assert done.picture.dpi == (600.0, 600.0), "the physical size is kept"
    assert done.picture.alpha is not None
    assert np.array_equal(done.picture.alpha[::2, ::2], alpha)
    assert (done.evidence == Evidence.ESTIMATED).all()


def not_a_number(look: Look, settings: FakeSettings) -> Proposal:
    return Proposal(np.full_like(look.pixels, np.nan))


def too_small(look: Look, settings: FakeSettings) -> Proposal:
    return Proposal(look.pixels[1:])


def doubled(look: Look, settings: FakeSettings) -> Proposal:
    return Proposal(look.pixels.astype(np.float64))  # type: ignore[arg-type]


@pytest.mark.parametrize("propose", [not_a_number, too_small, doubled])
@pytest.mark.parametrize("kind", [Kind.LOCAL, Kind.TEXTURE])
def test_a_broken_promise_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, kind: Kind, propose: Any
) -> None:
    settings = fake(monkeypatch, kind=kind, propose=propose, regions=regions)
    with pytest.raises(PromiseBroken, match="fake"):
        treat(noise(), [settings], findings=found(spot(4, 5)), bench=PlainBench())


def test_a_geometry_step_that_leaves_a_hole_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(*args: Any) -> Iterator[tuple[Window, np.ndarray]]:
        yield next(enlarge(*args))

    settings = fake(monkeypatch, kind=Kind.GEOMETRY, stream=half, scale=lambda s: 2)
    with pytest.raises(PromiseBroken, match="pixels"):
        treat(noise(), [settings], findings=Findings(), bench=PlainBench())


def test_the_check_of_untouched_samples_finds_a_single_changed_code() -> None:
    picture = noise()
    samples = picture.samples.copy()
    samples[50, 60, 2] ^= 1
    evidence = np.zeros((60, 70), np.uint8)
    with pytest.raises(PromiseBroken, match="outside the evidence map"):
        check_untouched(picture, picture.with_samples(samples), evidence)
    evidence[50, 60] = 2
    assert len(check_untouched(picture, picture.with_samples(samples), evidence)) == 64


def test_the_hole_that_fills_its_window_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = fake(monkeypatch, propose=half_grey, regions=regions)
    whole = Region.of(np.ones((60, 70), bool), Window(0, 0, 60, 70))
    done = treat(
        noise(),
        [settings],
        findings=found(Mark(kind=MarkKind.USER, region=whole)),
        bench=PlainBench(),
    )
    assert not done.changed
    assert [item.made for item in done.steps[0].items] == [False]
