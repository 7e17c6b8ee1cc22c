"""restore: blind removal of noise, grain, blocks and mild blur, at the strength of the damage.

A plain residual U-Net sees patches with white noise, patches with the damage of a recipe of
``unfade.degrade``, and patches with nothing wrong, which it must return as they are. Strength
(0-1) is applied outside, to what the network says should change. After Zhang et al. 2017
(DnCNN: blind residual learning) and Zhang et al. 2021 (DRUNet).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.plain_unet import PlainUNet, ResidualUNet
from unfade.train.ageing import aged
from unfade.train.contract import Batch, Export, Task, adamw
from unfade.train.measures import psnr


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSettings:
    """What is learnt.

    Attributes:
        widths, blocks, reduce: of the network, see ``PlainUNet``
        learning_rate: at its highest
        sigma_max: noise is drawn from 0 to this, in 1/255
        noise_width_px: half of it is white, half is smoothed by a Gaussian of 0 to this width and
            scaled to its strength again, as noise is that was laid on before a scan or a resize
        damage: recipe of ``unfade.degrade`` for the other patches; empty: noise only
        noise_share, sound_share: of the patches with this noise, and with nothing wrong
        grey_share: of the patches, made grey before anything else
        start: what to begin from, see ``start_from``; empty: from chance
    """

    widths: tuple[int, ...] = (32, 64, 128)
    blocks: tuple[int, ...] = (2, 2, 2)
    reduce: int = 2
    learning_rate: float = 4e-4
    sigma_max: float = 50.0
    noise_width_px: float = 0.0
    damage: str = ""
    noise_share: float = 0.5
    sound_share: float = 0.1
    grey_share: float = 0.15
    start: str = ""


class Restore(Task):
    name = "restore"
    Settings = RestoreSettings
    averaged = ("restore",)

    def __init__(self, settings: RestoreSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = ResidualUNet(
            PlainUNet(3, 3, reduce=settings.reduce, widths=settings.widths, blocks=settings.blocks)
        )
        self.networks = {"restore": net}
        self.optimisations = {"restore": adamw([net], settings.learning_rate, clip=1.0)}

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        given: RestoreSettings = self.settings
        n = len(clean_nchw)
        chance = torch.Generator(clean_nchw.device).manual_seed(seeds[0])
        grey = torch.rand(n, 1, 1, 1, generator=chance, device=clean_nchw.device) < given.grey_share
        luma = clean_nchw.mean(1, keepdim=True).expand_as(clean_nchw)
        clean_nchw = torch.where(grey, luma, clean_nchw)
        sound = round(n * given.sound_share)
        white = n - sound if not given.damage else round(n * given.noise_share)
        sigma = torch.rand(n, 1, 1, 1, generator=chance, device=clean_nchw.device)
        sigma = sigma * given.sigma_max / 255
        sigma[white:] = 0
        noise = torch.randn(clean_nchw.shape, generator=chance, device=clean_nchw.device)
        if given.noise_width_px:
            width = torch.rand(n, generator=chance, device=clean_nchw.device)
            noise = smoothed(noise, (2 * width - 1).clamp(min=0) * given.noise_width_px)
        damaged = clean_nchw + sigma * noise
        last = n - sound
        if white < last:
            part = aged(clean_nchw[white:last], given.damage, seeds[white:last])
            damaged[white:last] = part.pixels
        return {"damaged": damaged, "clean": clean_nchw}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        made = self.networks["restore"](batch["damaged"])
        loss = charbonnier(made, batch["clean"])
        self.descend(loss, "restore")
        return {"charbonnier": loss}

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        made = networks["restore"](batch["damaged"])
        clean = batch["clean"]
        chance = torch.Generator(clean.device).manual_seed(7)
        noisy = clean + 25 / 255 * torch.randn(clean.shape, generator=chance, device=clean.device)
        return {
            "score": psnr(made, clean).clamp(max=60.0).mean().item(),
            "sigma25_db": psnr(networks["restore"](noisy), clean).mean().item(),
            "sound_db": psnr(networks["restore"](clean), clean).mean().item(),
        }

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made = networks["restore"](batch["damaged"])
        return [("damaged", batch["damaged"]), ("restored", made), ("sound", batch["clean"])]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        net = networks["restore"]
        return [
            Export(
                paper="Zhang et al. 2017, DnCNN, arXiv:1608.03981",
                name="unfade-restore", module=net, channels_in=3, channels_out=3, task="denoise",
                about="noise, grain, blocks and mild blur, at the strength of the damage",
                multiple_of=net.inner.multiple_of,  # type: ignore[union-attr, arg-type]
                tile_px=1088, piece_px=256, bytes_per_pixel=170,
            )
        ]  # fmt: skip


def smoothed(noise_nchw: Tensor, width_px: Tensor) -> Tensor:
    """White noise through Gaussians of these widths, (n,), each scaled to its strength again."""
    n, channels, rows, cols = noise_nchw.shape
    reach = max(1, math.ceil(3 * float(width_px.max())))
    away = torch.arange(-reach, reach + 1, device=noise_nchw.device)
    kernel = torch.exp(-((away / width_px.clamp(min=0.05)[:, None]) ** 2) / 2)
    kernel = kernel / kernel.square().sum(1, keepdim=True).sqrt()
    kernel = kernel.repeat_interleave(channels, 0)[:, None]  # one for each plane
    planes = f.pad(noise_nchw.reshape(1, n * channels, rows, cols), (reach,) * 4, mode="reflect")
    planes = f.conv2d(planes, kernel[:, :, None], groups=n * channels)
    planes = f.conv2d(planes, kernel[:, :, :, None], groups=n * channels)
    return planes.reshape(noise_nchw.shape)


def charbonnier(made: Tensor, wanted: Tensor) -> Tensor:
    """A smooth absolute difference (Charbonnier et al. 1994), mean."""
    return torch.sqrt((made - wanted) ** 2 + 1e-6).mean()
