"""fill: holes from scratches to about 64 pixels across, continued from their neighbourhood.

A plain U-Net sees the picture with the holes blanked and the mask, and gives the pixels inside.
Holes are drawn from strokes and blobs of many widths. The loss is absolute, inside the holes,
of values and of their differences; an adversarial term is left out on purpose, so that the
result is an estimate and not an invention. After Pathak et al. 2016 (context encoders) and Liu
et al. 2018 (irregular holes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from unfade.engines.nets.plain_unet import PlainUNet
from unfade.train.contract import Batch, Export, Task, adamw
from unfade.train.holes import draw_holes


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSettings:
    """What is learnt.

    Attributes:
        widths, blocks, reduce: of the network, see ``PlainUNet``
        widest_px: holes are up to this wide
        start: checkpoint to begin from
    """

    widths: tuple[int, ...] = (32, 48, 96, 128)
    blocks: tuple[int, ...] = (1, 2, 2, 2)
    reduce: int = 2
    learning_rate: float = 5e-4
    widest_px: int = 64
    start: str = ""


class Filling(nn.Module):
    """(n, 4, rows, cols): pixels and mask -> pixels; outside the mask the input itself."""

    def __init__(self, inner: PlainUNet) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        pixels, hole = x[:, :3], x[:, 3:]
        seen = pixels * (1 - hole)
        made = self.inner(torch.cat((seen, hole), 1))
        out: Tensor = seen + made * hole
        return out


class Fill(Task):
    name = "fill"
    Settings = FillSettings
    averaged = ("fill",)

    def __init__(self, settings: FillSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = Filling(
            PlainUNet(4, 3, reduce=settings.reduce, widths=settings.widths, blocks=settings.blocks)
        )
        self.networks = {"fill": net}
        self.optimisations = {"fill": adamw([net], settings.learning_rate, clip=1.0)}

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        rows, cols = clean_nchw.shape[2:]
        masks = [
            draw_holes(rows, cols, np.random.default_rng(seed), self.settings.widest_px)
            for seed in seeds
        ]
        hole = torch.from_numpy(np.stack(masks))[:, None].to(clean_nchw)
        return {"input": torch.cat((clean_nchw * (1 - hole), hole), 1), "clean": clean_nchw,
                "hole": hole}  # fmt: skip

    def step(self, batch: Batch) -> dict[str, Tensor]:
        made = self.networks["fill"](batch["input"])
        hole, clean = batch["hole"], batch["clean"]
        area = hole.sum() * 3 + 1
        inside = ((made - clean).abs() * hole).sum() / area
        slopes = sum(
            ((made - clean).diff(dim=d).abs() * hole.narrow(d, 1, hole.shape[d] - 1)).sum()
            for d in (2, 3)
        )
        loss = inside + 0.5 * slopes / area
        self.descend(loss, "fill")
        return {"inside": inside, "loss": loss}

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        made = networks["fill"](batch["input"]).clamp(0, 1)
        error = (made - batch["clean"]) ** 2 * batch["hole"]
        mse = error.sum() / (batch["hole"].sum() * 3 + 1)
        return {"score": float(-10 * torch.log10(mse))}

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made = networks["fill"](batch["input"])
        return [("with holes", batch["input"][:, :3]), ("filled", made), ("sound", batch["clean"])]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        net = networks["fill"]
        return [
            Export(
                paper="Liu et al. 2018, irregular holes, arXiv:1804.07723",
                name="unfade-fill", module=net, channels_in=4, channels_out=3, task="inpaint",
                shape="fill", about="scratches and small losses, continued from around them",
                multiple_of=net.inner.multiple_of, halo_px=64,  # type: ignore[union-attr, arg-type]
            )
        ]  # fmt: skip
