"""upscale: twice or four times the size, faithful, or with a perceptual and adversarial part.

The faithful variant learns absolute error alone on cleanly reduced pictures. The other learns on
pictures reduced and degraded by a recipe, with a patch discriminator (relativistic hinge as in
Wang et al. 2018, ESRGAN) and the distance of feature maps. After Shi et al. 2016 (sub-pixel
convolution) and Wang et al. 2021 (Real-ESRGAN).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.plain_unet import PlainUNet
from unfade.train.ageing import aged
from unfade.train.contract import Batch, Export, Task, adamw
from unfade.train.discriminator import PatchDiscriminator, hinge_d, hinge_g
from unfade.train.measures import psnr
from unfade.train.tasks.restore import charbonnier


@dataclass(frozen=True, slots=True, kw_only=True)
class UpscaleSettings:
    """What is learnt.

    Attributes:
        scale: 2 or 4
        damage: recipe of ``unfade.degrade`` laid over the reduced picture; empty: none
        adversarial: weight of the discriminator's opinion; 0: the faithful variant
        perceptual: weight of the distance between feature maps of VGG-16
        start: what to begin from, see ``start_from``, e.g. of the faithful variant
    """

    scale: int = 2
    widths: tuple[int, ...] = (32,)
    blocks: tuple[int, ...] = (8,)
    learning_rate: float = 5e-4
    damage: str = ""
    adversarial: float = 0.0
    perceptual: float = 0.0
    start: str = ""


class Enlarger(nn.Module):
    """A PlainUNet that says what to add to the enlarged input.

    The enlargement is a convolution that begins as the bicubic one and is learnt further: it is
    the same in every runtime, and training begins where bicubic interpolation ends.
    """

    def __init__(self, inner: PlainUNet) -> None:
        super().__init__()
        self.inner = inner
        s = inner.scale
        self.base = nn.Conv2d(3, 3 * s * s, 5, padding=2, padding_mode="replicate", bias=False)
        self.shuffle = nn.PixelShuffle(s)
        with torch.no_grad():
            self.base.weight.copy_(bicubic_phases(s))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.shuffle(self.base(x)) + self.inner(x)
        return out


def bicubic_phases(scale: int) -> Tensor:
    """Bicubic enlargement (Keys 1981) as a convolution before a pixel shuffle.

    Returns:
        (3 * scale**2, 3, 5, 5): for each phase of the output what each input pixel counts
    """
    impulse = torch.zeros(1, 1, 11, 11)
    impulse[0, 0, 5, 5] = 1
    spread = f.interpolate(impulse, scale_factor=float(scale), mode="bicubic", align_corners=False)
    weight = torch.zeros(3, scale * scale, 3, 5, 5)
    for row in range(5):
        for col in range(5):
            # the input pixel at (row, col) of the window is the impulse; the centre is enlarged
            top, left = (5 + 2 - row) * scale, (5 + 2 - col) * scale
            phases = spread[0, 0, top : top + scale, left : left + scale].reshape(-1)
            for channel in range(3):
                weight[channel, :, channel, row, col] = phases
    return weight.reshape(3 * scale * scale, 3, 5, 5)


class Upscale(Task):
    name = "upscale"
    Settings = UpscaleSettings
    averaged = ("upscale",)

    def __init__(self, settings: UpscaleSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = Enlarger(
            PlainUNet(
                3, 3, reduce=1, widths=settings.widths, blocks=settings.blocks,
                scale=settings.scale,
            )
        )  # fmt: skip
        self.networks = {"upscale": net}
        self.optimisations = {"upscale": adamw([net], settings.learning_rate, clip=1.0)}
        self._features: nn.Module | None = None
        if settings.adversarial:
            judge = PatchDiscriminator(3)
            self.networks["judge"] = judge
            self.optimisations["judge"] = adamw([judge], settings.learning_rate, clip=1.0)
        if settings.perceptual:
            from unfade.train.features import VggFeatures

            self._features = VggFeatures().to(device)

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        s = self.settings.scale
        small = f.interpolate(
            clean_nchw, scale_factor=1 / s, mode="bicubic", antialias=True, align_corners=False
        ).clamp(0, 1)
        small = (small * 255).round() / 255
        if self.settings.damage:
            small = aged(small, self.settings.damage, seeds).pixels
        return {"small": small, "clean": clean_nchw}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        made, clean = self.networks["upscale"](batch["small"]), batch["clean"]
        losses = {"charbonnier": charbonnier(made, clean)}
        total = losses["charbonnier"]
        if self._features is not None:
            losses["perceptual"] = self._features(made, clean)
            total = total + self.settings.perceptual * losses["perceptual"]
        if self.settings.adversarial:
            judge = self.networks["judge"]
            losses["adversarial"] = hinge_g(judge(made), judge(clean))
            total = total + self.settings.adversarial * losses["adversarial"]
        self.descend(total, "upscale")
        if self.settings.adversarial:
            losses["judge"] = hinge_d(judge(made.detach()), judge(clean))
            self.descend(losses["judge"], "judge")
        return losses

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        made, clean = networks["upscale"](batch["small"]), batch["clean"]
        cubic = f.interpolate(
            batch["small"], scale_factor=self.settings.scale, mode="bicubic", align_corners=False
        )
        measured = {
            "psnr_db": psnr(made, clean).mean().item(),
            "above_bicubic_db": (psnr(made, clean) - psnr(cubic, clean)).mean().item(),
        }
        score = measured["psnr_db"]
        if self._features is not None:
            measured["perceptual"] = self._features(made, clean).item()
            score = -measured["perceptual"]
        return measured | {"score": score}

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made = networks["upscale"](batch["small"])
        return [("small", batch["small"]), ("enlarged", made), ("sound", batch["clean"])]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        net, s = networks["upscale"], self.settings.scale
        kind = "" if not self.settings.adversarial else "-crisp"
        return [
            Export(
                paper="Shi et al. 2016, sub-pixel convolution, arXiv:1609.05158",
                name=f"unfade-upscale-x{s}{kind}", module=net, channels_in=3, channels_out=3,
                task="upscale", about=f"{s} times enlargement of photographs, small and fast",
                scale=s, multiple_of=net.inner.multiple_of,  # type: ignore[union-attr, arg-type]
                bytes_per_pixel=2600 if s > 2 else 1500,
            )
        ]  # fmt: skip
