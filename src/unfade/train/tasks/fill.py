"""fill: holes from scratches to about 64 pixels across, continued from their neighbourhood.

A plain U-Net sees the picture with its holes filled by a classical method, and the mask, and
says what to add inside them: it begins where that method ends, so that what little it learns
is gain. Holes are drawn from strokes and blobs of many widths. The loss is absolute, inside the
holes, of values and of their differences, each patch's as a share of what the classical fill
leaves: else the widest holes, which nobody can fill, would be all that is learnt. An adversarial
term is left out on purpose, so that the result is an estimate and not an invention. After Pathak
et al. 2016 (context encoders), Liu et al. 2018 (irregular holes) and Guleryuz 2006 (the fill that
it begins from).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from unfade.engines.nets.plain_unet import PlainUNet
from unfade.errors import RecipeError, nearest
from unfade.steps.inpaint import METHODS, fill_holes
from unfade.train.contract import Batch, Export, Start, Task, adamw
from unfade.train.holes import draw_holes

THIN_PX = 12  # scratches
_LEAST = 0.01  # a classical fill that is this near cannot be bettered


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSettings:
    """What is learnt.

    Attributes:
        widths, blocks, reduce: of the network, see ``PlainUNet``
        begin: the classical fill that the network begins from, see ``METHODS`` of ``inpaint``;
            it costs about as much processor time a patch as the network does
        widest_px: holes are up to this wide
        thin_share: of the patches, whose holes are at most ``THIN_PX`` wide
        start: what to begin from, see ``start_from``; the trunk of a ``restore`` will do
    """

    widths: tuple[int, ...] = (32, 64, 128)
    blocks: tuple[int, ...] = (2, 2, 2)
    reduce: int = 2
    begin: str = "sparse"
    learning_rate: float = 5e-4
    widest_px: int = 64
    thin_share: float = 0.6
    start: str = ""

    def __post_init__(self) -> None:
        if self.begin not in METHODS:
            raise RecipeError(f"No fill is called `{self.begin}`.", nearest(self.begin, METHODS))


class Filling(nn.Module):
    """(n, 4, rows, cols): filled pixels and mask -> pixels; outside the mask the input itself."""

    def __init__(self, inner: PlainUNet) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        pixels, hole = x[:, :3], x[:, 3:]
        out: Tensor = pixels + self.inner(x) * hole
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

    def starts(self) -> list[Start]:
        return [Start(self.settings.start, dict(self.networks), relatives={"fill": "restore"})]

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        rows, cols = clean_nchw.shape[2:]
        masks = [self._holes(rows, cols, np.random.default_rng(seed)) for seed in seeds]
        sound = clean_nchw.permute(0, 2, 3, 1).cpu().numpy()
        filled = np.stack([self._begun(*both) for both in zip(sound, masks, strict=True)])
        begun = torch.from_numpy(filled).permute(0, 3, 1, 2).to(clean_nchw)
        hole = torch.from_numpy(np.stack(masks))[:, None].to(clean_nchw)
        return {"input": torch.cat((begun, hole), 1), "clean": clean_nchw, "hole": hole}

    def _holes(self, rows: int, cols: int, rng: np.random.Generator) -> np.ndarray:
        thin = rng.uniform() < self.settings.thin_share
        return draw_holes(rows, cols, rng, THIN_PX if thin else self.settings.widest_px)

    def _begun(self, pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
        hole = mask > 0
        blanked = np.where(hole[:, :, None], np.float32(0), pixels)
        return fill_holes(blanked, hole, method=self.settings.begin, grain=0.0)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        made = self.networks["fill"](batch["input"])
        hole, clean = batch["hole"], batch["clean"]
        left = _mean_inside((made - clean).abs(), hole)
        before = _mean_inside((batch["input"][:, :3] - clean).abs(), hole)
        slopes = sum(
            _mean_inside((made - clean).diff(dim=d).abs(), hole.narrow(d, 1, hole.shape[d] - 1))
            for d in (2, 3)
        )
        share = ((left + 0.5 * slopes) / (before + _LEAST)).mean()
        self.descend(share, "fill")
        return {"inside": left.mean(), "share": (left / (before + _LEAST)).mean()}

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        made = networks["fill"](batch["input"]).clamp(0, 1)
        hole, clean = batch["hole"], batch["clean"]
        left = _mean_inside((made - clean) ** 2, hole) + 1e-6
        before = _mean_inside((batch["input"][:, :3] - clean) ** 2, hole) + 1e-6
        return {"score": float(10 * torch.log10(before / left).mean()),
                "psnr": float(-10 * torch.log10(left).mean())}  # fmt: skip

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made = networks["fill"](batch["input"])
        return [
            ("filled by the classical method", batch["input"][:, :3]),
            ("filled", made),
            ("sound", batch["clean"]),
        ]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        net = networks["fill"]
        return [
            Export(
                paper="Liu et al. 2018, irregular holes, arXiv:1804.07723",
                name="unfade-fill", module=net, channels_in=4, channels_out=3, task="inpaint",
                shape="fill", begins_with=self.settings.begin,
                about="scratches and small losses, continued from around them",
                multiple_of=net.inner.multiple_of, halo_px=64,  # type: ignore[union-attr, arg-type]
            )
        ]  # fmt: skip


def _mean_inside(values: Tensor, hole: Tensor) -> Tensor:
    """(n,): the mean of each patch inside its holes."""
    return (values * hole).sum((1, 2, 3)) / (hole.sum((1, 2, 3)) * values.shape[1] + 1)
