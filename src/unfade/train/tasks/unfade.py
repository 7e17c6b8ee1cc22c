"""unfade: the six numbers of dye loss, told from a small view of the picture.

The network gives parameters and no pixels: for each layer the share of density that is left and
the stain that was added, ``faded = gain * sound + stain`` (the model of the step
``correct_fading``). Its result is therefore invertible. Trained on small views of sound pictures,
faded by that model; every fourth is not faded at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.train.contract import Batch, Export, Task, adamw

LEAST_LIGHT = 1e-4  # density 4
VIEW_PX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfadeSettings:
    """What is learnt.

    Attributes:
        least_gain: of a layer's density at least this much is left
        most_stain: density added to a layer
        apart: how much the layers' losses differ from one another, as a share
    """

    width: int = 32
    learning_rate: float = 1e-3
    least_gain: float = 0.35
    most_stain: float = 0.3
    apart: float = 0.5
    start: str = ""


class FadeNet(nn.Module):
    """(n, 6, 64, 64) of ``viewed`` -> (n, 6, 1, 1): see ``told``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 6
        for after in (width, 2 * width, 3 * width, 4 * width):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.ReLU()]
            layers += [nn.Conv2d(after, after, 3, 1, 1), nn.ReLU()]
            before = after
        self.layers = nn.Sequential(*layers)
        self.mix = nn.Conv2d(before, 128, 4)  # the whole of the 4 x 4 grid that is left
        self.out = nn.Conv2d(128, 6, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]

    def forward(self, view: Tensor) -> Tensor:
        out: Tensor = self.out(f.relu(self.mix(self.layers(view))))
        return out


class Unfade(Task):
    name = "unfade"
    Settings = UnfadeSettings
    averaged = ("unfade",)
    better = "lower"

    def __init__(self, settings: UnfadeSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = FadeNet(settings.width)
        self.networks = {"unfade": net}
        self.optimisations = {"unfade": adamw([net], settings.learning_rate, clip=1.0)}

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        given: UnfadeSettings = self.settings
        n = len(clean_nchw)
        small = f.interpolate(clean_nchw, size=(VIEW_PX, VIEW_PX), mode="area")
        sound = density_of(light_of(small))
        chance = torch.Generator(small.device).manual_seed(seeds[0])

        def drawn(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=chance, device=small.device)

        common = drawn(n, 1)
        loss = (common * (1 + given.apart * (2 * drawn(n, 3) - 1))).clamp(0, 1)
        gain = 1 - (1 - given.least_gain) * loss
        stain = given.most_stain * drawn(n, 1) * drawn(n, 3)
        whole = torch.arange(n, device=small.device) % 4 == 0
        gain = torch.where(whole[:, None], torch.ones_like(gain), gain)
        stain = torch.where(whole[:, None], torch.zeros_like(stain), stain)
        faded = gain[:, :, None, None] * sound + stain[:, :, None, None]
        return {"faded": faded, "sound": sound, "gain": gain, "stain": stain, "clean": small}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        gain, stain = told(self.networks["unfade"](viewed(batch["faded"])))
        parameters = (gain.log() - batch["gain"].log()).abs().mean() + 3 * (
            stain - batch["stain"]
        ).abs().mean()
        mended = undone(batch["faded"], gain, stain)
        look = (10**-mended - 10 ** -batch["sound"]).abs().mean()
        shown = (seen(mended) - seen(batch["sound"])).abs().mean()
        self.descend(parameters + 4 * shown + look, "unfade")
        return {"parameters": parameters, "shown": shown}

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        gain, stain = told(networks["unfade"](viewed(batch["faded"])))
        mended = undone(batch["faded"], gain, stain)
        shown = (seen(mended) - seen(batch["sound"])).abs().mean()
        before = (seen(batch["faded"]) - seen(batch["sound"])).abs().mean()
        return {"score": shown.item(), "before": before.item(), "share": (shown / before).item()}

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        gain, stain = told(networks["unfade"](viewed(batch["faded"])))
        mended = undone(batch["faded"], gain, stain)
        return [
            ("faded", seen(batch["faded"])),
            ("mended", seen(mended)),
            ("sound", batch["clean"]),
        ]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        return [
            Export(
                paper="density model of Wallace 1989",
                name="unfade-fading", module=networks["unfade"], channels_in=6, channels_out=6,
                task="fading", shape="find", about="how much density each dye layer has lost",
                evidence=1, multiple_of=VIEW_PX, tile_px=VIEW_PX, halo_px=0,
            )
        ]  # fmt: skip


def viewed(density: Tensor) -> Tensor:
    """What the network sees of densities (n, 3, 64, 64): them, and their dark end apart."""
    return torch.cat((density / 2 - 0.5, f.relu(density - 1)), 1)


def told(raw: Tensor) -> tuple[Tensor, Tensor]:
    """(n, 6, 1, 1) of the network -> gains (0-1) and stains, (n, 3) each."""
    raw = raw.flatten(1)
    return torch.exp(-f.softplus(raw[:, :3] - 3)), raw[:, 3:] / 4


def undone(faded: Tensor, gain: Tensor, stain: Tensor) -> Tensor:
    """Densities before the loss."""
    return (faded - stain[:, :, None, None]) / gain[:, :, None, None].clamp(min=0.1)


def light_of(srgb: Tensor) -> Tensor:
    """sRGB values to linear light (IEC 61966-2-1)."""
    return torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def density_of(light: Tensor) -> Tensor:
    return -torch.log10(light.clamp(min=LEAST_LIGHT))


def seen(density: Tensor) -> Tensor:
    """Densities as sRGB values, 0-1."""
    return srgb_of((10**-density).clamp(1e-6, 1))


def srgb_of(light: Tensor) -> Tensor:
    """Linear light, 0-1, to sRGB values (IEC 61966-2-1)."""
    power = 1.055 * light.clamp(min=1e-8) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, light * 12.92, power)
