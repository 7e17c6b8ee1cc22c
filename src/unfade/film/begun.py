"""What is settled about a film before its frames are looked at.

``begin`` opens the film, reads the recipe, checks the output and names the job's folder. Workers
that share a film all begin it, and the same folder must come out: its name is a hash of everything
that decides the frames.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from unfade.engines.contract import BenchView
from unfade.files.places.local import check_target
from unfade.film.choosing import choose_recipe
from unfade.film.facts import Film
from unfade.film.ledger import Ledger, job_key, source_facts
from unfade.film.look import Wanted
from unfade.film.mux import check_losses, losses
from unfade.film.plan import split_steps
from unfade.film.probe import probe
from unfade.film.segments import Work
from unfade.film.wishes import POLICY, FilmOptions, FilmWishes
from unfade.film.writer import Delivery, delivery_of
from unfade.recipe import Recipe
from unfade.steps import Settings, step_of
from unfade.version import VERSION

if TYPE_CHECKING:
    from unfade.film.rebuild import Rebuild


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Begun:
    """A film whose frames were not looked at yet.

    Attributes:
        recipe, reasons, policy: what is done, and why
        temporal: steps over time, by name
        pictures: steps for pictures, which hand state from frame to frame
        lost: what the output cannot hold, as was allowed
        temporary: folder that goes when the work is done
    """

    film: Film
    recipe: Recipe
    reasons: Mapping[str, str]
    policy: str
    temporal: Mapping[str, Settings]
    pictures: tuple[Settings, ...]
    work: Work
    lost: tuple[str, ...]
    options: FilmOptions
    temporary: Path | None = None
    rebuild: Rebuild | None = None

    @property
    def wanted(self) -> Wanted:
        """What must be measured."""
        names = set(self.temporal)
        return Wanted(
            flicker=bool({"deflicker", "remove_dirt", "remove_lines"} & names),
            weave=bool({"stabilise", "remove_lines"} & names),
            lines="remove_lines" in names,
        )


def begin(
    source: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None,
    bench: BenchView,
    rebuild: Rebuild | None = None,
    worker: str = "",
    **wishes: Unpack[FilmWishes],
) -> Begun:
    """Open a film and settle what is done to it; see ``journey.restore_film``.

    Args:
        rebuild: what an earlier run decided, instead of looking anew
        worker: a name of its own for one of several that share the film
    """
    options = wishes.get("options") or FilmOptions()
    path = Path(source)
    target = Path(output) if output is not None else None
    chosen, reasons = choose_recipe(wishes)
    film = probe(path, limits=wishes.get("limits"), rate=options.rate)
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
        ledger=Ledger(folder, worker=worker),
        delivery=delivery,
        bench=bench,
        span=(0, film.frames),
        segment_frames=max(1, round(options.segment_s * float(film.rate))),
        strict=options.strict,
    )
    return Begun(
        film=film,
        recipe=chosen,
        reasons=reasons,
        policy=wishes.get("policy", POLICY),
        temporal=temporal,
        pictures=pictures,
        work=work,
        lost=lost,
        options=options,
        temporary=temporary,
        rebuild=rebuild,
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
