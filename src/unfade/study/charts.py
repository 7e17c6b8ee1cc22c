"""Plots of a study by matplotlib: fidelity against plausibility, and bars with intervals."""

from __future__ import annotations

import io
import math
from typing import Any

from unfade.evaluate.metrics import column
from unfade.needs import need

# nearest to what people say first; the first one that was measured is taken
FIDELITY = ("psnr_db", "ssim", "mse")
PLAUSIBLE = ("niqe", "brisque")
_PURPOSE = "plot a study"
_FAMILY_MARKS = {"control": "X", "recipe": "o", "fill": "s", "network": "D", "folder": "^"}
_STYLE = {"svg.hashsalt": "unfade", "font.size": 10, "axes.spines.top": False,
          "axes.spines.right": False}  # fmt: skip


def fidelity_plausibility(summary: Any, damage: str, perceptual: str | None = None) -> bytes:
    """The chart that shows why numbers and eye disagree: each method a point, harm as colour.

    To the right: nearer to the truth. Upwards: more natural to look at, with no truth to compare
    with. The lines are 95 % intervals over pictures. A blur keeps to the right and falls; a
    network that invents climbs and goes left. Harm is what neither axis tells.

    Args:
        summary: of ``unfade.study.table``
        damage: label
        perceptual: a figure for the vertical axis; None: the first of ``PLAUSIBLE`` there is
    Returns:
        SVG; empty when the figures were not measured
    """
    figures = set(summary["figure"])
    across = next((name for name in FIDELITY if name in figures), None)
    up = perceptual or next((name for name in PLAUSIBLE if name in figures), None)
    if across is None or up is None or up not in figures:
        return b""
    part = summary[summary["damage"] == damage]
    points = {method: own.set_index("figure") for method, own in part.groupby("method", sort=False)}
    axes, figure = _canvas(7.5, 5.2)
    shown = [m for m, p in points.items() if _finite(p, across) and _finite(p, up)]
    if not shown:
        return b""
    harm = [max(float(points[m].loc["harm", "mean"]), 0.0) for m in shown]
    harm = [0.0 if math.isnan(h) else h for h in harm]
    top = max([*harm, 0.05])
    for method, harmed in zip(shown, harm, strict=True):
        point = points[method]
        x, y = point.loc[across], point.loc[up]
        axes.errorbar(
            x["mean"], y["mean"],
            xerr=[[x["mean"] - x["low"]], [x["high"] - x["mean"]]],
            yerr=[[y["mean"] - y["low"]], [y["high"] - y["mean"]]],
            fmt="none", ecolor="#a1a1aa", elinewidth=0.8, zorder=1,
        )  # fmt: skip
        mark = _FAMILY_MARKS.get(str(point["family"].iloc[0]), "o")
        dots = axes.scatter(
            [x["mean"]], [y["mean"]], c=[harmed], vmin=0, vmax=top, cmap="viridis_r",
            s=70, marker=mark, edgecolors="black", linewidths=0.6, zorder=2,
        )  # fmt: skip
    for names, place in _labels({m: (points[m].loc[across, "mean"], points[m].loc[up, "mean"])
                                 for m in shown}):  # fmt: skip
        axes.annotate(
            _plain(", ".join(names)), place, xytext=(6, 5), textcoords="offset points", fontsize=9
        )
    axes.set_xlabel(_axis(across))
    axes.set_ylabel(_axis(up))
    for name, turn in ((across, axes.invert_xaxis), (up, axes.invert_yaxis)):
        if column(name).better == "lower":
            turn()
    bar = figure.colorbar(dots, ax=axes)
    bar.set_label("harm rate: sound pixels made worse")
    axes.set_title(_plain(f"Fidelity and plausibility: {damage}"))
    return _svg(figure)


def bars(summary: Any, figure_name: str, damage: str) -> bytes:
    """One figure of every method under one damage with its interval, as SVG; best on top."""
    part = summary[(summary["damage"] == damage) & (summary["figure"] == figure_name)]
    part = part[part["mean"].map(math.isfinite)]
    if part.empty:
        return b""
    lower = column(figure_name).better == "lower"
    part = part.sort_values("mean", ascending=not lower)
    axes, figure = _canvas(6.5, 0.6 + 0.3 * len(part))
    colours = ["#a1a1aa" if family == "control" else "#0072b2" for family in part["family"]]
    spread = [part["mean"] - part["low"], part["high"] - part["mean"]]
    axes.barh([_plain(m) for m in part["method"]], part["mean"], xerr=spread, color=colours,
              error_kw={"elinewidth": 0.8})  # fmt: skip
    axes.set_xlabel(_axis(figure_name))
    return _svg(figure)


def _labels(
    places: dict[str, tuple[float, float]],
) -> list[tuple[list[str], tuple[float, float]]]:
    """Methods that lie on one another share a label."""
    spans = [max(v) - min(v) or 1.0 for v in zip(*places.values(), strict=True)]
    labels: list[tuple[list[str], tuple[float, float]]] = []
    for method, place in places.items():
        for names, other in labels:
            if all(abs(a - b) < 0.02 * s for a, b, s in zip(place, other, spans, strict=True)):
                names.append(method)
                break
        else:
            labels.append(([method], place))
    return labels


def _axis(name: str) -> str:
    known = column(name)
    better = {"higher": " (higher is better)", "lower": " (lower is better)", "none": ""}
    return f"{known.title}{better[known.better]}"


def _plain(text: str) -> str:
    """Text that matplotlib must not read as mathematics."""
    return text.replace("$", r"\$")


def _finite(point: Any, name: str) -> bool:
    return name in point.index and math.isfinite(point.loc[name, "mean"])


def _canvas(width: float, height: float) -> tuple[Any, Any]:
    """Axes and figure of our own: no global state, no window, no display."""
    need("matplotlib", extra="study", to=_PURPOSE)
    figure_module = need("matplotlib.figure", extra="study", to=_PURPOSE)
    figure = figure_module.Figure(figsize=(width, height), layout="constrained")
    return figure.subplots(), figure


def _svg(figure: Any) -> bytes:
    matplotlib = need("matplotlib", extra="study", to=_PURPOSE)
    file = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
