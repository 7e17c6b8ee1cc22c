"""Generative fill: a diffusers inpainting pipeline paints what a hole may have held.

What it paints the picture does not hold: evidence class 4, always. The pipeline is opened from a
folder on this machine; the hub is asked only when the name says so (``hub:OWNER/NAME``) and never
when the network is off (``offline``, ``HF_HUB_OFFLINE``). Weights are safetensors; a folder that
wants to run code of its own is refused.

A window around the hole is brought to the size that the pipeline was trained at, painted, brought
back, and set to the tone of its surround by the smooth difference that is seen around the hole.
A pipeline whose own content filter steps in gives no picture: that is told, and nothing is written.

Sources: Rombach et al. 2022, latent diffusion, arXiv:2112.10752; Podell et al. 2023, SDXL,
arXiv:2307.01952; Black Forest Labs 2024, FLUX.1.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from unfade.engines.contract import ModelFacts
from unfade.engines.torch_door import device_of, open_beside_torch, open_torch
from unfade.errors import ContentFlagged, ModelMissing, ModelRejected, OutOfResources, PromiseBroken
from unfade.picture import Mask, Pixels
from unfade.pixels.masks import check_hole

HUB = "hub:"
DIALS = ("prompt", "avoid", "steps", "guidance", "freedom", "seed")
USUAL: dict[str, Any] = {
    "prompt": "", "avoid": "", "steps": 30, "guidance": 7.5, "freedom": 1.0, "seed": 0,
}  # fmt: skip
UNIT_PX = 8
LIBRARIES = ("diffusers", "transformers", "stable_diffusion", "stable_diffusion_xl", None)
PURPOSE = "fill holes with a diffusion model"


def open_diffusion(
    place: str, *, device: str = "auto", precision: str = "float32", offline: bool = False
) -> DiffusionFiller:
    """Open a pipeline.

    Args:
        place: folder with a ``model_index.json``, or ``hub:OWNER/NAME``
        precision: ``float32``, or ``half`` on CUDA
        offline: never use the network
    Raises:
        ModelMissing: nothing was named, the folder is not there, or the hub cannot be asked
        ModelRejected: it is no inpainting pipeline, has no safetensors, or wants to run code
        MissingPackage: `diffusers` is not installed
    Cost:
        10 seconds for the packages, and reading the weights (2 GB and more)
    """
    if not place:
        raise ModelMissing(
            "No diffusion pipeline is known here.",
            "Name the folder of one with `--diffusion DIR`, or set `diffusion` in the settings.",
        )
    from_hub = place.startswith(HUB)
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"  # read by the hub's client when it is imported
    name = place.removeprefix(HUB)
    sha256 = ""
    if not from_hub:
        _check_folder(Path(place))
        sha256 = _hash_of(Path(place))
    torch = open_torch(to=PURPOSE, extra="diffusion")
    diffusers = open_beside_torch("diffusers", to=PURPOSE, extra="diffusion")
    where = device_of(device)
    dtype = torch.float16 if precision == "half" and where.type == "cuda" else torch.float32
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the packages about one another's versions
            pipeline = diffusers.AutoPipelineForInpainting.from_pretrained(
                name, torch_dtype=dtype, use_safetensors=True,
                local_files_only=offline or not from_hub, trust_remote_code=False,
            )  # fmt: skip
    except (OSError, ValueError, KeyError, AttributeError, ImportError, RuntimeError) as error:
        kind = ModelMissing if from_hub else ModelRejected
        first = str(error).strip().splitlines()[0][:300]
        raise kind(
            f"`{place}` cannot be opened as an inpainting pipeline: {first}",
            "Give a folder that `save_pretrained` has written, with safetensors.",
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(where)
    return DiffusionFiller(pipeline, torch, where, name=name, sha256=sha256)


class DiffusionFiller:
    """A pipeline as a ``Filler``; its dials are words and numbers, see ``DIALS``."""

    def __init__(self, pipeline: Any, torch: Any, device: Any, *, name: str, sha256: str) -> None:
        self._pipeline = pipeline
        self._torch = torch
        self._device = device
        self._dials: Mapping[str, Any] = USUAL
        self._lock = threading.Lock()
        self._side = _side_of(pipeline)
        self.runtime = f"diffusers on {device}"
        self.notes: list[str] = []
        self.facts = ModelFacts(
            name=f"{type(pipeline).__name__} from {Path(name).name}",
            shape="fill",
            sha256=sha256,
            licence="as the folder's model card says",
            paper="Rombach et al. 2022, arXiv:2112.10752",
            multiple_of=UNIT_PX,
            tile_px=self._side,
            dials=DIALS,
            evidence=4,
        )

    def tuned(self, **dials: Any) -> DiffusionFiller:
        """The same pipeline told other words and numbers."""
        unknown = sorted(set(dials).difference(DIALS))
        if unknown:
            raise ValueError(f"{self.facts.name} has no dial `{unknown[0]}`: {DIALS}")
        other = copy.copy(self)
        other._dials = {**self._dials, **dials}
        return other

    def fill(self, pixels: Pixels, mask: Mask) -> Pixels:
        """Paint a hole; see ``Filler.fill``.

        Raises:
            ContentFlagged: the pipeline's own filter stepped in
            OutOfResources: the device's memory is too small
            PromiseBroken: what came back is no picture
        Cost:
            seconds on a GPU, minutes on a processor, for each hole
        """
        import cv2

        check_hole(pixels, mask)
        if not mask.any():
            return pixels.copy()
        rows, cols, channels = pixels.shape
        rgb = np.repeat(pixels, 3, axis=2) if channels == 1 else pixels
        under = _smooth(np.clip(rgb, 0, 1), mask)
        factor = self._side / max(rows, cols)
        high, wide = (max(UNIT_PX, round(side * factor)) for side in (rows, cols))
        shrinking = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        image = np.clip(cv2.resize(under, (wide, high), interpolation=shrinking), 0, 1)
        hole = cv2.resize(mask.astype(np.float32), (wide, high), interpolation=cv2.INTER_AREA) > 0
        made = self._painted(image, hole)
        made = cv2.resize(made, (cols, rows), interpolation=cv2.INTER_CUBIC)
        # the way through the pipeline's encoder shifts tones: the shift is seen around the hole
        made = made + _smooth(rgb - made, mask)
        if channels == 1:
            made = made.mean(2, keepdims=True)
        return np.where(mask[:, :, None], np.clip(made, 0, 1), pixels).astype(np.float32)

    def close(self) -> None:
        self._pipeline.to("cpu")

    def _painted(self, image: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """One call at the pipeline's own size, sides padded to its unit."""
        high, wide = hole.shape
        low, right = -high % UNIT_PX, -wide % UNIT_PX
        image = np.pad(image, ((0, low), (0, right), (0, 0)), mode="edge")
        hole = np.pad(hole, ((0, low), (0, right)), mode="constant")
        torch, dials = self._torch, self._dials
        given: dict[str, Any] = {
            "prompt": dials["prompt"],
            "negative_prompt": dials["avoid"] or None,
            "image": torch.from_numpy(np.moveaxis(image, 2, 0)[None].astype(np.float32)),
            "mask_image": torch.from_numpy(hole[None, None].astype(np.float32)),
            "height": image.shape[0],
            "width": image.shape[1],
            "num_inference_steps": max(int(dials["steps"]), _least_steps(dials["freedom"])),
            "guidance_scale": float(dials["guidance"]),
            "strength": float(dials["freedom"]),
            "generator": torch.Generator("cpu").manual_seed(int(dials["seed"])),
            "output_type": "np",
        }
        known = inspect.signature(self._pipeline.__call__).parameters
        given = {key: value for key, value in given.items() if key in known}
        try:
            with self._lock, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = self._pipeline(**given)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise OutOfResources(
                f"The memory of `{self._device}` is too small for this pipeline at "
                f"{image.shape[1]} x {image.shape[0]} pixels.",
                "Use `--precision half` on CUDA, a smaller pipeline, or `--device cpu`.",
            ) from error
        _check_filter(getattr(result, "nsfw_content_detected", None))
        made = np.asarray(result.images[0], np.float32)[:high, :wide]
        if not np.isfinite(made).all() or float(made.max()) <= 0:
            raise PromiseBroken(
                f"`{self.facts.name}` gave a black picture or values that are no numbers.",
                "Nothing was written. Leave `--precision half` out, or use another pipeline.",
            )
        return made


def _check_filter(flags: Sequence[bool] | None) -> None:
    """Tell that the pipeline's content filter stepped in, which it answers with black."""
    if flags is not None and any(flags):
        raise ContentFlagged(
            "The pipeline's own content filter flagged what it painted and withheld it.",
            "Nothing was written. Such filters are known to misjudge paintings: try another "
            "`--prompt` or `--set inpaint.seed=N`, or another `--fill`.",
        )


def _check_folder(folder: Path) -> None:
    index = folder / "model_index.json"
    if not index.is_file():
        raise ModelMissing(
            f"`{folder}` holds no diffusion pipeline: `model_index.json` is missing.",
            f"Give the folder of one, or `{HUB}OWNER/NAME` to get it from the hub.",
        )
    try:
        parts = json.loads(index.read_text("utf-8"))
        libraries = {
            str(part[0]) if part[0] is not None else None
            for part in parts.values()
            if isinstance(part, list) and len(part) == 2
        }
    except (ValueError, AttributeError, IndexError) as error:
        raise ModelRejected(f"`{index}` is not what diffusers writes.", "Save it anew.") from error
    foreign = sorted(str(name) for name in libraries.difference(LIBRARIES))
    if foreign or any(folder.rglob("*.py")):
        raise ModelRejected(
            f"`{folder}` wants to run code of its own ({', '.join(foreign) or 'it holds .py'}).",
            "Only pipelines of diffusers itself are opened.",
        )
    if not any(folder.rglob("*.safetensors")):
        raise ModelRejected(
            f"`{folder}` holds no safetensors; pickled weights are not read.",
            "Save it anew with `safe_serialization=True`.",
        )


def _hash_of(folder: Path) -> str:
    """One SHA-256 over the names and hashes of all weights, in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
    return total.hexdigest()


def _side_of(pipeline: Any) -> int:
    """The side in pixels that the pipeline was trained at."""
    scale = int(getattr(pipeline, "vae_scale_factor", UNIT_PX))
    network = getattr(pipeline, "unet", None)
    usual = getattr(pipeline, "default_sample_size", 64)
    sample: Any = getattr(getattr(network, "config", None), "sample_size", None) or usual
    side = int(sample[0] if isinstance(sample, (list, tuple)) else sample) * scale
    return max(UNIT_PX, side // UNIT_PX * UNIT_PX)


def _least_steps(freedom: float) -> int:
    """So many that a share of ``freedom`` of them is one at least."""
    return int(np.ceil(1 / max(freedom, 1e-3)))


def _smooth(pixels: np.ndarray, mask: Mask) -> np.ndarray:
    """The pixels with the hole filled smoothly, from coarse to fine; the rest as it is."""
    import cv2

    rows, cols = mask.shape
    weight = (~mask).astype(np.float32)[:, :, None]
    levels = [(pixels * weight, weight)]
    while min(levels[-1][1].shape[:2]) > 1 and float(levels[-1][1].min()) <= 0:
        size = tuple(max(1, side // 2) for side in levels[-1][1].shape[1::-1])
        small = [cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in levels[-1]]
        levels.append(
            (small[0].reshape(size[1], size[0], -1), small[1].reshape(size[1], size[0], 1))
        )
    values, share = levels[-1]
    mean = values.sum((0, 1)) / max(float(share.sum()), 1e-6)
    guess = np.where(share > 0, values / np.maximum(share, 1e-6), mean)
    for values, share in reversed(levels[:-1]):
        size = (share.shape[1], share.shape[0])
        wide = cv2.resize(guess.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
        wide = wide.reshape(share.shape[0], share.shape[1], -1)
        known = values / np.maximum(share, 1e-6)
        guess = np.where(share > 0, known * share + wide * (1 - share), wide)
    return np.asarray(guess[:rows, :cols], np.float32)
