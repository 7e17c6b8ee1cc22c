"""The finished film: put together, with its record, its hashes and its list of repairs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unfade.errors import OutputError, UsageError
from unfade.files.places.local import check_target, fresh_file, write_atomically
from unfade.files.sidecar import record_path, write_record
from unfade.film import mux, sequence
from unfade.film.cadence import Cadence
from unfade.film.facts import Film
from unfade.film.plan import Plan, to_record
from unfade.film.repairs import Repair, read_list, write_list, write_readable
from unfade.recipe import Recipe
from unfade.record import Record, StepRecord
from unfade.steps import step_of
from unfade.version import VERSION

if TYPE_CHECKING:
    from unfade.film.segments import Output, Work


DELIVERING = "delivering"


def was_interrupted(target: Path) -> bool:
    """Whether a film lies at ``target`` whose delivery was cut off: it may be delivered again."""
    folder = target.with_name(f".{target.name.replace('%', '_')}.unfade-work")
    return any(folder.glob(f"**/{DELIVERING}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFilm:
    """Where a film and what belongs to it now lie."""

    output: Path
    record_file: Path
    record: Record
    hashes_file: Path | None
    repairs_file: Path | None
    readable_file: Path | None


@dataclass(slots=True, kw_only=True, eq=False)
class FilmResult:
    """A restored film whose pieces are made; ``save`` puts it together.

    Attributes:
        film: what was restored
        recipe, reasons, policy: what was done, and why
        plan: what was decided for all frames
        cadence: the evidence about fields and repeats
        lost: what the output cannot hold, as was allowed
        options: how it was read and written, so that it can be made again
    """

    film: Film
    recipe: Recipe
    reasons: dict[str, str]
    policy: str
    plan: Plan
    work: Work
    output: Output
    cadence: Cadence
    lost: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    steady_facts: dict[str, Any] = field(default_factory=dict)
    temporary: Path | None = None

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The ledger's line of each segment."""
        found = [self.work.ledger.done(name) for name, _, _ in self.work.segments()]
        return [line for line in found if line is not None]

    @property
    def repairs(self) -> Iterator[Repair]:
        """The list of repairs, read from the pieces; numbers count from 1."""
        number = 0
        for line in self.lines:
            if not line["repairs"]:
                continue
            for repair in read_list(self.work.ledger.folder / f"{line['name']}.repairs.parquet"):
                if self.plan.rebuilt is None:
                    number += 1
                    repair.number = number
                yield repair

    @property
    def events(self) -> list[dict[str, Any]]:
        """Damage that was met and concealed, and frames that were not judged."""
        return [event for line in self.lines for event in (*line["events"], *(
            {"frame": n["frame"], "kind": "not judged", "says": n["says"]} for n in line["notes"]
        ))]  # fmt: skip

    @property
    def changed(self) -> bool:
        return not self.plan.is_identity

    @property
    def times(self) -> np.ndarray:
        """Time of each frame that was made, in the film's time base."""
        first, end = self.work.span
        return self.film.times[first:end]

    @property
    def record(self) -> Record:
        """What was done, as plain data."""
        shots = self.plan.shots
        counts: dict[str, int] = {}
        area: dict[str, int] = {}
        for repair in self.repairs:
            counts[repair.step] = counts.get(repair.step, 0) + 1
            area[repair.step] = area.get(repair.step, 0) + repair.area_px
        first, end = self.work.span
        pixels = max(1, (end - first) * self.film.rows * self.film.cols)
        everywhere = 1.0
        steps = []
        for settings in self.recipe.steps:
            if settings.neutral:
                continue
            step = step_of(settings)
            is_local = step.name in ("mend_frames", "remove_dirt", "remove_lines")
            measured = to_record(self.plan, step.name)
            if is_local:
                measured["repairs"] = counts.get(step.name, 0)
            steps.append(
                StepRecord(
                    step=step.name,
                    settings=settings.to_dict(),
                    reason=self.reasons.get(step.name, ""),
                    evidence=int(step.evidence),
                    measured=measured,
                    model=self._model(settings),
                    changed_share=area.get(step.name, 0) / pixels if is_local else everywhere,
                )
            )
        facts: dict[str, Any] = {
            "cadence": self.cadence.to_dict(),
            "shots": [list(s) for s in shots],
        }
        if self.steady_facts:
            facts["measured for each shot"] = self.steady_facts
        if warping := self.warping():
            facts["warping_error"] = warping
        whole = any(not _is_local(s.step) for s in steps)
        return Record(
            unfade=VERSION,
            source=self._source(),
            recipe=self.recipe.to_text(),
            recipe_sha256=self.recipe.sha256,
            policy=self.policy,
            steps=tuple(steps),
            findings={"film": facts, "events": self.events},
            warnings=(*self.film.notes, *(f"Left out: {what}." for what in self.lost)),
            changed_share=1.0 if whole else sum(s.changed_share for s in steps),
        )

    def warping(self) -> dict[str, float]:
        """Mean warping error, in squared codes of 255: frame by frame, and steady.

        The same of the colours alone, where colours were made up.
        """
        rows = [row for line in self.lines for row in line.get("measured", {}).get("warping", [])]
        if not rows:
            return {}
        names = ("frame_by_frame", "steady", "colours_frame_by_frame", "colours_steady")
        means = np.mean([row[1:] for row in rows], axis=0)
        return {name: round(float(mean), 4) for name, mean in zip(names, means)}

    def save(self, target: str | os.PathLike[str], *, overwrite: bool = False) -> SavedFilm:
        """Put the film together under its name; whole or not at all.

        Raises:
            OutputError: it cannot be written, or exists and ``overwrite`` is False
            WouldLose: the container cannot hold a stream
            PromiseBroken: what was written is not what was to be written
        """
        target = Path(target)
        if self.work.delivery.pictures:
            return self._save_pictures(target)
        from unfade.film.writer import CODECS

        if target.suffix.lower() not in CODECS[self.work.delivery.codec]["suffixes"]:
            raise UsageError(
                f"`{target.name}`: {self.work.delivery.codec} is written to "
                f"{', '.join(CODECS[self.work.delivery.codec]['suffixes'])}.",
                "Choose another name, or another `access` codec.",
            )
        check_target(target, overwrite, self.film.path if not self.film.files else None)
        lost = mux.losses(self.film, target, pictures=False)
        mux.check_losses([x for x in lost if x not in self.lost], target, False)
        folder = self.work.ledger.folder
        pieces = [folder / f"{name}.mkv" for name, _, _ in self.work.segments()]
        whole = folder / f"whole.partial{target.suffix}"
        notes = mux.assemble(
            self.film, pieces, self.times, whole, intra=self.work.delivery.intra,
            shape=(self.output.rows, self.output.cols, self.output.colour.sample_aspect),
            span_s=self._span_s(),
        )  # fmt: skip
        (folder / DELIVERING).touch()  # a kill from here on leaves a film whose papers may lack
        with fresh_file(target, overwrite=overwrite) as name:
            os.replace(whole, name)
        return self._beside(target, notes)

    def discard(self) -> None:
        """Take the pieces away."""
        if self.temporary is not None:
            shutil.rmtree(self.temporary, ignore_errors=True)
        else:
            self.work.ledger.remove(last=DELIVERING)
            parent = self.work.ledger.folder.parent
            for folder in (parent, parent.parent):  # ours, once nothing is in them any more
                if ".unfade-work" in folder.name and folder.exists() and not any(folder.iterdir()):
                    folder.rmdir()

    def _save_pictures(self, pattern: Path) -> SavedFilm:
        first = self.work.span[0]
        for line in self.lines:
            for number in (line["first"], line["end"] - 1):
                if pattern.with_name(pattern.name % number).exists():
                    raise OutputError(
                        f"`{pattern.with_name(pattern.name % number)}` exists already.",
                        "Choose an empty folder with `--output`.",
                    )
        folders = [self.work.ledger.folder / name for name, _, _ in self.work.segments()]
        notes: list[str] = []
        sound = pattern.with_name("streams.mka")
        pattern.parent.mkdir(parents=True, exist_ok=True)
        if self._span_s() is None and mux.copy_others(self.film, sound):
            notes.append(f"Sound and subtitles are copied into {sound.name}.")
        sequence.deliver(folders, pattern, first)
        base = pattern.with_name(pattern.name.replace("%", "_"))
        return self._beside(base, notes)

    def _beside(self, target: Path, notes: list[str]) -> SavedFilm:
        record = self.record
        output: dict[str, Any] = {
            "name": target.name,
            "rows": self.output.rows,
            "cols": self.output.cols,
            "frames": len(self.times),
            "first_frame": self.work.span[0],
            "pixel_format": self.output.layout.name,
            "codec": self.work.delivery.codec,
            "lossless": self.work.delivery.lossless,
            "options": self.options,
        }
        if target.exists():
            output |= {"bytes": target.stat().st_size}
        source = dict(record.source)
        source["path"] = os.path.relpath(self.film.path, target.parent)
        record = replace(record, output=output, source=source, warnings=(*record.warnings, *notes))
        hashes = None
        if self.work.delivery.lossless and not self.work.delivery.pictures:
            hashes = target.with_name(target.name + ".framehash")
            write_atomically(hashes, self._write_hashes, overwrite=True)
        list_file = readable = None
        if self.plan.rebuilt is not None or any(_is_local(s.step) for s in record.steps):
            list_file = target.with_name(target.name + ".repairs.parquet")
            about = {"bits": str(self.film.layout.bits), "film": self.film.path.name}
            write_atomically(
                list_file, lambda path: write_list(path, self.repairs, about), overwrite=True
            )
            readable = target.with_name(target.name + ".repairs.jsonl")
            write_atomically(
                readable, lambda path: write_readable(path, self.repairs), overwrite=True
            )
        write_record(target, record, overwrite=True)
        return SavedFilm(
            output=target,
            record_file=record_path(target),
            record=record,
            hashes_file=hashes,
            repairs_file=list_file,
            readable_file=readable,
        )

    def _write_hashes(self, path: Path) -> None:
        """One line a frame, in the form of ``ffmpeg -f framehash``."""
        base = self.film.time_base
        with path.open("w", encoding="ascii") as file:
            file.write("#format: frame checksums\n#version: 2\n#hash: SHA256\n")
            file.write(f"#software: unfade {VERSION}\n")
            file.write(f"#tb 0: {base.numerator}/{base.denominator}\n#media_type 0: video\n")
            file.write("#codec_id 0: rawvideo\n")
            file.write(f"#dimensions 0: {self.output.cols}x{self.output.rows}\n")
            file.write(f"#sar 0: {self.output.colour.sample_aspect}\n")
            file.write("#stream#, dts,        pts, duration,     size, hash\n")
            times = self.film.times
            for index, size, digest in self._hashes():
                now = int(times[index])
                after = int(times[index + 1]) if index + 1 < len(times) else now
                file.write(f"0, {now:10d}, {now:10d}, {after - now:8d}, {size:8d}, {digest}\n")

    def _hashes(self) -> Iterator[tuple[int, int, str]]:
        """Frame, bytes and hash of each frame that was written."""
        for line in self.lines:
            path = self.work.ledger.folder / f"{line['name']}.hashes.jsonl"
            with path.open(encoding="ascii") as rows:
                yield from map(json.loads, rows)

    def _span_s(self) -> tuple[float, float] | None:
        first, end = self.work.span
        if (first, end) == (0, self.film.frames):
            return None
        stop = self.film.time_s(end) if end < self.film.frames else float("inf")
        return self.film.time_s(first), stop

    def _source(self) -> dict[str, Any]:
        from unfade.film.identity import film_sha256

        paths = list(self.film.files) or [self.film.path]
        return {
            "name": self.film.path.name,
            "format": "film",
            "bytes": sum(p.stat().st_size for p in paths),
            "sha256": film_sha256(paths),
            **self.film.to_dict(),
        }

    def _model(self, settings: Any) -> dict[str, Any] | None:
        step = step_of(settings)
        name = step.network(settings)
        if name is None:
            return None
        engine = self.work.bench.engine(name)
        facts = engine.facts
        return {"name": facts.name, "sha256": facts.sha256, "licence": facts.licence,
                "paper": facts.paper, "runtime": engine.runtime}  # fmt: skip


def _is_local(step: str) -> bool:
    return step in ("mend_frames", "remove_dirt", "remove_lines")


def read_hashes(path: Path) -> list[str]:
    """The hashes of a framehash file, in order."""
    lines = path.read_text(encoding="ascii").splitlines()
    return [line.rsplit(",", 1)[1].strip() for line in lines if line and line[0] != "#"]
