"""The page of a treatment report, from a result and the record of its file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import numpy as np

from unfade.evaluate.display import Shown, data_uri, fitted, shown
from unfade.evaluate.layout import printable
from unfade.evaluate.panels import CLASS_COLOURS, evidence_panel
from unfade.evaluate.slider import slider
from unfade.picture import Picture, Window
from unfade.record import Evidence, Item, Record
from unfade.report.style import STYLE
from unfade.result import Result

SIDE_PX = 1400  # of the pictures under the slider
CROPS = 12
CROP_PX = 128
CLASS_SAYS = {
    Evidence.UNTOUCHED: "the samples that were scanned, bit for bit",
    Evidence.ADJUSTED: "a global change that can be undone from the numbers below",
    Evidence.ESTIMATED: "computed from the picture's own neighbourhood",
    Evidence.BORROWED: "taken from another measurement of the same thing",
    Evidence.INVENTED: "content that the picture does not hold",
    Evidence.PAINTED: "the user's own brush",
}


def report_page(result: Result, record: Record) -> str:
    """One self-contained page.

    Args:
        record: of the file that was written, with its hashes
    Cost: under a second, and a few hundred kilobytes, for a picture of any size
    """
    name = str(record.output.get("name") or record.source.get("name") or "picture")
    title = f"Treatment report: {printable(name)}"
    data = json.dumps(record.to_dict(), ensure_ascii=True).replace("<", "\\u003c")
    parts = "".join(
        (
            _summary(record),
            _pictures(result),
            _found(record),
            _done(record),
            _crops(result, record),
            _left_alone(record),
            _materials(record),
            _proof(record),
        )
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>
<h1>{escape(title)}</h1>
{parts}</main>
<script type="application/json" id="record">{data}</script></body></html>
"""


def _summary(record: Record) -> str:
    source, output = record.source, record.output
    if record.changed_share == 0:
        lead = "Nothing was changed: the result is the very same picture."
    else:
        lead = (
            f"{record.changed_share:.2%} of the pixels were touched by "
            f"{len(record.steps)} step{'s' if len(record.steps) != 1 else ''}; "
            f"{sum(i.made for i in record.items)} repairs, each of which can be taken back."
        )
    size = f"{source.get('cols', '?')} x {source.get('rows', '?')} pixels"
    if (output.get("rows"), output.get("cols")) not in (
        (None, None), (source.get("rows"), source.get("cols")),
    ):  # fmt: skip
        size += f", enlarged to {output.get('cols')} x {output.get('rows')}"
    bits = f", {source['bits']} bits" if source.get("bits") else ""
    warnings = "".join(f'<p class="warning">{_text(w)}</p>' for w in record.warnings)
    return (
        f'<p class="lead">{escape(lead)}</p><p>{_text(source.get("name", ""))}: {escape(size)}'
        f"{bits}. Policy <code>{_text(record.policy)}</code>. unfade {_text(record.unfade)}.</p>"
        f"{warnings}{_shares(record)}"
    )


def _shares(record: Record) -> str:
    """The bar of evidence: how much of the picture stands on what."""
    rows, bar = [], []
    for kind in Evidence:
        share = float(record.evidence_shares.get(kind.name.lower(), 0.0))
        if kind == Evidence.UNTOUCHED:
            colour = "#9ca3af"
        else:
            colour = "#{:02x}{:02x}{:02x}".format(*CLASS_COLOURS[kind])
        if share <= 0:
            continue
        bar.append(f'<span style="width:{100 * share:.4f}%;background:{colour}"></span>')
        rows.append(
            f'<tr><td><span class="key" style="background:{colour}"></span>{int(kind)} '
            f"{kind.name.lower()}</td><td class=number>{share:.3%}</td>"
            f"<td>{CLASS_SAYS[kind]}</td></tr>"
        )
    if not rows:
        return ""
    return f'<div class="bar">{"".join(bar)}</div><table>{"".join(rows)}</table>'


def _pictures(result: Result) -> str:
    rows, cols = fitted(result.picture.rows, result.picture.cols, SIDE_PX)
    before = shown(result.original.picture, rows, cols)
    after = shown(result.picture, rows, cols)
    both = slider(before, after, ("before", "after"))
    if not result.changed:
        return f"<h2>The picture</h2>{both}"
    panel = evidence_panel(after, result.evidence)
    return (
        f"<h2>Before and after</h2>{both}<h2>Where, and on what evidence</h2>"
        f'<img alt="Evidence map over the picture in grey" src="{data_uri(panel)}">'
    )


def _found(record: Record) -> str:
    rows = []
    for name, finding in record.findings.items():
        if not isinstance(finding, Mapping):
            continue
        sure = finding.get("confidence")
        told = "abstained" if sure is None else f"{float(sure):.0%}"
        rows.append(
            f"<tr><td>{_text(name)}</td><td class=number>{told}</td>"
            f"<td>{_text(finding.get('says', ''))}</td></tr>"
        )
    if not rows:
        return ""
    head = "<tr><th>looked at</th><th>sure</th><th>seen</th></tr>"
    return f"<h2>What was found</h2><table>{head}{''.join(rows)}</table>"


def _done(record: Record) -> str:
    if not record.steps:
        return "<h2>What was done</h2><p>Nothing needed doing.</p>"
    parts = []
    for number, step in enumerate(record.steps, 1):
        kind = Evidence(step.evidence)
        facts = _facts(step.settings) + (
            f"<h4>measured</h4>{_facts(step.measured)}" if step.measured else ""
        )
        made = sum(item.made for item in step.items)
        count = f", {made} of {len(step.items)} items" if step.items else ""
        parts.append(
            f"<section><h3>{number}. {_text(step.step)}</h3><p>{_text(step.reason)}</p>"
            f"<p>{step.changed_share:.3%} of the pixels{count}; evidence {int(kind)}, "
            f"{kind.name.lower()}.</p><details><summary>Settings</summary>{facts}</details>"
            "</section>"
        )
    return f"<h2>What was done, in this order</h2>{''.join(parts)}"


def _crops(result: Result, record: Record) -> str:
    """The largest repairs at 100 %, before and after."""
    made = sorted((i for i in record.items if i.made), key=lambda i: (-i.area_px, i.number))
    if not made:
        return ""
    cells = "".join(_crop(result, item) for item in made[:CROPS])
    rest = f"<p>The {CROPS} largest of {len(made)}.</p>" if len(made) > CROPS else ""
    name = _text(record.output.get("name", "RESULT"))
    return (
        f'<h2>Repairs, before and after</h2><div class="crops">{cells}</div>{rest}'
        f"<p>To take one back: <code>unfade revert {name} --item NUMBER</code></p>"
    )


def _crop(result: Result, item: Item) -> str:
    before = result.original.picture
    top, left, rows, cols = item.box
    window = _around(top + rows // 2, left + cols // 2, before)
    scale = result.picture.rows / before.rows
    edges = (window.top, window.left, window.bottom, window.right)
    larger = Window(*(round(edge * scale) for edge in edges))
    pair = "".join(
        f'<img alt="{word}" src="{data_uri(_cut(picture, cut, window), "png")}">'
        for word, picture, cut in (("before", before, window), ("after", result.picture, larger))
    )
    return (
        f"<figure>{pair}<figcaption>{item.number}: {_text(item.kind)}, {item.area_px} px, "
        f"{item.confidence:.0%}</figcaption></figure>"
    )


def _around(row: int, col: int, picture: Picture) -> Window:
    """A window of CROP_PX around a place, inside the picture."""
    rows, cols = min(CROP_PX, picture.rows), min(CROP_PX, picture.cols)
    top = min(max(row - rows // 2, 0), picture.rows - rows)
    left = min(max(col - cols // 2, 0), picture.cols - cols)
    return Window(top, left, top + rows, left + cols)


def _cut(picture: Picture, window: Window, size: Window) -> Shown:
    part = picture.with_samples(np.ascontiguousarray(picture.samples[window.slices]))
    return shown(part, size.rows, size.cols)


def _left_alone(record: Record) -> str:
    skipped = [
        f"item {i.number} ({i.kind}), rejected or protected" for i in record.items if not i.made
    ]
    lines = [*record.left_alone, *skipped[:20]]
    if not lines:
        return ""
    listed = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<h2>What was left alone on purpose</h2><ul>{listed}</ul>"


def _materials(record: Record) -> str:
    """Networks as a conservator lists materials: name, hash, licence."""
    models = {str(s.model): (s.step, s.model) for s in record.steps if s.model}
    if not models:
        return "<h2>Materials</h2><p>No network was used.</p>"
    parts = "".join(f"<h3>{_text(step)}</h3>{_facts(model)}" for step, model in models.values())
    return f"<h2>Materials</h2>{parts}"


def _proof(record: Record) -> str:
    facts = {
        "original": record.source.get("sha256"),
        "result": record.output.get("sha256"),
        "untouched samples": record.untouched_sha256,
        "recipe": record.recipe_sha256,
        "file decoded and compared": record.output.get("verified"),
    }
    masks = {f"mask: {name}": facts.get("sha256") for name, facts in record.masks.items()}
    return (
        f"<h2>Proof</h2>{_facts(facts | masks)}<details><summary>The recipe</summary>"
        f"<pre>{escape(record.recipe)}</pre></details>"
    )


def _facts(facts: Mapping[str, Any] | None) -> str:
    rows = "".join(
        f"<tr><td>{_text(key)}</td><td><code>{_text(_plain(value))}</code></td></tr>"
        for key, value in (facts or {}).items()
        if value is not None and value != ""
    )
    return f"<table>{rows}</table>" if rows else "<p>None.</p>"


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping) or (isinstance(value, Iterable) and not isinstance(value, str)):
        return json.dumps(value, ensure_ascii=False)[:400]
    return str(value)


def _text(value: object) -> str:
    """Anything from a file or a user, harmless in a page."""
    return escape(printable(str(value)))
