"""latent-detector: the scratch detector of latent-space translation.

A U-Net gives the logit of scratch at each pixel of a grey picture. The losses are a weighted
cross-entropy and a focal term (Lin et al. 2017, arXiv:1708.02002), as in Wan et al. 2022
(arXiv:2009.07047); the labelled scratches of the authors are not public, so the targets are
those of ``unfade.degrade``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.degrade import DamageClass, degrade_batch
from unfade.engines.nets.latent.detector import THRESHOLD, ScratchDetector
from unfade.train.contract import Batch, Task
from unfade.train.judges import adam

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as the engine does
TARGETS = (DamageClass.SCRATCH, DamageClass.CREASE, DamageClass.TEAR, DamageClass.CRACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentDetectorSettings:
    """What is learnt.

    Attributes:
        width: of the first layer; published: 64
        damage: recipe of ``unfade.degrade``; scratches, creases, tears and cracks are wanted
        sound_share: of the patches that stay undamaged
        most_weight: how much more a scratched pixel counts than a sound one, at most
        focus: exponent of the focal term; ``focal``: its weight
        start: what to begin from, see ``start_from``
    """

    width: int = 64
    damage: str = "old-photo"
    sound_share: float = 0.2
    most_weight: float = 20.0
    focus: float = 2.0
    focal: float = 1.0
    learning_rate: float = 2e-4
    start: str = ""


class LatentDetector(Task):
    name = "latent-detector"
    Settings = LatentDetectorSettings
    averaged = ("detector",)

    def __init__(self, settings: LatentDetectorSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = ScratchDetector(settings.width)
        self.networks = {"detector": net}
        self.optimisations = {"detector": adam([net], settings.learning_rate, (0.5, 0.999))}

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        made = degrade_batch(clean_nchw, self.settings.damage, list(seeds))
        pixels, classes = torch.as_tensor(made.pixels), torch.as_tensor(made.classes)
        wanted = torch.zeros_like(classes, dtype=torch.bool)
        for kind in TARGETS:
            wanted |= classes == int(kind)
        sound = round(self.settings.sound_share * len(seeds))
        if sound:
            pixels, wanted = pixels.clone(), wanted.clone()
            pixels[-sound:], wanted[-sound:] = clean_nchw[-sound:], False
        luma = torch.tensor(LUMA, device=pixels.device, dtype=pixels.dtype)
        grey = torch.einsum("nchw,c->nhw", pixels, luma)[:, None]
        return {"grey": grey * 2 - 1, "wanted": wanted[:, None].to(grey)}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        given: LatentDetectorSettings = self.settings
        logits, wanted = self.networks["detector"](batch["grey"]), batch["wanted"]
        share = wanted.mean().clamp(min=1e-6)
        weight = ((1 - share) / share).clamp(max=given.most_weight)
        each = f.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        counts = 1 + (weight - 1) * wanted
        cross = (each * counts).sum() / counts.sum()
        missed = 1 - torch.exp(-each)  # the chance that was given to the wrong answer
        focal = (missed**given.focus * each).mean()
        self.descend(cross + given.focal * focal, "detector")
        return {"cross": cross, "focal": focal}

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        found = (torch.sigmoid(networks["detector"](batch["grey"])) >= THRESHOLD).float()
        hit = float((found * batch["wanted"]).sum())
        return {
            "score": 2 * hit / max(float(found.sum() + batch["wanted"].sum()), 1.0),
            "precision": hit / max(float(found.sum()), 1.0),
            "recall": hit / max(float(batch["wanted"].sum()), 1.0),
        }

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        found = torch.sigmoid(networks["detector"](batch["grey"]))
        return [("picture", (batch["grey"] + 1) / 2), ("found", found), ("true", batch["wanted"])]
