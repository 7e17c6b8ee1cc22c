"""The one door to PyTorch: imported late, made deterministic, its neighbours made to work.

Everything that has to be put right about PyTorch is put right here and nowhere else:

* TF32 is off. On NVIDIA's cards it rounds the inputs of float32 products to 10 bits, so the same
  network would give other pixels there than on a processor.
* cuDNN may not choose its algorithms by timing them: the choice, and with it the last bits, would
  differ from run to run.
* A ``torchvision`` built for CUDA does not import beside a PyTorch built for processors
  (``operator torchvision::nms does not exist``), and takes down every package that imports it.
  The missing operators are declared, then it imports; nothing here calls them.
* A thread that waits for others may not spin for long: see ``unfade.engines.ncnn.SPIN``.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import warnings
from types import ModuleType
from typing import Any

from unfade.engines.ncnn import SPIN
from unfade.errors import UsageError
from unfade.needs import need

_MISSING_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[Any] = []  # the declarations live as long as this list


def open_torch(*, to: str, extra: str = "torch") -> Any:
    """PyTorch, ready for use.

    Args:
        to: the purpose, completing "is needed to ..."
        extra: the extra of unfade that installs it
    Raises:
        MissingPackage: it is not installed
    Cost:
        3 seconds the first time
    """
    os.environ.setdefault(*SPIN)
    torch = need("torch", extra=extra, to=to)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return torch


def open_beside_torch(module: str, *, to: str, extra: str = "torch") -> ModuleType:
    """A package that stands on PyTorch and may import ``torchvision``, e.g. ``spandrel``.

    Raises:
        MissingPackage: it is not installed
    """
    open_torch(to=to, extra=extra)
    _cure_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other packages about one another
        return need(module, extra=extra, to=to)


def device_of(name: str) -> Any:
    """The PyTorch device of this name.

    Args:
        name: ``auto`` (CUDA where there is one, else Apple's MPS, else the processor), ``cpu``,
            ``cuda``, ``cuda:N`` or ``mps``; one that was named is never replaced by another
    Raises:
        UsageError: it is not here, or not one that PyTorch is used on
    """
    torch = open_torch(to="run this network")
    kind, _, number = name.partition(":")
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if kind == "cuda" and (number or "0").isdigit():
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) >= count:
            raise UsageError(
                f"The device `{name}` is not here: PyTorch {torch.__version__} finds {count} "
                "CUDA devices.",
                "Install the GPU's driver and a PyTorch built for CUDA, or use `--device cpu`.",
            )
        return torch.device(f"cuda:{int(number or 0)}")
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError(
                "The device `mps` is not here: PyTorch finds no Apple GPU.", "Use `--device cpu`."
            )
        return torch.device("mps")
    raise UsageError(
        f"The device `{name}` is not one that PyTorch is used on.",
        "Known: `auto`, `cpu`, `cuda`, `cuda:N`, `mps`.",
    )


def _cure_torchvision() -> None:
    if "torchvision" in sys.modules or importlib.util.find_spec("torchvision") is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its own picture decoder, which is not used
        try:
            importlib.import_module("torchvision")
        except RuntimeError as error:
            if "torchvision::nms" not in str(error):
                raise
            for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
                del sys.modules[name]
            torch = importlib.import_module("torch")
            library = torch.library.Library("torchvision", "DEF")
            for schema in _MISSING_OPERATORS:
                library.define(schema)
            _declared.append(library)
            importlib.import_module("torchvision")
