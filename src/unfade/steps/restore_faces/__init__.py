"""Restore faces: let a network draw a face over a damaged one. Only when asked for by name.

What such a network draws the picture does not hold: it has learned what faces look like, and
puts a likely one there. The result is class 4 (invented) in the evidence map, each face is an
item of its own that can be taken back, and only those that the user picks are touched. Never
advised.

A face is refused when its eyes were not found, or are closer together than ``least_eyes_px``:
below that the picture does not tell who it is, and any face drawn would be somebody else's. When
the network that tells faces apart (``sface-2021dec``) is here, the likeness of each face before and
after is measured and recorded, and a result that is no longer the same person's is left out.

Brightness and colour of the face stay those of the picture. Groups: every face that was found is
worked on by itself; small ones are refused, not invented. A network of 256 pixels changes nothing
finer than that: in a large face, a hairline that it takes off leaves its edges.

Papers: Wang et al. 2022 (RestoreFormer); Wang et al. 2021 (GFPGAN); Zhou et al. 2022
(CodeFormer); Wan et al. 2020 (SPADE, the face stage of "Bringing Old Photos Back to Life").
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unfade.engines.contract import BenchView, Mender, ModelFacts
from unfade.errors import InputRefused, ModelMissing, ModelRejected, SettingsError
from unfade.findings import Face, Findings, Mark, MarkKind, Region
from unfade.picture import Picture, Pixels, Window
from unfade.record import Evidence
from unfade.steps import contract, networks
from unfade.steps.contract import Kind, Look, Proposal, Step, setting
from unfade.steps.restore_faces import aligned

NETWORKS = {
    "restoreformer": "restoreformer",
    "gfpgan": "gfpgan-1.4",
    "codeformer": "codeformer",
    "spade": "latent-face-256",
    "spade-512": "latent-face-512",
}
RECOGNISER = "sface-2021dec"
SAME_PERSON = 0.363  # OpenCV's figure for SFace: from here on two faces are one person's


@dataclass(frozen=True, kw_only=True)
class Settings(contract.RepairSettings):
    """Which faces are restored, and how."""

    faces: str = setting(
        "all", "numbers of faces from left to right as `unfade examine` lists them, like `2,5`"
    )
    method: str = setting(
        "restoreformer", "network that draws the faces", choices=tuple(NETWORKS), networks=True
    )
    strength: float = setting(1.0, "share of the change that is taken", low=0, high=1, neutral=0.0)
    fidelity: float = setting(
        0.7, "for `codeformer`: 0 is the prettiest, 1 the closest to the picture", low=0, high=1
    )
    least_eyes_px: float = setting(
        32.0, "faces with eyes closer together are refused", unit="px", low=16, high=512
    )
    least_likeness: float = setting(
        SAME_PERSON,
        "a result that is less like the face before is left out, when that can be measured",
        low=-1,
        high=1,
    )


@dataclass(frozen=True, slots=True, eq=False)
class FaceWork:
    """The opened networks, what was decided about each face, and how alike it stayed."""

    engine: Mender
    alignment: aligned.Alignment
    recogniser: Any
    decisions: dict[int, str]
    likeness: dict[int, float] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)

    def to_dict(self) -> dict[str, Any]:
        faces = [
            {"face": number, "decision": words}
            | ({"likeness": self.likeness[number]} if number in self.likeness else {})
            for number, words in sorted(self.decisions.items())
        ]
        measured = "measured" if self.recogniser else f"not measured: `{RECOGNISER}` is not here"
        return {"faces": faces, "identity": measured}


def network_of(settings: Settings) -> str | None:
    """The catalogue name of the network that the settings need."""
    return networks.network_name(settings.method, (), NETWORKS)


def measure(picture: Picture, settings: Settings, findings: Findings, bench: BenchView) -> FaceWork:
    """Decide about each face, and open what is needed.

    Raises:
        SettingsError: a number that is no face, or a network that is not for faces, or for faces
            of another size
        InputRefused: a face that was asked for by its number cannot be restored; why is told
        ModelMissing: the network is not here
    """
    engine = bench.engine(network_of(settings) or "")
    facts = engine.facts
    alignment = _alignment(facts)
    if "fidelity" in facts.dials:
        engine = engine.tuned(fidelity=settings.fidelity)
    faces = findings.faces.faces if findings.faces is not None else ()
    wanted = _numbers(settings, len(faces))
    decisions = {}
    for number, face in enumerate(faces, start=1):
        reason = _refusal(face, settings)
        if number not in wanted:
            decisions[number] = "left alone: not asked for"
        elif reason:
            if settings.faces != "all":
                raise InputRefused(
                    f"Face {number} cannot be restored: {reason}.",
                    "Leave it out of `--face`. A larger scan of the print may do.",
                )
            decisions[number] = f"refused: {reason}"
        else:
            decisions[number] = "restored"
    return FaceWork(engine, alignment, _recogniser(bench), decisions)


def _alignment(facts: ModelFacts) -> aligned.Alignment:
    """How a network wants its faces."""
    alignment = aligned.ALIGNMENTS.get(facts.alignment)
    fits = facts.shape == "mend" and facts.tiling == "whole" and facts.scale == 1
    if alignment is None or not fits:
        raise SettingsError(
            f"`restore_faces` cannot use the network `{facts.name}`, which is not one for faces.",
            "`unfade models list --task 'restore faces'` shows those that are.",
        )
    if facts.multiple_of not in aligned.SIDES:
        side = facts.multiple_of
        raise SettingsError(
            f"`restore_faces` cannot use the network `{facts.name}`, which takes faces of {side} x "
            f"{side} pixels; faces are cut out at {' or '.join(map(str, aligned.SIDES))} pixels.",
            "`unfade models list --task 'restore faces'` shows those that fit.",
        )
    return alignment.sized(facts.multiple_of)


def chosen_faces(findings: Findings, settings: Settings) -> Sequence[Mark]:
    """The faces that these settings restore, as marks: an oval each, one beside the other."""
    faces = findings.faces.faces if findings.faces is not None else ()
    wanted = _numbers(settings, len(faces))
    ovals = []
    for number, face in enumerate(faces, start=1):
        if number in wanted and not _refusal(face, settings):
            found = aligned.oval(aligned.fit(_points(face)), 1 << 30, 1 << 30)
            if found is not None:
                ovals.append((face, *found))
    marks = []
    for face, window, radius in ovals:
        mask = aligned.inside(radius)
        for other, window2, radius2 in ovals:
            both = window.overlap(window2)
            if other is not face and both is not None:  # a pixel belongs to the nearer face
                here, there = both.within(window), both.within(window2)
                mask[here] &= radius[here] <= radius2[there]
        if mask.any():
            marks.append(
                Mark(
                    kind=MarkKind.FACE,
                    region=Region.of(mask, window),
                    confidence=face.confidence,
                    width_px=float(face.eye_distance_px or 0),
                    origin=_key(face),
                )
            )
    return tuple(marks)


def _propose(look: Look, settings: Settings) -> Proposal:
    work = look.measured
    assert isinstance(work, FaceWork) and look.mark is not None and look.findings.faces is not None
    faces = look.findings.faces.faces
    number, face = next((n, f) for n, f in enumerate(faces, 1) if _key(f) == look.mark.key)
    alignment = work.alignment
    to_cut = aligned.fit(_points(face), alignment.template)
    cut = np.clip(aligned.cut_out(look.pixels, look.window, to_cut, alignment.side_px), 0, 1)
    restored = np.clip(work.engine.mend(cut), 0, 1)
    if work.recogniser is not None:
        likeness = _likeness(work.recogniser, cut, restored, alignment)
        with work.lock:
            work.likeness[number] = round(likeness, 4)
            if likeness < settings.least_likeness:
                work.decisions[number] = (
                    f"left out: its likeness of {likeness:.2f} to the face before is below "
                    f"{settings.least_likeness:.2f}"
                )
        if likeness < settings.least_likeness:
            return Proposal(look.pixels)
    return Proposal(
        aligned.laid_back(
            look.pixels, look.window, cut, restored, to_cut, settings.strength, alignment
        )
    )


def _likeness(
    recogniser: Any, before: Pixels, after: Pixels, alignment: aligned.Alignment
) -> float:
    """How alike two cuts are to a recogniser, -1 to 1."""
    to_crop = aligned.fit(alignment.template, aligned.RECOGNISER)
    whole = Window(0, 0, alignment.side_px, alignment.side_px)
    one, other = (
        recogniser.find(np.clip(aligned.cut_out(face, whole, to_crop, 112), 0, 1))
        for face in (before, after)
    )
    return float(np.dot(one, other))


def _recogniser(bench: BenchView) -> Any:
    """The network that tells faces apart, where it is; it is no part of the result."""
    try:
        return bench.engine(RECOGNISER)
    except ModelRejected:
        raise
    except ModelMissing:
        return None


def _numbers(settings: Settings, count: int) -> set[int]:
    if settings.faces == "all":
        return set(range(1, count + 1))
    words = [word.strip() for word in settings.faces.split(",") if word.strip()]
    if not words or not all(word.isdecimal() for word in words):
        raise SettingsError(
            f"`faces` is `{settings.faces}`, expected `all` or numbers like `2,5`.",
            "`unfade examine` lists the faces from left to right.",
        )
    numbers = {int(word) for word in words}
    beyond = sorted(n for n in numbers if not 1 <= n <= count)
    if beyond:
        raise SettingsError(
            f"There is no face {beyond[0]}: {count} were found.",
            "`unfade examine` lists them from left to right.",
        )
    return numbers


def _refusal(face: Face, settings: Settings) -> str:
    """Why a face is not restored, or nothing."""
    if len(face.landmarks) < 2 or face.eye_distance_px is None:
        return "its eyes were not found"
    if face.eye_distance_px < settings.least_eyes_px:
        return (
            f"its eyes are {face.eye_distance_px:.0f} px apart, {settings.least_eyes_px:.0f} px "
            "are the least"
        )
    return ""


def _points(face: Face) -> np.ndarray:
    return np.array(face.landmarks, float)


def _key(face: Face) -> str:
    return f"face@{face.window.top}:{face.window.left}"


STEP = Step(
    name="restore_faces",
    title="Draw faces anew with a network, each an item of its own",
    settings=Settings,
    kind=Kind.LOCAL,
    evidence=Evidence.INVENTED,
    propose=_propose,
    regions=chosen_faces,
    measure=measure,
    looks_at=("faces",),
    halo_px=lambda settings: 32,
    network=network_of,
    one_piece=lambda mark, settings: True,
    fills=False,
    paper="Wang et al. 2022, arXiv:2201.06374",
)
