"""Generative fill: a tiny pipeline with random weights on disk, through the very same path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

import unfade
from unfade.engines.bench import Bench
from unfade.engines.diffusion import _check_filter, _smooth, open_diffusion
from unfade.engines.torch_door import open_beside_torch, open_torch
from unfade.errors import ContentFlagged, ModelMissing, ModelRejected, PromiseBroken

PIXELS = (data.astronaut()[60:160, 160:280] / 255).astype(np.float32)
HOLE = np.zeros((100, 120), bool)
HOLE[30:60, 40:90] = True


def words(folder: Path) -> Any:
    """A tokenizer of single bytes, as CLIP's: no download."""
    transformers = open_beside_torch("transformers", to="test", extra="diffusion")
    letters = [chr(c) for c in range(ord("!"), ord("~") + 1)]
    vocabulary = letters + [f"{c}</w>" for c in letters] + ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    table = {word: i for i, word in enumerate(vocabulary)}
    (folder / "vocab.json").write_text(json.dumps(table))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return transformers.CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stable Diffusion's inpainting pipeline with two small levels, saved as published ones are."""
    where = tmp_path_factory.mktemp("diffusion")
    torch = open_torch(to="test")
    diffusers = open_beside_torch("diffusers", to="test", extra="diffusion")
    transformers = open_beside_torch("transformers", to="test", extra="diffusion")
    torch.manual_seed(5)
    tokenizer = words(where / "words")
    text = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=37, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=16, bos_token_id=len(tokenizer) - 2,
        eos_token_id=len(tokenizer) - 1,
    )  # fmt: skip
    unet = diffusers.UNet2DConditionModel(
        sample_size=32, in_channels=9, out_channels=4, block_out_channels=(32, 64),
        layers_per_block=1, cross_attention_dim=32, attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        block_out_channels=(32, 32), latent_channels=4, norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    pipeline = diffusers.StableDiffusionInpaintPipeline(
        vae=vae, text_encoder=transformers.CLIPTextModel(text), tokenizer=tokenizer, unet=unet,
        scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(where / "pipeline", safe_serialization=True)
    return where / "pipeline"


@pytest.fixture(scope="module")
def engine(folder: Path) -> Any:
    return open_diffusion(str(folder), device="cpu", offline=True).tuned(steps=2)


def test_facts_say_what_it_is(engine: Any, folder: Path) -> None:
    assert engine.facts.evidence == 4 and engine.facts.shape == "fill"
    assert engine.facts.name.startswith("StableDiffusionInpaintPipeline from pipeline")
    assert len(engine.facts.sha256) == 64
    assert engine.facts.tile_px == 64  # 32 latents of 2 pixels each
    assert engine.runtime == "diffusers on cpu"


@pytest.mark.parametrize("channels", [1, 3])
def test_only_the_hole_is_painted(engine: Any, channels: int) -> None:
    pixels = PIXELS[:, :, :channels].copy()
    before = pixels.copy()
    result = engine.fill(pixels, HOLE)
    assert result.dtype == np.float32 and result.shape == pixels.shape
    assert np.array_equal(result[~HOLE], before[~HOLE])
    assert np.array_equal(pixels, before)
    assert result.min() >= 0 and result.max() <= 1
    assert np.abs(result - pixels)[HOLE].max() > 0.01


def test_seed_and_words_decide(engine: Any) -> None:
    one, same, other = (engine.tuned(seed=s).fill(PIXELS, HOLE) for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert np.abs(one - other).max() > 1e-4
    told = engine.tuned(seed=1, prompt="a hat").fill(PIXELS, HOLE)
    assert np.abs(one - told).max() > 1e-6
    with pytest.raises(ValueError, match="has no dial `colour`"):
        engine.tuned(colour=1)


def test_freedom_is_heard(engine: Any) -> None:
    free, held = (engine.tuned(freedom=f, seed=1).fill(PIXELS, HOLE) for f in (1.0, 0.5))
    assert np.abs(free - held).max() > 1e-4


def test_what_lies_under_the_mask_is_not_looked_at(engine: Any) -> None:
    spoiled = PIXELS.copy()
    spoiled[HOLE] = 0.9
    assert np.array_equal(engine.fill(PIXELS, HOLE)[HOLE], engine.fill(spoiled, HOLE)[HOLE])


def test_a_smooth_fill_goes_on_from_the_rim() -> None:
    ramp = np.repeat(np.linspace(0, 1, 120, dtype=np.float32)[None, :, None], 100, 0).repeat(3, 2)
    filled = _smooth(np.where(HOLE[:, :, None], 0, ramp).astype(np.float32), HOLE)
    assert np.abs(filled - ramp).max() < 0.12
    assert np.array_equal(filled[~HOLE], ramp[~HOLE])


def test_a_flag_of_the_content_filter_is_an_error_that_says_so(
    engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _check_filter(None)
    _check_filter([False])
    call = type(engine._pipeline).__call__

    def flagged(self: Any, *args: Any, **given: Any) -> Any:
        result = call(self, *args, **given)
        result.images = np.zeros_like(result.images)
        result.nsfw_content_detected = [True]
        return result

    flagged.__signature__ = __import__("inspect").signature(call)  # type: ignore[attr-defined]
    monkeypatch.setattr(type(engine._pipeline), "__call__", flagged)
    with pytest.raises(ContentFlagged, match=r"content filter flagged.*Nothing was written"):
        engine.fill(PIXELS, HOLE)


def test_a_black_picture_is_never_a_result(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import diffusers

    def black(self: Any, *args: Any, **given: Any) -> Any:
        return np.zeros((1, 64, 64, 3))

    monkeypatch.setattr(diffusers.image_processor.VaeImageProcessor, "postprocess", black)
    with pytest.raises(PromiseBroken, match="black picture"):
        engine.fill(PIXELS, HOLE)


@pytest.mark.parametrize(
    "spoil, says, error",
    [
        ("no index", "model_index.json` is missing", ModelMissing),
        ("own code", "wants to run code of its own", ModelRejected),
        ("a module", "wants to run code of its own", ModelRejected),
        ("pickles", "holds no safetensors", ModelRejected),
        ("not json", "not what diffusers writes", ModelRejected),
        ("no unet", "cannot be opened as an inpainting pipeline", ModelRejected),
    ],
)
def test_other_folders_are_refused(
    folder: Path, tmp_path: Path, spoil: str, says: str, error: type[Exception]
) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    index = copy / "model_index.json"
    parts = json.loads(index.read_text())
    if spoil == "no index":
        index.unlink()
    elif spoil == "own code":
        index.write_text(json.dumps(parts | {"unet": ["my_code", "Net"]}))
    elif spoil == "a module":
        (copy / "pipeline.py").write_text("print('ran')")
    elif spoil == "pickles":
        for path in copy.rglob("*.safetensors"):
            path.rename(path.with_suffix(".bin"))
    elif spoil == "not json":
        index.write_text("{")
    else:
        shutil.rmtree(copy / "unet")
    with pytest.raises(error, match=says):
        open_diffusion(str(copy), device="cpu", offline=True)


def test_without_a_folder_the_option_is_named() -> None:
    with pytest.raises(ModelMissing, match=r"--diffusion DIR"):
        open_diffusion("")


def test_a_restoration_records_words_and_classes(folder: Path) -> None:
    samples = (PIXELS * 255).astype(np.uint8)
    with Bench(threads=1, diffusion=str(folder), device="cpu", offline=True) as bench:
        done = unfade.restore(
            samples, mask=HOLE, fill="diffusion", prompt="a hat",
            settings={"inpaint": {"steps": 2, "grain": 0}}, bench=bench,
        )  # fmt: skip
    (step,) = done.record.steps
    assert step.settings["prompt"] == "a hat" and step.evidence == 4
    assert step.model is not None and step.model["runtime"] == "diffusers on cpu"
    assert np.array_equal(done.picture.samples[~HOLE], samples[~HOLE])
    assert (done.evidence[HOLE] == 4).mean() > 0.9
