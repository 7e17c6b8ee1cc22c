"""Mending: one module, one treatment. This list is the table of contents.

The order here is the order in which advice puts steps: what covers the picture goes first, then
what lies in it, then its tones, then its size.
"""

from __future__ import annotations

from unfade.errors import RecipeError, nearest
from unfade.steps import (
    adjust_tone,
    colorize,
    correct_cast,
    correct_fading,
    correct_silvering,
    correct_varnish,
    correct_yellowing,
    deblock,
    deblur,
    dehaze,
    denoise,
    descreen,
    equalise,
    fill_craquelure,
    fill_losses,
    inpaint,
    invert_negative,
    mend_creases,
    mend_wear,
    remove_dust,
    remove_scratches,
    remove_stains,
    restore_faces,
    sharpen,
    translate,
    upscale,
)
from unfade.steps.contract import (
    Kind,
    Look,
    Proposal,
    RepairSettings,
    Settings,
    Step,
    setting,
    settings_from,
)
from unfade.steps.film import FILM_STEPS

STEPS: tuple[Step, ...] = (
    remove_dust.STEP,
    remove_scratches.STEP,
    mend_creases.STEP,
    mend_wear.STEP,
    remove_stains.STEP,
    fill_losses.STEP,
    fill_craquelure.STEP,
    inpaint.STEP,
    translate.STEP,
    deblock.STEP,
    descreen.STEP,
    denoise.STEP,
    invert_negative.STEP,
    correct_silvering.STEP,
    correct_fading.STEP,
    correct_varnish.STEP,
    correct_cast.STEP,
    correct_yellowing.STEP,
    adjust_tone.STEP,
    equalise.STEP,
    dehaze.STEP,
    deblur.STEP,
    restore_faces.STEP,
    sharpen.STEP,
    colorize.STEP,
    upscale.STEP,
)


def find_step(name: str, where: str = "") -> Step:
    """The step of this name.

    Raises:
        RecipeError: there is none; the nearest name is named
    """
    for step in (*STEPS, *FILM_STEPS):
        if step.name == name:
            return step
    known = (s.name for s in (*STEPS, *FILM_STEPS))
    raise RecipeError(f"{where}There is no step `{name}`.".lstrip(), nearest(name, known))


def step_of(settings: Settings) -> Step:
    """The step that these settings belong to."""
    for step in (*STEPS, *FILM_STEPS):
        if type(settings) is step.settings:
            return step
    raise TypeError(f"{type(settings).__qualname__} belongs to no step in STEPS")


__all__ = [
    "FILM_STEPS",
    "STEPS",
    "Kind",
    "Look",
    "Proposal",
    "RepairSettings",
    "Settings",
    "Step",
    "find_step",
    "setting",
    "settings_from",
    "step_of",
]
