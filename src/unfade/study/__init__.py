"""The study: a data set x damage x methods, measured, in one table with its own controls.

    spec        what is to be studied: read from TOML or given as options
    pictures    the data set, damaged pictures and peers' results: files by name
    damage      a sound picture becomes a damaged one, with the truth about where
    methods     recipes, fills, networks, folders of a peer's results, negative controls
    cell        one picture under one damage by every method: the unit of work
    cache       figures kept by what they were made from, so that a run can be taken up again
    inputs      damaged pictures as files, for a peer
    run         all cells on all cores; what fails is named and the rest goes on
    table       the tidy table; means with bootstrap intervals
    controls    whether the benchmark can tell harm from no harm at all
    charts, contact, page     pictures of it: plots, crops at 100 %, one page

    >>> from unfade.study import Study, run_study
    >>> outcome = run_study(Study(data="photos", damage=("old-photo",), methods=("auto",)),
    ...                     output="study")                                   # doctest: +SKIP

Importing this package imports none of pandas, matplotlib and PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unfade.study.run import Outcome, run_study
    from unfade.study.spec import Study, load_study

_HOMES = {
    "Outcome": "unfade.study.run",
    "Study": "unfade.study.spec",
    "load_study": "unfade.study.spec",
    "run_study": "unfade.study.run",
}

__all__ = ["Outcome", "Study", "load_study", "run_study"]


def __getattr__(name: str) -> Any:
    """Loaded when first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'unfade.study' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
