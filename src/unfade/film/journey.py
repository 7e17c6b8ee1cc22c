"""The journey of one film: open, look, decide, mend in segments, deliver.

``restore_film`` makes the pieces, ``FilmResult.save`` puts the film together and leaves its
record, the hash of each frame and the list of repairs beside it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unfade.advice.networks import refuse_networks
from unfade.engines.contract import BenchView
from unfade.errors import UnreadableInput, UsageError
from unfade.files.limits import Limits
from unfade.files.places.local import check_target
from unfade.film import cadence as cadences
from unfade.film.choosing import choose_recipe
from unfade.film.delivery import FilmResult
from unfade.film.facts import Film
from unfade.film.ledger import Ledger, job_key, source_facts
from unfade.film.look import Look, Wanted, look_at_frames, shots_of
from unfade.film.mux import check_losses, losses
from unfade.film.plan import Plan, make_plan, split_steps
from unfade.film.probe import probe, without_frames
from unfade.film.reader import read_frames
from unfade.film.rgb import to_pixels
from unfade.film.segments import Output, Segments, Work, measure
from unfade.film.steady import Steady
from unfade.film.writer import Delivery, delivery_of
from unfade.picture import Picture
from unfade.recipe import Recipe
from unfade.steps import Kind, Settings, step_of
from unfade.version import VERSION

if TYPE_CHECKING:
    from unfade.film.rebuild import Rebuild

SEGMENT_S = 10.0
_SAMPLED = 16  # frames that are looked at for cadence when no step needs all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOptions:
    """How a film is read, cut into work and written; never part of a recipe.

    Attributes:
        access: "av1", "x264:20", "x265", "prores" for an access copy; None: a lossless master
        deinterlace, ivtc, keep_cadence: what to do about fields and repeats
        frames: (first, end) of the frames to make; the others are only read
        preview_s: make this many seconds from the middle of the film
        strict: damage is an error
        allow_loss: streams that the output cannot hold are listed and left out
        segment_s: seconds of film that a kill may cost
        rate: frames a second, for sequences of pictures
        work: folder for pieces; None: beside the output, or a temporary one
    """

    access: str | None = None
    deinterlace: bool = False
    ivtc: bool = False
    keep_cadence: bool = False
    frames: tuple[int, int] | None = None
    preview_s: float | None = None
    strict: bool = False
    allow_loss: bool = False
    segment_s: float = SEGMENT_S
    rate: Fraction | None = None
    work: Path | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class FilmJob:
    """A film that is ready to be worked on, on this machine or by several workers.

    Workers that see the same folders open the same job (same source, recipe, output) and share
    the segments between them; one of them delivers. Recipes with steps for pictures hand state
    from segment to segment and are made by one worker.
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

    def run(self, only: Collection[int] | None = None) -> None:
        """Make the segments that are not made yet (only these, for a worker among others)."""
        chosen = None if only is None else sorted(only)
        if chosen is not None and self.steady is not None and len(chosen) < self.count:
            raise UsageError(
                "Steps for pictures hand their state from segment to segment.",
                "Give the whole film to one worker, or cut it at its shots.",
            )
        Segments(self.work, self.plan, self.output, self.steady).run(chosen)

    def result(self) -> FilmResult:
        """The finished film, to be saved.

        Raises:
            UnreadableInput: segments are missing
        """
        missing = [name for name, _, _ in self.work.segments() if not self.work.ledger.done(name)]
        if missing:
            raise UnreadableInput(
                f"{len(missing)} of {self.count} segments are not made yet, the first: "
                f"{missing[0]}.",
                "Run them first.",
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
    recipe: str | os.PathLike[str] | Recipe = "auto",
    policy: str = "film",
    only: Collection[str] = (),
    skip: Collection[str] = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    upscale: int | None = None,
    only_classical: bool = False,
    options: FilmOptions | None = None,
    bench: BenchView | None = None,
    limits: Limits | None = None,
) -> FilmResult:
    """Restore a film; the pieces are made at once, ``FilmResult.save`` puts them together.

    Args:
        source: a film, or a pattern of numbered pictures ("scan_%06d.dpx")
        output: where it will be saved: pieces lie beside it, so that a run that was stopped goes
            on when it is started again; None: pieces are temporary
        recipe: "auto" is the shipped recipe ``film``; "none": only a lossless copy
        only, skip: names of steps
        settings: step name -> settings over the recipe's
        upscale: 2, 3 or 4 times along each side, made steady
        only_classical: no network is used
    Raises:
        InputRefused, RecipeError, PolicyError, OutputError, ...: see ``unfade.errors``
    """
    from unfade.engines.bench import Bench

    own = Bench() if bench is None else None
    try:
        job = open_job(
            source,
            output=output,
            recipe=recipe,
            policy=policy,
            only=only,
            skip=skip,
            settings=settings,
            upscale=upscale,
            only_classical=only_classical,
            options=options,
            bench=own if own is not None else bench,  # type: ignore[arg-type]  # one of the two
            limits=limits,
        )
        job.run()
        return job.result()
    finally:
        if own is not None:
            own.close()


def open_job(
    source: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None,
    bench: BenchView,
    recipe: str | os.PathLike[str] | Recipe = "auto",
    policy: str = "film",
    only: Collection[str] = (),
    skip: Collection[str] = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    upscale: int | None = None,
    only_classical: bool = False,
    options: FilmOptions | None = None,
    limits: Limits | None = None,
    rebuild: Rebuild | None = None,
) -> FilmJob:
    """Look at a film and decide; nothing of it is made yet.

    Args:
        rebuild: what an earlier run decided, instead of looking anew
    """
    options = options or FilmOptions()
    path = Path(source)
    target = Path(output) if output is not None else None
    chosen, reasons = choose_recipe(recipe, policy, only, skip, settings, upscale)
    if only_classical:
        refuse_networks(chosen)
    film = probe(path, limits=limits, rate=options.rate)
    if not film.frames:
        film = _timed_by_decoding(film)
    delivery = delivery_of(options.access, target or Path("film.mkv"))
    lost: tuple[str, ...] = ()
    if target is not None:
        lost = tuple(losses(film, target, pictures=delivery.pictures))
        check_losses(lost, target, options.allow_loss)
    temporal, pictures = split_steps(chosen.steps)
    _check_engines(pictures, bench)
    key = _key(film, chosen, options, delivery, rebuild)
    folder, temporary = _folder(target, options, key)
    if temporary is not None:
        weakref.finalize(bench, shutil.rmtree, temporary, ignore_errors=True)
    work = Work(
        film=film,
        ledger=Ledger(folder),
        delivery=delivery,
        bench=bench,
        span=(0, film.frames),
        segment_frames=max(1, round(options.segment_s * float(film.rate))),
        strict=options.strict,
    )
    identity = not temporal and not pictures and rebuild is None
    look: Look | None = None
    if (temporal or pictures) and (rebuild is None or options.ivtc):
        look = measure(work, _wanted(temporal))
    cadence = cadences.cadence_of(film, look if look is not None else _sample(film, work))
    keep = options.keep_cadence or identity
    filters = cadences.check_cadence(
        film, cadence, deinterlace=options.deinterlace, ivtc=options.ivtc, keep=keep
    )
    film, look = _other_cadence(work, film, look, cadence, filters, options, temporal)
    shots = [(0, film.frames)]
    if look is not None:
        shots = shots_of(look, float(film.rate))
    elif rebuild is not None:
        shots = rebuild.shots
    plan = make_plan(film, chosen.steps, look, shots, frozenset(int(n) for n in cadence.repeats))
    if rebuild is not None:
        rebuild.put_into(plan)
    work.span = _span(film, options)
    steady = Steady(plan, bench, _shot_pictures(plan, pictures)) if pictures else None
    output_form = Output(film.layout, film.colour, film.rows, film.cols)
    if steady is not None:
        output_form = Output(
            steady.layout, steady.colour, film.rows * steady.scale, film.cols * steady.scale
        )
    return FilmJob(
        film=film,
        recipe=chosen,
        reasons=reasons,
        policy=policy,
        plan=plan,
        work=work,
        output=output_form,
        steady=steady,
        cadence=cadence,
        lost=lost,
        options=options,
        temporary=temporary,
    )


# -- deciding -------------------------------------------------------------------------------------


def _wanted(temporal: Mapping[str, Settings]) -> Wanted:
    return Wanted(
        flicker=bool({"deflicker", "remove_dirt", "remove_lines"} & set(temporal)),
        weave=bool({"stabilise", "remove_lines"} & set(temporal)),
        lines="remove_lines" in temporal,
    )


def _check_engines(pictures: Collection[Settings], bench: BenchView) -> None:
    """What can be missing is missed before the work begins."""
    for settings in pictures:
        name = step_of(settings).network(settings)
        if name is not None:
            bench.engine(name)


def _key(
    film: Film,
    recipe: Recipe,
    options: FilmOptions,
    delivery: Delivery,
    rebuild: Rebuild | None,
) -> str:
    return job_key(
        {
            "unfade": VERSION,
            "source": source_facts([*film.files] or [film.path]),
            "recipe": recipe.sha256,
            "codec": delivery.codec,
            "quality": delivery.quality,
            "cadence": [options.deinterlace, options.ivtc, options.keep_cadence],
            "frames": options.frames,
            "preview": options.preview_s,
            "segment": options.segment_s,
            "rebuild": rebuild.facts if rebuild else None,
        }
    )


def _folder(target: Path | None, options: FilmOptions, key: str) -> tuple[Path, Path | None]:
    if options.work is not None:
        return options.work / key, None
    if target is not None:
        if "%" not in target.name:
            check_target(target, True)
        return target.with_name(f".{target.name.replace('%', '_')}.unfade-work") / key, None
    temporary = Path(tempfile.mkdtemp(prefix="unfade-film-"))
    return temporary / key, temporary


def _timed_by_decoding(film: Film) -> Film:
    """A film whose packets do not tell when frames are shown: decode it once to know."""
    import av

    from unfade.film.opening import decoder_of, opened

    times: list[int] = []
    with opened(film.path) as container:
        stream = container.streams[film.stream]
        decoder = decoder_of(stream, film.path)
        step = max(1, round(1 / (film.rate * film.time_base)))
        for packet in container.demux(stream):
            try:
                frames = decoder.decode(packet if packet.size else None)
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                pts = frame.pts if frame.pts is not None else frame.dts
                earlier = times[-1] if times else -step
                times.append(pts if pts is not None and pts > earlier else earlier + step)
    return replace(
        film,
        times=np.array(times, np.int64),
        keys=np.zeros(1, np.int64),
        by_order=True,
        notes=(*film.notes, "Its packets do not tell when frames are shown; it was decoded "
               "once to know."),
    )  # fmt: skip


def _sample(film: Film, work: Work) -> Look:
    """A run of frames from the beginning, for cadence alone."""
    stop = min(film.frames, _SAMPLED)
    return look_at_frames(film, work.frames(0, stop), Wanted(), 0)


def _other_cadence(
    work: Work,
    film: Film,
    look: Look | None,
    cadence: cadences.Cadence,
    filters: str,
    options: FilmOptions,
    temporal: Mapping[str, Settings],
) -> tuple[Film, Look | None]:
    """The film as it is after fields or repeats were dealt with, looked at anew."""
    if options.ivtc and not filters and len(cadence.repeats) and look is not None:
        kept = np.setdiff1d(np.arange(film.frames), cadence.repeats)
        film = replace(without_frames(film, kept), kept=kept)
    elif filters:
        film = _filtered_times(film, filters)
    else:
        return film, look
    work.film, work.filters = film, filters
    work.ledger = Ledger(work.ledger.folder / "single-pictures")
    if look is not None:
        look = measure(work, _wanted(temporal))
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
    """For steps that decide tones: three frames of each shot below each other."""
    if not any(step_of(s).kind is Kind.TONAL and step_of(s).measure for s in pictures):
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
