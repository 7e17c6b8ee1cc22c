"""The treatment: the one hand that composes what steps propose, and checks what they promise.

Steps return proposals in float; only here do samples change, in the file's own integer type.
From that follows, on every run: outside the evidence map the samples are bit-identical to the
original's; every change has a class; every local repair is a numbered item that can be left out.

A large picture is never held as float: tonal and texture steps walk a fixed grid of tiles laid
from the origin, local steps work on windows around marks. The walk belongs to the picture, not
to the machine, so bits depend neither on memory nor on threads.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from unfade.condition import look_at
from unfade.engines.contract import BenchView
from unfade.errors import NoSuchNetwork, PromiseBroken, SettingsError, UsageError, nearest
from unfade.findings import Findings, Mark, paint
from unfade.picture import EvidenceMap, Mask, Picture, Window, pixels_to_codes
from unfade.pixels.grey_to_rgb import in_colour
from unfade.pixels.marked import damage_of, inside, work_windows
from unfade.pixels.profile import from_linear, to_linear
from unfade.pixels.render import rendering_of
from unfade.pixels.room import copied, room_for
from unfade.pixels.tiles import Grid, Tile
from unfade.record import Evidence, Item, StepRecord
from unfade.steps import Kind, Look, Settings, Step, step_of

BYTES_A_PIXEL = 200  # peak of a classical step for each pixel of a tile, generously


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Treated:
    """What came out of a treatment.

    Attributes:
        picture: the result; the very same object as the input when nothing changed
        evidence: (rows, cols) uint8 classes of ``Evidence`` for the result
        steps: what was done
    """

    picture: Picture
    evidence: EvidenceMap
    steps: tuple[StepRecord, ...]
    untouched_sha256: str

    @property
    def changed(self) -> bool:
        return bool(self.evidence.any())


def treat(
    picture: Picture,
    steps: Collection[Settings],
    *,
    findings: Findings,
    bench: BenchView,
    mask: Mask | None = None,
    protect: Mask | None = None,
    rejected: Collection[str] = (),
    reasons: dict[str, str] | None = None,
) -> Treated:
    """Carry out a recipe's steps on a picture.

    Args:
        findings: what was found in this very picture; ``marks`` may hold the user's own
        mask: (rows, cols) bool: change nothing outside it; None: anywhere
        protect: (rows, cols) bool: change nothing inside it
        rejected: keys of marks that must be left as they are
        reasons: step name -> why it is done, for the record
    Returns:
        the treated picture with its evidence map and the record of each step
    Raises:
        PromiseBroken: a step proposed something it may not: a bug, and no result
        ModelMissing: a network that a step needs is not here; raised before any pixel changes
    Cost:
        one working copy of the samples, one byte a pixel of evidence, and the tiles under way
    """
    hand = _Hand(picture, findings, bench, _allowed(mask, protect), frozenset(rejected))
    order = [(step_of(settings), settings) for settings in steps]
    for step, _ in order:
        if step.kind is Kind.TEMPORAL:
            raise UsageError(
                f"`{step.name}` needs the frames before and after; this is one picture.",
                "Take the step out, or restore the film as a whole.",
            )
    for step, settings in order:  # everything that can be missing is missed before work begins
        if not settings.neutral:
            open_network(step, settings, bench)
    done = [
        hand.carry_out(step, settings, (reasons or {}).get(step.name, ""))
        for step, settings in order
        if not settings.neutral
    ]
    return hand.finish(picture, tuple(done))


def open_network(step: Step, settings: Settings, bench: BenchView) -> None:
    """Open the network that a step needs, if any, and see that it is of the right kind.

    Raises:
        SettingsError: ``method`` names neither one of the step's methods nor a network
        ModelMissing: its weights or its runtime are not here
    """
    name = step.network(settings)
    if name is None:
        return
    try:
        bench.engine(name)
    except NoSuchNetwork as error:
        choices = [c for f in fields(settings) for c in f.metadata["choices"]]
        method = getattr(settings, "method", name)
        raise SettingsError(
            f"`{step.name}` has no method `{name}`, and no network of this name was added."
            if name == method
            else f"The method `{method}` of `{step.name}` needs the network `{name}`, which is "
            "not shipped.",
            f"{nearest(name, choices)} See `unfade models list`."
            if name == method
            else f"Add its checkpoint with `unfade models add FILE --name {name}`.",
        ) from error


def _allowed(mask: Mask | None, protect: Mask | None) -> Mask | None:
    if protect is None:
        return mask
    return ~protect if mask is None else mask & ~protect


class _Hand:
    """The state of one treatment: the working samples and where they came from."""

    def __init__(
        self,
        picture: Picture,
        findings: Findings,
        bench: BenchView,
        allowed: Mask | None,
        rejected: frozenset[str],
    ) -> None:
        self.picture = picture
        self.findings = findings
        self.bench = bench
        self.allowed = allowed
        self.rejected = rejected
        self.evidence = room_for((picture.rows, picture.cols), np.uint8, zeros=True)
        self.owns_samples = False
        self.items = 0
        self.drawn: Mask | None = None  # hatched or toned repairs: no later fill is made from them

    # -- one step ---------------------------------------------------------------------------

    def carry_out(self, step: Step, settings: Settings, reason: str) -> StepRecord:
        self._look_again(step)
        if step.colours:
            self.picture = in_colour(self.picture)
        measured = None
        if step.measure is not None:
            measured = step.measure(self.picture, settings, self.findings, self.bench)
        items: tuple[Item, ...] = ()
        if step.kind is Kind.LOCAL:
            changed, items = self._local(step, settings, measured)
        elif step.kind is Kind.GEOMETRY:
            changed = self._geometry(step, settings)
        elif step.stream is not None and step.network(settings) is not None:
            changed = self._streamed(step, settings)
        else:
            changed = self._everywhere(step, settings, measured)
        return StepRecord(
            step=step.name,
            settings=settings.to_dict(),
            reason=reason,
            evidence=int(self._evidence(step, settings)),
            measured=(measured.to_dict() if measured is not None else {}) | self._shown(settings),
            model=self._model(step, settings),
            changed_share=changed / (self.picture.rows * self.picture.cols),
            items=items,
        )

    def _look_again(self, step: Step) -> None:
        """Findings that the step needs and nobody has looked for on the picture as it stands."""
        missing = [name for name in step.looks_at if getattr(self.findings, name) is None]
        if missing:
            seen = look_at(self.picture, self.bench, only=missing)
            self.findings = replace(
                self.findings, **{name: getattr(seen, name) for name in missing}
            )

    def _shown(self, settings: Settings) -> dict[str, Any]:
        rendering = rendering_of(settings, self.picture)
        return {} if rendering is None else {"render": rendering.to_dict()}

    def _model(self, step: Step, settings: Settings) -> dict[str, Any] | None:
        name = step.network(settings)
        if name is None:
            return None
        engine = self.bench.engine(name)
        facts = engine.facts
        model = {
            "name": facts.name,
            "sha256": facts.sha256,
            "licence": facts.licence,
            "paper": facts.paper,
            "runtime": engine.runtime,
        }
        notes = list(getattr(engine, "notes", ()))
        return model | {"notes": notes} if notes else model

    def _evidence(self, step: Step, settings: Settings) -> Evidence:
        """The class of what a step makes: its own, or the network's when that makes more up."""
        name = step.network(settings)
        own = step.evidence_of(settings)
        if name is None or step.kind in (Kind.LOCAL, Kind.GEOMETRY):
            return own
        return max(own, Evidence(self.bench.engine(name).facts.evidence))

    # -- local steps ------------------------------------------------------------------------

    def _local(self, step: Step, settings: Settings, measured: Any) -> tuple[int, tuple[Item, ...]]:
        assert step.regions is not None
        assert step.propose is not None
        marks = sorted(
            inside(step.regions(self.findings, settings), self.picture.window),
            key=lambda mark: (mark.region.window, mark.key),
        )
        known = self.findings.marks.items if self.findings.marks is not None else ()
        whole = self.picture.window
        damage = damage_of((*inside(known, whole), *marks), self.picture)
        rendering = rendering_of(settings, self.picture)
        if self.drawn is not None:
            damage |= self.drawn
        made = [mark for mark in marks if mark.key not in self.rejected]
        tones = {m.key: rendering.tone(self.picture, m, damage) for m in made} if rendering else {}
        halo = step.halo_px(settings)
        tasks: list[tuple[Mark, Window, int]] = []
        for mark in made:
            if step.one_piece(mark, settings):
                core = mark.region.window
                tasks.append((mark, core, max(halo, max(core.rows, core.cols) // 2)))
            else:
                tasks += [(mark, core, halo) for core in work_windows(mark)]

        def propose(task: tuple[Mark, Window, int]) -> tuple[Window, Mask, np.ndarray, Mask]:
            mark, core, margin = task
            window = core.grown(margin, self.picture.rows, self.picture.cols)
            here = paint((mark,), core)
            if self.allowed is not None:
                here &= self.allowed[core.slices]
            pixels = self._read(step, window)
            hole = damage[window.slices] if step.fills else paint((mark,), window)
            if (step.fills and hole.all()) or not here.any():
                nothing = np.zeros_like(here)
                return core, nothing, self.picture.samples[:0, 0], nothing
            proposal = step.propose(  # type: ignore[misc]  # checked above
                Look(pixels, window, hole, self.findings, measured, mark), settings
            )
            fill = self._checked(step, proposal.pixels, window)[core.within(window)]
            drawn = np.zeros_like(here)
            if rendering is not None:
                filled = proposal.fill
                drawn = here if filled is None else here & filled[core.within(window)]
                light = step.encoding == "linear"
                shown = rendering.shown(fill, core, self.picture, light, tones.get(mark.key))
                fill = np.where(drawn[:, :, None], shown, fill)
            return core, here, self._codes(step, fill[here][:, None])[:, 0], drawn

        sides = [(core.rows + 2 * m) * (core.cols + 2 * m) for _, core, m in tasks]
        largest = max(sides, default=0)
        proposals = list(
            self.bench.map(
                propose,
                tasks,
                says=step.title,
                total=len(tasks),
                bytes_each=largest * BYTES_A_PIXEL,
            )
        )
        changed = 0
        touched: set[str] = set()
        for (mark, _, _), (core, here, codes, drawn) in zip(tasks, proposals, strict=True):
            if here.any():
                touched.add(mark.key)
                changed += self._write(core, here, codes, step.evidence_for(mark, settings))
                if drawn.any():
                    if self.drawn is None:
                        self.drawn = room_for(self.evidence.shape, bool, zeros=True)
                    self.drawn[core.slices] |= drawn
        return changed, tuple(self._item(mark, mark.key in touched) for mark in marks)

    def _item(self, mark: Mark, made: bool) -> Item:
        self.items += 1
        w = mark.region.window
        return Item(
            number=self.items,
            key=mark.key,
            kind=str(mark.kind),
            box=(w.top, w.left, w.rows, w.cols),
            area_px=mark.region.area_px,
            confidence=round(mark.confidence, 4),
            made=made,
        )

    # -- tonal, chroma and texture steps ----------------------------------------------------

    def _everywhere(self, step: Step, settings: Settings, measured: Any) -> int:
        assert step.propose is not None
        picture = self.picture
        halo = step.halo_px(settings)
        grid = Grid(halo_px=halo)

        def propose(tile: Tile) -> tuple[Window, np.ndarray]:
            pixels = self._read(step, tile.padded)
            before = pixels[tile.inner].copy()
            proposal = step.propose(  # type: ignore[misc]  # checked above
                Look(pixels, tile.padded, None, self.findings, measured), settings
            )
            after = self._checked(step, proposal.pixels, tile.padded)[tile.inner]
            stored = self.picture.samples[tile.core.slices]
            return tile.core, np.where(after == before, stored, self._codes(step, after))

        # Neighbours still have to read a tile's samples as they were, so a tile is written only
        # when the last tile whose halo reaches into it has come back; results come in order.
        reach = -(-halo // grid.core_px)
        delay = reach * (-(-picture.cols // grid.core_px) + 1)
        side = grid.core_px + 2 * halo
        waiting: deque[tuple[Window, np.ndarray]] = deque()
        changed = 0
        for result in self.bench.map(
            propose,
            grid.tiles(picture.rows, picture.cols),
            says=step.title,
            total=grid.count(picture.rows, picture.cols),
            bytes_each=side * side * BYTES_A_PIXEL,
        ):
            waiting.append(result)
            if len(waiting) > delay:
                changed += self._write_tile(*waiting.popleft(), step.evidence_of(settings))
        for core, codes in waiting:
            changed += self._write_tile(core, codes, step.evidence_of(settings))
        return changed

    def _streamed(self, step: Step, settings: Settings) -> int:
        """A network's own grid: it reads the picture as it was while the result is written."""
        assert step.stream is not None
        old, evidence = self.picture, self._evidence(step, settings)
        self.picture = old.with_samples(copied(old.samples))
        self.owns_samples = True
        changed = covered = 0
        for window, pixels in step.stream(old, settings, self.findings, self.bench):
            after = self._checked(step, pixels, window)
            codes = np.where(
                after == old.read(window), old.samples[window.slices], self._codes(step, after)
            )
            changed += self._write_tile(window, codes, evidence)
            covered += window.rows * window.cols
        if covered != old.rows * old.cols:
            raise PromiseBroken(
                f"`{step.name}` gave {covered} of {old.rows * old.cols} pixels.", _REPORT
            )
        return changed

    def _write_tile(self, core: Window, codes: np.ndarray, evidence: Evidence) -> int:
        here = np.ones((core.rows, core.cols), bool)
        if self.allowed is not None:
            here &= self.allowed[core.slices]
        return self._write(core, here, codes[here], evidence)

    # -- geometry ---------------------------------------------------------------------------

    def _geometry(self, step: Step, settings: Settings) -> int:
        assert step.stream is not None
        old, scale = self.picture, step.scale(settings)
        shape = (old.rows * scale, old.cols * scale, old.channels)
        samples = room_for(shape, old.samples.dtype)
        covered = 0
        for window, pixels in step.stream(old, settings, self.findings, self.bench):
            samples[window.slices] = self._codes(step, self._checked(step, pixels, window))
            covered += window.rows * window.cols
        if covered != shape[0] * shape[1]:
            raise PromiseBroken(
                f"`{step.name}` gave {covered} of {shape[0] * shape[1]} pixels.", _REPORT
            )
        self.picture = replace(
            old,
            samples=samples,
            alpha=_enlarged(old.alpha, scale),
            infrared=_enlarged(old.infrared, scale),
            dpi=(old.dpi[0] * scale, old.dpi[1] * scale) if old.dpi else None,
        )
        self.owns_samples = True
        evidence = np.uint8(step.evidence_of(settings))
        self.evidence = np.maximum(_repeated(self.evidence, scale), evidence)
        if self.allowed is not None:
            self.allowed = _repeated(self.allowed, scale)
        self.findings = Findings(notes=self.findings.notes)  # places no longer hold
        return covered

    # -- samples ----------------------------------------------------------------------------

    def _read(self, step: Step, window: Window) -> np.ndarray:
        pixels = self.picture.read(window)
        return to_linear(pixels, self.picture) if step.encoding == "linear" else pixels

    def _codes(self, step: Step, pixels: np.ndarray) -> np.ndarray:
        if step.encoding == "linear":
            pixels = from_linear(pixels, self.picture)
        return pixels_to_codes(pixels, self.picture.samples.dtype, self.picture.full_scale)

    def _checked(self, step: Step, pixels: np.ndarray, window: Window) -> np.ndarray:
        wanted = (window.rows, window.cols, self.picture.channels)
        if pixels.shape != wanted or pixels.dtype != np.float32:
            raise PromiseBroken(
                f"`{step.name}` proposed {pixels.dtype} {pixels.shape} for row {window.top}, "
                f"column {window.left}; float32 {wanted} was due.",
                _REPORT,
            )
        if not np.isfinite(pixels).all():
            raise PromiseBroken(
                f"`{step.name}` proposed values that are no numbers near row {window.top}, "
                f"column {window.left}.",
                _REPORT,
            )
        return pixels

    def _write(self, core: Window, here: Mask, codes: np.ndarray, evidence: Evidence) -> int:
        """Put ``codes`` (n, channels) where ``here`` is True; the only place that writes."""
        if not self.owns_samples:
            self.picture = self.picture.with_samples(copied(self.picture.samples))
            self.owns_samples = True
        samples = self.picture.samples[core.slices]
        classes = self.evidence[core.slices]
        differs = (samples[here] != codes).any(axis=1)
        samples[here] = codes
        classes[here] = np.where(
            differs, np.maximum(classes[here], np.uint8(evidence)), classes[here]
        )
        return int(np.count_nonzero(differs))

    # -- the promise ------------------------------------------------------------------------

    def finish(self, original: Picture, steps: tuple[StepRecord, ...]) -> Treated:
        """The result, after comparing every sample outside the evidence map with the original."""
        changed = bool(self.evidence.any())
        same_size = (original.rows, original.cols) == self.evidence.shape
        return Treated(
            picture=self.picture if changed else original,
            evidence=self.evidence,
            steps=steps,
            untouched_sha256=(
                check_untouched(original, self.picture, self.evidence) if same_size else ""
            ),
        )


def check_untouched(original: Picture, result: Picture, evidence: EvidenceMap) -> str:
    """SHA-256 over all samples of class 0, row by row, after checking that they are equal.

    Raises:
        PromiseBroken: a sample outside the evidence map differs from the original's
    """
    digest = hashlib.sha256()
    for top in range(0, original.rows, 256):
        rows = slice(top, min(original.rows, top + 256))
        untouched = evidence[rows] == Evidence.UNTOUCHED
        before, after = original.samples[rows][untouched], result.samples[rows][untouched]
        if not (before == after).all():  # one channel may have become three
            raise PromiseBroken(
                f"Samples outside the evidence map changed in rows {top} to {rows.stop}.", _REPORT
            )
        digest.update(before.tobytes())
    return digest.hexdigest()


def _repeated(plane: np.ndarray, scale: int) -> np.ndarray:
    return plane.repeat(scale, axis=0).repeat(scale, axis=1)


def _enlarged(plane: np.ndarray | None, scale: int) -> np.ndarray | None:
    """Alpha and infrared follow the picture's size by repetition: no value is made up."""
    return None if plane is None else _repeated(plane, scale)


_REPORT = "This is a bug of unfade: nothing was written; please report it with the picture's size."
