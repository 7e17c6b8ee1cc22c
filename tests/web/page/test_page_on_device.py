"""The on-device mode: same result as ONNX Runtime in Python, nothing sent, works offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from page_driver import Studio
from page_networks import double_network, smooth_network
from page_pictures import write_colour
from PIL import Image
from playwright.sync_api import Page

from unfade import Bench

pytestmark = pytest.mark.browser


def run_whole(model: bytes, pixels: np.ndarray) -> np.ndarray:
    """The network on the whole picture at once, without tiles, as 8-bit pixels."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    rows, cols = pixels.shape[:2]
    below, right = -rows % 4, -cols % 4
    padded = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="reflect")
    batch_nchw = np.moveaxis(padded.astype(np.float32) / 255, 2, 0)[None]
    (result_nchw,) = session.run(None, {"image": batch_nchw})
    scale = result_nchw.shape[2] // padded.shape[0]
    result = np.moveaxis(result_nchw[0], 0, 2)[: rows * scale, : cols * scale]
    return np.asarray((result.clip(0, 1) * 255).round(), np.uint8)


def restore_here(studio: Studio, path: Path, *networks: str) -> None:
    """Put a picture on the table that stays here, and run these networks and no others."""
    studio.page.get_by_role("switch", name="Keep pictures on this device").check()
    studio.add(path, wait=False)
    boxes = studio.page.get_by_role("group", name="What is to be done").get_by_role("checkbox")
    boxes.first.wait_for()
    for box in boxes.all():
        box.uncheck()
    for name in networks:
        studio.page.get_by_role("checkbox", name=f"{name} ·").check()
    studio.button("Restore on this device").click()


def saved(page: Page, folder: Path) -> np.ndarray:
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as PNG").click()
    path = folder / "saved.png"
    download.value.save_as(path)
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize(("rows", "cols"), [(90, 77), (250, 203)], ids=["one tile", "tiles"])
def test_it_agrees_with_onnx_runtime(studio: Studio, tmp_path: Path, rows: int, cols: int) -> None:
    path = write_colour(tmp_path / "here.png", rows, cols)
    restore_here(studio, path, "smooth")
    studio.say("Done in").wait_for()
    wanted = run_whole(smooth_network(), np.asarray(Image.open(path)))
    got = saved(studio.page, tmp_path)
    assert got.shape == wanted.shape
    assert np.abs(got.astype(int) - wanted).max() <= 1
    assert np.abs(wanted.astype(int) - np.asarray(Image.open(path))).mean() > 2


def test_networks_follow_one_another_and_enlarge(studio: Studio, tmp_path: Path) -> None:
    path = write_colour(tmp_path / "here.png", 130, 111)
    restore_here(studio, path, "smooth", "double")
    studio.say("Done in").wait_for()
    wanted = run_whole(double_network(), run_whole(smooth_network(), np.asarray(Image.open(path))))
    got = saved(studio.page, tmp_path)
    assert got.shape == (260, 222, 3)
    assert np.abs(got.astype(int) - wanted).max() <= 1


def test_a_shipped_network_does_in_the_browser_what_it_does_in_python(
    studio: Studio, tmp_path: Path
) -> None:
    path = tmp_path / "noisy.png"
    noise = np.random.default_rng(0).normal(0, 20, (210, 330, 3))
    sound = np.asarray(Image.open(write_colour(tmp_path / "sound.png", 210, 330)))
    noisy = np.clip(sound + noise, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(path)
    restore_here(studio, path, "unfade-restore")
    studio.say("Done in").wait_for()
    with Bench() as bench:
        wanted = bench.engine("unfade-restore").mend(noisy.astype(np.float32) / 255)
    got = saved(studio.page, tmp_path).astype(float)
    assert np.abs(got - np.clip(wanted, 0, 1) * 255).max() <= 1
    assert np.abs(got - sound).mean() < np.abs(noisy - sound.astype(float)).mean()


def test_nothing_leaves_the_device(studio: Studio, tmp_path: Path) -> None:
    restore_here(studio, write_colour(tmp_path / "here.png", 90, 90), "smooth")
    studio.say("Done in").wait_for()
    sent = [request for request in studio.requests if not request.startswith("GET ")]
    assert sent == []
    assert any("runtime/ort.wasm.gz" in request for request in studio.requests)


def test_the_runtime_is_not_fetched_before_it_is_asked_for(studio: Studio, picture: Path) -> None:
    studio.add(picture)
    assert not [r for r in studio.requests if "runtime/" in r or "worker" in r or ".onnx" in r]


@pytest.mark.parametrize(
    ("network", "message"),
    [("broken", "could not be loaded whole"), ("nan", "values that are no numbers")],
)
def test_a_network_that_cannot_be_trusted_gives_no_result(
    studio: Studio, tmp_path: Path, network: str, message: str
) -> None:
    restore_here(studio, write_colour(tmp_path / "here.png", 64, 64), network)
    studio.page.get_by_role("alert").get_by_text(message).wait_for()
    assert studio.page.get_by_role("link", name="Save as PNG").count() == 0


def test_it_can_be_stopped(studio: Studio, tmp_path: Path) -> None:
    restore_here(studio, write_colour(tmp_path / "here.png", 2400, 2400), "double")
    studio.button("Cancel").click()
    studio.page.locator("aside button.primary:not([disabled])").wait_for()
    assert studio.page.get_by_role("link", name="Save as PNG").count() == 0


def test_a_file_that_the_browser_cannot_read_is_told(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "master.tif"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    studio.page.get_by_role("switch", name="Keep pictures on this device").check()
    studio.add(path, wait=False)
    studio.page.get_by_role("alert").get_by_text("cannot read this format").wait_for()


def test_the_page_works_without_a_connection(open_studio: Any, tmp_path: Path) -> None:
    studio: Studio = open_studio(workers=True)
    studio.expected = ("net::ERR_INTERNET_DISCONNECTED",)
    page = studio.page
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    path = write_colour(tmp_path / "here.png", 120, 100)
    page.get_by_role("switch", name="Keep pictures on this device").check()
    studio.add(path, wait=False)
    studio.button("Make ready for offline use").click()
    studio.button("Ready for offline use").wait_for()
    studio.context.set_offline(True)
    page.reload()
    studio.say("on this device only").wait_for()
    restore_here(studio, path, "smooth")
    studio.say("Done in").wait_for()
    wanted = run_whole(smooth_network(), np.asarray(Image.open(path)))
    assert np.abs(saved(page, tmp_path).astype(int) - wanted).max() <= 1
    studio.context.set_offline(False)


def test_the_service_worker_keeps_no_pictures(open_studio: Any, picture: Path) -> None:
    studio: Studio = open_studio(workers=True)
    studio.page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    studio.page.reload()
    studio.add(picture)
    kept = studio.page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async (name) =>
            (await (await caches.open(name)).keys()).map((request) => request.url)))).flat()"""
    )
    assert kept
    assert not [url for url in kept if "/v1/" in url]
