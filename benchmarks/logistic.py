"""Fit a ``LogisticRule``, show how it does on pictures it was not fitted on, write it down."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np

from unfade.condition.logistic import LIMIT

PARTS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """What was measured of a candidate, and what is true of it.

    Attributes:
        right: it is damage
        area: damaged pixels that it covers
        number: of its picture
        sound: its picture has no damage
    """

    features: np.ndarray
    right: bool
    area: int
    number: int
    sound: bool


@dataclass(slots=True)
class Table:
    """All candidates of one kind, and the damaged pixels in all their pictures."""

    rows: list[Candidate] = field(default_factory=list)
    area: int = 0

    @property
    def x(self) -> np.ndarray:
        return np.nan_to_num(np.array([row.features for row in self.rows]))

    @property
    def y(self) -> np.ndarray:
        return np.array([row.right for row in self.rows])


def fitted(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, spread, and the weights and bias of a rule with a little ridge."""
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    a = np.column_stack([_scaled(x, mean, spread), np.ones(len(x))])
    w, ridge = np.zeros(a.shape[1]), np.eye(a.shape[1])
    ridge[-1, -1] = 0
    for _ in range(40):
        p = 1 / (1 + np.exp(-np.clip(a @ w, -30, 30)))
        slope = a.T @ (p - y) + ridge @ w
        w -= np.linalg.solve((a * (p * (1 - p) + 1e-6)[:, None]).T @ a + ridge, slope)
    return mean, spread, w


def _scaled(x: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.clip((x - mean) / spread, -LIMIT, LIMIT)


def show(kind: str, table: Table, limit: float) -> None:
    """What passes some limits, judged by rules fitted on other pictures."""
    x, y = table.x, table.y
    picture = np.array([row.number for row in table.rows])
    area = np.array([row.area for row in table.rows])
    sound = np.array([row.sound for row in table.rows])
    odds = np.zeros(len(y))
    for k in range(PARTS):
        out = picture % PARTS == k
        mean, spread, w = fitted(x[~out], y[~out])
        odds[out] = _scaled(x[out], mean, spread) @ w[:-1] + w[-1]
    print(
        f"{kind}: {y.sum()} candidates are damage ({area[y].sum() / table.area:.1%} of its area), "
        f"{(~y).sum()} are not"
    )
    for least in sorted({1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, limit}):
        sure = odds >= least
        marked = len(set(picture[sure & sound]))
        print(
            f"  odds {least}: {sure[y].sum()} right, {sure[~y].sum()} wrong, "
            f"{area[sure & y].sum() / table.area:.1%} of the area, {marked} sound pictures marked"
        )


def written(name: str, table: Table, limit: float, sure: float) -> str:
    """The rule of all candidates, that says ``sure`` where its log odds are at the limit."""
    mean, spread, w = fitted(table.x, table.y)
    bias = w[-1] - limit + np.log(sure / (1 - sure))
    lines = [f"{name} = LogisticRule(", f"    bias={bias:.4g},"]
    for word, values in {"mean": mean, "spread": spread, "plain": w[:-1]}.items():
        rows = (values[k : k + 8] for k in range(0, len(values), 8))
        text = (f"        {', '.join(f'{v:.4g}' for v in row)}," for row in rows)
        lines += [f"    {word}=(", *text, "    ),"]
    return "\n".join([*lines, ")\n"])


def options_of(about: str) -> argparse.Namespace:
    """What all scripts that fit a rule are told."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--number", type=int, default=400, help="of pictures")
    parser.add_argument("--write", action="store_true", help="put what is fitted into the package")
    return parser.parse_args()


def put_into(module: ModuleType, rules: str) -> None:
    """Replace the rules that a module of the package holds, all that stands behind its head."""
    target = Path(str(module.__file__))
    head = target.read_text(encoding="utf-8").split("# fmt: off\n")[0]
    target.write_text(f"{head}# fmt: off\n{rules}", encoding="utf-8")
