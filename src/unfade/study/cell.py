"""One picture under one damage, by every method: the unit of work of a study."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from unfade.condition import look_at
from unfade.engines.bench import Bench
from unfade.errors import UnfadeError, UnreadableInput
from unfade.evaluate.display import image_bytes, shown
from unfade.evaluate.found import score_mask
from unfade.evaluate.metrics import Case, Metric, find_metrics, measure
from unfade.evaluate.panels import most_changed
from unfade.picture import Picture
from unfade.study.cache import Cache, key_of
from unfade.study.damage import Damage, Damaged, damaged, seed_for
from unfade.study.methods import CONTROLS, Made, Method, carry_out, found_mask, print_of_file
from unfade.study.pictures import Problem, check_finite, matched, read

CROP_PX = 192
FOUND = ("found_precision", "found_recall", "found_f1", "found_iou")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One picture, one damage, all methods; plain data.

    Attributes:
        peers: label of a method that is a folder -> its file for this picture and damage; None
            when it has none
        cache: folder of kept figures
        keep: folder for whole results, or empty
    """

    name: str
    path: Path
    damage: Damage
    methods: tuple[Method, ...]
    metrics: tuple[str, ...]
    seed: int
    side_px: int
    peers: Mapping[str, Path | None]
    cache: Path
    keep: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Rows of the table, and what went wrong."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def carry_out_task(task: Task) -> Done:
    """Damage a picture, give it to each method, measure; what fails costs only itself."""
    done = Done()
    try:
        picture_print = print_of_file(task.path)
        seed = seed_for(task.seed, picture_print, task.damage)
        work = _Work(task, picture_print, seed)
    except (UnfadeError, OSError) as error:
        done.problems.append(_problem(task, "", error))
        return done
    for method in task.methods:
        try:
            done.rows.append(work.row(method))
        # a method under study may raise anything at all; it is named and the study goes on
        except Exception as error:
            done.problems.append(_problem(task, "" if work.given_failed else method.label, error))
            if work.given_failed:
                break
    return done


class _Work:
    """The state of one task: pictures are only read when a figure is not kept yet."""

    def __init__(self, task: Task, picture_print: str, seed: int) -> None:
        self.task, self.picture_print, self.seed = task, picture_print, seed
        self.cache = Cache(task.cache)
        self.given_failed = False
        self._reference: Picture | None = None
        self._given: Damaged | None = None

    def row(self, method: Method) -> Row:
        task = self.task
        peer = task.peers.get(method.label)
        if method.family == "folder" and peer is None:
            raise UnreadableInput(
                f"`{method.label}` has no result for `{task.name}` under `{task.damage.label}`.",
                "Add it, or leave the picture out.",
            )
        key = self._key(method, peer)
        kept = self.cache.load(key) or {}
        figures: dict[str, Any] = kept.get("figures", {})
        missing = [m for m in find_metrics(task.metrics) if not _holds(figures, m)]
        if missing or not kept or (task.keep and not self._kept(method).exists()):
            kept, crop = self._measured(method, peer, figures, [m.name for m in missing], kept)
            self.cache.store(key, kept, crop)
        return {
            "picture": task.name,
            "damage": task.damage.label,
            "method": method.label,
            "family": method.family,
            "seed": self.seed,
            "rows": kept["rows"],
            "cols": kept["cols"],
            "channels": kept["channels"],
            "seconds": kept["seconds"],
            **{c.name: _number(kept["figures"][c.name]) for m in find_metrics(task.metrics)
               for c in m.columns},
            **{name: _number(kept["found"].get(name)) for name in FOUND},
            "key": key,
        }  # fmt: skip

    def _key(self, method: Method, peer: Path | None) -> str:
        damage = self.task.damage
        given = damage.print
        if damage.kind == "folder":
            given = _folder_print(damage, self.task.name)
        return key_of(
            picture=self.picture_print,
            side_px=self.task.side_px,
            damage=[damage.kind, given],
            seed=self.seed if damage.kind == "recipe" else 0,
            method=[method.family, method.print, print_of_file(peer) if peer else ""],
        )

    def _measured(
        self,
        method: Method,
        peer: Path | None,
        figures: dict[str, Any],
        missing: list[str],
        kept: dict[str, Any],
    ) -> tuple[dict[str, Any], bytes]:
        reference, given = self._pictures()
        started = time.perf_counter()
        if peer is not None:
            made = Made(picture=read(peer))
        else:
            made = carry_out(method, given, _bench())
        seconds = time.perf_counter() - started
        check_finite(made.picture, method.label)
        restored = matched(made.picture, reference, peer.name if peer else method.label)
        case = Case(
            reference=reference.pixels,
            damaged=given.picture.pixels,
            restored=restored,
            mask=given.mask,
            faces=self._faces() if "identity" in missing else (),
        )
        fresh = {name: _text(value) for name, value in measure(case, missing).items()}
        found: dict[str, Any] = {}
        if made.evidence is not None and given.mask is not None and given.mask.any():
            score = score_mask(found_mask(made.evidence), given.mask)
            found = dict(
                zip(FOUND, (score.precision, score.recall, score.f1, score.iou), strict=True)
            )
        result = Picture.of(restored, like=reference)
        if self.task.keep:
            self._keep(method, result)
        stored = {
            "figures": figures | fresh,
            "found": found,
            "rows": reference.rows,
            "cols": reference.cols,
            "channels": reference.channels,
            "seconds": kept.get("seconds", round(seconds, 4)),
        }
        return stored, self._crop(result)

    def _pictures(self) -> tuple[Picture, Damaged]:
        """The sound and the damaged picture; their crops are kept beside the figures."""
        if self._reference is None or self._given is None:
            task = self.task
            self.given_failed = True
            self._reference = read(task.path, task.side_px)
            self._given = damaged(self._reference, task.name, task.damage, self.seed, task.side_px)
            self.given_failed = False
            keys = crop_keys(task, self.picture_print, self.seed)
            for key, picture in zip(keys, (self._reference, self._given.picture), strict=True):
                self.cache.store(key, {}, self._crop(picture))
        return self._reference, self._given

    def _crop(self, picture: Picture) -> bytes:
        """The same place of every picture of this cell: where the damage is worst."""
        assert self._reference is not None
        assert self._given is not None
        change = np.abs(self._given.picture.pixels - self._reference.pixels).max(axis=2)
        if not change.any():  # a sound picture: where there is most to be spoiled
            change = np.abs(np.diff(self._reference.pixels[:, :, 0], axis=1))
        rows, cols = most_changed(change, CROP_PX)
        cut = picture.samples[rows, cols]
        piece = Picture(
            cut, full_scale=picture.full_scale, encoding=picture.encoding, icc=picture.icc
        )
        return image_bytes(shown(piece, *cut.shape[:2]), "png")

    def _faces(self) -> tuple[object, ...]:
        assert self._reference is not None
        faces = look_at(self._reference, _bench(), only=["faces"]).faces
        return tuple(face.window for face in faces.faces) if faces else ()

    def _kept(self, method: Method) -> Path:
        return (
            Path(self.task.keep) / self.task.damage.label / method.label / f"{self.task.name}.png"
        )

    def _keep(self, method: Method, picture: Picture) -> None:
        write_png(self._kept(method), picture)


def crop_keys(task: Task, picture_print: str, seed: int) -> tuple[str, str]:
    """Keys of the crops of the sound and of the damaged picture of a cell."""
    parts = {"picture": picture_print, "side_px": task.side_px, "seed": seed}
    parts |= {"damage": [task.damage.label, task.damage.print]}
    return key_of(what="reference", **parts), key_of(what="damaged", **parts)


def write_png(path: Path, picture: Picture) -> None:
    """A picture as PNG in its own depth; float as 16 bits."""
    from unfade.files.formats.png_encode import encode
    from unfade.picture import pixels_to_codes

    samples = picture.samples
    if samples.dtype == np.float32:
        samples = pixels_to_codes(picture.pixels, np.dtype(np.uint16), 65535.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(samples, [], []))


@cache
def _bench() -> Bench:
    """This process's own bench: one thread, because every core has a process."""
    return Bench(threads=1)


@cache
def _folder_print(damage: Damage, name: str) -> str:
    from unfade.study.pictures import by_name

    prints = []
    for folder in (Path(damage.where), Path(damage.where) / "masks"):
        path = by_name(folder).get(name) if folder.is_dir() else None
        prints.append(print_of_file(path) if path else "")
    return "/".join(prints)


def _problem(task: Task, method: str, error: BaseException) -> Problem:
    message = str(error) if isinstance(error, UnfadeError) else f"{type(error).__name__}: {error}"
    return Problem(picture=task.name, damage=task.damage.label, method=method, message=message)


def _holds(figures: Mapping[str, Any], metric: Metric) -> bool:
    return all(column.name in figures for column in metric.columns)


def _text(value: float) -> float | str:
    """JSON has no infinity."""
    return value if math.isfinite(value) else str(value)


def _number(value: float | str | None) -> float:
    return math.nan if value is None else float(value)


__all__ = ["CONTROLS", "Done", "Row", "Task", "carry_out_task", "crop_keys", "write_png"]
