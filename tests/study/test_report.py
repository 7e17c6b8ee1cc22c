"""Tables, intervals, charts, contact sheets, the page and the command."""

from __future__ import annotations

import io
import json
import math
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from albums import album, codes_of, save
from click.testing import CliRunner, Result
from PIL import Image

from unfade.cli import app
from unfade.errors import PartlyFailed, PromiseBroken, UnreadableInput, UsageError
from unfade.study import Outcome, Study, run_study
from unfade.study.charts import _labels, bars, fidelity_plausibility
from unfade.study.contact import worst_first
from unfade.study.page import write_report
from unfade.study.table import draw, frame_of, interval, summary_of


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("study")
    album(folder / "photos", 2)
    sound = codes_of(folder / "photos" / "a.png")
    # a name that would be markup, mathematics and a formula were it not escaped
    save(sound[::-1], folder / "photos" / "<img src=x onerror=$a_b$>.png")
    study = Study(
        data=str(folder / "photos"),
        damage=("gaussian-25",),
        methods=("<b>m=auto", f"peer=folder:{folder / 'photos'}"),
        metrics=("ssim",),
        name="<script>alert(1)</script>",
    )
    return run_study(study, output=folder / "out", workers=1)


def test_the_table_has_one_row_for_each_result(outcome: Outcome, tmp_path: Path) -> None:
    write_report(outcome, tmp_path)
    stored = pd.read_parquet(tmp_path / "results.parquet")
    text = pd.read_csv(tmp_path / "results.csv")
    assert len(stored) == len(text) == len(outcome.rows)
    assert not stored.duplicated(["picture", "damage", "method"]).any()
    assert list(stored.columns) == list(text.columns)
    assert np.allclose(stored["ssim"], text["ssim"])
    assert "key" not in stored.columns
    problems = pd.read_csv(tmp_path / "problems.csv")
    assert len(problems) == len(outcome.problems) > 0


def test_means_are_those_of_the_rows(outcome: Outcome) -> None:
    frame = frame_of(outcome)
    summary = summary_of(outcome, frame).set_index(["damage", "method", "figure"])
    for method in ("blur", "identity"):
        rows = [r["harm"] for r in outcome.rows if r["method"] == method and r["damage"] == "sound"]
        line = summary.loc["sound", method, "harm"]
        assert line["mean"] == pytest.approx(np.mean(rows))
        assert line["low"] <= line["mean"] <= line["high"]
        assert line["pictures"] == 3
    equal = summary.loc["sound", "identity", "psnr_db"]
    assert equal["mean"] == math.inf
    assert (equal["pictures"], equal["infinite"]) == (0, 3)


def test_intervals_agree_with_scipy() -> None:
    values = np.random.default_rng(4).gamma(2, 3, 40)
    mean, low, high = interval(values, draw(40, 0, 20_000))
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.06)


def test_intervals_hold_what_they_promise() -> None:
    """Over many samples of 30, the interval holds the true mean about 95 times in 100."""
    rng = np.random.default_rng(0)
    draws = draw(30, 1, 500)
    held = 0
    for _ in range(400):
        _, low, high = interval(rng.normal(5, 2, 30), draws)
        held += low <= 5 <= high
    assert 0.90 <= held / 400 <= 0.985


def test_values_that_are_not_finite_are_left_out_and_counted() -> None:
    draws = draw(4, 0, 500)
    mean, low, high = interval(np.array([1.0, np.nan, 3.0, np.inf]), draws)
    assert mean == 2
    assert 1 <= low <= high <= 3
    assert interval(np.full(4, np.inf), draws) == (math.inf,) * 3
    assert all(math.isnan(v) for v in interval(np.full(4, np.nan), draws))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [v or "" for k, v in attrs if k in ("src", "href")]


def test_the_page_is_whole_and_lets_nothing_in(outcome: Outcome, tmp_path: Path) -> None:
    text = write_report(outcome, tmp_path).read_text("utf-8")
    page = _Page()
    page.feed(text)
    assert "script" not in page.tags
    assert "default-src 'none'" in text
    assert page.loaded
    assert all(source.startswith("data:image/") for source in page.loaded)
    assert "&lt;img src=x onerror=$a_b$&gt;" in text
    assert "can tell harm from no harm" in text
    assert re.search(r"Left out \(\d+\)", text)
    for path in tmp_path.glob("*.svg"):
        ET.parse(path)  # a chart that is not well-formed raises
    for damage in ("sound", "gaussian-25"):
        with Image.open(tmp_path / f"contact-{damage}.png") as sheet:
            assert sheet.size[0] > 4 * 96
            assert sheet.size[1] > 3 * 96


def test_charts_show_every_method(outcome: Outcome) -> None:
    frame = frame_of(outcome)
    summary = summary_of(outcome, frame)
    made = bars(summary, "ssim", "gaussian-25")
    assert ET.fromstring(made).tag.endswith("svg")
    assert bars(summary, "ssim", "nothing") == b""
    # NIQE needs larger pictures: there is no chart, and no error
    assert fidelity_plausibility(summary, "gaussian-25") == b""
    drawn = fidelity_plausibility(summary, "gaussian-25", perceptual="ssim")
    assert drawn.count(b"<!-- ") >= 5  # each label as matplotlib notes it beside its outlines
    for name in ("blur", "flip", "identity"):
        assert name.encode() in drawn


def test_labels_of_methods_that_lie_on_one_another_are_joined() -> None:
    places = {"identity": (20.0, 4.0), "auto": (20.01, 4.0), "blur": (25.0, 8.0)}
    assert [names for names, _ in _labels(places)] == [["identity", "auto"], ["blur"]]


def test_the_pictures_with_most_harm_come_first() -> None:
    rows = [
        {"picture": p, "damage": "d", "family": f, "harm": h}
        for p, f, h in (
            ("a", "control", 0.9), ("a", "recipe", 0.1), ("b", "recipe", 0.3),
            ("c", "recipe", math.nan),
        )
    ]  # fmt: skip
    assert worst_first(rows, "d") == ["b", "a", "c"]
    assert worst_first(rows, "other") == []


def _bench(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["bench", *(str(a) for a in arguments)])


def test_the_command(tmp_path: Path) -> None:
    folder = album(tmp_path / "photos", 2)
    common = (folder, "--damage", "gaussian-25", "--metrics", "ssim", "--workers", 1)
    ran = _bench(*common, "-o", tmp_path / "out", "--json")
    assert ran.exit_code == 0, ran.exception
    told = json.loads(ran.stdout)
    assert told["check"] == {"passed": True, "faults": []}
    assert told["results"] == told["asked_for"] == 2 * 2 * 5  # `auto` is studied when none is named
    assert Path(told["report"]).is_file()
    again = _bench(*common, "-o", tmp_path / "out")
    assert "harm" in again.stdout
    assert "report.html" in again.stdout


def test_what_is_left_out_and_what_fails_sets_the_exit_code(tmp_path: Path) -> None:
    folder = album(tmp_path / "photos", 2)
    (folder / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    quick = ("--damage", "gaussian-25", "--metrics", "ssim", "--workers", 1, "--method", "blur")
    ran = _bench(folder, *quick, "-o", tmp_path / "out")
    assert isinstance(ran.exception, PartlyFailed)
    assert ran.exception.exit_code == 4
    assert "left out: c / sound" in ran.stderr
    flat = tmp_path / "flat"
    save(np.full((64, 64, 3), 120, np.uint8), flat / "a.png")
    ran = _bench(flat, *quick, "-o", tmp_path / "flat-out")
    assert isinstance(ran.exception, PromiseBroken)
    assert ran.exception.exit_code == 8
    text = (tmp_path / "flat-out" / "report.html").read_text("utf-8")
    assert "believe none of its figures" in text
    (folder / "only").mkdir()
    (folder / "only" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    ran = _bench(folder / "only", *quick, "-o", tmp_path / "none")
    assert isinstance(ran.exception, UnreadableInput)
    ran = _bench()
    assert isinstance(ran.exception, UsageError)


def test_exporting_for_a_peer_and_measuring_the_peer(tmp_path: Path) -> None:
    """The whole way of a peer: inputs out, results in."""
    folder, peer = album(tmp_path / "photos", 2), tmp_path / "peer"
    common = (folder, "--damage", "gaussian-25", "--metrics", "ssim", "--workers", 1)
    assert _bench(*common, "--export", peer).exit_code == 0
    ran = _bench(*common, "--method", f"folder:{peer}", "-o", tmp_path / "out", "--json")
    assert ran.exit_code == 0, ran.exception
    frame = pd.read_parquet(tmp_path / "out" / "results.parquet")
    figures = frame.set_index(["picture", "damage", "method"])["ssim"]
    for key in (("a", "gaussian-25"), ("b", "sound")):
        assert figures[(*key, "peer")] == pytest.approx(figures[(*key, "identity")])


def test_without_pandas_it_says_so_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    ran = _bench(album(tmp_path / "photos", 1), "-o", tmp_path / "out")
    assert "unfade[study]" in str(ran.exception)
    assert not (tmp_path / "out").exists()


def test_charts_leave_no_window_and_no_global_state(outcome: Outcome) -> None:
    summary = summary_of(outcome, frame_of(outcome))
    first = bars(summary, "harm", "sound")
    assert first == bars(summary, "harm", "sound")  # the same bytes each time
    assert io.BytesIO(first).read(5) == b"<?xml"
