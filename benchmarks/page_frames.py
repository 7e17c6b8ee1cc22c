"""How smoothly the page moves a 100-megapixel picture, and how soon it is ready.

    unfade serve --port 8000 &
    python benchmarks/page_frames.py http://127.0.0.1:8000/ [--megapixels 100] [--seconds 10]

Headless Chromium draws on the processor: a machine with other work on it shows less. The second
row is an empty page of the same size, asked in the same way: what the machine gives at best.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

COUNT = """() => { window.frames_ms = []; let last = performance.now();
  const tick = (now) => { window.frames_ms.push(now - last); last = now;
                          window.ticking = requestAnimationFrame(tick); };
  window.ticking = requestAnimationFrame(tick); }"""
STOP = "() => { cancelAnimationFrame(window.ticking); return window.frames_ms.slice(2); }"


def large_picture(path: Path, megapixels: float) -> None:
    side = int((megapixels * 1e6) ** 0.5)
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (side // 40 + 1, side // 40 + 1, 3), np.uint8)
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path, quality=90)


def moved(page: Page, seconds: float) -> list[float]:
    """Drag and zoom for so long; milliseconds of each frame."""
    page.evaluate(COUNT)
    end = time.monotonic() + seconds
    step = 0
    while time.monotonic() < end:
        page.mouse.move(400, 400)
        page.mouse.down()
        for i in range(12):
            page.mouse.move(400 + 15 * i * (-1) ** step, 400 + 8 * i)
        page.mouse.up()
        page.mouse.wheel(0, -240 if step % 8 < 4 else 240)
        step += 1
    frames: list[float] = page.evaluate(STOP)
    return frames


def say(name: str, frames: list[float]) -> None:
    ms = np.array(frames)
    print(
        f"{name:24} {1000 / ms.mean():6.1f} frames/s   median {np.median(ms):5.1f} ms   "
        f"95 % {np.percentile(ms, 95):6.1f} ms   longest {ms.max():6.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--megapixels", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "large.jpg"
        large_picture(path, given.megapixels)
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(600_000)
        page.goto("about:blank")
        page.set_content("<p>empty</p>")
        say("empty page", moved(page, given.seconds))
        # looking for damage would take the processor that the frames are drawn on
        page.route("**/v1/examine", lambda route: route.abort())
        started = time.monotonic()
        page.goto(given.address)
        page.get_by_role("button", name="Choose pictures").wait_for()
        print(f"{'page ready':24} {time.monotonic() - started:6.2f} s")
        page.set_input_files("input[type=file]", str(path))
        page.get_by_role("toolbar").wait_for()
        print(f"{'picture in the viewer':24} {time.monotonic() - started:6.2f} s")
        page.wait_for_load_state("networkidle")
        say(f"{given.megapixels:g} megapixels", moved(page, given.seconds))
        say("the same, tiles here", moved(page, given.seconds))
        chromium.close()


if __name__ == "__main__":
    main()
