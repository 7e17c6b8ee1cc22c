"""tutorial: the small encoder-decoder with skips that students build for damaged artworks.

Kept as it is taught: pictures resized to one square, noise, blur, scratches and spilt water, a few
convolutions down and up. Two things are not: weights begin as He et al. 2015 (without, many
samples are spent before anything is learnt), and the loss is the absolute difference, for a squared
one heeds spilt water and little else. Its usual measure, "accuracy" as Keras reports it for
pictures, is the share of pixels whose strongest channel is the same; here it carries that name,
``channel_agreement``, and stands beside PSNR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.start import he_start
from unfade.train.ageing import aged
from unfade.train.contract import Batch, Export, Task, adamw
from unfade.train.measures import psnr


@dataclass(frozen=True, slots=True, kw_only=True)
class TutorialSettings:
    """What is learnt.

    Attributes:
        residual: the network says what to add to its input
        as_taught: begin with PyTorch's own weights, and descend on the squared difference
    """

    width: int = 32
    learning_rate: float = 1e-3
    damage: str = "artwork-quartet"
    residual: bool = True
    as_taught: bool = False


class EncoderDecoder(nn.Module):
    """(n, 3, rows, cols) -> the same; sides must be multiples of 4."""

    multiple_of = 4

    def __init__(self, width: int, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.one, self.two = _pair(3, width), _pair(width, 2 * width)
        self.middle = _pair(2 * width, 4 * width)
        self.back_two, self.back_one = _pair(6 * width, 2 * width), _pair(3 * width, width)
        self.out = nn.Conv2d(width, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.one(x)
        two = self.two(f.max_pool2d(one, 2))
        middle = self.middle(f.max_pool2d(two, 2))
        y = self.back_two(torch.cat((f.interpolate(middle, scale_factor=2.0), two), 1))
        y = self.out(self.back_one(torch.cat((f.interpolate(y, scale_factor=2.0), one), 1)))
        out: Tensor = x + y if self.residual else torch.sigmoid(y)
        return out


class Tutorial(Task):
    name = "tutorial"
    Settings = TutorialSettings
    averaged = ("tutorial",)

    def __init__(self, settings: TutorialSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = EncoderDecoder(settings.width, settings.residual)
        if not settings.as_taught:
            _start(net)
        self.networks = {"tutorial": net}
        self.optimisations = {"tutorial": adamw([net], settings.learning_rate)}

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        damaged = aged(clean_nchw, self.settings.damage, seeds).pixels
        return {"damaged": damaged, "clean": clean_nchw}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        made, clean = self.networks["tutorial"](batch["damaged"]), batch["clean"]
        loss = (f.mse_loss if self.settings.as_taught else f.l1_loss)(made, clean)
        self.descend(loss, "tutorial")
        return {"loss": loss}

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        made, clean = networks["tutorial"](batch["damaged"]), batch["clean"]
        agreement = _agreement(made, clean)
        return {
            "score": psnr(made, clean).mean().item(),
            "channel_agreement": agreement.mean().item(),
            "best_channel_agreement": agreement.max().item(),
            "damaged_db": psnr(batch["damaged"], clean).mean().item(),
            "damaged_agreement": _agreement(batch["damaged"], clean).mean().item(),
        }

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made = networks["tutorial"](batch["damaged"])
        return [("damaged", batch["damaged"]), ("restored", made), ("sound", batch["clean"])]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        return [
            Export(
                paper="Ronneberger et al. 2015, U-Net, arXiv:1505.04597",
                name="tutorial", module=networks["tutorial"], channels_in=3, channels_out=3,
                task="denoise", about="the students' encoder-decoder for damaged artworks",
                multiple_of=4, halo_px=24,
            )
        ]  # fmt: skip


def _start(net: EncoderDecoder) -> None:
    """He et al. 2015; the last convolution at a tenth, so that it begins near its input."""
    he_start(net)
    with torch.no_grad():
        net.out.weight *= 0.1


def _agreement(made: Tensor, clean: Tensor) -> Tensor:
    """(n,) share of the pixels whose strongest channel is the same."""
    return (made.argmax(1) == clean.argmax(1)).float().mean(dim=(1, 2))


def _pair(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.ReLU(),
        nn.Conv2d(after, after, 3, padding=1), nn.ReLU(),
    )  # fmt: skip
