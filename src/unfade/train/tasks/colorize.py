"""colorize: chroma for grey photographs, in Lab, with the user's points of colour where given.

The network sees lightness and sparse points of chroma, and gives chroma (a, b). It never gives
lightness, which stays the picture's own. The training set is small and of our day: its colours
are guesses, and the result is labelled as invented. After Zhang et al. 2017 (user-guided
colorization).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.plain_unet import PlainUNet
from unfade.engines.own import CHROMA_RANGE
from unfade.train.colour import light_of, srgb_of
from unfade.train.contract import Batch, Export, Task, adamw

LOOK_PX = 192  # the whole picture's side at use: objects as large as in the patches it learns from


@dataclass(frozen=True, slots=True, kw_only=True)
class ColorizeSettings:
    """What is learnt.

    Attributes:
        hints: up to this many points of true colour are shown in half of the patches
        vivid: how much more strongly coloured pixels count, against the pull to grey
    """

    widths: tuple[int, ...] = (32, 64, 96, 128)
    blocks: tuple[int, ...] = (1, 2, 2, 2)
    reduce: int = 4
    learning_rate: float = 5e-4
    hints: int = 12
    vivid: float = 3.0
    start: str = ""


class Colorize(Task):
    name = "colorize"
    Settings = ColorizeSettings
    averaged = ("colorize",)
    better = "lower"

    def __init__(self, settings: ColorizeSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = PlainUNet(
            4, 2, reduce=settings.reduce, widths=settings.widths, blocks=settings.blocks
        )
        self.networks = {"colorize": net}
        self.optimisations = {"colorize": adamw([net], settings.learning_rate, clip=1.0)}

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        lab = lab_of(clean_nchw)
        lightness, chroma = lab[:, :1] / 100, lab[:, 1:] / CHROMA_RANGE
        shown = torch.zeros_like(lightness)
        rows, cols = lightness.shape[2:]
        for i, seed in enumerate(seeds):
            chance = torch.Generator().manual_seed(seed)
            if i % 2:
                count = int(torch.randint(1, self.settings.hints + 1, (), generator=chance))
                at_rows = torch.randint(0, rows - 6, (count,), generator=chance)
                at_cols = torch.randint(0, cols - 6, (count,), generator=chance)
                for row, col in zip(at_rows.tolist(), at_cols.tolist()):
                    shown[i, :, row : row + 7, col : col + 7] = 1
        return {"input": torch.cat((lightness - 0.5, chroma * shown, shown), 1),
                "chroma": chroma, "lightness": lightness}  # fmt: skip

    def step(self, batch: Batch) -> dict[str, Tensor]:
        made, chroma = self.networks["colorize"](batch["input"]), batch["chroma"]
        weight = 1 + self.settings.vivid * chroma.norm(dim=1, keepdim=True)
        loss = (f.smooth_l1_loss(made, chroma, beta=0.05, reduction="none") * weight).mean()
        self.descend(loss, "colorize")
        return {"chroma": loss}

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        made, chroma = networks["colorize"](batch["input"]), batch["chroma"]
        return {
            "score": float((made - chroma).norm(dim=1).mean() * CHROMA_RANGE),
            "grey": float(chroma.norm(dim=1).mean() * CHROMA_RANGE),
            "vividness": float(made.norm(dim=1).mean() / chroma.norm(dim=1).mean()),
        }

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made = networks["colorize"](batch["input"])
        grey = batch["lightness"]
        return [
            ("grey", grey),
            ("coloured", rgb_of(grey, made)),
            ("true", rgb_of(grey, batch["chroma"])),
        ]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        return [
            Export(
                paper="Zhang et al. 2017, user-guided colorization, arXiv:1705.02999",
                name="unfade-colorize", module=networks["colorize"], channels_in=4, channels_out=2,
                task="colorize", shape="colour", evidence=4, halo_px=0, multiple_of=LOOK_PX,
                tile_px=LOOK_PX,
                about="chroma for grey photographs, with points of colour if given",
            )
        ]  # fmt: skip


_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750),
           (0.0193339, 0.1191920, 0.9503041))  # fmt: skip
_WHITE = (0.95047, 1.0, 1.08883)  # D65


def lab_of(srgb: Tensor) -> Tensor:
    """CIE 1976 Lab (D65) of sRGB values, (n, 3, rows, cols)."""
    matrix = torch.tensor(_TO_XYZ, device=srgb.device, dtype=srgb.dtype)
    white = torch.tensor(_WHITE, device=srgb.device, dtype=srgb.dtype)
    xyz = torch.einsum("ij,njrc->nirc", matrix, light_of(srgb)) / white[:, None, None]
    root = torch.where(
        xyz > 216 / 24389, xyz.clamp(min=1e-6) ** (1 / 3), (841 / 108) * xyz + 4 / 29
    )
    x, y, z = root.unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)


def rgb_of(lightness: Tensor, chroma: Tensor) -> Tensor:
    """sRGB values, clipped, of lightness 0-1 (n, 1, ...) and chroma -1..1 (n, 2, ...)."""
    y = (lightness[:, 0] * 100 + 16) / 116
    x, z = y + chroma[:, 0] * CHROMA_RANGE / 500, y - chroma[:, 1] * CHROMA_RANGE / 200
    root = torch.stack((x, y, z), 1)
    xyz = torch.where(root > 6 / 29, root**3, (108 / 841) * (root - 4 / 29))
    white = torch.tensor(_WHITE, device=root.device, dtype=root.dtype)
    matrix = torch.linalg.inv(torch.tensor(_TO_XYZ, device=root.device, dtype=root.dtype))
    light = torch.einsum("ij,njrc->nirc", matrix, xyz * white[:, None, None]).clamp(0, 1)
    return srgb_of(light)
