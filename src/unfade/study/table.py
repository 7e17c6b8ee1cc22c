"""The tidy table of a study, and its means with bootstrap intervals.

One row for each picture, damage and method; one column for each figure. Written as Parquet and as
CSV. The intervals are percentiles over pictures drawn again with replacement, the same draws for
all methods, so that differences between methods can be read off too.

Source: Efron, Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from unfade.needs import need
from unfade.study.cell import FOUND
from unfade.study.run import Outcome

RESAMPLES = 2000
LEVEL = 0.95
_PURPOSE = "write the tables of a study"
_HIDDEN = ("key",)
_KEYS = ("picture", "damage", "method", "family")
_SUMMARY = ("damage", "method", "family", "figure", "pictures", "infinite", "mean", "low", "high")


def check_packages() -> None:
    """Raise ``MissingPackage`` now and not after hours of work.

    Raises:
        MissingPackage: pandas, pyarrow or matplotlib is not installed
    """
    for module in ("pandas", "pyarrow", "matplotlib"):
        need(module, extra="study", to=_PURPOSE)


def frame_of(outcome: Outcome) -> Any:
    """The rows as a pandas data frame; columns that hold nothing at all are left out."""
    pandas = need("pandas", extra="study", to=_PURPOSE)
    frame = pandas.DataFrame(list(outcome.rows), columns=None if outcome.rows else [*_KEYS])
    frame = frame.drop(columns=list(_HIDDEN), errors="ignore")
    empty = [c for c in FOUND if c in frame and frame[c].isna().all()]
    return frame.drop(columns=empty)


def figures_of(outcome: Outcome, frame: Any) -> list[str]:
    """The columns that hold figures, in the table's order."""
    names = ["seconds", *(c.name for m in outcome.study.measures for c in m.columns), *FOUND]
    return [name for name in names if name in frame.columns]


def summary_of(outcome: Outcome, frame: Any) -> Any:
    """Mean, interval and number of each figure for each damage and method, as a data frame.

    Pictures for which a figure is not finite (equal pictures have an infinite PSNR) are left out
    of it; where all are infinite, so is the mean.
    """
    pandas = need("pandas", extra="study", to=_PURPOSE)
    rows = []
    for damage, part in frame.groupby("damage", sort=False):
        names = sorted(part["picture"].unique())
        draws = draw(len(names), outcome.study.seed)
        for method, own in part.groupby("method", sort=False):
            values = own.set_index("picture").reindex(names)
            for figure in figures_of(outcome, frame):
                column = values[figure].to_numpy(np.float64)
                mean, low, high = interval(column, draws)
                rows.append(
                    {
                        "damage": damage,
                        "method": method,
                        "family": own["family"].iloc[0],
                        "figure": figure,
                        "pictures": int(np.isfinite(column).sum()),
                        "infinite": int(np.isinf(column).sum()),
                        "mean": mean,
                        "low": low,
                        "high": high,
                    }
                )
    return pandas.DataFrame(rows, columns=[*_SUMMARY])


def draw(pictures: int, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """Indices of pictures drawn with replacement, (resamples, pictures)."""
    return np.random.default_rng(seed).integers(0, pictures, (resamples, pictures))


def interval(values: np.ndarray, draws: np.ndarray) -> tuple[float, float, float]:
    """Mean of the finite values, and the percentile interval of the mean.

    Args:
        values: (pictures,) float; NaN where there is none
        draws: (resamples, pictures) indices
    """
    finite = np.isfinite(values)
    if not finite.any():
        same = float(values[np.isinf(values)][0]) if np.isinf(values).any() else float("nan")
        return same, same, same
    mean = float(values[finite].mean())
    weights = finite[draws]
    sums = np.where(finite, values, 0.0)[draws].sum(axis=1)
    counts = weights.sum(axis=1)
    means = sums[counts > 0] / counts[counts > 0]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return mean, float(low), float(high)


def write_tables(outcome: Outcome, folder: Path) -> tuple[Any, Any]:
    """Write ``results``, ``summary`` (Parquet and CSV) and ``problems.csv``.

    Returns:
        the two data frames
    Raises:
        MissingPackage: pandas or pyarrow is not installed
    """
    pandas = need("pandas", extra="study", to=_PURPOSE)
    need("pyarrow", extra="study", to=_PURPOSE)
    folder.mkdir(parents=True, exist_ok=True)
    frame = frame_of(outcome)
    summary = summary_of(outcome, frame)
    for name, data in (("results", frame), ("summary", summary)):
        data.to_parquet(folder / f"{name}.parquet", index=False)
        data.to_csv(folder / f"{name}.csv", index=False)
    problems = pandas.DataFrame(
        [
            {"picture": p.picture, "damage": p.damage, "method": p.method, "message": p.message}
            for p in outcome.problems
        ],
        columns=["picture", "damage", "method", "message"],
    )
    problems.to_csv(folder / "problems.csv", index=False)
    return frame, summary
