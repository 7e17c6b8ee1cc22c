"""Plans: everything that will happen to one picture, drawn from a recipe and a seed.

A plan is plain data, can be pickled and knows no pixels, so it can be drawn in another process (a
data loader's worker) and carried out later on a device. Each stage has a generator of its own,
keyed by the seed and its place in the recipe: taking a stage out leaves what the others draw as
it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unfade.degrade.contract import Damage, Drawn, Item, Scene, draw_seed
from unfade.degrade.kinds import damage_of, find_damage
from unfade.degrade.marks.canvas import LEAST
from unfade.degrade.recipe import DegradationRecipe, Stage
from unfade.errors import UsageError

_SHAPE = 0.75  # shorter over longer side of the reference picture
_SMALLEST_UNIT = 0.5  # lengths shrink no further in small pictures: marks must stay visible


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planned:
    """One stage as it will happen, or not (``drawn`` None)."""

    use: str
    drawn: Drawn | None

    @property
    def damage(self) -> Damage:
        return find_damage(self.use)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What will happen to one picture of ``rows x cols``, in order.

    Attributes:
        final: (rows, cols) afterwards
        clip: codes are kept within 0-1 after every stage
        steady: no stage changes the size, not even for a while
    """

    recipe: str
    seed: int
    rows: int
    cols: int
    channels: int
    stages: tuple[Planned, ...]
    final: tuple[int, int]
    steady: bool = True
    clip: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """All that was drawn, ready for JSON; items of local damage stand apart."""
        stages = [{"use": s.use, **s.drawn.parameters} for s in self.stages if s.drawn is not None]
        return {"recipe": self.recipe, "seed": self.seed, "stages": stages}

    def without_marks(self) -> Plan:
        """The same plan with its whole-picture damage alone: what lies under the marks.

        Carried out beside the plan itself it gives the target of networks that fill or find
        marks: outside the mask both pictures are the same.
        """
        stages = tuple(
            s if s.damage.act is not None else Planned(use=s.use, drawn=None) for s in self.stages
        )
        return replace(self, stages=stages)

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(i for s in self.stages if s.drawn is not None for i in s.drawn.items)


def draw_plan(
    recipe: DegradationRecipe,
    seed: int,
    rows: int,
    cols: int,
    channels: int = 3,
    *,
    overlays: str | None = None,
    frame: int | None = None,
) -> Plan:
    """Draw what will happen to a picture of this size.

    Args:
        seed: 0 or more; the same seed, recipe and size give the same plan
        frame: number of a film's frame. What belongs to the whole film is then the same for all
            frames of a seed, what lies on one frame is drawn for it
        overlays: folder of real damage shapes to mix in
    Raises:
        UsageError: a negative seed
    """
    if seed < 0:
        raise UsageError(f"The seed is {seed}, expected 0 or more.", "Use `--seed 7`.")
    whole = np.random.default_rng([seed, len(recipe.stages)])
    scene = _scene(recipe, rows, cols, channels, overlays, whole)
    chosen = _one_of_each(recipe.stages, whole)
    order = np.arange(len(recipe.stages))
    if recipe.order == "random":
        free = [n for n, stage in enumerate(recipe.stages) if not stage.pinned]
        order[free] = whole.permutation(free)
    planned, sizes = [], {(rows, cols)}
    for number in order:
        stage = recipe.stages[number]
        damage = damage_of(stage.settings)
        drawn = None
        if number in chosen:
            drawn = _drawn(damage, stage, scene, (seed, int(number)), frame)
        if drawn is not None and drawn.marks is not None:
            # a hair above the limit, so that rounding cannot lift a pixel over it or not
            drawn = replace(drawn, marks=drawn.marks.seen(1.01 * LEAST))
        planned.append(Planned(use=damage.name, drawn=drawn))
        if drawn is not None:
            scene = _after(scene, damage, drawn)
            sizes.add((scene.rows, scene.cols))
    return Plan(
        recipe=recipe.name,
        seed=seed,
        rows=rows,
        cols=cols,
        channels=channels,
        stages=tuple(planned),
        final=(scene.rows, scene.cols),
        steady=len(sizes) == 1,
        clip=recipe.clip,
    )


def _scene(
    recipe: DegradationRecipe,
    rows: int,
    cols: int,
    channels: int,
    overlays: str | None,
    rng: np.random.Generator,
) -> Scene:
    longer = np.sqrt(rows * cols / _SHAPE)  # of a picture of usual shape with as many pixels
    unit = max(longer / recipe.reference_px, _SMALLEST_UNIT) if recipe.reference_px else 1.0
    reference = (recipe.reference_px or 1024) * unit
    white, cream = rng.uniform(0.72, 0.95), rng.uniform(0.0, 0.35)
    return Scene(
        rows=rows,
        cols=cols,
        channels=channels,
        original=(rows, cols),
        unit_px=float(unit),
        area=rows * cols / (_SHAPE * reference**2),
        paper=(white, white * (1 - 0.25 * cream), white * (1 - cream)),
        silver=channels == 1,
        overlays=overlays,
    )


def _drawn(
    damage: Damage, stage: Stage, scene: Scene, key: tuple[int, int], frame: int | None
) -> Drawn | None:
    """What a stage draws for a picture, or for a frame of a film; None when it does not happen."""
    rng = np.random.default_rng([*key, 1])
    if rng.random() >= stage.settings.chance:
        return None
    if frame is None:
        return damage.draw(stage.settings, scene, rng)
    if damage.draw_at is not None:
        return damage.draw_at(stage.settings, scene, key, frame)
    own = np.random.default_rng([*key, 1, frame + 1])
    if damage.act is None:
        return damage.draw(stage.settings, scene, own)
    held = damage.draw(stage.settings, scene, rng)
    return None if held is None else replace(held, seed=draw_seed(own))


def _after(scene: Scene, damage: Damage, drawn: Drawn) -> Scene:
    if "silver" in drawn.parameters:
        scene = replace(scene, silver=True)
    if damage.size is not None:
        rows, cols = damage.size(drawn, scene.rows, scene.cols)
        scene = replace(scene, rows=rows, cols=cols)
    return scene


def _one_of_each(stages: Sequence[Stage], rng: np.random.Generator) -> set[int]:
    """Numbers of the stages that may happen: all, but of each word one."""
    free = {n for n, stage in enumerate(stages) if not stage.one_of}
    for word in dict.fromkeys(s.one_of for s in stages if s.one_of):
        group = [n for n, stage in enumerate(stages) if stage.one_of == word]
        weights = np.array([stages[n].weight for n in group])
        if weights.sum() > 0:
            free.add(int(rng.choice(group, p=weights / weights.sum())))
    return free
