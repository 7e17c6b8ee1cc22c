"""Measuring: metrics, one file each; the comparison of two pictures; pictures of a comparison.

    mse, psnr, ssim, msssim, difference     how far a result is from the truth
    harm                                    what became of the pixels that were sound
    stlpips, lpips, dists, flip,            how far it looks from the truth
    ssimulacra2
    niqe, brisque (natural)                 how natural it looks, with no truth to compare with
    laplacian, spectrum, colourfulness      sharpness and colour of one picture
    found                                   how well a mask finds the damage
    identity                                whether a face is still the same face
    agreement                               what Keras tutorials call accuracy
    metrics                                 all of them by name
    comparison, sheets                      two pictures in numbers, and side by side

Importing this package imports neither PyTorch nor pandas nor matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unfade.evaluate.harm import harm_rate
    from unfade.evaluate.metrics import Case, measure
    from unfade.evaluate.sheets import Sheet, sheet

_HOMES = {
    "Case": "unfade.evaluate.metrics",
    "Sheet": "unfade.evaluate.sheets",
    "harm_rate": "unfade.evaluate.harm",
    "measure": "unfade.evaluate.metrics",
    "sheet": "unfade.evaluate.sheets",
}

__all__ = ["Case", "Sheet", "harm_rate", "measure", "sheet"]


def __getattr__(name: str) -> Any:
    """Loaded when first used: ``import unfade`` must cost next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'unfade.evaluate' has no attribute '{name}'")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
