"""From a training to the zoo: weights for every runtime, a catalogue entry and a model card.

Weights are rounded to half precision first, so that every file holds the very same numbers.
``NAME.safetensors``, ``NAME.onnx`` and ``NAME.ncnn.param/.bin`` are written and run on the same
pictures; where two differ by more than 1e-3 nothing is kept. Values beyond 1, as log odds can be,
are compared by shares of themselves: runtimes round what they multiply, and ncnn's fast
convolutions (Winograd) are apart by 1e-4 of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unfade.errors import ModelRejected, PromiseBroken
from unfade.needs import need
from unfade.train import checkpoint as store
from unfade.train.card import card_text, entry_text
from unfade.train.contract import Export
from unfade.train.history import ENDING, history_of, write_history
from unfade.train.recipe import TrainRecipe, parse_recipe
from unfade.train.tasks import task_of

MOST_DIFFERENCE = 1e-3
HALO_BOUND = 0.5 / 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written for one network, and how far its runtimes are apart at most."""

    name: str
    files: tuple[Path, ...]
    difference: float
    halo_px: int


def export(
    folder: Path,
    out: Path,
    *,
    licence: str = "CC-BY-4.0",
    data: str = "",
    which: str = store.BEST,
) -> list[Exported]:
    """Write the networks of a training.

    Args:
        folder: of the training: its recipe, checkpoints and log
        out: where the files go; made if it is not there
        licence: of the weights, an SPDX name: yours to choose, and to answer for
        data: what it was learnt from, and under which licences, for the model card
        which: ``best.pt`` or ``latest.pt``
    Raises:
        ModelRejected: no such checkpoint
        PromiseBroken: two runtimes disagree by more than 1e-3; nothing is written
    """
    recipe, state, networks = averaged(folder, which)
    task = task_of(recipe.task)(recipe.settings, torch.device("cpu"))
    out.mkdir(parents=True, exist_ok=True)
    done = []
    for given in task.exports(networks):
        module = given.module.eval()
        _round_to_half(module)
        with tempfile.TemporaryDirectory(dir=out) as scratch:
            made = Path(scratch)
            _write_safetensors(module, made / f"{given.name}.safetensors")
            _write_onnx(module, given, made / f"{given.name}.onnx")
            _write_ncnn(module, given, made)
            difference = _largest_difference(module, given, made)
            if not difference <= MOST_DIFFERENCE:
                raise PromiseBroken(
                    f"The runtimes of `{given.name}` differ by {difference:.2g}, more than "
                    f"{MOST_DIFFERENCE:g}.",
                    "Nothing was exported. Report this with the recipe.",
                )
            halo_px = measured_halo(module, given)
            files = sorted(made.iterdir())
            hashes = {f.name: (f.stat().st_size, _sha256(f)) for f in files}
            (made / f"{given.name}.toml").write_text(
                entry_text(given, recipe, state, hashes, halo_px, licence), "utf-8"
            )
            (made / f"{given.name}.md").write_text(
                card_text(given, recipe, state, difference, licence, data), "utf-8"
            )
            write_history(history_of(folder, recipe, state), made / f"{given.name}{ENDING}")
            written = sorted(made.iterdir())
            for file in written:
                os.replace(file, out / file.name)
        done.append(
            Exported(
                name=given.name, files=tuple(out / f.name for f in written),
                difference=difference, halo_px=halo_px,
            )
        )  # fmt: skip
    return done


def averaged(
    folder: Path, which: str = store.BEST
) -> tuple[TrainRecipe, store.Checkpoint, dict[str, nn.Module]]:
    """The recipe, the checkpoint and the averaged networks of a training's folder.

    Raises:
        ModelRejected: the folder holds no training, or no such checkpoint
    """
    source = folder / "recipe.toml"
    if not source.exists():
        raise ModelRejected(
            f"`{folder}` holds no training: it has no `recipe.toml`.", "Give a training's `--out`."
        )
    recipe = parse_recipe(source.read_text("utf-8"), folder.name, str(source))
    state = store.load(folder / which, recipe.sha256)
    task = task_of(recipe.task)(recipe.settings, torch.device("cpu"))
    for name, net in task.networks.items():
        weights = state.averages.get(name)
        if weights is None:
            net.load_state_dict(state.networks[name])
        else:
            net.load_state_dict(
                {k.removeprefix("module."): v for k, v in weights.items() if k != "n_averaged"}
            )
        net.eval()
    return recipe, state, dict(task.networks)


def measured_halo(module: nn.Module, given: Export) -> int:
    """How far the network looks, as far as it matters: a tile agrees with the whole within 0.5/255.

    A picture of noise is cut through; the halo is the least multiple of ``multiple_of`` beyond
    which results of a cut and an uncut picture agree. Never more than the network's own reach.
    """
    unit = given.multiple_of
    side = 512 // unit * unit
    if given.tile_px <= unit:  # it sees one view, whole
        return 0
    chance = torch.Generator().manual_seed(3)
    noise = torch.rand(1, given.channels_in, side, side, generator=chance)
    smooth = nn.functional.avg_pool2d(noise, 5, 1, 2)
    worst = 0
    for x in (noise, smooth):
        if given.shape == "fill":
            x[:, 3:] = (x[:, 3:] > 0.6).float()
        with torch.no_grad():
            whole = _judged(module(x), given)
            cut = _judged(module(x[..., side // 2 // unit * unit :]), given)
        start = side // 2 // unit * unit * given.scale
        apart = (whole[..., start:] - cut).abs().amax(dim=(0, 1, 2))
        beyond = torch.nonzero(apart > HALO_BOUND)
        worst = max(worst, int(beyond.max()) + 1 if len(beyond) else 0)
    return math.ceil(worst / given.scale / unit) * unit


def _judged(out: Tensor, given: Export) -> Tensor:
    """Logits as chances: what is compared is what is used."""
    return torch.sigmoid(out) if given.shape == "find" else out


def _round_to_half(module: nn.Module) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter.half().float())


def _write_safetensors(module: nn.Module, path: Path) -> None:
    need("safetensors", extra="torch", to="write weights")
    from safetensors.torch import save_file

    save_file({k: v.half().contiguous() for k, v in module.state_dict().items()}, str(path))
    path.chmod(0o644)  # it is written for its owner alone, and is there to be shared


def _example(given: Export, rows: int, cols: int) -> Tensor:
    chance = torch.Generator().manual_seed(rows * 10_000 + cols)
    x = torch.rand(1, given.channels_in, rows, cols, generator=chance)
    if given.shape == "fill":
        x[:, 3:] = (x[:, 3:] > 0.8).float()
    return x


def _sizes(given: Export) -> list[tuple[int, int]]:
    """Two sizes; the same twice for a network of one size."""
    unit = given.multiple_of
    if given.tile_px <= unit:
        return [(unit, unit)] * 2
    return [(-(-64 // unit) * unit,) * 2, (-(-96 // unit) * unit, -(-160 // unit) * unit)]


def _write_onnx(module: nn.Module, given: Export, path: Path) -> None:
    """ONNX with half-precision weights behind casts: half the size, the same numbers."""
    onnx = need("onnx", extra="onnx", to="write ONNX files")
    need("onnxscript", extra="train", to="write ONNX files")
    first = _example(given, *_sizes(given)[1])
    free = given.tile_px > given.multiple_of
    dim = torch.export.Dim
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter's own, about its own future
        program = torch.onnx.export(
            module, (first,), dynamo=True, opset_version=18, verbose=False,
            input_names=["in0"], output_names=["out0"],
            dynamic_shapes=({2: dim.DYNAMIC, 3: dim.DYNAMIC},) if free else None,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    _forget_origin(model)
    _store_half(onnx, model)
    path.write_bytes(model.SerializeToString())


def _forget_origin(model: Any) -> None:
    """The exporter notes for each node which line of which file on this machine made it."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info,
                 *graph.initializer, *model.functions):  # fmt: skip
        del part.metadata_props[:]
        part.doc_string = ""


def _store_half(onnx: Any, model: Any) -> None:
    """Large float32 constants become float16 ones with a cast behind them."""
    numpy_helper, helper = onnx.numpy_helper, onnx.helper
    graph = model.graph
    casts = []
    for i, constant in enumerate(list(graph.initializer)):
        array = numpy_helper.to_array(constant)
        if array.dtype != np.float32 or array.size < 64:
            continue
        half = array.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), array):
            continue
        name = constant.name
        graph.initializer[i].CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=1))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    onnx.checker.check_model(model)


def _write_ncnn(module: nn.Module, given: Export, out: Path) -> None:
    pnnx = need("pnnx", extra="train", to="write ncnn files")
    sizes = _sizes(given)
    with tempfile.TemporaryDirectory() as scratch:
        with _quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pnnx traces, which PyTorch calls the old way
            pnnx.export(
                module, str(Path(scratch) / "net.pt"), _example(given, *sizes[0]),
                inputs2=None if sizes[0] == sizes[1] else _example(given, *sizes[1]), fp16=True,
            )  # fmt: skip
        for end in ("param", "bin"):
            os.replace(Path(scratch) / f"net.ncnn.{end}", out / f"{given.name}.{end}")


def _largest_difference(module: nn.Module, given: Export, folder: Path) -> float:
    runtime = need("onnxruntime", extra="onnx", to="check an export")
    session = runtime.InferenceSession(
        str(folder / f"{given.name}.onnx"), providers=["CPUExecutionProvider"]
    )
    largest = 0.0
    for rows, cols in _sizes(given):
        x = _example(given, rows, cols)
        with torch.no_grad():
            wanted = module(x)[0].numpy()
        by_onnx = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0][0]
        by_ncnn = _run_ncnn(folder / f"{given.name}.param", x[0].numpy())
        for found in (by_onnx, by_ncnn):
            if found.shape != wanted.shape:
                raise PromiseBroken(
                    f"A runtime of `{given.name}` gives {found.shape}, expected {wanted.shape}.",
                    "Nothing was exported. Report this with the recipe.",
                )
            apart = np.abs(found - wanted) / np.maximum(1, np.abs(wanted))
            largest = max(largest, float(apart.max()))
    return largest


def _run_ncnn(param: Path, x_chw: np.ndarray) -> np.ndarray:
    ncnn = need("ncnn", extra="train", to="check an export")
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    if net.load_param(str(param)) or net.load_model(str(param.with_suffix(".bin"))):
        raise PromiseBroken(f"ncnn cannot read what was exported as `{param.name}`.")
    held = np.ascontiguousarray(x_chw)  # ncnn.Mat does not own its numbers
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(held))
    _, mat = extractor.extract("out0")
    found = np.array(mat, np.float32)
    return found.reshape(-1, 1, 1) if found.ndim == 1 else found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """pnnx is a program of its own that talks to both streams."""
    with open(os.devnull, "w") as null:
        kept = os.dup(1), os.dup(2)
        try:
            os.dup2(null.fileno(), 1)
            os.dup2(null.fileno(), 2)
            yield
        finally:
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            os.close(kept[0])
            os.close(kept[1])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
