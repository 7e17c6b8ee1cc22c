"""latent-face: the face generator of latent-space translation.

Sound aligned faces are damaged, and the generator makes them anew from a small copy, steered by
the damaged face. Judged in pairs with the damaged face, at two scales. After Wan et al. 2020
(arXiv:2004.09484), section 3.3, and Park et al. 2019 (arXiv:1903.07291).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.latent.face import FaceGenerator
from unfade.train.contract import Batch, Task
from unfade.train.judges import Judges, adam, judge_loss, matching_loss, verdict_loss
from unfade.train.measures import psnr
from unfade.train.synthetic_age import aged


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentFaceSettings:
    """What is learnt. The patches must be aligned faces of 256 or 512 pixels.

    Attributes:
        width, inner: of the generator; published: 64 and 128
        damage: recipe of ``unfade.degrade``
        learning_rate, judge_rate: two-time-scale, as published for SPADE
        matching, perceptual, pixels: weights of the losses
        start: what to begin from, see ``start_from``
    """

    width: int = 64
    inner: int = 128
    judge_width: int = 64
    damage: str = "bringing-old-photos-back"
    learning_rate: float = 1e-4
    judge_rate: float = 4e-4
    matching: float = 10.0
    perceptual: float = 10.0
    pixels: float = 0.0
    start: str = ""


class LatentFace(Task):
    name = "latent-face"
    Settings = LatentFaceSettings
    averaged = ("face",)

    def __init__(self, settings: LatentFaceSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        face = FaceGenerator(settings.width, settings.inner)
        judge = Judges(6, settings.judge_width, spectral=True)
        self.networks = {"face": face, "judge": judge}
        self.optimisations = {
            "face": adam([face], settings.learning_rate, (0.0, 0.9)),
            "judge": adam([judge], settings.judge_rate, (0.0, 0.9)),
        }
        self._features: nn.Module | None = None
        if settings.perceptual:
            from unfade.train.features import VggFeatures

            self._features = VggFeatures().to(device)

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        damaged = aged(clean_nchw, self.settings.damage, seeds).pixels
        return {"damaged": damaged * 2 - 1, "clean": clean_nchw * 2 - 1}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        given: LatentFaceSettings = self.settings
        damaged, clean, judge = batch["damaged"], batch["clean"], self.networks["judge"]
        made = self.networks["face"](damaged)
        seen_made = judge(torch.cat((damaged, made), 1))
        seen_real = judge(torch.cat((damaged, clean), 1))
        losses = {
            "adversarial": verdict_loss(seen_made, real=True),
            "matching": matching_loss(seen_made, seen_real),
            "pixels": f.l1_loss(made, clean),
        }
        total = (
            losses["adversarial"]
            + given.matching * losses["matching"]
            + given.pixels * losses["pixels"]
        )
        if self._features is not None:
            losses["perceptual"] = self._features((made + 1) / 2, (clean + 1) / 2)
            total = total + given.perceptual * losses["perceptual"]
        self.descend(total, "face")
        pair = torch.cat((damaged, made.detach()), 1)
        losses["judge"] = judge_loss(judge(pair), judge(torch.cat((damaged, clean), 1)))
        self.descend(losses["judge"], "judge")
        return losses

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        made, clean = networks["face"](batch["damaged"]), (batch["clean"] + 1) / 2
        return {"score": float(psnr((made + 1) / 2, clean).mean())}

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made = networks["face"](batch["damaged"])
        rows = (("damaged", batch["damaged"]), ("made anew", made), ("sound", batch["clean"]))
        return [(title, (pictures + 1) / 2) for title, pictures in rows]
