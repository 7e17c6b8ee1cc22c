"""damage: where local damage lies, of which class, at the picture's own scale.

A plain U-Net gives logits: first "damaged at all", then one for each class. Trained on patches
with a recipe of ``unfade.degrade`` and on sound ones; real opacity maps can be mixed in. Losses
are binary cross-entropies and a soft Dice term for thin things (Milletari et al. 2016). After
training the first logit is calibrated by one temperature (Guo et al. 2017) on validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.degrade import DamageClass
from unfade.engines.nets.plain_unet import PlainUNet
from unfade.errors import RecipeError, nearest
from unfade.train.ageing import aged
from unfade.train.contract import Batch, Export, Start, Task, adamw

CLASSES = ("scratch", "dust", "hair", "crease", "tear", "stain")


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageSettings:
    """What is learnt.

    Attributes:
        name, about: of the network, when it is exported
        classes: of ``unfade.degrade.DamageClass`` that are looked for; one logit each, behind the
            one for any of them
        widths, blocks, reduce: of the network, see ``PlainUNet``
        damage: recipe of ``unfade.degrade``; its local classes are the targets
        sound_share: of the patches that carry the recipe's global damage only
        visible: damage of less opacity than this is neither demanded nor punished
        sound_weight: how much more an alarm on sound ground costs than a miss
        start: what to begin from, see ``start_from``
        trunk: begin from all but the head of this one instead, which tells other classes
    """

    name: str = "unfade-damage"
    about: str = "where scratches, dust, hairs, creases, tears and stains lie"
    classes: tuple[str, ...] = CLASSES
    widths: tuple[int, ...] = (24, 48, 96)
    blocks: tuple[int, ...] = (2, 2, 2)
    reduce: int = 2
    learning_rate: float = 5e-4
    damage: str = "old-photo"
    sound_share: float = 0.3
    visible: float = 0.15
    sound_weight: float = 1.0
    start: str = ""
    trunk: str = ""

    def __post_init__(self) -> None:
        known = [kind.name.lower() for kind in DamageClass if kind]
        for name in self.classes:
            if name not in known:
                raise RecipeError(f"No class of damage is called `{name}`.", nearest(name, known))


class Damage(Task):
    name = "damage"
    Settings = DamageSettings
    averaged = ("damage",)

    def __init__(self, settings: DamageSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = PlainUNet(
            3, 1 + len(settings.classes),
            reduce=settings.reduce, widths=settings.widths, blocks=settings.blocks,
        )  # fmt: skip
        self.networks = {"damage": net}
        self.optimisations = {"damage": adamw([net], settings.learning_rate, clip=1.0)}

    def starts(self) -> list[Start]:
        given: DamageSettings = self.settings
        # Under another name it is only a relative, of which the trunk alone is taken.
        anew = {"anew": self.networks["damage"]}
        return [Start(given.trunk, anew, relatives={"anew": "damage"}), *super().starts()]

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        given: DamageSettings = self.settings
        sound = round(len(clean_nchw) * given.sound_share)
        parts = [aged(clean_nchw[sound:], given.damage, seeds[sound:], overlays=self.overlays)]
        if sound:
            parts.insert(0, aged(clean_nchw[:sound], given.damage, seeds[:sound], local=False))
        pixels, mask, classes, opacity = (
            torch.cat([getattr(p, name) for p in parts])
            for name in ("pixels", "mask", "classes", "opacity")
        )
        codes = [int(DamageClass[name.upper()]) for name in given.classes]
        wanted = torch.stack([classes == code for code in codes], 1)
        where = wanted.any(1, keepdim=True)
        sure = ((opacity >= given.visible) | ~mask)[:, None]
        targets = torch.cat((where, wanted), 1).float()
        return {"damaged": pixels, "targets": targets, "sure": sure.float(), "clean": clean_nchw}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        logits = self.networks["damage"](batch["damaged"])
        targets, sure = batch["targets"], batch["sure"]
        weight = 1 + (self.settings.sound_weight - 1) * (1 - targets[:, :1])
        cross = f.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        cross_all = (cross[:, :1] * sure * weight).mean()
        cross_class = (cross[:, 1:] * sure).mean()
        chance = torch.sigmoid(logits[:, :1]) * sure
        both = (chance * targets[:, :1]).sum()
        dice = 1 - (2 * both + 1) / (chance.sum() + (targets[:, :1] * sure).sum() + 1)
        self.descend(cross_all + 0.5 * cross_class + 0.3 * dice, "damage")
        return {"cross": cross_all, "classes": cross_class, "dice": dice}

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        logits = networks["damage"](batch["damaged"])
        found = (logits[:, :1] > 0).float() * batch["sure"]
        wanted = batch["targets"][:, :1] * batch["sure"]
        hit = (found * wanted).sum().item()
        f1 = 2 * hit / max(found.sum().item() + wanted.sum().item(), 1)
        sound = networks["damage"](batch["clean"])[:, :1]
        cross = f.binary_cross_entropy_with_logits(
            logits[:, :1], batch["targets"][:, :1], weight=batch["sure"]
        )
        return {
            "score": f1,
            "precision": hit / max(found.sum().item(), 1),
            "recall": hit / max(wanted.sum().item(), 1),
            "cross": cross.item(),
            "false_share": (sound > 0).float().mean().item(),
        }

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        chance = torch.sigmoid(networks["damage"](batch["damaged"])[:, :1])
        return [("damaged", batch["damaged"]), ("found", chance), ("true", batch["targets"][:, :1])]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        net = networks["damage"]
        return [
            Export(
                paper="Ronneberger et al. 2015, U-Net, arXiv:1505.04597",
                name=self.settings.name, module=net, channels_in=3,
                channels_out=1 + len(self.settings.classes), about=self.settings.about,
                task="find damage", shape="find", evidence=0,
                tile_px=1088, piece_px=256, bytes_per_pixel=170,
                multiple_of=net.multiple_of,  # type: ignore[arg-type]
            )
        ]  # fmt: skip
