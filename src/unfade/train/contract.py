"""What a task of training is, seen from the loop.

The loop owns time: steps, checkpoints, averages, logs, devices. A task owns meaning: its
networks, what is damaged and how, what is lost, what is measured. Tensors are float32,
(batch, channels, rows, cols), 0-1, named ``..._nchw``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One network that a task gives to the zoo.

    Attributes:
        name: file stem and catalogue name
        module: in evaluation mode, on the processor
        channels_in: of its only input; the input is (1, channels_in, rows, cols)
        multiple_of: the sides of what it is given must be multiples of this
        reach_px: how far it is known to look; the export measures what matters of it
        bytes_per_pixel: peak memory for each pixel of a tile, as measured in ncnn
        piece_px: where ncnn computes a tile in pieces, their side; for U-Nets, whose finest maps
            then stay in the processor's cache
        shape, begins_with: the call, see ``unfade.engines.contract``
    """

    name: str
    module: nn.Module
    channels_in: int
    channels_out: int
    about: str
    task: str
    paper: str
    shape: str = "mend"
    scale: int = 1
    multiple_of: int = 1
    halo_px: int = 32
    tile_px: int = 512
    piece_px: int = 0
    bytes_per_pixel: int = 900
    begins_with: str = ""
    evidence: int = 2


@dataclass(slots=True, kw_only=True)
class Optimisation:
    """Networks that learn together by one optimiser."""

    optimiser: torch.optim.Optimizer
    learning_rate: float  # at its highest; the loop scales it by the schedule
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Start:
    """Networks that take the weights of an earlier training, see ``start_from``."""

    place: str
    networks: dict[str, nn.Module]
    helpers: frozenset[str] = frozenset()
    relatives: dict[str, str] = field(default_factory=dict)  # of other tasks: name -> theirs


class Task(ABC):
    """One thing to learn.

    A subclass has ``name``, ``Settings`` (a frozen dataclass, from the recipe's ``[settings]``)
    and fills ``networks`` and ``optimisations`` in ``__init__``. What is in ``networks`` goes to
    the device and into checkpoints; ``averaged`` names those of which a moving average is kept,
    which is what is validated and exported.
    """

    name: ClassVar[str]
    Settings: ClassVar[type]
    better: ClassVar[str] = "higher"  # or "lower": which validation ``score`` is better

    settings: Any
    device: torch.device
    networks: dict[str, nn.Module]
    optimisations: dict[str, Optimisation]
    averaged: tuple[str, ...] = ()
    overlays: str | None = None  # folder of real damage shapes, set by the loop
    backward: Callable[[Tensor], None]  # set by the loop: mixed precision, several devices

    def __init__(self, settings: Any, device: torch.device) -> None:
        self.settings = settings
        self.device = device
        self.networks = {}
        self.optimisations = {}
        self.backward = _plain_backward

    def starts(self) -> list[Start]:
        """What a new training is begun from; the loop sees to it. A resumed one needs none."""
        helpers = self.networks.keys() - set(self.averaged)
        return [Start(getattr(self.settings, "start", ""), dict(self.networks), frozenset(helpers))]

    @abstractmethod
    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        """Make inputs and targets from sound patches, on their device; no chance but ``seeds``."""

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One step of every optimiser: losses by name. Uses ``self.backward(loss)``."""

    @abstractmethod
    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        """Measures of a validation batch, among them ``score``; means are taken over batches.

        ``networks`` holds the averaged networks in place of the learning ones.
        """

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        """Rows of the sample sheet: title and (n, 1 or 3, rows, cols)."""
        return []

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        """What is given to the zoo; empty for a task whose networks only help another."""
        return []

    def descend(self, loss: Tensor, name: str) -> None:
        """The usual step of one optimiser: clear, backward, clip, step."""
        optimiser = self.optimisations[name].optimiser
        optimiser.zero_grad(set_to_none=True)
        self.backward(loss)
        clip = self.optimisations[name].extra.get("clip", 0.0)
        if clip:
            for group in optimiser.param_groups:
                nn.utils.clip_grad_norm_(group["params"], clip)
        optimiser.step()


def _plain_backward(loss: Tensor) -> None:
    loss.backward()  # type: ignore[no-untyped-call]


def adamw(modules: Sequence[nn.Module], learning_rate: float, **extra: Any) -> Optimisation:
    """AdamW as the tasks use it (Loshchilov and Hutter 2019), without weight decay on biases."""
    weights: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for module in modules:
        for parameter in module.parameters():
            if parameter.requires_grad:
                (weights if parameter.ndim > 1 else rest).append(parameter)
    groups = [
        {"params": weights, "weight_decay": extra.pop("weight_decay", 1e-4)},
        {"params": rest, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=learning_rate, betas=extra.pop("betas", (0.9, 0.99)))
    return Optimisation(optimiser=optimiser, learning_rate=learning_rate, extra=extra)
