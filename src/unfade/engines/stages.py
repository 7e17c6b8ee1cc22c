"""Cuts a network into stages, so that its memory is bounded without computing anything twice.

A deep network looks far, and tiles of a picture must overlap as far as it looks. Cut where a
residual block closes, the same network is a row of shallow stages that look a few pixels each:
a stage walks a large tile in small pieces, which overlap only by what this one stage looks. What
lies between two stages is kept for the whole tile: a few feature maps at the picture's size. A
U-Net is cut where its grid changes: its finest maps, which are most of its memory, then stay in
the processor's cache.

The reach of every stage is computed from its layers, not declared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from unfade.errors import ModelRejected
from unfade.zoo.ncnn_weights import Graph, Layer


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a network: named blobs in, named blobs out.

    Attributes:
        reach_px: how far an output pixel looks, in pixels of the tile
        scale: samples of the outputs for each pixel of the tile along a side
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reach_px: int
    scale: int | Fraction = 1


def single(reach_px: int, scale: int = 1) -> tuple[Stage, ...]:
    """A network that is run as one piece."""
    return (Stage(("data",), ("output",), reach_px, scale),)


def plan(graph: Graph) -> tuple[Stage, ...]:
    """Stages of a network, cut behind each sum that closes a residual block.

    A cut must leave only feature maps of the picture's own size behind it, and each part must
    hold a convolution. Together the stages compute exactly what the network computes.
    """
    stages = _cut(graph, _closes_block, whole=True)
    for stage in stages:
        if stage.scale != int(stage.scale):
            raise ModelRejected(
                f"A stage of the network enlarges {stage.scale} times, not a whole number."
            )
    return stages


def plan_by_grid(graph: Graph) -> tuple[Stage, ...]:
    """Stages of a U-Net, cut before each layer that halves or doubles its grid.

    What goes in must be a multiple of the coarsest grid's step along each side.
    """
    return _cut(graph, _leaves_grid, whole=False)


def _cut(
    graph: Graph, here: Callable[[tuple[Layer, ...], int, int], bool], *, whole: bool
) -> tuple[Stage, ...]:
    """Cut behind each layer ``i``, the last of those from ``start``, where ``here`` says so.

    Args:
        whole: nothing but maps of the picture's own size may lie behind a cut
    """
    layers, source = graph.layers, graph.sources
    last_use = {source[b]: i for i, layer in enumerate(layers) for b in layer.inputs}
    sizes = _scales(graph)
    picture = layers[0].outputs[0]
    stages: list[Stage] = []
    start = 0
    for i, layer in enumerate(layers):
        end = i == len(layers) - 1
        if not end and not here(layers, i, start):
            continue
        made = [source[b] for x in layers[: i + 1] for b in x.outputs if source[b] == b]
        alive = [b for b in made if last_use.get(b, -1) > i]
        part = layers[start : i + 1]
        own = {b for x in part for b in x.outputs} - {picture}
        outputs = tuple(b for b in alive if b in own) if not end else (layer.outputs[0],)
        if not end and whole and any(sizes[b] != 1 for b in alive):
            continue
        if len({sizes[b] for b in outputs}) > 1:
            continue
        inputs = tuple(
            dict.fromkeys(source[b] for x in part for b in x.inputs if source[b] not in own)
        )
        reach = _reach(part, inputs, outputs, source, sizes)
        scale = sizes[outputs[0]]
        stages.append(Stage(inputs, outputs, reach, int(scale) if scale == int(scale) else scale))
        start = i + 1
    return tuple(stages)


def layers_of(graph: Graph, stage: Stage) -> list[Layer]:
    """The layers that a stage computes, in order, without those that only pass a blob on."""
    source = graph.sources
    needed, part = {source[name] for name in stage.outputs}, []
    for layer in reversed(graph.layers):
        if layer.kind in ("Input", "Split", "Noop") or layer.outputs[0] not in needed:
            continue
        part.append(layer)
        needed.update({source[name] for name in layer.inputs} - set(stage.inputs))
    return part[::-1]


def _closes_block(layers: tuple[Layer, ...], i: int, start: int) -> bool:
    following = next((x for x in layers[i + 1 :] if x.kind != "Split"), None)
    return (
        layers[i].kind in ("Eltwise", "BinaryOp")
        and following is not None
        and following.kind not in ("Eltwise", "BinaryOp")
        and any(x.kind == "Convolution" for x in layers[start : i + 1])
    )


def _leaves_grid(layers: tuple[Layer, ...], i: int, start: int) -> bool:
    following = next((x for x in layers[i + 1 :] if x.kind != "Split"), None)
    return (
        layers[i].kind != "Split"
        and following is not None
        and following.kind in ("Convolution", "Interp")
        and _enlargement(following) != 1
        and any(x.kind == "Convolution" for x in layers[start : i + 1])
    )


def _scales(graph: Graph) -> dict[str, Fraction]:
    sizes: dict[str, Fraction] = {}
    for layer in graph.layers:
        before = sizes[layer.inputs[0]] if layer.inputs else Fraction(1)
        sizes.update(dict.fromkeys(layer.outputs, before * _enlargement(layer)))
    return sizes


def _enlargement(layer: Layer) -> Fraction:
    if layer.kind == "PixelShuffle":
        return Fraction(int(layer.number(0)))
    if layer.kind == "Interp":
        return Fraction(layer.number(1)).limit_denominator(64)
    if layer.kind == "Convolution":
        return Fraction(1, int(layer.number(3, 1)))
    return Fraction(1)


def _reach(
    part: tuple[Layer, ...],
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    source: dict[str, str],
    sizes: dict[str, Fraction],
) -> int:
    """How far the outputs look, in pixels of the network's input."""
    seen = dict.fromkeys(inputs, Fraction(0))
    for layer in part:
        if layer.kind == "Input":
            continue
        reach = max(seen[b] if b in seen else seen[source[b]] for b in layer.inputs)
        if layer.kind == "Convolution":
            side, step, pad = int(layer.number(1)), int(layer.number(3, 1)), int(layer.number(4))
            reach += max(pad, side - step - pad) / sizes[layer.inputs[0]]
        elif layer.kind == "Interp":
            # nearest copies; linear looks at the next sample, cubic at the next two
            reach += {1: 0, 2: 1, 3: 2}[int(layer.number(0))] / sizes[layer.inputs[0]]
        seen.update(dict.fromkeys(layer.outputs, reach))
    return ceil(max(seen[o] for o in outputs))
