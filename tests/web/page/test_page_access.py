"""WCAG 2.2 AA by axe in every state, both themes and at phone width; keyboard; languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from page_driver import Studio
from page_pictures import known

pytestmark = pytest.mark.browser

RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }
}
LOOKS = [("light", (1280, 800)), ("dark", (1280, 800)), ("light", (390, 844))]


def check(studio: Studio, state: str) -> None:
    """No violation of axe's rules in the page as it stands."""
    studio.page.wait_for_timeout(400)  # colours that fade in have arrived
    found = Axe().run(studio.page, options=RULES)
    told = [
        f"{state}: {v['id']} ({v['impact']}): {v['help']}: {v['nodes'][0]['html'][:160]}"
        for v in found.response["violations"]
    ]
    assert not told, "\n".join(told)


@pytest.mark.parametrize(("theme", "size"), LOOKS)
def test_every_state_is_accessible(
    open_studio: Any, picture: Path, tmp_path: Path, theme: str, size: tuple[int, int]
) -> None:
    studio: Studio = open_studio(theme=theme, size=size, has_touch=size[0] < 500)
    studio.expected = ("415",)
    check(studio, "welcome")
    studio.add(picture, wait=False)
    studio.page.get_by_text("Looking for damage").wait_for()
    check(studio, "looking")
    studio.page.get_by_role("switch", name="Remove dust").wait_for()
    check(studio, "findings")
    studio.say("One by one").click()
    studio.button("No. 1: show on the picture").first.click()
    check(studio, "marks")
    studio.tab("Plan")
    studio.button("Remove dust and hairs: settings").click()
    check(studio, "plan and settings")
    studio.tab("By hand")
    studio.page.get_by_text("Mend here").click()
    studio.say("Without a pointer").click()
    studio.button("Paint the box").click()
    check(studio, "brush")
    studio.button("Clear").click()
    studio.primary.click()
    studio.page.get_by_role("progressbar").first.wait_for()
    check(studio, "working")
    studio.page.get_by_role("tab", name="Result", selected=True).wait_for()
    studio.say(known().but(0)).wait_for()
    check(studio, "result")
    studio.page.get_by_role("switch", name="Colour what was touched").check()
    studio.page.get_by_label("Format").select_option("jpeg")
    check(studio, "evidence and format")
    studio.button("take back").first.click()
    studio.say(known().but(1)).wait_for()
    studio.page.get_by_label("Beside it").select_option(label="Version 1")
    studio.page.locator(".beside").wait_for()
    check(studio, "side by side")
    studio.button("Earlier work").first.click()
    check(studio, "history")
    studio.page.keyboard.press("Escape")
    studio.page.get_by_role("dialog").wait_for(state="detached")
    bad = tmp_path / "notes.png"
    bad.write_text("no picture")
    studio.add(bad, wait=False)
    studio.page.get_by_role("alert").wait_for()
    studio.page.mouse.move(0, 0)  # no tooltip, no hover
    check(studio, "refused")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_on_device_states_are_accessible(open_studio: Any, picture: Path, theme: str) -> None:
    studio: Studio = open_studio(theme=theme)
    studio.page.get_by_role("switch", name="Keep pictures on this device").check()
    check(studio, "welcome, on device")
    studio.add(picture, wait=False)
    studio.button("Restore on this device").wait_for()
    check(studio, "on device")
    studio.button("Restore on this device").click()
    studio.say("Done in").wait_for()
    check(studio, "on device, done")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_signing_in_is_accessible(open_studio: Any, theme: str) -> None:
    studio: Studio = open_studio(theme=theme)
    studio.page.route(
        "**/v1/session", lambda route: route.fulfill(json={"user": None, "token_needed": True})
    )
    studio.page.reload()
    studio.page.get_by_label("Token").wait_for()
    check(studio, "sign in")


def test_a_photograph_is_restored_by_keyboard_alone(studio: Studio, picture: Path) -> None:
    page = studio.page
    _tab_to(studio, "Choose pictures")
    with page.expect_file_chooser() as chooser:
        page.locator(":focus").press("Enter")
    chooser.value.set_files(str(picture))
    page.get_by_role("switch", name="Remove dust").wait_for()
    _tab_to(studio, "Findings")
    page.keyboard.press("ArrowRight")
    page.get_by_role("tab", name="Plan", selected=True).wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_role("tab", name="By hand", selected=True).wait_for()
    page.keyboard.press("ArrowLeft")
    _tab_to(studio, "Remove scratches")
    page.keyboard.press("Space")
    _tab_to(studio, "Restore with 1 step")
    page.keyboard.press("Enter")
    page.get_by_role("tab", name="Result", selected=True).wait_for()
    studio.say(f"{known().dust} repairs").wait_for()
    _tab_to(studio, "take back")
    page.keyboard.press("Enter")
    studio.say(f"{known().dust - 1} repairs").wait_for()


def test_the_picture_moves_and_zooms_by_key(studio: Studio, picture: Path) -> None:
    studio.add(picture)
    zoom = studio.button("show at 100 %")
    before = zoom.text_content()
    studio.page.get_by_role("application").focus()
    studio.page.keyboard.press("+")
    studio.page.wait_for_timeout(800)
    assert zoom.text_content() != before
    studio.page.keyboard.press("0")
    studio.page.wait_for_timeout(800)
    assert zoom.text_content() == before


@pytest.mark.parametrize(
    ("locale", "choose", "findings"),
    [("de-DE", "Bilder auswählen", "Befund"), ("fr-FR", "Choisir des images", "Constat")],
)
def test_the_page_speaks_the_browsers_language(
    open_studio: Any, picture: Path, locale: str, choose: str, findings: str
) -> None:
    studio: Studio = open_studio(locale=locale, first=choose)
    assert studio.page.locator("html").get_attribute("lang") == locale[:2]
    studio.page.set_input_files("input[type=file]", str(picture))
    studio.page.get_by_role("tab", name=findings).wait_for()
    studio.page.get_by_role("switch").first.wait_for()
    check(studio, locale)
    studio.page.locator("header select").select_option("en")
    studio.page.get_by_role("tab", name="Findings").wait_for()
    assert studio.page.locator("html").get_attribute("lang") == "en"


def test_the_theme_is_kept(studio: Studio) -> None:
    assert studio.page.locator("html").get_attribute("data-theme") is None
    studio.button("Appearance").click()
    studio.button("Appearance").click()
    studio.page.reload()
    assert studio.page.locator("html").get_attribute("data-theme") == "dark"


def test_nothing_moves_by_itself_for_those_who_asked_for_it(
    open_studio: Any, picture: Path
) -> None:
    studio: Studio = open_studio(reduced_motion="reduce")
    studio.add(picture)
    moving = studio.page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((e) => {
            const style = getComputedStyle(e);
            const long = (times) => times.split(",").some((t) => parseFloat(t) > 0);
            return long(style.transitionDuration) || long(style.animationDuration);
        }).length"""
    )
    assert moving == 0
    zoom = studio.button("show at 100 %")
    before = zoom.text_content()
    studio.button("Zoom in").click()
    studio.page.wait_for_timeout(120)  # two frames, not the length of a movement
    assert zoom.text_content() != before


def test_nothing_runs_over_the_edge_of_a_phone(open_studio: Any, picture: Path) -> None:
    studio: Studio = open_studio(size=(360, 740), has_touch=True)
    wide = "() => document.documentElement.scrollWidth - innerWidth"
    assert studio.page.evaluate(wide) <= 0
    studio.add(picture)
    for tab in ("Plan", "By hand", "Result", "Findings"):
        studio.tab(tab)
        assert studio.page.evaluate(wide) <= 0, tab


def _tab_to(studio: Studio, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(80):
        studio.page.keyboard.press("Tab")
        named = studio.page.evaluate(
            """() => {
                const at = document.activeElement;
                const own = at?.matches("button, a, summary") ? at.innerText : "";
                return [at?.getAttribute("aria-label"), at?.closest("label")?.innerText, own]
                    .filter(Boolean).join(" ");
            }"""
        )
        if name in named:
            return
    raise AssertionError(f"`{name}` cannot be reached by Tab")
