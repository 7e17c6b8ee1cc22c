"""The loop: steps, averages, checkpoints, validation, logs. One function, read top to bottom.

Devices, mixed precision and several processes come from Accelerate; a run of several machines is
started by its launcher (``accelerate launch -m unfade train RECIPE``). On a processor the same
recipe and data give the same weights.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from unfade.errors import Cancelled, PromiseBroken
from unfade.train import checkpoint as store
from unfade.train.contract import Batch, Start, Task
from unfade.train.data import Patches, Pictures
from unfade.train.recipe import RunSettings, TrainRecipe
from unfade.train.sheet import save_sheet
from unfade.train.start import start_from
from unfade.train.tasks import task_of

VALIDATION_SEED = 9_000_001
MIRRORED = 4  # the first way of `turned` that mirrors
TOGETHER = 16  # batches that are learnt from in turn before they come again
Report = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a training ended: ``finished`` (all steps), ``patience`` or ``time``."""

    ended: str
    step: int
    best: float | None
    measured: dict[str, float]
    folder: Path


def fit(
    recipe: TrainRecipe,
    pictures: Pictures,
    out: Path,
    *,
    device: str = "auto",
    precision: str = "no",
    minutes: float = math.inf,
    overlays: str | None = None,
    report: Report = lambda step, steps, numbers: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train, from the last checkpoint in ``out`` if there is one.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``
        precision: ``no`` (float32), ``fp16`` or ``bf16``
        minutes: stop after this long, with a checkpoint; call again to go on
        overlays: folder of real damage shapes to mix in
        report: is told step, steps and running means of the losses about once a second
    Raises:
        ModelRejected: ``out`` holds the training of another recipe
        PromiseBroken: a loss is no number; the last checkpoint stays
        Cancelled: ``cancelled`` said so; a checkpoint was written
    """
    torch.manual_seed(recipe.seed)
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision=precision)
    task = task_of(recipe.task)(recipe.settings, accelerator.device)
    task.overlays = overlays
    for network in task.networks.values():  # channels last: a tenth faster on a processor
        network.to(accelerator.device)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averages = {
        name: AveragedModel(
            task.networks[name],
            multi_avg_fn=partial(_average, recipe.run.average),
        )
        for name in task.averaged
    }
    plain, starts = dict(task.networks), task.starts()
    for name, network in plain.items():
        task.networks[name] = accelerator.prepare(network)
    for part in task.optimisations.values():
        part.optimiser = accelerator.prepare(part.optimiser)
    task.backward = accelerator.backward

    state = _resumed(recipe, out, plain, averages, task, starts)
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.toml").write_text(recipe.text, "utf-8")
    patches = Patches(pictures, "train", recipe.data, recipe.seed)
    fixed = Patches(pictures, "validation", recipe.data, VALIDATION_SEED)
    share, rank = accelerator.num_processes, accelerator.process_index
    started, shown = time.monotonic(), 0.0
    means: dict[str, float] = {}
    ended = "finished"

    def keep(name: str = store.LATEST) -> None:
        if accelerator.is_main_process:
            state.networks = {n: net.state_dict() for n, net in plain.items()}
            state.averages = {n: net.state_dict() for n, net in averages.items()}
            state.optimisers = {
                n: part.optimiser.state_dict() for n, part in task.optimisations.items()
            }
            store.save(state, out / name)

    before = state.seconds
    for batch in batches(task, patches, recipe, state.step, share=share, rank=rank):
        factor = schedule(state.step, recipe.run)
        for part in task.optimisations.values():
            for group in part.optimiser.param_groups:
                group["lr"] = part.learning_rate * factor
        with accelerator.autocast():
            losses = task.step(batch)
        for name, average in averages.items():
            average.update_parameters(plain[name])
        state.step += 1
        state.seconds = before + time.monotonic() - started
        for key, value in losses.items():
            number = float(value.detach())
            if not math.isfinite(number):
                raise PromiseBroken(
                    f"The loss `{key}` is {number} at step {state.step}.",
                    "Lower the learning rate; the last checkpoint is whole.",
                )
            means[key] = number if key not in means else 0.98 * means[key] + 0.02 * number
        last = state.step == recipe.run.steps
        if last or state.step % recipe.run.validate_every == 0:
            measured = validate(task, averages, fixed, recipe, out / "samples", state.step)
            state.measured = measured
            if _is_better(measured["score"], state.best, task.better):
                state.best, state.stale = measured["score"], 0
                keep(store.BEST)
            else:
                state.stale += 1
            _log(out, state.step, means | {f"validation/{k}": v for k, v in measured.items()})
            report(state.step, recipe.run.steps, means | measured)
        if last or state.step % recipe.run.checkpoint_every == 0:
            keep()
        if time.monotonic() - shown > 1.0:
            shown = time.monotonic()
            report(state.step, recipe.run.steps, means)
        if recipe.run.patience and state.stale >= recipe.run.patience:
            ended = "patience"
        elif time.monotonic() - started > minutes * 60 and not last:
            ended = "time"
        elif cancelled():
            keep()
            raise Cancelled("The training was cancelled; its checkpoint is whole.")
        if ended != "finished":
            keep()
            break
    accelerator.wait_for_everyone()
    return Outcome(
        ended=ended, step=state.step, best=state.best, measured=state.measured, folder=out
    )


def batches(
    task: Task, patches: Patches, recipe: TrainRecipe, first: int, *, share: int = 1, rank: int = 0
) -> Iterator[Batch]:
    """What each step from ``first`` on learns from; the same whether it was resumed or not.

    With ``reuse``, ``TOGETHER`` batches are made, learnt from in turn, and again, turned as the
    recipe lets patches be: whole pictures are mirrored alone, and without ``turns`` none is.
    """
    run = recipe.run
    together = TOGETHER if run.reuse > 1 else 1
    round_steps = together * run.reuse
    rounds = range(first // round_steps, math.ceil(run.steps / round_steps))
    made: list[Batch] = []
    at = rounds.start * round_steps
    for clean_nchw, numbers in patches.stream(
        rounds.start * together * share + rank, rounds.stop * together * share, run.batch,
        stride=share,
    ):  # fmt: skip
        clean = clean_nchw.to(task.device, torch.float32) / 255
        made.append(task.prepare(clean, [recipe.seed * 1_000_003 + n for n in numbers]))
        if len(made) < together:
            continue
        for step in range(max(at, first), min(at + round_steps, run.steps)):
            way, which = divmod(step - at, together)
            if not recipe.data.turns:
                way = 0
            elif recipe.data.whole:
                way = way % 2 * MIRRORED
            yield turned(made[which], way) if way else made[which]
        at += round_steps
        made.clear()


def turned(batch: Batch, way: int) -> Batch:
    """A batch turned by quarters, ``way`` % 4, and from the fourth way on mirrored as well."""

    def one(tensor: Tensor) -> Tensor:
        if tensor.ndim < 4:  # numbers about a patch, not a patch
            return tensor
        mirrored = tensor.flip(-1) if way >= MIRRORED else tensor
        return torch.rot90(mirrored, way % 4, (-2, -1)).contiguous()

    return {name: one(tensor) for name, tensor in batch.items()}


def schedule(step: int, run: RunSettings) -> float:
    """Share of the learning rate at a step: a rise, then a cosine (Loshchilov and Hutter 2017)."""
    if step < run.warmup_steps:
        return (step + 1) / run.warmup_steps
    along = (step - run.warmup_steps) / max(1, run.steps - run.warmup_steps)
    return run.final_share + (1 - run.final_share) * 0.5 * (1 + math.cos(math.pi * along))


def _average(
    decay: float, averages: Sequence[Tensor], now: Sequence[Tensor], already: Tensor | int
) -> None:
    """The moving average of weights; of the first steps a short one, for they begin far away."""
    share = 1 - min(decay, (1 + int(already)) / (10 + int(already)))
    torch._foreach_lerp_(list(averages), list(now), share)


def validate(
    task: Task,
    averages: dict[str, AveragedModel],
    patches: Patches,
    recipe: TrainRecipe,
    samples: Path | None = None,
    step: int = 0,
) -> dict[str, float]:
    """Means of the task's measures over fixed patches with fixed damage."""
    networks: dict[str, nn.Module] = {
        name: averages[name].module if name in averages else net
        for name, net in task.networks.items()
    }
    rows: list[dict[str, float]] = []
    with _evaluating(networks), torch.no_grad():
        for first in range(0, recipe.run.validation_patches, recipe.run.batch):
            numbers = list(
                range(first, min(first + recipe.run.batch, recipe.run.validation_patches))
            )
            clean = patches.batch(numbers).to(task.device, torch.float32) / 255
            batch = task.prepare(clean, [VALIDATION_SEED + n for n in numbers])
            rows.append(task.validate(networks, batch))
            if first == 0 and samples is not None:
                save_sheet(task.samples(networks, batch), samples / f"{step:07d}.png")
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}


@contextmanager
def _evaluating(networks: dict[str, nn.Module]) -> Iterator[None]:
    was = {name: net.training for name, net in networks.items()}
    try:
        for net in networks.values():
            net.eval()
        yield
    finally:
        for name, net in networks.items():
            net.train(was[name])


def _resumed(
    recipe: TrainRecipe,
    out: Path,
    plain: dict[str, nn.Module],
    averages: dict[str, AveragedModel],
    task: Task,
    starts: Sequence[Start],
) -> store.Checkpoint:
    if not (out / store.LATEST).exists():
        for start in starts:
            start_from(
                start.place, start.networks, helpers=start.helpers, relatives=start.relatives
            )
        return store.Checkpoint(
            recipe_sha256=recipe.sha256, step=0, networks={}, averages={}, optimisers={}
        )
    state = store.load(out / store.LATEST, recipe.sha256)
    for name, net in plain.items():
        net.load_state_dict(state.networks[name])
    for name, average in averages.items():
        average.load_state_dict(state.averages[name])
    for name, part in task.optimisations.items():
        part.optimiser.load_state_dict(state.optimisers[name])
    return state


def _is_better(score: float, best: float | None, better: str) -> bool:
    return best is None or (score > best if better == "higher" else score < best)


def _log(out: Path, step: int, numbers: dict[str, Any]) -> None:
    """One JSON line, and the same for TensorBoard."""
    from torch.utils.tensorboard import SummaryWriter

    with (out / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step} | {k: round(v, 6) for k, v in numbers.items()}) + "\n")
    writer = SummaryWriter(str(out / "tensorboard"))  # type: ignore[no-untyped-call]
    for key, value in numbers.items():
        writer.add_scalar(key, value, step)  # type: ignore[no-untyped-call]
    writer.close()  # type: ignore[no-untyped-call]
