"""latent: the compact latent translation, its last stage; the first two are ``latent-vae``.

The encoder of old photographs and the decoder of clean ones stay as ``latent-vae`` made them
(``compact = true``), and the mapping between their latents is learnt: L1 between what it gives and
the latent of the clean photograph, judges that see the damaged one beside the mended one, and L1
between pictures. What is exported is the three in one. After Wan et al. 2020 (arXiv:2004.09484),
section 3.2; the layers are those of ``unfade.engines.nets.latent.compact``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.latent.compact import CompactVae, Translation
from unfade.engines.nets.latent.vae import MULTIPLE_OF
from unfade.train.contract import Batch, Export, Start, Task
from unfade.train.judges import Judges, adam, judge_loss, matching_loss, verdict_loss
from unfade.train.measures import psnr
from unfade.train.synthetic_age import aged
from unfade.train.tasks.latent_vae import BETAS, frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentSettings:
    """What is learnt.

    Attributes:
        latent, vae_blocks: of the auto-encoders; ``width``, ``blocks``: of the mapping
        old, clean: trainings of ``latent-vae`` of both domains, see ``start_from``
        damage: recipe of ``unfade.degrade``
        sound_share: of the patches, which are shown undamaged and must stay as they are
        features, matching, adversarial, pixels: weights of the losses
        start: what to begin from, see ``start_from``
    """

    latent: int = 64
    vae_blocks: int = 3
    width: int = 96
    blocks: int = 5
    judge_width: int = 16
    old: str = ""
    clean: str = ""
    damage: str = "bringing-old-photos-back"
    sound_share: float = 0.1
    learning_rate: float = 4e-4
    judge_rate: float = 4e-4
    features: float = 1.0
    matching: float = 0.5
    adversarial: float = 0.05
    pixels: float = 10.0
    start: str = ""


class Latent(Task):
    name = "latent"
    Settings = LatentSettings
    averaged = ("latent",)

    def __init__(self, settings: LatentSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        net = Translation(settings.latent, settings.width, settings.vae_blocks, settings.blocks)
        self._old, self._clean = self._vae(), self._vae()
        net.encoder, net.decoder = self._old.encoder, self._clean.decoder
        judge = Judges(6, settings.judge_width, spectral=True)
        self.networks = {"latent": net, "judge": judge}
        self.optimisations = {
            "latent": adam([net.mapping], settings.learning_rate, BETAS),
            "judge": adam([judge], settings.judge_rate, BETAS),
        }
        self._teacher: CompactVae | None = None

    def starts(self) -> list[Start]:
        given: LatentSettings = self.settings
        auto_encoders = (given.old, self._old), (given.clean, self._clean)
        return [*super().starts(), *(Start(place, {"vae": v}) for place, v in auto_encoders)]

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        damaged = aged(clean_nchw, self.settings.damage, seeds).pixels
        sound = round(self.settings.sound_share * len(seeds))
        if sound:
            damaged = damaged.clone()
            damaged[-sound:] = clean_nchw[-sound:]
        return {"damaged": damaged, "clean": clean_nchw}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        given: LatentSettings = self.settings
        damaged, clean, judge = batch["damaged"], batch["clean"], self.networks["judge"]
        made, mapped = self.networks["latent"](damaged, latents=True)
        with torch.no_grad():
            target = self._target().encoder(clean * 2 - 1)
        seen_made = judge(torch.cat((damaged, made), 1))
        seen_real = judge(torch.cat((damaged, clean), 1))
        losses = {
            "features": f.l1_loss(mapped, target),
            "pixels": f.l1_loss(made, clean),
            "adversarial": verdict_loss(seen_made, real=True),
            "matching": matching_loss(seen_made, seen_real),
        }
        weighed = [getattr(given, name) * loss for name, loss in losses.items()]
        self.descend(torch.stack(weighed).sum(), "latent")
        pair = torch.cat((damaged, made.detach()), 1)
        losses["judge"] = judge_loss(judge(pair), judge(torch.cat((damaged, clean), 1)))
        self.descend(losses["judge"], "judge")
        return losses

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        made, clean = networks["latent"](batch["damaged"]), batch["clean"]
        left, before = psnr(made, clean), psnr(batch["damaged"], clean)
        damaged = before < 60
        return {
            "score": left[damaged].mean().item(),
            "above_damaged_db": (left - before)[damaged].mean().item(),
            "sound_db": psnr(networks["latent"](clean), clean).mean().item(),
        }

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made = networks["latent"](batch["damaged"])
        return [("damaged", batch["damaged"]), ("translated", made), ("sound", batch["clean"])]

    def exports(self, networks: dict[str, nn.Module]) -> list[Export]:
        return [
            Export(
                paper="Wan et al. 2020, Bringing Old Photos Back to Life, arXiv:2004.09484",
                name="unfade-latent", module=networks["latent"], channels_in=3, channels_out=3,
                task="translate", multiple_of=MULTIPLE_OF, evidence=4,
                about="old photographs made anew through a latent space: noise, blur, coding",
            )
        ]  # fmt: skip

    def _vae(self) -> CompactVae:
        vae = CompactVae(self.settings.latent, self.settings.vae_blocks)
        return vae.requires_grad_(False)

    def _target(self) -> CompactVae:
        """The auto-encoder of clean photographs, whose latents are wanted; read at the first step,
        for a checkpoint holds its decoder alone."""
        if self._teacher is None:
            self._teacher = frozen(self._vae(), self.settings.clean, "clean", self.device)
        return self._teacher
