"""The one door for optional packages.

A package that the base install lacks is imported here and nowhere else, so that its absence is
answered in one voice, naming the package, the purpose and the install line. Nothing is ever
installed or asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from unfade.errors import MissingPackage


def need(module: str, *, extra: str, to: str) -> ModuleType:
    """Import an optional package, or say how to get it.

    Args:
        module: name to import, e.g. ``onnxruntime``
        extra: the extra of unfade that installs it, e.g. ``onnx``
        to: the purpose, completing "is needed to ..."
    Raises:
        MissingPackage: it is not installed
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingPackage(
            f"The package `{module}` is not installed; it is needed to {to}.",
            f"Install it with: pip install 'unfade[{extra}]'",
        ) from error


def have(module: str) -> bool:
    """Whether an optional package is installed, without importing it."""
    return importlib.util.find_spec(module) is not None
