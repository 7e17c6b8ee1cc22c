"""Networks in place of a step's own method: streamed on their own grid, classed by what they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

import unfade
from seven import photo, psnr
from unfade.engines.contract import ModelFacts, PlainBench
from unfade.engines.filling import WindowFiller
from unfade.engines.stages import Stage, single
from unfade.engines.tiled import TiledMender
from unfade.errors import NoSuchNetwork, PolicyError, SettingsError, UsageError
from unfade.findings import Findings, Mark, MarkKind, Marks, Noise
from unfade.picture import Picture
from unfade.pixels.regions import regions_of
from unfade.record import Evidence
from unfade.steps import deblock, deblur, denoise, inpaint, upscale
from unfade.steps.contract import may_be_network
from unfade.treatment import treat

PLAIN: dict[str, Any] = {"sha256": "0" * 64, "licence": "MIT", "paper": ""}
NOISY = Findings(noise=Noise(says="", confidence=1.0, sigma=0.05, sigma_channels=(0.05,) * 3))


class Brighter:
    """Adds a tenth; told ``sigma``, adds that instead."""

    name, device = "fake", "cpu"

    def __init__(self, by: float = 0.1) -> None:
        self.by = by
        self.sides: list[tuple[int, int]] = []

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.sides.append(maps[0].shape[1:])
        return [maps[0] + np.float32(self.by)]

    def tuned(self, **dials: float) -> Brighter:
        return Brighter(float(next(iter(dials.values()))))

    def close(self) -> None:
        pass


class Grey:
    """Fills with mid grey and remembers the windows."""

    name, device = "fake", "cpu"

    def __init__(self) -> None:
        self.sides: list[tuple[int, int]] = []

    def fill(self, image_chw: np.ndarray, mask_chw: np.ndarray) -> np.ndarray:
        self.sides.append(image_chw.shape[1:])
        return np.full_like(image_chw, 0.5)

    def close(self) -> None:
        pass


class Bench(PlainBench):
    """Knows one network under every name that begins with ``net``, and the steps' own."""

    def __init__(self, **facts: Any) -> None:
        plain = PLAIN | {"name": "net", "shape": "mend", "halo_px": 8, "tile_px": 80} | facts
        self.runtime: Any = Grey() if plain["shape"] == "fill" else Brighter()
        if plain["shape"] == "fill":
            self.opened: Any = WindowFiller(ModelFacts(**plain | {"tile_px": 1024}), self.runtime)
        else:
            scale = plain.get("scale", 1)
            self.opened = TiledMender(ModelFacts(**plain), self.runtime, single(8, scale))

    def engine(self, name: str) -> Any:
        if name.startswith(("no-", "yunet", "sface", "unfade-")):
            raise NoSuchNetwork("none")
        return self.opened


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_network_streams_over_the_picture_as_it_was(dtype: Any, channels: int) -> None:
    """Tiles read their neighbours: those must not have been written yet."""
    source = photo(150, 170, dtype=dtype, channels=channels)
    bench = Bench()
    done = treat(source, [deblur.Settings(method="nafnet")], findings=Findings(), bench=bench)
    expected = Picture.of(source.pixels + 0.1, like=source)
    if channels == 3:
        assert np.array_equal(done.picture.samples, expected.samples)
    # a grey picture's is the mean of three channels, which may round to the next code
    assert np.abs(done.picture.pixels - expected.pixels).max() <= source.code_step + 1e-6
    assert len(bench.runtime.sides) == 9  # a core of 64
    assert set(np.unique(done.evidence)) <= {0, 2}
    assert done.steps[0].model is not None and done.steps[0].model["name"] == "net"


@pytest.mark.parametrize(
    "settings, by",
    [
        (deblur.Settings(method="nafnet", strength=0.5), 0.05),
        (deblock.Settings(method="fbcnn", strength=0.25), 0.025),
        (denoise.Settings(method="scunet", strength=0.5), 0.05),
        (denoise.Settings(method="net-7"), 0.1),
    ],
)
def test_strength_takes_a_share_of_a_blind_network(settings: Any, by: float) -> None:
    source = photo(70, 60)
    done = treat(source, [settings], findings=NOISY, bench=Bench())
    assert np.abs(done.picture.samples - source.samples - by).max() < 1e-6


def test_a_network_that_can_be_told_the_noise_is_told_it() -> None:
    source, bench = photo(70, 60), Bench(dials=("sigma",))
    steps = [denoise.Settings(method="drunet", strength=1.5)]
    done = treat(source, steps, findings=NOISY, bench=bench)
    assert np.abs(done.picture.samples - source.samples - 0.075).max() < 1e-6
    assert done.steps[0].measured["sigma"] == pytest.approx([0.075] * 3)
    told = treat(
        source, [deblock.Settings(method="fbcnn", quality=2)], findings=Findings(),
        bench=Bench(dials=("quality",)),
    )  # fmt: skip
    assert np.abs(told.picture.samples - source.samples - 2).max() < 1e-4


def test_a_blind_network_has_no_more_than_all() -> None:
    steps = [denoise.Settings(method="scunet", strength=1.5)]
    with pytest.raises(SettingsError, match=r"`strength` is 1.5.*`drunet`, which can be told"):
        treat(photo(20, 20), steps, findings=Findings(), bench=Bench())


def test_grain_may_stay_when_a_network_denoises() -> None:
    source = photo(70, 60)
    steps = [denoise.Settings(method="scunet", keep_grain=1.0)]
    done = treat(source, steps, findings=Findings(), bench=Bench())
    assert np.abs(done.picture.samples - source.samples).max() < 1e-5


def test_outside_the_mask_the_network_changes_nothing() -> None:
    source, mask = photo(90, 90, dtype=np.uint8), np.zeros((90, 90), bool)
    mask[20:50, 30:60] = True
    done = treat(
        source, [deblur.Settings(method="nafnet")], findings=Findings(), bench=Bench(), mask=mask
    )
    changed = (done.picture.samples != source.samples).any(2)
    assert changed[mask].all() and not changed[~mask].any()


@pytest.mark.parametrize(
    "settings, facts, says",
    [
        (
            deblur.Settings(method="nafnet"),
            {"scale": 2},
            "`deblur` cannot use the network `nafnet-reds-w64`",
        ),
        (denoise.Settings(method="scunet"), {"shape": "fill"}, "which fills holes"),
        (deblur.Settings(method="nafnet"), {"tiling": "whole"}, "pictures of one size alone"),
        (
            deblur.Settings(method="nafnet"),
            {"channels_in": 1},
            "takes grey pictures; this one is in colour",
        ),
        (upscale.Settings(method="net-3", scale=2), {"scale": 3}, "from which 2 times cannot"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(settings: Any, facts: Any, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        treat(photo(40, 40), [settings], findings=Findings(), bench=Bench(**facts))


def test_a_method_that_nobody_knows_is_answered_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match="Did you mean `wavelet`"):
        denoise.Settings(method="wavlet")
    with pytest.raises(SettingsError, match="no method `no-such`, and no network of this name"):
        treat(photo(9, 9), [denoise.Settings(method="no-such")], findings=NOISY, bench=Bench())


def test_the_evidence_is_that_of_the_network_and_the_policy_asks_for_it() -> None:
    samples = data.astronaut()[:60, :60]
    bench = Bench(evidence=4)
    done = unfade.restore(
        samples, only=["denoise"], settings={"denoise": {"method": "net-gan"}}, bench=bench
    )
    assert done.record.steps[0].evidence == 4
    assert set(np.unique(done.evidence)) <= {0, 4}
    with pytest.raises(PolicyError, match=r"invented pixels \(class 4\)"):
        unfade.restore(
            samples, only=["denoise"], settings={"denoise": {"method": "net-gan"}},
            policy="museum", bench=bench,
        )  # fmt: skip


@pytest.mark.parametrize(
    "word, may",
    [("lama", False), ("lamma", False), ("lama-2", True), ("attic", True), ("Attic", False)],
)
def test_which_words_may_be_networks(word: str, may: bool) -> None:
    assert may_be_network(word, ("telea", "lama", "mi-gan")) is may


# -- deblock without a network -------------------------------------------------------------------


def test_blocks_of_jpeg_are_taken_out() -> None:
    import io

    from PIL import Image

    for quality in (10, 30):
        clean = data.astronaut()[:160, 100:260]
        file = io.BytesIO()
        Image.fromarray(clean).save(file, "JPEG", quality=quality)
        blocky = Picture(np.asarray(Image.open(file)).copy())
        steps = [deblock.Settings(quality=quality)]
        done = treat(blocky, steps, findings=Findings(), bench=PlainBench()).picture
        gain = psnr(done.pixels, clean / 255) - psnr(blocky.pixels, clean / 255)
        assert gain > 0.3, (quality, gain)


# -- fills ---------------------------------------------------------------------------------------


def holes(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> Findings:
    mask = np.zeros(shape, bool)
    for top, left, rows, cols in boxes:
        mask[top : top + rows, left : left + cols] = True
    marks = tuple(Mark(kind=MarkKind.USER, region=r) for r in regions_of(mask))
    return Findings(marks=Marks(says="", confidence=1.0, items=marks))


def test_a_learned_fill_of_a_wide_hole_is_invented_and_of_a_small_one_estimated() -> None:
    source = photo(300, 300, dtype=np.uint8, top=0, left=0)
    findings = holes((300, 300), (20, 20, 10, 30), (100, 100, 120, 140))
    bench = Bench(shape="fill")
    wide = inpaint.Settings(method="lama", max_width_px=500, grain=0)
    done = treat(source, [wide], findings=findings, bench=bench)
    assert done.evidence[25, 30] == 2
    assert done.evidence[150, 150] == 4
    assert (done.picture.samples[100:220, 100:240] == 128).all()
    assert bench.runtime.sides[1] == (300, 300), "the wide hole is seen whole, with its surround"
    assert done.steps[0].evidence == 4
    small = inpaint.Settings(method="lama", grain=0)
    left = treat(source, [small], findings=findings, bench=Bench(shape="fill"))
    assert left.evidence[25, 30] == 2 and left.evidence[150, 150] == 0
    assert left.steps[0].evidence == 2


def test_a_network_that_improves_on_a_classical_fill_is_given_it() -> None:
    source = photo(120, 120, dtype=np.float32, top=0, left=0)
    findings = holes((120, 120), (40, 30, 6, 40))
    bench = Bench(shape="fill", begins_with="sparse")
    bench.runtime.fill = lambda image, mask: image + np.float32(0.1)
    done = treat(source, [inpaint.Settings(method="net", grain=0)], findings=findings, bench=bench)
    plain = treat(source, [inpaint.Settings(method="sparse", grain=0)], findings=findings,
                  bench=bench)  # fmt: skip
    hole = done.evidence > 0
    assert hole.sum() == 240
    more = done.picture.samples[hole] - plain.picture.samples[hole]
    assert np.allclose(more, 0.1, atol=0.02), "their surrounds differ in width"


def test_a_window_too_large_for_the_network_keeps_the_fill_that_it_begins_with() -> None:
    plain = PLAIN | {"name": "net", "shape": "fill", "tile_px": 64, "begins_with": "sparse"}
    runtime: Any = Grey()
    runtime.fill = lambda image, mask: image
    mask = np.zeros((200, 200), bool)
    mask[60:140, 60:140] = True
    filled = WindowFiller(ModelFacts(**plain), runtime).fill(
        np.full((200, 200, 3), 0.7, np.float32), mask
    )
    assert np.abs(filled[mask] - 0.7).max() < 0.01, "it is not given black"


def test_a_long_scratch_is_filled_at_full_size_piece_by_piece() -> None:
    source = Picture(np.tile(data.astronaut(), (1, 3, 1)))
    findings = holes((512, 1536), (250, 10, 6, 1500))
    bench = Bench(shape="fill")
    settings = inpaint.Settings(method="lama", max_width_px=500, grain=0)
    done = treat(source, [settings], findings=findings, bench=bench)
    assert len(bench.runtime.sides) >= 6
    assert max(max(side) for side in bench.runtime.sides) <= 512
    assert set(np.unique(done.evidence)) == {0, 2}


def test_a_fill_that_was_asked_for_takes_the_whole_mask_where_the_policy_allows() -> None:
    samples = data.astronaut()[:300, :300].copy()
    mask = np.zeros((300, 300), bool)
    mask[100:220, 100:240] = True
    done = unfade.restore(samples, mask=mask, fill="lama", bench=Bench(shape="fill"))
    assert (done.evidence[mask] == 4).mean() > 0.99 and not done.evidence[~mask].any()
    kept = unfade.restore(
        samples, mask=mask, fill="lama", policy="museum", bench=Bench(shape="fill")
    )
    assert not kept.changed, "under museum a wide hole stays as it is"
    with pytest.raises(PolicyError, match="class 4"):
        unfade.restore(samples, mask=mask, fill="diffusion", policy="museum", bench=Bench())


def test_a_fill_needs_a_mask_and_a_prompt_needs_diffusion() -> None:
    samples = data.astronaut()[:40, :40]
    with pytest.raises(UsageError, match=r"no mask.*--mask"):
        unfade.restore(samples, fill="lama", bench=Bench())
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:20] = True
    with pytest.raises(UsageError, match="reads no words"):
        unfade.restore(samples, mask=mask, fill="lama", prompt="a cat", bench=Bench())


def test_every_step_that_names_networks_tells_which_are_its_own() -> None:
    from unfade.steps.inpaint import learned

    assert tuple(inpaint.METHODS) == learned.CLASSICAL
    for step in (deblock.STEP, deblur.STEP, denoise.STEP, inpaint.STEP, upscale.STEP):
        default = step.settings()
        assert step.network(default) is None or step is deblur.STEP


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_the_fill_that_comes_along_betters_the_one_that_it_begins_with(name: str) -> None:
    sound = np.ascontiguousarray(getattr(data, name)()[40:296, 60:316])
    mask = np.zeros(sound.shape[:2], bool)
    for k in range(6):
        line = [(20 + 35 * k, 10 + 6 * k), (45 + 30 * k, 240 - 9 * k)]
        mask |= cv2.line(np.zeros(mask.shape, np.uint8), *line, 1, 6) > 0
    hurt = sound.copy()
    hurt[mask] = 255
    left = {}
    for method in ("sparse", "unfade"):
        over = {"inpaint": {"method": method, "grain": 0.0}}
        made = unfade.restore(hurt, mask=mask, only=("inpaint",), settings=over)
        assert np.array_equal(made.picture.samples[~mask], hurt[~mask])
        evidence = made.evidence[mask]
        assert (evidence == int(Evidence.ESTIMATED)).mean() > 0.95
        apart = made.picture.samples[mask].astype(float) - sound[mask]
        left[method] = float((apart**2).mean())
    assert left["unfade"] < 0.97 * left["sparse"]


def test_the_fill_that_comes_along_leaves_wide_holes_to_others() -> None:
    hurt = np.ascontiguousarray(data.astronaut()[:200, :300])
    mask = np.zeros(hurt.shape[:2], bool)
    mask[40:44, 20:120] = mask[70:170, 150:250] = True
    made = unfade.restore(hurt, mask=mask, only=("inpaint",), fill="unfade")
    assert np.array_equal(made.picture.samples[70:170, 150:250], hurt[70:170, 150:250])
    assert (made.evidence[40:44, 20:120] == int(Evidence.ESTIMATED)).mean() > 0.9
    (done,) = made.record.to_dict()["steps"]
    assert [left["width_px"] > 64 for left in done["measured"]["too_wide"]] == [True]
