"""Every classical treatment on synthetic damage with known truth: good, harm, controls, cost.

    python benchmarks/treatments_table.py --data DATA [--only texture] [--number 20]

Each file of ``benchmarks/treatments`` measures one family and gives lines of the table.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from pathlib import Path

import treatments
from treatments.row import Row


def text(row: Row) -> str:
    def number(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    controls = row.controls_left
    cells = (
        row.damage,
        row.step,
        row.measure,
        number(row.before, ".2f"),
        number(row.after, ".2f"),
        number(row.harm_share, ".4%"),
        number(row.precision, ".3f"),
        number(row.recall, ".3f"),
        "" if controls is None else f"{controls[0]:.0%} of {controls[1]}",
        str(row.pictures),
        "" if row.cost is None else f"{row.cost[0]:.2f} s, {row.cost[1]:.0f} MB",
        row.note,
    )
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "damage", "step", "measure", "before", "after", "harm", "precision", "recall", "controls left",
    "pictures", "a megapixel", "note",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the picture sets")
    parser.add_argument("--number", type=int, default=20, help="pictures for each line")
    parser.add_argument("--only", nargs="*", default=(), help="families by name")
    options = parser.parse_args()
    known = [m.name for m in pkgutil.iter_modules(treatments.__path__) if m.name != "row"]
    for name in options.only:
        if name not in known:
            parser.error(f"there is no family `{name}`; known: {', '.join(known)}")
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD), flush=True)
    for name in options.only or known:
        family = importlib.import_module(f"treatments.{name}")
        for row in family.rows(options.data, options.number):
            print(text(row), flush=True)


if __name__ == "__main__":
    main()
