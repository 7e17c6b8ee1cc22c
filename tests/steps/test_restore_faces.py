"""Faces: cut out, laid back, refused, recorded, taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

import unfade
from unfade.engines.contract import ModelFacts, PlainBench
from unfade.errors import InputRefused, ModelMissing, PolicyError, SettingsError
from unfade.findings import Face, Faces, Findings
from unfade.picture import Picture, Window
from unfade.steps.restore_faces import STEP, Settings, aligned, chosen_faces, measure
from unfade.treatment import treat

EYES = ((201.0, 101.0), (246.0, 101.5))  # of the astronaut
POINTS = (*EYES, (222.0, 128.0), (206.0, 150.0), (240.0, 150.0))
FACES_FACTS = ModelFacts(
    name="draws", shape="mend", sha256="0" * 64, licence="MIT", paper="", multiple_of=512,
    minimum_px=512, tile_px=512, tiling="whole", dials=("fidelity",), evidence=4,
)  # fmt: skip


class Draws:
    """Draws a bright cross with fine hatching over every face."""

    facts, runtime = FACES_FACTS, "fake"
    notes = ()

    def __init__(self) -> None:
        self.given: list[np.ndarray] = []
        self.dials: dict[str, float] = {}

    def tuned(self, **dials: float) -> Draws:
        self.dials = dials
        return self

    def mend(self, pixels: np.ndarray) -> np.ndarray:
        self.given.append(pixels)
        result = pixels.copy()
        result[236:246, 160:350] = 0.9
        result[240:400:4, 250:262] = 0.1
        return result


class Recognises:
    """Likeness by plain correlation of the crops, less ``drift``."""

    def __init__(self, drift: float) -> None:
        self.drift, self.calls = drift, 0

    def find(self, pixels: np.ndarray) -> np.ndarray:
        assert pixels.shape[:2] == (112, 112)
        self.calls += 1
        angle = 0.0 if self.calls % 2 else np.arccos(1 - self.drift)
        return np.array([np.cos(angle), np.sin(angle)], np.float32)


class Bench(PlainBench):
    def __init__(self, recogniser: Any = None) -> None:
        self.draws, self.recogniser = Draws(), recogniser

    def engine(self, name: str) -> Any:
        if name == "sface-2021dec":
            if self.recogniser is None:
                raise ModelMissing("not here")
            return self.recogniser
        if name == "yunet-2023mar" or name.startswith("unfade-"):
            raise ModelMissing("not here")
        assert name in ("restoreformer", "codeformer", "latent-face-256", "latent-face-512")
        return self.draws


def face(points: tuple[tuple[float, float], ...] = POINTS, left: int = 180) -> Face:
    eyes = float(np.hypot(points[1][0] - points[0][0], points[1][1] - points[0][1]))
    return Face(
        window=Window(60, left, 175, left + 90), confidence=0.9,
        eye_distance_px=round(eyes, 1), landmarks=points,
    )  # fmt: skip


def seen(*faces: Face) -> Findings:
    return Findings(faces=Faces(says="", confidence=0.9, faces=faces))


def picture(dtype: Any = np.uint8) -> Picture:
    return Picture(data.astronaut()[:300].astype(dtype) * dtype(np.iinfo(dtype).max // 255))


def test_eyes_nose_and_mouth_come_to_their_places() -> None:
    rng = np.random.default_rng(3)
    for count in (2, 5):
        angle, scale = rng.uniform(-0.6, 0.6), rng.uniform(0.2, 4)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = aligned.TEMPLATE[:count] @ turn.T + (30, -70)
        to_cut = aligned.fit(points)
        back = points @ to_cut[:, :2].T + to_cut[:, 2]
        assert np.abs(back - aligned.TEMPLATE[:count]).max() < 1e-6
        theirs, _ = cv2.estimateAffinePartial2D(points, aligned.TEMPLATE[:count])
        assert np.abs(to_cut - theirs).max() < 1e-3


def test_points_that_are_no_face_are_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        aligned.fit(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="one place"):
        aligned.fit(np.ones((5, 2)))


@pytest.mark.parametrize("times", [0.4, 1.0, 2.5])
def test_a_face_that_was_not_changed_comes_back_as_it_was(times: float) -> None:
    """Whatever the size of the face: detail beyond the cut's stays, since nothing changed."""
    side = int(300 * times)
    pixels = cv2.resize(picture().pixels, (int(512 * times), side), interpolation=cv2.INTER_AREA)
    window = Window(0, 0, side, pixels.shape[1])
    to_cut = aligned.fit(np.array(POINTS) * times)
    cut = aligned.cut_out(pixels, window, to_cut)
    assert np.abs(aligned.laid_back(pixels, window, cut, cut, to_cut, 1.0) - pixels).max() < 1e-6


def test_what_was_drawn_comes_back_in_its_place_and_nowhere_else() -> None:
    pixels, window = picture().pixels, Window(0, 0, 300, 512)
    to_cut = aligned.fit(np.array(POINTS))
    cut = aligned.cut_out(pixels, window, to_cut)
    drawn = cut.copy()
    drawn[300:330, 246:266] = 1.0  # at the nose
    result = aligned.laid_back(pixels, window, cut, drawn, to_cut, 1.0)
    change = np.abs(result - pixels).max(2)
    row, col = np.unravel_index(change.argmax(), change.shape)
    assert abs(col - 222) < 6 and abs(row - 128) < 8
    oval = aligned.oval(to_cut, 300, 512)
    assert oval is not None
    outside = np.ones(change.shape, bool)
    outside[oval[0].slices] &= ~aligned.inside(oval[1])
    assert change[outside].max() < 1 / 1020  # the treatment takes nothing from there


def test_brightness_and_colour_stay_those_of_the_picture() -> None:
    pixels, window = picture().pixels, Window(0, 0, 300, 512)
    to_cut = aligned.fit(np.array(POINTS))
    cut = aligned.cut_out(pixels, window, to_cut)
    tinted = cut * np.float32(0.8) + np.array([0.2, 0.0, 0.1], np.float32)
    result = aligned.laid_back(pixels, window, cut, tinted, to_cut, 1.0)
    inner = (slice(95, 150), slice(205, 240))
    assert np.abs(result[inner].mean((0, 1)) - pixels[inner].mean((0, 1))).max() < 0.02


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_only_the_faces_that_were_asked_for_are_touched_and_classed_invented(dtype: Any) -> None:
    other = face(tuple((x + 150.0, y) for x, y in POINTS), left=330)
    source, bench = picture(dtype), Bench()
    findings = seen(face(), other)
    result = treat(source, [Settings(faces="2")], findings=findings, bench=bench)
    changed = (result.picture.samples != source.samples).any(2)
    assert changed[:, 330:].any() and not changed[:, :290].any()
    assert set(np.unique(result.evidence)) == {0, 4}
    (record,) = result.steps
    assert record.evidence == 4
    assert [item.key for item in record.items] == ["face@60:330"]
    assert record.measured["faces"] == [
        {"face": 1, "decision": "left alone: not asked for"},
        {"face": 2, "decision": "restored"},
    ]
    assert "not here" in record.measured["identity"]
    again = treat(
        source, [Settings(faces="2")], findings=findings, bench=bench, rejected=["face@60:330"]
    )
    assert not again.changed


def test_grey_pictures_stay_grey() -> None:
    grey = Picture(np.ascontiguousarray(picture().samples[:, :, 1:2]))
    bench = Bench()
    bench.draws.mend = lambda pixels: np.clip(pixels + 0.0, 0, 1)  # type: ignore[method-assign]
    result = treat(grey, [Settings()], findings=seen(face()), bench=bench)
    assert result.picture.channels == 1


@pytest.mark.parametrize(
    "found, says",
    [
        (face(tuple((201 + (x - 201) * 0.4, 101 + (y - 101) * 0.4) for x, y in POINTS)), "18 px"),
        (replace(face(), landmarks=(), eye_distance_px=None), "eyes were not found"),
    ],
)
def test_a_face_that_cannot_be_told_is_refused(found: Face, says: str) -> None:
    source = picture()
    result = treat(source, [Settings()], findings=seen(found), bench=Bench())
    assert not result.changed
    assert says in result.steps[0].measured["faces"][0]["decision"]
    with pytest.raises(InputRefused, match=rf"Face 1 cannot be restored: .*{says}"):
        treat(source, [Settings(faces="1")], findings=seen(found), bench=Bench())


def test_the_least_distance_cannot_be_set_to_nothing() -> None:
    with pytest.raises(SettingsError, match="least_eyes_px"):
        Settings(least_eyes_px=8)


def test_a_result_that_is_somebody_else_is_left_out() -> None:
    source = picture()
    alike = treat(source, [Settings()], findings=seen(face()), bench=Bench(Recognises(0.1)))
    assert alike.changed
    assert alike.steps[0].measured["faces"] == [
        {"face": 1, "decision": "restored", "likeness": 0.9}
    ]
    other = treat(source, [Settings()], findings=seen(face()), bench=Bench(Recognises(0.8)))
    assert not other.changed
    assert "left out: its likeness of 0.20" in other.steps[0].measured["faces"][0]["decision"]


def test_faces_that_overlap_share_no_pixel() -> None:
    near = face(tuple((x + 40.0, y) for x, y in POINTS), left=220)
    one, two = chosen_faces(seen(face(), near), Settings())
    both = one.region.window.overlap(two.region.window)
    assert both is not None
    overlap = (
        one.region.mask[both.within(one.region.window)]
        & two.region.mask[both.within(two.region.window)]
    )
    assert np.count_nonzero(overlap) <= 0.01 * one.region.area_px


@pytest.mark.parametrize("faces, says", [("3", "no face 3: 1 were"), ("one", "expected `all`")])
def test_numbers_that_are_no_faces_are_errors(faces: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        measure(picture(), Settings(faces=faces), seen(face()), Bench())


def test_a_network_that_is_not_for_faces_is_refused() -> None:
    bench = Bench()
    bench.draws.facts = replace(FACES_FACTS, tiling="yes")  # type: ignore[misc]
    with pytest.raises(SettingsError, match="not one for faces"):
        measure(picture(), Settings(), seen(face()), bench)


def test_codeformer_is_told_how_close_to_stay() -> None:
    bench = Bench()
    measure(picture(), Settings(method="codeformer", fidelity=0.3), seen(face()), bench)
    assert bench.draws.dials == {"fidelity": 0.3}


def test_strength_takes_a_share() -> None:
    pixels, window = picture().pixels, Window(0, 0, 300, 512)
    to_cut = aligned.fit(np.array(POINTS))
    cut = aligned.cut_out(pixels, window, to_cut)
    drawn = Draws().mend(cut)
    whole, half = (
        aligned.laid_back(pixels, window, cut, drawn, to_cut, s) - pixels for s in (1.0, 0.5)
    )
    assert np.abs(whole).max() > 0.1
    assert np.abs(whole * 0.5 - half).max() < 1e-5
    assert Settings(strength=0).neutral


def test_asking_is_the_permission_but_in_archives_and_museums(tmp_path: Path) -> None:
    bench = Bench()
    samples = data.astronaut()[:300]
    untouched = unfade.restore(samples, bench=bench)
    assert "restore_faces" not in [step.step for step in untouched.record.steps]
    asked = unfade.restore(samples, faces=True, only=["restore_faces"], bench=bench)
    assert [step.step for step in asked.record.steps] == ["restore_faces"]
    assert asked.record.evidence_shares["invented"] > 0.01
    for policy in ("archive", "museum"):
        with pytest.raises(PolicyError, match=r"class 4"):
            unfade.restore(samples, faces=[1], policy=policy, bench=bench)
    assert STEP.evidence == 4


# -- squares of other sizes, and the template of Wan et al. -------------------------------------

SQUARES = [("", 256), ("", 512), ("latent-face", 256), ("latent-face", 512)]
TIGHT_METHODS = {256: "spade", 512: "spade-512"}


class Does:
    """Does what it is told to a face, in squares of one size."""

    runtime, notes = "fake", ()

    def __init__(self, alignment: str, side: int, work: Any) -> None:
        self.facts = replace(
            FACES_FACTS, multiple_of=side, minimum_px=side, tile_px=side, dials=(),
            alignment=alignment,
        )  # fmt: skip
        self.work = work

    def mend(self, pixels: np.ndarray) -> np.ndarray:
        side = self.facts.multiple_of
        assert pixels.shape[:2] == (side, side) and pixels.dtype == np.float32
        return np.asarray(self.work(pixels), np.float32)


def bench_with(alignment: str, side: int, work: Any, recogniser: Any = None) -> Bench:
    bench = Bench(recogniser)
    bench.draws = Does(alignment, side, work)  # type: ignore[assignment]
    return bench


def bumps(alignment: str, side: int, points: np.ndarray) -> np.ndarray:
    """(side, side, 1): a soft bump at each point of the square."""
    y, x = np.mgrid[0:side, 0:side]
    sigma = 6 * side / 512
    each = [np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * sigma**2)) for u, v in points]
    return np.sum(each, 0)[:, :, None]


def centre(change: np.ndarray, near: tuple[float, float], radius: int = 7) -> np.ndarray:
    """x, y of the middle of what was added near a place."""
    col, row = round(near[0]), round(near[1])
    part = change[row - radius : row + radius + 1, col - radius : col + radius + 1].clip(0)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.array([col + (part * x).sum() / part.sum(), row + (part * y).sum() / part.sum()])


def test_the_template_is_the_published_one() -> None:
    """Spread from the middle of the square by 1.3, as its authors' code does."""
    bare = np.array([(196, 226), (316, 226), (256, 286), (220, 360.4), (292, 360.4)])
    tight = aligned.ALIGNMENTS["latent-face"]
    assert np.abs(((bare - 256) * 1.3 + 256) - tight.template).max() <= 0.15
    assert np.abs(tight.sized(256).template[0] - (89.0, 108.5)).max() < 1e-9


@pytest.mark.parametrize("alignment, side", SQUARES)
@pytest.mark.parametrize("times", [0.75, 1.0, 3.0])
def test_a_network_that_changes_nothing_leaves_the_picture(
    alignment: str, side: int, times: float
) -> None:
    codes = cv2.resize(data.astronaut()[:300], None, fx=times, fy=times)
    found = face(tuple((x * times, y * times) for x, y in POINTS))
    source, bench = Picture(codes), bench_with(alignment, side, lambda pixels: pixels)
    result = treat(source, [Settings()], findings=seen(found), bench=bench)
    assert result.steps[0].measured["faces"] == [{"face": 1, "decision": "restored"}]
    difference = np.abs(result.picture.samples.astype(int) - codes)
    assert difference.max() <= 1


@pytest.mark.parametrize("alignment, side", SQUARES)
@pytest.mark.parametrize("angle", [0.0, 0.3])
def test_what_is_drawn_at_the_eyes_lands_on_the_eyes(
    alignment: str, side: int, angle: float
) -> None:
    """The template's two eyes, to a third of a pixel; in a picture of one grey."""
    eyes = np.array([(201.3, 101.2), (246.6, 102.9)])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    eyes = (eyes - eyes.mean(0)) @ turn.T + eyes.mean(0)
    places = aligned.ALIGNMENTS[alignment].sized(side).template[:2]
    added = 0.3 * bumps(alignment, side, places)
    grey = Picture(np.full((300, 450, 1), 0x6000, np.uint16))
    bench = bench_with(alignment, side, lambda pixels: pixels + added)
    found = face(tuple((float(x), float(y)) for x, y in eyes))
    result = treat(grey, [Settings()], findings=seen(found), bench=bench)
    change = (result.picture.samples.astype(float) - 0x6000)[:, :, 0] / 0xFFFF
    assert 0.2 < change.max() < 0.31
    for eye in eyes:
        assert np.abs(centre(change, tuple(eye)) - eye).max() < 0.34


@pytest.mark.parametrize("alignment, side", SQUARES)
def test_five_points_are_met_in_the_mean(alignment: str, side: int) -> None:
    """No face has the template's own shape, but the fit leaves no shift: the means agree."""
    shape = aligned.ALIGNMENTS[alignment].sized(side)
    to_cut = aligned.fit(np.array(POINTS), shape.template)
    theirs, _ = cv2.estimateAffinePartial2D(np.array(POINTS), shape.template, method=cv2.LMEDS)
    assert np.abs(to_cut[:, :2] - theirs[:, :2]).max() < 0.15 * np.abs(to_cut[0, 0])
    added = 0.3 * bumps(alignment, side, shape.template)
    grey = Picture(np.full((300, 450, 3), 0x6000, np.uint16))
    bench = bench_with(alignment, side, lambda pixels: pixels + added)
    result = treat(grey, [Settings()], findings=seen(face()), bench=bench)
    change = (result.picture.samples.astype(float) - 0x6000).mean(2)
    landed = [centre(change, point) for point in POINTS]
    assert np.abs(np.mean(landed, 0) - np.mean(POINTS, 0)).max() < 0.6
    assert np.abs(np.array(landed) - POINTS).max() < 5


@pytest.mark.parametrize("alignment, side", SQUARES)
@pytest.mark.parametrize("times, least", [(1.0, 34), (2.0, 44)])
def test_a_network_that_knows_the_sound_face_brings_it_back(
    alignment: str, side: int, times: float, least: float
) -> None:
    """A shift of half a pixel on the way there and back costs 7 to 20 dB."""
    sound = cv2.resize(
        data.astronaut()[:300], None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC
    )
    blurred = cv2.GaussianBlur(sound, (0, 0), 1.5 * times)
    points = np.array(POINTS) * times
    shape = aligned.ALIGNMENTS[alignment].sized(side)
    to_cut = aligned.fit(points, shape.template)
    window = Window(0, 0, *sound.shape[:2])
    known = aligned.cut_out((sound / 255).astype(np.float32), window, to_cut, side)
    bench = bench_with(alignment, side, lambda pixels: known.clip(0, 1))
    found = face(tuple((float(x), float(y)) for x, y in points))
    result = treat(Picture(blurred), [Settings()], findings=seen(found), bench=bench)
    inner = tuple(slice(int(a * times), int(b * times)) for a, b in ((95, 150), (200, 245)))

    def decibels(samples: np.ndarray) -> float:
        error = samples[inner].astype(float) - sound[inner]
        return float(10 * np.log10(255**2 / np.mean(error**2)))

    assert decibels(blurred) < 28
    assert decibels(result.picture.samples) > least


@pytest.mark.parametrize("side", [256, 512])
def test_nothing_ends_in_a_line_where_the_tighter_square_ends(side: int) -> None:
    """Its oval lies inside the one that is marked, and inside the square."""
    source = Picture(np.full((400, 500, 3), 0x8000, np.uint16))
    rng = np.random.default_rng(5)
    noise = rng.uniform(-0.4, 0.4, (side // 8, side // 8, 1))
    coarse = np.kron(noise, np.ones((8, 8, 1)))
    bench = bench_with("latent-face", side, lambda pixels: pixels + coarse)
    for points in (POINTS, POINTS[:2]):
        findings = seen(face(points))
        (mark,) = chosen_faces(findings, Settings())
        oval = np.zeros((400, 500), np.uint8)
        oval[mark.region.window.slices] = mark.region.mask
        settings = [Settings(method=TIGHT_METHODS[side])]
        result = treat(source, settings, findings=findings, bench=bench)
        change = np.abs(result.picture.samples.astype(float) - 0x8000).max(2) / 0xFFFF
        assert change.max() > 0.2 and (result.evidence > 0).mean() > 0.03
        assert not change[oval == 0].any() and not result.evidence[oval == 0].any()
        rim = oval.astype(bool) & ~cv2.erode(oval, np.ones((5, 5), np.uint8)).astype(bool)
        assert change[rim].max() < 2 / 255


@pytest.mark.parametrize("alignment, side", SQUARES)
def test_likeness_is_measured_where_the_recogniser_wants_the_eyes(
    alignment: str, side: int
) -> None:
    crops: list[np.ndarray] = []

    class Watches(Recognises):
        def find(self, pixels: np.ndarray) -> np.ndarray:
            crops.append(pixels[:, :, 0])
            return super().find(pixels)

    places = aligned.ALIGNMENTS[alignment].sized(side).template[:2]
    added = 0.4 * bumps(alignment, side, places)
    grey = Picture(np.full((300, 450, 3), 0x60, np.uint8))
    bench = bench_with(alignment, side, lambda pixels: pixels + added, Watches(0.8))
    result = treat(grey, [Settings()], findings=seen(face()), bench=bench)
    assert not result.changed, "somebody else's face is left out"
    before, after = crops
    for eye in aligned.RECOGNISER[:2]:
        assert np.abs(centre(after - before, tuple(eye)) - eye).max() < 1.5


@pytest.mark.parametrize("side", [128, 1024])
def test_a_network_of_another_size_is_refused(side: int) -> None:
    bench = bench_with("latent-face", side, lambda pixels: pixels)
    says = rf"faces of {side} x {side} pixels; faces are cut out at 256 or 512"
    with pytest.raises(SettingsError, match=says):
        measure(picture(), Settings(), seen(face()), bench)


@pytest.mark.parametrize("change", [{"scale": 2}, {"shape": "fill"}, {"alignment": "profile"}])
def test_other_networks_of_256_pixels_are_refused(change: dict[str, Any]) -> None:
    bench = bench_with("", 256, lambda pixels: pixels)
    bench.draws.facts = replace(bench.draws.facts, **change)  # type: ignore[misc]
    with pytest.raises(SettingsError, match="not one for faces"):
        measure(picture(), Settings(), seen(face()), bench)


@pytest.mark.parametrize("side", [256, 512])
def test_spade_is_the_generator_of_its_side_and_has_no_dial(side: int) -> None:
    settings = Settings(method=TIGHT_METHODS[side])
    assert STEP.network(settings) == f"latent-face-{side}"
    work = measure(picture(), settings, seen(face()), bench_with("latent-face", side, None))
    assert work.alignment.side_px == side
    small = face(tuple((201 + (x - 201) * 0.4, 101 + (y - 101) * 0.4) for x, y in POINTS))
    work = measure(picture(), settings, seen(small), bench_with("latent-face", side, None))
    assert "32 px are the least" in work.decisions[1]
