"""The page: one file, no script, nothing from outside; names are text, whatever they hold."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from unfade.batch.ledger import Row
from unfade.batch.run import Outcome

LOOKED_AT = 200
_FOLDERS = 500
_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884;
  vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { overflow-wrap: anywhere; }
.numbers { display: flex; flex-wrap: wrap; gap: 1.6rem; margin: 1rem 0; }
.numbers b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.pair { display: flex; gap: 4px; } .pair img { height: 150px; width: auto; max-width: 260px;
  object-fit: contain; background: #8882; }
.failed { color: #b3261e; } .why { margin: .2rem 0 0; padding-left: 1.1rem; }
@media (max-width: 50rem) { .pair img { height: 90px; } }
"""


def page(
    outcome: Outcome,
    failed: Sequence[Row],
    doubtful: Sequence[Row],
    thumbs: Mapping[str, tuple[bytes, bytes]],
    folders: Sequence[Mapping[str, Any]],
    *,
    source: str,
    destination: str,
    sheets: Sequence[str] = (),
) -> str:
    """The report as HTML.

    Args:
        failed, doubtful: the first few without a result, and results by doubt
        thumbs: name -> small JPEGs before and after (empty: unchanged)
        folders: see ``table.by_folder``
    """
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; "
        "img-src 'self' data:; style-src 'unsafe-inline'\">",
        f"<title>unfade: where to look first</title><style>{_STYLE}</style></head><body>",
        "<h1>Where to look first</h1>",
        f"<p><code>{escape(source)}</code> restored into <code>{escape(destination)}</code>, "
        f"run {outcome.run}.</p>",
        _numbers(outcome),
        "<p>Everything in one table: <a href='items.csv'>items.csv</a>, "
        "<a href='items.parquet'>items.parquet</a>. "
        + " ".join(f"<a href='{escape(each)}'>{escape(each)}</a>" for each in sheets)
        + "</p>",
        _failures(failed),
        _doubts(doubtful, thumbs),
        _folders(folders),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _numbers(outcome: Outcome) -> str:
    rate = outcome.done / outcome.took_s if outcome.took_s else 0.0
    shown = {
        "done in this run": f"{outcome.done:,}",
        "done before": f"{outcome.before:,}",
        "without a result": f"{outcome.incomplete:,}",
        "left": f"{outcome.left:,}",
        "tried again": f"{outcome.retries:,}",
        "megapixels": f"{outcome.pixels / 1e6:,.1f}",
        "seconds": f"{outcome.took_s:,.1f}",
        "a second": f"{rate:.2f}",
    }
    cells = (f"<div><b>{value}</b>{name}</div>" for name, value in shown.items())
    return f"<div class='numbers'>{''.join(cells)}</div>"


def _failures(failed: Sequence[Row]) -> str:
    if not failed:
        return ""
    lines = "".join(
        f"<tr><td><code>{escape(row.name)}</code></td><td>{escape(row.error_code)}</td>"
        f"<td>{escape(row.error)}</td><td class='n'>{row.attempts}</td></tr>"
        for row in failed
    )
    return (
        f"<h2 class='failed'>Without a result ({len(failed)} shown)</h2><table><tr><th>item</th>"
        f"<th>kind</th><th>why, and what to do</th><th class='n'>tries</th></tr>{lines}</table>"
    )


def _doubts(done: Sequence[Row], thumbs: Mapping[str, tuple[bytes, bytes]]) -> str:
    if not done:
        return "<h2>By doubt</h2><p>Nothing is done yet.</p>"
    lines = "".join(_doubt(row, thumbs.get(row.name)) for row in done)
    return (
        f"<h2>By doubt ({len(done)} shown)</h2><table><tr><th>before, after</th><th>item</th>"
        f"<th class='n'>doubt</th><th class='n'>changed</th><th class='n'>repairs</th>"
        f"<th class='n'>s</th></tr>{lines}</table>"
    )


def _doubt(row: Row, pair: tuple[bytes, bytes] | None) -> str:
    reasons = "".join(f"<li>{escape(str(why))}</li>" for why in row.facts.get("reasons", ())[:6])
    steps = escape(", ".join(row.facts.get("steps", ())) or "nothing to mend")
    return (
        f"<tr><td>{_pair(pair)}</td><td><code>{escape(row.name)}</code><br>{steps}"
        f"<ul class='why'>{reasons}</ul></td><td class='n'>{row.doubt:.2f}</td>"
        f"<td class='n'>{float(row.facts.get('changed_share') or 0):.2%}</td>"
        f"<td class='n'>{int(row.facts.get('items') or 0)}</td>"
        f"<td class='n'>{row.took_s:.1f}</td></tr>"
    )


def _pair(pair: tuple[bytes, bytes] | None) -> str:
    if pair is None:
        return ""
    shown = [("before", pair[0])] + ([("after", pair[1])] if pair[1] else [])
    images = (
        f"<img alt='{name}' src='data:image/jpeg;base64,{base64.b64encode(data).decode()}'>"
        for name, data in shown
    )
    return f"<div class='pair'>{''.join(images)}</div>"


def _folders(folders: Sequence[Mapping[str, Any]]) -> str:
    lines = "".join(
        f"<tr><td><code>{escape(str(each['folder']))}</code></td><td class='n'>{each['items']}"
        f"</td><td class='n'>{each['done']}</td><td class='n'>{each['failed']}</td>"
        f"<td class='n'>{each['doubt']:.2f}</td><td class='n'>{each['changed_share']:.2%}</td>"
        f"<td class='n'>{each['took_s']:.1f}</td></tr>"
        for each in folders[:_FOLDERS]
    )
    more = len(folders) - _FOLDERS
    tail = f"<p>... and {more} more folders, in the table.</p>" if more > 0 else ""
    return (
        "<h2>By folder</h2><table><tr><th>folder</th><th class='n'>items</th>"
        "<th class='n'>done</th><th class='n'>without</th><th class='n'>mean doubt</th>"
        f"<th class='n'>changed</th><th class='n'>s</th></tr>{lines}</table>{tail}"
    )
