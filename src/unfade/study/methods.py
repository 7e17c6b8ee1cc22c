"""The methods of a study: what is given a damaged picture and returns a picture.

Always among them are the negative controls: **identity** (nothing), **blur** (a 5 x 5 Gaussian,
which many tutorials call restoration), **stretch** (minimum and maximum of the channels to black
and white) and **flip** (upside down). A benchmark that cannot tell them apart measures nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfade.engines.contract import BenchView
from unfade.errors import UnsupportedInput, UsageError, nearest
from unfade.journey import restore
from unfade.picture import EvidenceMap, Picture
from unfade.pixels.resample import box_mean
from unfade.recipe import Recipe, load_recipe, shipped_recipes
from unfade.record import Evidence
from unfade.steps.inpaint import METHODS as FILLS
from unfade.steps.inpaint import Settings as Inpaint
from unfade.steps.inpaint import fill_by_network
from unfade.study.damage import Damaged
from unfade.study.spec import label_and_spec
from unfade.zoo.catalogue import find as find_network

CONTROLS = ("identity", "blur", "stretch", "flip")
WIDEST_PX = 512.0  # a fill is asked for the whole mask, however wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method; plain data, so that it can be sent to a worker.

    Attributes:
        label: as in the table
        family: control, recipe, fill, network or folder
        what: name of the control, recipe, fill or network, or the folder's path
        print: hash of what it does, beside unfade's own code; empty for folders, whose files are
            hashed one by one
    """

    label: str
    family: str
    what: str
    print: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """What a method returned; the evidence map only where it comes from ``restore``."""

    picture: Picture
    evidence: EvidenceMap | None = None


def parse_methods(texts: tuple[str, ...]) -> tuple[Method, ...]:
    """The controls and the methods of these specs.

    Raises:
        UsageError: an unknown kind or fill, or one label twice
        RecipeError, ModelMissing: no such recipe, no such network
    """
    asked = [parse_method(text) for text in texts if text not in CONTROLS]
    methods = (*(parse_method(name) for name in CONTROLS), *asked)
    labels = [method.label for method in methods]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(
                f"Two methods are called `{label}`.", "Give one a label: `LABEL=SPEC`."
            )
        if not label or "/" in label or "\\" in label or label in (".", ".."):
            raise UsageError(f"`{label}` cannot be a label.", "Use a plain word: `LABEL=SPEC`.")
    return methods


def parse_method(text: str) -> Method:
    """One method of its spec; see ``Study.methods``."""
    label, spec = label_and_spec(text)
    kind, colon, rest = spec.partition(":")
    if spec in CONTROLS:
        return Method(label=label, family="control", what=spec, print=spec)
    if colon and kind == "fill":
        if rest not in FILLS:
            raise UsageError(f"There is no fill `{rest}`.", nearest(rest, FILLS))
        return Method(label=label, family="fill", what=rest, print=rest)
    if colon and kind == "network":
        return Method(label=label, family="network", what=rest, print=find_network(rest).sha256)
    if colon and kind == "folder":
        if not Path(rest).is_dir():
            raise UsageError(f"`{rest}` is not a folder.", "Give the folder of the results.")
        return Method(label=label, family="folder", what=rest, print="")
    if kind != "recipe" and spec != "auto" and not spec.endswith(".toml"):
        known = [*CONTROLS, "auto", *(r.name for r in shipped_recipes())]
        known += [*(f"fill:{name}" for name in FILLS), "network:NAME", "folder:PATH"]
        if spec not in known:
            raise UsageError(f"There is no method `{spec}`.", nearest(spec, known))
    name = rest if colon and kind == "recipe" else spec
    mark = "auto" if name == "auto" else load_recipe(name).sha256
    return Method(label=label, family="recipe", what=name, print=mark)


def carry_out(method: Method, given: Damaged, bench: BenchView) -> Made:
    """Give a method a damaged picture. Folders are read elsewhere.

    Raises:
        UnfadeError: whatever the method raises; a fill where no mask is known
    """
    if method.family == "control":
        return Made(picture=_control(method.what, given.picture))
    if method.family == "recipe":
        result = restore(given.picture, recipe=method.what, bench=bench)
        return Made(picture=result.picture, evidence=result.evidence)
    if method.family == "network":
        return Made(picture=_network(method.what, given, bench))
    if given.mask is None:
        raise UnsupportedInput(
            f"`{method.label}` fills masks, and nobody says where the damage lies.",
            "Lay masks into the folder `masks` beside the damaged pictures.",
        )
    if not given.mask.any():
        return Made(picture=given.picture)
    fill = Recipe(name=method.label, steps=(Inpaint(method=method.what, max_width_px=WIDEST_PX),))
    result = restore(given.picture, recipe=fill, mask=given.mask, bench=bench)
    return Made(picture=result.picture)


def found_mask(evidence: EvidenceMap) -> np.ndarray:
    """Where a treatment saw local damage: everything but what it left or adjusted as a whole."""
    return np.asarray(evidence > Evidence.ADJUSTED)


def _control(name: str, picture: Picture) -> Picture:
    if name == "identity":
        return picture
    if name == "flip":
        return picture.with_samples(np.ascontiguousarray(picture.samples[::-1]))
    pixels = picture.pixels
    if name == "blur":
        import cv2

        made = cv2.GaussianBlur(pixels, (5, 5), 0).reshape(pixels.shape)
    else:
        low, high = pixels.min(axis=(0, 1)), pixels.max(axis=(0, 1))
        made = (pixels - low) / np.maximum(high - low, np.float32(1e-6))
    return Picture.of(made.astype(np.float32), like=picture)


def _network(name: str, given: Damaged, bench: BenchView) -> Picture:
    """A network on the whole picture; one that enlarges is scaled back, box by box."""
    engine = bench.engine(name)
    pixels = given.picture.pixels
    if engine.facts.shape == "mend":
        made = engine.mend(pixels)
        if engine.facts.scale > 1:
            made = box_mean(made, scale=engine.facts.scale)
    elif engine.facts.shape == "fill":
        if given.mask is None:
            raise UnsupportedInput(
                f"`{name}` fills masks, and nobody says where the damage lies.",
                "Lay masks into the folder `masks` beside the damaged pictures.",
            )
        if given.mask.any():
            pixels = fill_by_network(engine, pixels, given.mask, grain=0.0)
        made = pixels
    else:
        raise UnsupportedInput(
            f"`{name}` has the call shape `{engine.facts.shape}`.", "Study `mend` or `fill`."
        )
    return Picture.of(np.clip(made, 0, 1).astype(np.float32), like=given.picture)
