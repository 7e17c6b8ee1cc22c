"""Every key and shape of the full-size networks against the published layouts, written out here.

Only shapes matter, so the networks are built on the ``meta`` device, without numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import nn

from unfade.engines.nets.ddcolor.network import LARGE, TINY, DDColor
from unfade.engines.nets.latent.detector import ScratchDetector
from unfade.engines.nets.latent.face import FaceGenerator
from unfade.engines.nets.latent.mapping import PlainMapping, ScratchMapping
from unfade.engines.nets.latent.patch_attention import PatchMapping
from unfade.engines.nets.latent.vae import Vae

Named = Iterator[tuple[str, tuple[int, ...]]]


def conv(name: str, into: int, out: int, side: int, *, bias: bool = True) -> Named:
    yield f"{name}.weight", (out, into, side, side)
    if bias:
        yield f"{name}.bias", (out,)


def spectral(name: str, into: int, out: int, side: int, *, bias: bool) -> Named:
    yield f"{name}.weight_orig", (out, into, side, side)
    yield f"{name}.weight_u", (out,)
    yield f"{name}.weight_v", (into * side * side,)
    if bias:
        yield f"{name}.bias", (out,)


def affine(name: str, width: int) -> Named:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def statistics(name: str, width: int) -> Named:
    yield f"{name}.running_mean", (width,)
    yield f"{name}.running_var", (width,)
    yield f"{name}.num_batches_tracked", ()


def batch_norm(name: str, width: int) -> Named:
    yield from affine(name, width)
    yield from statistics(name, width)


def linear(name: str, into: int, out: int) -> Named:
    yield f"{name}.weight", (out, into)
    yield f"{name}.bias", (out,)


def residual(name: str, width: int) -> Named:
    yield from conv(f"{name}.conv_block.1", width, width, 3)
    yield from conv(f"{name}.conv_block.5", width, width, 3)


def vae() -> Named:
    yield from conv("encoder.1", 3, 64, 7)
    yield from conv("encoder.4", 64, 64, 4)
    yield from conv("encoder.7", 64, 64, 4)
    for i in (10, 11, 12, 13):
        yield from residual(f"encoder.{i}", 64)
    for i in (0, 1, 2, 3):
        yield from residual(f"decoder.{i}", 64)
    yield from conv("decoder.4", 64, 64, 4)  # transposed, in x out x 4 x 4
    yield from conv("decoder.7", 64, 64, 4)
    yield from conv("decoder.11", 64, 3, 7)


def rising(name: str) -> Named:
    for i, (into, out) in zip((0, 3, 6, 9), ((64, 128), (128, 256), (256, 512), (512, 512))):
        yield from conv(f"{name}.{i}", into, out, 3)


def closing(name: str, *places: int) -> Named:
    for i, (into, out) in zip(places, ((512, 512), (512, 256), (256, 128), (128, 64))):
        yield from conv(f"{name}.{i}", into, out, 3)


def plain_mapping() -> Named:
    yield from rising("model")
    for i in range(12, 18):
        yield from residual(f"model.{i}", 512)
    yield from closing("model", 18, 21, 24, 27)


def scratch_mapping() -> Named:
    yield from rising("before_NL")
    for part in ("theta", "phi", "g", "W"):
        yield from conv(f"NL.{part}", 512, 512, 1)
    for i in range(3):
        yield from residual(f"NL.res_block.{i}", 512)
    for i in range(6):
        yield from residual(f"after_NL.{i}", 512)
    yield from closing("after_NL", 6, 9, 12, 15)


def patch_mapping() -> Named:
    yield from rising("before_NL")
    yield from residual("before_NL.12", 512)
    yield from residual("before_NL.13", 512)
    for scale in (1, 2, 3):
        yield from residual(f"NL_scale_{scale}.res_block.0", 512)
        yield from conv(f"NL_scale_{scale}.F_Combine", 1025, 512, 3)
    for part in ("res_block_1", "res_block_2", "after_NL"):
        yield from residual(f"{part}.0", 512)
        yield from residual(f"{part}.1", 512)
    yield from closing("after_NL", 2, 5, 8, 11)


def detector() -> Named:
    yield from conv("first.1", 1, 64, 7)
    for i, width in enumerate((64, 128, 256, 512)):
        yield from conv(f"down_sample.{i}.1", width, width, 3)
        yield from batch_norm(f"down_sample.{i}.2", width)
        yield f"down_sample.{i}.4.filt", (width, 1, 3, 3)
        yield from two_layers(f"down_path.{i}.block", width, 2 * width)
    for i, width in enumerate((512, 256, 128, 64)):
        yield from conv(f"up_path.{i}.up.2", 2 * width, width, 3)
        yield from two_layers(f"up_path.{i}.conv_block.block", 2 * width, width)
    yield from conv("last.1", 64, 1, 3)


def two_layers(name: str, into: int, out: int) -> Named:
    yield from conv(f"{name}.1", into, out, 3)
    yield from batch_norm(f"{name}.2", out)
    yield from conv(f"{name}.5", out, out, 3)
    yield from batch_norm(f"{name}.6", out)


def face() -> Named:
    yield from conv("fc", 3, 1024, 3)
    blocks = {
        "head_0": (1024, 1024), "G_middle_0": (1024, 1024), "G_middle_1": (1024, 1024),
        "up_0": (1024, 512), "up_1": (512, 256), "up_2": (256, 128), "up_3": (128, 64),
    }  # fmt: skip
    for name, (into, out) in blocks.items():
        middle = min(into, out)
        yield from spectral(f"{name}.conv_0", into, middle, 3, bias=True)
        yield from spectral(f"{name}.conv_1", middle, out, 3, bias=True)
        yield from spade(f"{name}.norm_0", into)
        yield from spade(f"{name}.norm_1", middle)
        if into != out:
            yield from spectral(f"{name}.conv_s", into, out, 1, bias=False)
            yield from spade(f"{name}.norm_s", into)
    yield from conv("conv_img", 64, 3, 3)


def spade(name: str, width: int) -> Named:
    yield from statistics(f"{name}.param_free_norm", width)
    yield from conv(f"{name}.mlp_shared.0", 3, 128, 3)
    yield from conv(f"{name}.mlp_gamma", 128, width, 3)
    yield from conv(f"{name}.mlp_beta", 128, width, 3)


def ddcolor(depths: tuple[int, ...], widths: tuple[int, ...]) -> Named:
    yield "mean", (1, 3, 1, 1)
    yield "std", (1, 3, 1, 1)
    arch = "encoder.arch"
    yield from conv(f"{arch}.downsample_layers.0.0", 3, widths[0], 4)
    yield from affine(f"{arch}.downsample_layers.0.1", widths[0])
    for i in (1, 2, 3):
        yield from affine(f"{arch}.downsample_layers.{i}.0", widths[i - 1])
        yield from conv(f"{arch}.downsample_layers.{i}.1", widths[i - 1], widths[i], 2)
    for i, (depth, width) in enumerate(zip(depths, widths)):
        for k in range(depth):
            block = f"{arch}.stages.{i}.{k}"
            yield f"{block}.gamma", (width,)
            yield f"{block}.dwconv.weight", (width, 1, 7, 7)
            yield f"{block}.dwconv.bias", (width,)
            yield from affine(f"{block}.norm", width)
            yield from linear(f"{block}.pwconv1", width, 4 * width)
            yield from linear(f"{block}.pwconv2", 4 * width, width)
        yield from affine(f"{arch}.norm{i}", width)
    yield from affine(f"{arch}.norm", widths[3])
    up = (
        (widths[3], 2048, widths[2], 512),
        (512, 2048, widths[1], 512),
        (512, 1024, widths[0], 256),
    )
    for i, (deep, shuffled, skip, out) in enumerate(up):
        layer = f"decoder.layers.{i}"
        yield from spectral(f"{layer}.shuf.conv.0", deep, shuffled, 1, bias=False)
        yield from batch_norm(f"{layer}.shuf.conv.1", shuffled)
        yield from batch_norm(f"{layer}.bn", skip)
        yield from spectral(f"{layer}.conv.0", shuffled // 4 + skip, out, 3, bias=False)
        yield from batch_norm(f"{layer}.conv.2", out)
    yield from spectral("decoder.last_shuf.conv.0", 256, 4096, 1, bias=True)
    colours = "decoder.color_decoder"
    for name, count in (("query_feat", 100), ("query_embed", 100), ("level_embed", 3)):
        yield f"{colours}.{name}.weight", (count, 256)
    for i, width in enumerate((512, 512, 256)):
        yield from conv(f"{colours}.input_proj.{i}", width, 256, 1)
    for i in range(9):
        for layer in (
            f"transformer_cross_attention_layers.{i}.multihead_attn",
            f"transformer_self_attention_layers.{i}.self_attn",
        ):
            yield f"{colours}.{layer}.in_proj_weight", (768, 256)
            yield f"{colours}.{layer}.in_proj_bias", (768,)
            yield from linear(f"{colours}.{layer}.out_proj", 256, 256)
            yield from affine(f"{colours}.{layer.rpartition('.')[0]}.norm", 256)
        feed = f"{colours}.transformer_ffn_layers.{i}"
        yield from linear(f"{feed}.linear1", 256, 2048)
        yield from linear(f"{feed}.linear2", 2048, 256)
        yield from affine(f"{feed}.norm", 256)
    yield from affine(f"{colours}.decoder_norm", 256)
    for i in range(3):
        yield from linear(f"{colours}.color_embed.layers.{i}", 256, 256)
    yield from spectral("refine_net.0.0", 103, 2, 1, bias=True)


PUBLISHED: dict[str, tuple[Callable[[], nn.Module], Callable[[], Named], int, int]] = {
    # network, layout, parameters, tensors
    "VAE": (Vae, vae, 872_131, 44),
    "mapping": (PlainMapping, plain_mapping, 36_135_232, 40),
    "mapping, scratches": (ScratchMapping, scratch_mapping, 51_344_704, 60),
    "mapping, patches": (PatchMapping, patch_mapping, 73_904_448, 66),
    "detector": (ScratchDetector, detector, 37_626_177, 156),
    "face": (FaceGenerator, face, 92_059_587, 234),
    "DDColor large": (
        lambda: DDColor(LARGE),
        lambda: ddcolor((3, 3, 27, 3), (192, 384, 768, 1536)),
        227_869_328,
        602,
    ),
    "DDColor tiny": (
        lambda: DDColor(TINY),
        lambda: ddcolor((3, 3, 9, 3), (96, 192, 384, 768)),
        55_006_640,
        440,
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_key_and_shape_is_the_published_one(name: str) -> None:
    build, layout, parameters, tensors = PUBLISHED[name]
    with torch.device("meta"):
        network = build()
    found = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    wanted = dict(layout())
    assert found == wanted
    assert len(found) == tensors
    assert sum(p.numel() for p in network.parameters()) == parameters
