"""All kinds of damage, by the name that recipes use."""

from __future__ import annotations

from unfade.degrade.contract import Damage
from unfade.degrade.marks import (
    brush,
    cracks,
    creases,
    dust,
    lines,
    losses,
    mould,
    overlays,
    scratches,
    silvering,
    stains,
    tears,
    wrinkles,
)
from unfade.degrade.whole import (
    blur,
    dyes,
    grain,
    halftone,
    jpeg,
    noise,
    projection,
    resize,
    texture,
    vignette,
)
from unfade.errors import RecipeError, nearest

DAMAGES: tuple[Damage, ...] = (
    dyes.TONING,
    dyes.FADING,
    dyes.YELLOWING,
    stains.STAINS,
    creases.DAMAGE,
    wrinkles.DAMAGE,
    scratches.DAMAGE,
    tears.DAMAGE,
    stains.WATER,
    stains.FOXING,
    mould.DAMAGE,
    silvering.DAMAGE,
    losses.LOSSES,
    losses.EDGES,
    cracks.DAMAGE,
    overlays.DAMAGE,
    dust.DUST,
    dust.HAIRS,
    grain.DAMAGE,
    blur.DAMAGE,
    noise.DAMAGE,
    jpeg.DAMAGE,
    resize.DAMAGE,
    vignette.DAMAGE,
    halftone.DAMAGE,
    texture.DAMAGE,
    dust.DIRT,
    lines.DAMAGE,
    brush.DAMAGE,
    projection.FLICKER,
    projection.WEAVE,
)
_BY_NAME = {damage.name: damage for damage in DAMAGES}
_BY_SETTINGS = {damage.settings: damage for damage in DAMAGES}


def find_damage(name: str, where: str = "") -> Damage:
    """A kind of damage by its name.

    Raises:
        RecipeError: there is none; the nearest is named
    """
    if name not in _BY_NAME:
        raise RecipeError(f"{where}There is no damage `{name}`.", nearest(name, _BY_NAME))
    return _BY_NAME[name]


def damage_of(settings: object) -> Damage:
    """The kind that these settings belong to."""
    return _BY_SETTINGS[type(settings)]  # type: ignore[index]
