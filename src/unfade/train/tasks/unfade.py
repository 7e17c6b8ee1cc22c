"""unfade: the six numbers of dye loss, told from a small view of the picture.

The network gives parameters and no pixels: for each layer the share of density that is left and
the stain that was added, ``faded = gain * sound + stain`` (the model of the step
``correct_fading``). Its result is therefore invertible.

A layer stretched between its own ends looks the same whatever it has lost, so the network looks at
that once, and from it and the layers' densities in order tells where the sound picture's ends
lay. In training each look serves several fadings. Some pictures are faded by dyes that take away
light beside their own first, which six numbers cannot quite undo; some have gone through a recipe
of ``unfade.degrade``; some are not faded at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.start import he_start
from unfade.steps.correct_fading.model import DYES
from unfade.steps.correct_fading.network import (
    ENDS,
    LEAST_GAIN,
    LEAST_RANGE,
    MOST_GAIN,
    SHARES,
    SOUND_LOW,
    SOUND_RANGE,
    VIEW_PX,
)
from unfade.train.ageing import aged
from unfade.train.colour import difference, lab_of, light_of, seen_difference, srgb_of, stored
from unfade.train.contract import Batch, Export, Task, adamw

LEAST_LIGHT = 1e-4  # density 4
FLARE = 10**-2.1  # light of a print's deepest black
NUMBERS = 6 + 3 * len(SHARES)
HARDLY_SEEN, SURELY_SEEN = 0.5, 5.0  # colour differences: nothing to say, and surely a loss


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfadeSettings:
    """What is learnt.

    Attributes:
        heads: opinions that are averaged
        drop: share of the heads' cells that are silent in training
        fadings: of each picture
        least_gain: of a layer's density at least this much is left
        most_stain: density added to a layer
        apart: how much the layers' losses differ from one another, as a share
        damage: recipe of ``unfade.degrade`` that changes tones; empty: none
        damage_share: of the pictures, through this recipe first
        dyes_share: of the others, faded by dyes with side absorptions
        sound_share: of the fadings, none at all
    """

    width: int = 40
    heads: int = 4
    drop: float = 0.2
    learning_rate: float = 1e-3
    fadings: int = 10
    least_gain: float = 0.35
    most_stain: float = 0.3
    apart: float = 0.5
    damage: str = ""
    damage_share: float = 0.5
    dyes_share: float = 0.4
    sound_share: float = 0.2
    start: str = ""


class FadeNet(nn.Module):
    """(n, 4, 64, 64), see ``blob``, -> (n, 7, 1, 1), see ``told``."""

    def __init__(self, width: int, heads: int, drop: float) -> None:
        super().__init__()
        wide = (width, width, 3 * width // 2, 2 * width)
        layers: list[nn.Module] = [nn.Conv2d(3, wide[0], 4, 4), nn.ReLU()]
        layers += [nn.Conv2d(wide[0], wide[1], 3, 1, 1), nn.ReLU()]
        for before, after in pairwise(wide[1:]):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.ReLU()]
            layers += [nn.Conv2d(after, after, 3, 1, 1), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.mix = nn.Conv2d(wide[-1], 2 * width, 4)  # the whole of the 4 x 4 grid that is left
        self.colours = nn.Sequential(  # as a histogram of learnt bins
            nn.AvgPool2d(2), nn.Conv2d(3, 32, 1), nn.ReLU(), nn.Conv2d(32, width, 1), nn.ReLU()
        )
        seen = 2 * width + 2 * width
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(drop / 2), nn.Conv2d(seen + NUMBERS, 4 * width, 1), nn.ReLU(),
                nn.Dropout(drop), nn.Conv2d(4 * width, 2 * width, 1), nn.ReLU(),
                nn.Dropout(drop), nn.Conv2d(2 * width, 7, 1),
            )
            for _ in range(heads)
        )  # fmt: skip
        he_start(self)
        for head in self.heads:  # the last of each at nothing: it departs from the ends
            nn.init.zeros_(head[-1].weight)  # type: ignore[index, arg-type]

    def look(self, view: Tensor) -> Tensor:
        """(n, 3, 64, 64) -> (n, seen, 1, 1)."""
        colours = self.colours(view)
        whole = f.relu(self.mix(self.layers(view)))
        mean, most = f.adaptive_avg_pool2d(colours, 1), f.adaptive_max_pool2d(colours, 1)
        return torch.cat((whole, mean, most), 1)

    def opinions(self, seen: Tensor, numbers: Tensor) -> list[Tensor]:
        """(n, seen, 1, 1) and (n, NUMBERS, 1, 1) -> of each head (n, 7, 1, 1)."""
        known = torch.cat((seen, numbers), 1)
        return [head(known) for head in self.heads]

    def forward(self, blob: Tensor, apart: Tensor | None = None) -> Tensor:
        """The mean opinion; in training of each head, (heads, n, 7, 1, 1).

        Args:
            apart: in training (n, NUMBERS, 1, 1), several for each view, and ``blob`` is the views
        """
        seen = self.look(blob[:, :3])
        if apart is not None:
            seen = seen.repeat_interleave(len(apart) // len(blob), 0)
            return torch.stack(self.opinions(seen, apart))
        opinions = self.opinions(seen, blob[:, 3:, :1, :NUMBERS].permute(0, 3, 1, 2))
        total = opinions[0]
        for opinion in opinions[1:]:
            total = total + opinion
        return total / len(opinions)


class Unfade(Task):
    name = "unfade"
    Settings = UnfadeSettings
    averaged = ("unfade",)
    better = "lower"

    def __init__(self, settings: UnfadeSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = FadeNet(settings.width, settings.heads, settings.drop)
        self.networks = {"unfade": net}
        self.optimisations = {
            "unfade": adamw([net], settings.learning_rate, clip=1.0, weight_decay=1e-2)
        }

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        given: UnfadeSettings = self.settings
        n, k = len(clean_nchw), given.fadings
        chance = torch.Generator().manual_seed(seeds[0])

        def drawn(*shape: int) -> Tensor:
            return torch.rand(*shape, generator=chance).to(clean_nchw.device)

        light = light_of(clean_nchw)
        through = round(n * given.damage_share) if given.damage else 0
        by_recipe = torch.arange(n, device=light.device) < through
        by_dyes = (drawn(n) < given.dyes_share) & ~by_recipe
        print_ = (light + FLARE) / (1 + FLARE)
        sound = torch.where(by_dyes[:, None, None, None], print_, light)
        matrix, offset = self._by_dyes(by_dyes, drawn)
        base = torch.einsum("nij,njhw->nihw", matrix, density_of(sound))
        base = density_of(stored((10 ** -(base + offset[:, :, None, None])).clamp(0, 1)))

        if through:
            hurt = aged(clean_nchw[:through], given.damage, seeds[:through]).pixels
            base[:through] = density_of(light_of(hurt.clamp(0, 1)))

        common = drawn(n, k, 1)
        loss = (common * (1 + given.apart * (2 * drawn(n, k, 3) - 1))).clamp(0, 1)
        gain = 1 - (1 - given.least_gain) * loss
        stain = given.most_stain * drawn(n, k, 1) * drawn(n, k, 3)
        # what has faded already is faded little more
        little = (by_dyes | by_recipe)[:, None, None]
        gain = torch.where(little, 1 - (1 - gain) / 4, gain)
        stain = torch.where(little, stain / 6, stain)
        none = (drawn(n, k) < given.sound_share)[:, :, None]
        gain = torch.where(none, torch.ones_like(gain), gain)
        stain = torch.where(none, torch.zeros_like(stain), stain)
        return {
            "base": base, "order": ordered(base), "sound": sound, "gain": gain, "stain": stain,
            "clean": clean_nchw,
        }  # fmt: skip

    def _by_dyes(self, chosen: Tensor, drawn: Callable[..., Tensor]) -> tuple[Tensor, Tensor]:
        """Fading of dyes with side absorptions: matrices (n, 3, 3) and offsets (n, 3) of density.

        Nothing where not ``chosen``.
        """
        n = len(chosen)
        known = torch.tensor([DYES[name] for name in DYES if name != "independent"])
        dyes = known.to(chosen.device)[(drawn(n) * len(known)).long()]
        left = (0.35 + 0.65 * drawn(n, 1)) * (0.6 + 0.4 * drawn(n, 3))
        # stains of old dyes and gelatine are yellow
        stain = 0.25 * drawn(n, 1) * (0.2 + 0.8 * drawn(n, 3))
        stain = stain * torch.tensor([0.4, 0.6, 1.0], device=chosen.device)
        matrix = dyes @ torch.diag_embed(left) @ torch.linalg.inv(dyes)
        offset = torch.einsum("nij,nj->ni", dyes, stain)
        same = torch.eye(3, device=chosen.device).expand(n, 3, 3)
        return (
            torch.where(chosen[:, None, None], matrix, same),
            torch.where(chosen[:, None], offset, torch.zeros_like(offset)),
        )

    def step(self, batch: Batch) -> dict[str, Tensor]:
        net = self.networks["unfade"]
        k = batch["gain"].shape[1]
        faded = _faded(batch, slice(None, None, 11))
        order = _order(batch)
        sound = lab_of(batch["sound"][:, :, ::11, ::11]).repeat_interleave(k, 0)
        with torch.no_grad():
            before = difference(lab_of(10**-faded), sound).mean((1, 2))
        lost = (before / SURELY_SEEN).clamp(0, 1)
        left, wrong = [], []
        for raw in net(view_of(batch["base"], batch["order"]), numbers_of(order)):
            gain, stain, sure = told(raw, order)
            mended = (10 ** -undone(faded, gain, stain)).clamp(1e-6, 1)
            left.append(difference(lab_of(mended), sound).mean())
            wrong.append(f.binary_cross_entropy(sure, lost))
        left_, wrong_ = torch.stack(left).mean(), torch.stack(wrong).mean()
        self.descend(left_ + wrong_, "unfade")
        return {"left": left_, "wrong": wrong_, "before": before.mean()}

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        faded, order = _faded(batch, slice(None, None, 4)), _order(batch)
        k = batch["gain"].shape[1]
        sound = batch["sound"][:, :, ::4, ::4].repeat_interleave(k, 0)
        gain, stain, sure = told(networks["unfade"](_blobs(batch)), order)
        before = seen_difference(10**-faded, sound)
        after = seen_difference((10 ** -undone(faded, gain, stain)).clamp(0, 1), sound)
        lost = before > HARDLY_SEEN
        none = ~lost if (~lost).any() else lost
        return {
            "score": after[lost].mean().item(),
            "before": before[lost].mean().item(),
            "harm": after[none].mean().item(),
            "sure_of_faded": sure.cpu()[lost].mean().item(),
            "sure_of_sound": sure.cpu()[none].mean().item(),
        }

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        first = {name: x[:, :1] if name in ("gain", "stain") else x for name, x in batch.items()}
        faded = _faded(first, slice(None))
        gain, stain, _ = told(networks["unfade"](_blobs(first)), _order(first))
        return [
            ("faded", srgb_of((10**-faded).clamp(1e-6, 1))),
            ("mended", srgb_of((10 ** -undone(faded, gain, stain)).clamp(1e-6, 1))),
            ("sound", batch["clean"]),
        ]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        return [
            Export(
                paper="density model of Wallace 1989",
                name="unfade-fading", module=networks["unfade"], channels_in=4, channels_out=7,
                task="correct_fading", shape="find", evidence=1,
                about="how much density each dye layer has lost",
                multiple_of=VIEW_PX, tile_px=VIEW_PX, halo_px=0,
            )
        ]  # fmt: skip


def ordered(density: Tensor) -> Tensor:
    """(n, 3, rows, cols) -> (n, len(SHARES), 3), see the step's ``ordered``."""
    shares = torch.tensor(SHARES, device=density.device)
    return torch.quantile(density.flatten(2), shares, dim=2).permute(1, 0, 2)


def _ends(order: Tensor) -> tuple[Tensor, Tensor]:
    low, high = (order[:, at] for at in ENDS)
    return low, (high - low).clamp(min=LEAST_RANGE)


def view_of(density: Tensor, order: Tensor) -> Tensor:
    """Layers stretched between their ends, (n, 3, 64, 64), about -1 to 1."""
    small = f.interpolate(density, size=(VIEW_PX, VIEW_PX), mode="area")
    low, reach = (part[:, :, None, None] for part in _ends(order))
    return ((small - low) / reach).clamp(-0.25, 1.25) * 2 - 1


def numbers_of(order: Tensor) -> Tensor:
    """What the network is told beside the view, (n, NUMBERS, 1, 1)."""
    low, reach = _ends(order)
    inner = (order - low[:, None]) / reach[:, None]
    numbers = torch.cat((2 * (low - 0.7), 2 * (reach - 0.7), inner.flatten(1) - 0.5), 1)
    return numbers[:, :, None, None]


def blob(view: Tensor, numbers: Tensor) -> Tensor:
    """The network's one input: the view, and the numbers in the first row of a fourth plane."""
    plane = torch.zeros_like(view[:, :1])
    plane[:, 0, 0, :NUMBERS] = numbers[:, :, 0, 0]
    return torch.cat((view, plane), 1)


def told(raw: Tensor, order: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(n, 7, 1, 1) of the network -> gains and stains (n, 3) each, and how sure (n,)."""
    raw = raw.flatten(1)
    low, reach = _ends(order)
    full = (reach / (SOUND_RANGE * torch.exp(raw[:, 3:6] / 2))).clamp(LEAST_GAIN, MOST_GAIN)
    sure = torch.sigmoid(2 * raw[:, 6:])
    stain = low - full * (SOUND_LOW + raw[:, :3] / 5)
    return torch.exp(sure * full.log()), sure * stain, sure[:, 0]


def undone(faded: Tensor, gain: Tensor, stain: Tensor) -> Tensor:
    """Densities before the loss."""
    return (faded - stain[:, :, None, None]) / gain[:, :, None, None]


def _faded(batch: Batch, thin: slice) -> Tensor:
    """(n * fadings, 3, rows, cols), thinned."""
    base = batch["base"][:, None, :, thin, thin]
    gain, stain = (batch[name][:, :, :, None, None] for name in ("gain", "stain"))
    return (gain * base + stain).flatten(0, 1)


def _order(batch: Batch) -> Tensor:
    order = batch["gain"][:, :, None] * batch["order"][:, None] + batch["stain"][:, :, None]
    return order.flatten(0, 1)


def _blobs(batch: Batch) -> Tensor:
    view = view_of(batch["base"], batch["order"])
    return blob(view.repeat_interleave(batch["gain"].shape[1], 0), numbers_of(_order(batch)))


def density_of(light: Tensor) -> Tensor:
    return -torch.log10(light.clamp(min=LEAST_LIGHT))
