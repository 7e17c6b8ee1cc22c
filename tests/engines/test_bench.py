"""The bench: order, bounds, progress, cancel, opened engines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unfade.engines.bench import Bench
from unfade.errors import Cancelled, ModelMissing, OutOfResources, UsageError
from unfade.picture import Picture


def test_results_keep_the_order_of_tasks() -> None:
    def work(i: int) -> int:
        time.sleep(0.002 * (i % 3))
        return i * i

    with Bench(threads=4) as bench:
        assert list(bench.map(work, range(30), says="", total=30)) == [i * i for i in range(30)]


def test_work_runs_in_several_threads_at_once() -> None:
    together = threading.Barrier(3, timeout=5)
    with Bench(threads=3) as bench:
        list(bench.map(lambda i: together.wait(), range(3), says="", total=3))


@pytest.mark.parametrize("threads, memory, most", [(1, 100, 1), (3, 100, 3), (8, 100, 5)])
def test_no_more_is_under_way_than_threads_and_memory_allow(
    threads: int, memory: int, most: int
) -> None:
    lock, now, peak = threading.Lock(), 0, 0

    def work(i: int) -> None:
        nonlocal now, peak
        with lock:
            now += 1
            peak = max(peak, now)
        time.sleep(0.005)
        with lock:
            now -= 1

    with Bench(threads=threads, memory_bytes=memory) as bench:
        list(bench.map(work, range(24), says="", total=24, bytes_each=20))
    assert peak == most


def test_tasks_are_taken_as_they_are_needed() -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for i in range(100):
            taken += 1
            yield i

    with Bench(threads=2) as bench:
        results = bench.map(lambda i: i, tasks(), says="", total=100)
        next(results)
        assert taken <= 3


def test_one_task_larger_than_memory_is_an_error_before_any_work() -> None:
    done = []
    with Bench(memory_bytes=1000) as bench, pytest.raises(OutOfResources, match="memory"):
        list(bench.map(done.append, range(3), says="x", total=3, bytes_each=1001))
    assert done == []


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_in_the_work_comes_out_as_it_is(threads: int) -> None:
    def work(i: int) -> int:
        if i == 3:
            raise KeyError("task 3")
        return i

    got = []
    with Bench(threads=threads) as bench, pytest.raises(KeyError, match="task 3"):
        for result in bench.map(work, range(10), says="", total=10):
            got.append(result)
    assert got == [0, 1, 2]


@pytest.mark.parametrize("threads", [1, 3])
def test_cancelling_stops_between_tasks(threads: int) -> None:
    done: list[int] = []
    with (
        Bench(threads=threads, cancelled=lambda: len(done) >= 4) as bench,
        pytest.raises(Cancelled),
    ):
        list(bench.map(done.append, range(100), says="", total=100))
    assert 4 <= len(done) <= 4 + threads


@pytest.mark.parametrize("threads", [1, 3])
def test_progress_counts_every_task(threads: int) -> None:
    seen: list[tuple[str, int, int]] = []
    with Bench(threads=threads, progress=lambda *a: seen.append(a)) as bench:
        list(bench.map(lambda i: i, range(5), says="Working", total=5))
    assert seen == [("Working", i, 5) for i in range(6)]


def test_a_network_is_opened_once_and_closed_with_the_bench() -> None:
    bench = Bench(threads=1)
    engine = bench.engine("realesr-animevideov3-x4")
    assert bench.engine("realesr-animevideov3-x4") is engine
    assert engine.facts.scale == 4
    bench.close()
    assert bench.engine("realesr-animevideov3-x4") is not engine
    bench.close()


def test_a_named_runtime_is_taken_and_never_replaced() -> None:
    with Bench(runtime="onnx") as bench:
        assert bench.engine("realesr-animevideov3-x4").runtime == "onnx on cpu"
    with Bench(device="vulkan:9") as bench, pytest.raises(UsageError, match="vulkan:9"):
        bench.engine("realesr-animevideov3-x4")
    with Bench() as bench, pytest.raises(ModelMissing):
        bench.engine("no-such-network")


def test_a_network_can_be_cancelled_between_its_pieces() -> None:
    picture = Picture.of(np.zeros((60, 60, 3), np.float32))
    steps: list[int] = []
    with Bench(
        threads=1,
        progress=lambda says, done, total: steps.append(done),
        cancelled=lambda: len(steps) > 5,
    ) as bench:
        engine = bench.engine("realesrgan-x4plus-anime")
        with pytest.raises(Cancelled):
            list(engine.mend_tiles(picture, bench))
    assert len(steps) < 10


def test_bits_do_not_depend_on_threads_or_memory() -> None:
    picture = Picture.of(np.random.default_rng(1).random((90, 300, 3), dtype=np.float32))
    results = []
    for threads, memory in [(1, 10**9), (3, 10**9), (3, 4 * 10**8)]:
        with Bench(threads=threads, memory_bytes=memory) as bench:
            engine = bench.engine("realesr-animevideov3-x2")
            results.append([pixels for _, pixels in engine.mend_tiles(picture, bench)])
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("device", ["cuda", "mps", "auto"])
def test_networks_that_only_look_stay_on_the_processor(device: str) -> None:
    """Whatever runs the large networks, the small ones of our own see the same."""
    with Bench(device=device) as bench:
        for name in ("unfade-damage", "unfade-colorize", "unfade-fading"):
            assert bench.engine(name).runtime == "ncnn on cpu"


def test_calls_beside_each_other_share_the_threads_and_give_the_same_bits() -> None:
    pixels = np.random.default_rng(0).random((40, 50, 3), dtype=np.float32)
    with Bench(threads=4, device="cpu") as bench:
        alone = bench.engine("realesr-animevideov3-x2").mend(pixels)
        other = bench.beside(2)
        assert other.threads == 2 and bench.beside(2) is other
        engine = other.engine("realesr-animevideov3-x2")
        with ThreadPoolExecutor(2) as pool:
            for made in pool.map(engine.mend, [pixels] * 4):
                assert np.array_equal(made, alone)
