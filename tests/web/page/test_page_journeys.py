"""What people do with the page, from the first file to the download."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_driver import Studio
from page_pictures import damaged, known, write_damaged
from PIL import Image

pytestmark = pytest.mark.browser


def test_a_photograph_is_restored_but_for_the_mark_that_was_rejected(
    studio: Studio, picture: Path, tmp_path: Path
) -> None:
    studio.add(picture)
    studio.say(f"{known().spots} spots of dust").wait_for()
    studio.say("1 scratch").wait_for()
    studio.say("One by one").click()
    studio.page.get_by_role("checkbox", name="No. 2: mend").first.uncheck()
    studio.say("1 left as it is").wait_for()
    with studio.page.expect_request("**/v1/jobs") as sent:
        studio.restore()
    studio.say("Everything else was compared").wait_for()
    studio.say(known().but(1)).wait_for()
    with studio.page.expect_download() as download:
        studio.page.get_by_role("link", name="Download the picture").click()
    path = tmp_path / "result.png"
    download.value.save_as(path)
    assert download.value.suggested_filename == "grandmother-restored.png"
    changed = np.asarray(Image.open(path)) != damaged()
    assert changed.sum() > 500  # the scratch alone is 900 pixels
    (key,) = json.loads(sent.value.post_data or "{}")["rejected"]
    row, col = (int(part) for part in key.removeprefix("dust@").split(":"))
    assert not changed[row - 2 : row + 8, col - 5 : col + 6].any()


def test_a_repair_is_taken_back(studio: Studio, picture: Path) -> None:
    studio.add(picture)
    studio.restore()
    studio.say(known().but(0)).wait_for()
    studio.button("take back").first.click()
    studio.say(known().but(1)).wait_for()
    studio.page.get_by_role("button", name="Version 2").wait_for()
    assert "was taken back" in (studio.page.locator("p[aria-live]").last.text_content() or "")


def test_only_what_was_painted_is_mended_and_nothing_in_what_is_protected(
    studio: Studio, picture: Path, tmp_path: Path
) -> None:
    studio.add(picture)
    studio.tab("By hand")
    studio.page.get_by_text("Mend here").click()
    studio.paint(0.3, 0.3, 0.5, 0.3)
    studio.page.get_by_text("Protect", exact=True).click()
    studio.paint(0.4, 0.2, 0.4, 0.4)
    studio.page.get_by_text("Mend here").click()
    studio.paint(0.6, 0.6, 0.7, 0.7)
    studio.button("Undo").click()
    with studio.page.expect_request("**/v1/jobs") as sent:
        studio.primary.click()
    order = json.loads(sent.value.post_data or "{}")
    assert order["mask"] and order["protect"]
    assert "inpaint" in [step["step"] for step in order["steps"]]
    studio.page.get_by_role("tab", name="Result", selected=True).wait_for()
    masks = {}
    for name in ("mask", "protect"):
        url = f"{studio.address}v1/uploads/{order[name]}/file"
        path = tmp_path / f"{name}.png"
        path.write_bytes(studio.page.request.get(url).body())
        masks[name] = np.asarray(Image.open(path))
        assert masks[name].shape == (512, 512)
        assert set(np.unique(masks[name])) == {0, 255}
    assert not (masks["mask"] & masks["protect"]).any()  # the later stroke takes away
    rows, _ = np.nonzero(masks["mask"])
    assert rows.max() - rows.min() < 60  # the undone stroke is not in it
    href = studio.page.get_by_role("link", name="Download the picture").get_attribute("href")
    path = tmp_path / "result.png"
    path.write_bytes(studio.page.request.get(studio.address + str(href).lstrip("/")).body())
    changed = np.asarray(Image.open(path)) != damaged()
    assert changed.any()
    assert not changed[masks["mask"] == 0].any()


def test_the_plan_is_reordered_switched_and_tuned(studio: Studio, picture: Path) -> None:
    studio.add(picture)
    studio.tab("Plan")
    steps = studio.page.get_by_role("list", name="Steps, in order").get_by_role("switch")
    assert steps.count() == 2
    studio.button("Remove dust and hairs: later").press("Enter")
    assert "is now 2 of 2" in (studio.page.locator("p[aria-live]").last.text_content() or "")
    studio.page.get_by_label("Add a step").select_option("denoise")
    studio.button("Reduce noise: settings").click()
    studio.page.get_by_label("Strength", exact=True).fill("0.5")
    studio.page.get_by_label("Method", exact=True).select_option(label="nlm")
    studio.page.get_by_role("switch", name="Remove scratches").uncheck()
    studio.page.get_by_role("radio", name="2×").check(force=True)
    studio.say("1,024 × 1,024 pixels").wait_for()
    with studio.page.expect_request("**/v1/jobs") as sent:
        studio.primary.click()
    order = json.loads(sent.value.post_data or "{}")
    assert order["steps"] == [
        {"step": "remove_dust", "settings": {"method": "unfade"}},  # as advised
        {"step": "denoise", "settings": {"method": "nlm", "strength": 0.5}},
        {"step": "upscale", "settings": {}},
    ]
    studio.page.get_by_role("tab", name="Result", selected=True).wait_for()
    studio.say("1,024 × 1,024").wait_for()


def test_a_recipe_replaces_the_plan(studio: Studio, picture: Path) -> None:
    studio.add(picture)
    studio.tab("Plan")
    studio.page.get_by_label("Recipe").select_option("faded-print")
    studio.page.get_by_role("switch", name="Bring back faded tones").wait_for()
    studio.page.get_by_label("Recipe").select_option("auto")
    studio.page.get_by_role("switch", name="Bring back faded tones").wait_for(state="detached")


def test_a_running_job_locks_the_button_and_can_be_stopped(studio: Studio, tmp_path: Path) -> None:
    large = np.kron(damaged(), np.ones((3, 3), np.uint8))
    Image.fromarray(large).save(tmp_path / "large.png")
    studio.add(tmp_path / "large.png", wait=False)
    studio.page.get_by_text("Looking for damage").wait_for()
    studio.page.locator("aside button.primary:not([disabled])").wait_for()
    studio.tab("Plan")
    studio.page.get_by_label("Add a step").select_option("denoise")
    studio.primary.click()
    studio.button("Working").wait_for()
    assert studio.primary.is_disabled()
    studio.page.locator("button:not([disabled])", has_text="Cancel").click()
    studio.page.locator("aside button.primary:not([disabled])").wait_for()
    studio.tab("Result")
    studio.say("No result yet").wait_for()


def test_a_batch_is_restored_and_one_bad_file_costs_only_itself(
    studio: Studio, tmp_path: Path
) -> None:
    studio.expected = ("415",)
    bad = tmp_path / "notes.png"
    bad.write_text("no picture")
    good = [write_damaged(tmp_path, f"{name}.png") for name in ("a", "b")]
    studio.add(good[0], bad, good[1], wait=False)
    tray = studio.page.get_by_role("navigation", name="Pictures on the table")
    tray.get_by_text("Ready").nth(1).wait_for()
    tray.get_by_text("Trouble").wait_for()
    studio.button("Restore all 2").click()
    tray.get_by_text("Restored").nth(1).wait_for()
    tray.get_by_role("button", name="notes.png", exact=False).first.click()
    studio.page.get_by_role("alert").get_by_text("picture").first.wait_for()


def test_work_is_found_again_after_the_page_was_closed(
    open_studio: Any, picture: Path, tmp_path: Path
) -> None:
    renamed = tmp_path / "found-again.png"
    renamed.write_bytes(picture.read_bytes())
    first = open_studio()
    first.add(renamed)
    first.restore()
    later = open_studio()
    later.button("Earlier work").first.click()
    later.page.get_by_role("button", name="found-again.png").first.click()
    later.say(known().but(0)).wait_for()


def test_two_versions_stand_side_by_side_at_the_same_place(studio: Studio, picture: Path) -> None:
    studio.add(picture)
    studio.restore()
    studio.tab("Plan")
    studio.page.get_by_role("switch", name="Remove scratches").uncheck()
    studio.restore()
    studio.page.get_by_label("Beside it").select_option(label="Version 1")
    zooms = studio.page.get_by_role("button", name="show at 100 %")
    zooms.nth(1).wait_for()
    studio.button("Zoom in").first.click()
    studio.page.wait_for_timeout(800)
    assert zooms.nth(0).text_content() == zooms.nth(1).text_content()


def test_the_divider_moves_by_key_and_hand(studio: Studio, picture: Path) -> None:
    studio.add(picture)
    studio.restore()
    divider = studio.page.get_by_role("slider", name="Divider")
    assert divider.get_attribute("aria-valuenow") == "50"
    divider.press("ArrowLeft")
    assert divider.get_attribute("aria-valuenow") == "48"
    divider.press("End")
    assert divider.get_attribute("aria-valuenow") == "100"
    divider.press("Home")
    box, view = divider.bounding_box(), studio.page.locator(".viewer").bounding_box()
    assert box is not None and view is not None
    studio.page.mouse.move(box["x"] + box["width"] / 2, view["y"] + view["height"] / 2)
    studio.page.mouse.down()
    studio.page.mouse.move(view["x"] + view["width"] / 4, view["y"] + 100, steps=4)
    studio.page.mouse.up()
    assert divider.get_attribute("aria-valuenow") == "25"
