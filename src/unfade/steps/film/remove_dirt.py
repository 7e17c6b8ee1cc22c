"""Remove dirt and dust: what is on one frame only, and neither before nor after, is not the scene.

The neighbours are brought to where the frame's own picture is (optical flow) and to its level
(deflicker's curves). A spot where the frame differs from both in the same direction, while they
agree with each other, is dirt; what lies under it is taken from a neighbour, which is named.

Moving things can look the same: a drop of rain, confetti, a spark is in one place in one frame
only. They come in trains, so a spot that has a like one at the mirrored place in the frames
before and after is left alone; and where motion cannot be followed (the surround differs too),
nothing is judged. A thing that is in one frame only, alone, is taken for dirt. Dirt at the same
place in two frames stays, and so does dirt on the first and the last frame of a shot, which have
a neighbour on one side only: what comes or goes there is not told from dirt.

Detection follows the idea of Kokaram 1998 (Motion Picture Restoration, ch. 6) and Nadenau, Mitra
1997 (rank order detector); thresholds are this project's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.picture import Mask, Plane, Window
from unfade.record import Evidence
from unfade.steps import contract
from unfade.steps.contract import Kind, Step, setting
from unfade.steps.film.flow import Flow, carried_over, enlarged, warped

RING_PX = 5
MOST_SPOTS = 800  # in one frame: more is not dirt but rain, or a picture that cannot be followed
_TRAIN_REACH = 0.14  # of the width: as far as a thing moves from frame to frame
_ALIKE = (1.0, 32.0)  # log area, shade in codes
_VERY_ALIKE = (0.5, 16.0)
_MOVING_SHARE = 0.25  # of the spots around: then the others move as well
_SEEN_SHARE = 0.45
_WITNESS = 0.1  # confidence of a spot that tells of movement, though it would not be removed
MOST_SHARE = 0.04  # of a frame: more is a flash or a lost frame


@dataclass(frozen=True, kw_only=True)
class Settings(contract.Settings):
    """Which spots are removed."""

    min_confidence: float = setting(0.65, "less sure spots are left alone", low=0, high=1)
    contrast: float = setting(
        12.0, "least difference from both neighbours", unit="codes of 255", low=3, high=100
    )
    smallest_px: int = setting(3, "smaller spots are left alone", unit="px", low=1, high=100)
    largest_share: float = setting(
        0.01, "of the frame: larger spots are left alone", low=0.0001, high=0.1
    )


@dataclass(slots=True, eq=False)
class Spot:
    """A spot in one frame that is on neither neighbour.

    Attributes:
        window, mask: where; the mask is of the window
        contrast: mean difference from the neighbours, signed, in codes of 0-255
        shade: mean code of what is there
        confidence: 0-1
        side: which neighbour lends the samples: -1 before, 1 after
        lift: the lender is raised by this, so that the edge does not show
    """

    window: Window
    mask: Mask
    contrast: float
    shade: float
    confidence: float
    side: int
    lift: float

    @property
    def area_px(self) -> int:
        return int(np.count_nonzero(self.mask))

    @property
    def centre(self) -> tuple[float, float]:
        w = self.window
        return (w.top + w.bottom) / 2, (w.left + w.right) / 2


@dataclass(slots=True, eq=False)
class Compared:
    """One frame beside its neighbours.

    Attributes:
        spots: what is on this frame only; those below ``min_confidence`` only tell of movement
        flows: to the frame before and after, at full size, taken from around the spots
        noise: standard deviation of the frame's grain, in codes of 0-255
        says: why nothing was judged, or ""
    """

    spots: list[Spot]
    flows: tuple[Flow | None, Flow | None]
    noise: float
    says: str = ""


def find_spots(
    luma: Plane,
    before: Plane | None,
    after: Plane | None,
    flow_before: Flow | None,
    flow_after: Flow | None,
    settings: Settings,
) -> Compared:
    """Spots that are on this frame and on neither neighbour.

    Args:
        luma: (rows, cols) float32, codes of 0-255
        before, after: the neighbours, brought to this frame's level; None at a cut
        flow_before, flow_after: from this frame to each, at any size
    Cost:
        about 0.1 s for 1280 x 720 on one core
    """
    if before is None or after is None or flow_before is None or flow_after is None:
        return Compared([], (None, None), 0.0, "no neighbour on one side")
    rows, cols = luma.shape
    flows = (enlarged(flow_before, rows, cols), enlarged(flow_after, rows, cols))
    lent = (warped(before, flows[0]), warped(after, flows[1]))
    rough = _odd(luma, *lent)
    noise = _noise(luma, *lent)
    first = np.abs(rough) > max(settings.contrast * 0.7, 3.5 * noise)
    if first.mean() > 4 * MOST_SHARE:
        return Compared([], flows, noise, "the whole frame differs from its neighbours")
    if first.any():
        # flow that ran after the dirt itself is replaced by its surround's
        flows = _calmer(flows, first, (flow_before.shape[0], flow_before.shape[1]))
        lent = (warped(before, flows[0]), warped(after, flows[1]))
        rough = _odd(luma, *lent)
    spots, says = _spots(luma, lent, rough, noise, settings)
    return Compared(spots, flows, noise, says)


def in_trains(
    spots: list[Spot], before: list[Spot] | None, after: list[Spot] | None, cols: int
) -> list[bool]:
    """Which spots belong to things that move: a like one at the mirrored places.

    Where many spots around do, the others are taken to move as well: drops and sparks come and
    go, and not each of them is seen three times.

    Args:
        before, after: spots of the neighbouring frames; None where nothing was judged (a cut, a
            flash): then a like spot on the other side alone tells of movement
        cols: width of the frame
    """
    if not spots:
        return []
    places = np.array([s.centre for s in spots])
    looks = _looks(spots)
    steps: list[list[np.ndarray]] = []
    seen = np.zeros(len(spots), bool)  # one very like it, on either side alone
    for side in (before, after):
        others = np.array([s.centre for s in side or ()]).reshape(-1, 2)
        apart = np.abs(_looks(side or [])[None] - looks[:, None])
        near = np.abs(others[None] - places[:, None]).max(axis=2) < _TRAIN_REACH * cols
        like = (apart < _ALIKE).all(axis=2) & near
        seen |= ((apart < _VERY_ALIKE).all(axis=2) & near).any(axis=1)
        steps.append([others[row] - place for row, place in zip(like, places)])
    moving = np.zeros(len(spots), bool)
    for k, (back, forth) in enumerate(zip(*steps)):
        if before is None or after is None:
            moving[k] = bool(len(back) or len(forth))
        elif len(back) and len(forth):
            mirrored = np.abs(back[:, None, :] + forth[None, :, :]).max(axis=2)
            length = np.abs(back).max(axis=1)[:, None]
            moving[k] = bool((mirrored < 5.0 + 0.2 * length).any())
    around = (np.abs(places[None] - places[:, None]).max(axis=2) < 0.25 * cols).astype(np.float64)
    count = around.sum(axis=1)
    crowd = (around @ moving >= np.maximum(2, _MOVING_SHARE * count)) | (
        around @ (seen | moving) >= np.maximum(3, _SEEN_SHARE * count)
    )
    moving |= crowd
    return [bool(m) for m in moving]


def _looks(spots: list[Spot]) -> np.ndarray:
    """(n, 2): log area, and shade."""
    return np.array([(np.log(max(1, s.area_px)), s.shade) for s in spots]).reshape(-1, 2)


def _odd(luma: Plane, before: Plane, after: Plane) -> Plane:
    """How far the frame is outside both neighbours; 0 where it lies between or beside one."""
    high = luma - np.maximum(before, after)
    low = np.minimum(before, after) - luma
    return np.where(high > 0, high, np.where(low > 0, -low, np.float32(0)))


def _noise(luma: Plane, before: Plane, after: Plane) -> float:
    step = max(1, luma.shape[0] // 240)
    middle = luma[::step, ::step] - (before[::step, ::step] + after[::step, ::step]) / 2
    return float(1.4826 * np.median(np.abs(middle - np.median(middle))) / np.sqrt(1.5))


def _calmer(flows: tuple[Flow, Flow], first: Mask, size: tuple[int, int]) -> tuple[Flow, Flow]:
    import cv2

    rows, cols = first.shape
    # at the flow's own size: fast, and flow is no finer than that
    less = cv2.resize(first.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) > 0.02
    wider = cv2.dilate(less.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    calm = []
    for flow in flows:
        own = cv2.resize(flow, size[::-1], interpolation=cv2.INTER_LINEAR)
        own *= np.array([size[1] / cols, size[0] / rows], np.float32)
        calm.append(enlarged(carried_over(own, wider), rows, cols))
    return calm[0], calm[1]


def _spots(
    luma: Plane, lent: tuple[Plane, Plane], odd: Plane, noise: float, settings: Settings
) -> tuple[list[Spot], str]:
    import cv2

    rows, cols = luma.shape
    apart = np.abs(lent[0] - lent[1])
    # where the neighbours do not agree around here, motion was not followed
    unrest = cv2.boxFilter(apart, -1, (15, 15))
    smooth = cv2.GaussianBlur(odd, (3, 3), 0.7)
    size = np.abs(smooth)
    seed = (size > np.maximum(settings.contrast, 4.5 * noise) + 1.5 * unrest) & (size > 1.2 * apart)
    if seed.mean() > MOST_SHARE:
        return [], "too much of the frame differs from its neighbours"
    grow = (size > 0.4 * np.maximum(settings.contrast, 4.5 * noise) + 0.75 * unrest) & (
        size > 0.7 * apart
    )
    count, labels, facts, _ = cv2.connectedComponentsWithStats(
        (grow | seed).astype(np.uint8), connectivity=8, ltype=cv2.CV_32S
    )
    if count <= 1:
        return [], ""
    seeded = np.zeros(count, bool)
    seeded[np.unique(labels[seed])] = True
    seeded[0] = False
    area = facts[:, cv2.CC_STAT_AREA]
    chosen = np.flatnonzero(
        seeded & (area >= settings.smallest_px) & (area <= settings.largest_share * rows * cols)
    )
    if len(chosen) > MOST_SPOTS:
        return [], f"{len(chosen)} spots in one frame are no dirt"
    spots = []
    for label in chosen:
        left, top, wide, high = facts[label, :4]
        box = Window(int(top), int(left), int(top + high), int(left + wide))
        spot = _spot(luma, lent, odd, unrest, labels, int(label), box, noise, settings)
        if spot is not None:
            spots.append(spot)
    return spots, ""


def _spot(
    luma: Plane,
    lent: tuple[Plane, Plane],
    odd: Plane,
    unrest: Plane,
    labels: np.ndarray,
    label: int,
    box: Window,
    noise: float,
    settings: Settings,
) -> Spot | None:
    import cv2

    rows, cols = luma.shape
    wide = box.grown(RING_PX + 3, rows, cols)
    core = labels[wide.slices] == label
    here = core.astype(np.uint8)
    mask = cv2.dilate(here, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))).astype(bool)
    outer = cv2.dilate(mask.astype(np.uint8), np.ones((2 * RING_PX - 3,) * 2, np.uint8)) > 0
    ring = outer & ~mask & (labels[wide.slices] == 0)
    if ring.sum() < 8:
        return None
    own = luma[wide.slices]
    contrast = float(odd[wide.slices][core].mean())
    sides = [lent[0][wide.slices], lent[1][wide.slices]]
    # the surround must be explained by the neighbours, or motion was not followed here
    misfit = [float(np.abs(own - side)[ring].mean()) for side in sides]
    grain = max(noise, 0.5)
    apart = float(np.abs(sides[0] - sides[1])[core].mean())
    evidence = abs(contrast) / (
        1.5 * grain + 1.2 * max(0.0, min(misfit) - grain) + 0.8 * max(misfit) + 0.7 * apart + 1.0
    )
    confidence = float(1 / (1 + np.exp(-2.2 * (evidence - 1.6))))
    if confidence < min(_WITNESS, settings.min_confidence):
        return None
    side = 0 if misfit[0] <= misfit[1] else 1
    lift = float((own - sides[side])[ring].mean())
    return Spot(
        window=wide,
        mask=mask,
        contrast=contrast,
        shade=float(own[core].mean()),
        confidence=confidence,
        side=-1 if side == 0 else 1,
        lift=lift,
    )


STEP = Step(
    name="remove_dirt",
    title="Remove dirt and dust that is on one frame only",
    settings=Settings,
    kind=Kind.TEMPORAL,
    evidence=Evidence.BORROWED,
    paper="Kokaram 1998, Motion Picture Restoration, ch. 6; Nadenau, Mitra 1997",
)
