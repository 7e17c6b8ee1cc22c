"""unfade restores old photographs, paintings and film, and proves what it did and did not touch.

    >>> import unfade
    >>> result = unfade.restore("grandmother.tif", upscale=2)       # doctest: +SKIP
    >>> result.save("grandmother-restored.tif")                      # doctest: +SKIP

The source in the order of a picture's journey:

    errors, needs, config    what can go wrong; optional packages; the machine's settings
    picture                  the array contract
    findings, record         what can be known, what was done
    pixels/                  pure array tools
    files/                   bytes <-> picture
    zoo/, engines/           weights; running a network
    condition/               look
    steps/                   mend
    recipe, cookbook/        what is to be done
    advice                   findings -> recipe
    treatment                compose, check the promises
    film/                    a strip of pictures, its streams untouched
    degrade/                 synthetic damage with its truth
    evaluate/                measure
    result, journey          the front doors: restore, examine, compare, revert
    scans/                   several scans of one thing: fuse
    report/, package/        what was done, for people; everything in one zip
    study/                   methods side by side on data sets
    train/                   networks from pictures
    batch/                   many pictures, folders or S3, killed and resumed at will
    web/                     service and page
    cli/                     the command line
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unfade.version import VERSION

if TYPE_CHECKING:
    from unfade.engines.bench import Bench
    from unfade.errors import UnfadeError
    from unfade.findings import Findings
    from unfade.journey import compare, examine, restore, revert
    from unfade.picture import Picture
    from unfade.recipe import Recipe, load_recipe
    from unfade.record import Evidence, Record
    from unfade.result import Result
    from unfade.scans.fusing import fuse

_HOMES = {
    "Bench": "unfade.engines.bench",
    "Evidence": "unfade.record",
    "Findings": "unfade.findings",
    "Picture": "unfade.picture",
    "Recipe": "unfade.recipe",
    "Record": "unfade.record",
    "Result": "unfade.result",
    "UnfadeError": "unfade.errors",
    "compare": "unfade.journey",
    "examine": "unfade.journey",
    "fuse": "unfade.scans.fusing",
    "load_recipe": "unfade.recipe",
    "restore": "unfade.journey",
    "revert": "unfade.journey",
}

__version__ = VERSION

__all__ = [
    "Bench",
    "Evidence",
    "Findings",
    "Picture",
    "Recipe",
    "Record",
    "Result",
    "UnfadeError",
    "__version__",
    "compare",
    "examine",
    "fuse",
    "load_recipe",
    "restore",
    "revert",
]


def __getattr__(name: str) -> Any:
    """Public names are loaded when first used, so that ``import unfade`` costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'unfade' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
