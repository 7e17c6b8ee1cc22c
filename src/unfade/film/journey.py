"""The journey of one film: open, look, decide, mend in segments, deliver.

``restore_film`` makes the pieces, ``FilmResult.save`` puts the film together and leaves its
record, the hash of each frame and the list of repairs beside it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from unfade.engines.contract import BenchView
from unfade.engines.lent import bench_or_own
from unfade.errors import UnreadableInput, UsageError
from unfade.film import cadence as cadences
from unfade.film.begun import Begun, begin
from unfade.film.delivery import FilmResult
from unfade.film.facts import Film
from unfade.film.ledger import Ledger
from unfade.film.look import Look, Wanted, look_at_frames, shots_of
from unfade.film.measuring import measure
from unfade.film.plan import Plan, make_plan
from unfade.film.probe import without_frames
from unfade.film.reader import read_frames
from unfade.film.rgb import to_pixels
from unfade.film.segments import Output, Segments, Work
from unfade.film.steady import OF_THE_SHOT, Steady
from unfade.film.wishes import FilmOptions, FilmWishes
from unfade.picture import Picture
from unfade.recipe import Recipe
from unfade.steps import Kind, Settings, step_of

if TYPE_CHECKING:
    from unfade.film.rebuild import Rebuild

__all__ = ["FilmJob", "FilmOptions", "decide", "open_job", "restore_film"]

_SAMPLED = 16  # frames that are looked at for cadence when no step needs all of them


@dataclass(slots=True, kw_only=True, eq=False)
class FilmJob:
    """A film that is ready to be worked on, on this machine or by several workers.

    Workers that see the same folders open the same job (same source, recipe, output) and share
    the segments between them, as ``unfade.batch.shared_film`` has them do; one of them delivers.
    Recipes with steps for pictures hand state from segment to segment and are made by one worker.
    """

    film: Film
    recipe: Recipe
    reasons: Mapping[str, str]
    policy: str
    plan: Plan
    work: Work
    output: Output
    steady: Steady | None
    cadence: cadences.Cadence
    lost: tuple[str, ...]
    options: FilmOptions
    temporary: Path | None = None

    @property
    def count(self) -> int:
        """How many segments there are."""
        return len(self.work.segments())

    @property
    def segments(self) -> Segments:
        """What makes the segments of this job."""
        return Segments(self.work, self.plan, self.output, self.steady)

    def run(self, only: Collection[int] | None = None, *, from_beginning: bool = False) -> None:
        """Make the segments that are not made yet.

        Args:
            only: only these, for a worker among others
            from_beginning: make them again, decoding from the film's first frame on
        """
        segments = self.segments
        if only is not None:
            if self.steady is not None and len(set(only)) < self.count:
                raise UsageError(
                    "Steps for pictures hand their state from segment to segment.",
                    "Give the whole film to one worker, or cut it at its shots.",
                )
            segments.run(only, from_beginning=from_beginning)
            return
        segments.run(from_beginning=from_beginning)
        while again := segments.astray():
            segments.run(again, from_beginning=True)

    def result(self) -> FilmResult:
        """The finished film, to be saved.

        Raises:
            UnreadableInput: segments are missing, or were made from other frames
        """
        names = [name for name, _, _ in self.work.segments()]
        missing = [name for name in names if not self.work.ledger.done(name)]
        if missing:
            raise UnreadableInput(
                f"{len(missing)} of {self.count} segments are not made yet, the first: "
                f"{missing[0]}.",
                "Run them first.",
            )
        if again := self.segments.astray():
            raise UnreadableInput(
                f"The container's index leads elsewhere: {len(again)} of {self.count} segments "
                f"were not made from the right frames, the first: {names[again[0]]}.",
                "Call `run()` once, without a choice: it makes them again from the beginning.",
            )
        return FilmResult(
            film=self.film,
            recipe=self.recipe,
            reasons=dict(self.reasons),
            policy=self.policy,
            plan=self.plan,
            work=self.work,
            output=self.output,
            cadence=self.cadence,
            lost=self.lost,
            options={
                "access": self.options.access,
                "deinterlace": self.options.deinterlace,
                "ivtc": self.options.ivtc,
                "rate": str(self.options.rate) if self.options.rate else None,
            },
            steady_facts=self.steady.facts() if self.steady is not None else {},
            temporary=self.temporary,
        )


def restore_film(
    source: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None = None,
    bench: BenchView | None = None,
    **wishes: Unpack[FilmWishes],
) -> FilmResult:
    """Restore a film; the pieces are made at once, ``FilmResult.save`` puts them together.

    ``unfade.batch.shared_film.restore_film_shared`` has the workers of an executor make them.

    Args:
        source: a film, or a pattern of numbered pictures ("scan_%06d.dpx")
        output: where it will be saved: pieces lie beside it, so that a run that was stopped goes
            on when it is started again; None: pieces are temporary
        recipe: "auto" is the shipped recipe ``film``; "none": only a lossless copy
        only, skip: names of steps
        settings: step name -> settings over the recipe's
        upscale: 2, 3 or 4 times along each side, made steady
        colorize: give a grey film colours that it does not hold, made steady
        only_classical: no network is used
        options: how it is read, cut into work and written
        limits: on the size of its frames
    Raises:
        InputRefused, RecipeError, PolicyError, OutputError, ...: see ``unfade.errors``
    """
    with bench_or_own(bench) as work:
        job = open_job(source, output=output, bench=work, **wishes)
        job.run()
        return job.result()


def open_job(
    source: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None,
    bench: BenchView,
    rebuild: Rebuild | None = None,
    worker: str = "",
    **wishes: Unpack[FilmWishes],
) -> FilmJob:
    """Look at a film and decide; nothing of it is made yet.

    Args:
        rebuild: what an earlier run decided, instead of looking anew
        worker: a name of its own for one of several at work at a time; who delivers has none,
            and opens the job before the others
    """
    return decide(
        begin(source, output=output, bench=bench, rebuild=rebuild, worker=worker, **wishes)
    )


def decide(begun: Begun, measuring: Callable[[Work, Wanted], Look] = measure) -> FilmJob:
    """Look at the frames of a film that was begun, and decide for all of them.

    Args:
        measuring: looks at all frames, for workers that share this
    """
    film, work, options, rebuild = begun.film, begun.work, begun.options, begun.rebuild
    identity = not begun.temporal and not begun.pictures and rebuild is None
    look: Look | None = None
    if (begun.temporal or begun.pictures) and (rebuild is None or options.ivtc):
        look = measuring(work, begun.wanted)
    cadence = cadences.cadence_of(film, look if look is not None else _sample(film, work))
    keep = options.keep_cadence or identity
    filters = cadences.check_cadence(
        film, cadence, deinterlace=options.deinterlace, ivtc=options.ivtc, keep=keep
    )
    film, look = _other_cadence(begun, look, cadence, filters, measuring)
    shots = [(0, film.frames)]
    if look is not None:
        shots = shots_of(look, float(film.rate))
    elif rebuild is not None:
        shots = rebuild.shots
    plan = make_plan(
        film, begun.recipe.steps, look, shots, frozenset(int(n) for n in cadence.repeats)
    )
    if rebuild is not None:
        rebuild.put_into(plan)
    work.span = _span(film, options)
    steady: Steady | None = None
    if begun.pictures:
        steady = Steady(plan, work.bench, _shot_pictures(plan, begun.pictures))
    output_form = Output(film.layout, film.colour, film.rows, film.cols)
    if steady is not None:
        output_form = Output(
            steady.layout, steady.colour, film.rows * steady.scale, film.cols * steady.scale
        )
    return FilmJob(
        film=film,
        recipe=begun.recipe,
        reasons=begun.reasons,
        policy=begun.policy,
        plan=plan,
        work=work,
        output=output_form,
        steady=steady,
        cadence=cadence,
        lost=begun.lost,
        options=options,
        temporary=begun.temporary,
    )


# -- deciding -------------------------------------------------------------------------------------


def _sample(film: Film, work: Work) -> Look:
    """A run of frames from the beginning, for cadence alone."""
    stop = min(film.frames, _SAMPLED)
    return look_at_frames(film, work.frames(0, stop), Wanted(), 0)


def _other_cadence(
    begun: Begun,
    look: Look | None,
    cadence: cadences.Cadence,
    filters: str,
    measuring: Callable[[Work, Wanted], Look],
) -> tuple[Film, Look | None]:
    """The film as it is after fields or repeats were dealt with, looked at anew."""
    work, film = begun.work, begun.film
    if begun.options.ivtc and not filters and len(cadence.repeats) and look is not None:
        kept = np.setdiff1d(np.arange(film.frames), cadence.repeats)
        film = replace(without_frames(film, kept), kept=kept)
    elif filters:
        film = _filtered_times(film, filters)
    else:
        return film, look
    work.film, work.filters = film, filters
    work.ledger = Ledger(work.ledger.folder / "single-pictures", worker=work.ledger.worker)
    if look is not None:
        look = measuring(work, begun.wanted)
    return film, look


def _filtered_times(film: Film, filters: str) -> Film:
    """Times of the frames that come out of a filter."""
    from unfade.film.reader import Events, decoded_frames

    base: Fraction | None = None
    times: list[int] = []
    for frame in decoded_frames(film, 0, False, Events(), filters):
        base = base or Fraction(frame.time_base)
        times.append(int(frame.pts))
    if base is None:
        raise UnreadableInput(f"`{film.path.name}`: no frame comes out.", "Check the film.")
    found = np.array(times, np.int64)
    rate = film.rate
    if len(found) > 1:
        rate = Fraction(len(found) - 1) / (Fraction(int(found[-1] - found[0])) * base)
    return replace(film, times=found, keys=np.zeros(1, np.int64), time_base=base,
                   rate=rate.limit_denominator(100_000), is_intra=False)  # fmt: skip


def _span(film: Film, options: FilmOptions) -> tuple[int, int]:
    """The frames that are made.

    Raises:
        UsageError: beyond the film
    """
    if options.frames is not None and options.preview_s is not None:
        raise UsageError("`--frames` and `--preview` exclude each other.", "Take one out.")
    if options.frames is not None:
        first, end = options.frames
        if not 0 <= first < end <= film.frames:
            raise UsageError(
                f"`--frames {first}-{end - 1}`: the film has frames 0 to {film.frames - 1}.",
                "Name frames that it has.",
            )
        return first, end
    if options.preview_s is not None:
        wanted = max(1, round(options.preview_s * float(film.rate)))
        first = max(0, (film.frames - wanted) // 2)
        return first, min(film.frames, first + wanted)
    return 0, film.frames


def _shot_pictures(plan: Plan, pictures: Collection[Settings]) -> dict[int, Picture]:
    """For what is decided once for each shot: three frames of it below each other."""
    steps = [step_of(s) for s in pictures]
    looked_for = {name for step in steps for name in step.looks_at}
    if not (
        looked_for & set(OF_THE_SHOT) or any(s.kind is Kind.TONAL and s.measure for s in steps)
    ):
        return {}
    shown: dict[int, Picture] = {}
    for first, end in plan.shots:
        places = sorted({first + (end - first) * k // 6 for k in (1, 3, 5)})
        stack = [
            to_pixels(frame.planes, plan.layout, plan.film.colour)
            for place in places
            for frame in read_frames(plan.film, start=place, stop=place + 1)
        ]
        shown[first] = Picture(np.ascontiguousarray(np.concatenate(stack)))
    return shown
