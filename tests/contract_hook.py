"""Checks arrays against their annotations on every call of a public function, in tests only.

A parameter or result annotated with ``Pixels``, ``Mask`` ... (``Annotated[ndarray, Layout]``)
must have that number of dimensions and one of those dtypes, and masks and planes must be as large
as the first picture of the call.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import inspect
import sys
import typing
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

CHECKED = (
    "unfade.pixels",
    "unfade.steps",
    "unfade.condition",
    "unfade.evaluate",
    "unfade.degrade",
    "unfade.study",
    "unfade.report",
    "unfade.package",
)


class ContractError(AssertionError):
    """An array that breaks the contract."""


def install() -> None:
    """Check every module under ``CHECKED`` that is imported from now on."""
    sys.meta_path.insert(0, _Finder())


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, checking its annotated arrays on every call."""
    signature = inspect.signature(function)
    hints: dict[str, Any] | None = None

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal hints
        if hints is None:
            hints = typing.get_type_hints(function, include_extras=True)
        bound = signature.bind(*args, **kwargs)
        sizes: dict[str, int] = {}
        for name, value in bound.arguments.items():
            _check(function, name, value, hints.get(name), sizes)
        result = function(*args, **kwargs)
        # a function may return another size than it was given: names bind anew
        _check(function, "return", result, hints.get("return"), {})
        return result

    return wrapper


def _check(function: Any, name: str, value: Any, hint: Any, sizes: dict[str, int]) -> None:
    from unfade.picture import Layout

    layouts = [m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Layout)]
    if not layouts or not isinstance(value, np.ndarray):
        return
    dims, dtypes = layouts[0].dims.split(), layouts[0].dtypes.split()
    where = f"{function.__module__}.{function.__qualname__}, `{name}`"
    if value.ndim != len(dims):
        raise ContractError(f"{where}: shape {value.shape}, expected ({', '.join(dims)})")
    if value.dtype.name not in dtypes:
        raise ContractError(f"{where}: {value.dtype}, expected {' or '.join(dtypes)}")
    for dim, size in zip(dims, value.shape, strict=True):
        if dim == "channels" and size not in (1, 3):
            raise ContractError(f"{where}: {size} channels, expected 1 or 3")
        if dim == "channels":
            continue
        # masks and planes belong to the first picture of a call; a second picture may differ
        if sizes.setdefault(dim, size) != size and "channels" not in dims:
            raise ContractError(f"{where}: {dim} is {size}, the picture has {sizes[dim]}")


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not any(name == c or name.startswith(c + ".") for c in CHECKED):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        for name, value in list(vars(module).items()):
            if inspect.isfunction(value) and value.__module__ == module.__name__:
                setattr(module, name, checked(value))
