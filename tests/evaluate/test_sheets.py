"""Comparison sheets: what is drawn is what happened."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from measured_pictures import photograph, scratched
from PIL import Image

import unfade
from unfade.cli import app
from unfade.errors import OutputError, UsageError
from unfade.evaluate import sheet
from unfade.evaluate.display import largest_of_blocks, shown
from unfade.evaluate.panels import (
    CLASS_COLOURS,
    classes_of_colours,
    difference_panel,
    evidence_panel,
    histogram_panel,
    most_changed,
)
from unfade.picture import Picture
from unfade.pixels.colour import srgb_to_linear


class _Sources(HTMLParser):
    """What a page loads, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [v or "" for k, v in attrs if k in ("src", "href")]


def test_a_sheet_has_both_pictures_and_the_panels_that_were_asked_for() -> None:
    a = photograph()
    damaged, mask = scratched(a)
    evidence = np.where(mask, 2, 0).astype(np.uint8)
    whole = sheet(damaged, a, reference=a, evidence=evidence)
    assert np.array_equal(whole.before, np.rint(damaged * 255).astype(np.uint8))
    titles = [title for row in whole.panels for title, _ in row]
    assert [t.split()[0].strip(":") for t in titles] == [
        "difference", "evidence", "harm", "before", "after", "tones", "tones",
    ]  # fmt: skip
    assert f"{mask.mean():.1%}" in titles[1]
    assert titles[2] == "harm: 0.0% of the sound pixels"
    assert len(sheet(damaged, a, parts=("difference",)).panels) == 1
    image = whole.image
    assert image.dtype == np.uint8
    assert image.shape[1] > 3 * 256


def test_the_difference_panel_is_dark_where_nothing_changed() -> None:
    change = np.zeros((64, 64), np.float32)
    change[10, :] = 0.1
    panel, gain = difference_panel(change, 64, 64)
    assert gain == 8
    assert panel[9].max() < 10
    assert panel[10].max() > 200


def test_thin_lines_are_still_there_when_a_map_is_made_small() -> None:
    evidence = np.zeros((4000, 3000), np.uint8)
    evidence[:, 1501] = 2
    small = largest_of_blocks(evidence, 40, 30)
    assert small.shape == (40, 30)
    assert (small.max(axis=1) == 2).all()
    assert (small > 0).sum() == 40


def test_evidence_colours_are_those_of_the_written_maps(tmp_path: Path) -> None:
    from unfade.files import open_picture, save_evidence

    evidence = np.arange(6, dtype=np.uint8).repeat(4).reshape(4, 6)
    save_evidence(tmp_path / "map.png", evidence, 1)
    drawn = open_picture(tmp_path / "map.png").picture.samples
    assert np.array_equal(classes_of_colours(drawn), evidence)
    base = np.full((4, 6, 3), 128, np.uint8)
    panel = evidence_panel(base, evidence)
    for kind, colour in CLASS_COLOURS.items():
        there = panel[evidence == kind][0].astype(int)
        assert np.abs(there - np.array(colour)).max() < 120
    assert (panel[evidence == 0] == panel[evidence == 0][0, 0]).all()


def test_the_crop_is_where_most_changed() -> None:
    change = np.zeros((300, 400), np.float32)
    change[200:220, 350:360] = 0.5
    rows, cols = most_changed(change, 64)
    assert rows.start <= 200
    assert rows.stop >= 220
    assert cols.start <= 350
    assert cols.stop >= 360
    small = most_changed(change[:20, :30], 64)
    assert small == (slice(0, 20), slice(0, 30))


def test_histograms_show_where_the_tones_are() -> None:
    dark = np.full((32, 32, 3), 20, np.uint8)
    dark[::2] = 60
    chart = histogram_panel(dark).astype(int)
    bright = chart.max(axis=(0, 2)) > 60
    assert bright[40] and bright[120]  # two columns for each tone
    assert not bright[300:].any()


def test_other_encodings_are_shown_as_srgb() -> None:
    a = photograph(64)
    linear = Picture(srgb_to_linear(a), encoding="linear")
    assert np.abs(shown(linear, 64, 64).astype(int) - shown(Picture(a), 64, 64)).max() <= 1
    deep = Picture(np.rint(a * 65535).astype(np.uint16))
    assert np.abs(shown(deep, 64, 64).astype(int) - shown(Picture(a), 64, 64)).max() <= 1


def test_an_enlarged_result_is_shown_beside_its_small_original() -> None:
    small = photograph(64)
    large = np.repeat(np.repeat(small, 4, axis=0), 4, axis=1)
    made = sheet(small, large)
    assert made.before.shape == made.after.shape == (256, 256, 3)
    assert [t for row in made.panels for t, _ in row] == ["tones before", "tones after"]


def test_a_page_holds_everything_and_loads_nothing(tmp_path: Path) -> None:
    a = photograph(96)
    name = '<script>alert(1)</script>".png'
    path = sheet(scratched(a)[0], a, titles=(name, "b")).save(tmp_path / "c.html")
    text = path.read_text("utf-8")
    parser = _Sources()
    parser.feed(text)
    assert len(parser.loaded) == 7
    assert all(source.startswith("data:image/") for source in parser.loaded)
    assert "<script>alert" not in text
    assert "default-src 'none'" in text
    shown_first = re.search(r'class="top"[^>]*src="data:image/jpeg;base64,([^"]+)"', text)
    assert shown_first
    image = Image.open(io.BytesIO(base64.b64decode(shown_first[1])))
    assert image.size == (96, 96)


def test_a_wipe_begins_with_before_and_passes_after(tmp_path: Path) -> None:
    black, white = np.zeros((40, 60, 3), np.float32), np.ones((40, 60, 3), np.float32)
    path = sheet(black, white).save(tmp_path / "c.gif")
    means = []
    with Image.open(path) as image:
        for frame in range(image.n_frames):
            image.seek(frame)
            means.append(np.asarray(image.convert("L")).mean())
    assert means[0] == 0
    assert max(means) == 255
    assert np.argmax(means) == pytest.approx(len(means) / 2, abs=2)


def test_saving_refuses_unknown_kinds_and_existing_files(tmp_path: Path) -> None:
    made = sheet(photograph(64), photograph(64))
    with pytest.raises(UsageError, match=r"\.png"):
        made.save(tmp_path / "c.pgn")
    made.save(tmp_path / "c.png")
    with pytest.raises(OutputError, match="exists"):
        made.save(tmp_path / "c.png")
    with pytest.raises(OutputError, match="cannot be written"):
        made.save(tmp_path / "nowhere" / "c.png")
    with pytest.raises(UsageError, match="no part `diff`"):
        sheet(photograph(64), photograph(64), parts=("diff",))


def test_a_result_shows_itself_in_a_notebook() -> None:
    damaged = np.rint(scratched(photograph())[0] * 255).astype(np.uint8)
    text = unfade.restore(damaged, only=["sharpen"])._repr_html_()
    assert text.count("data:image/jpeg") == 2
    assert "sharpen" in text
    assert "% of the pixels changed" in text


def _run(*arguments: object) -> tuple[int, str]:
    ran = CliRunner().invoke(app, [str(a) for a in arguments])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return ran.exit_code, ran.stdout


def test_compare_writes_a_sheet_and_further_measures(tmp_path: Path) -> None:
    a = np.rint(photograph() * 255).astype(np.uint8)
    b = np.rint(scratched(photograph())[0] * 255).astype(np.uint8)
    for name, codes in (("a.png", a), ("b.png", b), ("small.png", a[:100])):
        Image.fromarray(codes).save(tmp_path / name)
    code, out = _run(
        "compare", tmp_path / "a.png", tmp_path / "b.png", "--sheet", tmp_path / "s.png",
        "--metrics", "harm,ciede2000", "--json",
    )  # fmt: skip
    assert code == 0
    facts = json.loads(out)
    assert facts["harm"] == pytest.approx(facts["changed_share"], rel=0.05)
    assert facts["ciede2000"] > 0
    with Image.open(tmp_path / "s.png") as image:
        assert image.size[0] > 600
    # of different size: shown, and said that they were not measured
    code, out = _run(
        "compare", tmp_path / "small.png", tmp_path / "b.png", "--sheet", tmp_path / "t.jpg"
    )
    assert code == 0
    assert out == ""
    assert (tmp_path / "t.jpg").exists()
    with pytest.raises(UsageError, match="differ in size"):
        _run("compare", tmp_path / "small.png", tmp_path / "b.png")
