"""One suite for all runtimes: what a network's facts declare is measured."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from skimage import data

from unfade.engines.bench import Bench
from unfade.engines.contract import ModelFacts, PlainBench
from unfade.engines.opening import open_engine
from unfade.engines.stages import Stage, single
from unfade.engines.tiled import TiledMender, tiles_beside
from unfade.errors import PromiseBroken
from unfade.picture import Picture, Window

SMALL = "realesr-animevideov3-x4"


class Twice:
    """The smallest runtime: each pixel twice along each side."""

    name, device = "fake", "cpu"

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [maps[0].repeat(2, axis=1).repeat(2, axis=2)]

    def close(self) -> None:
        pass


def fake_facts(**changes: object) -> ModelFacts:
    facts = ModelFacts(
        name="twice", shape="mend", sha256="0" * 64, licence="CC0-1.0", paper="", scale=2,
        halo_px=2, tile_px=20,
    )  # fmt: skip
    return dataclasses.replace(facts, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["fake", "ncnn", "onnx", "torch"])
def engine(request: pytest.FixtureRequest) -> Iterator[TiledMender]:
    if request.param == "fake":
        opened = TiledMender(fake_facts(), Twice(), single(0, scale=2))
    else:
        opened = open_engine(SMALL, runtime=request.param, threads=1)
    yield opened
    opened.close()


def photograph(rows: int, cols: int) -> np.ndarray:
    return (data.astronaut()[60 : 60 + rows, 160 : 160 + cols] / 255).astype(np.float32)


def with_tiles(engine: TiledMender, core_px: int, **changes: object) -> TiledMender:
    facts = dataclasses.replace(engine.facts, **changes)  # type: ignore[arg-type]
    facts = dataclasses.replace(facts, tile_px=core_px + 2 * facts.halo_px)
    return type(engine)(facts, engine._runtime, engine.stages)


@pytest.mark.parametrize("rows, cols", [(1, 1), (1, 9), (2, 3), (7, 1), (31, 18), (64, 33)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_is_taken_and_scaled(
    engine: TiledMender, rows: int, cols: int, channels: int
) -> None:
    result = engine.mend(photograph(rows, cols)[:, :, :channels])
    assert result.shape == (rows * engine.facts.scale, cols * engine.facts.scale, channels)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()


def test_input_is_not_modified(engine: TiledMender) -> None:
    pixels = photograph(24, 24)
    before = pixels.copy()
    engine.mend(pixels)
    assert np.array_equal(pixels, before)


def test_a_view_gives_the_same_bits_as_its_copy(engine: TiledMender) -> None:
    view = photograph(48, 60)[::2, ::-2]
    assert np.array_equal(engine.mend(view), engine.mend(view.copy()))


def test_the_result_resembles_the_input(engine: TiledMender) -> None:
    pixels, scale = photograph(64, 64), engine.facts.scale
    small = engine.mend(pixels).reshape(64, scale, 64, scale, 3).mean((1, 3))
    assert np.abs(small - pixels).mean() < 0.03
    assert np.corrcoef(small.ravel(), pixels.ravel())[0, 1] > 0.98


def test_range(engine: TiledMender) -> None:
    noise = np.random.default_rng(3).random((32, 32, 3), dtype=np.float32)
    result = engine.mend(noise)
    assert result.min() > -1
    assert result.max() < 2


def test_two_runs_give_the_same_bits(engine: TiledMender) -> None:
    pixels = photograph(40, 45)
    assert np.array_equal(engine.mend(pixels), engine.mend(pixels))


def test_no_pixel_looks_further_than_the_halo(engine: TiledMender) -> None:
    pixels, scale, centre = photograph(81, 81), engine.facts.scale, 40
    other = pixels.copy()
    other[centre, centre] = 1 - other[centre, centre]
    change = np.abs(engine.mend(pixels) - engine.mend(other)).max(2)
    # below lies the rounding of fast convolutions, which work in blocks of several pixels
    changed = np.argwhere(change > 1e-4) // scale
    reach = np.abs(changed - centre).max()
    assert reach <= engine.facts.halo_px
    assert reach <= engine.stages[0].reach_px
    if engine.facts.name == SMALL:
        assert reach > engine.facts.halo_px // 2, "the halo is declared wider than it is"


def test_tiles_agree_with_the_whole(engine: TiledMender) -> None:
    pixels = photograph(70, 61)
    whole = with_tiles(engine, 80).mend(pixels)
    tiled = with_tiles(engine, 24).mend(pixels)
    assert np.abs(tiled - whole).max() < 1 / 255 / 10


def test_a_halo_that_is_too_narrow_is_noticed(engine: TiledMender) -> None:
    pixels = photograph(70, 61)
    tiled = with_tiles(engine, 24, halo_px=4).mend(pixels)
    difference = np.abs(tiled - with_tiles(engine, 80).mend(pixels)).max()
    looks_far = engine.facts.name == SMALL  # the fake looks at one pixel alone
    assert difference > 1 / 255 if looks_far else difference == 0


def test_windows_tile_the_output_in_raster_order(engine: TiledMender) -> None:
    picture = Picture.of(photograph(50, 61))
    scale = engine.facts.scale
    seen = np.zeros((50 * scale, 61 * scale), int)
    windows = []
    for window, pixels in with_tiles(engine, 24).mend_tiles(picture, PlainBench()):
        assert pixels.shape == (window.rows, window.cols, 3)
        seen[window.slices] += 1
        windows.append(window)
    assert (seen == 1).all()
    assert windows == sorted(windows)
    assert len(windows) == 9


def test_a_wide_picture_of_small_height_is_tiled(engine: TiledMender) -> None:
    pixels = photograph(5, 90)
    tiled = with_tiles(engine, 24).mend(pixels)
    assert np.abs(tiled - with_tiles(engine, 100).mend(pixels)).max() < 1 / 255 / 10


def test_work_is_announced_as_it_is_done(engine: TiledMender) -> None:
    class Counting(PlainBench):
        total = done = 0

        def map(self, work, tasks, *, says, total, bytes_each=0):  # type: ignore[no-untyped-def]
            self.total = total
            for task in tasks:
                self.done += 1
                yield work(task)

    bench = Counting()
    pieces = with_tiles(engine, 24, piece_px=16)
    list(pieces.mend_tiles(Picture.of(photograph(50, 61)), bench))
    assert bench.done == bench.total > 9


# -- what a fake shows best --------------------------------------------------------------------


class Broken(Twice):
    def __init__(self, at: int) -> None:
        self.left = at

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        (result,) = super().run(stage, maps)
        if self.left == 0:
            result[1, 5, 5] = np.nan
        self.left -= 1
        return [result]


def test_a_tile_that_is_no_number_is_named_and_never_given_out() -> None:
    engine = TiledMender(fake_facts(), Broken(at=3), single(0, scale=2))
    got: list[Window] = []
    with pytest.raises(PromiseBroken, match=r"row 16, column 16 of 16 x 14 pixels"):
        for window, _ in engine.mend_tiles(Picture.of(photograph(40, 30)), PlainBench()):
            got.append(window)
    assert len(got) == 3


class Picky(Twice):
    """Takes sides that are multiples of 4, 8 at least."""

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        rows, cols = maps[0].shape[1:]
        assert rows % 4 == 0 and cols % 4 == 0 and min(rows, cols) >= 8
        return super().run(stage, maps)


@pytest.mark.parametrize("rows, cols", [(1, 1), (5, 6), (9, 40), (33, 47)])
def test_sides_are_padded_to_what_the_network_takes(rows: int, cols: int) -> None:
    facts = fake_facts(multiple_of=4, minimum_px=7, halo_px=4, tile_px=24)
    pixels = photograph(rows, cols)
    result = TiledMender(facts, Picky(), single(0, scale=2)).mend(pixels)
    assert np.array_equal(result, pixels.repeat(2, axis=0).repeat(2, axis=1))


def test_tiles_without_a_core_are_refused() -> None:
    with pytest.raises(ValueError, match="leave no core"):
        TiledMender(fake_facts(halo_px=10), Twice(), single(0, scale=2))


def test_channels_that_do_not_fit_are_refused() -> None:
    engine = TiledMender(fake_facts(channels_in=1), Twice(), single(0, scale=2))
    with pytest.raises(ValueError, match="takes 1 channels, got 3"):
        engine.mend(photograph(8, 8))


class TwiceBeside(Twice):
    """As ``Twice``, three calls at once; the first of them waits for two others to have begun."""

    beside = 3

    def __init__(self) -> None:
        self.begun = 0
        self.others = threading.Event()
        self.lock = threading.Lock()

    def shared(self) -> TwiceBeside:
        return self

    def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
        with self.lock:
            self.begun += 1
            first = self.begun == 1
            if self.begun == self.beside:
                self.others.set()
        if first:
            assert self.others.wait(20), "tiles were computed one after the other"
        return super().run(stage, maps)


def test_tiles_beside_each_other_come_in_order_and_alike() -> None:
    pixels = photograph(50, 70)
    alone = TiledMender(fake_facts(), Twice(), single(0, scale=2))
    beside = TiledMender(fake_facts(), TwiceBeside(), single(0, scale=2))
    seen: list[tuple[int, int]] = []
    with Bench(threads=1, progress=lambda says, done, total: seen.append((done, total))) as bench:
        tiles = list(beside.mend_tiles(Picture.of(pixels), bench))
    wanted = list(alone.mend_tiles(Picture.of(pixels), PlainBench()))
    assert [window for window, _ in tiles] == [window for window, _ in wanted]
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(tiles, wanted, strict=True))
    assert seen[-1][0] == seen[-1][1] == 2 * len(tiles)


def test_fewer_tiles_than_could_be_beside_each_other_have_all_threads_in_turn() -> None:
    runtime = TwiceBeside()
    runtime.shared = lambda: pytest.fail("shared out")  # type: ignore[method-assign]
    runtime.others.set()
    pixels = photograph(16, 32)
    assert np.array_equal(
        TiledMender(fake_facts(), runtime, single(0, scale=2)).mend(pixels),
        pixels.repeat(2, axis=0).repeat(2, axis=1),
    )
    assert runtime.begun == 2


def test_an_error_in_one_of_the_tiles_beside_each_other_comes_out() -> None:
    class Broken(TwiceBeside):
        def run(self, stage: Stage, maps: Sequence[np.ndarray]) -> list[np.ndarray]:
            results = super().run(stage, maps)
            return [np.full_like(r, np.nan) for r in results] if self.begun > 4 else results

    mender = TiledMender(fake_facts(), Broken(), single(0, scale=2))
    with pytest.raises(PromiseBroken, match="no numbers"):
        mender.mend(photograph(50, 70))


@pytest.mark.parametrize("core_px", [64, 256])  # more tiles than threads; one tile in pieces
@pytest.mark.parametrize("name", ["unfade-damage", "unfade-restore"])
def test_the_bits_do_not_depend_on_how_much_is_computed_at_once(name: str, core_px: int) -> None:
    results = []
    for threads in (1, 3):
        engine = with_tiles(open_engine(name, threads=threads), core_px, piece_px=32)
        assert engine._runtime.beside == threads  # type: ignore[attr-defined]
        picture = Picture.of(photograph(300, 240))
        results.append(list(engine.mend_tiles(picture, PlainBench())))
        engine.close()
    assert (len(results[0]) == 1) == (core_px == 256)
    for (here, one), (there, three) in zip(*results, strict=True):
        assert here == there
        assert np.array_equal(one, three)


def test_pieces_beside_each_other_stand_in_for_tiles_that_are_too_few() -> None:
    runtime = TwiceBeside()  # waits until three are at work
    pixels = photograph(18, 19)
    mender = TiledMender(fake_facts(piece_px=8), runtime, single(0, scale=2))
    assert np.array_equal(mender.mend(pixels), pixels.repeat(2, axis=0).repeat(2, axis=1))
    assert runtime.begun > 3


def test_little_memory_leaves_one_tile_at_a_time() -> None:
    facts = fake_facts(tile_px=100, bytes_per_pixel=10)
    assert tiles_beside(facts, threads=4, memory_bytes=1_000_000) == 4
    assert tiles_beside(facts, threads=4, memory_bytes=250_000) == 2
    assert tiles_beside(facts, threads=4, memory_bytes=99_999) == 1
