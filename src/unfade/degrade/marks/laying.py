"""How marks act on light: one formula for all of them, on the covered pixels alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.degrade.arrays import Array, is_tensor, like, namespace, take
from unfade.degrade.contract import Drawn, Marks
from unfade.degrade.light import LEAST_LIGHT, codes_of, log_light


def lay_marks(x: Array, drawn: Sequence[Drawn], domain: str) -> Array:
    """Lay each picture's marks over it; pixels without a mark keep their bits.

    Args:
        x: (n, c, h, w) in ``domain``, changed in place
    """
    marks = [d.marks for d in drawn]
    known = [m for m in marks if m is not None]
    if not known:
        return x
    xp = namespace(x)
    channels, plane = x.shape[1], x.shape[2] * x.shape[3]
    flat = x.reshape(-1)
    place = np.concatenate(
        [m.index + n * channels * plane for n, m in enumerate(marks) if m is not None]
    )
    base = like(place, x, dtype="int64")
    opacity = _joined(known, "opacity", 0.0, 1)
    keep, pass_on = _joined(known, "keep", 1.0, channels), _joined(known, "pass_on", 1.0, channels)
    colour = _joined(known, "colour", 0.0, channels)
    cover = like(opacity[:, 0], x) if opacity is not None else None
    for channel in range(channels):
        index = base + channel * plane
        light = take(flat, index)
        logs = log_light(light) if domain == "codes" else light
        if keep is not None:
            logs = logs * like(keep[:, channel], x)
        if pass_on is not None:
            logs = logs + like(np.log(pass_on[:, channel]), x)
        if cover is not None and colour is not None:
            light = xp.exp(logs)
            light = light + cover * (like(colour[:, channel], x) - light)
            logs = xp.log(xp.clip(light, LEAST_LIGHT, None))
        flat[index] = codes_of(logs) if domain == "codes" else logs
    return flat.reshape(x.shape) if is_tensor(x) else x


def note_marks(opacity: Array, classes: Array, drawn: Sequence[Drawn]) -> tuple[Array, Array]:
    """Enter the marks into the maps (n, 1, h, w) of how strongly and by what places are covered."""
    plane = opacity.shape[2] * opacity.shape[3]
    flat, kinds = opacity.reshape(-1), classes.reshape(-1)
    for n, d in enumerate(drawn):
        if d.marks is None:
            continue
        index = like(d.marks.index + n * plane, opacity, dtype="int64")
        strength = like(d.marks.strength, opacity)
        before = take(flat, index)
        xp = namespace(opacity)
        own = like(d.marks.classes, opacity, dtype="uint8")
        on_top = strength >= xp.clip(before, None, 0.5)
        kinds[index] = xp.where(on_top, own, take(kinds, index))
        flat[index] = 1 - (1 - before) * (1 - strength)
    return opacity, classes


def _joined(marks: Sequence[Marks], name: str, neutral: float, width: int) -> np.ndarray | None:
    """One host array (all places, width) of a field, neutral where a picture lacks it."""
    if all(getattr(m, name) is None for m in marks):
        return None
    parts = []
    for m in marks:
        values = getattr(m, name)
        size = (m.index.size, width)
        if values is None:
            parts.append(np.full(size, neutral, np.float32))
            continue
        values = values.reshape(-1, 1) if values.ndim == 1 else values
        if width == 1 and values.shape[1] == 3:  # a grey picture: what green light would do
            values = values[:, 1:2]
        parts.append(np.broadcast_to(values, size).astype(np.float32))
    return np.concatenate(parts)
