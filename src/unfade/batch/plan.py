"""Planning: what lies in the source, where each result goes, and what cannot be done.

Nothing is read but the listing, and nothing is written but the ledger. Everything that can be
known to fail is named here, before work begins: names that no path can hold, two items with one
target, empty files, a destination inside the source.
"""

from __future__ import annotations

import fnmatch
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unfade.batch.ledger import Chosen, Ledger, Row
from unfade.errors import UsageError
from unfade.files.formats import FORMATS
from unfade.files.places.contract import Entry, Place, path_problem
from unfade.files.places.opening import inside

SIDECARS = (".evidence.png", ".unfade.json")
OWN_FOLDERS = (".unfade/", "unfade-report/")
PICTURES = frozenset(extension for each in FORMATS for extension in each.extensions)
_TAIL_BYTES = max(len(tail) for tail in SIDECARS)
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which names are items.

    Attributes:
        include: patterns (``*`` matches any characters); a pattern without ``/`` is matched with
            the last part of the name. Empty: every picture, by its extension
        exclude: patterns of names to leave out
        everything: without ``include``: whatever the extension, as for copying
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    everything: bool = False

    def takes(self, name: str) -> bool:
        if any(_matches(name, pattern) for pattern in self.exclude):
            return False
        if self.include:
            return any(_matches(name, pattern) for pattern in self.include)
        return self.everything or _extension(name) in PICTURES


@dataclass(slots=True, kw_only=True)
class Plan:
    """What a run is about, in numbers.

    Attributes:
        run: its number in the ledger
        counts: state -> items; ``planned_bytes``: of those to do
        ignored: extension -> files that are no pictures, by their names
        sidecars: records and evidence maps of earlier results, left out
        refused: the first few of what cannot be done, each with its reason
    """

    run: int
    chosen: Chosen = field(default_factory=Chosen)
    counts: dict[str, int] = field(default_factory=dict)
    planned_bytes: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    sidecars: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.counts.values()) - self.counts.get("gone", 0)


def make_plan(
    ledger: Ledger,
    source: Place,
    destination: Place,
    *,
    job: str,
    target_of: Callable[[str], str],
    filter: Filter,
    chosen: Chosen,
    retry_failed: bool = False,
    overwrite: bool = False,
) -> Plan:
    """List the source into the ledger and say what is to be done.

    Args:
        job: hash of the treatment
        target_of: name in the source -> name in the destination
    Raises:
        UsageError: destination and source lie in each other, another treatment's results lie in
            the destination, or the ledger belongs to other places
        UnreadableInput, Unreachable: the source cannot be listed
    """
    check_places(source, destination)
    _check_ledger(ledger, source, destination, job, overwrite)
    plan = Plan(run=int(ledger.fact("runs") or 0) + 1, chosen=chosen)
    fold = folding(destination)
    ledger.plan(_rows(source, destination, filter, target_of, fold, plan), plan.run)
    ledger.keep("runs", plan.run)
    ledger.refuse(_collisions(ledger, plan.run))
    ledger.replan(job=job, failed=retry_failed, overwrite=overwrite)
    plan.counts = ledger.counts(chosen, plan.run)
    plan.planned_bytes = ledger.bytes_of("planned", chosen, plan.run)
    plan.refused = ledger.refused(plan.run, _SHOWN)
    return plan


def check_places(source: Place, destination: Place) -> None:
    """That results cannot reach the originals.

    Raises:
        UsageError: one place lies in the other
    """
    if inside(destination, source):
        raise UsageError(
            f"The destination `{destination.uri}` lies in the source `{source.uri}`, which is "
            "never written to.",
            "Choose a folder or prefix beside it.",
        )
    if inside(source, destination):
        raise UsageError(
            f"The source `{source.uri}` lies in the destination `{destination.uri}`, whose names "
            "could meet its own.",
            "Choose a folder or prefix beside it.",
        )


def folding(destination: Place) -> Callable[[str], str]:
    """What two targets have in common that the destination cannot tell apart."""
    if destination.folder is not None and _folds_case(destination.folder):
        return lambda target: unicodedata.normalize("NFC", target).casefold()
    return lambda target: target


# -- inside -------------------------------------------------------------------------------------


def _rows(
    source: Place,
    destination: Place,
    filter: Filter,
    target_of: Callable[[str], str],
    fold: Callable[[str], str],
    plan: Plan,
) -> Iterator[Row]:
    local = destination.folder is not None
    for entry in _without_sidecars(source.entries(), plan):
        if not filter.takes(entry.name) and not (entry.problem and not entry.size):
            plan.ignored[_extension(entry.name) or "(none)"] += 1
            continue
        target = target_of(entry.name)
        problem = entry.problem or (path_problem(target, _TAIL_BYTES) if local else "")
        if not problem and entry.size == 0 and not filter.everything:
            problem = "it is empty, 0 bytes; copy it again from its source"
        name, target = _writable(entry.name), _writable(target)
        row = Row(
            name=name, target=target, fold=fold(target), size=entry.size, version=entry.version
        )
        if problem:
            row = Row(
                name=name,
                target=target,
                # a refused item claims no target of another
                fold=f"refused:{name}",
                size=entry.size,
                version=entry.version,
                state="refused",
                error_code="unsupported-input" if entry.size else "unreadable-input",
                error=f"`{name}` cannot be treated: {problem}.",
            )
        yield row


def _without_sidecars(entries: Iterable[Entry], plan: Plan) -> Iterator[Entry]:
    """Leave out what unfade wrote beside earlier results, and its own folders."""
    folder, seen = "", set[str]()
    for entry in entries:
        if entry.name.startswith(OWN_FOLDERS):
            continue
        here = entry.name.rpartition("/")[0]
        if here != folder:
            folder, seen = here, set()
        seen.add(entry.name)
        base = next((entry.name.removesuffix(t) for t in SIDECARS if entry.name.endswith(t)), "")
        if base in seen:  # names come in order: the picture before its sidecars
            plan.sidecars += 1
            continue
        yield entry


def _collisions(ledger: Ledger, run: int) -> Iterator[tuple[str, str, str]]:
    groups: dict[str, list[str]] = {}
    for name, fold in list(ledger.collisions(run)):
        groups.setdefault(fold, []).append(name)
    for names in groups.values():
        for name in names:
            other = next(each for each in names if each != name)
            yield (
                name,
                "usage-error",
                f"`{name}` and `{other}` would both be written to one place. Rename one, or "
                "treat them into different destinations.",
            )


def _check_ledger(
    ledger: Ledger, source: Place, destination: Place, job: str, overwrite: bool
) -> None:
    places = [source.uri, destination.uri]
    kept = ledger.fact("places")
    if kept is not None and kept != places:
        raise UsageError(
            f"The ledger `{ledger.address}` is of `{kept[0]}` to `{kept[1]}`.",
            "Give this batch a ledger of its own with `--ledger`.",
        )
    ledger.keep("places", places)
    others = ledger.others(job)
    if others and not overwrite:
        raise UsageError(
            f"{others} items in `{destination.uri}` were done by another recipe, other settings "
            "or another version of unfade.",
            "Choose another destination, or replace them with `--overwrite`.",
        )


def _matches(name: str, pattern: str) -> bool:
    whole = name if "/" in pattern else name.rpartition("/")[2]
    return fnmatch.fnmatchcase(whole, pattern)


def _extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _writable(name: str) -> str:
    """A name that a database and a report can hold, whatever bytes it has."""
    return name.encode("utf-8", "backslashreplace").decode()


def _folds_case(folder: Path) -> bool:
    """Whether the file system takes ``a.tif`` and ``A.TIF`` for one name."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    for part in (place, *place.parents):
        other = part.with_name(part.name.swapcase()) if part.name else part
        if part.name.swapcase() != part.name:
            return other.exists() and other.samefile(part)
    return False
