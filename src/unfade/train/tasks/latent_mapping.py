"""latent-mapping: from the latent of an old photograph to that of a clean one.

The two auto-encoders are given and stay as they are. ``mode`` is what is learnt besides the
quality of the whole: nothing (``plain``), filling scratches through the partial non-local block
(``scratches``), or by patch attention (``hr``). Scratches are holes painted white; half of the
patches have none. After Wan et al. 2020 (arXiv:2004.09484) and 2022 (arXiv:2009.07047).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as f

from unfade.engines.nets.latent.mapping import PlainMapping, ScratchMapping
from unfade.engines.nets.latent.patch_attention import PatchMapping
from unfade.engines.nets.latent.vae import Vae
from unfade.train.contract import Batch, Task
from unfade.train.holes import draw_holes
from unfade.train.judges import Judges, adam, judge_loss, matching_loss, verdict_loss
from unfade.train.measures import psnr
from unfade.train.synthetic_age import aged
from unfade.train.tasks.latent_vae import frozen

MAPPINGS = {"plain": PlainMapping, "scratches": ScratchMapping, "hr": PatchMapping}


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentMappingSettings:
    """What is learnt.

    Attributes:
        mode: "plain", "scratches" or "hr"
        latent: width of the auto-encoders; ``width``: of the mapping. Published: 64 and 512
        old, clean: checkpoints of the tasks ``latent-vae`` of both domains
        damage: recipe of ``unfade.degrade``
        learning_rate, judge_rate: published: 1e-4 and 4e-4 for plain, 2e-4 both for the others
        widest_px: of the holes
        features, matching, perceptual: weights of the losses
        start: what to begin from, see ``start_from``
    """

    mode: str = "plain"
    latent: int = 64
    width: int = 512
    judge_width: int = 64
    old: str = ""
    clean: str = ""
    damage: str = "bringing-old-photos-back"
    learning_rate: float = 1e-4
    judge_rate: float = 4e-4
    widest_px: int = 24
    features: float = 60.0
    matching: float = 10.0
    perceptual: float = 10.0
    start: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MAPPINGS:
            raise ValueError(f"`mode` is {self.mode!r}, expected {', '.join(MAPPINGS)}.")


class LatentMapping(Task):
    name = "latent-mapping"
    Settings = LatentMappingSettings
    averaged = ("mapping",)

    def __init__(self, settings: LatentMappingSettings, device: torch.device) -> None:
        super().__init__(settings, device)
        self._old = frozen(Vae(settings.latent), settings.old, "old", device)
        self._clean = frozen(Vae(settings.latent), settings.clean, "clean", device)
        mapping = MAPPINGS[settings.mode](settings.latent, settings.width)
        # conditional: the judges see the damaged picture beside the mended one
        judge = Judges(6, settings.judge_width, spectral=settings.mode != "plain")
        self.networks = {"mapping": mapping, "judge": judge}
        betas = (0.0, 0.9) if settings.mode == "plain" else (0.5, 0.999)
        self.optimisations = {
            "mapping": adam([mapping], settings.learning_rate, betas),
            "judge": adam([judge], settings.judge_rate, betas),
        }
        self._features: nn.Module | None = None
        if settings.perceptual:
            from unfade.train.features import VggFeatures

            self._features = VggFeatures().to(device)

    def prepare(self, clean_nchw: Tensor, seeds: Sequence[int]) -> Batch:
        given: LatentMappingSettings = self.settings
        damaged = aged(clean_nchw, given.damage, seeds).pixels
        rows, cols = clean_nchw.shape[2:]
        mask = np.zeros((len(seeds), 1, rows, cols), np.float32)
        if given.mode != "plain":
            for i, seed in enumerate(seeds):
                rng = np.random.default_rng((seed, 77))
                if rng.integers(2):
                    mask[i, 0] = draw_holes(rows, cols, rng, given.widest_px)
        holes = torch.from_numpy(mask).to(clean_nchw)
        white = torch.where(holes > 0, torch.ones_like(damaged), damaged)
        return {"damaged": white * 2 - 1, "clean": clean_nchw * 2 - 1, "mask": holes}

    def step(self, batch: Batch) -> dict[str, Tensor]:
        given: LatentMappingSettings = self.settings
        damaged, clean, judge = batch["damaged"], batch["clean"], self.networks["judge"]
        with torch.no_grad():
            source, target = self._old.encoder(damaged), self._clean.encoder(clean)
        mapped = self.networks["mapping"](source, batch["mask"])
        made = self._clean.decoder(mapped)
        seen_made = judge(torch.cat((damaged, made), 1))
        seen_real = judge(torch.cat((damaged, clean), 1))
        losses = {
            "features": f.l1_loss(mapped, target),
            "adversarial": verdict_loss(seen_made, real=True),
            "matching": matching_loss(seen_made, seen_real),
        }
        total = (
            given.features * losses["features"]
            + losses["adversarial"]
            + given.matching * losses["matching"]
        )
        if self._features is not None:
            losses["perceptual"] = self._features((made + 1) / 2, (clean + 1) / 2)
            total = total + given.perceptual * losses["perceptual"]
        self.descend(total, "mapping")
        pair = torch.cat((damaged, made.detach()), 1)
        losses["judge"] = judge_loss(judge(pair), judge(torch.cat((damaged, clean), 1)))
        self.descend(losses["judge"], "judge")
        return losses

    def validate(self, networks: dict[str, nn.Module], batch: Batch) -> dict[str, float]:
        clean = (batch["clean"] + 1) / 2
        made = (self._restored(networks, batch) + 1) / 2
        damaged = (batch["damaged"] + 1) / 2
        return {
            "score": float(psnr(made, clean).mean()),
            "above_damaged_db": float((psnr(made, clean) - psnr(damaged, clean)).mean()),
        }

    def samples(self, networks: dict[str, nn.Module], batch: Batch) -> list[tuple[str, Tensor]]:
        made = self._restored(networks, batch)
        rows = (("damaged", batch["damaged"]), ("mended", made), ("sound", batch["clean"]))
        return [(title, (pictures + 1) / 2) for title, pictures in rows]

    def _restored(self, networks: dict[str, nn.Module], batch: Batch) -> Tensor:
        latent = networks["mapping"](self._old.encoder(batch["damaged"]), batch["mask"])
        return self._clean.decoder(latent)  # type: ignore[no-any-return]
