"""latent-vae: one of the two auto-encoders of latent-space translation.

``domain = "clean"`` learns sound photographs. ``domain = "old"`` learns synthetic and real old
ones together: a judge of latents tells the two apart, and the encoder learns to make it fail,
so that what is later learnt from synthetic pairs holds for real photographs. After Wan et al.
2020 (arXiv:2004.09484), sections 3.1 and 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.latent.compact import CompactVae
from unfade.engines.nets.latent.vae import MULTIPLE_OF, Vae, divergence
from unfade.errors import ModelRejected
from unfade.train.contract import Batch, Task
from unfade.train.data import Patches, Pictures
from unfade.train.judges import Judges, adam, judge_loss, matching_loss, verdict_loss
from unfade.train.measures import psnr
from unfade.train.recipe import DataSettings
from unfade.train.start import start_from
from unfade.train.synthetic_age import aged

BETAS = (0.5, 0.999)
AutoEncoder = TypeVar("AutoEncoder", Vae, CompactVae)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentVaeSettings:
    """What is learnt.

    Attributes:
        domain: "old" or "clean"
        width: of the auto-encoder; published: 64. ``judge_width``: of the judges
        damage: recipe of ``unfade.degrade`` that makes the synthetic old photographs
        real: folder of real old photographs, which then make up half of each batch; empty: the
            latents are not aligned
        noise: standard deviation of what is added to the latent
        adversarial, divergence, matching, perceptual, alignment, pixels: weights of the losses; a
            perceptual weight of 0 needs no further package
        compact: the small auto-encoder of ``unfade-latent``, with ``blocks`` residual blocks
        start: what to begin from, see ``start_from``
    """

    domain: str = "clean"
    width: int = 64
    judge_width: int = 64
    damage: str = "bringing-old-photos-back"
    real: str = ""
    learning_rate: float = 2e-4
    noise: float = 1.0
    adversarial: float = 1.0
    divergence: float = 1.0
    matching: float = 10.0
    perceptual: float = 10.0
    alignment: float = 1.0
    pixels: float = 0.0
    compact: bool = False
    blocks: int = 3
    start: str = ""

    def __post_init__(self) -> None:
        if self.domain not in ("old", "clean"):
            raise ValueError(f"`domain` is {self.domain!r}, expected old or clean.")


class LatentVae(Task):
    name = "latent-vae"
    Settings = LatentVaeSettings
    averaged = ("vae",)

    def __init__(self, settings: LatentVaeSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        width = settings.width
        vae = CompactVae(width, settings.blocks) if settings.compact else Vae(width)
        judge = Judges(3, settings.judge_width)
        self.networks = {"vae": vae, "judge": judge}
        rate = settings.learning_rate
        self.optimisations = {
            "vae": adam([vae], rate, BETAS),
            "judge": adam([judge], rate, BETAS),
        }
        self._real: Patches | None = None
        self._real_side = 0
        self._features: nn.Module | None = None
        if settings.domain == "old" and settings.real:
            latent_judge = Judges(settings.width, settings.judge_width)
            self.networks["latent_judge"] = latent_judge
            self.optimisations["latent_judge"] = adam([latent_judge], rate, BETAS)
        if settings.perceptual:
            from unfade.train.features import VggFeatures

            self._features = VggFeatures().to(device)

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        given: LatentVaeSettings = self.settings
        pictures = clean_nchw
        real = torch.zeros(len(seeds), dtype=torch.bool)
        if given.domain == "old":
            pictures = aged(clean_nchw, given.damage, seeds).pixels
            if given.real:
                real[1::2] = True  # every second one
                numbers = [seed % 2**31 for seed in seeds[1::2]]
                patches = self._real_patches(clean_nchw.shape[2]).batch(numbers)
                pictures = pictures.clone()
                pictures[1::2] = patches.to(clean_nchw) / 255
        size = (given.width, clean_nchw.shape[2] // MULTIPLE_OF, clean_nchw.shape[3] // MULTIPLE_OF)
        noise = [torch.randn(size, generator=torch.Generator().manual_seed(s)) for s in seeds]
        return {
            "picture": pictures * 2 - 1,
            "noise": given.noise * torch.stack(noise).to(clean_nchw),
            "real": real.to(clean_nchw.device),
        }

    def step(self, batch: Batch) -> dict[str, Tensor]:
        given: LatentVaeSettings = self.settings
        picture, real, judge = batch["picture"], batch["real"], self.networks["judge"]
        made, mean = self.networks["vae"](picture, batch["noise"])
        seen_made, seen_real = judge(made), judge(picture)
        losses = {
            "adversarial": verdict_loss(seen_made, real=True),
            "matching": matching_loss(seen_made, seen_real),
            "divergence": divergence(mean),
            "pixels": f.l1_loss(made, picture),
        }
        total = (
            given.adversarial * losses["adversarial"]
            + given.pixels * losses["pixels"]
            + given.matching * losses["matching"]
            + given.divergence * losses["divergence"]
        )
        if self._features is not None:
            losses["perceptual"] = self._features((made + 1) / 2, (picture + 1) / 2)
            total = total + given.perceptual * losses["perceptual"]
        aligned = bool(real.any()) and not bool(real.all())
        if aligned:
            latent_judge = self.networks["latent_judge"]
            losses["alignment"] = verdict_loss(latent_judge(mean[real]), real=True)
            total = total + given.alignment * losses["alignment"]
        self.descend(total, "vae")
        losses["judge"] = judge_loss(judge(made.detach()), judge(picture))
        self.descend(losses["judge"], "judge")
        if aligned:
            held = mean.detach()
            losses["latent_judge"] = judge_loss(latent_judge(held[real]), latent_judge(held[~real]))
            self.descend(losses["latent_judge"], "latent_judge")
        return losses

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        made, mean = networks["vae"](batch["picture"])
        score = float(psnr((made + 1) / 2, (batch["picture"] + 1) / 2).mean())
        return {"score": score, "latent_size": float(mean.std())}

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made, _ = networks["vae"](batch["picture"])
        return [("picture", (batch["picture"] + 1) / 2), ("through the latent", (made + 1) / 2)]

    def _real_patches(self, side: int) -> Patches:
        if self._real is None or self._real_side != side:
            data = DataSettings(patch_px=side)
            self._real = Patches(Pictures(self.settings.real, data), "train", data, seed=1)
            self._real_side = side
        return self._real


def frozen(vae: AutoEncoder, place: str, domain: str, device: torch.device) -> AutoEncoder:
    """An auto-encoder with the weights of its own training, which learns nothing more.

    Raises:
        ModelRejected: none is named, or it does not fit
    """
    if not place:
        raise ModelRejected(
            f"The mapping needs the auto-encoder of the {domain} domain, and `{domain}` names no "
            "checkpoint.",
            f'Train `latent-vae` with `domain = "{domain}"` first, and name its `best.pt`.',
        )
    start_from(place, {"vae": vae})
    return vae.to(device).eval().requires_grad_(False)
