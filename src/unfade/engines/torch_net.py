"""Networks from checkpoints, opened through spandrel and computed by PyTorch.

spandrel knows an architecture from the names and shapes of its tensors and rebuilds the authors'
network. What differs between architectures in the *call* stands in ``CALLS``: value ranges, a map
of noise, a quality factor, randomness that is taken out so that two runs give the same bits.

Sources: the authors' own inference scripts: DPIR (Zhang et al. 2021), FBCNN (Jiang et al. 2021),
GFPGAN (Wang et al. 2021), CodeFormer (Zhou et al. 2022), MAT (Li et al. 2022), SPADE (Wan et al.
2020).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from unfade.engines.stages import Stage
from unfade.engines.torch_run import TorchRuntime, check_half
from unfade.errors import UsageError

Dials = Mapping[str, Any]
Call = Callable[["TorchNet", Any, Dials], Any]  # (1, c, rows, cols), 0-1 -> the same

# architecture -> numbers that it can be told
DIALS: dict[str, tuple[str, ...]] = {
    "DRUNet": ("sigma",),
    "FBCNN": ("quality",),
    "CodeFormer": ("fidelity",),
    "MAT": ("seed",),
}
# architecture of networks for faces -> see ``ModelFacts.alignment``
ALIGNMENTS = {"SPADE": "latent-face"}


class TorchNet(TorchRuntime):
    """A network that spandrel has opened, as a runtime: one stage, pictures to pictures.

    Args:
        found: spandrel's description (see ``unfade.engines.checkpoint.describe``)
        reach_px: see ``ModelFacts``; 0: its tiles are not cut
        unit_px: sides that it is given are multiples of this
        device, threads, precision: see ``TorchRuntime``
    Raises:
        UsageError: the device or the precision is not to be had for this network
    """

    def __init__(
        self,
        found: Any,
        *,
        reach_px: int = 0,
        unit_px: int = 1,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "float32",
    ) -> None:
        super().__init__(
            device=device, threads=threads, precision=precision, unit_px=unit_px,
            cuttable=reach_px > 0,
        )  # fmt: skip
        if self.half and not found.supports_half:
            raise UsageError(
                f"{found.architecture.name} does not compute in half precision.",
                "Leave `--precision half` out for it.",
            )
        self._found = found
        self._dials: Dials = {}
        self._call = CALLS.get(str(found.architecture.id), _plain)
        exact = copy.deepcopy(found.model) if self.half else None
        if any(weight.dim() > 4 for weight in found.model.parameters()):
            # generators in the manner of StyleGAN (GFPGAN, MAT): their weights have five
            # dimensions, and their modulation folds channels of the usual layout
            self._layout = self._torch.contiguous_format
        self._model = found.model.to(self._device, self.dtype, memory_format=self._layout).eval()
        if exact is not None:
            other = copy.copy(self)
            other.half, other.dtype, other._model = False, self._torch.float32, exact
            other._model.to(self._device)
            check_half(self, other, Stage(("data",), ("output",), 0, found.scale), unit_px)

    def compute(self, stage: Stage, batches: Sequence[Any]) -> Sequence[Any]:
        usual = self._torch.contiguous_format
        try:
            return self._computed(batches)
        except RuntimeError as error:
            # some authors' code folds channels as they lie in memory (IPT)
            if self._layout is usual or "view size is not compatible" not in str(error):
                raise
        self._layout = usual
        self._model.to(memory_format=usual)
        return self._computed([batch.contiguous() for batch in batches])

    def _computed(self, batches: Sequence[Any]) -> Sequence[Any]:
        if len(batches) == 2:
            return [_masked(self, batches[0], batches[1])]
        return [self._call(self, batches[0], self._dials)]

    def fill(self, image_chw: np.ndarray, mask_chw: np.ndarray) -> np.ndarray:
        """Image (channels, rows, cols) and mask (1, rows, cols; 1 = fill) -> image, float32."""
        return self.run(Stage(("image", "mask"), ("output",), 0, 1), [image_chw, mask_chw])[0]

    def tuned(self, **dials: Any) -> TorchNet:
        """The same network with its dials set."""
        other = copy.copy(self)
        other._dials = {**self._dials, **dials}
        return other

    def close(self) -> None:
        self._model.to("cpu")
        super().close()

    @property
    def torch(self) -> Any:
        return self._torch

    @property
    def model(self) -> Any:
        return self._model

    @property
    def found(self) -> Any:
        return self._found


def _plain(net: TorchNet, image: Any, dials: Dials) -> Any:
    """As spandrel calls it, without its clipping to 0-1: the treatment clips, and only once."""
    return net.found._call_fn(net.model, image)


def _with_noise_map(net: TorchNet, image: Any, dials: Dials) -> Any:
    """DRUNet: a fourth channel holds the standard deviation of the noise."""
    level = float(dials.get("sigma", 15 / 255))
    noise = net.torch.full_like(image[:, :1], level)
    return net.model(net.torch.cat([image, noise], 1))


def _with_quality(net: TorchNet, image: Any, dials: Dials) -> Any:
    """FBCNN: it estimates JPEG's quality factor, or is told it (1 - quality/100)."""
    quality = dials.get("quality")
    if quality is None:
        return net.model(image)[0]
    told = net.torch.tensor([[1 - float(quality) / 100]], dtype=image.dtype, device=image.device)
    return net.model(image, told)[0]


def _gfpgan(net: TorchNet, image: Any, dials: Dials) -> Any:
    """GFPGAN works on -1..1; its noise is that of the file, not drawn anew for each face."""
    result = net.model(image * 2 - 1, return_rgb=False, randomize_noise=False)[0]
    return (result + 1) / 2


def _codeformer(net: TorchNet, image: Any, dials: Dials) -> Any:
    """CodeFormer works on -1..1; ``fidelity`` 0 is the prettiest, 1 the closest to the input."""
    result = net.model(image * 2 - 1, weight=float(dials.get("fidelity", 0.5)))[0]
    return (result + 1) / 2


def _spade(net: TorchNet, image: Any, dials: Dials) -> Any:
    """SPADE's face generator works on -1..1, and its tanh stays there."""
    return (net.model(image * 2 - 1) + 1) / 2


def _masked(net: TorchNet, image: Any, mask: Any) -> Any:
    """Networks that fill holes (image, mask with 1 = fill)."""
    if str(net.found.architecture.id) != "MAT":
        return net.found._call_fn(net.model, image, mask)
    seed = int(net._dials.get("seed", 0))
    drawn = np.random.default_rng(seed).standard_normal((1, net.model.model.z_dim))
    net.model.z = net.torch.from_numpy(drawn).to(image)
    net.model.label = net.model.label.to(image)
    # it drops half of its deepest features by chance, in use as in training
    with net.torch.random.fork_rng([image.device] if image.device.type == "cuda" else []):
        net.torch.manual_seed(seed)
        return net.found._call_fn(net.model, image, mask)


CALLS: dict[str, Call] = {
    "DRUNet": _with_noise_map,
    "FBCNN": _with_quality,
    "GFPGAN": _gfpgan,
    "CodeFormer": _codeformer,
    "SPADE": _spade,
}
