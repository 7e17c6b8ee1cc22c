"""DDColor's colour decoder: learned colour queries that look at the picture at three scales.

Source:
    Kang et al. 2023, arXiv:2212.11613; masked-attention-free form of Cheng et al. 2022,
    Mask2Former, arXiv:2112.01527; sine code: Vaswani et al. 2017, arXiv:1706.03762
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 256
HEADS = 8
INNER_WIDTH = 2048
SCALES = 3


class CrossAttention(nn.Module):
    """Queries look at the memory; sum, then normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(WIDTH, HEADS)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, q: Tensor, memory: Tensor, code: Tensor, place: Tensor) -> Tensor:
        seen, _ = self.multihead_attn(q + place, memory + code, memory, need_weights=False)
        return self.norm(q + seen)  # type: ignore[no-any-return]


class SelfAttention(nn.Module):
    """Queries look at each other; sum, then normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(WIDTH, HEADS)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, q: Tensor, place: Tensor) -> Tensor:
        seen, _ = self.self_attn(q + place, q + place, q, need_weights=False)
        return self.norm(q + seen)  # type: ignore[no-any-return]


class FeedForward(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(WIDTH, INNER_WIDTH)
        self.linear2 = nn.Linear(INNER_WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, q: Tensor) -> Tensor:
        return self.norm(q + self.linear2(functional.relu(self.linear1(q))))  # type: ignore[no-any-return]


class Perceptron(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = functional.relu(layer(x))
        return self.layers[-1](x)  # type: ignore[no-any-return]


class ColourDecoder(nn.Module):
    """Colour queries -> one map for each query.

    Args:
        channels: of the three memories, coarse first
        queries: number of colour queries
        layers: of the decoder; layer i looks at memory i mod 3
    """

    def __init__(self, channels: Sequence[int], queries: int = 100, layers: int = 9) -> None:
        super().__init__()
        self.query_feat = nn.Embedding(queries, WIDTH)
        self.query_embed = nn.Embedding(queries, WIDTH)
        self.level_embed = nn.Embedding(SCALES, WIDTH)
        self.input_proj = nn.ModuleList(nn.Conv2d(c, WIDTH, 1) for c in channels)
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttention() for _ in range(layers)
        )
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttention() for _ in range(layers)
        )
        self.transformer_ffn_layers = nn.ModuleList(FeedForward() for _ in range(layers))
        self.decoder_norm = nn.LayerNorm(WIDTH)
        self.color_embed = Perceptron(3)

    def forward(self, memories: Sequence[Tensor], feature: Tensor) -> Tensor:
        """
        Args:
            memories: three maps (batch, channels, rows, cols), coarse first
            feature: (batch, 256, rows, cols), each pixel's own numbers
        Returns:
            (batch, queries, rows, cols): how well each query fits each pixel
        """
        codes = [sine_code(m.shape[2], m.shape[3], m) for m in memories]
        seen = [
            (project(m).flatten(2) + level[:, None]).permute(2, 0, 1)
            for m, project, level in zip(
                memories, self.input_proj, self.level_embed.weight, strict=True
            )
        ]
        batch = feature.shape[0]
        place = self.query_embed.weight[:, None].expand(-1, batch, -1)
        q = self.query_feat.weight[:, None].expand(-1, batch, -1)
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for i, (cross, own, feed_forward) in enumerate(layers):
            q = cross(q, seen[i % SCALES], codes[i % SCALES], place)
            q = feed_forward(own(q, place))
        colours = self.color_embed(self.decoder_norm(q).transpose(0, 1))
        return torch.einsum("bqc,bchw->bqhw", colours, feature)


def sine_code(rows: int, cols: int, like: Tensor) -> Tensor:
    """Sine code of each place: half of the numbers for the row, half for the column.

    Returns:
        (rows * cols, 1, 256) of the dtype and on the device of ``like``
    """
    half = WIDTH // 2
    number = torch.arange(half, device=like.device)
    period = 10000.0 ** (2 * (number // 2) / half)

    def code(length: int) -> Tensor:
        place = torch.arange(1, length + 1, device=like.device, dtype=torch.float32)
        angle = (place / (place[-1] + 1e-6) * (2 * math.pi))[:, None] / period
        # sine of the even entries, cosine of the odd ones, side by side
        return torch.stack([angle[:, 0::2].sin(), angle[:, 1::2].cos()], dim=2).flatten(1)

    by_row = code(rows)[:, None].expand(rows, cols, half)
    by_col = code(cols)[None].expand(rows, cols, half)
    return torch.cat([by_row, by_col], dim=2).reshape(rows * cols, 1, WIDTH).to(like.dtype)
