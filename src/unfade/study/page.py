"""The report of a study: one page that needs no other file and no network."""

from __future__ import annotations

import base64
import html
import math
from pathlib import Path
from typing import Any

from unfade.errors import OutputError
from unfade.evaluate.layout import printable
from unfade.evaluate.metrics import column
from unfade.study.cache import Cache
from unfade.study.charts import bars, fidelity_plausibility
from unfade.study.contact import contact_sheet, worst_first
from unfade.study.damage import SOUND
from unfade.study.pictures import data_set
from unfade.study.run import Outcome, plan
from unfade.study.table import figures_of, write_tables
from unfade.version import VERSION

HARMLESS = 0.001  # share of a sound picture's pixels; below it a method is called harmless
_SHOWN_PROBLEMS = 200
_BARS = ("harm", "psnr_db", "ssim", "stlpips", "lpips", "niqe")
_STYLE = """
body{margin:0 auto;padding:24px;max-width:1400px;font:15px/1.5 system-ui,sans-serif;color:#18181b}
h1{margin:0}table{border-collapse:collapse;margin:12px 0;font-variant-numeric:tabular-nums}
th,td{padding:3px 10px;text-align:right;border-bottom:1px solid #e4e4e7;white-space:nowrap}
th{white-space:normal;vertical-align:bottom;max-width:10em;font-weight:600}
th:first-child,td:first-child{text-align:left}td.text{white-space:normal;text-align:left}
td small{color:#71717a}.wide{overflow-x:auto}.control td{color:#71717a}
.good{background:#dcfce7}.bad{background:#fee2e2}.verdict{padding:10px 14px;border-radius:6px}
.charts{display:flex;flex-wrap:wrap;gap:16px}img{max-width:100%}
""".strip()


def write_report(outcome: Outcome, folder: str | Path) -> Path:
    """Write tables, plots, contact sheets and ``report.html`` that holds them all.

    Raises:
        MissingPackage: pandas, pyarrow or matplotlib is not installed
        OutputError: the folder cannot be written to
    """
    place = Path(folder)
    try:
        frame, summary = write_tables(outcome, place)
        text = _page(outcome, frame, summary, place)
        path = place / "report.html"
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"`{error.filename or place}` cannot be written: {error.strerror}.",
            "Check folder and space.",
        ) from error
    return path


def _page(outcome: Outcome, frame: Any, summary: Any, place: Path) -> str:
    damages, _ = plan(outcome.study)
    parts = [_verdict(outcome), _problems(outcome)]
    for damage in damages:
        if not frame.empty and (frame["damage"] == damage.label).any():
            parts.append(_section(outcome, frame, summary, damage, place))
    study = outcome.study
    about = (
        f"{len({r['picture'] for r in outcome.rows})} pictures of {_text(study.data)}, "
        f"seed {study.seed}, {len(outcome.rows)} of {outcome.cells} results, unfade {VERSION}. "
        "Figures are means over pictures with 95 % bootstrap intervals."
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{_text(study.name)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{_text(study.name)}</h1><p>{about}</p>{''.join(parts)}</body></html>\n"
    )


def _verdict(outcome: Outcome) -> str:
    check = outcome.check
    if check.passed:
        return (
            '<p class="verdict good"><b>This benchmark can tell harm from no harm.</b> On sound '
            f"pictures doing nothing harms {check.harm['identity']:.2%} of the pixels, a 5 x 5 "
            f"blur {check.harm['blur']:.1%}, a flip {check.harm['flip']:.1%}.</p>"
        )
    faults = "".join(f"<li>{_text(fault)}</li>" for fault in check.faults[:20])
    return (
        '<div class="verdict bad"><b>This benchmark failed its own check; believe none of its '
        f"figures.</b><ul>{faults}</ul></div>"
    )


def _problems(outcome: Outcome) -> str:
    if not outcome.problems:
        return ""
    rows = "".join(
        f"<tr><td>{_text(p.picture)}</td><td>{_text(p.damage)}</td><td>{_text(p.method)}</td>"
        f'<td class="text">{_text(p.message)}</td></tr>'
        for p in outcome.problems[:_SHOWN_PROBLEMS]
    )
    more = len(outcome.problems) - _SHOWN_PROBLEMS
    tail = f"<p>{more} more are in problems.csv.</p>" if more > 0 else ""
    return (
        f"<h2>Left out ({len(outcome.problems)})</h2><table><tr><th>picture</th><th>damage</th>"
        f"<th>method</th><th>why</th></tr>{rows}</table>{tail}"
    )


def _section(outcome: Outcome, frame: Any, summary: Any, damage: Any, place: Path) -> str:
    label = damage.label
    parts = [f"<h2>{_text(label)}</h2>"]
    if label == SOUND:
        parts.append(
            "<p>Pictures that nothing is wrong with: what each method does to them unasked.</p>"
        )
    parts.append(_table(outcome, frame, summary, label))
    charts = [] if label == SOUND else [fidelity_plausibility(summary, label)]
    charts += [bars(summary, name, label) for name in _BARS if name in set(summary["figure"])]
    for number, chart in enumerate(c for c in charts if c):
        (place / f"chart-{_file_word(label)}-{number}.svg").write_bytes(chart)
    parts.append(
        '<div class="charts">' + "".join(_image(c, "svg+xml") for c in charts if c) + "</div>"
    )
    files = data_set(outcome.study.data, outcome.study.limit)
    chosen = [(name, files[name]) for name in worst_first(outcome.rows, label) if name in files]
    sheet = contact_sheet(outcome.rows, damage, chosen, Cache(outcome.cache), outcome.study.side_px)
    if sheet:
        (place / f"contact-{_file_word(label)}.png").write_bytes(sheet)
        parts.append("<h3>At 100 %, the pictures with most harm first</h3>")
        parts.append(f'<div class="wide">{_image(sheet, "png")}</div>')
    return "".join(parts)


def _table(outcome: Outcome, frame: Any, summary: Any, label: str) -> str:
    """A row for each method; controls are grey, the best of each column is bold."""
    part = summary[summary["damage"] == label]
    names = [
        n for n in figures_of(outcome, frame) if part[part["figure"] == n]["mean"].notna().any()
    ]
    names.sort(key=lambda name: (name != "harm", name == "seconds"))  # harm first, time last
    sound = summary[(summary["damage"] == SOUND) & (summary["figure"] == "harm")]
    harm_of = dict(zip(sound["method"], sound["mean"], strict=True))
    best = {name: _best(part, name) for name in names}
    head = "".join(f"<th>{_text(_title(name))}</th>" for name in names)
    lines = []
    for method, own in part.groupby("method", sort=False):
        cells = {row["figure"]: row for _, row in own.iterrows()}
        control = own["family"].iloc[0] == "control"
        verdict = harm_of.get(method, math.nan)
        word = "" if math.isnan(verdict) else "harmless" if verdict < HARMLESS else "harms"
        tone = {"harmless": "good", "harms": "bad"}.get(word, "")
        body = "".join(_cell(cells[name], best[name] == method) for name in names)
        lines.append(
            f"<tr{' class=control' if control else ''}><td>{_text(str(method))}</td>"
            f'<td class="{tone}">{word}</td>{body}</tr>'
        )
    return (
        f'<div class="wide"><table><tr><th>method</th><th>on sound pictures</th>{head}</tr>'
        f"{''.join(lines)}</table></div>"
    )


def _best(part: Any, name: str) -> str | None:
    """The method with the best mean, controls left out."""
    rows = part[(part["figure"] == name) & (part["family"] != "control")]
    rows = rows[rows["mean"].notna()]
    better = "none" if name == "seconds" else _better(name)
    if rows.empty or better == "none":
        return None
    at = rows["mean"].idxmax() if better == "higher" else rows["mean"].idxmin()
    return str(rows.loc[at, "method"])


def _better(name: str) -> str:
    return "higher" if name.startswith("found_") else column(name).better


def _title(name: str) -> str:
    if name == "seconds":
        return "seconds"
    if name.startswith("found_"):
        return f"damage found: {name.removeprefix('found_')}"
    return column(name).title


def _cell(row: Any, best: bool) -> str:
    mean, low, high = row["mean"], row["low"], row["high"]
    if math.isnan(mean):
        return "<td></td>"
    if math.isinf(mean):
        return "<td>equal</td>"
    text = f"<b>{_short(mean)}</b>" if best else _short(mean)
    return f"<td>{text} <small>{_short(low)} to {_short(high)}</small></td>"


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _text(text: str) -> str:
    return html.escape(printable(str(text)))


def _file_word(label: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in label)


def _image(data: bytes, kind: str) -> str:
    return f'<img alt="" src="data:image/{kind};base64,{base64.b64encode(data).decode("ascii")}">'
