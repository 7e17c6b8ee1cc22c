"""Steps for pictures on a film, made steady.

A step that decides tones (fade, levels) is measured once for each shot and acts alike on all its
frames; noise, blur, blocks and screens are looked for once for each shot. What is tied to places
in the picture (haze, the regions of ``equalise``, faces) is measured in each frame. A step that
makes up detail or colour frame by frame (upscale, colour, denoise) flickers, because it decides
anew each time: so something of the frame before is carried here along the optical flow, and mixed
in where the flow is trusted. A shot begins afresh.

What is carried depends on the step. Colour and faces: *what was added* to the frame before; the
frame's own picture is never delayed or smeared. Steps that take grain away or enlarge: the
*result*, because what they add holds the reverse of their own frame's grain, which in another
frame would be new grain; a quarter of it, because each carrying softens a little.

Consistency is measured as in Lai et al. 2018 (arXiv:1808.00449): the mean squared difference
between a frame and the one before carried to it, where the source itself agrees; for the plain
and for the steady result. Where colours are made up, it is also measured on them alone: the rest,
with its grain, is the source's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from unfade.condition import look_at
from unfade.engines.bench import Bench
from unfade.engines.contract import BenchView
from unfade.film.done import Done
from unfade.film.layout import Colour, Frame, Layout, layout_named
from unfade.film.ledger import Ledger
from unfade.film.plan import Plan
from unfade.film.rgb import luminance, to_pixels, to_planes
from unfade.film.threads import ahead
from unfade.findings import Findings
from unfade.picture import Picture, Pixels, Weight
from unfade.pixels.profile import from_linear, to_linear
from unfade.steps import Kind, Look, Settings, Step, step_of
from unfade.steps.film.flow import enlarged, flow_between, small, warped, warped_pixels
from unfade.treatment import BYTES_A_PIXEL, treat

MOST_CARRIED = 0.85  # of the addition that comes from the frame before, where flow is trusted
MOST_MIXED = 0.25  # of the result that does: 45 % less warping error; 0.4: 60 %, and soft
_TRUST_CODES = 6.0  # the source may differ by this much from itself carried over
_TRUST_PX = 1.0  # there and back again
_MEASURED = 3  # the error is measured on every third row and column
_SOME = np.s_[::_MEASURED, ::_MEASURED]
_BYTES_A_PIXEL = 60  # of the result: float32 in three channels, in a handful of copies
_NOTHING = np.zeros((0, 0, 0), np.float32)
OF_THE_SHOT = ("noise", "blur", "jpeg_blocks", "halftone")  # findings that no place belongs to


@dataclass(slots=True, eq=False)
class State:
    """What a frame leaves for the next.

    Attributes:
        index: which frame
        source: its luminance at the size of flow
        added: what the steps added to it, steadied; empty where results are mixed
        result: the steady result; plain: the result frame by frame
    """

    index: int
    source: np.ndarray
    added: Pixels
    result: Pixels
    plain: Pixels

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, index=self.index, source=self.source, added=self.added,
                     result=self.result, plain=self.plain)  # fmt: skip

    @staticmethod
    def load(path: Path) -> State:
        with np.load(path, allow_pickle=False) as d:
            return State(int(d["index"]), d["source"], d["added"], d["result"], d["plain"])


class Steady:
    """Carries out the steps for pictures on a run of frames.

    Args:
        shot_pictures: shot's first frame -> picture that stands for the shot, for steps that
            measure
    """

    def __init__(self, plan: Plan, bench: BenchView, shot_pictures: dict[int, Picture]) -> None:
        self.plan = plan
        self._bench = bench
        self.bench: BenchView = _Quiet(bench)
        self.steps: list[tuple[Step, Settings]] = [(step_of(s), s) for s in plan.pictures]
        self.scale = int(np.prod([step.scale(s) for step, s in self.steps] or [1]))
        self.layout = _output_layout(plan.layout, self.steps)
        self._shot_pictures = shot_pictures
        self._measured: dict[tuple[int, str], Any] = {}
        self._findings: dict[int, Findings] = {}
        self._errors: dict[int, tuple[float, ...]] = {}
        self._deciding = Lock()  # what is measured once for a shot is, whoever comes first
        kinds = {step.kind for step, _ in self.steps}
        self._steadied = bool(kinds - {Kind.TONAL})
        self._mixed = bool(kinds & {Kind.TEXTURE, Kind.GEOMETRY})
        self._coloured = Kind.CHROMA in kinds

    @property
    def colour(self) -> Colour:
        colour = self.plan.film.colour
        if self.layout.family != self.plan.layout.family:
            return replace(colour, matrix=1, full_range=False)
        return colour

    def through(self, done: Iterator[Done], first: int, state: Path | None) -> Iterator[Done]:
        """Frames with the steps done on them; some are made ahead while the last is made steady.

        Args:
            state: what the segment before left; used when the shot goes on
        """
        before = State.load(state) if state is not None and state.exists() else None
        for item, now in ahead(self._frame_by_frame(done), 1):
            start, _ = self.plan.shot_of(item.frame.index)
            if before is not None and (
                before.index != item.frame.index - 1 or before.index < start
            ):
                before = None
            if before is not None and self._steadied:
                now = self._carried(now, before)
            planes = to_planes(now.result, self.layout, self.colour)
            alpha = item.frame.planes[self.plan.layout.mended :]
            if self.layout.alpha and self.scale == 1:
                planes += alpha
            elif self.layout.alpha:
                planes += (alpha[0].repeat(self.scale, 0).repeat(self.scale, 1),)
            before = now
            result = Done(item.frame.with_planes(planes), item.original, item.repairs, item.says)
            result.state = now
            yield result

    def save(self, ledger: Ledger, name: str, state: State | None) -> list[str]:
        """Write what the next segment needs; the ledger's names of the files."""
        if state is None or not self._steadied:
            return []
        file = f"{name}.state.npz"
        state.save(ledger.partial(file))
        return [file]

    def measured(self, first: int, end: int) -> dict[str, Any]:
        """Warping errors of frames, in squared codes of 255: plain and steady, then of colours."""
        rows = [
            [n, *(round(error, 4) for error in self._errors.pop(n))]
            for n in range(first, end)
            if n in self._errors
        ]
        return {"warping": rows} if rows else {}

    # -- one frame --------------------------------------------------------------------------------

    def _frame_by_frame(self, done: Iterator[Done]) -> Iterator[tuple[Done, State]]:
        """Frames as if there were no others, several at once, in order."""
        at_once = self._at_once()
        if at_once > 1:
            assert isinstance(self._bench, Bench)
            self.bench = self._bench.beside(at_once)
        waiting: deque[tuple[Done, Future[State]]] = deque()
        with ThreadPoolExecutor(at_once, thread_name_prefix="unfade-frame") as pool:
            try:
                for item in done:
                    shot = self.plan.shot_of(item.frame.index)[0]
                    waiting.append((item, pool.submit(self._plain, item.frame, shot)))
                    if len(waiting) >= at_once:
                        item, made = waiting.popleft()
                        yield item, made.result()
                while waiting:
                    item, made = waiting.popleft()
                    yield item, made.result()
            finally:
                for _, made in waiting:
                    made.cancel()

    def _at_once(self) -> int:
        """How many frames are made beside each other.

        One on a GPU, and where eyes look at each frame, which are not all safe to use so.
        """
        if not isinstance(self._bench, Bench):
            return 1
        film = self.plan.film
        each = film.rows * film.cols * (_BYTES_A_PIXEL * self.scale**2 + BYTES_A_PIXEL)
        for step, settings in self.steps:
            if step.kind is not Kind.TONAL and not set(step.looks_at) <= set(OF_THE_SHOT):
                return 1
            name = step.network(settings)
            if name is not None:
                engine = self._bench.engine(name)  # a GPU holds it once
                if engine.runtime not in ("ncnn on cpu", "onnx on cpu"):
                    return 1
                side = engine.facts.tile_px
                tile = min(film.rows, side) * min(film.cols, side)
                each += tile * engine.facts.bytes_per_pixel
        return max(1, min(self._bench.threads, self._bench.memory_bytes // each))

    def _plain(self, frame: Frame, shot: int) -> State:
        """The steps done on one frame, which knows of no other."""
        pixels = to_pixels(frame.planes, self.plan.layout, self.plan.film.colour)
        base = pixels  # the frame's own picture, in the tones of the result
        picture = Picture(np.ascontiguousarray(pixels))
        for step, settings in self.steps:
            if step.kind is Kind.TONAL:
                picture = picture.with_samples(self._tonal(step, settings, picture, shot))
                base = self._tonal(step, settings, Picture(base), shot)
                continue
            seen = self._seen(shot, step.looks_at, pixels.shape[0])
            picture = treat(picture, (settings,), findings=seen, bench=self.bench).picture
        result = np.clip(picture.samples, 0, 1)
        added = _NOTHING if self._mixed else result - _as_many(base, result)
        return State(frame.index, small(luminance(pixels)), added, result, result)

    def _carried(self, now: State, before: State) -> State:
        """The frame with what is carried over from the one before."""
        plain, added = now.plain, now.added
        rows, cols = plain.shape[:2]
        flow = flow_between(now.source, before.source)
        trust = trusted(now.source, before.source, flow, flow_between(before.source, now.source))
        full = enlarged(flow, rows, cols)
        weight = _sized(trust, rows, cols)[:, :, None]
        if self._mixed:
            apart = warped_pixels(before.result, full, cubic=True)
            apart -= plain
            self._share_of(apart)
            apart *= weight
            apart += plain
            steady = apart
        else:
            more = warped_pixels(before.added, full) - added
            more *= np.float32(MOST_CARRIED) * weight
            steady = np.clip(plain + more, 0, 1)
            added = added + more
        sure = weight[_SOME][:, :, 0] > 0.5
        if sure.any():
            pairs = [
                (result[_SOME], warped_pixels(carried, full, every=_MEASURED))
                for result, carried in ((plain, before.plain), (steady, before.result))
            ]
            if self._coloured:
                pairs += [(_colours(result), _colours(carried)) for result, carried in pairs]
            self._errors[now.index] = tuple(_error(*pair, sure) for pair in pairs)
        return replace(now, added=added, result=steady)

    def _seen(self, shot: int, wanted: tuple[str, ...], rows: int) -> Findings:
        """What is looked for once for each shot, so that a step treats all its frames alike.

        Noise is measured in all that stands for the shot; for the others, which a seam between
        frames would mislead, in the middle one.
        """
        with self._deciding:
            known = self._findings.setdefault(shot, Findings())
            for name in wanted:
                if name in OF_THE_SHOT and getattr(known, name) is None:
                    shown = self._shot_pictures[shot]
                    whole = shown if name == "noise" else _middle(shown, rows)
                    found = getattr(look_at(whole, self.bench, only=(name,)), name)
                    known = self._findings[shot] = replace(known, **{name: found})
            return known

    def _share_of(self, apart: Pixels) -> None:
        """What of the difference from the frame before is taken over; of colour made up, most."""
        if self._coloured and apart.shape[2] == 3:
            colour = _colours(apart)
            apart *= np.float32(MOST_MIXED)
            apart += np.float32(MOST_CARRIED - MOST_MIXED) * colour
        else:
            apart *= np.float32(MOST_MIXED)

    def _tonal(self, step: Step, settings: Settings, picture: Picture, shot: int) -> Pixels:
        key = (shot, step.name)
        with self._deciding:
            if key not in self._measured and step.measure is not None:
                whole = self._shot_pictures[shot]
                eyes = step.looks_at
                seen = look_at(whole, self.bench, only=eyes) if eyes else Findings()
                self._measured[key] = step.measure(whole, settings, seen, self.bench)
        assert step.propose is not None
        pixels = picture.samples.copy()
        if step.encoding == "linear":
            pixels = to_linear(pixels, picture)
        look = Look(pixels, picture.window, None, Findings(), self._measured.get(key))
        result = step.propose(look, settings).pixels
        return from_linear(result, picture) if step.encoding == "linear" else result

    def facts(self) -> dict[str, Any]:
        """What was measured for each shot, for the record."""
        return {
            f"{name}, shot from frame {shot}": value.to_dict()
            for (shot, name), value in sorted(self._measured.items())
        }


def _middle(shown: Picture, rows: int) -> Picture:
    """The middle one of frames of ``rows`` rows that stand below each other."""
    top = shown.rows // rows // 2 * rows
    return shown.with_samples(shown.samples[top : top + rows])


def trusted(now: np.ndarray, before: np.ndarray, flow: np.ndarray, back: np.ndarray) -> Weight:
    """0-1 at the size of flow: where the frame before, carried here, shows the same thing."""
    there_and_back = flow + np.stack(
        [warped(np.ascontiguousarray(back[:, :, k]), flow) for k in (0, 1)], axis=2
    )
    apart = np.abs(there_and_back).max(axis=2)
    differs = np.abs(warped(before.astype(np.float32), flow) - now)
    return np.asarray(
        np.exp(-np.square(differs / _TRUST_CODES)) * np.exp(-np.square(apart / _TRUST_PX)),
        np.float32,
    )


def _as_many(pixels: Pixels, others: Pixels) -> Pixels:
    """As many channels as the others have: a colourised frame was grey."""
    if pixels.shape[2] == others.shape[2]:
        return pixels
    return np.repeat(pixels, others.shape[2], axis=2)


def _error(result: Pixels, carried: Pixels, sure: np.ndarray) -> float:
    """Mean squared difference in codes of 255 where the source agrees with itself."""
    return float(np.square((result - carried)[sure] * 255).mean())


def _colours(pixels: Pixels) -> Pixels:
    """What a step that makes up colours adds: without the luminance, which is the source's own."""
    return pixels - luminance(pixels)[:, :, None] / np.float32(255)


def _sized(weight: np.ndarray, rows: int, cols: int) -> np.ndarray:
    import cv2

    return np.asarray(cv2.resize(weight, (cols, rows), interpolation=cv2.INTER_LINEAR), np.float32)


def _output_layout(layout: Layout, steps: list[tuple[Step, Settings]]) -> Layout:
    """The film's own layout; colour for a grey film gets planes to be in."""
    if layout.family == "grey" and any(step.kind is Kind.CHROMA for step, _ in steps):
        return layout_named("yuv444p" if layout.bits == 8 else f"yuv444p{layout.bits}le")
    return layout


class _Quiet:
    """The caller's bench without its progress: a frame is a step of its own already."""

    def __init__(self, bench: BenchView) -> None:
        self._bench = bench

    def map(self, work: Any, tasks: Any, *, says: str, total: int, bytes_each: int = 0) -> Any:
        report = getattr(self._bench, "_progress", None)
        if report is None:
            return self._bench.map(work, tasks, says=says, total=total, bytes_each=bytes_each)
        return (work(task) for task in tasks)

    def engine(self, name: str) -> Any:
        return self._bench.engine(name)
